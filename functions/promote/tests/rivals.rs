//! Others change a rate limit between the look of a run and its write: the write is refused, and nothing goes twice.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

mod common;

use std::time::{Duration, Instant};

use common::promote;
use domain::account_rate::{Begin, Micros, Rate};
use domain::id::EmailId;
use domain::queue::{Queue, QueueKey, QueueName};
use domain::rate_limit::{RateLimit, RateLimitChange};
use domain::record::{Due, DueKind, EmailRecord, Status};
use domain::timestamp::Timestamp;
use futures::FutureExt;
use promote::Promoted;
use world::samples::BORN;
use world::{Rival, World, samples};

fn at(secs: u64) -> Timestamp {
    BORN.after(Duration::from_secs(secs))
}

fn slow() -> QueueKey {
    QueueKey {
        tenant: samples::key(1).tenant,
        name: QueueName::parse("slow").unwrap(),
    }
}

fn email(n: u32) -> EmailRecord {
    EmailRecord {
        id: EmailId::from_random((u128::from(n.wrapping_mul(2_654_435_761)) << 96).to_be_bytes()),
        queue: slow().name,
        due: Some(Due {
            kind: DueKind::Paced,
            at: BORN,
        }),
        ..samples::record(1, &samples::email().expect("the sample parses"))
    }
}

/// A world in which so many emails of the queue wait, with this rate.
fn world(emails: u32, rate: Option<u32>) -> World {
    let world = samples::world(0).expect("the samples parse");
    let queue = Queue {
        rate_per_second: rate,
        ..Queue::plain(slow(), BORN)
    };
    let limit = RateLimit {
        rate: queue.rate(),
        look_at: Some(BORN),
        no: 1,
        ..RateLimit::default()
    };
    let mut state = world.state();
    for n in 0..emails {
        state.plant(email(n));
    }
    state.queues.insert(slow(), queue);
    state.rate_limits.insert(slow(), limit);
    drop(state);
    world
}

async fn run(world: &World) -> Promoted {
    let run = promote(world).run(Instant::now() + Duration::from_secs(60)).await;
    run.expect("carried out")
}

/// A run while others are quicker, the first of them before its first write of a rate limit, and so on.
async fn contested(world: &World, rivals: Vec<Rival>) -> Promoted {
    let contested = world.with_rivals(rivals);
    let promoted = run(&contested).await;
    assert_eq!(contested.rivals_left(), 0, "everybody had their turn");
    promoted
}

/// Another run of promote, from its beginning to its end.
fn another_run(world: &World) -> Rival {
    let world = world.clone();
    Box::new(move || {
        run(&world).now_or_never().expect("nothing is waited for");
    })
}

/// A change of the rate limit, as the table makes it.
fn change(world: &World, change: impl Fn(&RateLimit) -> RateLimitChange + Send + 'static) -> Rival {
    let world = world.clone();
    Box::new(move || {
        let mut state = world.state();
        let limit = state.rate_limits.get_mut(&slow()).unwrap();
        let change = change(limit);
        assert!(change.holds(limit), "{change:?} of {limit:?}");
        *limit = change.on(limit.clone());
    })
}

fn mark(limit: &RateLimit) -> RateLimitChange {
    RateLimitChange::Mark {
        seen: limit.no,
        look_at: BORN,
        quiet_since: None,
    }
}

/// The slots of the enqueued emails, in order.
fn slots(world: &World) -> Vec<Timestamp> {
    let state = world.state();
    let mut slots: Vec<_> = state
        .send_tasks
        .iter()
        .filter_map(|request| request.send_task.slot)
        .collect();
    slots.sort_unstable();
    slots
}

fn minute_from(first: u64) -> Vec<Timestamp> {
    (first..=60).map(at).collect()
}

fn looks(world: &World) -> usize {
    let state = world.state();
    state.calls.iter().filter(|call| **call == "change_rate_limit").count()
}

#[tokio::test]
async fn a_run_that_another_one_overtakes_releases_nothing_twice() {
    let world = world(300, Some(1));
    let promoted = contested(&world, vec![another_run(&world)]).await;
    assert_eq!((promoted.enqueued, looks(&world)), (0, 2), "its own write is refused");
    assert_eq!(slots(&world), minute_from(0));
    let emails: std::collections::BTreeSet<_> = world
        .state()
        .send_tasks
        .iter()
        .map(|request| request.send_task.id)
        .collect();
    assert_eq!(emails.len(), 61);
}

#[tokio::test]
async fn a_run_releases_behind_slots_that_are_reserved_meanwhile() {
    let world = world(300, Some(1));
    // The queue is quiet, so that emails that are accepted get slots at once.
    world.state().rate_limits.get_mut(&slow()).unwrap().quiet_since = Some(BORN);
    let rate = Rate::from_millis(1_000).unwrap();
    let ten_slots = move |_: &RateLimit| RateLimitChange::Reserve {
        rate,
        span: Duration::from_secs(10),
        begin: Begin::Here(Micros::of(BORN)),
        rest_waits: None,
    };
    let promoted = contested(&world, vec![change(&world, ten_slots)]).await;
    assert_eq!((promoted.enqueued, looks(&world)), (51, 2));
    assert_eq!(slots(&world), minute_from(10));
}

#[tokio::test]
async fn a_run_releases_at_a_rate_that_is_set_meanwhile() {
    let world = world(300, Some(1));
    let rate = Rate::from_millis(2_000);
    let promoted = contested(&world, vec![change(&world, move |_| RateLimitChange::Rate { rate })]).await;
    assert_eq!((promoted.enqueued, looks(&world)), (121, 2));
}

#[tokio::test]
async fn a_run_that_loses_each_round_leaves_all_to_the_next() {
    let world = world(300, Some(1));
    let rivals = (0..4).map(|_| change(&world, mark)).collect();
    let promoted = contested(&world, rivals).await;
    assert_eq!((promoted.enqueued, promoted.failed, looks(&world)), (0, 0, 4));
    assert_eq!(run(&world).await.enqueued, 61);
    assert_eq!(slots(&world), minute_from(0));
}

/// The run found no rate limit and moves the emails out. Its last write would take the mark of the new limit away.
#[tokio::test]
async fn a_rate_that_is_set_while_emails_leave_keeps_its_mark() {
    let world = world(5, None);
    let late = EmailRecord {
        expires_at: at(3 * 86_400),
        ..email(99)
    };
    let (records, rate) = (world.clone(), Rate::from_millis(1_000));
    let set = change(&world, move |_| RateLimitChange::Rate { rate });
    let rival: Rival = Box::new(move || {
        set();
        records.state().plant(late);
    });
    // Nobody has looked for a day: the mark goes with this write, were it not refused.
    {
        let mut state = world.state();
        for email in (0..5).map(email) {
            let sent = EmailRecord {
                status: Status::Sent,
                due: None,
                ..email
            };
            state.plant(sent);
        }
        state.rate_limits.get_mut(&slow()).unwrap().quiet_since = Some(BORN);
        state.now_ms = at(2 * 86_400).as_millis();
    }
    contested(&world, vec![rival]).await;
    assert_eq!(world.state().rate_limits[&slow()].look_at, Some(BORN));
    world.state().queues.get_mut(&slow()).unwrap().rate_per_second = Some(1);
    assert_eq!(run(&world).await.enqueued, 1);
}
