//! A full priority queue: its messages are deleted, and their records are in the index.
#![expect(clippy::expect_used, reason = "a failing test panics with its reason")]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use aws::sqs::batch::ReceivedMessage;
use aws_lambda_events::sqs::SqsEvent;
use domain::delivery::breaker::OpenBreaker;
use domain::delivery::cause::Cause;
use domain::delivery::priority_queue::FullPriorityQueues;
use domain::delivery::rate::Micros;
use domain::delivery::record::{Due, DueKind, Priority, RecordStatus};
use domain::timestamp::Timestamp;
use memory::{Fault, MemoryBackend, samples};
use send::handler::{self, MessageSource};
use serde_json::json;

/// A priority queue, and the returned messages.
struct PriorityQueues(Priority, RefCell<BTreeSet<String>>);

impl MessageSource for PriorityQueues {
    fn priority_of(&self, _: &ReceivedMessage) -> Option<Priority> {
        Some(self.0)
    }

    async fn put_back(&self, messages: &[(&ReceivedMessage, Duration)]) -> usize {
        let ids = messages.iter().map(|(message, _)| message.message_id.clone());
        self.1.borrow_mut().extend(ids);
        0
    }
}

fn later(minutes: i64) -> Timestamp {
    Timestamp::from_millis(samples::BORN.as_millis() + minutes * 60_000)
}

/// Returns a backend with ten emails that the index finds in a quarter of an hour; the breaker is open, and the
/// normal-priority queue full.
fn backend() -> MemoryBackend {
    let backend = samples::backend(10).expect("the samples parse");
    {
        let mut state = backend.state();
        for record in state.records.values_mut() {
            record.due = Some(Due {
                kind: DueKind::Check,
                at: later(15),
            });
        }
        state.account_rate.free_at = Some(Micros(0));
        state.account_rate.full = FullPriorityQueues::of(|priority| priority == Priority::Normal);
        state.account_rate.open = Some(OpenBreaker {
            cause: Cause::QuotaExceeded,
            until: later(8),
            times: 3,
        });
    }
    backend
}

/// Processes the messages of emails 1 to 3; returns those that go back to the priority queue.
async fn put_back(backend: &MemoryBackend, priority: Priority) -> Vec<String> {
    let message = |n: u8| {
        let body = samples::send_task(n).to_json();
        json!({"messageId": n.to_string(), "receiptHandle": "r", "body": body, "eventSourceARN": "a:lane"})
    };
    let messages: Vec<_> = (1..=3).map(message).collect();
    let event: SqsEvent = serde_json::from_value(json!({"Records": messages})).expect("an event of SQS");
    let priority_queues = PriorityQueues(priority, RefCell::default());
    let sender = crate::common::sender(backend, backend.clone());
    let response = handler::handle(&sender, &priority_queues, event, Duration::from_secs(60)).await;
    let put_back: Vec<_> = priority_queues.1.into_inner().into_iter().collect();
    // A returned message must not be deleted, and the others must.
    let kept = response.expect("not all failed").batch_item_failures;
    let kept: BTreeSet<_> = kept.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), put_back);
    put_back
}

fn times(backend: &MemoryBackend, call: &str) -> usize {
    backend.state().calls.iter().filter(|called| **called == call).count()
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_hides_no_message() {
    let backend = backend();
    assert_eq!(put_back(&backend, Priority::Normal).await, [""; 0]);
    // One read for all of them, and no write: their records are found in time.
    assert_eq!((times(&backend, "load_many"), times(&backend, "write")), (1, 0));
    let state = backend.state();
    assert!(
        state
            .records
            .values()
            .all(|record| record.status == RecordStatus::Queued)
    );
}

#[tokio::test(start_paused = true)]
async fn other_queues_hide_messages_without_reads() {
    let backend = backend();
    assert_eq!(put_back(&backend, Priority::High).await, ["1", "2", "3"]);
    assert_eq!(times(&backend, "load_many"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_record_found_too_late_is_moved_closer() {
    let backend = backend();
    let due = |minutes| {
        Some(Due {
            kind: DueKind::Check,
            at: later(minutes),
        })
    };
    backend.state().records.get_mut(&samples::key(2)).expect("a record").due = due(600);
    assert_eq!(put_back(&backend, Priority::Normal).await, [""; 0]);
    assert_eq!(backend.record(&samples::key(2)).expect("a record").due, due(60));
    assert_eq!(times(&backend, "write"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_without_a_known_record_is_hidden() {
    // The records cannot be read.
    let down = backend();
    let faults = [Fault::Before].into();
    down.state().faults_of.insert("load_many", faults);
    assert_eq!(put_back(&down, Priority::Normal).await, ["1", "2", "3"]);

    // A record is gone.
    let gone = backend();
    gone.state().records.remove(&samples::key(1));
    assert_eq!(put_back(&gone, Priority::Normal).await, ["1"]);

    // A record cannot be moved closer.
    let stuck = backend();
    stuck.state().records.get_mut(&samples::key(3)).expect("a record").due = Some(Due {
        kind: DueKind::Check,
        at: later(600),
    });
    let faults = [Fault::Before].into();
    stuck.state().faults_of.insert("write", faults);
    assert_eq!(put_back(&stuck, Priority::Normal).await, ["3"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_hides_brief_waits() {
    let backend = backend();
    {
        let mut state = backend.state();
        state.account_rate.open = None;
        state.account_rate.rate = domain::delivery::rate::Rate::from_millis(20_000);
        // The normal-priority queue reserves five seconds ahead.
        state.account_rate.free_at = Some(Micros::of(later(0)).after(Duration::from_secs(8)));
    }
    assert_eq!(put_back(&backend, Priority::Normal).await, ["1", "2", "3"]);
    assert_eq!(times(&backend, "load_many"), 0);
}
