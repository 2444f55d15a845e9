//! Payloads of events, against the answers of DynamoDB.

use domain::id::EmailId;
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay};
use crate::storage::records::samples::{at, record};

fn event() -> EventId {
    EventId::from_bytes([1; 20])
}

fn webhook(byte: u8) -> WebhookId {
    WebhookId::of(EmailId::from_random([byte; 16]))
}

fn payload() -> StoredPayload {
    StoredPayload {
        event: event(),
        event_type: EventType::Sent,
        subject: Subject::Email(record().id),
        born: record().born,
        created_at: at(6_000),
        body: "new".to_owned(),
    }
}

fn stored(body: &str) -> Value {
    json!({
        "pk": {"S": format!("event:main#{}", record().id)}, "sk": {"S": event().as_str()}, "p": {"S": body},
        "t": {"S": "email.sent"}, "at": {"N": "6000"}, "b": {"N": record().born.as_millis().to_string()},
        "w": {"SS": [webhook(2).to_string()]},
    })
}

#[tokio::test]
async fn the_first_payload_stays() {
    let replay = Replay::new([CannedResponse::ok(&json!({"Attributes": stored("first")}))]);
    let put = replay
        .table(16)
        .put_payload(&TenantId::main(), &payload(), &[webhook(2)], at(7_000))
        .await;
    assert_eq!(put.unwrap().unwrap().body, "first");
    let request = replay.only().json();
    assert_eq!(request["ReturnValues"], "ALL_NEW");
    assert_eq!(request["ConditionExpression"], "attribute_not_exists(#x)");
    let update = request["UpdateExpression"].as_str().unwrap();
    assert!(
        update.contains("#p = if_not_exists(#p, :p)") && update.ends_with("ADD #w :w"),
        "{update}"
    );
    // Another delivery of it begins now.
    assert!(update.contains("#ttl = :ttl"), "{update}");
}

#[tokio::test]
async fn a_short_retention_keeps_a_payload_for_all_attempts() {
    for (days, kept) in [(1, 6), (6, 6), (30, 30)] {
        let mut table = Replay::expecting_none().table(16);
        table.retention = std::time::Duration::from_secs(days * 86_400);
        assert_eq!(table.event_ttl(at(7_000)), 7 + kept * 86_400, "{days}");
    }
}

fn deleted(replay: &Replay) -> Vec<(Value, Value)> {
    let requests = replay.sent_requests();
    let deletions = requests.iter().filter(|request| request.operation() == "DeleteItem");
    let key = |request: Value| (request["Key"]["pk"]["S"].clone(), request["Key"]["sk"]["S"].clone());
    deletions.map(|request| key(request.json())).collect()
}

/// A payload leads an erasure to its deliveries, so it goes last.
#[tokio::test]
async fn an_erasure_deletes_facts_deliveries_and_payloads() {
    let fact = json!({"pk": {"S": keys::email_pk(&record().email_key())}, "sk": {"S": "fact#01"}, "b": {"N": "1000"}});
    let replay = Replay::by(move |request| match request.operation() {
        "Query" => {
            let json = request.json();
            let is_facts = json["ExpressionAttributeValues"].get(":beginning").is_some();
            let item = if is_facts { fact.clone() } else { stored("x") };
            CannedResponse::ok(&json!({"Items": [item], "Count": 1}))
        }
        _ => CannedResponse::ok(&json!({})),
    });
    let erased = replay.table(16).erase_events(&record().email_key(), None).await;
    assert!(erased.is_ok());
    let sort_keys: Vec<_> = deleted(&replay).into_iter().map(|(_, sk)| sk).collect();
    let delivery = format!("event#{}", event());
    assert_eq!(sort_keys, [json!("fact#01"), json!(delivery), json!(event().as_str())]);
}

#[tokio::test]
async fn an_erasure_of_one_birth_leaves_others() {
    let replay = Replay::by(|request| match request.operation() {
        "Query" => CannedResponse::ok(&json!({"Items": [stored("x")], "Count": 1})),
        _ => CannedResponse::ok(&json!({})),
    });
    let other = Some(at(999_999));
    let erased = replay.table(16).erase_events(&record().email_key(), other).await;
    assert!(erased.is_ok());
    assert!(deleted(&replay).is_empty());
}

#[tokio::test]
async fn a_withdrawal_names_everything_that_a_writer_may_have_stored() {
    let replay = Replay::by(|_| CannedResponse::ok(&json!({})));
    let (subject, webhooks) = (Subject::Email(record().id), [webhook(2), webhook(3)]);
    let withdrawn = replay
        .table(16)
        .withdraw(&TenantId::main(), subject, &[event()], &webhooks, at(7_000))
        .await;
    assert!(withdrawn.is_ok());
    assert_eq!(deleted(&replay).len(), 2, "the deliveries");
    let mark = replay.sent_requests().pop().unwrap();
    assert_eq!(mark.operation(), "UpdateItem");
    let mark = mark.json();
    assert_eq!(mark["Key"]["pk"], json!({"S": format!("event:main#{}", record().id)}));
    assert_eq!(mark["ExpressionAttributeNames"]["#x"], "x");
    assert_eq!(mark["ExpressionAttributeValues"][":ttl"], json!({"N": "3607"}));
    let update = mark["UpdateExpression"].as_str().unwrap();
    assert!(update.ends_with("REMOVE #p, #t, #at, #b, #w, #erase"), "{update}");
}

/// A mark is no payload, and no erasure deletes it before its time.
#[tokio::test]
async fn a_mark_is_no_payload() {
    let mark = json!({
        "pk": {"S": format!("event:main#{}", record().id)}, "sk": {"S": event().as_str()}, "x": {"BOOL": true},
        "ttl": {"N": "3607"},
    });
    let replay = Replay::by(move |request| {
        CannedResponse::ok(&match request.operation() {
            "Query" => json!({"Items": [mark.clone()], "Count": 1}),
            _ => json!({"Responses": {"T": [mark.clone()]}}),
        })
    });
    let place = (Subject::Email(record().id), event());
    let read = replay.table(16).payloads(&TenantId::main(), &[place]).await;
    assert_eq!(read.unwrap(), []);
    let erased = replay.table(16).erase_events(&record().email_key(), None).await;
    assert!(erased.is_ok());
    assert!(deleted(&replay).is_empty());
}

#[tokio::test]
async fn a_mark_refuses_a_payload() {
    let refused = CannedResponse::condition_failed(None);
    let replay = Replay::new([refused]);
    let put = replay
        .table(16)
        .put_payload(&TenantId::main(), &payload(), &[webhook(2)], at(7_000))
        .await;
    assert_eq!(put.unwrap(), None);
}
