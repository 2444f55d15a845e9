//! Batches that are too large for one request, because the function ends before all emails are stored.

use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::{BatchValidation, parse_batch};
use domain::id::TenantId;
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

const EMAILS: usize = 100;

/// Number of emails that one request can store.
const PER_REQUEST: usize = 20;

#[tokio::test]
async fn repetitions_complete_a_batch_of_many_emails() {
    let backend = MemoryBackend::default();
    let item = |index: usize| json!({"from": "a@example.com", "to": "b@example.com", "subject": index.to_string(), "text": "t"});
    let body = Value::from((0..EMAILS).map(item).collect::<Vec<_>>()).to_string();
    let mut accepted = None;
    for request in 1..=EMAILS / PER_REQUEST {
        let faults = std::iter::repeat_n(Fault::None, PER_REQUEST).chain([Fault::DieBefore]);
        {
            let mut state = backend.state();
            state.faults_of.insert("create", faults.collect());
            state.calls.clear();
            // A record of the same millisecond would pass for the request's own.
            state.now_ms += 30_000;
        }
        let (enqueue, body) = (crate::common::enqueue(&backend), body.clone());
        let answer = tokio::spawn(async move {
            let batch = parse_batch(body.as_bytes(), BatchValidation::Strict).unwrap();
            let key = IdempotencyKey::parse("k").unwrap();
            enqueue.accept_batch(&TenantId::main(), Some(&key), &batch).await
        });
        accepted = answer.await.ok();
        let state = backend.state();
        assert_eq!(
            state.records.len(),
            request * PER_REQUEST,
            "request {request} stored its share"
        );
    }
    let ids = accepted.expect("the last request is not interrupted").unwrap().ids;
    let state = backend.state();
    let (record, _) = state.batches.values().next().unwrap();
    let expected: Vec<_> = (0..EMAILS)
        .map(|index| record.email_id(&TenantId::main(), "k", index))
        .collect();
    assert_eq!(ids, expected);
    // The emails of the earlier requests are read, and not created again.
    let created = state.calls.iter().filter(|call| **call == "create").count();
    assert_eq!(created, PER_REQUEST);
}
