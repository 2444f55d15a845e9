//! Dead-letter messages, in the in-memory backend.
#![expect(clippy::expect_used, reason = "a failing test panics with its reason")]

use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use dead_letter::{DeadLetterOutcome, handler, process};
use domain::delivery::record::RecordStatus;
use domain::id::EmailKey;
use domain::timestamp::Timestamp;
use memory::{MemoryBackend, samples};

const NOW: Timestamp = Timestamp::from_millis(2_000_000);

fn backend(status: RecordStatus) -> (MemoryBackend, EmailKey, String) {
    let backend = samples::backend(1).expect("the samples parse");
    let key = samples::key(1);
    if let Some(record) = backend.state().records.get_mut(&key) {
        record.status = status;
        record.claim_no = 2;
    }
    let message = format!(r#"{{"v":1,"tenant":"main","id":"{}","claim_no":2}}"#, key.id);
    (backend, key, message)
}

fn status(backend: &MemoryBackend, key: &EmailKey) -> RecordStatus {
    backend.record(key).expect("the record").status
}

#[tokio::test]
async fn failing_becomes_failed_only_once() {
    let (backend, key, message) = backend(RecordStatus::Failing);
    for _ in 0..2 {
        assert_eq!(
            process(&backend, &message, NOW).await.expect("tombstone"),
            DeadLetterOutcome::Failed
        );
        assert_eq!(status(&backend, &key), RecordStatus::Failed);
    }
    assert_eq!(backend.state().calls.iter().filter(|call| **call == "write").count(), 1);
}

#[tokio::test]
async fn only_a_failing_email_becomes_failed() {
    for other in [
        RecordStatus::Queued,
        RecordStatus::Sending,
        RecordStatus::Uncertain,
        RecordStatus::Sent,
        RecordStatus::Canceled,
    ] {
        let (backend, key, message) = backend(other);
        assert_eq!(
            process(&backend, &message, NOW).await.expect("tombstone"),
            DeadLetterOutcome::Stale
        );
        assert_eq!(status(&backend, &key), other);
    }
    let (backend, key, message) = backend(RecordStatus::Failing);
    let old = message.replace(r#""claim_no":2"#, r#""claim_no":1"#);
    assert_eq!(
        process(&backend, &old, NOW).await.expect("tombstone"),
        DeadLetterOutcome::Stale
    );
    assert_eq!(status(&backend, &key), RecordStatus::Failing);
}

#[tokio::test]
async fn a_message_that_sqs_moved_proves_nothing() {
    let (backend, key, _) = backend(RecordStatus::Failing);
    let send_task = format!(
        r#"{{"v":1,"tenant":"main","id":"{}","recipients":1,"bytes":1}}"#,
        key.id
    );
    for message in [send_task.as_str(), "", "{}", "not json", "[1]"] {
        assert_eq!(
            process(&backend, message, NOW).await.expect("read"),
            DeadLetterOutcome::NotADeadLetter,
            "{message}"
        );
    }
    assert_eq!(status(&backend, &key), RecordStatus::Failing);
}

/// The table fails for record 10, which alone is delivered again; the malformed message is acknowledged.
#[tokio::test]
async fn one_bad_record_fails_alone() {
    let event: SqsEvent =
        serde_json::from_str(include_str!("../../../events/dead_letter.json")).expect("the golden event parses");
    let backend = samples::backend(10).expect("the samples parse");
    for record in backend.state().records.values_mut() {
        record.status = RecordStatus::Failing;
        record.claim_no = 1;
    }
    let ids: Vec<_> = event
        .records
        .iter()
        .filter_map(|message| message.message_id.clone())
        .collect();
    // Each message reads its record once; the last read fails.
    backend.state().faults = std::iter::repeat_n(memory::Fault::None, 16)
        .chain([memory::Fault::Before])
        .collect();
    let response = handler::handle(&backend, &backend, event, Duration::from_secs(5))
        .await
        .expect("some went well");
    let failed: Vec<_> = response
        .batch_item_failures
        .iter()
        .map(|failure| &failure.item_identifier)
        .collect();
    assert_eq!(failed, [&ids[9]]);
    let failed = backend
        .state()
        .records
        .values()
        .filter(|record| record.status == RecordStatus::Failed)
        .count();
    assert_eq!(failed, 8, "nine records except the last; one message is malformed");
}
