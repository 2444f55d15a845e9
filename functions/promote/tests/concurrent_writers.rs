//! Concurrent writers of a rate limit between the read of a run and its write: the write is refused, and no
//! email goes twice.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::time::{Duration, Instant};

use crate::common::promote;
use domain::delivery::rate::{Begin, Micros, Rate};
use domain::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use domain::id::{EmailId, QueueKey, QueueName};
use domain::queue::Queue;
use domain::queue::rate_limit::{RateLimit, RateLimitChange};
use domain::timestamp::Timestamp;
use futures::FutureExt;
use memory::samples::BORN;
use memory::{ConcurrentWriter, MemoryBackend, samples};
use promote::Promoted;

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
            kind: DueKind::RateLimited,
            at: BORN,
        }),
        ..samples::record(1, &samples::email().expect("the sample parses"))
    }
}

/// Returns a backend in which this many emails of the queue wait, with this rate.
fn backend(emails: u32, rate: Option<u32>) -> MemoryBackend {
    let backend = samples::backend(0).expect("the samples parse");
    let queue = Queue {
        rate_per_second: rate,
        ..Queue::plain(slow(), BORN)
    };
    let limit = RateLimit {
        rate: queue.rate(),
        check_at: Some(BORN),
        version: 1,
        ..RateLimit::default()
    };
    let mut state = backend.state();
    for n in 0..emails {
        state.store_record(email(n));
    }
    state.queues.insert(slow(), queue);
    state.rate_limits.insert(slow(), limit);
    drop(state);
    backend
}

async fn run(backend: &MemoryBackend) -> Promoted {
    let run = promote(backend).run(Instant::now() + Duration::from_secs(60)).await;
    run.expect("carried out")
}

/// Runs while others are faster: the first of them before its first write of a rate limit, and so on.
async fn contested(backend: &MemoryBackend, writers: Vec<ConcurrentWriter>) -> Promoted {
    let contested = backend.with_concurrent_writers(writers);
    let promoted = run(&contested).await;
    assert_eq!(contested.writers_left(), 0, "every concurrent writer has written");
    promoted
}

/// Returns another complete run of `promote`.
fn another_run(backend: &MemoryBackend) -> ConcurrentWriter {
    let backend = backend.clone();
    Box::new(move || {
        run(&backend).now_or_never().expect("nothing is waited for");
    })
}

/// Returns a change of the rate limit, as the table makes it.
fn change(
    backend: &MemoryBackend,
    change: impl Fn(&RateLimit) -> RateLimitChange + Send + 'static,
) -> ConcurrentWriter {
    let backend = backend.clone();
    Box::new(move || {
        let mut state = backend.state();
        let limit = state.rate_limits.get_mut(&slow()).unwrap();
        let change = change(limit);
        assert!(change.holds(limit), "{change:?} of {limit:?}");
        *limit = change.on(limit.clone());
    })
}

fn mark(limit: &RateLimit) -> RateLimitChange {
    RateLimitChange::Mark {
        seen: limit.version,
        check_at: BORN,
        quiet_since: None,
    }
}

/// Returns the slots of the enqueued emails, in order.
fn slots(backend: &MemoryBackend) -> Vec<Timestamp> {
    let state = backend.state();
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

fn looks(backend: &MemoryBackend) -> usize {
    let state = backend.state();
    state.calls.iter().filter(|call| **call == "change_rate_limit").count()
}

#[tokio::test]
async fn an_overtaken_run_releases_nothing_twice() {
    let backend = backend(300, Some(1));
    let promoted = contested(&backend, vec![another_run(&backend)]).await;
    assert_eq!((promoted.enqueued, looks(&backend)), (0, 2), "its own write is refused");
    assert_eq!(slots(&backend), minute_from(0));
    let emails: std::collections::BTreeSet<_> = backend
        .state()
        .send_tasks
        .iter()
        .map(|request| request.send_task.id)
        .collect();
    assert_eq!(emails.len(), 61);
}

#[tokio::test]
async fn a_run_releases_after_new_reservations() {
    let backend = backend(300, Some(1));
    // The queue is quiet, so that newly accepted emails get slots at once.
    backend.state().rate_limits.get_mut(&slow()).unwrap().quiet_since = Some(BORN);
    let rate = Rate::from_millis(1_000).unwrap();
    let ten_slots = move |_: &RateLimit| RateLimitChange::Reserve {
        rate,
        span: Duration::from_secs(10),
        begin: Begin::Here(Micros::of(BORN)),
        rest_waits: None,
    };
    let promoted = contested(&backend, vec![change(&backend, ten_slots)]).await;
    assert_eq!((promoted.enqueued, looks(&backend)), (51, 2));
    assert_eq!(slots(&backend), minute_from(10));
}

#[tokio::test]
async fn a_run_releases_at_a_newly_set_rate() {
    let backend = backend(300, Some(1));
    let rate = Rate::from_millis(2_000);
    let promoted = contested(
        &backend,
        vec![change(&backend, move |_| RateLimitChange::Rate { rate })],
    )
    .await;
    assert_eq!((promoted.enqueued, looks(&backend)), (121, 2));
}

#[tokio::test]
async fn a_run_with_constant_conflicts_releases_nothing() {
    let backend = backend(300, Some(1));
    let writers = (0..8).map(|_| change(&backend, mark)).collect();
    let promoted = contested(&backend, writers).await;
    assert_eq!((promoted.enqueued, promoted.failed, looks(&backend)), (0, 0, 8));
    assert_eq!(run(&backend).await.enqueued, 61);
    assert_eq!(slots(&backend), minute_from(0));
}

/// The run found no rate limit and moves the emails out. Its last write would remove the mark of the new limit.
#[tokio::test]
async fn a_rate_set_during_a_move_keeps_its_mark() {
    let backend = backend(5, None);
    let late = EmailRecord {
        expires_at: at(3 * 86_400),
        ..email(99)
    };
    let (records, rate) = (backend.clone(), Rate::from_millis(1_000));
    let set = change(&backend, move |_| RateLimitChange::Rate { rate });
    let writer: ConcurrentWriter = Box::new(move || {
        set();
        records.state().store_record(late);
    });
    // The queue is quiet for more than a day, so the run's last write would remove the mark if it were accepted.
    {
        let mut state = backend.state();
        for email in (0..5).map(email) {
            let sent = EmailRecord {
                status: RecordStatus::Sent,
                due: None,
                ..email
            };
            state.store_record(sent);
        }
        state.rate_limits.get_mut(&slow()).unwrap().quiet_since = Some(BORN);
        state.now_ms = at(2 * 86_400).as_millis();
    }
    contested(&backend, vec![writer]).await;
    assert_eq!(backend.state().rate_limits[&slow()].check_at, Some(BORN));
    backend.state().queues.get_mut(&slow()).unwrap().rate_per_second = Some(1);
    assert_eq!(run(&backend).await.enqueued, 1);
}
