//! Endpoints that are slow, dead or busy, and webhooks that are not called.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::time::Duration;

use deliver::{DeliverFunction, Execution, TaskOutcome, Worked, permits_of};
use domain::id::EmailId;
use domain::ports::webhook_events::Deliveries;
use domain::ports::webhooks::{WebhookKey, Webhooks};
use domain::webhook::delivery::DeliveryState;
use domain::webhook::health::{Health, SLOW_FOR};
use domain::webhook::identity::EventId;
use domain::webhook::recovery::RecoverJob;
use domain::webhook::settings::{Status, WebhookChange};
use futures::future::join;
use memory::Fault;
use tokio::time::Instant;

use crate::common::receivers::answered;
use crate::common::{TIME, World, endpoint, tasks};

fn seconds(outcome: &TaskOutcome) -> Option<u64> {
    match outcome {
        TaskOutcome::Done => None,
        TaskOutcome::Later(wait) => Some(wait.as_secs()),
    }
}

/// Disables a webhook as a caller does.
async fn disable(world: &World, key: &WebhookKey) {
    let stored = world.backend.webhook(key, world.now()).await.unwrap().unwrap();
    let change = WebhookChange {
        enabled: Some(false),
        ..WebhookChange::default()
    };
    let (disabled, _) = stored.webhook.changed(&change, world.now()).unwrap();
    assert!(world.backend.save_webhook(&stored, &disabled).await.unwrap());
}

/// A hanging endpoint costs one round of calls. The rest waits in the index, and each of its writes is counted.
#[tokio::test(start_paused = true)]
async fn a_dead_endpoint_costs_one_round_of_calls() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 8).await;
    world.receivers.hang(&endpoint(1));
    let began = Instant::now();
    let worked = world.work_off(&key, &events).await;
    assert_eq!(began.elapsed().as_secs(), 15);
    assert_eq!((worked.counts.calls, worked.counts.postponed), (5, 3));
    assert_eq!(world.receivers.most_running(), 5);
    let last = world.delivery(&key, events.last().unwrap()).await;
    assert_eq!((last.state, last.tried, last.waited), (DeliveryState::Pending, 0, 1));
    let health = world.health(&key).await;
    assert!(health.closed_until > Some(world.now()) && world.is_free(&key).await);
}

#[tokio::test(start_paused = true)]
async fn a_failing_endpoint_gets_one_event_first() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 7).await;
    let failing = Health {
        failures: 3,
        failing_since: Some(world.now()),
        ..Health::default()
    };
    world.set_health(&key, &failing).await;
    world.receivers.answer(&endpoint(1), [answered(500)]);
    let worked = world.work_off(&key, &events).await;
    assert_eq!((worked.counts.calls, worked.counts.postponed), (1, 6));

    // The pause has ended, and it lives again: one event, then the others together.
    world.set_time(600);
    world.receivers.slow(&endpoint(1), Duration::from_secs(1));
    let began = Instant::now();
    let worked = world.work_off(&key, &events).await;
    assert_eq!((worked.counts.calls, worked.counts.delivered), (7, 7));
    assert_eq!(began.elapsed().as_secs(), 3, "one, five, and one");
    assert_eq!(world.health(&key).await.failures, 0);
}

/// Works off the tasks of events whose endpoint is busy; returns the result, and the calls that it took.
async fn while_busy(world: &World, key: &WebhookKey, events: &[EventId], receives: u32) -> (Worked, Vec<&'static str>) {
    let first = world.event(key, 99).await;
    world.receivers.slow(&endpoint(1), Duration::from_secs(10));
    let busy = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.backend.state().calls.clear();
        let worked = world.work_off_received(key, events, receives).await;
        (worked, world.backend.state().calls.clone())
    };
    let (worked, busy) = join(world.work_off(key, &[first]), busy).await;
    assert_eq!(worked.counts.delivered, 1);
    busy
}

#[tokio::test(start_paused = true)]
async fn a_busy_endpoint_first_costs_no_write() {
    for (receives, from) in [(1, 2), (2, 4), (3, 8), (4, 16)] {
        let world = World::new();
        let key = world.webhook(1).await;
        let events = world.events(&key, 2).await;
        let (returned, calls) = while_busy(&world, &key, &events, receives).await;
        let waits = returned
            .outcomes
            .iter()
            .map(|outcome| seconds(outcome.as_ref().unwrap()));
        let waits: Vec<_> = waits.map(Option::unwrap).collect();
        assert!(waits.iter().all(|wait| (from..=from + 8).contains(wait)), "{waits:?}");
        assert!(waits[0] != waits[1], "they spread");
        assert_eq!(calls, ["endpoint"]);
    }
}

/// A task that waits for a permit is no broken one: its message ends before it could reach the queue of leftovers.
#[tokio::test(start_paused = true)]
async fn a_task_without_a_permit_returns_to_the_index() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 2).await;
    let (returned, calls) = while_busy(&world, &key, &events, 5).await;
    assert!(
        returned
            .outcomes
            .iter()
            .all(|outcome| matches!(outcome, Ok(TaskOutcome::Done)))
    );
    assert_eq!((returned.counts.returned, returned.counts.calls), (2, 0));
    assert_eq!(calls, ["endpoint", "deliveries", "save_delivery", "save_delivery"]);
    assert!(world.delays().is_empty(), "only the index knows them");
    for event in &events {
        let delivery = world.delivery(&key, event).await;
        assert_eq!((delivery.attempts, delivery.tried, delivery.waited), (0, 0, 1));
        assert!(delivery.next.unwrap().at > world.now() && delivery.state == DeliveryState::Pending);
    }
    world.set_time(120);
    assert_eq!(world.work_off(&key, &events).await.counts.delivered, 2);
}

/// An execution that is killed during its calls keeps its permit until the end of the lease.
#[tokio::test(start_paused = true)]
async fn a_killed_holder_frees_its_permit_by_the_lease() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 1).await;
    world.receivers.slow(&endpoint(1), Duration::from_secs(10));
    let killed = world.work_off(&key, &events);
    assert!(tokio::time::timeout(Duration::from_secs(1), killed).await.is_err());
    world.receivers.slow(&endpoint(1), Duration::ZERO);
    world.set_time(59);
    let worked = world.work_off(&key, &events).await;
    assert!(matches!(worked.outcomes[..], [Ok(TaskOutcome::Later(_))]), "{worked:?}");
    world.set_time(60);
    let worked = world.work_off(&key, &events).await;
    assert_eq!(worked.counts.delivered, 1);
    assert!(world.is_free(&key).await);
}

#[tokio::test(start_paused = true)]
async fn two_permits_serve_two_executions() {
    let world = World::with_permits(2);
    let key = world.webhook(1).await;
    let events = world.events(&key, 3).await;
    world.receivers.slow(&endpoint(1), Duration::from_secs(5));
    let [first, second, third] = [0, 1, 2].map(|at| std::slice::from_ref(&events[at]));
    let others = join(world.work_off(&key, second), world.work_off(&key, third));
    let (first, (second, third)) = join(world.work_off(&key, first), others).await;
    assert_eq!((first.counts.delivered, second.counts.delivered), (1, 1));
    assert!(matches!(third.outcomes[..], [Ok(TaskOutcome::Later(_))]), "{third:?}");
    assert!(world.is_free(&key).await);
}

#[test]
fn half_of_the_executions_stay_free_for_others() {
    let permits = [2, 3, 4, 9, 20, 1_000].map(permits_of);
    assert_eq!(permits, [1, 1, 2, 4, 10, 10]);
}

#[tokio::test(start_paused = true)]
async fn no_round_begins_that_could_not_end_in_time() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 7).await;
    world.receivers.slow(&endpoint(1), Duration::from_secs(14));
    let end = Instant::now() + Duration::from_secs(30);
    let slow = Health {
        slow_until: Some(world.now().after(SLOW_FOR)),
        ..Health::default()
    };
    world.set_health(&key, &slow).await;
    let worked = world.execute(&tasks(&key, &events, 1), end).await.unwrap();
    assert_eq!(worked.counts.calls, 5, "the second round had 16 seconds");
    let returned = worked
        .outcomes
        .iter()
        .filter_map(|outcome| seconds(outcome.as_ref().unwrap()));
    assert_eq!(returned.collect::<Vec<_>>(), [2, 2]);
    assert!(Instant::now() < end && world.is_free(&key).await);
}

/// It costs one round of calls until it has the permit for slow endpoints, as a dead one does.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_turns_out_slow_costs_one_round() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 7).await;
    world.receivers.slow(&endpoint(1), Duration::from_secs(14));
    let worked = world.work_off(&key, &events).await;
    assert_eq!((worked.counts.calls, worked.counts.delivered), (5, 5));
    let returned = worked
        .outcomes
        .iter()
        .filter_map(|outcome| seconds(outcome.as_ref().unwrap()));
    assert_eq!(returned.collect::<Vec<_>>(), [2, 2]);
    let health = world.health(&key).await;
    assert_eq!(
        (health.slow_until, health.failures),
        (Some(world.now().after(SLOW_FOR)), 0)
    );
    assert_eq!(world.work_off(&key, &events).await.counts.delivered, 2);
    assert!(world.is_free(&key).await);
}

/// A permit is returned even if the deliveries cannot be read.
#[tokio::test(start_paused = true)]
async fn a_failed_read_returns_the_permit() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 1).await;
    for call in ["deliveries", "payloads"] {
        let faults = [Fault::Before].into();
        world.backend.state().faults_of.insert(call, faults);
        let failed = world.execute(&tasks(&key, &events, 1), Instant::now() + TIME).await;
        assert!(failed.is_err(), "{call}");
        assert!(world.is_free(&key).await, "{call}");
    }
    assert_eq!(world.work_off(&key, &events).await.counts.delivered, 1);
}

/// A lost answer is no second permit, and a permit that cannot be returned ends by itself.
#[tokio::test(start_paused = true)]
async fn failed_writes_of_permits_lose_no_event() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 1).await;
    let faults = [Fault::Repeated, Fault::Before].into();
    world.backend.state().faults_of.insert("change_health", faults);
    assert_eq!(world.work_off(&key, &events).await.counts.delivered, 1);
    assert_eq!(world.permits_of(&key).await, 1);
    world.set_time(60);
    let other = world.event(&key, 9).await;
    assert_eq!(world.work_off(&key, &[other]).await.counts.delivered, 1);
}

/// Another execution tries the failing endpoint, and no second one does, although it has a free permit.
#[tokio::test(start_paused = true)]
async fn a_failing_endpoint_is_tried_by_one_execution() {
    let world = World::with_permits(2);
    let key = world.webhook(1).await;
    let events = world.events(&key, 2).await;
    let failing = Health {
        failures: 3,
        failing_since: Some(world.now()),
        ..Health::default()
    };
    world.set_health(&key, &failing).await;
    world.receivers.slow(&endpoint(1), Duration::from_secs(5));
    let [first, second] = [0, 1].map(|at| std::slice::from_ref(&events[at]));
    let (first, second) = join(world.work_off(&key, first), world.work_off(&key, second)).await;
    assert_eq!((first.counts.delivered, second.counts.calls), (1, 0));
    assert!(matches!(second.outcomes[..], [Ok(TaskOutcome::Later(_))]), "{second:?}");
    assert!(world.is_free(&key).await);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_webhook_keeps_its_events_for_a_recovery() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 2).await;
    disable(&world, &key).await;
    let worked = world.work_off(&key, &events).await;
    assert_eq!((worked.counts.calls, worked.counts.kept), (0, 2));
    assert!(
        worked
            .outcomes
            .iter()
            .all(|outcome| matches!(outcome, Ok(TaskOutcome::Done)))
    );
    let (delivery, now) = (world.delivery(&key, &events[0]).await, world.now());
    assert_eq!((delivery.state, delivery.next), (DeliveryState::Pending, None));
    let job = RecoverJob::new(EmailId::from_random([9; 16]), key.id, (now, now), false, now);
    assert!(job.resend(&delivery, 0, now).is_some(), "a recovery sends it");
    assert_eq!(world.work_off(&key, &events).await.counts.kept, 0, "no second write");
}

/// A caller enables the webhook and replays an event after `deliver` has read the settings, and before it reads the event.
#[tokio::test(start_paused = true)]
async fn a_replay_of_an_enabled_webhook_is_not_undone() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 1).await;
    disable(&world, &key).await;
    assert_eq!(world.work_off(&key, &events).await.counts.kept, 1);
    let (backend, place) = (world.backend.clone(), (key.clone(), events[0].clone()));
    let enable_and_replay = move || {
        let mut state = backend.state();
        let now = state.now();
        let webhook = state.hooks.settings.get_mut(&place.0).unwrap();
        webhook.webhook.status = Status::Enabled;
        webhook.version += 1;
        let stored = state.hooks.deliveries.get_mut(&place).unwrap();
        stored.delivery = stored.delivery.replayed(now, now);
    };
    let contested = world.backend.with_concurrent_writers(vec![Box::new(enable_and_replay)]);
    let deliver = DeliverFunction {
        events: contested.clone(),
        ..world.deliver()
    };
    let execution = Execution::new(Instant::now() + TIME);
    let worked = deliver.work_off(&tasks(&key, &events, 1), &execution).await.unwrap();
    assert_eq!((contested.writers_left(), worked.counts.kept), (0, 0));
    assert!(matches!(worked.outcomes[..], [Ok(TaskOutcome::Later(_))]), "{worked:?}");
    assert_eq!(world.work_off(&key, &events).await.counts.delivered, 1);
}

/// Its events have the retention of all events: disabling a webhook neither shortens nor ends it.
#[tokio::test(start_paused = true)]
async fn a_disabled_webhook_keeps_its_events_for_their_retention() {
    const DAY: i64 = 86_400;
    let world = World::new();
    world.backend.state().retention = Some(Duration::from_secs(30 * 86_400));
    let key = world.webhook(1).await;
    let events = world.events(&key, 1).await;
    disable(&world, &key).await;
    assert_eq!(world.work_off(&key, &events).await.counts.kept, 1);
    for (secs, kept) in [(30 * DAY - 1, 1), (30 * DAY + 1, 0)] {
        world.set_time(secs);
        world.backend.state().expire();
        let deliveries = world.backend.deliveries(&key, &events).await.unwrap();
        let payloads = world.payloads(&key, &events).await;
        assert_eq!((deliveries.len(), payloads), (kept, kept), "{secs}");
    }
}

/// The table of secrets was lost. The events wait until a caller rotates the secret.
#[tokio::test(start_paused = true)]
async fn events_wait_for_a_missing_secret() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 1).await;
    let due = world.delivery(&key, &events[0]).await.next;
    let secrets = world.backend.state().hooks.secrets.remove(&key).unwrap();
    let execution = Execution::new(Instant::now() + TIME);
    let worked = world
        .deliver()
        .work_off(&tasks(&key, &events, 1), &execution)
        .await
        .unwrap();
    assert!(matches!(worked.outcomes[..], [Ok(TaskOutcome::Done)]), "{worked:?}");
    assert_eq!((worked.counts.calls, worked.counts.kept), (0, 0));
    assert_eq!(world.delivery(&key, &events[0]).await.next, due);
    world.backend.state().hooks.secrets.insert(key.clone(), secrets);
    assert_eq!(world.work_off(&key, &events).await.counts.delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_webhook_leaves_the_due_index() {
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 1).await;
    let list = world.backend.webhooks_of(&key.tenant, world.now()).await.unwrap();
    assert!(world.backend.remove_webhook(&list, key.id, &key.tenant).await.unwrap());
    let worked = world.work_off(&key, &events).await;
    assert_eq!((worked.counts.calls, worked.counts.kept), (0, 1));
    assert_eq!(world.delivery(&key, &events[0]).await.next, None);
}
