//! Repeated requests of a tenant with a limit.

use memory::Fault;
use serde_json::Value;

use super::{SPENT_BY_TWO, acme, environment, spent, to};

#[tokio::test]
async fn a_repeated_request_is_answered_beyond_a_limit() {
    for (cap, rate) in SPENT_BY_TWO {
        let it = spent(cap, rate).await;
        for _ in 0..3 {
            let again = it.post("/emails", Some("order-1"), &to(2)).await;
            assert_eq!(
                (
                    again.status,
                    again.headers.get("idempotent-replayed").map(String::as_str)
                ),
                (200, Some("true"))
            );
        }
        assert_eq!(
            it.post("/emails", Some("order-1"), &to(1)).await.name,
            "invalid_idempotent_request"
        );
        for key in [None, Some("order-2")] {
            assert_eq!(it.post("/emails", key, &to(2)).await.status, 429);
        }
        assert_eq!(it.enqueue.records.state().records.len(), 2);
    }
}

/// A request within the limits reads no record.
#[tokio::test]
async fn a_key_is_looked_up_only_beyond_a_limit() {
    let it = environment(&acme(Some(4), None));
    let batch = Value::from(vec![to(1)]);
    it.post("/emails", Some("a"), &to(1)).await;
    it.post("/emails/batch", Some("b"), &batch).await;
    let looks = || {
        let state = it.enqueue.records.state();
        state
            .calls
            .iter()
            .filter(|call| ["load", "recall"].contains(*call))
            .count()
    };
    assert_eq!(looks(), 0);
    it.send(2).await;
    it.post("/emails", Some("a"), &to(1)).await;
    it.post("/emails/batch", Some("b"), &batch).await;
    assert_eq!(looks(), 2);
}

#[tokio::test]
async fn a_repeated_batch_is_answered_beyond_a_limit() {
    for (cap, rate) in [(Some(3), None), (Some(12), Some(1))] {
        let it = environment(&acme(cap, rate));
        let batch = Value::from(vec![to(1), to(1)]);
        assert_eq!(it.post("/emails/batch", Some("b"), &batch).await.status, 200);
        let rest = if rate.is_some() { 8 } else { 1 };
        assert_eq!(it.send(rest).await.status, 200);
        assert_eq!(it.post("/emails/batch", Some("b"), &batch).await.status, 200);
        let other = Value::from(vec![to(1), to(2)]);
        assert_eq!(it.post("/emails/batch", Some("b"), &other).await.status, 409);
        assert_eq!(it.post("/emails/batch", Some("c"), &batch).await.status, 429);
    }
}

#[tokio::test]
async fn completing_a_broken_batch_is_charged_once() {
    let it = environment(&acme(None, Some(1)));
    let batch = Value::from(vec![to(2), to(2)]);
    // The second request creates only the missing email.
    let faults = [Fault::None, Fault::Before, Fault::Before];
    it.enqueue.records.state().faults_of.insert("create", faults.into());
    for _ in 0..2 {
        it.later(1);
        let broken = it.post("/emails/batch", Some("b"), &batch).await;
        assert_eq!((broken.status, broken.number("ratelimit-remaining")), (500, Some(6)));
    }
    it.later(1);
    let completed = it.post("/emails/batch", Some("b"), &batch).await;
    assert_eq!(
        (completed.status, completed.number("ratelimit-remaining")),
        (200, Some(6))
    );
    assert_eq!(it.enqueue.records.state().records.len(), 2);
}

/// The rest of the batch exceeds each limit, but was charged when the batch was begun.
#[tokio::test]
async fn a_broken_batch_is_completed_beyond_a_limit() {
    let it = environment(&acme(Some(4), None));
    let batch = Value::from(vec![to(1), to(1)]);
    let faults = [Fault::None, Fault::Before];
    it.enqueue.records.state().faults_of.insert("create", faults.into());
    assert_eq!(it.post("/emails/batch", Some("b"), &batch).await.status, 500);
    assert_eq!(it.send(2).await.status, 200);
    assert_eq!(it.post("/emails/batch", Some("b"), &batch).await.status, 200);
    assert_eq!(it.enqueue.records.state().records.len(), 3);
}
