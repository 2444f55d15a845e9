//! Emails of queues with rate limits, released minute by minute, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

mod common;

use std::time::{Duration, Instant};

use common::promote;
use domain::delivery::account_rate::OpenBreaker;
use domain::delivery::cause::Cause;
use domain::delivery::priority_queue::MOST_MESSAGES;
use domain::delivery::rate::Rate;
use domain::delivery::record::{Due, DueKind, EmailRecord, Priority, RecordStatus};
use domain::id::{EmailId, EmailKey, QueueKey, QueueName};
use domain::ports::SendTaskRequest;
use domain::queue::job::{Job, Task};
use domain::queue::rate_limit::RateLimit;
use domain::queue::{Pause, Queue};
use domain::timestamp::Timestamp;
use memory::samples::BORN;
use memory::{Fault, MemoryBackend, samples};
use promote::Promoted;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(BORN.as_millis() + secs * 1000)
}

fn slow() -> QueueKey {
    QueueKey {
        tenant: samples::key(1).tenant,
        name: QueueName::parse("slow").unwrap(),
    }
}

/// Returns the `n`th email of the queue, in this kind of partition, due at this time.
fn email(n: u32, kind: DueKind, due: Timestamp) -> EmailRecord {
    let mut bytes = [0; 16];
    // Ids are random: each shard has its share.
    bytes[..4].copy_from_slice(&n.wrapping_mul(2_654_435_761).to_be_bytes());
    bytes[4..8].copy_from_slice(&n.to_be_bytes());
    EmailRecord {
        id: EmailId::from_random(bytes),
        queue: slow().name,
        not_before: due,
        expires_at: at(1_000_000),
        due: Some(Due { kind, at: due }),
        ..samples::record(1, &samples::email().expect("the sample parses"))
    }
}

/// Returns a backend in which this many emails of the queue wait, with this rate.
fn backend(emails: u32, rate: Option<u32>) -> MemoryBackend {
    let backend = samples::backend(0).expect("the samples parse");
    let mut state = backend.state();
    for n in 0..emails {
        state.plant(email(n, DueKind::Paced, at(0)));
    }
    let queue = Queue {
        rate_per_second: rate,
        ..Queue::plain(slow(), BORN)
    };
    let limit = RateLimit {
        rate: queue.rate(),
        look_at: Some(at(0)),
        no: 1,
        ..RateLimit::default()
    };
    state.queues.insert(slow(), queue);
    state.rate_limits.insert(slow(), limit);
    drop(state);
    backend
}

async fn try_to_run(backend: &MemoryBackend) -> Result<Promoted, String> {
    let run = promote(backend).run(Instant::now() + Duration::from_secs(60)).await;
    run.map_err(|error| error.what.to_owned())
}

/// Runs at this second; returns the send tasks of the run.
async fn run(backend: &MemoryBackend, secs: i64) -> Vec<SendTaskRequest> {
    backend.state().now_ms = at(secs).as_millis();
    backend.state().send_tasks.clear();
    try_to_run(backend).await.expect("carried out");
    std::mem::take(&mut backend.state().send_tasks)
}

fn slots(send_tasks: &[SendTaskRequest]) -> Vec<Timestamp> {
    let mut slots: Vec<_> = send_tasks.iter().filter_map(|request| request.send_task.slot).collect();
    slots.sort_unstable();
    slots
}

/// Claims the enqueued emails: they leave the partition.
fn claim(backend: &MemoryBackend, send_tasks: &[SendTaskRequest]) {
    let mut state = backend.state();
    for request in send_tasks {
        let key = EmailKey {
            tenant: request.send_task.tenant.clone(),
            id: request.send_task.id,
        };
        let sent = EmailRecord {
            status: RecordStatus::Sent,
            due: None,
            ..state.records[&key].clone()
        };
        state.plant(sent);
    }
}

fn times(backend: &MemoryBackend, call: &str) -> usize {
    backend.state().calls.iter().filter(|called| **called == call).count()
}

#[tokio::test]
async fn each_run_releases_one_minute() {
    let backend = backend(300, Some(1));
    let first = run(&backend, 0).await;
    assert_eq!(first.len(), 61);
    assert_eq!(slots(&first)[..3], [at(0), at(1), at(2)]);
    assert!(
        first
            .iter()
            .all(|request| request.delay == request.send_task.slot.unwrap().since(at(0)))
    );
    assert_eq!(times(&backend, "write"), 0, "nothing is written per email");
    assert_eq!(times(&backend, "change_rate_limit"), 1);
    claim(&backend, &first);
    let second = run(&backend, 60).await;
    assert_eq!((second.len(), slots(&second)[0]), (60, at(61)));
    let again = run(&backend, 60).await;
    assert_eq!(again.len(), 0, "a second run in the same minute");
}

#[tokio::test]
async fn two_runs_at_once_release_one_minute() {
    let backend = backend(300, Some(2));
    let (one, two) = tokio::join!(try_to_run(&backend), try_to_run(&backend));
    assert!(one.is_ok() && two.is_ok());
    let slots = slots(&backend.state().send_tasks);
    let mut once = slots.clone();
    once.dedup();
    assert_eq!((slots.len(), once.len()), (121, 121), "no slot is given out twice");
}

#[tokio::test]
async fn a_lost_message_is_released_again() {
    let backend = backend(3, Some(10));
    backend.state().faults_of.insert("enqueue", [Fault::Before].into());
    let first = run(&backend, 0).await;
    assert_eq!(first.len(), 2, "one is lost");
    claim(&backend, &first);
    assert_eq!(run(&backend, 60).await.len(), 0, "its message may still come");
    let again = run(&backend, 120).await;
    assert_eq!(again.len(), 1);
    claim(&backend, &again);
}

#[tokio::test]
async fn a_late_index_entry_is_found() {
    let backend = backend(0, Some(10));
    for secs in [0, 60, 120] {
        assert_eq!(run(&backend, secs).await.len(), 0);
    }
    // Later than a slow writer needs, and due before every released email.
    backend.state().plant(email(7, DueKind::Paced, at(-50)));
    let mut found = 0;
    for minute in 3..=16 {
        let send_tasks = run(&backend, minute * 60).await;
        found += send_tasks.len();
        claim(&backend, &send_tasks);
    }
    assert_eq!(found, 1, "by the sweep after fifteen minutes");
}

#[tokio::test]
async fn an_idle_queue_is_not_read() {
    let backend = backend(0, Some(10));
    for minute in 0..1_500 {
        run(&backend, minute * 60).await;
    }
    assert_eq!(backend.state().rate_limits[&slow()].look_at, None);
    backend.state().calls.clear();
    run(&backend, 100_000).await;
    assert_eq!(
        (
            times(&backend, "rate_limit"),
            times(&backend, "in_line"),
            times(&backend, "queue")
        ),
        (0, 0, 0)
    );
    assert_eq!(times(&backend, "queues_to_look_at"), 1);
}

#[tokio::test]
async fn an_open_breaker_releases_nothing() {
    let backend = backend(10, Some(10));
    let open = |until| OpenBreaker {
        cause: Cause::QuotaExceeded,
        until,
        times: 0,
    };
    backend.state().account_rate.open = Some(open(at(100)));
    // The state of SES must not bring the probe forward here.
    backend
        .state()
        .faults_of
        .insert("account", [Fault::Before, Fault::Before].into());
    assert_eq!(run(&backend, 0).await.len(), 0);
    assert_eq!(
        times(&backend, "change_rate_limit"),
        0,
        "nothing is reserved, so that no burst follows"
    );
    assert_eq!(run(&backend, 101).await.len(), 1, "one email must probe");
    backend.state().faults_of.insert("account_rate", [Fault::Before].into());
    assert_eq!(run(&backend, 170).await.len(), 0, "it may be open");
    backend.state().account_rate.open = None;
    assert_eq!(run(&backend, 240).await.len(), 10);
}

#[tokio::test]
async fn a_full_queue_reserves_no_slot() {
    let backend = backend(10, Some(10));
    backend.state().waiting.normal.in_flight = MOST_MESSAGES + 1;
    assert_eq!(run(&backend, 0).await.len(), 0);
    assert_eq!(times(&backend, "change_rate_limit"), 0, "its slots would go unused");
    let limit = backend.state().rate_limits[&slow()].clone();
    assert_eq!((limit.free_at, limit.look_at), (None, Some(at(0))));

    backend.state().waiting.normal.in_flight = MOST_MESSAGES;
    assert_eq!(run(&backend, 60).await.len(), 10);
}

#[tokio::test]
async fn another_priority_is_released_beside_a_full_one() {
    let backend = backend(3, Some(10));
    let high = EmailRecord {
        priority: Priority::High,
        ..email(9, DueKind::Paced, at(0))
    };
    backend.state().plant(high.clone());
    backend.state().waiting.normal.in_flight = MOST_MESSAGES + 1;
    let enqueued: Vec<_> = run(&backend, 0)
        .await
        .iter()
        .map(|request| request.send_task.id)
        .collect();
    assert_eq!(enqueued, [high.id]);
}

#[tokio::test]
async fn a_paused_queue_reserves_no_slot() {
    let backend = backend(5, Some(10));
    let paused = backend.state().queues[&slow()].paused(Pause {
        since: BORN,
        reason: None,
        until: Some(at(90)),
    });
    backend.state().queues.insert(slow(), paused);
    assert_eq!(run(&backend, 0).await.len(), 0);
    assert_eq!(run(&backend, 120).await.len(), 5, "the pause is over");
}

#[tokio::test]
async fn a_raised_rate_holds_from_the_next_run() {
    let backend = backend(1_000, Some(1));
    claim(&backend, &run(&backend, 0).await);
    let rate = |rate| {
        backend.state().rate_limits.get_mut(&slow()).unwrap().rate = Rate::from_millis(rate);
    };
    rate(5_000);
    let raised = run(&backend, 60).await;
    assert_eq!(raised.len(), 296);
    claim(&backend, &raised);
    rate(1_000);
    assert_eq!(run(&backend, 120).await.len(), 60);
}

#[tokio::test]
async fn a_removed_rate_lets_all_go() {
    let backend = backend(100, None);
    backend.state().plant(email(200, DueKind::Paced, at(5_000)));
    let enqueued = run(&backend, 0).await;
    assert_eq!(enqueued.len(), 100);
    assert!(enqueued.iter().all(|request| request.send_task.slot.is_none()));
    let kinds = |kind| {
        let state = backend.state();
        let of_kind = state
            .records
            .values()
            .filter(|record| record.due.is_some_and(|due| due.kind == kind));
        of_kind.count()
    };
    assert_eq!(
        (kinds(DueKind::Check), kinds(DueKind::Wake), kinds(DueKind::Paced)),
        (100, 1, 0)
    );
}

#[tokio::test]
async fn an_expired_email_takes_no_slot() {
    let backend = backend(0, Some(1));
    for n in 0..100 {
        let expired = EmailRecord {
            expires_at: at(-1),
            ..email(n, DueKind::Paced, at(-100))
        };
        backend.state().plant(expired);
    }
    backend.state().plant(email(200, DueKind::Paced, at(0)));
    let mut enqueued = 0;
    for minute in 0..4 {
        let send_tasks = run(&backend, minute * 60).await;
        enqueued += send_tasks.len();
        claim(&backend, &send_tasks);
    }
    assert_eq!(enqueued, 1);
    let expired = backend
        .state()
        .records
        .values()
        .filter(|record| record.status == RecordStatus::Expired)
        .count();
    assert_eq!(expired, 100);
}

/// Emails that were accepted before the queue had a rate limit, or before this version.
#[tokio::test]
async fn an_email_that_waited_without_a_limit_moves() {
    let backend = backend(0, Some(10));
    backend.state().rate_limits.get_mut(&slow()).unwrap().look_at = None;
    backend.state().plant(email(1, DueKind::Wake, at(300)));
    backend.state().plant(email(2, DueKind::Check, at(-1)));
    assert_eq!(run(&backend, 0).await.len(), 0);
    let kinds: Vec<_> = backend
        .state()
        .records
        .values()
        .map(|record| record.due.unwrap().kind)
        .collect();
    assert_eq!(kinds, [DueKind::Paced; 2]);
    let due = run(&backend, 60).await;
    assert_eq!(due.len(), 1);
    claim(&backend, &due);
    let scheduled = run(&backend, 240).await;
    assert_eq!(slots(&scheduled), [at(300)], "to its time");
}

#[tokio::test]
async fn a_purge_ends_emails_that_wait_for_a_slot() {
    let backend = backend(100, Some(1));
    {
        let mut state = backend.state();
        let purged = state.queues[&slow()].purged(at(1));
        let job = Job::new(&purged, EmailId::from_random([9; 16]), Task::Purge, at(1));
        state.jobs.insert((slow(), job.id), job);
        state.queues.insert(slow(), purged);
    }
    run(&backend, 2).await;
    let canceled = backend
        .state()
        .records
        .values()
        .filter(|record| record.status == RecordStatus::Canceled)
        .count();
    assert_eq!(canceled, 100);
}

#[tokio::test]
async fn no_fault_loses_an_email_or_doubles_a_minute() {
    for fault in [Fault::Before, Fault::After] {
        for call in [
            "queues_to_look_at",
            "queue",
            "rate_limit",
            "in_line",
            "change_rate_limit",
            "enqueue",
        ] {
            let backend = backend(5, Some(1));
            backend.state().faults_of.insert(call, [fault].into());
            let mut enqueued = Vec::new();
            for minute in 0..6 {
                backend.state().now_ms = at(minute * 60).as_millis();
                backend.state().send_tasks.clear();
                try_to_run(&backend).await.ok();
                let send_tasks = std::mem::take(&mut backend.state().send_tasks);
                claim(&backend, &send_tasks);
                enqueued.extend(send_tasks);
            }
            let mut slots = slots(&enqueued);
            slots.dedup();
            assert_eq!(
                slots.len(),
                enqueued.len(),
                "{fault:?} of {call}: a slot was given out twice"
            );
            let left = backend
                .state()
                .records
                .values()
                .filter(|record| record.status == RecordStatus::Queued)
                .count();
            assert_eq!(left, 0, "{fault:?} of {call}");
        }
    }
}

/// Ten queues with 100,000 emails each, at rates of one to ten a second. The records of emails that only wait
/// are never read, so that only releasable ones exist.
#[tokio::test]
async fn the_cost_depends_only_on_released_emails() {
    const QUEUES: u32 = 10;
    const EACH: u32 = 100_000;
    let backend = samples::backend(0).expect("the samples parse");
    for number in 1..=QUEUES {
        let key = QueueKey {
            name: QueueName::parse(&format!("slow-{number}")).unwrap(),
            ..slow()
        };
        let queue = Queue {
            rate_per_second: Some(number),
            ..Queue::plain(key.clone(), BORN)
        };
        let limit = RateLimit {
            rate: queue.rate(),
            look_at: Some(at(0)),
            no: 1,
            ..RateLimit::default()
        };
        let mut state = backend.state();
        for n in 0..EACH {
            let due = BORN.after(Duration::from_millis(n.into()));
            let record = EmailRecord {
                queue: key.name.clone(),
                ..email(number * EACH + n, DueKind::Paced, due)
            };
            if n < 5_000 {
                state.plant(record);
            } else {
                let place = format!("{:015}#{}", due.as_millis(), record.id);
                let partition = (key.clone(), record.id.shard(4));
                state
                    .in_line
                    .entry(partition)
                    .or_default()
                    .insert(place, record.email_key());
            }
        }
        state.queues.insert(key.clone(), queue);
        state.rate_limits.insert(key, limit);
    }
    // And as many idle queues as tenants may have.
    for number in 0..1_000 {
        let key = QueueKey {
            name: QueueName::parse(&format!("idle-{number}")).unwrap(),
            ..slow()
        };
        let limit = RateLimit {
            rate: Rate::from_millis(1_000),
            ..RateLimit::default()
        };
        backend.state().rate_limits.insert(key, limit);
    }
    let mut released = 0;
    for minute in 2..5 {
        backend.state().in_line_read = 0;
        backend.state().calls.clear();
        let send_tasks = run(&backend, minute * 60).await;
        let read = backend.state().in_line_read;
        // 55 emails a second in all; of each shard a few more than its share are read.
        assert!(
            (3_300..=3_310).contains(&send_tasks.len()),
            "{} in a minute",
            send_tasks.len()
        );
        assert!(
            read <= send_tasks.len() * 5 / 4 + 4 * 8 * 10,
            "{read} read for {}",
            send_tasks.len()
        );
        assert_eq!(times(&backend, "rate_limit"), 10, "idle queues cost nothing");
        claim(&backend, &send_tasks);
        released += send_tasks.len();
    }
    let first: usize = backend
        .state()
        .records
        .values()
        .filter(|record| record.status == RecordStatus::Sent)
        .count();
    assert_eq!(first, released);
}
