//! Send tasks of queues with rate limits: `send` waits for no slot, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::cell::RefCell;
use std::time::Duration;

use aws::sqs::batch::ReceivedMessage;
use aws_lambda_events::sqs::SqsEvent;
use domain::delivery::attempt::Attempt;
use domain::delivery::cause::Cause;
use domain::delivery::rate::Rate;
use domain::delivery::record::{Due, DueKind, EmailRecord, Priority, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::id::{QueueKey, QueueName};
use domain::queue::rate_limit::RateLimit;
use domain::queue::{Pause, Queue};
use domain::timestamp::Timestamp;
use memory::samples::BORN;
use memory::{Fault, MemoryBackend, samples};
use send::SendFunction;
use send::handler::{self, MessageSource};
use serde_json::json;

type Sender = SendFunction<crate::common::With<MemoryBackend>>;

/// A priority queue, and the delays of the returned messages, in seconds.
struct PriorityQueues(RefCell<Vec<u64>>);

impl MessageSource for PriorityQueues {
    fn priority_of(&self, _: &ReceivedMessage) -> Option<Priority> {
        Some(Priority::Normal)
    }

    async fn put_back(&self, messages: &[(&ReceivedMessage, Duration)]) -> usize {
        let delays = messages.iter().map(|(_, delay)| delay.as_secs());
        self.0.borrow_mut().extend(delays);
        0
    }
}

fn slow() -> QueueKey {
    QueueKey {
        tenant: samples::key(1).tenant,
        name: QueueName::parse("slow").unwrap(),
    }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(BORN.as_millis() + secs * 1000)
}

/// Returns a backend with ten emails of a queue that sends one a second, and ten of `default`.
fn backend() -> MemoryBackend {
    let backend = samples::backend(20).expect("the samples parse");
    let mut state = backend.state();
    for n in 1..=10 {
        let record = EmailRecord {
            queue: slow().name,
            ..state.records[&samples::key(n)].clone()
        };
        state.store_record(record);
    }
    let queue = Queue {
        rate_per_second: Some(1),
        ..Queue::plain(slow(), BORN)
    };
    let limit = RateLimit {
        rate: Rate::from_millis(1_000),
        ..RateLimit::default()
    };
    state.queues.insert(slow(), queue);
    state.rate_limits.insert(slow(), limit);
    state.account_rate.settings_version = 1;
    drop(state);
    backend
}

/// Returns a sender with the cached queue.
async fn sender(backend: &MemoryBackend) -> Sender {
    let sender = crate::common::sender(backend, backend.clone());
    let queue = backend.state().queues[&slow()].clone();
    let read = async { Ok::<_, ()>(queue) };
    sender.known.get(slow(), 1, read).await.unwrap();
    sender
}

fn event(backend: &MemoryBackend, emails: impl IntoIterator<Item = (u8, Option<Timestamp>)>) -> SqsEvent {
    let message = |(n, slot): (u8, Option<Timestamp>)| {
        let record = backend.record(&samples::key(n)).unwrap();
        let body = SendTask::of(&record).at_slot(slot).to_json();
        json!({"messageId": n.to_string(), "receiptHandle": "r", "body": body, "eventSourceARN": "a:lane"})
    };
    let messages: Vec<_> = emails.into_iter().map(message).collect();
    serde_json::from_value(json!({"Records": messages})).expect("an event of SQS")
}

/// Processes a batch; returns the delays of the returned messages.
async fn batch(sender: &Sender, event: SqsEvent) -> Vec<u64> {
    let priority_queues = PriorityQueues(RefCell::default());
    let done = handler::handle(sender, &priority_queues, event, Duration::from_secs(60)).await;
    assert!(done.is_ok_and(|answer| answer.batch_item_failures.len() == priority_queues.0.borrow().len()));
    priority_queues.0.into_inner()
}

fn place(backend: &MemoryBackend, n: u8) -> (RecordStatus, Option<DueKind>) {
    let record = backend.record(&samples::key(n)).unwrap();
    (record.status, record.due.map(|due| due.kind))
}

fn times(backend: &MemoryBackend, call: &str) -> usize {
    backend.state().calls.iter().filter(|called| **called == call).count()
}

const NONE: [u64; 0] = [];
const WAITS: (RecordStatus, Option<DueKind>) = (RecordStatus::Queued, Some(DueKind::RateLimited));
const SENT: (RecordStatus, Option<DueKind>) = (RecordStatus::Sent, None);

#[tokio::test(start_paused = true)]
async fn a_sender_waits_for_no_slot() {
    let backend = backend();
    let (sender, began) = (sender(&backend).await, tokio::time::Instant::now());
    let emails = (1..=5).chain(11..=15).map(|n| (n, None));
    assert_eq!(batch(&sender, event(&backend, emails)).await, NONE);
    assert_eq!(
        began.elapsed(),
        Duration::ZERO,
        "nothing delays the other emails of the batch"
    );
    assert_eq!(place(&backend, 1), SENT, "the queue was idle");
    for n in 2..=5 {
        assert_eq!(place(&backend, n), WAITS, "email {n}");
    }
    for n in 11..=15 {
        assert_eq!(place(&backend, n), SENT, "email {n}");
    }
    let limit = backend.state().rate_limits[&slow()].clone();
    assert!(limit.is_busy(), "promote looks at the queue");
    assert_eq!(limit.check_at, Some(at(0)));
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_usable_for_a_minute() {
    let backend = backend();
    let sender = sender(&backend).await;
    backend.state().now_ms = at(100).as_millis();
    let slots = [
        (1, Some(at(100))),
        (2, Some(at(40))),
        (3, Some(at(39))),
        (4, Some(at(101))),
    ];
    assert_eq!(batch(&sender, event(&backend, slots)).await, NONE);
    assert_eq!([1, 2, 3, 4].map(|n| place(&backend, n)), [SENT, SENT, WAITS, SENT]);
    assert_eq!(
        times(&backend, "change_rate_limit"),
        1,
        "one write marks the queue for the late email, and none reserves a slot"
    );
    assert_eq!(
        batch(&sender, event(&backend, [(5, Some(at(130)))])).await,
        [30],
        "a clock is ahead"
    );
}

#[tokio::test(start_paused = true)]
async fn an_email_already_in_the_index_costs_no_write() {
    let backend = backend();
    let sender = sender(&backend).await;
    batch(&sender, event(&backend, [(1, Some(at(-61)))])).await;
    assert_eq!(place(&backend, 1), WAITS);
    backend.state().calls.clear();
    batch(&sender, event(&backend, [(1, Some(at(-61)))])).await;
    assert_eq!((times(&backend, "write"), times(&backend, "claim")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slot_costs_no_additional_call() {
    let backend = backend();
    let sender = sender(&backend).await;
    batch(&sender, event(&backend, [(11, None)])).await;
    let calls = |backend: &MemoryBackend| std::mem::take(&mut backend.state().calls);
    calls(&backend);
    batch(&sender, event(&backend, [(12, None)])).await;
    let others = calls(&backend);
    batch(&sender, event(&backend, [(1, Some(at(0)))])).await;
    assert_eq!(calls(&backend), others);
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_rate_limit_loses_no_email() {
    for fault in [Fault::Before, Fault::After] {
        for call in ["change_rate_limit", "rate_limit", "load", "write"] {
            let backend = backend();
            let sender = sender(&backend).await;
            backend.state().faults_of.insert(call, [fault, fault].into());
            let priority_queues = PriorityQueues(RefCell::default());
            let event = event(&backend, [(1, None), (2, None)]);
            handler::handle(&sender, &priority_queues, event, Duration::from_secs(60))
                .await
                .ok();
            for n in [1, 2] {
                let record = backend.record(&samples::key(n)).unwrap();
                assert!(record.is_in_its_place(), "{call} {fault:?}");
                let waits = record.due.is_some_and(|due| due.kind == DueKind::RateLimited);
                let marked = backend.state().rate_limits[&slow()].check_at.is_some();
                assert!(!waits || marked, "{call} {fault:?}: promote would never look");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_waits_for_its_next_slot() {
    let backend = backend();
    let sender = sender(&backend).await;
    let detail = "no".to_owned();
    let cause = Cause::Unavailable;
    backend.state().answers = [Attempt::NotAccepted { cause, detail }].into();
    assert_eq!(batch(&sender, event(&backend, [(1, None)])).await, NONE);
    let record = backend.record(&samples::key(1)).unwrap();
    let due = record.due.unwrap();
    assert_eq!(
        (record.status, due.kind, due.at),
        (RecordStatus::Queued, DueKind::RateLimited, record.not_before)
    );
    let limit = backend.state().rate_limits[&slow()].clone();
    assert_eq!((limit.check_at, limit.is_busy()), (Some(record.not_before), false));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_email_stays_while_its_queue_is_paused() {
    let backend = backend();
    let record = EmailRecord {
        due: Some(Due {
            kind: DueKind::RateLimited,
            at: BORN,
        }),
        ..backend.record(&samples::key(1)).unwrap()
    };
    let queue = Queue {
        paused: Some(Pause {
            since: BORN,
            reason: None,
            until: None,
        }),
        ..backend.state().queues[&slow()].clone()
    };
    backend.state().store_record(record);
    backend.state().queues.insert(slow(), queue);
    let sender = sender(&backend).await;
    assert_eq!(batch(&sender, event(&backend, [(1, Some(at(0)))])).await, NONE);
    assert_eq!(place(&backend, 1), WAITS);
    assert_eq!(times(&backend, "write"), 0);
}
