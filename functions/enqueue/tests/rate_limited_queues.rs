//! Emails for a queue with a rate limit, in the in-memory backend.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use crate::common::enqueue;
use domain::api::requests::{self, EmailRequest};
use domain::delivery::rate::{Micros, Rate};
use domain::delivery::record::DueKind;
use domain::id::{QueueKey, QueueName, TenantId};
use domain::queue::Queue;
use domain::queue::rate_limit::RateLimit;
use domain::timestamp::Timestamp;
use memory::samples::BORN;
use memory::{Fault, MemoryBackend, samples};

fn slow() -> QueueKey {
    QueueKey {
        tenant: TenantId::main(),
        name: QueueName::parse("slow").unwrap(),
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(BORN.as_millis() + millis)
}

/// Returns a backend whose queue may send two emails a second and has no reserved slot.
fn backend() -> MemoryBackend {
    let backend = samples::backend(0).unwrap();
    let queue = Queue {
        rate_per_second: Some(2),
        ..Queue::plain(slow(), BORN)
    };
    let limit = RateLimit {
        rate: Rate::from_millis(2_000),
        ..RateLimit::default()
    };
    let mut state = backend.state();
    state.queues.insert(slow(), queue);
    state.rate_limits.insert(slow(), limit);
    drop(state);
    backend
}

fn request(more: &str) -> EmailRequest {
    let body = format!(r#"{{"from":"a@example.com","to":"b@example.com","subject":"Hello","text":"Hi"{more}}}"#);
    requests::parse_email(body.as_bytes()).unwrap()
}

async fn accept(backend: &MemoryBackend, more: &str) {
    let request = request(more);
    enqueue(backend)
        .accept(&TenantId::main(), None, &request)
        .await
        .unwrap();
}

const SLOW: &str = r#","queue":"slow""#;

#[tokio::test]
async fn an_idle_queue_sends_its_first_email_at_once() {
    let backend = backend();
    for _ in 0..4 {
        accept(&backend, SLOW).await;
    }
    let state = backend.state();
    let slots: Vec<_> = state.send_tasks.iter().map(|request| request.send_task.slot).collect();
    assert_eq!(slots, [-250, 250, 750, 1_250].map(|ms| Some(at(ms))));
    assert!(
        state
            .records
            .values()
            .all(|record| record.due.unwrap().kind == DueKind::Check)
    );
    assert_eq!(state.rate_limits[&slow()].check_at, None, "no email waits");
}

#[tokio::test]
async fn an_email_beyond_a_minute_waits_in_the_index() {
    let backend = backend();
    let reserved = Some(Micros::of(at(60_001)));
    backend.state().rate_limits.get_mut(&slow()).unwrap().free_at = reserved;
    accept(&backend, SLOW).await;
    let state = backend.state();
    assert!(state.send_tasks.is_empty());
    let record = state.records.values().next().unwrap();
    assert_eq!(record.due.unwrap().kind, DueKind::RateLimited);
    let limit = &state.rate_limits[&slow()];
    assert!(limit.is_busy());
    assert_eq!((limit.check_at, limit.free_at), (Some(at(0)), reserved));
}

#[tokio::test]
async fn a_slot_costs_one_conditional_write() {
    let (limited, plain) = (backend(), backend());
    accept(&limited, SLOW).await;
    accept(&plain, "").await;
    let calls = |backend: &MemoryBackend| backend.state().calls.clone();
    let mut expected = calls(&plain);
    expected.insert(0, "change_rate_limit");
    let mut found = calls(&limited);
    found.retain(|call| *call != "queue");
    assert_eq!(found, expected, "a queue is read once in two seconds");
}

#[tokio::test]
async fn promote_finds_a_scheduled_email_in_time() {
    let backend = backend();
    let soon = at(500_000).to_string();
    accept(&backend, &format!(r#"{SLOW},"scheduled_at":"{soon}""#)).await;
    let state = backend.state();
    let record = state.records.values().next().unwrap();
    assert_eq!(
        (record.due.unwrap().kind, record.due.unwrap().at),
        (DueKind::RateLimited, at(500_000))
    );
    let limit = &state.rate_limits[&slow()];
    assert_eq!((limit.check_at, limit.is_busy()), (Some(at(500_000)), false));
    assert!(state.send_tasks.is_empty());
}

/// If the reservation fails, the send task has no slot, and `send` reserves one.
#[tokio::test]
async fn acceptance_needs_no_slot() {
    for fault in [Fault::Before, Fault::After] {
        let backend = backend();
        backend.state().faults_of.insert("change_rate_limit", [fault].into());
        accept(&backend, SLOW).await;
        let state = backend.state();
        assert_eq!((state.send_tasks.len(), state.send_tasks[0].send_task.slot), (1, None));
        let record = state.records.values().next().unwrap();
        assert_eq!(
            record.due.unwrap().kind,
            DueKind::Check,
            "promote finds it, although no queue has waiting emails"
        );
    }
}

#[tokio::test]
async fn a_batch_reserves_its_slots_with_one_write() {
    let backend = backend();
    let one = format!(r#"{{"from":"a@example.com","to":"b@example.com","subject":"Hello","text":"Hi"{SLOW}}}"#);
    let body = format!("[{}]", vec![one; 200].join(","));
    let batch = requests::parse_batch(body.as_bytes(), requests::BatchValidation::Strict).unwrap();
    let accepted = enqueue(&backend)
        .accept_batch(&TenantId::main(), None, &batch)
        .await
        .unwrap();
    assert_eq!(accepted.ids.len(), 200);
    let state = backend.state();
    assert_eq!(state.send_tasks.len(), 121, "a minute's worth");
    assert_eq!(
        state.calls.iter().filter(|call| **call == "change_rate_limit").count(),
        1
    );
    let waiting = state
        .records
        .values()
        .filter(|record| record.due.unwrap().kind == DueKind::RateLimited);
    assert_eq!(waiting.count(), 79);
    assert!(state.rate_limits[&slow()].is_busy());
}
