//! Send tasks of queues with rate limits: none waits here, in a world in memory.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

mod common;

use std::cell::RefCell;
use std::time::Duration;

use aws::batch::ReceivedMessage;
use aws_lambda_events::sqs::SqsEvent;
use domain::account_rate::Rate;
use domain::cause::Cause;
use domain::lifecycle::Attempt;
use domain::queue::{Pause, Queue, QueueKey, QueueName};
use domain::rate_limit::RateLimit;
use domain::record::{Due, DueKind, EmailRecord, Priority, Status};
use domain::timestamp::Timestamp;
use domain::wire::send_task::SendTask;
use send::Send;
use send::handler::{self, MessageSource};
use serde_json::json;
use world::samples::BORN;
use world::{Fault, World, samples};

type Sender = Send<World, World, World, World, World>;

/// A priority queue, and what was put back into it, in seconds.
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

/// Ten emails of a queue with one a second, and ten of `default`.
fn world() -> World {
    let world = samples::world(20).expect("the samples parse");
    let mut state = world.state();
    for n in 1..=10 {
        let record = EmailRecord {
            queue: slow().name,
            ..state.records[&samples::key(n)].clone()
        };
        state.plant(record);
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
    state.account_rate.settings_no = 1;
    drop(state);
    world
}

/// A sender that knows the queue.
async fn sender(world: &World) -> Sender {
    let sender = common::sender(world, world.clone());
    let queue = world.state().queues[&slow()].clone();
    let read = async { Ok::<_, ()>(queue) };
    sender.known.get(slow(), 1, read).await.unwrap();
    sender
}

fn event(world: &World, emails: impl IntoIterator<Item = (u8, Option<Timestamp>)>) -> SqsEvent {
    let message = |(n, slot): (u8, Option<Timestamp>)| {
        let record = world.record(&samples::key(n)).unwrap();
        let body = SendTask::of(&record).at_slot(slot).to_json();
        json!({"messageId": n.to_string(), "receiptHandle": "r", "body": body, "eventSourceARN": "a:lane"})
    };
    let messages: Vec<_> = emails.into_iter().map(message).collect();
    serde_json::from_value(json!({"Records": messages})).expect("an event of SQS")
}

/// Works off a batch; returns what was put back.
async fn batch(sender: &Sender, event: SqsEvent) -> Vec<u64> {
    let priority_queues = PriorityQueues(RefCell::default());
    let done = handler::handle(sender, &priority_queues, event, Duration::from_secs(60)).await;
    assert!(done.is_ok_and(|answer| answer.batch_item_failures.len() == priority_queues.0.borrow().len()));
    priority_queues.0.into_inner()
}

fn place(world: &World, n: u8) -> (Status, Option<DueKind>) {
    let record = world.record(&samples::key(n)).unwrap();
    (record.status, record.due.map(|due| due.kind))
}

fn times(world: &World, call: &str) -> usize {
    world.state().calls.iter().filter(|called| **called == call).count()
}

const NONE: [u64; 0] = [];
const WAITS: (Status, Option<DueKind>) = (Status::Queued, Some(DueKind::Paced));
const SENT: (Status, Option<DueKind>) = (Status::Sent, None);

#[tokio::test(start_paused = true)]
async fn a_sender_waits_for_no_slot() {
    let world = world();
    let (sender, began) = (sender(&world).await, tokio::time::Instant::now());
    let emails = (1..=5).chain(11..=15).map(|n| (n, None));
    assert_eq!(batch(&sender, event(&world, emails)).await, NONE);
    assert_eq!(
        began.elapsed(),
        Duration::ZERO,
        "the others of the batch are held up by nothing"
    );
    assert_eq!(place(&world, 1), SENT, "the queue was idle");
    for n in 2..=5 {
        assert_eq!(place(&world, n), WAITS, "email {n}");
    }
    for n in 11..=15 {
        assert_eq!(place(&world, n), SENT, "email {n}");
    }
    let limit = world.state().rate_limits[&slow()].clone();
    assert!(limit.is_busy(), "promote looks at it");
    assert_eq!(limit.look_at, Some(at(0)));
}

#[tokio::test(start_paused = true)]
async fn an_email_goes_by_its_slot_until_a_minute_later() {
    let world = world();
    let sender = sender(&world).await;
    world.state().now_ms = at(100).as_millis();
    let slots = [
        (1, Some(at(100))),
        (2, Some(at(40))),
        (3, Some(at(39))),
        (4, Some(at(101))),
    ];
    assert_eq!(batch(&sender, event(&world, slots)).await, NONE);
    assert_eq!([1, 2, 3, 4].map(|n| place(&world, n)), [SENT, SENT, WAITS, SENT]);
    assert_eq!(
        times(&world, "change_rate_limit"),
        1,
        "the mark for the late one, and no reservation"
    );
    assert_eq!(
        batch(&sender, event(&world, [(5, Some(at(130)))])).await,
        [30],
        "a clock is ahead"
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_in_the_index_costs_no_write() {
    let world = world();
    let sender = sender(&world).await;
    batch(&sender, event(&world, [(1, Some(at(-61)))])).await;
    assert_eq!(place(&world, 1), WAITS);
    world.state().calls.clear();
    batch(&sender, event(&world, [(1, Some(at(-61)))])).await;
    assert_eq!((times(&world, "write"), times(&world, "claim")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_email_with_a_slot_costs_no_call_more_than_others() {
    let world = world();
    let sender = sender(&world).await;
    batch(&sender, event(&world, [(11, None)])).await;
    let calls = |world: &World| std::mem::take(&mut world.state().calls);
    calls(&world);
    batch(&sender, event(&world, [(12, None)])).await;
    let others = calls(&world);
    batch(&sender, event(&world, [(1, Some(at(0)))])).await;
    assert_eq!(calls(&world), others);
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_the_rate_limit_loses_no_email() {
    for fault in [Fault::Before, Fault::After] {
        for call in ["change_rate_limit", "rate_limit", "load", "write"] {
            let world = world();
            let sender = sender(&world).await;
            world.state().faults_of.insert(call, [fault, fault].into());
            let priority_queues = PriorityQueues(RefCell::default());
            let event = event(&world, [(1, None), (2, None)]);
            handler::handle(&sender, &priority_queues, event, Duration::from_secs(60))
                .await
                .ok();
            for n in [1, 2] {
                let record = world.record(&samples::key(n)).unwrap();
                assert!(record.is_in_its_place(), "{call} {fault:?}");
                let waits = record.due.is_some_and(|due| due.kind == DueKind::Paced);
                let marked = world.state().rate_limits[&slow()].look_at.is_some();
                assert!(!waits || marked, "{call} {fault:?}: nobody would look");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_waits_for_its_next_slot() {
    let world = world();
    let sender = sender(&world).await;
    let detail = "no".to_owned();
    let cause = Cause::Unavailable;
    world.state().answers = [Attempt::NotAccepted { cause, detail }].into();
    assert_eq!(batch(&sender, event(&world, [(1, None)])).await, NONE);
    let record = world.record(&samples::key(1)).unwrap();
    let due = record.due.unwrap();
    assert_eq!(
        (record.status, due.kind, due.at),
        (Status::Queued, DueKind::Paced, record.not_before)
    );
    let limit = world.state().rate_limits[&slow()].clone();
    assert_eq!((limit.look_at, limit.is_busy()), (Some(record.not_before), false));
}

#[tokio::test(start_paused = true)]
async fn an_email_that_waits_stays_while_its_queue_is_paused() {
    let world = world();
    let record = EmailRecord {
        due: Some(Due {
            kind: DueKind::Paced,
            at: BORN,
        }),
        ..world.record(&samples::key(1)).unwrap()
    };
    let queue = Queue {
        paused: Some(Pause {
            since: BORN,
            reason: None,
            until: None,
        }),
        ..world.state().queues[&slow()].clone()
    };
    world.state().plant(record);
    world.state().queues.insert(slow(), queue);
    let sender = sender(&world).await;
    assert_eq!(batch(&sender, event(&world, [(1, Some(at(0)))])).await, NONE);
    assert_eq!(place(&world, 1), WAITS);
    assert_eq!(times(&world, "write"), 0);
}
