//! Requests about sending domains, and their stored form.

use domain::id::{EmailId, QueueKey, QueueName};
use domain::queue::job::follow_tenant;
use domain::queue::lost_verifications::LostVerifications;
use domain::queue::{Common, Queue};
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};

fn domain() -> SendingDomain {
    let id = DomainId::of(EmailId::from_random([7; 16]));
    let name = DomainName::parse("shop.example.com").unwrap();
    let now = Timestamp::from_millis(1_000);
    SendingDomain::new(id, TenantId::main(), name, "send".to_owned(), now)
}

const ID: &str = "07070707-0707-4707-8707-070707070707";

fn key(sk: &str) -> Value {
    json!({"pk": {"S": "domains"}, "sk": {"S": sk}})
}

fn item_json(item: &Item, attribute: &str) -> Value {
    dynamodb_json(item)[attribute].clone()
}

#[test]
fn a_domain_is_stored_under_its_labels_in_reverse() {
    let item = from_domain(&domain()).unwrap();
    let expected = json!({
        "pk": {"S": "domains"}, "sk": {"S": "com.example.shop"}, "id": {"S": ID}, "tenant": {"S": "main"},
        "return_path": {"S": "send"}, "created_at": {"N": "1000"}, "status": {"S": "not_started"},
        "verification": {"S": "never"}, "waits_since": {"N": "1000"}, "next_check": {"N": "61000"}, "no": {"N": "1"},
        "tenant_shard": {"S": "main#domains"}, "created_sk": {"S": format!("000000000001000#{ID}")},
        "due_pk": {"S": "domain"}, "due_sk": {"S": format!("000000000061000#{ID}")},
    });
    assert_eq!(dynamodb_json(&item), expected);
    assert_eq!(to_domain(&item), Ok(domain()));
    let later = SendingDomain {
        is_adopted: true,
        tokens: vec!["a".to_owned()],
        next_check: None,
        changed_at: Timestamp::from_millis(2_000),
        is_told: true,
        ..domain()
    };
    let item = from_domain(&later).unwrap();
    assert!(!item.contains_key("due_pk") && !item.contains_key("next_check"));
    let told = json!({"changed_at": item_json(&item, "changed_at"), "hk": item_json(&item, "hk")});
    assert_eq!(told, json!({"changed_at": {"N": "2000"}, "hk": {"BOOL": true}}));
    assert_eq!(to_domain(&item), Ok(later));
}

#[tokio::test]
async fn a_registration_is_one_transaction() {
    for (version, condition) in [(0, "attribute_not_exists(pk)"), (3, "#no = :last")] {
        let replay = Replay::new([CannedResponse::ok(&json!({}))]);
        let registry = Registry {
            version,
            ..Registry::default()
        };
        assert!(replay.table(16).register_domain(&domain(), &registry).await.unwrap());
        let request = replay.only().json();
        let writes = &request["TransactItems"];
        assert_eq!(writes[0]["Put"]["ConditionExpression"], "attribute_not_exists(pk)");
        assert_eq!(writes[1]["Put"]["Item"]["sk"]["S"], format!("id#{ID}"));
        let change = &writes[2]["Update"];
        assert_eq!(change["Key"], key("registry#"));
        assert_eq!(change["ConditionExpression"], condition);
        assert_eq!(
            change["ExpressionAttributeValues"][":next"]["N"],
            (version + 1).to_string()
        );
        assert_eq!(
            change["ExpressionAttributeValues"][":name"],
            json!({"SS": ["shop.example.com"]})
        );
    }
}

#[tokio::test]
async fn a_lost_registration_finds_itself() {
    let mine = from_domain(&domain()).unwrap();
    let refused = |item: &Item| {
        let reasons = [
            json!({"Code": "ConditionalCheckFailed", "Item": dynamodb_json(item)}),
            json!({"Code": "None"}),
            json!({"Code": "None"}),
        ];
        CannedResponse::canceled(&reasons)
    };
    let other = SendingDomain {
        id: DomainId::of(EmailId::from_random([8; 16])),
        ..domain()
    };
    for (stored, is_ours) in [(mine, true), (from_domain(&other).unwrap(), false)] {
        let replay = Replay::new([refused(&stored)]);
        let registered = replay.table(16).register_domain(&domain(), &Registry::default()).await;
        assert_eq!(registered.unwrap(), is_ours);
    }
}

#[tokio::test]
async fn the_first_verification_leaves_the_registry() {
    let replay = Replay::new([CannedResponse::ok(&json!({})), CannedResponse::ok(&json!({}))]);
    let verified = SendingDomain {
        verification: Verification::Now,
        version: 2,
        ..domain()
    };
    let again = SendingDomain {
        version: 3,
        ..verified.clone()
    };
    let table = replay.table(16);
    assert!(table.save_domain(&domain(), &verified, None).await.unwrap());
    assert!(table.save_domain(&verified, &again, None).await.unwrap());
    let requests = replay.sent_requests();
    let first = requests[0].json();
    assert_eq!(
        first["TransactItems"][0]["Put"]["ConditionExpression"],
        "id = :id AND #no = :before"
    );
    assert_eq!(
        first["TransactItems"][1]["Update"]["UpdateExpression"],
        "DELETE #names :name"
    );
    assert_eq!(requests[1].operation(), "PutItem");
}

#[tokio::test]
async fn a_removal_spares_a_later_domain_of_the_name() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    replay.table(16).remove_domain(&domain(), None).await.unwrap();
    let request = replay.only().json();
    let delete = &request["TransactItems"][0]["Delete"];
    assert_eq!(delete["Key"], key("com.example.shop"));
    let condition = "attribute_not_exists(pk) OR (id = :id AND #no = :no)";
    assert_eq!(delete["ConditionExpression"], condition);
    assert_eq!(request["TransactItems"][1]["Delete"]["Key"], key(&format!("id#{ID}")));
}

#[tokio::test]
async fn a_queue_changes_in_the_transaction_of_its_domain() {
    let verified = SendingDomain {
        verification: Verification::Now,
        ..domain()
    };
    let lost = SendingDomain {
        verification: Verification::Lost,
        version: 2,
        ..domain()
    };
    let lead = QueueKey {
        tenant: TenantId::main(),
        name: QueueName::default(),
    };
    let common = Common {
        lost_verifications: LostVerifications::default().with(&lost, &[]),
        ..Common::default()
    };
    let now = Timestamp::from_millis(5_000);
    let id = EmailId::from_random([9; 16]);
    let (queue, job) = follow_tenant(&Queue::plain(lead, now), &common, id, now).unwrap();
    let change = QueueChange { queue, job };
    let replay = Replay::new([CannedResponse::ok(&json!({})), CannedResponse::ok(&json!({}))]);
    let table = replay.table(16);
    assert!(table.save_domain(&verified, &lost, Some(&change)).await.unwrap());
    assert!(table.remove_domain(&lost, Some(&change)).await.unwrap());
    for (request, place) in replay.sent_requests().iter().zip([1, 3]) {
        let writes = request.json()["TransactItems"].clone();
        let (queue, job) = (&writes[place]["Put"], &writes[place + 1]["Put"]);
        assert_eq!(queue["Item"]["sk"]["S"], "queue#default");
        assert_eq!(
            queue["ConditionExpression"],
            "attribute_not_exists(pk) OR #no = :before"
        );
        assert_eq!(
            queue["Item"]["lost_verifications"]["S"],
            r#"{"lost":["shop.example.com"]}"#
        );
        assert_eq!(job["Item"]["pk"]["S"], "main#queues");
        assert_eq!(job["ConditionExpression"], "attribute_not_exists(pk)");
        assert_eq!(writes.as_array().unwrap().len(), place + 2);
    }
}

#[tokio::test]
async fn related_domains_are_two_reads() {
    let item = dynamodb_json(&from_domain(&domain()).unwrap());
    let replay = Replay::new([
        CannedResponse::ok(&json!({"Items": []})),
        CannedResponse::ok(&json!({"Responses": {"T": [item]}})),
    ]);
    let related = replay.table(16).related_domains(&domain().name).await.unwrap();
    assert_eq!(related, [domain()]);
    let requests = replay.sent_requests();
    let below = requests[0].json();
    assert_eq!(
        below["ExpressionAttributeValues"][":beginning"]["S"],
        "com.example.shop."
    );
    let read = requests[1].json();
    let keys = read["RequestItems"].as_object().unwrap().values().next().unwrap()["Keys"].clone();
    assert_eq!(keys, json!([key("com.example.shop"), key("com.example")]));
}

#[tokio::test]
async fn the_registry_comes_with_the_key_in_one_call() {
    let registry =
        json!({"pk": {"S": "domains"}, "sk": {"S": "registry#"}, "no": {"N": "2"}, "names": {"SS": ["a.example"]}});
    let replay = Replay::new([CannedResponse::ok(&json!({"Responses": {"T": [registry]}}))]);
    let table = replay.table(16).with_door();
    let id = domain::id::KeyId::of(EmailId::from_random([1; 16]));
    assert_eq!(domain::ports::access::Keys::key(&table, id).await.unwrap(), None);
    let at = Timestamp::from_millis;
    for now in [at(50_000), at(80_000)] {
        let known = domain::ports::domains::Door::recent_registry(&table, now)
            .await
            .unwrap();
        assert!(known.unverified.contains("a.example") && known.version == 2);
    }
    let request = replay.only();
    assert_eq!(request.operation(), "BatchGetItem");
    let keys = request.json()["RequestItems"]["T"]["Keys"].clone();
    assert_eq!(keys.as_array().unwrap().len(), 3, "{keys}");
    assert!(!domain::ports::access::Keys::has_webhooks_as_read(
        &table,
        &TenantId::main(),
        at(80_000)
    ));
}

#[tokio::test]
async fn the_flag_of_webhooks_comes_with_the_key_or_the_tenant() {
    use domain::ports::access::{Keys, Tenants};
    let flag = |tenant: &str, n: &str| json!({"pk": {"S": format!("{tenant}#hooks")}, "sk": {"S": "hooks"}, "n": {"N": n}, "v": {"N": "1"}});
    let read = |item: Value| CannedResponse::ok(&json!({"Responses": {"T": [item]}}));
    let unreadable = json!({"pk": {"S": "main#hooks"}, "sk": {"S": "hooks"}, "n": {"S": "one"}});
    let (main, other) = (TenantId::main(), TenantId::parse("other").unwrap());
    let id = domain::id::KeyId::of(EmailId::from_random([1; 16]));
    // A webhook that is only pulled ends without a write.
    let pulled = |until: &str| {
        let mut flag = flag("main", "0");
        flag["pu"] = json!({"N": until});
        flag
    };
    let now = Timestamp::from_millis(50_000);
    for (item, expected) in [
        (flag("main", "1"), true),
        (flag("main", "0"), false),
        (pulled("50001"), true),
        (pulled("50000"), false),
        (unreadable, true),
    ] {
        let table = Replay::new([read(item)]).table(16).with_door();
        assert_eq!(table.key(id).await.unwrap(), None);
        assert_eq!(table.has_webhooks_as_read(&main, now), expected);
        assert!(!table.has_webhooks_as_read(&other, now));
    }
    let table = Replay::new([read(flag("other", "2"))]).table(16).with_door();
    assert_eq!(table.tenant(&other).await.unwrap(), None);
    assert!(table.has_webhooks_as_read(&other, now) && !table.has_webhooks_as_read(&main, now));
    // Only a table with a door reads the flag.
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    assert_eq!(replay.table(16).tenant(&other).await.unwrap(), None);
    assert_eq!(replay.only().operation(), "GetItem");
}

#[tokio::test]
async fn an_unreadable_registry_stops_no_email() {
    let registry = json!({"pk": {"S": "domains"}, "sk": {"S": "registry#"}, "no": {"S": "two"}});
    let replay = Replay::new([CannedResponse::ok(&json!({"Responses": {"T": [registry]}}))]);
    let table = replay.table(16).with_door();
    let id = domain::id::KeyId::of(EmailId::from_random([1; 16]));
    assert_eq!(domain::ports::access::Keys::key(&table, id).await.unwrap(), None);
    let known = domain::ports::domains::Door::recent_registry(&table, Timestamp::from_millis(0)).await;
    assert_eq!(*known.unwrap(), Registry::default());
}
