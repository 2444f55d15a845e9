//! Commands on emails of a queue with a rate limit: each email waits for a slot, and the queue is marked for `promote`
//! first.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing test panics with its reason"
)]

use std::time::Duration;

use crate::common::{ask, read};
use domain::delivery::cause::Cause;
use domain::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use domain::id::{QueueKey, QueueName, TenantId};
use domain::queue::Queue;
use domain::queue::rate_limit::RateLimit;
use domain::timestamp::Timestamp;
use memory::samples::BORN;
use memory::{Fault, MemoryBackend, samples};
use serde_json::Value;

const RESCHEDULE: &str = include_str!("../../../events/manage_reschedule.json");
const RETRY: &str = include_str!("../../../events/manage_retry.json");

fn slow() -> QueueKey {
    QueueKey {
        tenant: TenantId::main(),
        name: QueueName::parse("slow").unwrap(),
    }
}

fn at(secs: u64) -> Timestamp {
    BORN.after(Duration::from_secs(secs))
}

fn due(kind: DueKind, secs: u64) -> Option<Due> {
    Some(Due { kind, at: at(secs) })
}

/// Returns a backend with the first sample in a queue with a rate limit, which is not marked.
fn backend(record: EmailRecord) -> MemoryBackend {
    let backend = samples::backend(1).unwrap();
    let queue = Queue {
        rate_per_second: Some(1),
        ..Queue::plain(slow(), BORN)
    };
    let limit = RateLimit {
        rate: queue.rate(),
        ..RateLimit::default()
    };
    let record = EmailRecord {
        queue: slow().name,
        ..record
    };
    let mut state = backend.state();
    state.queues.insert(slow(), queue);
    state.rate_limits.insert(slow(), limit);
    state.records.insert(record.email_key(), record);
    drop(state);
    backend
}

fn scheduled() -> EmailRecord {
    EmailRecord {
        not_before: at(3_600),
        due: due(DueKind::RateLimited, 3_600),
        ..samples::record(1, &samples::email().unwrap())
    }
}

fn failed() -> EmailRecord {
    EmailRecord {
        status: RecordStatus::Failed,
        cause: Some(Cause::Rejected),
        due: due(DueKind::Ended, 0),
        ..samples::record(1, &samples::email().unwrap())
    }
}

async fn status_of(backend: &MemoryBackend, event: &str, body: &str) -> u16 {
    let mut event: Value = serde_json::from_str(event).unwrap();
    event["body"] = body.into();
    read(&ask(backend, &event).await).0
}

/// Checks that the email waits for its slot from this second on, and that `promote` looks at its queue in time.
fn assert_waits_from(backend: &MemoryBackend, secs: u64) {
    let record = backend.record(&samples::key(1)).unwrap();
    assert_eq!(
        (record.status, record.due),
        (RecordStatus::Queued, due(DueKind::RateLimited, secs))
    );
    assert_eq!(backend.state().rate_limits[&slow()].check_at, Some(at(secs)));
    assert!(backend.state().send_tasks.is_empty(), "the email has no slot yet");
    let calls = backend.calls_inside();
    let place = |call: &str| calls.iter().position(|called| *called == call);
    assert!(place("change_rate_limit") < place("write"), "{calls:?}");
}

#[tokio::test]
async fn a_rescheduled_email_waits_for_a_slot() {
    for (scheduled_at, secs) in [("in 10 minutes", 600), ("in 2 hours", 7_200), ("in 0 seconds", 0)] {
        let backend = backend(scheduled());
        let body = format!(r#"{{"scheduled_at": "{scheduled_at}"}}"#);
        assert_eq!(status_of(&backend, RESCHEDULE, &body).await, 200, "{scheduled_at}");
        assert_waits_from(&backend, secs);
    }
}

#[tokio::test]
async fn a_retried_email_waits_for_a_slot() {
    let backend = backend(failed());
    assert_eq!(status_of(&backend, RETRY, "").await, 200);
    assert_waits_from(&backend, 0);
}

#[tokio::test]
async fn no_email_waits_for_a_slot_in_an_unmarked_queue() {
    for (event, body, record) in [
        (RESCHEDULE, r#"{"scheduled_at": "in 10 minutes"}"#, scheduled()),
        (RETRY, "", failed()),
    ] {
        for fault in [Fault::Before, Fault::After] {
            let backend = backend(record.clone());
            let before = backend.record(&samples::key(1));
            backend.state().faults_of.insert("change_rate_limit", [fault].into());
            assert_eq!(status_of(&backend, event, body).await, 500, "{event} {fault:?}");
            assert_eq!(backend.record(&samples::key(1)), before, "{event} {fault:?}");
            assert_eq!(status_of(&backend, event, body).await, 200, "{event} {fault:?}");
            assert!(backend.state().rate_limits[&slow()].check_at.is_some());
        }
    }
}
