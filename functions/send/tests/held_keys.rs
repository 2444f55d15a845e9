//! Messages about emails of a held API key or a lost domain send nothing, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::time::Duration;

use aws::sqs::batch::ReceivedMessage;
use aws_lambda_events::sqs::SqsEvent;
use domain::delivery::rate::Rate;
use domain::delivery::record::{Due, DueKind, EmailRecord, Priority, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::id::{KeyId, QueueKey};
use domain::queue::hold::{Hold, Holds};
use domain::queue::rate_limit::RateLimit;
use domain::queue::{Common, Queue};
use domain::tenant::sender::FromDomain;
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use send::handler::{self, MessageSource};
use serde_json::json;

struct PriorityQueues;

impl MessageSource for PriorityQueues {
    fn priority_of(&self, _: &ReceivedMessage) -> Option<Priority> {
        Some(Priority::Normal)
    }

    async fn put_back(&self, _: &[(&ReceivedMessage, Duration)]) -> usize {
        0
    }
}

fn key(n: u8) -> KeyId {
    KeyId::from_bytes([n; 16])
}

fn lead() -> QueueKey {
    samples::record(1, &samples::email().expect("the sample parses")).queue_key()
}

/// Returns eight emails of the queue `default`: the odd ones were accepted with key 1, which is held.
fn backend() -> MemoryBackend {
    backend_with(Hold::of_revoked_key(key(1)))
}

/// Returns eight emails of the queue `default` under a hold. The odd ones were accepted with key 1, from `a.example`.
fn backend_with(hold: Hold) -> MemoryBackend {
    let backend = samples::backend(8).expect("the samples parse");
    let mut state = backend.state();
    for n in 1..=8 {
        let (with, from) = if n % 2 == 1 { (1, "a.example") } else { (2, "b.example") };
        let record = EmailRecord {
            key: Some(key(with)),
            from_domain: Some(from.to_owned()),
            ..state.records[&samples::key(n)].clone()
        };
        state.store_record(record);
    }
    let queue = Queue::plain(lead(), BORN).with_common(&Common {
        holds: Holds::default().with(hold).unwrap(),
        ..Common::default()
    });
    state.queues.insert(queue.key.clone(), queue);
    state.account_rate.settings_version = 1;
    drop(state);
    backend
}

fn event(backend: &MemoryBackend, change: impl Fn(SendTask) -> SendTask) -> SqsEvent {
    let message = |n: u8| {
        let body = change(SendTask::of(&backend.record(&samples::key(n)).unwrap())).to_json();
        json!({"messageId": n.to_string(), "receiptHandle": "r", "body": body, "eventSourceARN": "a:lane"})
    };
    serde_json::from_value(json!({"Records": (1..=8).map(message).collect::<Vec<_>>()})).expect("an event of SQS")
}

/// Processes all eight messages; returns the number of those that are delivered again.
async fn batch(backend: &MemoryBackend, event: SqsEvent) -> usize {
    let sender = crate::common::sender(backend, backend.clone());
    let done = handler::handle(&sender, &PriorityQueues, event, Duration::from_secs(60)).await;
    done.map_or(8, |answer| answer.batch_item_failures.len())
}

fn places(backend: &MemoryBackend) -> Vec<(RecordStatus, Option<DueKind>)> {
    let place = |n| {
        let record = backend.record(&samples::key(n)).unwrap();
        (record.status, record.due.map(|due| due.kind))
    };
    (1..=8).map(place).collect()
}

/// Returns the final [`places`].
fn expected() -> Vec<(RecordStatus, Option<DueKind>)> {
    let place = |n| match n % 2 {
        1 => (RecordStatus::Queued, Some(DueKind::Held)),
        _ => (RecordStatus::Sent, None),
    };
    (1..=8).map(place).collect()
}

#[tokio::test(start_paused = true)]
async fn only_emails_of_a_held_key_are_held() {
    let backend = backend();
    assert_eq!(batch(&backend, event(&backend, |send_task| send_task)).await, 0);
    assert_eq!(places(&backend), expected());
    // A lost or duplicated message changes nothing.
    let writes = |backend: &MemoryBackend| {
        backend
            .state()
            .calls
            .iter()
            .filter(|call| call.starts_with("write"))
            .count()
    };
    let before = writes(&backend);
    batch(&backend, event(&backend, |send_task| send_task)).await;
    assert_eq!((places(&backend), writes(&backend)), (expected(), before));
}

#[tokio::test(start_paused = true)]
async fn only_emails_from_lost_domains_are_held() {
    for of in [None, Some(key(1)), Some(key(2))] {
        let kept = vec![FromDomain::parse("b.example").unwrap()];
        let backend = backend_with(Hold::of_lost_domains(of, kept, BORN));
        assert_eq!(batch(&backend, event(&backend, |send_task| send_task)).await, 0);
        let expected = if of == Some(key(2)) {
            vec![(RecordStatus::Sent, None); 8]
        } else {
            expected()
        };
        assert_eq!(places(&backend), expected, "{of:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_email_keeps_no_slot() {
    let backend = backend();
    {
        let mut state = backend.state();
        let queue = Queue {
            rate_per_second: Some(1_000),
            ..state.queues[&lead()].clone()
        };
        state.queues.insert(lead(), queue);
        let limit = RateLimit {
            rate: Rate::from_millis(1_000_000),
            ..RateLimit::default()
        };
        state.rate_limits.insert(lead(), limit);
        for n in 1..=8 {
            let record = EmailRecord {
                due: Some(Due {
                    kind: DueKind::RateLimited,
                    at: BORN,
                }),
                ..state.records[&samples::key(n)].clone()
            };
            state.store_record(record);
        }
    }
    // The messages are as `promote` releases them, each with its slot.
    batch(&backend, event(&backend, |send_task| send_task.at_slot(Some(BORN)))).await;
    assert_eq!(places(&backend), expected(), "promote does not release it again");
}

#[tokio::test(start_paused = true)]
async fn a_held_email_stays_held_while_calls_fail() {
    for what in ["queue", "load", "write", "account_rate"] {
        for fault in [Fault::Before, Fault::After] {
            let backend = backend();
            backend.state().faults_of.insert(what, vec![fault; 3].into());
            batch(&backend, event(&backend, |send_task| send_task)).await;
            let held = |backend: &MemoryBackend| places(backend).into_iter().step_by(2).collect::<Vec<_>>();
            let waits = held(&backend)
                .into_iter()
                .all(|(status, _)| status == RecordStatus::Queued);
            assert!(waits, "{what} {fault:?}");
            backend.state().faults_of.clear();
            batch(&backend, event(&backend, |send_task| send_task)).await;
            assert_eq!(
                held(&backend),
                [(RecordStatus::Queued, Some(DueKind::Held)); 4],
                "{what} {fault:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tenants_without_a_hold_need_no_extra_read() {
    let reads = async |holds: bool| {
        let backend = backend();
        if !holds {
            let plain = Queue::plain(lead(), BORN);
            backend.state().queues.insert(lead(), plain);
        }
        batch(&backend, event(&backend, |send_task| send_task)).await;
        let calls = backend.state().calls.clone();
        calls.into_iter().filter(|call| *call == "load").count()
    };
    assert_eq!((reads(false).await, reads(true).await), (0, 8));
}
