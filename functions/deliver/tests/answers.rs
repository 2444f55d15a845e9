//! Each answer of an endpoint, and its consequence for the event.

use std::time::Duration;

use deliver::Execution;
use domain::ports::webhooks::WebhookSecrets;
use domain::webhook::delivery::{Delivery, DeliveryState, guarded_until};
use domain::webhook::health::Health;
use domain::webhook::outcome::Outcome;
use domain::webhook::permits::CallPermits;
use domain::webhook::secret::Secrets;
use outgoing::signature::{Secret, sign};
use tokio::time::Instant;

use crate::common::receivers::{aborting, answered, waiting};
use crate::common::{Late, TIME, World, body, endpoint, key, secret, tasks};

/// The delivery of one event after one attempt with this outcome.
async fn after(world: &World, outcome: Outcome) -> Delivery {
    let key = world.webhook(1).await;
    let event = world.event(&key, 1).await;
    world.receivers.answer(&endpoint(1), [outcome]);
    let worked = world.work_off(&key, std::slice::from_ref(&event)).await;
    assert!(worked.outcomes.iter().all(Result::is_ok), "{worked:?}");
    assert_eq!(worked.counts.calls, 1);
    assert!(world.is_free(&key).await, "the permit is returned");
    world.delivery(&key, &event).await
}

/// Seconds until the next attempt.
fn wait(world: &World, delivery: &Delivery) -> Option<u64> {
    delivery.next.map(|next| next.at.since(world.now()).as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_success_ends_the_delivery() {
    let world = World::new();
    let delivery = after(&world, answered(204)).await;
    assert_eq!((delivery.state, delivery.next), (DeliveryState::Success, None));
    assert_eq!(delivery.past.len(), 1);
    assert_eq!(world.delays(), [0_u64; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_gets_the_stored_bytes_with_their_signature() {
    let world = World::new();
    let key = world.webhook(1).await;
    let event = world.event(&key, 1).await;
    world.set_time(2);
    world.work_off(&key, std::slice::from_ref(&event)).await;
    let received = world.receivers.received();
    let [got] = received.as_slice() else {
        panic!("one request: {received:?}");
    };
    assert_eq!((got.endpoint.clone(), got.body.clone()), (endpoint(1), body(1)));
    let now_secs = u64::try_from(world.now().as_secs()).unwrap();
    let secret = Secret::parse(&secret(1).to_text()).unwrap();
    let signed = sign(event.as_str(), now_secs, body(1).as_bytes(), &secret, &[]).unwrap();
    let expected = signed.headers().map(|(name, value)| (name.to_owned(), value));
    assert_eq!(got.headers, expected);
}

#[tokio::test(start_paused = true)]
async fn after_a_rotation_both_secrets_sign_for_a_day() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 2).await;
    let before = Secrets::new(secret(1));
    let after = before.rotated(secret(2), world.now());
    assert!(world.backend.save_secrets(&key, Some(&before), &after).await.unwrap());
    for (event, secs) in events.iter().zip([86_399, 86_400]) {
        world.set_time(secs);
        world.work_off(&key, std::slice::from_ref(event)).await;
    }
    let received = world.receivers.received();
    let signatures = received.iter().map(|got| {
        let header = got.headers.iter().find(|(name, _)| name == "webhook-signature");
        header.unwrap().1.split(' ').count()
    });
    assert_eq!(signatures.collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_again_by_a_delayed_task() {
    let world = World::new();
    let delivery = after(&world, answered(500)).await;
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Attempting, 1));
    assert_eq!(wait(&world, &delivery), Some(5));
    assert_eq!(world.delays(), [5]);
    let guard = delivery.next.unwrap();
    assert_eq!(guard.check, guarded_until(guard.at));
}

/// Events that failed together do not return together: each wait of `deliver` has its jitter.
#[tokio::test(start_paused = true)]
async fn every_wait_is_spread() {
    for (outcome, expected) in [
        (answered(503), 5_500),
        (waiting(500, Some(600)), 660_000),
        (waiting(429, Some(90)), 99_000),
    ] {
        let world = World::new();
        let key = world.webhook(1).await;
        let event = world.event(&key, 1).await;
        world.receivers.answer(&endpoint(1), [outcome]);
        let (deliver, execution) = (
            world.deliver_with(Late(world.backend.clone())),
            Execution::new(Instant::now() + TIME),
        );
        let tasks = tasks(&key, std::slice::from_ref(&event), 1);
        assert_eq!(deliver.work_off(&tasks, &execution).await.unwrap().counts.calls, 1);
        let next = world.delivery(&key, &event).await.next.unwrap();
        assert_eq!(next.at.since(world.now()).as_millis(), expected);
    }
    // Without an attempt, too: its endpoint is closed, or others have its permit.
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 2).await;
    let deliver = world.deliver_with(Late(world.backend.clone()));
    let execution = Execution::new(Instant::now() + TIME);
    for (place, (closed, receives, expected)) in [(Some(90), 1, 99_000), (None, 5, 66_000)].into_iter().enumerate() {
        let permits = CallPermits::default().with(1, 7_777, world.now()).unwrap();
        let health = Health {
            closed_until: closed.map(|secs| world.now().after(Duration::from_secs(secs))),
            permits,
            ..Health::default()
        };
        world.set_health(&key, &health).await;
        let event = &events[place..=place];
        let worked = deliver
            .work_off(&tasks(&key, event, receives), &execution)
            .await
            .unwrap();
        assert_eq!(worked.counts.calls, 0);
        let next = world.delivery(&key, &event[0]).await.next.unwrap();
        assert_eq!(next.at.since(world.now()).as_millis(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_far_attempt_is_only_in_the_index() {
    let world = World::new();
    let delivery = after(&world, waiting(500, Some(7_200))).await;
    assert_eq!(wait(&world, &delivery), Some(7_200));
    assert_eq!(delivery.next.map(|next| next.check), delivery.next.map(|next| next.at));
    assert_eq!(world.delays(), [0_u64; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_task_is_left_to_the_index() {
    let world = World::new();
    world.break_queue();
    let delivery = after(&world, answered(500)).await;
    assert_eq!(wait(&world, &delivery), Some(5), "the attempt is recorded");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let world = World::new();
    let delivery = after(&world, answered(302)).await;
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Attempting, 1));
    assert_eq!(world.receivers.received().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_a_failure_with_its_reason() {
    let world = World::new();
    world.receivers.slow(&endpoint(1), Duration::from_secs(15));
    let delivery = after(
        &world,
        Outcome::NoAnswer("The endpoint did not answer within 15 seconds.".to_owned()),
    )
    .await;
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Attempting, 1));
    let past = delivery.past.last().unwrap();
    assert_eq!(
        (past.status, past.words.as_str()),
        (0, "The endpoint did not answer within 15 seconds.")
    );
}

#[tokio::test(start_paused = true)]
async fn a_throttled_attempt_closes_the_endpoint_and_does_not_count() {
    let world = World::new();
    let delivery = after(&world, waiting(429, Some(90))).await;
    assert_eq!((delivery.attempts, delivery.tried, delivery.postponed), (0, 1, 0));
    assert_eq!((wait(&world, &delivery), world.delays()), (Some(90), vec![90]));
    let key = key(1);
    let health = world.health(&key).await;
    assert_eq!(
        (health.failures, health.closed_until),
        (0, Some(delivery.next.unwrap().at))
    );

    // Another event waits as long, without a call.
    world.set_time(30);
    let other = world.event(&key, 2).await;
    let worked = world.work_off(&key, std::slice::from_ref(&other)).await;
    assert_eq!((worked.counts.calls, worked.counts.postponed), (0, 1));
    let other = world.delivery(&key, &other).await;
    assert_eq!((other.state, other.tried, other.waited), (DeliveryState::Pending, 0, 1));
    assert_eq!(wait(&world, &other), Some(60));
    assert_eq!(world.delays(), [90, 60]);
    assert_eq!(world.receivers.received().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_can_end_one_event() {
    let world = World::new();
    let delivery = after(&world, aborting(400)).await;
    assert_eq!((delivery.state, delivery.next), (DeliveryState::Failed, None));
    let key = key(1);
    assert_eq!(world.health(&key).await.failures, 0, "its endpoint is alive");
}

/// Erasure deletes the payload. A task that comes later must not keep its delivery open.
#[tokio::test(start_paused = true)]
async fn an_erased_event_ends_without_a_call() {
    let world = World::new();
    let key = world.webhook(1).await;
    let erased = world.delivery_without_payload(&key, 1).await;
    let other = world.event(&key, 2).await;
    let worked = world.work_off(&key, &[erased.clone(), other.clone()]).await;
    assert_eq!(worked.counts.calls, 1);
    let ended = world.delivery(&key, &erased).await;
    assert_eq!((ended.state, ended.next), (DeliveryState::Failed, None));
    assert_eq!(
        ended.past.last().map(|past| past.words.as_str()),
        Some("The event was erased.")
    );
    assert_eq!(world.delivery(&key, &other).await.state, DeliveryState::Success);
}

/// The calls of the happy path are counted: each additional call costs money.
#[tokio::test(start_paused = true)]
async fn a_delivery_takes_three_reads_and_three_writes() {
    let world = World::new();
    let key = world.webhook(1).await;
    let event = world.event(&key, 1).await;
    world.backend.state().calls.clear();
    world.work_off(&key, &[event]).await;
    let calls = world.backend.state().calls.clone();
    assert_eq!(
        calls,
        [
            "endpoint",
            "change_health",
            "deliveries",
            "payloads",
            "save_delivery",
            "change_health"
        ]
    );
}
