//! Batches of events, and the stored progress.

use std::time::Duration;

use aws::sqs::batch::AllFailed;
use aws_lambda_events::sqs::SqsEvent;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::record::RecordStatus;
use domain::delivery::ses_event::GREETING;
use domain::id::EmailKey;
use domain::timestamp::Timestamp;
use feedback::handler;
use memory::{MemoryBackend, samples};

use crate::{backend, bounce, delivery, feedback, send};

fn batch(messages: &[&str]) -> SqsEvent {
    let messages: Vec<_> = messages
        .iter()
        .zip(0..)
        .map(|(body, id)| serde_json::json!({"messageId": format!("m{id}"), "body": body}))
        .collect();
    serde_json::from_value(serde_json::json!({"Records": messages})).expect("an event of SQS")
}

async fn come_again(backend: &MemoryBackend, messages: &[&str]) -> Result<Vec<String>, AllFailed> {
    let response = handler::handle(&feedback(backend), batch(messages), Duration::from_secs(5)).await?;
    let failures = response.batch_item_failures.into_iter();
    Ok(failures.map(|failure| failure.item_identifier).collect())
}

#[tokio::test]
async fn unreadable_events_return_and_foreign_ones_do_not() {
    let strangers = send().replace("mq_id", "their_id");
    let messages = [
        "",
        GREETING,
        "{}",
        &strangers,
        "null",
        &send(),
        r#"{"eventType":"Send","mail":{}}"#,
    ];
    let again = come_again(&backend(1), &messages).await.expect("some went well");
    assert_eq!(again, ["m0", "m2", "m4", "m6"]);
}

#[tokio::test]
async fn an_invocation_fails_if_every_event_fails() {
    let backend = backend(1);
    backend.fail_next(1);
    let messages = [send(), delivery()];
    let result = come_again(&backend, &messages.each_ref().map(String::as_str)).await;
    assert_eq!(result, Err(AllFailed { messages: 2 }));
}

#[tokio::test]
async fn a_broken_event_fails_alone() {
    let event: SqsEvent =
        serde_json::from_str(include_str!("../../../../events/feedback.json")).expect("the golden event parses");
    let ids: Vec<_> = event
        .records
        .iter()
        .filter_map(|message| message.message_id.clone())
        .collect();
    let backend = backend(10);
    let response = handler::handle(&feedback(&backend), event, Duration::from_secs(5))
        .await
        .expect("some went well");
    let failed: Vec<_> = response
        .batch_item_failures
        .iter()
        .map(|failure| &failure.item_identifier)
        .collect();
    assert_eq!(failed, [&ids[4]]);
    let record = |n| {
        backend
            .record(&EmailKey {
                tenant: domain::id::TenantId::main(),
                id: samples::id(n),
            })
            .expect("the record")
    };
    let delivery_statuses: Vec<_> = (1..=10)
        .map(|n| (record(n).status, record(n).delivery_statuses.into_values().next()))
        .collect();
    let sent = |delivery_status| (RecordStatus::Sent, delivery_status);
    assert_eq!(
        delivery_statuses,
        [
            sent(None),
            sent(Some(DeliveryStatus::Delivered)),
            sent(Some(DeliveryStatus::Bounced)),
            sent(Some(DeliveryStatus::Complained)),
            (RecordStatus::Uncertain, None),
            sent(Some(DeliveryStatus::DeliveryDelayed)),
            sent(Some(DeliveryStatus::Rejected)),
            sent(Some(DeliveryStatus::Rejected)),
            sent(None),
            sent(None),
        ]
    );
    assert!(record(9).opened_at.is_some() && record(10).clicked_at.is_some());
}

/// The time that `promote` uses as evidence.
#[tokio::test]
async fn progress_is_stored_every_half_minute() {
    let backend = backend(1);
    backend.state().now_ms = 2_000_000;
    let feedback = feedback(&backend);
    let hear = |message: String| {
        let feedback = &feedback;
        async move {
            let answer = handler::handle(feedback, batch(&[&message]), Duration::from_secs(5)).await;
            answer.expect("not all failed");
        }
    };
    let said = |backend: &MemoryBackend| {
        let calls = backend.state().calls.clone();
        calls.iter().filter(|call| **call == "raise_watermark").count()
    };
    hear(send()).await;
    assert_eq!(backend.state().newest_event, Some(Timestamp::from_millis(1_001_000)));
    hear(delivery()).await;
    assert_eq!(said(&backend), 1);
    backend.state().now_ms += 30_000;
    hear(bounce()).await;
    assert_eq!(backend.state().newest_event, Some(Timestamp::from_millis(1_003_000)));
    backend.state().now_ms += 30_000;
    hear(send()).await;
    assert_eq!(
        backend.state().newest_event,
        Some(Timestamp::from_millis(1_003_000)),
        "an older one says nothing new"
    );
}

#[tokio::test]
async fn failed_and_future_events_are_no_evidence() {
    let failing = backend(1);
    failing.fail_next(1);
    let result = handler::handle(&feedback(&failing), batch(&[&send()]), Duration::from_secs(5)).await;
    assert!(result.is_err());
    assert_eq!(failing.state().newest_event, None);

    let early = backend(1);
    early.state().now_ms = 1_000_500;
    let result = handler::handle(&feedback(&early), batch(&[&send()]), Duration::from_secs(5)).await;
    assert!(result.is_ok());
    assert_eq!(
        early.state().newest_event,
        Some(Timestamp::from_millis(1_000_500)),
        "SES's clock is ahead of ours"
    );
}
