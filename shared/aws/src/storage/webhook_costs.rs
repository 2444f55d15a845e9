//! The requests of an event of a webhook to DynamoDB, with their units: each additional one costs money
//! (docs/COST.md).
//!
//! **Units:** a write of up to 1 KB takes one, and so does each entry of an index that it puts or deletes. A consistent
//! read of up to 4 KB takes one, also of a missing item.
//!
//! Source: Amazon DynamoDB Developer Guide, "DynamoDB read and write operations" and "Using Global Secondary Indexes in
//! DynamoDB", read 2026-11-30.

use std::time::Duration;

use domain::delivery::index::DueCursor;
use domain::delivery::retry::Jitter;
use domain::delivery::ses_event::Agent;
use domain::id::{EmailId, TenantId};
use domain::ports::webhook_events::{
    Deliveries, DueDeliveries, DueDelivery, EmailFacts, Payloads, StoredDelivery, StoredFact, StoredPayload,
};
use domain::ports::webhooks::{EndpointHealth, Endpoints, SlowPermits, WebhookKey, Webhooks};
use domain::ports::{Bodies, EmailRecords};
use domain::webhook::delivery::Delivery;
use domain::webhook::event_type::EventType;
use domain::webhook::fact::{EmailFact, FactKind};
use domain::webhook::health::Health;
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::outcome::{Answer, Outcome};
use domain::webhook::permits::{CallPermits, PLACES};
use domain::webhook::settings::WebhookId;
use serde_json::{Value, json};

use crate::runtime::replay::{CannedResponse, Replay, SentRequest};
use crate::runtime::settings::BucketSettings;
use crate::storage::bodies::BodyStore;
use crate::storage::records::samples::{at, record};
use crate::storage::webhook_secrets::SecretTable;

/// The size of a write unit in bytes.
const WRITE_UNIT: usize = 1_024;

fn key() -> WebhookKey {
    WebhookKey {
        tenant: TenantId::main(),
        id: WebhookId::of(EmailId::from_random([2; 16])),
    }
}

fn event(byte: u8) -> EventId {
    EventId::from_bytes([byte; 20])
}

fn subject() -> Subject {
    Subject::Email(record().id)
}

fn opening() -> StoredFact {
    StoredFact {
        born: record().born,
        fact: EmailFact {
            v: EmailFact::VERSION,
            claim_no: 1,
            message_id: "m".to_owned(),
            at: at(6_000),
            kind: FactKind::Opened(Agent::default()),
        },
    }
}

fn payload() -> StoredPayload {
    StoredPayload {
        event: event(1),
        event_type: EventType::Opened,
        subject: subject(),
        born: record().born,
        created_at: at(6_000),
        body: r#"{"type":"email.opened"}"#.to_owned(),
    }
}

fn new() -> StoredDelivery {
    StoredDelivery {
        delivery: Delivery::new(event(1), EventType::Opened, at(6_000), true, at(7_000)),
        subject: subject(),
    }
}

/// The delivery after an attempt with this answer.
fn answered(status: u16, body: &str) -> Delivery {
    let outcome = Outcome::Answered(Answer {
        status,
        retry_after: None,
        aborts: false,
        body: body.to_owned(),
    });
    new().delivery.after_attempt(&outcome, Jitter::NONE, at(8_000))
}

/// An answer that lets each step go on.
fn answer(request: &SentRequest) -> CannedResponse {
    let json = request.json();
    let stored = json!({
        "pk": {"S": format!("event:main#{}", record().id)}, "sk": {"S": event(1).as_str()},
        "p": {"S": payload().body}, "t": {"S": "email.opened"}, "at": {"N": "6000"}, "b": {"N": "1000"},
    });
    CannedResponse::ok(&match request.operation() {
        "UpdateItem" if json["ReturnValues"] == "ALL_NEW" => json!({"Attributes": stored}),
        "GetItem" if json["Key"]["sk"]["S"] == "hooks" => json!({"Item": {"n": {"N": "1"}, "v": {"N": "1"}}}),
        "BatchGetItem" => json!({"Responses": {"T": []}}),
        _ => json!({}),
    })
}

/// The units of a write of these values. Their JSON is longer than their stored form.
fn write_units(values: &Value) -> usize {
    values.to_string().len().div_ceil(WRITE_UNIT)
}

/// The units of the indexes for a new item: one for each entry.
fn entries_of(item: &Value) -> usize {
    let sort_keys = ["due_sk", "created_sk"].into_iter();
    sort_keys.filter(|name| item.get(name).is_some()).count()
}

/// The units of the indexes for an update: one for an entry that is deleted, two for one that is moved.
fn moved_entries_of(update: &Value) -> usize {
    let names = update["ExpressionAttributeNames"].as_object().unwrap();
    let placeholder_of = |wanted: &str| {
        let mut names = names.iter();
        names
            .find(|(_, name)| name.as_str() == Some(wanted))
            .map(|(key, _)| key)
    };
    assert_eq!(placeholder_of("created_sk"), None, "the list never changes");
    let Some(placeholder) = placeholder_of("due_sk") else {
        return 0;
    };
    let expression = update["UpdateExpression"].as_str().unwrap();
    let removed = expression.split_once("REMOVE ").map_or("", |(_, removed)| removed);
    let is_removed = removed.split(", ").any(|name| name == placeholder);
    if is_removed { 1 } else { 2 }
}

/// One unit: every item here is below 4 KB, and every read is consistent.
fn read_unit(read: &Value) -> usize {
    assert_eq!(read["ConsistentRead"], true, "{read}");
    1
}

/// The operation of a request, and its units.
fn units(request: &SentRequest) -> (&'static str, usize) {
    let json = request.json();
    match request.operation() {
        "PutItem" => ("PutItem", write_units(&json["Item"]) + entries_of(&json["Item"])),
        "UpdateItem" => {
            let values = write_units(&json["ExpressionAttributeValues"]);
            ("UpdateItem", values + moved_entries_of(&json))
        }
        "GetItem" => ("GetItem", read_unit(&json)),
        "Query" => ("Query", read_unit(&json)),
        "BatchGetItem" => {
            let read = &json["RequestItems"]["T"];
            ("BatchGetItem", read["Keys"].as_array().unwrap().len() * read_unit(read))
        }
        other => panic!("{other}"),
    }
}

/// The requests of a step, with their units.
async fn costs(step: impl AsyncFnOnce(&Replay)) -> Vec<(&'static str, usize)> {
    let replay = Replay::by(answer);
    step(&replay).await;
    replay.sent_requests().iter().map(units).collect()
}

#[tokio::test]
async fn an_event_takes_one_unit_for_its_fact_and_four_to_store() {
    let fact = costs(async |replay| {
        let put = replay.table(16).put_fact(&record().email_key(), &opening()).await;
        put.unwrap();
    });
    assert_eq!(fact.await, [("PutItem", 1)]);
    let stored = costs(async |replay| {
        let table = replay.table(16);
        let put = table
            .put_payload(&key().tenant, &payload(), &[key().id], at(7_000))
            .await;
        put.unwrap();
        assert_eq!(table.add_delivery(&key(), &new()).await.unwrap(), None);
    });
    assert_eq!(stored.await, [("UpdateItem", 1), ("PutItem", 3)]);
}

/// Also of ten events: a permit and its return are one write each. The return also has the results of the calls.
#[tokio::test]
async fn a_permit_takes_two_write_units() {
    let none = CallPermits::default();
    let permits = none.with(PLACES, u64::MAX, at(7_000)).unwrap();
    let healthy = Health::default();
    let taken = Health {
        permits,
        ..healthy.clone()
    };
    let failed = Health {
        failures: 3,
        failing_since: Some(at(7_000)),
        closed_until: Some(at(97_000)),
        pauses: 1,
        slow_until: Some(at(97_000)),
        permits: none,
    };
    for after in [healthy.clone(), failed] {
        let permit = costs(async |replay| {
            let table = replay.table(16);
            table.change_health(&key(), &healthy, &taken).await.unwrap();
            table.change_health(&key(), &taken, &after).await.unwrap();
        });
        assert_eq!(permit.await, [("UpdateItem", 1), ("UpdateItem", 1)]);
    }
    let slow = costs(async |replay| {
        let table = replay.table(16);
        table.change_slow_permits(&none, &permits).await.unwrap();
        table.change_slow_permits(&permits, &none).await.unwrap();
    });
    assert_eq!(slow.await, [("UpdateItem", 1), ("UpdateItem", 1)]);
}

#[tokio::test]
async fn a_result_takes_two_write_units_and_a_failure_one_to_three() {
    let closed = new().delivery.after_closed(at(98_000), Jitter::NONE, at(8_000));
    let far = at(8_000).after(Duration::from_secs(90_000));
    let far = new().delivery.after_closed(far, Jitter::NONE, at(8_000));
    for (after, units) in [
        (answered(200, "ok"), 2),
        // The index has whole minutes, so that the next attempt after five seconds seldom moves its entry.
        (answered(500, "no"), 1),
        (answered(500, &"x".repeat(2_000)), 2),
        (closed, 3),
        (far, 3),
    ] {
        let saved = costs(async |replay| {
            replay.table(16).save_delivery(&key(), &new(), &after).await.unwrap();
        });
        assert_eq!(saved.await, [("UpdateItem", units)], "{after:?}");
    }
}

/// The whole item is written, whatever an update changes. An ended delivery has no entry in the index `due`.
#[tokio::test]
async fn a_received_event_stays_below_a_kilobyte() {
    let delivery = answered(200, &"x".repeat(2_000));
    let ended = StoredDelivery { delivery, ..new() };
    let stored = costs(async |replay| {
        assert_eq!(replay.table(16).add_delivery(&key(), &ended).await.unwrap(), None);
    });
    assert_eq!(stored.await, [("PutItem", 2)]);
}

#[tokio::test]
async fn a_guard_takes_three_write_units() {
    let due = DueDelivery {
        key: key(),
        event: event(1),
        cursor: DueCursor("000000000907000#x".to_owned()),
        behind: DueCursor("000000000907000#~".to_owned()),
    };
    let guarded = costs(async |replay| {
        assert!(replay.table(16).guard_delivery(&due, at(907_000)).await.unwrap());
    });
    assert_eq!(guarded.await, [("UpdateItem", 3)]);
}

#[tokio::test]
async fn each_read_of_notify_takes_one_unit() {
    let webhooks = costs(async |replay| {
        let list = replay.table(16).webhooks_of(&key().tenant, at(7_000)).await;
        list.unwrap();
    });
    assert_eq!(webhooks.await, [("GetItem", 1), ("Query", 1)]);
    let email = costs(async |replay| {
        let table = replay.table(16);
        let found = EmailRecords::load(&table, &record().email_key(), at(7_000)).await;
        assert_eq!(found.unwrap(), None);
        let settings = BucketSettings {
            bucket: "contents".to_owned(),
        };
        let bodies = BodyStore::new(table, replay.clients().s3(), &settings);
        let content = bodies.load(&record().email_key(), &record().body).await;
        assert_eq!(content.unwrap(), None);
    });
    assert_eq!(email.await, [("GetItem", 1), ("GetItem", 1)]);
}

#[tokio::test]
async fn ten_events_of_an_endpoint_take_four_calls_to_read() {
    for (count, units) in [(1, 1), (10, 10)] {
        let events: Vec<EventId> = (1..=count).map(event).collect();
        let places: Vec<_> = events.iter().map(|event| (subject(), event.clone())).collect();
        let read = costs(async |replay| {
            let secrets = SecretTable::new(replay.table(16), "S", replay.clients().kms(), None);
            secrets.endpoint(&key(), at(7_000)).await.unwrap();
            let table = secrets.table();
            assert!(table.deliveries(&key(), &events).await.unwrap().is_empty());
            assert!(table.payloads(&key().tenant, &places).await.unwrap().is_empty());
        });
        assert_eq!(
            read.await,
            [
                ("BatchGetItem", 3),
                ("GetItem", 1),
                ("BatchGetItem", units),
                ("BatchGetItem", units)
            ]
        );
    }
}
