//! The end of an endpoint: its announcement, and the reasons that disable its webhook.

use std::time::Duration;

use deliver::TaskOutcome;
use domain::ports::webhooks::{WebhookKey, Webhooks};
use domain::timestamp::Timestamp;
use domain::webhook::health::{DISABLED_AFTER, Health};
use domain::webhook::settings::{DisabledBy, Status, WebhookChange};
use memory::Fault;

use crate::common::logs::Logs;
use crate::common::receivers::answered;
use crate::common::{World, endpoint};

const FAILING: &str = "a webhook is failing";
const DISABLED: &str = "a webhook was disabled";

fn failing(failures: u32, since: Timestamp) -> Health {
    Health {
        failures,
        failing_since: Some(since),
        ..Health::default()
    }
}

/// Lets one event fail at the present time.
async fn fail_once(world: &World, key: &WebhookKey, n: u8) {
    let event = world.event(key, n).await;
    world.receivers.answer(&endpoint(1), [answered(500)]);
    let worked = world.work_off(key, &[event]).await;
    assert_eq!((worked.counts.calls, worked.counts.delivered), (1, 0));
}

fn reason(status: Status) -> Option<DisabledBy> {
    match status {
        Status::Enabled => None,
        Status::Disabled { by, .. } => Some(by),
    }
}

#[tokio::test(start_paused = true)]
async fn gone_disables_at_once_and_keeps_all_events() {
    let logs = Logs::collect();
    let world = World::new();
    let key = world.webhook(1).await;
    let events = world.events(&key, 7).await;
    world.receivers.always(&endpoint(1), answered(410));
    let worked = world.work_off(&key, &events).await;
    assert_eq!(reason(world.status(&key).await), Some(DisabledBy::Gone));
    assert_eq!(logs.count(DISABLED), 1);
    assert_eq!(worked.counts.calls, 5, "no second round");
    let returned = worked
        .outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(TaskOutcome::Later(_))));
    assert_eq!(returned.count(), 2);

    world.work_off(&key, &events).await;
    assert_eq!(world.receivers.count(&endpoint(1)), 5, "it is not called again");
    for event in &events {
        let delivery = world.delivery(&key, event).await;
        assert!(delivery.state.is_open() && delivery.next.is_none(), "{delivery:?}");
    }
}

/// The write that disables the webhook fails, or the function dies before it. The webhook stays enabled, so that its
/// events must go on.
#[tokio::test(start_paused = true)]
async fn an_event_of_a_webhook_that_stays_enabled_goes_on() {
    let world = World::new();
    let key = world.webhook(1).await;
    let event = world.event(&key, 1).await;
    let events = [event];
    world.receivers.answer(&endpoint(1), [answered(410)]);
    world
        .backend
        .state()
        .faults_of
        .insert("save_webhook", [Fault::Before].into());
    world.work_off(&key, &events).await;
    assert_eq!(reason(world.status(&key).await), None);
    assert_eq!(world.delays(), [5], "a task follows");
    world.set_time(5);
    assert_eq!(world.work_off(&key, &events).await.counts.delivered, 1);
}

/// A caller has changed the webhook since its settings were read.
#[tokio::test(start_paused = true)]
async fn a_changed_webhook_is_not_disabled_for_its_past() {
    let world = World::new();
    let key = world.webhook(1).await;
    let event = world.event(&key, 1).await;
    world.receivers.answer(&endpoint(1), [answered(410)]);
    world.receivers.slow(&endpoint(1), Duration::from_secs(1));
    let change = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let stored = world.backend.webhook(&key, world.now()).await.unwrap().unwrap();
        let change = WebhookChange {
            endpoint: Some(endpoint(2)),
            ..WebhookChange::default()
        };
        let (moved, _) = stored.webhook.changed(&change, world.now()).unwrap();
        assert!(world.backend.save_webhook(&stored, &moved).await.unwrap());
    };
    let tasks = [event];
    futures::future::join(world.work_off(&key, &tasks), change).await;
    assert_eq!(reason(world.status(&key).await), None);
    let other = world.event(&key, 2).await;
    assert_eq!(world.work_off(&key, &[other]).await.counts.delivered, 1);
    world.set_time(5);
    assert_eq!(
        world.work_off(&key, &tasks).await.counts.delivered,
        1,
        "nor is its event lost"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failing_webhook_is_announced_once() {
    let logs = Logs::collect();
    let world = World::new();
    let key = world.webhook(1).await;
    let mut announced = Vec::new();
    for n in 1..=7 {
        world.set_time(i64::from(n) * 1_000);
        fail_once(&world, &key, n).await;
        announced.push(logs.count(FAILING));
    }
    assert_eq!(announced, [0, 0, 0, 0, 1, 1, 1]);
    assert_eq!((logs.count(DISABLED), reason(world.status(&key).await)), (0, None));
}

#[tokio::test(start_paused = true)]
async fn only_five_days_of_failures_disable() {
    let logs = Logs::collect();
    let world = World::new();
    let key = world.webhook(1).await;
    let begin = world.now();
    world.set_health(&key, &failing(20, begin)).await;
    let days = i64::try_from(DISABLED_AFTER.as_secs()).unwrap();
    world.set_time(days - 1);
    fail_once(&world, &key, 1).await;
    assert_eq!(reason(world.status(&key).await), None);
    world.set_time(days + 400);
    fail_once(&world, &key, 2).await;
    assert_eq!(reason(world.status(&key).await), Some(DisabledBy::Failures));
    assert_eq!(logs.count(DISABLED), 1);
}

/// A webhook with few events is not disabled by a few failures in many days.
#[tokio::test(start_paused = true)]
async fn few_failures_never_disable() {
    let world = World::new();
    let key = world.webhook(1).await;
    world.set_health(&key, &failing(8, world.now())).await;
    let days = i64::try_from(DISABLED_AFTER.as_secs()).unwrap();
    world.set_time(10 * days);
    fail_once(&world, &key, 1).await;
    assert_eq!(reason(world.status(&key).await), None);
    world.set_time(10 * days + 400);
    fail_once(&world, &key, 2).await;
    assert_eq!(reason(world.status(&key).await), Some(DisabledBy::Failures));
}

#[tokio::test(start_paused = true)]
async fn one_success_restarts_the_five_days() {
    let world = World::new();
    let key = world.webhook(1).await;
    world.set_health(&key, &failing(50, world.now())).await;
    let days = i64::try_from(DISABLED_AFTER.as_secs()).unwrap();
    world.set_time(days - 1);
    let event = world.event(&key, 1).await;
    assert_eq!(world.work_off(&key, &[event]).await.counts.delivered, 1);
    world.set_time(days + 400);
    fail_once(&world, &key, 2).await;
    assert_eq!(reason(world.status(&key).await), None);
    assert_eq!(world.health(&key).await.failures, 1);
}
