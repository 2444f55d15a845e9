//! Slow endpoints, and the executions that stay free for others: `deliver` has two, as by default.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::time::Duration;

use deliver::permits_of;
use domain::ports::webhooks::WebhookKey;
use domain::webhook::delivery::DeliveryState;
use domain::webhook::health::SLOW_FOR;
use domain::webhook::identity::EventId;
use futures::future::join;
use tokio::time::Instant;

use crate::batches::{handle, task};
use crate::common::{TIME, World, endpoint};

fn world() -> World {
    World::with_permits(permits_of(2))
}

/// The `n`th webhook, which answers 200 after 14 seconds.
async fn slow(world: &World, key: WebhookKey, n: u8) -> WebhookKey {
    world.receivers.slow(&endpoint(n), Duration::from_secs(14));
    key
}

/// Works off tasks in one execution; returns the number of messages that come again, and the seconds that it took.
async fn execute(world: &World, tasks: &[(&WebhookKey, &EventId)]) -> (usize, u64) {
    let began = Instant::now();
    let bodies: Vec<_> = tasks.iter().map(|(key, event)| task(key, event)).collect();
    let (again, _) = handle(world, &bodies, TIME).await.unwrap();
    (again.len(), began.elapsed().as_secs())
}

/// Lets the first execution begin its calls.
async fn a_second_later<T>(work: impl Future<Output = T>) -> T {
    tokio::time::sleep(Duration::from_secs(1)).await;
    work.await
}

#[tokio::test(start_paused = true)]
async fn a_slow_endpoint_delays_no_other_of_its_tenant() {
    let world = world();
    let (slow, quick) = (slow(&world, world.webhook(1).await, 1).await, world.webhook(2).await);
    for n in [1, 11] {
        // At first nobody knows that it is slow.
        let late = [world.event(&slow, n).await, world.event(&slow, n + 1).await];
        let soon = world.event(&quick, n + 2).await;
        let second = async {
            // A second batch of the slow one waits for nothing, and leaves its execution to the other webhook.
            let waits = execute(&world, &[(&slow, &late[1])]).await;
            (waits, execute(&world, &[(&quick, &soon)]).await)
        };
        let (first, second) = join(execute(&world, &[(&slow, &late[0])]), a_second_later(second)).await;
        assert_eq!((first, second), ((0, 14), ((1, 0), (0, 0))));
        assert_eq!(world.delivery(&quick, &soon).await.state, DeliveryState::Success);
    }
    assert!(world.is_free(&slow).await && world.is_free(&quick).await);
}

#[tokio::test(start_paused = true)]
async fn slow_endpoints_of_two_tenants_leave_an_execution_free() {
    let world = world();
    let one = slow(&world, world.webhook(1).await, 1).await;
    let two = slow(&world, world.webhook_of_another(2).await, 2).await;
    let quick = world.webhook(3).await;
    let events = [world.event(&one, 1).await, world.event(&two, 2).await];
    // At first nobody knows that they are slow, so that each takes an execution for one round.
    let (first, second) = ([(&one, &events[0])], [(&two, &events[1])]);
    let both = join(execute(&world, &first), execute(&world, &second)).await;
    assert_eq!(both, ((0, 14), (0, 14)));

    let events = [world.event(&one, 11).await, world.event(&two, 12).await];
    let soon = world.event(&quick, 13).await;
    let second = async {
        let waits = execute(&world, &[(&two, &events[1])]).await;
        (waits, execute(&world, &[(&quick, &soon)]).await)
    };
    let (first, second) = join(execute(&world, &[(&one, &events[0])]), a_second_later(second)).await;
    assert_eq!((first, second), ((0, 14), ((1, 0), (0, 0))));
    assert_eq!(
        execute(&world, &[(&two, &events[1])]).await,
        (0, 14),
        "the permit was returned"
    );
    for (key, event) in [(&one, &events[0]), (&two, &events[1]), (&quick, &soon)] {
        assert_eq!(world.delivery(key, event).await.state, DeliveryState::Success);
        assert!(world.is_free(key).await);
    }

    // Long after its last slow call, an endpoint needs no such permit any more.
    world.set_time(i64::try_from(SLOW_FOR.as_secs()).unwrap());
    world.backend.state().calls.clear();
    let event = world.event(&one, 21).await;
    assert_eq!(execute(&world, &[(&one, &event)]).await, (0, 14));
    assert!(!world.backend.state().calls.contains(&"change_slow_permits"));
}

/// An execution calls them at the same time, and takes one permit for all.
#[tokio::test(start_paused = true)]
async fn ten_slow_endpoints_of_a_batch_share_one_permit() {
    let world = world();
    let mut keys = Vec::new();
    for n in 1..=10 {
        keys.push(slow(&world, world.webhook(n).await, n).await);
    }
    for round in [0, 1] {
        let mut events = Vec::new();
        for (n, key) in (1..).zip(&keys) {
            events.push(world.event(key, n + 100 * round).await);
        }
        world.backend.state().calls.clear();
        let tasks: Vec<_> = keys.iter().zip(&events).collect();
        assert_eq!(execute(&world, &tasks).await, (0, 14));
        let calls = world.backend.state().calls.clone();
        let writes = |name| calls.iter().filter(|call| **call == name).count();
        let expected = [0, 2][usize::from(round)];
        assert_eq!((writes("change_slow_permits"), writes("change_health")), (expected, 20));
    }
}

/// An execution that is killed keeps the permit for slow endpoints until the end of the lease.
#[tokio::test(start_paused = true)]
async fn a_killed_holder_frees_the_permit_for_slow_endpoints() {
    let world = world();
    let one = slow(&world, world.webhook(1).await, 1).await;
    let two = slow(&world, world.webhook(2).await, 2).await;
    let events = [world.event(&one, 1).await, world.event(&two, 2).await];
    execute(&world, &[(&one, &events[0]), (&two, &events[1])]).await;
    let events = [world.event(&one, 3).await, world.event(&two, 4).await];
    let tasks = [(&one, &events[0])];
    let killed = execute(&world, &tasks);
    assert!(tokio::time::timeout(Duration::from_secs(1), killed).await.is_err());
    for (secs, expected) in [(59, (1, 0)), (60, (0, 14))] {
        world.set_time(secs);
        assert_eq!(execute(&world, &[(&two, &events[1])]).await, expected);
    }
}
