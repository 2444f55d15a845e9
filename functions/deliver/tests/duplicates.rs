//! Two tasks for one delivery, and writes that come in between.

use std::time::Duration;

use deliver::TaskOutcome;
use domain::ports::webhook_events::{Deliveries, DeliveryChange, DueDeliveries};
use domain::timestamp::Timestamp;
use domain::webhook::delivery::{DeliveryState, guarded_until};
use futures::future::join;

use crate::common::receivers::answered;
use crate::common::{World, endpoint};

/// Waits until the call is under way.
async fn during_the_call() {
    tokio::time::sleep(Duration::from_millis(500)).await;
}

#[tokio::test(start_paused = true)]
async fn a_late_duplicate_makes_no_call() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 1).await;
    for expected in [1, 0, 0] {
        let worked = world.work_off(&key, &events).await;
        assert_eq!(worked.counts.calls, expected);
        assert!(matches!(worked.outcomes[..], [Ok(TaskOutcome::Done)]));
    }
    assert_eq!(world.delivery(&key, &events[0]).await.tried, 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_from_before_a_failure_makes_no_call() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 1).await;
    world.receivers.always(&endpoint(1), answered(500));
    for (secs, expected) in [(0, 1), (0, 0), (3, 0), (5, 1)] {
        world.set_time(secs);
        assert_eq!(world.work_off(&key, &events).await.counts.calls, expected, "{secs}");
    }
}

/// Both executions call the endpoint, but only one attempt is recorded.
#[tokio::test(start_paused = true)]
async fn concurrent_duplicates_record_one_attempt() {
    let world = World::with_permits(2);
    let key = world.webhook(1).await;
    let events = world.events(&key, 1).await;
    world.receivers.slow(&endpoint(1), Duration::from_secs(1));
    world.receivers.answer(&endpoint(1), [answered(500), answered(503)]);
    let (first, second) = join(world.work_off(&key, &events), world.work_off(&key, &events)).await;
    for worked in [first, second] {
        assert!(matches!(worked.outcomes[..], [Ok(TaskOutcome::Done)]), "{worked:?}");
    }
    assert_eq!(world.receivers.count(&endpoint(1)), 2);
    let delivery = world.delivery(&key, &events[0]).await;
    assert_eq!((delivery.tried, delivery.attempts, delivery.past.len()), (1, 1, 1));
    assert_eq!(world.delays(), [5], "one task follows");
}

/// `promote` guards a delivery while it is being called: its task waited long in the queue.
#[tokio::test(start_paused = true)]
async fn a_guard_in_between_does_not_lose_the_attempt() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 1).await;
    world.set_time(1_000);
    world.receivers.slow(&endpoint(1), Duration::from_secs(1));
    let guard = async {
        during_the_call().await;
        let shard = events[0].shard();
        let all = (Timestamp::from_millis(0), world.now());
        let page = world.backend.due_deliveries(shard, all, None, 10).await.unwrap();
        let check = guarded_until(world.now());
        assert!(world.backend.guard_delivery(&page.items[0], check).await.unwrap());
    };
    let (worked, ()) = join(world.work_off(&key, &events), guard).await;
    assert_eq!(worked.counts.delivered, 1);
    assert_eq!(world.delivery(&key, &events[0]).await.state, DeliveryState::Success);
}

/// A caller replays an event while it is being called. The replay stands, because its caller waits for it.
#[tokio::test(start_paused = true)]
async fn a_replay_in_between_stands() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 1).await;
    world.receivers.slow(&endpoint(1), Duration::from_secs(1));
    let replay = async {
        during_the_call().await;
        world.set_time(1);
        let stored = world.stored(&key, &events[0]).await;
        let replayed = stored.delivery.replayed(world.now(), world.now());
        let changed = world.backend.save_delivery(&key, &stored, &replayed).await.unwrap();
        assert_eq!(changed, DeliveryChange::Done);
    };
    let (worked, ()) = join(world.work_off(&key, &events), replay).await;
    assert!(matches!(worked.outcomes[..], [Ok(TaskOutcome::Done)]), "{worked:?}");
    let delivery = world.delivery(&key, &events[0]).await;
    assert_eq!((delivery.state, delivery.tried), (DeliveryState::Attempting, 0));
    assert!(delivery.is_wanted(world.now()));
    assert_eq!(world.work_off(&key, &events).await.counts.delivered, 1);
}

/// An event is replayed on the last day of its retention. Its payload is kept as long as its delivery.
#[tokio::test(start_paused = true)]
async fn a_late_replay_keeps_its_payload() {
    const DAY: i64 = 86_400;
    for (retention_days, replayed_at) in [(30, 29), (1, 5)] {
        let world = World::new();
        world.backend.state().retention = Some(Duration::from_secs(retention_days * 86_400));
        let key = world.webhook(1).await;
        let events = world.events(&key, 1).await;
        world.receivers.always(&endpoint(1), answered(500));
        world.set_time(replayed_at * DAY);
        world.backend.state().expire();
        let stored = world.stored(&key, &events[0]).await;
        let replayed = stored.delivery.replayed(world.now(), world.now());
        let changed = world.backend.save_delivery(&key, &stored, &replayed).await.unwrap();
        assert_eq!(changed, DeliveryChange::Done);
        world.set_time((replayed_at + 4) * DAY);
        world.backend.state().expire();
        world.receivers.always(&endpoint(1), answered(200));
        assert_eq!(world.work_off(&key, &events).await.counts.delivered, 1);
    }
}
