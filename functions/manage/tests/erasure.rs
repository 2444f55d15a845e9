//! Erasure and history of an email, in the in-memory backend.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use crate::common::{ask, read};
use domain::delivery::cause::Cause;
use domain::delivery::history::AttemptOutcome;
use domain::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use domain::delivery::ses_event::Agent;
use domain::id::{EmailKey, TenantId, UploadId};
use domain::ports::webhook_events::{Deliveries, EmailFacts, Payloads, StoredDelivery, StoredFact, StoredPayload};
use domain::ports::webhooks::WebhookKey;
use domain::webhook::delivery::Delivery;
use domain::webhook::event_type::EventType;
use domain::webhook::fact::{EmailFact, FactKind};
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::settings::WebhookId;
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

async fn answer(backend: &MemoryBackend, method: &str, path: &str) -> (u16, Value) {
    read(&ask(backend, &samples::event(samples::API_KEY, method, path, "")).await)
}

fn path() -> String {
    format!("/emails/{}", samples::id(1))
}

async fn erase(backend: &MemoryBackend) -> (u16, Value) {
    answer(backend, "DELETE", &path()).await
}

fn erased() -> (u16, Value) {
    (
        200,
        json!({"object": "email", "id": samples::id(1).to_string(), "deleted": true}),
    )
}

/// Returns a backend with the first sample in a status, and another email beside it; each with a file.
fn backend_with(status: RecordStatus) -> MemoryBackend {
    let backend = samples::backend(2).unwrap();
    let due = Due {
        kind: DueKind::Ended,
        at: BORN,
    };
    let hash = samples::email().unwrap().hash();
    {
        let mut state = backend.state();
        let record = state.records.get_mut(&samples::key(1)).unwrap();
        record.status = status;
        record.due = (status != RecordStatus::Sent).then_some(due);
        for n in [1, 2] {
            let file = (samples::key(n), hash.clone(), UploadId::of(samples::id(n)));
            state.files.insert(file, (vec![1], BORN));
        }
    }
    backend
}

/// Whether the backend still has a record, a content and a file of the `n`th sample.
fn has(backend: &MemoryBackend, n: u8) -> [bool; 3] {
    let (key, state) = (samples::key(n), backend.state());
    [
        state.records.contains_key(&key),
        state.bodies.keys().any(|(email, _)| *email == key),
        state.files.keys().any(|(email, ..)| *email == key),
    ]
}

#[tokio::test]
async fn an_erased_email_leaves_only_a_tombstone() {
    for status in RecordStatus::ALL.iter().copied().filter(|status| status.is_final()) {
        let backend = backend_with(status);
        assert_eq!(erase(&backend).await, erased(), "{status:?}");
        assert_eq!(has(&backend, 1), [false; 3], "{status:?}");
        assert_eq!(has(&backend, 2), [true; 3], "another email stays");
        assert!(backend.state().erased.contains_key(&samples::key(1)));
        for (method, end) in [("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/retry")] {
            let (code, body) = answer(&backend, method, &format!("{}{end}", path())).await;
            assert_eq!((code, &body["name"]), (404, &"not_found".into()), "{method} {end}");
        }
        let (_, list) = answer(&backend, "GET", "/emails").await;
        let listed: Vec<_> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|email| &email["id"])
            .collect();
        assert_eq!(listed, [&Value::from(samples::id(2).to_string())]);
        assert_eq!(
            erase(&backend).await,
            erased(),
            "a repeated erasure gets the same answer"
        );
    }
}

/// Facts and payloads hold addresses, and so they go with the email.
#[tokio::test]
async fn an_erasure_takes_the_events_of_webhooks_with_it() {
    let backend = backend_with(RecordStatus::Sent);
    let webhook = WebhookId::of(samples::id(9));
    let delivered = |n: u8| {
        let event = EventId::from_bytes([n; 20]);
        let delivery = Delivery::new(event.clone(), EventType::Sent, BORN, true, BORN);
        let subject = Subject::Email(samples::id(n));
        let payload = StoredPayload {
            event,
            event_type: EventType::Sent,
            subject,
            born: BORN,
            created_at: BORN,
            body: "{}".to_owned(),
        };
        (payload, StoredDelivery { delivery, subject })
    };
    let fact = StoredFact {
        born: BORN,
        fact: EmailFact {
            v: EmailFact::VERSION,
            claim_no: 1,
            message_id: "m".to_owned(),
            at: BORN,
            kind: FactKind::Opened(Agent::default()),
        },
    };
    let tenant = TenantId::main();
    for n in [1, 2] {
        let (payload, delivery) = delivered(n);
        backend.put_payload(&tenant, &payload, &[webhook], BORN).await.unwrap();
        let key = WebhookKey {
            tenant: tenant.clone(),
            id: webhook,
        };
        backend.add_delivery(&key, &delivery).await.unwrap();
        backend.put_fact(&samples::key(n), &fact).await.unwrap();
    }
    assert_eq!(erase(&backend).await, erased());
    let state = backend.state();
    let left = (
        state.hooks.facts.len(),
        state.hooks.payloads.len(),
        state.hooks.deliveries.len(),
    );
    assert_eq!(left, (1, 1, 1), "those of another email stay");
    assert!(state.hooks.facts.keys().all(|(email, _)| *email == samples::key(2)));
}

#[tokio::test]
async fn an_unfinished_email_is_not_erased() {
    for (status, tells) in [
        (RecordStatus::Queued, "Cancel it"),
        (RecordStatus::Sending, "not ended yet"),
        (RecordStatus::Failing, "not ended yet"),
        (RecordStatus::Uncertain, "not ended yet"),
    ] {
        let backend = backend_with(status);
        let before = backend.record(&samples::key(1));
        let (code, body) = erase(&backend).await;
        assert_eq!((code, &body["name"]), (409, &"validation_error".into()), "{status:?}");
        assert!(body["message"].as_str().unwrap().contains(tells), "{body}");
        assert_eq!(
            (has(&backend, 1), backend.record(&samples::key(1))),
            ([true; 3], before)
        );
    }
}

/// The record does not show the expiry yet, but no claim is possible any more.
#[tokio::test]
async fn an_expired_email_has_ended() {
    let backend = backend_with(RecordStatus::Queued);
    backend.state().records.get_mut(&samples::key(1)).unwrap().expires_at = BORN;
    assert_eq!(erase(&backend).await, erased());
    assert_eq!(has(&backend, 1), [false; 3]);
}

#[tokio::test]
async fn another_tenants_email_cannot_be_erased() {
    let backend = backend_with(RecordStatus::Sent);
    let key = EmailKey {
        tenant: TenantId::parse("other").unwrap(),
        id: samples::id(1),
    };
    {
        let mut state = backend.state();
        let record = state.records.remove(&samples::key(1)).unwrap();
        let theirs = EmailRecord {
            tenant: key.tenant.clone(),
            ..record
        };
        state.records.insert(key.clone(), theirs);
    }
    let (code, body) = erase(&backend).await;
    assert_eq!((code, &body["name"]), (404, &"not_found".into()));
    assert!(backend.record(&key).is_some());
}

/// A 200 is true after any failure, and a repeated request succeeds.
#[tokio::test]
async fn a_repeated_request_completes_an_erasure() {
    let whole = backend_with(RecordStatus::Sent);
    erase(&whole).await;
    let calls = whole.state().calls.clone();
    assert!(
        calls.contains(&"replace_with_tombstone") && calls.contains(&"erase"),
        "{calls:?}"
    );
    for (index, call) in calls.iter().enumerate() {
        for fault in [Fault::Before, Fault::After] {
            let backend = backend_with(RecordStatus::Sent);
            backend.state().faults = [vec![Fault::None; index], vec![fault]].concat().into();
            let (code, _) = erase(&backend).await;
            assert_eq!(code, 500, "{call} {fault:?}");
            assert_eq!(erase(&backend).await, erased(), "{call} {fault:?}");
            assert_eq!(has(&backend, 1), [false; 3], "{call} {fault:?}");
        }
    }
}

/// The order: as long as the record exists, so does its content.
#[tokio::test]
async fn a_record_is_never_without_its_content() {
    let backend = backend_with(RecordStatus::Failed);
    backend
        .state()
        .faults_of
        .insert("replace_with_tombstone", [Fault::Before].into());
    assert_eq!(erase(&backend).await.0, 500);
    assert_eq!(
        has(&backend, 1),
        [true; 3],
        "nothing is deleted before the record is replaced"
    );
}

#[tokio::test]
async fn the_history_of_an_email_is_shown() {
    let backend = backend_with(RecordStatus::Failed);
    backend.state().records.get_mut(&samples::key(1)).unwrap().outcomes = vec![AttemptOutcome {
        claim_no: 1,
        at: BORN,
        cause: Cause::Rejected,
        words: "no".to_owned(),
    }];
    let (code, list) = answer(&backend, "GET", &format!("{}/events", path())).await;
    let events = list["data"].as_array().unwrap();
    let types: Vec<_> = events.iter().map(|event| event["type"].clone()).collect();
    assert_eq!(
        (code, types.as_slice()),
        (
            200,
            ["accepted", "attempt_failed", "failed"].map(Value::from).as_slice()
        )
    );
    let (code, body) = answer(&backend, "DELETE", &format!("{}/events", path())).await;
    assert_eq!((code, &body["name"]), (405, &"method_not_allowed".into()));
}
