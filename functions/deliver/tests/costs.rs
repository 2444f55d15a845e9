//! The calls of `deliver` are counted: each additional call costs money (docs/COST.md). `answers` counts those of one
//! event.

use std::time::Duration;

use domain::ports::webhooks::WebhookKey;
use domain::webhook::health::{Health, SLOW_FOR};
use domain::webhook::identity::EventId;
use domain::webhook::permits::CallPermits;

use crate::common::receivers::answered;
use crate::common::{World, endpoint, event, key};

/// Works off the tasks of these events, and returns the calls of the table in order.
async fn calls(world: &World, key: &WebhookKey, events: &[EventId]) -> Vec<&'static str> {
    world.backend.state().calls.clear();
    world.work_off(key, events).await;
    world.backend.state().calls.clone()
}

#[tokio::test(start_paused = true)]
async fn ten_events_share_all_but_their_result() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 10).await;
    let mut expected = vec!["endpoint", "change_health", "deliveries", "payloads"];
    expected.extend(["save_delivery"; 10]);
    expected.push("change_health");
    assert_eq!(calls(&world, &key, &events).await, expected);
    assert_eq!(world.receivers.count(&endpoint(1)), 10);
    assert_eq!(world.delays(), [0_u64; 0]);
}

/// The return of the permit also has the failure.
#[tokio::test(start_paused = true)]
async fn a_failed_attempt_takes_one_task_more() {
    let world = World::new();
    let key = world.webhook(1).await;
    let event = world.event(&key, 1).await;
    world.receivers.answer(&endpoint(1), [answered(500)]);
    assert_eq!(
        calls(&world, &key, &[event]).await,
        [
            "endpoint",
            "change_health",
            "deliveries",
            "payloads",
            "save_delivery",
            "change_health"
        ]
    );
    assert_eq!(world.delays(), [5]);
}

/// A slow endpoint takes two writes more for each execution, and none while others have the permits.
#[tokio::test(start_paused = true)]
async fn a_slow_endpoint_takes_two_writes_more() {
    let world = World::new();
    let key = world.webhook(1).await;
    let slow = Health {
        slow_until: Some(world.now().after(SLOW_FOR)),
        ..Health::default()
    };
    world.set_health(&key, &slow).await;
    let events = world.events(&key, 1).await;
    assert_eq!(
        calls(&world, &key, &events).await,
        [
            "endpoint",
            "change_slow_permits",
            "change_health",
            "deliveries",
            "payloads",
            "save_delivery",
            "change_health",
            "change_slow_permits"
        ]
    );
    let others = CallPermits::default().with(1, 7, world.now()).unwrap();
    world.backend.state().hooks.slow_permits = others;
    let events = [world.event(&key, 2).await];
    assert_eq!(calls(&world, &key, &events).await, ["endpoint"]);
}

#[tokio::test(start_paused = true)]
async fn a_closed_endpoint_takes_one_write_for_each_event() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 10).await;
    let closed = Health {
        closed_until: Some(world.now().after(Duration::from_secs(90))),
        ..Health::default()
    };
    world.set_health(&key, &closed).await;
    let mut expected = vec!["endpoint", "deliveries"];
    expected.extend(["save_delivery"; 10]);
    assert_eq!(calls(&world, &key, &events).await, expected);
    assert_eq!(world.receivers.count(&endpoint(1)), 0);
    assert_eq!(world.delays(), [90; 10]);
}

#[tokio::test(start_paused = true)]
async fn a_task_of_a_deleted_webhook_takes_two_reads() {
    let world = World::new();
    assert_eq!(calls(&world, &key(7), &[event(1)]).await, ["endpoint", "deliveries"]);
}
