//! Batches of messages.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use aws::sqs::batch::{AllFailed, ReceivedMessage};
use aws_lambda_events::sqs::SqsEvent;
use deliver::handler::{self, MessageSource};
use domain::ports::webhooks::WebhookKey;
use domain::webhook::delivery::DeliveryState;
use domain::webhook::identity::EventId;
use domain::webhook::task::DeliveryTask;
use memory::Fault;
use serde_json::json;
use tokio::time::Instant;

use crate::common::{TIME, World, endpoint};

/// The queue: the returned messages with their delays in seconds.
#[derive(Debug, Default)]
struct Queue(RefCell<BTreeMap<String, u64>>);

impl MessageSource for Queue {
    async fn put_back(&self, messages: &[(&ReceivedMessage, Duration)]) -> usize {
        let returned = messages
            .iter()
            .map(|(message, delay)| (message.message_id.clone(), delay.as_secs()));
        self.0.borrow_mut().extend(returned);
        0
    }
}

pub(crate) fn task(key: &WebhookKey, event: &EventId) -> String {
    DeliveryTask::new(key.tenant.clone(), key.id, event.clone()).to_json()
}

/// Processes messages, whose ids are their places; returns the ids of those that SQS delivers again, and the delays of
/// the returned ones.
pub(crate) async fn handle(
    world: &World,
    bodies: &[String],
    time: Duration,
) -> Result<(Vec<String>, BTreeMap<String, u64>), AllFailed> {
    let message = |(place, body): (usize, &String)| json!({"messageId": place.to_string(), "receiptHandle": "r", "body": body, "eventSourceARN": "a:hooks"});
    let messages: Vec<_> = bodies.iter().enumerate().map(message).collect();
    let event: SqsEvent = serde_json::from_value(json!({"Records": messages})).unwrap();
    let queue = Queue::default();
    let response = handler::handle(&world.deliver(), &queue, event, time).await?;
    let again = response.batch_item_failures.into_iter();
    let mut again: Vec<_> = again.map(|failure| failure.item_identifier).collect();
    again.sort();
    Ok((again, queue.0.into_inner()))
}

#[tokio::test(start_paused = true)]
async fn a_dead_endpoint_holds_up_no_other() {
    let world = World::new();
    let (dead, alive) = (world.webhook(1).await, world.webhook(2).await);
    world.receivers.hang(&endpoint(1));
    let mut bodies = Vec::new();
    for n in 1..=8 {
        bodies.push(task(&dead, &world.event(&dead, n).await));
    }
    let mut good = Vec::new();
    for n in 11..=12 {
        good.push(world.event(&alive, n).await);
        bodies.push(task(&alive, good.last().unwrap()));
    }
    let began = Instant::now();
    let (again, _) = handle(&world, &bodies, TIME).await.unwrap();
    assert_eq!(again, [""; 0]);
    for event in &good {
        assert_eq!(world.delivery(&alive, event).await.state, DeliveryState::Success);
    }
    let received = world.receivers.received();
    let of_alive: Vec<_> = received.iter().filter(|got| got.endpoint == endpoint(2)).collect();
    assert_eq!(of_alive.len(), 2);
    assert!(
        of_alive.iter().all(|got| got.at == began),
        "they do not wait for the dead one"
    );
    assert_eq!(
        began.elapsed().as_secs(),
        15,
        "nor does the batch wait for more than one round"
    );
    assert_eq!(world.receivers.count(&endpoint(1)), 5);

    // The pause costs no call: an execution has time for others at once.
    let began = Instant::now();
    let other = world.event(&dead, 30).await;
    let (again, _) = handle(&world, &[task(&dead, &other)], TIME).await.unwrap();
    assert_eq!((again.len(), began.elapsed()), (0, Duration::ZERO));
    assert_eq!(world.receivers.count(&endpoint(1)), 5);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_task_fails_alone() {
    let world = World::new();
    let key = world.webhook(1).await;
    let event = world.event(&key, 1).await;
    let newer = task(&key, &event).replace("\"v\":1", "\"v\":2");
    let bodies = ["{}".to_owned(), task(&key, &event), newer.clone()];
    let (again, returned) = handle(&world, &bodies, TIME).await.unwrap();
    assert_eq!(again, ["0", "2"]);
    assert!(returned.is_empty());
    assert_eq!(world.delivery(&key, &event).await.state, DeliveryState::Success);
    assert_eq!(handle(&world, &[newer], TIME).await, Err(AllFailed { messages: 1 }));
}

#[tokio::test(start_paused = true)]
async fn two_messages_with_one_task_make_one_call() {
    let world = World::new();
    let key = world.webhook(1).await;
    let event = world.event(&key, 1).await;
    let bodies = [task(&key, &event), task(&key, &event)];
    let (again, _) = handle(&world, &bodies, TIME).await.unwrap();
    assert_eq!(again, [""; 0]);
    assert_eq!(world.receivers.count(&endpoint(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_cannot_be_recorded_returns_alone() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 2).await;
    world
        .backend
        .state()
        .faults_of
        .insert("save_delivery", [Fault::Before].into());
    let bodies: Vec<_> = events.iter().map(|event| task(&key, event)).collect();
    let (again, returned) = handle(&world, &bodies, TIME).await.unwrap();
    assert_eq!((again.len(), returned.len()), (1, 0));
    let (again, _) = handle(&world, &bodies, TIME).await.unwrap();
    assert_eq!(again, [""; 0]);
    assert_eq!(
        world.receivers.count(&endpoint(1)),
        3,
        "the receiver tells it by its id"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_webhook_fails_only_its_messages() {
    let world = World::new();
    let (first, second) = (world.webhook(1).await, world.webhook(2).await);
    let bodies = [
        task(&first, &world.event(&first, 1).await),
        task(&second, &world.event(&second, 2).await),
        task(&first, &world.event(&first, 3).await),
    ];
    world
        .backend
        .state()
        .faults_of
        .insert("endpoint", [Fault::Before].into());
    let (again, _) = handle(&world, &bodies, TIME).await.unwrap();
    assert_eq!(again, ["0", "2"]);
    assert_eq!(world.receivers.count(&endpoint(2)), 1);
}

#[tokio::test(start_paused = true)]
async fn messages_without_time_return_uncalled() {
    let world = World::new();
    let key = world.webhook(1).await;
    let event = world.event(&key, 1).await;
    let (again, returned) = handle(&world, &[task(&key, &event)], Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(
        (again, returned),
        (vec!["0".to_owned()], BTreeMap::from([("0".to_owned(), 2)]))
    );
    assert_eq!(world.receivers.count(&endpoint(1)), 0);
    assert_eq!(world.delivery(&key, &event).await.tried, 0);
}
