//! Attempts to send, in the in-memory backend.
#![expect(clippy::expect_used, reason = "a failing test panics with its reason")]

use std::cell::RefCell;
use std::time::Duration;

use crate::common::{sender, with};
use aws::sqs::batch::ReceivedMessage;
use aws_lambda_events::sqs::SqsEvent;
use domain::delivery::attempt::Attempt;
use domain::delivery::cause::Cause;
use domain::delivery::record::{EmailRecord, Priority, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::id::{EmailId, EmailKey, TenantId};
use domain::timestamp::Timestamp;
use memory::{Fault, MemoryBackend, samples};
use send::handler::{self, MessageSource};
use send::rate_limiter::Permit;
use send::{TaskError, TaskOutcome};
use tokio::time::Instant;

/// Returns a backend with one queued email and its content.
fn backend() -> (MemoryBackend, EmailKey) {
    (samples::backend(1).expect("the samples parse"), samples::key(1))
}

fn send_task(key: &EmailKey) -> SendTask {
    SendTask {
        tenant: key.tenant.clone(),
        id: key.id,
        ..samples::send_task(1)
    }
}

fn record(backend: &MemoryBackend, key: &EmailKey) -> EmailRecord {
    backend.record(key).expect("the record")
}

/// Carries out a send task that has a permit.
async fn process(backend: &MemoryBackend, send_task: SendTask) -> Result<TaskOutcome, TaskError> {
    sender(backend, backend.clone())
        .process(
            send_task,
            Permit::At(samples::BORN),
            Instant::now() + Duration::from_secs(60),
        )
        .await
}

async fn outcome(backend: &MemoryBackend, key: &EmailKey) -> TaskOutcome {
    process(backend, send_task(key)).await.expect("carried out")
}

fn refused(cause: Cause) -> Attempt {
    Attempt::NotAccepted {
        cause,
        detail: "no".to_owned(),
    }
}

#[tokio::test]
async fn duplicate_send_tasks_submit_once() {
    let (backend, key) = backend();
    for _ in 0..3 {
        assert_eq!(outcome(&backend, &key).await, TaskOutcome::Done);
    }
    assert_eq!(backend.state().submitted, [(key.id, 1)]);
    let sent = record(&backend, &key);
    assert_eq!((sent.status, sent.due), (RecordStatus::Sent, None));
}

/// The calls of the happy path are counted: each additional call costs money.
#[tokio::test]
async fn sending_takes_one_claim_and_one_write() {
    let backend = samples::backend(2).expect("the samples parse");
    let send = sender(&backend, backend.clone());
    for n in [1, 2] {
        backend.state().calls.clear();
        let end = Instant::now() + Duration::from_secs(60);
        let outcome = send
            .process(send_task(&samples::key(n)), Permit::At(samples::BORN), end)
            .await;
        assert_eq!(outcome.expect("carried out"), TaskOutcome::Done);
    }
    // The first email of an environment reads the suppressions; later ones use the cache.
    assert_eq!(backend.state().calls, ["claim", "load_near", "write"]);
}

#[tokio::test]
async fn a_large_content_is_loaded_after_the_claim() {
    let (backend, key) = backend();
    let large = SendTask {
        bytes: 4_000_000,
        ..send_task(&key)
    };
    process(&backend, large.clone()).await.expect("carried out");
    process(&backend, large).await.expect("carried out");
    assert_eq!(
        backend.state().calls,
        [
            "account_rate",
            "claim",
            "load_body",
            "suppression_filter",
            "write",
            "account_rate",
            "claim"
        ]
    );
}

#[tokio::test]
async fn a_stale_send_task_is_harmless() {
    let (backend, _) = backend();
    let key = EmailKey {
        tenant: TenantId::main(),
        id: EmailId::from_random([9; 16]),
    };
    assert_eq!(outcome(&backend, &key).await, TaskOutcome::Done);
    assert!(backend.state().submitted.is_empty());
}

#[tokio::test]
async fn an_early_send_task_returns_until_its_time() {
    let (backend, key) = backend();
    if let Some(record) = backend.state().records.get_mut(&key) {
        record.not_before = samples::BORN.after(Duration::from_secs(30));
    }
    assert_eq!(
        outcome(&backend, &key).await,
        TaskOutcome::Later(Duration::from_secs(30))
    );
    assert!(backend.state().submitted.is_empty());
    backend.state().now_ms += 29_500;
    assert_eq!(outcome(&backend, &key).await, TaskOutcome::Done);
    assert_eq!(
        record(&backend, &key).status,
        RecordStatus::Sent,
        "half a second early is on time"
    );
}

#[tokio::test]
async fn an_expired_email_is_never_submitted() {
    let (backend, key) = backend();
    backend.state().now_ms += 86_400_000;
    outcome(&backend, &key).await;
    assert_eq!(record(&backend, &key).status, RecordStatus::Expired);
    assert!(backend.state().submitted.is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_not_retried() {
    let (backend, key) = backend();
    backend.state().answers.push_back(Attempt::Ambiguous);
    outcome(&backend, &key).await;
    outcome(&backend, &key).await;
    assert_eq!(record(&backend, &key).status, RecordStatus::Uncertain);
    assert_eq!(backend.state().submitted.len(), 1);
}

#[tokio::test]
async fn permanent_failures_are_dead_lettered() {
    let (one, key) = backend();
    one.state().answers.push_back(refused(Cause::Unavailable));
    assert_eq!(outcome(&one, &key).await, TaskOutcome::Later(Duration::from_secs(60)));

    let (two, key) = backend();
    two.state().answers.push_back(refused(Cause::UnverifiedSender));
    assert_eq!(outcome(&two, &key).await, TaskOutcome::Done);
    assert_eq!(record(&two, &key).status, RecordStatus::Failing);
    let handed: Vec<_> = two
        .state()
        .dead_letters
        .iter()
        .map(|email| (email.id, email.claim_no))
        .collect();
    assert_eq!(handed, [(key.id, 1)]);
}

#[tokio::test]
async fn a_failed_dead_letter_is_left_to_the_index() {
    let (backend, key) = backend();
    backend.state().answers.push_back(refused(Cause::Rejected));
    backend
        .state()
        .faults_of
        .insert("move_to_dead_letter", [Fault::Before].into());
    assert_eq!(outcome(&backend, &key).await, TaskOutcome::Done);
    let failing = record(&backend, &key);
    assert_eq!((failing.status, failing.due.is_some()), (RecordStatus::Failing, true));
    assert!(backend.state().dead_letters.is_empty());
}

#[tokio::test]
async fn an_email_without_its_content_is_never_submitted() {
    let (backend, key) = backend();
    backend.state().bodies.clear();
    assert_eq!(
        outcome(&backend, &key).await,
        TaskOutcome::Later(Duration::from_secs(60))
    );
    let record = record(&backend, &key);
    // A repetition of the broken request will store it.
    assert_eq!(
        (record.status, record.cause),
        (RecordStatus::Queued, Some(Cause::BodyMissing))
    );
    assert!(backend.state().submitted.is_empty());
}

/// Written by a newer deployment, before a roll-back.
#[tokio::test]
async fn a_content_of_an_unknown_version_waits() {
    let (backend, key) = backend();
    for content in backend.state().bodies.values_mut() {
        *content = br#"{"v":4}"#.to_vec();
    }
    assert_eq!(
        outcome(&backend, &key).await,
        TaskOutcome::Later(Duration::from_secs(60))
    );
    let record = record(&backend, &key);
    assert_eq!(
        (record.cause, record.attempts),
        (Some(Cause::Unreached), 0),
        "given back"
    );
}

/// Returns an email whose content could not be read because of a fault. Its attempt does not count.
async fn without_content(fault: Fault) -> EmailRecord {
    let (backend, key) = backend();
    backend.state().faults = [Fault::None, Fault::None, fault, fault].into();
    assert_eq!(
        outcome(&backend, &key).await,
        TaskOutcome::Later(Duration::from_secs(60))
    );
    let record = record(&backend, &key);
    assert_eq!(
        (record.status, record.cause, record.attempts),
        (RecordStatus::Queued, Some(Cause::Unreached), 0)
    );
    record
}

#[tokio::test]
async fn an_unreadable_content_is_retried_later() {
    without_content(Fault::Before).await;
}

/// A restored table with a bucket that does not exist: nothing is lost, and the email says why it waits.
#[tokio::test]
async fn a_missing_bucket_is_named_in_the_email() {
    let detail = without_content(Fault::MissingPart).await.detail.unwrap();
    assert!(detail.contains("the bucket is missing"), "{detail}");
}

#[tokio::test]
async fn without_a_claim_nothing_is_submitted() {
    for lost in [Fault::Before, Fault::After] {
        let (backend, key) = backend();
        backend.state().faults = [lost].into();
        let result = process(&backend, send_task(&key)).await;
        assert!(matches!(result, Err(TaskError::Claim(_))));
        assert!(backend.state().submitted.is_empty(), "{lost:?}");
    }
}

#[tokio::test]
async fn an_unrecorded_outcome_is_not_resubmitted() {
    let (backend, key) = backend();
    backend.state().faults_of.insert("write", [Fault::Before].into());
    assert!(matches!(
        process(&backend, send_task(&key)).await,
        Err(TaskError::Record(_))
    ));
    assert_eq!(
        outcome(&backend, &key).await,
        TaskOutcome::Done,
        "the send task comes again, and finds a claim"
    );
    assert_eq!(backend.state().submitted.len(), 1);
    assert_eq!(
        record(&backend, &key).status,
        RecordStatus::Sending,
        "the lease runs out, or the event comes"
    );
}

#[test]
fn the_timeout_grows_with_the_size() {
    assert_eq!(
        [0, 999_999, 5_000_000].map(|bytes| with().timeout(bytes).as_secs()),
        [10, 10, 15]
    );
}

/// The returned messages, as (message, seconds).
#[derive(Default)]
struct PriorityQueues(RefCell<Vec<(String, u64)>>);

impl MessageSource for PriorityQueues {
    fn priority_of(&self, _: &ReceivedMessage) -> Option<Priority> {
        Some(Priority::Normal)
    }

    async fn put_back(&self, messages: &[(&ReceivedMessage, Duration)]) -> usize {
        let entries = messages
            .iter()
            .map(|(message, delay)| (message.message_id.clone(), delay.as_secs()));
        self.0.borrow_mut().extend(entries);
        0
    }
}

/// Of the golden event's ten records the fifth is broken, the seventh panics, and the second has to wait; the
/// other seven are sent.
#[tokio::test]
async fn one_bad_record_fails_alone() {
    let event: SqsEvent =
        serde_json::from_str(include_str!("../../../events/send.json")).expect("the golden event parses");
    let ids: Vec<_> = event
        .records
        .iter()
        .filter_map(|message| message.message_id.clone())
        .collect();
    let backend = samples::backend(10).expect("the samples parse");
    {
        let mut state = backend.state();
        state.panics.push(samples::id(7));
        if let Some(record) = state.records.get_mut(&samples::key(2)) {
            record.not_before = Timestamp::from_millis(samples::BORN.as_millis() + 45_000);
        }
    }
    let priority_queues = PriorityQueues::default();
    let response = handler::handle(
        &sender(&backend, backend.clone()),
        &priority_queues,
        event,
        Duration::from_secs(5),
    )
    .await
    .expect("some went well");
    let again: Vec<_> = response
        .batch_item_failures
        .iter()
        .map(|failure| &failure.item_identifier)
        .collect();
    assert_eq!(again, [&ids[4], &ids[6], &ids[1]], "failed, then put back");
    assert_eq!(*priority_queues.0.borrow(), [(ids[1].clone(), 45)]);
    let sent = backend
        .state()
        .records
        .values()
        .filter(|record| record.status == RecordStatus::Sent)
        .count();
    assert_eq!(sent, 7);
}
