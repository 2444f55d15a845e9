//! Scheduled times and later repetitions of the same request, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

mod batches;
mod repetitions;

use std::time::Duration;

use domain::api::error::ApiError;
use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::{BatchRequest, BatchValidation, EmailRequest, parse_batch, parse_email};
use domain::delivery::record::{Due, DueKind, EmailRecord, OnUncertain, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::id::{EmailId, EmailKey, TenantId};
use domain::ports::SendTaskRequest;
use domain::timestamp::Timestamp;
use enqueue::acceptance::{Accepted, AcceptedBatch};
use enqueue::errors::AcceptError;
use memory::{Fault, MemoryBackend};

use crate::common::enqueue;

/// Time to live of an unsent email, as `common` sets it.
const TWO_WEEKS: Duration = Duration::from_secs(14 * 86_400);

const RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// Returns the time this many seconds after the backend began, at 1970-01-01T00:00:00Z.
fn at(after: i64) -> Timestamp {
    Timestamp::from_millis(after * 1000)
}

fn backend_at(after: i64) -> MemoryBackend {
    let backend = MemoryBackend::default();
    pass_to(&backend, after);
    backend
}

fn pass_to(backend: &MemoryBackend, after: i64) {
    backend.state().now_ms = at(after).as_millis();
}

fn tenant() -> TenantId {
    TenantId::main()
}

fn key() -> IdempotencyKey {
    IdempotencyKey::parse("k").unwrap()
}

/// Returns an email as JSON: its text, and the additional options.
fn body(text: &str, options: &str) -> String {
    let comma = if options.is_empty() { "" } else { "," };
    format!(r#"{{"from":"a@example.com","to":"b@example.com","subject":"S","text":"{text}"{comma}{options}}}"#)
}

fn request(options: &str) -> EmailRequest {
    parse_email(body("Hi", options).as_bytes()).unwrap()
}

/// Returns a batch with an email for each of the send options.
fn batch(options: &[&str], validation: BatchValidation) -> BatchRequest {
    let items: Vec<_> = options.iter().map(|options| body("Hi", options)).collect();
    parse_batch(format!("[{}]", items.join(",")).as_bytes(), validation).unwrap()
}

fn email_key(id: EmailId) -> EmailKey {
    EmailKey { tenant: tenant(), id }
}

async fn accept(backend: &MemoryBackend, key: Option<&IdempotencyKey>, options: &str) -> Result<Accepted, AcceptError> {
    enqueue(backend).accept(&tenant(), key, &request(options)).await
}

async fn accept_batch(
    backend: &MemoryBackend,
    key: Option<&IdempotencyKey>,
    batch: BatchRequest,
) -> Result<AcceptedBatch, AcceptError> {
    enqueue(backend).accept_batch(&tenant(), key, &batch).await
}

/// Accepts an email, and returns its record.
async fn accepted(backend: &MemoryBackend, key: Option<&IdempotencyKey>, options: &str) -> EmailRecord {
    let accepted = accept(backend, key, options).await.expect("accepted");
    backend.record(&email_key(accepted.id)).expect("a record")
}

fn refused(result: Result<impl std::fmt::Debug, AcceptError>) -> ApiError {
    match result {
        Err(AcceptError::Refused(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

fn refusal(error: &ApiError) -> (u16, &str, &str) {
    (error.status(), error.name().as_str(), error.message())
}

/// Returns the end of retention of a record's content.
fn kept_until(backend: &MemoryBackend, record: &EmailRecord) -> Option<Timestamp> {
    let name = (record.email_key(), record.body.sha256.clone());
    let state = backend.state();
    assert!(state.bodies.contains_key(&name), "there is a content");
    state.kept_until.get(&name).copied()
}

/// Returns everything stored, to detect changes. The record of a batch may be kept for longer.
fn stored(backend: &MemoryBackend) -> impl PartialEq + std::fmt::Debug + use<> {
    let state = backend.state();
    let records: Vec<_> = state.batches.values().map(|(record, _)| record.clone()).collect();
    (state.records.clone(), state.bodies.clone(), records)
}

/// Returns the delays of the sent send tasks, in seconds.
fn delays(backend: &MemoryBackend) -> Vec<u64> {
    backend
        .state()
        .send_tasks
        .iter()
        .map(|request| request.delay.as_secs())
        .collect()
}

#[tokio::test]
async fn a_scheduled_email_is_in_the_index() {
    let (check, request) = (DueKind::Check, DueKind::Wake);
    for (options, scheduled_at, not_before, due, delay) in [
        ("", None, 0, (check, 900), Some(0)),
        (r#""scheduled_at":null"#, None, 0, (check, 900), Some(0)),
        (
            r#""scheduled_at":"in 5 minutes""#,
            Some(at(300)),
            300,
            (check, 1200),
            Some(300),
        ),
        (
            r#""scheduled_at":"1970-01-01T01:05:00+01:00""#,
            Some(at(300)),
            300,
            (check, 1200),
            Some(300),
        ),
        (
            r#""scheduled_at":"in 15 minutes""#,
            Some(at(900)),
            900,
            (check, 1800),
            Some(900),
        ),
        (
            r#""scheduled_at":"in 901 seconds""#,
            Some(at(901)),
            901,
            (request, 901),
            None,
        ),
        (
            r#""scheduled_at":"1979-12-31T00:00:00Z""#,
            Some(at(315_446_400)),
            315_446_400,
            (request, 315_446_400),
            None,
        ),
        // The caller's clock is slow: the email is due now, and is not shown as scheduled.
        (
            r#""scheduled_at":"1969-12-31T23:59:00Z""#,
            None,
            0,
            (check, 900),
            Some(0),
        ),
    ] {
        let backend = backend_at(0);
        let record = accepted(&backend, None, options).await;
        assert_eq!(
            (record.scheduled_at, record.not_before, record.status),
            (scheduled_at, at(not_before), RecordStatus::Queued),
            "{options}"
        );
        let (kind, due_at) = due;
        assert_eq!(record.due, Some(Due { kind, at: at(due_at) }), "{options}");
        assert_eq!(
            (record.expires_at, record.expires_given),
            (at(not_before).after(TWO_WEEKS), false),
            "{options}"
        );
        let send_tasks: Vec<_> = delay
            .map(|delay| SendTaskRequest {
                priority: record.priority,
                send_task: SendTask::of(&record),
                delay: Duration::from_secs(delay),
            })
            .into_iter()
            .collect();
        assert_eq!(backend.state().send_tasks, send_tasks, "{options}");
        // Each additional call costs money.
        let mut calls = vec!["put", "create"];
        calls.extend(delay.map(|_| "enqueue"));
        assert_eq!(backend.state().calls, calls, "{options}");
        assert_eq!(
            kept_until(&backend, &record),
            Some(record.expires_at.after(RETENTION)),
            "{options}"
        );
    }
}

#[tokio::test]
async fn the_caller_may_set_the_deadline() {
    for (options, expires_at) in [
        (r#""expires_at":"in 1 hour""#, 3600),
        (r#""expires_at":"1970-01-01T01:00:00Z""#, 3600),
        (r#""scheduled_at":"in 1 hour","expires_at":"in 3601 seconds""#, 3601),
        (
            r#""scheduled_at":"in 10 days","expires_at":"in 400 days""#,
            400 * 86_400,
        ),
    ] {
        let backend = backend_at(0);
        let record = accepted(&backend, None, options).await;
        assert_eq!(
            (record.expires_at, record.expires_given),
            (at(expires_at), true),
            "{options}"
        );
        assert_eq!(
            kept_until(&backend, &record),
            Some(at(expires_at).after(RETENTION)),
            "{options}"
        );
    }
}

#[tokio::test]
async fn on_uncertain_is_stored_in_the_record() {
    for (options, expected) in [
        ("", OnUncertain::Resend),
        (r#""on_uncertain":"resend""#, OnUncertain::Resend),
        (r#""on_uncertain":null"#, OnUncertain::Resend),
        (r#""on_uncertain":"hold""#, OnUncertain::Hold),
    ] {
        assert_eq!(
            accepted(&backend_at(0), None, options).await.on_uncertain,
            expected,
            "{options}"
        );
    }
}

/// Impossible options at the backend's beginning, each with the reason.
const IMPOSSIBLE: [(&str, &str); 6] = [
    (
        r#""scheduled_at":"1969-12-31T23:54:59.999Z""#,
        "scheduled_at: is in the past",
    ),
    (
        r#""scheduled_at":"in 3654 days""#,
        "scheduled_at: must be within the next 10 years",
    ),
    (r#""expires_at":"1970-01-01T00:00:00Z""#, "expires_at: is in the past"),
    (
        r#""scheduled_at":"in 2 hours","expires_at":"in 1 hour""#,
        "expires_at: must be after scheduled_at",
    ),
    (
        r#""scheduled_at":"in 1 hour","expires_at":"in 60 minutes""#,
        "expires_at: must be after scheduled_at",
    ),
    (
        r#""expires_at":"in 3654 days""#,
        "expires_at: must be within 10 years after the email is due",
    ),
];

#[tokio::test]
async fn an_impossible_time_stores_nothing() {
    for (options, message) in IMPOSSIBLE {
        for (key, calls) in [(None, [].as_slice()), (Some(key()), &["load", "tombstone"])] {
            let backend = backend_at(0);
            let before = stored(&backend);
            let error = refused(accept(&backend, key.as_ref(), options).await);
            assert_eq!(refusal(&error), (422, "validation_error", message), "{options}");
            assert_eq!(stored(&backend), before, "{options}");
            assert!(backend.state().send_tasks.is_empty(), "{options}");
            assert_eq!(backend.state().calls, calls, "{options}");
        }
    }
}

#[tokio::test]
async fn all_forms_of_a_time_are_equal() {
    let backend = backend_at(0);
    let record = accepted(&backend, Some(&key()), r#""scheduled_at":"1970-01-01T02:00:00Z""#).await;
    for same in [
        r#""scheduled_at":"1970-01-01T03:00:00.000+01:00""#,
        r#""scheduled_at":"1970-01-01T02:00:00Z","expires_at":null,"on_uncertain":"resend""#,
    ] {
        let again = accept(&backend, Some(&key()), same).await.expect("replayed");
        assert_eq!((again.id, again.replayed), (record.id, true), "{same}");
    }
}

#[tokio::test]
async fn a_scheduled_email_needs_record_and_content() {
    for faults in [
        [Fault::Before, Fault::None],
        [Fault::None, Fault::Before],
        [Fault::After, Fault::After],
    ] {
        let backend = backend_at(0);
        let options = r#""scheduled_at":"in 1 day""#;
        backend.state().faults = faults.into();
        let first = accept(&backend, Some(&key()), options).await;
        assert!(matches!(first, Err(AcceptError::Port(_))), "{faults:?}");
        pass_to(&backend, 60);
        let record = accepted(&backend, Some(&key()), options).await;
        assert!(
            kept_until(&backend, &record) >= Some(at(86_400).after(TWO_WEEKS).after(RETENTION)),
            "{faults:?}"
        );
        assert!(record.due.is_some(), "{faults:?}");
    }
}
