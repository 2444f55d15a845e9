//! Messages about emails of a held API key send nothing, in a world in memory.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

mod common;

use std::time::Duration;

use aws::batch::ReceivedMessage;
use aws_lambda_events::sqs::SqsEvent;
use domain::account_rate::Rate;
use domain::id::KeyId;
use domain::queue::key_hold::{KeyHold, KeyHolds};
use domain::queue::{Common, Queue, QueueKey};
use domain::rate_limit::RateLimit;
use domain::record::{Due, DueKind, EmailRecord, Priority, Status};
use domain::wire::send_task::SendTask;
use send::handler::{self, MessageSource};
use serde_json::json;
use world::samples::{self, BORN};
use world::{Fault, World};

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
    QueueKey::of(&samples::record(1, &samples::email().expect("the sample parses")))
}

/// Eight emails of the queue `default`: the odd ones were accepted with key 1, which is held.
fn world() -> World {
    let world = samples::world(8).expect("the samples parse");
    let mut state = world.state();
    for n in 1..=8 {
        let record = EmailRecord {
            key: Some(key(if n % 2 == 1 { 1 } else { 2 })),
            ..state.records[&samples::key(n)].clone()
        };
        state.plant(record);
    }
    let queue = Queue::plain(lead(), BORN).with_common(&Common {
        key_holds: KeyHolds::default().with(KeyHold::of_revoked(key(1))).unwrap(),
        ..Common::default()
    });
    state.queues.insert(queue.key.clone(), queue);
    state.account_rate.settings_no = 1;
    drop(state);
    world
}

fn event(world: &World, change: impl Fn(SendTask) -> SendTask) -> SqsEvent {
    let message = |n: u8| {
        let body = change(SendTask::of(&world.record(&samples::key(n)).unwrap())).to_json();
        json!({"messageId": n.to_string(), "receiptHandle": "r", "body": body, "eventSourceARN": "a:lane"})
    };
    serde_json::from_value(json!({"Records": (1..=8).map(message).collect::<Vec<_>>()})).expect("an event of SQS")
}

/// Works off all eight messages; the numbers of those that come again.
async fn batch(world: &World, event: SqsEvent) -> usize {
    let sender = common::sender(world, world.clone());
    let done = handler::handle(&sender, &PriorityQueues, event, Duration::from_secs(60)).await;
    done.map_or(8, |answer| answer.batch_item_failures.len())
}

fn places(world: &World) -> Vec<(Status, Option<DueKind>)> {
    let place = |n| {
        let record = world.record(&samples::key(n)).unwrap();
        (record.status, record.due.map(|due| due.kind))
    };
    (1..=8).map(place).collect()
}

/// As [`places`], when all is done.
fn expected() -> Vec<(Status, Option<DueKind>)> {
    let place = |n| match n % 2 {
        1 => (Status::Queued, Some(DueKind::Held)),
        _ => (Status::Sent, None),
    };
    (1..=8).map(place).collect()
}

#[tokio::test(start_paused = true)]
async fn an_email_of_a_held_key_is_held_and_others_go() {
    let world = world();
    assert_eq!(batch(&world, event(&world, |send_task| send_task)).await, 0);
    assert_eq!(places(&world), expected());
    // A message that was lost on the way, or doubled, changes nothing.
    let writes = |world: &World| {
        world
            .state()
            .calls
            .iter()
            .filter(|call| call.starts_with("write"))
            .count()
    };
    let before = writes(&world);
    batch(&world, event(&world, |send_task| send_task)).await;
    assert_eq!((places(&world), writes(&world)), (expected(), before));
}

#[tokio::test(start_paused = true)]
async fn an_email_of_a_held_key_takes_no_slot_for_good() {
    let world = world();
    {
        let mut state = world.state();
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
                    kind: DueKind::Paced,
                    at: BORN,
                }),
                ..state.records[&samples::key(n)].clone()
            };
            state.plant(record);
        }
    }
    // Released by promote, each with its slot.
    batch(&world, event(&world, |send_task| send_task.at_slot(Some(BORN)))).await;
    assert_eq!(places(&world), expected(), "promote does not release it again");
}

#[tokio::test(start_paused = true)]
async fn no_email_of_a_held_key_is_sent_while_calls_fail() {
    for what in ["queue", "load", "write", "account_rate"] {
        for fault in [Fault::Before, Fault::After] {
            let world = world();
            world.state().faults_of.insert(what, vec![fault; 3].into());
            batch(&world, event(&world, |send_task| send_task)).await;
            let held = |world: &World| places(world).into_iter().step_by(2).collect::<Vec<_>>();
            let waits = held(&world).into_iter().all(|(status, _)| status == Status::Queued);
            assert!(waits, "{what} {fault:?}");
            world.state().faults_of.clear();
            batch(&world, event(&world, |send_task| send_task)).await;
            assert_eq!(
                held(&world),
                [(Status::Queued, Some(DueKind::Held)); 4],
                "{what} {fault:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_tenants_with_a_held_key_pay_for_it() {
    let reads = async |holds: bool| {
        let world = world();
        if !holds {
            let plain = Queue::plain(lead(), BORN);
            world.state().queues.insert(lead(), plain);
        }
        batch(&world, event(&world, |send_task| send_task)).await;
        let calls = world.state().calls.clone();
        calls.into_iter().filter(|call| *call == "load").count()
    };
    assert_eq!((reads(false).await, reads(true).await), (0, 8));
}
