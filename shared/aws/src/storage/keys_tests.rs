use domain::id::EmailId;
use domain::tenant::key::Permission;
use domain::tenant::sender::FromDomain;
use serde_json::json;

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::runtime::telemetry::chain;
use crate::storage::attributes::{n, s};
use crate::storage::records::samples::at;

const ID: &str = "01010101-0101-4101-8101-010101010101";

fn id() -> KeyId {
    KeyId::of(EmailId::from_random([1; 16]))
}

fn plain() -> ApiKey {
    ApiKey {
        id: id(),
        tenant: TenantId::main(),
        name: "shop".to_owned(),
        sha256: [7; 32],
        permission: Permission::FullAccess,
        from_domains: Vec::new(),
        created_at: at(1_000),
        created_by: Actor::Deployer,
        expires_at: None,
        revoked: None,
        last_used_at: None,
    }
}

fn full() -> ApiKey {
    ApiKey {
        permission: Permission::SendingAccess,
        from_domains: vec![FromDomain::parse("*.example.com").unwrap(), FromDomain::Any],
        created_by: Actor::Key(id()),
        expires_at: Some(at(9_000)),
        last_used_at: Some(at(3_600_000)),
        ..plain()
    }
}

#[tokio::test]
async fn a_key_is_read_back_unchanged() {
    for key in [plain(), full()] {
        let stored = dynamodb_json(&from_key(&key).unwrap());
        let replay = Replay::new([
            CannedResponse::ok(&json!({})),
            CannedResponse::ok(&json!({"Item": stored})),
        ]);
        let table = replay.table(16);
        table.add_key(&key).await.unwrap();
        assert!(table.key(key.id).await.unwrap() == Some(key));
        let [put, get] = replay.requests().try_into().unwrap();
        assert_eq!(put["Item"], stored);
        assert_eq!(
            get["Key"],
            json!({"pk": {"S": format!("key:{ID}")}, "sk": {"S": "key"}})
        );
        assert_eq!(get["ConsistentRead"], true);
    }
    assert_eq!(
        dynamodb_json(&from_key(&plain()).unwrap())["tenant_shard"],
        json!({"S": "main#keys"})
    );
}

#[tokio::test]
async fn a_key_may_be_missing_or_malformed() {
    let none = Replay::new([CannedResponse::ok(&json!({}))]);
    assert!(none.table(16).key(id()).await.unwrap().is_none());
    let mut item = dynamodb_json(&from_key(&plain()).unwrap());
    item["sha256"] = json!({"B": "AAAA"});
    let garbage = Replay::new([CannedResponse::ok(&json!({"Item": item}))]);
    let error = garbage.table(16).key(id()).await.unwrap_err();
    assert_eq!(chain(&error), "reading an API key: attribute sha256 is malformed");
}

#[tokio::test]
async fn active_keys_are_listed_newest_first() {
    let newer = ApiKey {
        id: KeyId::of(EmailId::from_random([2; 16])),
        created_at: at(2_000),
        ..plain()
    };
    let mut revoked = from_key(&ApiKey {
        id: KeyId::of(EmailId::from_random([3; 16])),
        ..plain()
    })
    .unwrap();
    // The index may still contain it.
    revoked.extend([n("revoked_at", 5), s("revoked_by", "deployer".to_owned())]);
    let items = [from_key(&plain()).unwrap(), revoked, from_key(&newer).unwrap()];
    let replay = Replay::listing(&items);
    let keys = replay.table(16).keys(&TenantId::main()).await.unwrap();
    assert!(keys == [newer, plain()]);
    let [query, _] = replay.requests().try_into().unwrap();
    assert_eq!(query["IndexName"], "by_tenant");
    assert_eq!(query["ExpressionAttributeValues"], json!({":pk": {"S": "main#keys"}}));
}

#[tokio::test]
async fn a_garbled_key_hides_no_other() {
    let mut garbled = from_key(&ApiKey {
        id: KeyId::of(EmailId::from_random([3; 16])),
        ..plain()
    })
    .unwrap();
    garbled.extend([s("created_at", "x".to_owned())]);
    let replay = Replay::listing(&[garbled, from_key(&plain()).unwrap()]);
    let keys = replay.table(16).keys(&TenantId::main()).await.unwrap();
    assert!(keys == [plain()]);
}

#[tokio::test]
async fn a_tenant_or_the_deployer_revokes_a_key() {
    for (of, condition) in [(None, None), (Some(TenantId::main()), Some(json!({"S": "main"})))] {
        let replay = Replay::new([CannedResponse::ok(&json!({}))]);
        let revoked = replay.table(16).revoke(of.as_ref(), id(), Actor::Deployer, at(7)).await;
        assert!(revoked.unwrap());
        let sent_request = replay.only().json();
        assert_eq!(sent_request["Key"]["pk"], json!({"S": format!("key:{ID}")}));
        assert_eq!(
            sent_request["ExpressionAttributeValues"].get(":tenant"),
            condition.as_ref()
        );
        let expression = sent_request["ConditionExpression"].as_str().unwrap();
        assert!(expression.starts_with("attribute_exists(pk) AND (attribute_not_exists(revoked_at)"));
        assert_eq!(expression.ends_with(" AND tenant = :tenant"), condition.is_some());
        let update = sent_request["UpdateExpression"].as_str().unwrap();
        assert!(
            update.ends_with("REMOVE tenant_shard, created_sk"),
            "it leaves the list: {update}"
        );
    }
    let gone = Replay::new([CannedResponse::condition_failed(None)]);
    assert!(!gone.table(16).revoke(None, id(), Actor::Deployer, at(7)).await.unwrap());
}

#[tokio::test]
async fn a_tenant_changes_its_active_key() {
    let (name, domains) = ("new".to_owned(), vec![FromDomain::parse("a.example").unwrap()]);
    let change = |name: Option<&String>, from_domains: Option<&Vec<FromDomain>>| KeyChange {
        name: name.cloned(),
        from_domains: from_domains.cloned(),
    };
    let (name, domains) = (Some(&name), Some(&domains));
    for (change, expression) in [
        (change(name, None), "SET #name = :name"),
        (change(None, domains), "SET from_domains = :domains"),
        (change(name, domains), "SET #name = :name, from_domains = :domains"),
    ] {
        for (answer, changed) in [
            (CannedResponse::ok(&json!({})), true),
            (CannedResponse::condition_failed(None), false),
        ] {
            let replay = Replay::new([answer]);
            let sent_request = replay.table(16).change(Some(&TenantId::main()), id(), &change).await;
            assert_eq!(sent_request.unwrap(), changed);
            let request = replay.only().json();
            let condition = "attribute_exists(pk) AND attribute_not_exists(revoked_at) AND tenant = :tenant";
            assert_eq!(
                (&request["UpdateExpression"], &request["ConditionExpression"]),
                (&json!(expression), &json!(condition))
            );
            let stored = &request["ExpressionAttributeValues"][":domains"]["S"];
            let expected = change.from_domains.as_ref().map(|_| json!(r#"["a.example"]"#));
            assert_eq!(*stored, expected.unwrap_or_default());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_revocation_is_repeated() {
    let replay = Replay::new([CannedResponse::Lost, CannedResponse::ok(&json!({}))]);
    assert!(
        replay
            .table(16)
            .revoke(None, id(), Actor::Deployer, at(7))
            .await
            .unwrap()
    );
    // The condition accepts its own write.
    let [first, second] = replay.requests().try_into().unwrap();
    assert_eq!(first["ConditionExpression"], second["ConditionExpression"]);
    assert!(
        first["ConditionExpression"]
            .as_str()
            .unwrap()
            .contains("revoked_at = :now AND revoked_by = :by")
    );
}

#[tokio::test]
async fn a_use_is_recorded_unless_a_later_one_is() {
    for answer in [CannedResponse::ok(&json!({})), CannedResponse::condition_failed(None)] {
        let replay = Replay::new([answer]);
        replay.table(16).record_use(id(), at(3_600_000)).await.unwrap();
        let sent_request = replay.only().json();
        assert_eq!(
            sent_request["ExpressionAttributeValues"],
            json!({":hour": {"N": "3600000"}})
        );
        assert!(
            sent_request["ConditionExpression"]
                .as_str()
                .unwrap()
                .contains("last_used_at < :hour")
        );
    }
}
