//! Commands on emails over the HTTP API: golden events, failures and races, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

mod failures;
mod files;
mod races;
mod refusals;
mod successes;

use std::time::Duration;

use domain::delivery::cause::Cause;
use domain::delivery::record::{Acceptance, Due, DueKind, EmailRecord, Lease, RecordStatus};
use domain::lifecycle::commands::Refusal;
use domain::timestamp::Timestamp;
use memory::samples::BORN;
use memory::{MemoryBackend, samples};
use serde_json::{Value, json};

use crate::common::{ask, read};

const CANCEL: &str = include_str!("../../../../events/manage_cancel.json");
const RESCHEDULE: &str = include_str!("../../../../events/manage_reschedule.json");
const RETRY: &str = include_str!("../../../../events/manage_retry.json");

/// Time to live of an unsent email, as `common` sets it.
const TWO_WEEKS: Duration = Duration::from_secs(14 * 86_400);
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

fn golden(event: &str) -> Value {
    serde_json::from_str(event).unwrap()
}

/// Returns a golden event with another body.
fn with_body(event: &str, body: &str) -> Value {
    let mut event = golden(event);
    event["body"] = body.into();
    event
}

/// Returns a golden event about the `n`th sample.
fn about(event: &str, n: u8) -> Value {
    let mut event = golden(event);
    let path = event["rawPath"].as_str().unwrap();
    event["rawPath"] = path
        .replace(&samples::id(1).to_string(), &samples::id(n).to_string())
        .into();
    event
}

fn rescheduled_to(scheduled_at: &str, expires_at: Option<&str>) -> Value {
    let body = json!({"scheduled_at": scheduled_at, "expires_at": expires_at});
    with_body(RESCHEDULE, &body.to_string())
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Returns the time this many seconds after the samples were accepted, which is now unless a test says
/// otherwise.
fn at(after: u64) -> Timestamp {
    BORN.after(secs(after))
}

fn due(kind: DueKind, after: u64) -> Option<Due> {
    Some(Due { kind, at: at(after) })
}

/// Returns the first sample in a status.
fn sample(status: RecordStatus) -> EmailRecord {
    let record = samples::record(1, &samples::email().unwrap());
    let tried = EmailRecord {
        status,
        claim_no: 2,
        attempts: 2,
        due: match status {
            RecordStatus::Sent => None,
            RecordStatus::Failed | RecordStatus::Unknown | RecordStatus::Canceled | RecordStatus::Expired => {
                due(DueKind::Ended, 0)
            }
            RecordStatus::Queued | RecordStatus::Sending | RecordStatus::Failing | RecordStatus::Uncertain => {
                record.due
            }
        },
        ..record.clone()
    };
    let why = (Some(Cause::Unavailable), Some("said so".to_owned()));
    match status {
        RecordStatus::Queued => record,
        RecordStatus::Sending => EmailRecord {
            lease: Some(Lease {
                until: at(180),
                nonce: 7,
            }),
            ..tried
        },
        RecordStatus::Uncertain => EmailRecord {
            uncertain_since: Some(BORN),
            ..tried
        },
        RecordStatus::Sent => EmailRecord {
            sent: Some(Acceptance {
                claim_no: 2,
                message_id: "ses-1".to_owned(),
                at: BORN,
            }),
            ..tried
        },
        RecordStatus::Failing | RecordStatus::Failed | RecordStatus::Unknown | RecordStatus::Expired => EmailRecord {
            cause: why.0,
            detail: why.1,
            ..tried
        },
        RecordStatus::Canceled => tried,
    }
}

/// Returns a backend with one email and its content.
fn backend_with(record: &EmailRecord) -> MemoryBackend {
    let backend = samples::backend(1).unwrap();
    backend.state().records.insert(samples::key(1), record.clone());
    backend
}

fn stored(backend: &MemoryBackend) -> EmailRecord {
    backend.record(&samples::key(1)).expect("the email is still there")
}

/// Returns the end of the content's retention, if any request set it.
fn kept_until(backend: &MemoryBackend) -> Option<Timestamp> {
    let name = (samples::key(1), samples::email().unwrap().hash());
    backend.state().kept_until.get(&name).copied()
}

fn lose_content(backend: &MemoryBackend) {
    backend.state().bodies.clear();
}

async fn answer(backend: &MemoryBackend, event: &Value) -> (u16, Value) {
    read(&ask(backend, event).await)
}

/// Returns the response of a successful command.
fn done() -> (u16, Value) {
    (200, json!({"object": "email", "id": samples::id(1).to_string()}))
}

fn refused(status: u16, name: &str, message: &str) -> (u16, Value) {
    (status, json!({"statusCode": status, "name": name, "message": message}))
}

fn conflict(refusal: Refusal) -> (u16, Value) {
    refused(409, "validation_error", &refusal.to_string())
}

/// Checks the invariants of every record.
fn assert_in_its_place(record: &EmailRecord, what: &str) {
    assert!(record.is_in_its_place(), "{what}: {record:?}");
}

/// Checks that a waiting record has its content until its expiry.
fn assert_content_is_kept(backend: &MemoryBackend, what: &str) {
    let record = stored(backend);
    if record.status == RecordStatus::Queued && record != sample(RecordStatus::Queued) {
        assert!(
            kept_until(backend) >= Some(record.expires_at.after(RETENTION)),
            "{what}"
        );
    }
}
