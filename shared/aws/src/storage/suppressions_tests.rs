//! Suppressions, against the answers of DynamoDB.
//!
//! **Long, because** all its tests share the stored answers and their helpers.

use domain::delivery::suppression::HashPrefix;
use domain::id::EmailId;
use domain::message::address::EmailAddress;
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::runtime::telemetry::chain;
use crate::storage::records::samples::at;

const ID: &str = "d592d4b9-0d8e-89e0-a2ff-febbe05311a0";
/// Last eight bytes of the id, in base64.
const PREFIX: &str = "ov/+u+BTEaA=";
const OTHER_PREFIX: &str = "AAAAAAAAAAE=";

fn suppression(origin: Origin) -> Suppression {
    let address = EmailAddress::parse("ann@example.com").unwrap();
    Suppression {
        origin,
        source: (origin != Origin::Manual).then(|| EmailId::from_random([0; 16])),
        ..Suppression::manual(TenantId::main(), &address, at(5_000))
    }
}

fn id() -> SuppressionId {
    suppression(Origin::Manual).id()
}

fn stored(suppression: &Suppression) -> Item {
    let mut item = keys::suppression(&suppression.tenant, suppression.id());
    item.extend([
        attributes::s(ADDRESS, suppression.address.to_string()),
        attributes::s(ORIGIN, attributes::name(&suppression.origin)),
        attributes::n(CREATED_AT, suppression.created_at.as_millis()),
    ]);
    item.extend(suppression.source.map(|id| attributes::s(SOURCE, id.to_string())));
    item
}

fn released(millis: i64) -> Item {
    let mut item = keys::suppression(&TenantId::main(), id());
    item.extend([attributes::n(RELEASED_AT, millis)]);
    item
}

fn failed(item: Option<&Item>) -> Value {
    let mut reason = json!({"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"});
    if let Some(item) = item {
        reason["Item"] = dynamodb_json(item);
    }
    reason
}

fn none() -> Value {
    json!({"Code": "None"})
}

fn conflict() -> Value {
    json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"})
}

async fn suppress(replay: &Replay, suppression: &Suppression) -> Result<Added, String> {
    let added = replay.table(16).suppress(suppression, false).await;
    added.map_err(|error| chain(&error))
}

#[tokio::test]
async fn an_address_and_its_prefix_are_one_transaction() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let bounced = suppression(Origin::Bounce);
    assert_eq!(suppress(&replay, &bounced).await, Ok(Added::New));
    let request = replay.only();
    assert_eq!(request.operation(), "TransactWriteItems");
    let request = request.json();
    assert!(request["ClientRequestToken"].is_string(), "a repetition is known by it");
    assert_eq!(
        request["TransactItems"],
        json!([
            {"Update": {
                "TableName": "T",
                "Key": {"pk": {"S": format!("main#suppressed#{ID}")}, "sk": {"S": "suppression"}},
                "UpdateExpression": "SET #a = :a, #g = :g, #b = :b, #shard = :shard, #sk = :sk, #i = :i \
                                     REMOVE #ttl, #u",
                "ConditionExpression": "attribute_not_exists(#a) AND \
                                        (attribute_not_exists(#released_at) OR #released_at < :b)",
                "ExpressionAttributeNames": {
                    "#a": "a", "#g": "g", "#b": "b", "#i": "i", "#released_at": "released_at", "#ttl": "ttl", "#u": "u",
                    "#shard": "tenant_shard", "#sk": "created_sk",
                },
                "ExpressionAttributeValues": {
                    ":a": {"S": "ann@example.com"}, ":g": {"S": "bounce"}, ":b": {"N": "5000"},
                    ":i": {"S": "00000000-0000-4000-8000-000000000000"},
                    ":shard": {"S": "main#suppressed#bounce"}, ":sk": {"S": format!("000000000005000#{ID}")},
                },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }},
            {"Update": {
                "TableName": "T",
                "Key": {"pk": {"S": "main#suppressed"}, "sk": {"S": "marks"}},
                "UpdateExpression": "ADD #m :mark",
                "ConditionExpression":
                    "attribute_not_exists(#too_many) AND (attribute_not_exists(#m) OR size(#m) < :most)",
                "ExpressionAttributeNames": {"#m": "m", "#too_many": "too_many"},
                "ExpressionAttributeValues": {":mark": {"BS": [PREFIX]}, ":most": {"N": "4096"}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }},
        ])
    );
}

#[tokio::test]
async fn a_manual_suppression_overrides_any_release() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    assert_eq!(suppress(&replay, &suppression(Origin::Manual)).await, Ok(Added::New));
    let update = &replay.only().json()["TransactItems"][0]["Update"];
    assert_eq!(update["ConditionExpression"], "attribute_not_exists(#a)");
    assert_eq!(
        update["UpdateExpression"],
        "SET #a = :a, #g = :g, #b = :b, #shard = :shard, #sk = :sk REMOVE #ttl, #i, #u"
    );
    assert!(update["ExpressionAttributeValues"].get(":i").is_none());
}

#[tokio::test]
async fn the_stored_item_explains_a_refused_suppression() {
    let bounced = suppression(Origin::Bounce);
    for (item, expected) in [
        (stored(&suppression(Origin::Manual)), Ok(Added::Already)),
        (stored(&bounced), Ok(Added::Already)),
        (released(5_000), Ok(Added::Released)),
        (
            released(4_999),
            Err("suppressing an address: the condition and the decision differ".to_owned()),
        ),
        (
            keys::suppression(&TenantId::main(), id()),
            Err("suppressing an address: attribute a is missing".to_owned()),
        ),
    ] {
        let replay = Replay::new([CannedResponse::canceled(&[failed(Some(&item)), none()])]);
        assert_eq!(suppress(&replay, &bounced).await, expected, "{item:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_retried_a_limited_number_of_times() {
    let bounced = suppression(Origin::Bounce);
    let replay = Replay::new([
        CannedResponse::canceled(&[none(), conflict()]),
        CannedResponse::canceled(&[conflict(), conflict()]),
        CannedResponse::ok(&json!({})),
    ]);
    assert_eq!(suppress(&replay, &bounced).await, Ok(Added::New));
    let replay = Replay::by(|_| CannedResponse::canceled(&[none(), conflict()]));
    let error = suppress(&replay, &bounced).await.unwrap_err();
    assert!(error.starts_with("suppressing an address: "), "{error}");
    assert!(replay.sent_requests().len() > 30);
    let other = json!({"Code": "ItemCollectionSizeLimitExceeded"});
    let error = suppress(&Replay::new([CannedResponse::canceled(&[none(), other])]), &bounced).await;
    assert!(error.is_err());
}

#[tokio::test]
async fn full_prefixes_are_given_up_before_the_address() {
    let bounced = suppression(Origin::Bounce);
    let mut full = keys::suppression_filter(&TenantId::main());
    let replay = Replay::new([
        CannedResponse::canceled(&[none(), failed(Some(&full))]),
        CannedResponse::ok(&json!({})),
        CannedResponse::ok(&json!({})),
    ]);
    assert_eq!(suppress(&replay, &bounced).await, Ok(Added::New));
    let requests = replay.requests();
    assert_eq!(requests[1]["UpdateExpression"], "SET #too_many = :yes REMOVE #m");
    assert_eq!(requests[1]["Key"]["sk"]["S"], "marks");
    let alone = &requests[0]["TransactItems"][0]["Update"];
    for part in [
        "Key",
        "UpdateExpression",
        "ConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
    ] {
        assert_eq!(requests[2][part], alone[part], "{part}");
    }

    // The suppression filter was given up long ago, so it is not written again.
    full.extend([attributes::yes("too_many")]);
    let replay = Replay::new([
        CannedResponse::canceled(&[none(), failed(Some(&full))]),
        CannedResponse::condition_failed(Some(&stored(&bounced))),
    ]);
    assert_eq!(suppress(&replay, &bounced).await, Ok(Added::Already));
}

#[tokio::test]
async fn a_release_removes_the_prefix_and_keeps_the_time() {
    let release = async |answer| {
        let replay = Replay::new([answer]);
        let released = replay
            .table(16)
            .release(&TenantId::main(), id(), false, at(7_000))
            .await;
        (released.map_err(|error| chain(&error)), replay.only().json())
    };
    let (done, request) = release(CannedResponse::ok(&json!({}))).await;
    assert_eq!(done, Ok(true));
    let (entry, prefixes) = (
        &request["TransactItems"][0]["Update"],
        &request["TransactItems"][1]["Update"],
    );
    assert_eq!(
        (&entry["UpdateExpression"], &entry["ConditionExpression"]),
        (
            &json!("SET #released_at = :now, #ttl = :ttl REMOVE #a, #g, #b, #i, #u, #shard, #sk"),
            &json!("attribute_exists(#a) AND (attribute_not_exists(#u) OR #u > :now)")
        )
    );
    let values = json!({":now": {"N": "7000"}, ":ttl": {"N": (7 + 28 * 86_400).to_string()}});
    assert_eq!(entry["ExpressionAttributeValues"], values);
    assert_eq!(prefixes["UpdateExpression"], "DELETE #m :mark");
    assert_eq!(
        prefixes["ExpressionAttributeValues"],
        json!({":mark": {"BS": [PREFIX]}})
    );
    assert_eq!(prefixes["ConditionExpression"], Value::Null);
    assert_eq!(
        release(CannedResponse::canceled(&[failed(None), none()])).await.0,
        Ok(false)
    );
}

/// Returns a complaint about this email that one of several recipients made.
fn suspected(email: u8) -> Suppression {
    Suppression {
        source: Some(EmailId::from_random([email; 16])),
        until: Some(at(9_000)),
        ..suppression(Origin::Complaint)
    }
}

fn stored_until(suppression: &Suppression) -> Item {
    let mut item = stored(suppression);
    item.extend(suppression.until.map(|until| attributes::n(UNTIL, until.as_millis())));
    item
}

#[tokio::test]
async fn a_second_complaint_replaces_a_temporary_one() {
    let known = stored_until(&suspected(1));
    let replay = Replay::new([
        CannedResponse::canceled(&[failed(Some(&known)), none()]),
        CannedResponse::ok(&json!({})),
    ]);
    assert_eq!(suppress(&replay, &suspected(2)).await, Ok(Added::New));
    let requests = replay.requests();
    let first = &requests[0]["TransactItems"][0]["Update"];
    assert!(
        first["UpdateExpression"].as_str().unwrap().contains(", #u = :u "),
        "{first}"
    );
    assert_eq!(first["ExpressionAttributeValues"][":u"], json!({"N": "9000"}));
    let second = &requests[1]["TransactItems"][0]["Update"];
    assert_eq!(second["ConditionExpression"], "attribute_exists(#a) AND #u = :known");
    assert_eq!(second["ExpressionAttributeValues"][":known"], json!({"N": "9000"}));
    assert!(
        second["UpdateExpression"]
            .as_str()
            .unwrap()
            .ends_with("REMOVE #ttl, #u"),
        "{second}"
    );

    // The same complaint again, and one that lost against another.
    let replay = Replay::new([CannedResponse::canceled(&[failed(Some(&known)), none()])]);
    assert_eq!(suppress(&replay, &suspected(1)).await, Ok(Added::Already));
    let for_good = stored(&suppression(Origin::Bounce));
    let replay = Replay::new([
        CannedResponse::canceled(&[failed(Some(&known)), none()]),
        CannedResponse::canceled(&[failed(Some(&for_good)), none()]),
    ]);
    assert_eq!(suppress(&replay, &suspected(2)).await, Ok(Added::Already));
}

#[tokio::test]
async fn an_address_is_read_beside_its_last_release() {
    let mut again = stored_until(&suspected(1));
    again.extend([attributes::n(RELEASED_AT, 4_000)]);
    let read = read(&TenantId::main(), &again).unwrap();
    let expected = Entry::Suppressed {
        suppression: suspected(1),
        released_at: Some(at(4_000)),
    };
    assert_eq!(read, expected);
    assert_eq!(read.in_force(at(9_000)), None);
}

#[tokio::test]
async fn a_listed_address_is_stored_read_and_deleted() {
    let listed = Listed {
        tenant: TenantId::main(),
        address: EmailAddress::parse("Ann@example.com").unwrap(),
        at: at(5_000),
    };
    let place = json!({"pk": {"S": format!("main#suppressed#{ID}")}, "sk": {"S": "account_list"}});
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    replay.table(16).remember_listed(&listed).await.unwrap();
    let request = replay.only().json();
    assert_eq!(request["Key"], place);
    assert_eq!(
        request["ExpressionAttributeValues"],
        json!({":a": {"S": "Ann@example.com"}, ":b": {"N": "5000"}})
    );

    let mut item = keys::listed_address(&TenantId::main(), id());
    item.extend([
        attributes::s(ADDRESS, "Ann@example.com".to_owned()),
        attributes::n(CREATED_AT, 5_000),
    ]);
    let replay = Replay::new([CannedResponse::ok(&json!({"Responses": {"T": [dynamodb_json(&item)]}}))]);
    let read = replay.table(16).find_listed(&TenantId::main(), &[id(), id()]).await;
    assert_eq!(read.unwrap(), [listed]);
    assert_eq!(replay.only().json()["RequestItems"]["T"]["Keys"], json!([place]));

    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    replay.table(16).forget_listed(&TenantId::main(), id()).await.unwrap();
    let request = replay.only();
    assert_eq!(
        (request.operation(), request.json()["Key"].clone()),
        ("DeleteItem", place)
    );
}

#[tokio::test]
async fn prefixes_are_read_or_were_given_up() {
    let prefix = |bytes| HashPrefix(bytes);
    let both = BTreeSet::from([id().hash_prefix(), prefix([0, 0, 0, 0, 0, 0, 0, 1])]);
    for (item, expected) in [
        (json!({}), Some(SuppressionFilter::default())),
        (json!({"Item": {"pk": {"S": "x"}}}), Some(SuppressionFilter::default())),
        (
            json!({"Item": {"m": {"BS": [PREFIX, OTHER_PREFIX]}}}),
            Some(SuppressionFilter::These(both)),
        ),
        (
            json!({"Item": {"too_many": {"BOOL": true}}}),
            Some(SuppressionFilter::TooMany),
        ),
        // Unreadable prefixes are an error: they must not look like a tenant without suppressions.
        (json!({"Item": {"m": {"S": "x"}}}), None),
        (json!({"Item": {"m": {"BS": ["AA=="]}}}), None),
    ] {
        let replay = Replay::new([CannedResponse::ok(&item)]);
        let read = replay.table(16).suppression_filter(&TenantId::main()).await;
        assert_eq!(read.ok(), expected, "{item}");
        let request = replay.only().json();
        assert_eq!(request["ConsistentRead"], true);
        assert_eq!(
            request["Key"],
            json!({"pk": {"S": "main#suppressed"}, "sk": {"S": "marks"}})
        );
    }
}

#[tokio::test]
async fn suppressions_are_read_by_id_without_released() {
    let bounced = suppression(Origin::Bounce);
    let read = async |items: &[Item]| {
        let items: Vec<_> = items.iter().map(dynamodb_json).collect();
        let replay = Replay::new([CannedResponse::ok(&json!({"Responses": {"T": items}}))]);
        // DynamoDB refuses duplicate keys.
        let read = replay
            .table(16)
            .suppressions(&TenantId::main(), &[id(), id()], at(0))
            .await
            .ok();
        let keys = &replay.only().json()["RequestItems"]["T"];
        assert_eq!(keys["ConsistentRead"], true);
        assert_eq!(
            keys["Keys"],
            json!([{"pk": {"S": format!("main#suppressed#{ID}")}, "sk": {"S": "suppression"}}])
        );
        read
    };
    assert_eq!(read(&[stored(&bounced)]).await, Some(vec![bounced]));
    assert_eq!(read(&[]).await, Some(Vec::new()));
    assert_eq!(read(&[released(5)]).await, Some(Vec::new()));
    assert_eq!(
        read(&[keys::suppression(&TenantId::main(), id())]).await,
        None,
        "an unreadable item is not a missing one"
    );
}

#[tokio::test]
async fn the_list_is_one_query_per_origin() {
    let place = Place {
        born: at(5_000),
        id: id(),
    };
    let entry = json!({
        "pk": {"S": format!("main#suppressed#{ID}")}, "sk": {"S": "suppression"},
        "tenant_shard": {"S": "main#suppressed#bounce"}, "created_sk": {"S": format!("000000000005000#{ID}")},
    });
    let mut garbage = entry.clone();
    garbage["created_sk"] = json!({"S": "000000000006000#x"});
    let replay = Replay::new([
        CannedResponse::ok(&json!({"Items": [entry, garbage], "Count": 2})),
        CannedResponse::ok(&json!({"Items": [], "Count": 0})),
    ]);
    let start = Start::NewerThan(Place {
        born: at(4_000),
        id: id(),
    });
    let origins = [Origin::Bounce, Origin::Manual];
    let places = replay
        .table(16)
        .suppression_places(&TenantId::main(), &origins, start, 3)
        .await;
    assert_eq!(places.unwrap(), [place]);
    let requests = replay.requests();
    let mut partitions: Vec<_> = requests
        .iter()
        .map(|request| request["ExpressionAttributeValues"][":pk"]["S"].as_str().unwrap())
        .collect();
    partitions.sort_unstable();
    assert_eq!(partitions, ["main#suppressed#bounce", "main#suppressed#manual"]);
    assert_eq!(
        requests[0]["ExpressionAttributeValues"][":place"]["S"],
        format!("000000000004000#{ID}")
    );
    assert_eq!(
        (&requests[0]["ScanIndexForward"], &requests[0]["Limit"]),
        (&json!(true), &json!(3))
    );
}

#[tokio::test]
async fn only_a_told_change_is_marked_for_the_stream() {
    for is_told in [false, true] {
        let replay = Replay::by(|_| CannedResponse::ok(&json!({})));
        let table = replay.table(16);
        table.suppress(&suppression(Origin::Manual), is_told).await.unwrap();
        assert!(
            table
                .release(&TenantId::main(), id(), is_told, at(7_000))
                .await
                .unwrap()
        );
        for request in replay.requests() {
            let change = &request["TransactItems"][0]["Update"];
            let update = change["UpdateExpression"].as_str().unwrap();
            assert_eq!(update.contains("#hk = :hk"), is_told, "{update}");
            assert_eq!(change["ExpressionAttributeValues"].get(":hk").is_some(), is_told);
        }
    }
}
