//! Events change the record of an email.

use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::record::{EmailRecord, RecordStatus, recipient_key};
use domain::timestamp::Timestamp;
use feedback::FeedbackOutcome;
use memory::samples;

use crate::{backend, bounce, delivery, event, feedback, heard, parsed, send};

async fn after(events: &[String]) -> EmailRecord {
    let backend = backend(1);
    for event in events {
        assert_eq!(heard(&backend, event).await.expect("heard"), FeedbackOutcome::Known);
    }
    backend.record(&samples::key(1)).expect("the record")
}

#[tokio::test]
async fn duplicated_events_in_any_order_agree() {
    let (send, delivery, bounce) = (send(), delivery(), bounce());
    let orders = [
        vec![send.clone(), delivery.clone(), bounce.clone()],
        vec![bounce.clone(), delivery.clone(), send.clone()],
        vec![
            delivery.clone(),
            bounce.clone(),
            bounce.clone(),
            send.clone(),
            delivery.clone(),
        ],
    ];
    for order in orders {
        let record = after(&order).await;
        assert_eq!(record.status, RecordStatus::Sent);
        assert_eq!(
            record.delivery_statuses.get(&recipient_key("b@example.com")),
            Some(&DeliveryStatus::Bounced)
        );
        assert_eq!(record.delivered_at, Some(Timestamp::from_millis(1_002_000)));
    }
}

#[tokio::test]
async fn an_event_without_news_is_not_written() {
    let backend = backend(1);
    for _ in 0..3 {
        heard(&backend, &send()).await.expect("heard");
    }
    assert_eq!(backend.state().calls, ["load", "write", "load", "load"]);
}

/// Concurrent events of one email would contend for its record.
#[tokio::test]
async fn events_of_an_email_are_written_together() {
    let backend = backend(1);
    let events: Vec<_> = [send(), delivery(), bounce(), delivery()]
        .iter()
        .map(|event| parsed(event))
        .collect();
    feedback(&backend)
        .handle(&samples::key(1), &events)
        .await
        .expect("heard");
    assert_eq!(
        backend.state().calls,
        [
            "load",
            "write",
            "write",
            "has_webhooks",
            "suppress",
            "change_account_rate"
        ],
        "the acceptance and the delivery statuses; then the suppression, of which webhooks and senders learn"
    );
    let record = backend.record(&samples::key(1)).expect("the record");
    assert_eq!(
        record.delivery_statuses.get(&recipient_key("b@example.com")),
        Some(&DeliveryStatus::Bounced)
    );
}

#[tokio::test]
async fn a_foreign_event_changes_nothing() {
    let backend = backend(1);
    heard(&backend, &event("Send", "", 5)).await.expect("heard");
    assert_eq!(
        backend.record(&samples::key(1)).expect("the record").status,
        RecordStatus::Uncertain
    );
    let nobody = feedback(&backend).handle(&samples::key(9), &[parsed(&send())]).await;
    assert_eq!(nobody.expect("heard"), FeedbackOutcome::NoSuchEmail);
}

#[tokio::test]
async fn a_failed_write_lets_sqs_redeliver_the_event() {
    let backend = backend(1);
    backend.fail_next(1);
    assert!(heard(&backend, &send()).await.is_err());
    heard(&backend, &send()).await.expect("the second delivery succeeds");
    assert_eq!(
        backend.record(&samples::key(1)).expect("the record").status,
        RecordStatus::Sent
    );
}
