//! Scheduled and expiring emails.

use e2e::{Stack, unique};
use serde_json::{Value, json};

use super::emails::{address, email_to, email_with};

/// The tolerated difference between schedule and acceptance by SES, in milliseconds.
const TOLERANCE_MS: i64 = 2_000;

/// Reads a time, in milliseconds since 1970.
fn millis(time: &Value) -> i64 {
    let time = time.as_str().and_then(domain::timestamp::Timestamp::parse_rfc3339);
    time.expect("a time").as_millis()
}

#[tokio::test]
async fn a_scheduled_email_is_sent_within_two_seconds() {
    // Exact to the second: it must not wait behind emails of other tests.
    let stack = Stack::alone().await;
    let name = unique("scheduled");
    let id = stack
        .api
        .send(&email_with(&address(&name), json!({"scheduled_at": "in 70 seconds"})))
        .await;
    let waiting = stack.api.email(&id).await;
    assert_eq!(
        (&waiting["status"], &waiting["last_event"], &waiting["attempts"]),
        (&json!("scheduled"), &json!("scheduled"), &json!(0))
    );
    assert_eq!(waiting["next_attempt_at"], waiting["scheduled_at"]);

    let sent = stack.api.wait_for_delivery(&id).await;
    assert_eq!(
        sent["scheduled_at"], waiting["scheduled_at"],
        "the schedule is still shown"
    );
    let late = stack.inbox.only(&name).await.received_ms() - millis(&waiting["scheduled_at"]);
    assert!((-1_000..=TOLERANCE_MS).contains(&late), "{late} ms late");
}

#[tokio::test]
async fn a_rescheduled_email_is_sent_once_at_its_new_time() {
    // Exact to the second: it must not wait behind emails of other tests.
    let stack = Stack::alone().await;
    let name = unique("rescheduled");
    let email = |n: usize, when: &str| email_with(&address(&format!("{name}-{n}")), json!({"scheduled_at": when}));
    // One is moved earlier, one later, one from far away.
    let ids = [
        stack.api.send(&email(0, "in 10 minutes")).await,
        stack.api.send(&email(1, "in 8 seconds")).await,
        stack.api.send(&email(2, "in 30 days")).await,
    ];
    for id in &ids {
        let answer = stack
            .api
            .patch(&format!("/emails/{id}"), &json!({"scheduled_at": "in 20 seconds"}))
            .await;
        assert_eq!(answer.ok(), json!({"object": "email", "id": id}));
    }
    for (n, id) in ids.iter().enumerate() {
        let sent = stack.api.wait_for_delivery(id).await;
        let message = stack.inbox.only(&format!("{name}-{n}@")).await;
        let late = message.received_ms() - millis(&sent["scheduled_at"]);
        assert!((-1_000..=TOLERANCE_MS).contains(&late), "{n}: {late} ms late");
        assert_eq!(sent["attempts"], 1);
    }
    let late = stack
        .api
        .patch(&format!("/emails/{}", ids[0]), &json!({"scheduled_at": "in 1 hour"}))
        .await;
    late.refused(409, "validation_error", "This email was sent").unwrap();
}

#[tokio::test]
async fn an_expired_email_is_sent_only_after_a_retry() {
    // A series of throttled sends delays all emails.
    let stack = Stack::alone().await;
    let name = unique("expires");
    let fault = stack.faults.strike(&name, &[("throttle", None)]).await;
    let id = stack
        .api
        .send(&email_with(&address(&name), json!({"expires_at": "in 5 seconds"})))
        .await;
    let expired = stack.api.wait_for(&id, &json!({"status": "expired"})).await;
    assert_eq!(
        (&expired["cause"], &expired["last_event"]),
        (&json!("expired"), &json!("failed"))
    );
    fault.lift().await;
    assert!(stack.inbox.to(&name).await.is_empty());

    let retried = stack.api.post(&format!("/emails/{id}/retry"), &json!({})).await;
    assert_eq!(retried.ok(), json!({"object": "email", "id": id}));
    stack.api.wait_for_delivery(&id).await;
    assert_eq!(stack.inbox.only(&name).await.email_id(), id);
}

#[tokio::test]
async fn a_repeated_request_is_replayed_after_its_schedule() {
    let stack = Stack::shared().await;
    let key = unique("key");
    let email = email_with(&address(&unique("keyed")), json!({"scheduled_at": "in 1 second"}));
    let first = stack.api.post_once("/emails", &key, &email).await;
    let id = first.id();
    stack.api.wait_for_delivery(&id).await;
    let again = stack.api.post_once("/emails", &key, &email).await;
    assert!(again.replayed);
    assert_eq!(again.id(), id);
    let other = email_with("", json!({"to": email["to"], "scheduled_at": "in 2 seconds"}));
    let other = stack.api.post_once("/emails", &key, &other).await;
    other
        .refused(409, "invalid_idempotent_request", "Idempotency-Key: ")
        .unwrap();
}

#[tokio::test]
async fn a_large_email_keeps_its_content_for_years() {
    let stack = Stack::shared().await;
    let name = unique("large");
    // Random letters: compressible text would be in the table, not in the bucket.
    let text: String = (0..4_000).map(|_| unique("x")).collect();
    let changes = json!({"text": text, "scheduled_at": "in 1 hour"});
    let id = stack.api.send(&email_with(&address(&name), changes)).await;
    for when in ["in 3600 days", "in 1 second"] {
        let answer = stack
            .api
            .patch(&format!("/emails/{id}"), &json!({"scheduled_at": when}))
            .await;
        assert_eq!(answer.id(), id);
    }
    stack.api.wait_for_delivery(&id).await;
    assert_eq!(stack.inbox.only(&name).await.text, Some(text));
    let small = stack.api.send(&email_to(&address(&unique("small")))).await;
    stack.api.wait_for_delivery(&small).await;
}
