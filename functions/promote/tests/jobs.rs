//! Jobs of whole queues: a failing record ends none of them, and in a limited queue each email waits for a
//! slot.
#![expect(clippy::expect_used, reason = "a failing test panics with its reason")]

use std::time::{Duration, Instant};

use crate::common::promote;
use domain::delivery::cause::Cause;
use domain::delivery::policy::Policy;
use domain::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use domain::id::{EmailId, QueueKey};
use domain::queue::Queue;
use domain::queue::job::{Job, Task};
use domain::queue::rate_limit::RateLimit;
use domain::tenant::sender::Scope;
use domain::timestamp::Timestamp;
use memory::samples::BORN;
use memory::{Fault, MemoryBackend, samples};
use workflow::apply::apply_many;

/// Number of emails of a queue.
const EMAILS: u8 = 6;

fn at(secs: u64) -> Timestamp {
    BORN.after(Duration::from_secs(secs))
}

fn sample(n: u8, due: DueKind) -> EmailRecord {
    EmailRecord {
        due: Some(Due { kind: due, at: BORN }),
        ..samples::record(n, &samples::email().expect("the sample parses"))
    }
}

fn held(n: u8) -> EmailRecord {
    sample(n, DueKind::Held)
}

fn purged(n: u8) -> EmailRecord {
    EmailRecord {
        status: RecordStatus::Canceled,
        cause: Some(Cause::Purged),
        ..sample(n, DueKind::Ended)
    }
}

fn failed(n: u8) -> EmailRecord {
    EmailRecord {
        status: RecordStatus::Failed,
        cause: Some(Cause::Rejected),
        ..sample(n, DueKind::Ended)
    }
}

/// A job, and an email that it moves.
type JobCase = (Task, fn(u8) -> EmailRecord);

/// Returns each job that releases emails.
fn jobs() -> [JobCase; 4] {
    let retry = Task::Retry {
        cause: None,
        since: None,
        scope: Scope::default(),
    };
    [
        (Task::Release, held),
        (Task::FollowTenant, held),
        (Task::Restore, purged),
        (retry, failed),
    ]
}

/// Returns a backend with these emails and their contents, whose queue has a job and perhaps a rate limit.
fn backend(task: &Task, email: fn(u8) -> EmailRecord, rate: Option<u32>) -> MemoryBackend {
    let backend = samples::backend(EMAILS).expect("the samples parse");
    let queue = Queue {
        rate_per_second: rate,
        ..Queue::plain(key(), BORN)
    };
    let job = Job::new(&queue, EmailId::from_random([9; 16]), task.clone(), BORN);
    let limit = RateLimit {
        rate: queue.rate(),
        ..RateLimit::default()
    };
    let mut state = backend.state();
    for n in 1..=EMAILS {
        state.store_record(email(n));
    }
    state.page_size = 2;
    state.jobs.insert((key(), job.id), job);
    state.rate_limits.insert(key(), limit);
    state.queues.insert(key(), queue);
    drop(state);
    backend
}

fn key() -> QueueKey {
    held(1).queue_key()
}

async fn run_at(backend: &MemoryBackend, secs: u64) {
    backend.state().now_ms = at(secs).as_millis();
    let run = promote(backend).run(Instant::now() + Duration::from_secs(60)).await;
    run.expect("carried out");
}

/// Returns the number of emails that wait in this kind of partition.
fn waiting(backend: &MemoryBackend, kind: DueKind) -> usize {
    let is_there =
        |record: &&EmailRecord| record.status == RecordStatus::Queued && record.due.is_some_and(|due| due.kind == kind);
    backend.state().records.values().filter(is_there).count()
}

fn is_done(backend: &MemoryBackend) -> bool {
    backend.state().jobs.values().all(|job| job.done)
}

#[tokio::test]
async fn a_job_continues_after_a_failing_record() {
    for (task, email) in jobs() {
        let calls: &[_] = if task.revives_ended_emails() {
            &["write", "extend_retention"]
        } else {
            &["write"]
        };
        for call in calls {
            for fault in [Fault::Before, Fault::After, Fault::Conflict, Fault::Throttled] {
                let what = format!("{task:?}: {fault:?} of {call}");
                let backend = backend(&task, email, None);
                backend.state().faults_of.insert(call, [fault].into());
                run_at(&backend, 1).await;
                let written = (*call, fault) == ("write", Fault::After);
                let moved = usize::from(EMAILS) - usize::from(!written);
                assert_eq!(waiting(&backend, DueKind::Check), moved, "{what}");
                assert!(!is_done(&backend), "{what}");
                for minutes in [2, 4, 6] {
                    run_at(&backend, 60 * minutes).await;
                }
                assert_eq!(waiting(&backend, DueKind::Check), usize::from(EMAILS), "{what}");
                assert!(is_done(&backend), "{what}");
            }
        }
    }
}

/// Two runs of a job may read the same page. Only the run that revived an email counts it, even if the SDK repeated the
/// write because its answer was lost. (Two releases of a held email have the same effect, and both may be written.)
#[tokio::test]
async fn a_revived_email_counts_once() {
    for (task, email) in jobs().into_iter().filter(|(task, _)| task.revives_ended_emails()) {
        let backend = backend(&task, email, None);
        let (read, queue, job) = {
            let state = backend.state();
            let read: Vec<EmailRecord> = state.records.values().cloned().collect();
            let job = state.jobs.values().next().expect("a job").clone();
            (read, state.queues[&key()].clone(), job)
        };
        let (policy, expires_after) = (Policy::standard(), Duration::from_secs(86_400));
        let (first, second) = (at(1), at(2));
        for (run, is_written) in [(first, true), (first, true), (second, false)] {
            let decide = |record: &EmailRecord| job.decide(record, &queue, expires_after, &policy, run);
            for outcome in apply_many(&backend, read.clone(), run, decide).await {
                let outcome = outcome.expect("carried out");
                assert_eq!(outcome.is_written, is_written, "{task:?} at {run:?}: {outcome:?}");
                assert_eq!(outcome.record.status, RecordStatus::Queued, "{task:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_emails_of_a_job_wait_for_slots() {
    for (task, email) in jobs() {
        let backend = backend(&task, email, Some(1));
        run_at(&backend, 1).await;
        assert_eq!(waiting(&backend, DueKind::RateLimited), usize::from(EMAILS), "{task:?}");
        assert!(backend.state().send_tasks.is_empty(), "{task:?}: none has a slot yet");
        let check_at = backend.state().rate_limits[&key()].check_at;
        assert!(
            check_at.is_some_and(|check_at| check_at <= at(1)),
            "{task:?}: {check_at:?}"
        );
        let calls = backend.state().calls.clone();
        let place = |call: &str| calls.iter().position(|called| *called == call);
        let (marked, written) = (place("change_rate_limit"), place("write"));
        assert!(marked.is_some() && marked < written, "{task:?}: {calls:?}");

        run_at(&backend, 2).await;
        let mut slots: Vec<_> = backend
            .state()
            .send_tasks
            .iter()
            .map(|request| request.send_task.slot)
            .collect();
        slots.sort_unstable();
        let second = |n: u8| Some(at(2 + u64::from(n)));
        assert_eq!(slots, (0..EMAILS).map(second).collect::<Vec<_>>(), "{task:?}");
    }
}

#[tokio::test]
async fn a_job_moves_no_email_into_an_unmarked_queue() {
    for (task, email) in jobs() {
        let backend = backend(&task, email, Some(1));
        let faults = [Fault::Before].into();
        backend.state().faults_of.insert("change_rate_limit", faults);
        run_at(&backend, 1).await;
        // Each page marks the queue; the first one failed to.
        assert_eq!(
            waiting(&backend, DueKind::RateLimited),
            usize::from(EMAILS) - 2,
            "{task:?}"
        );
        assert!(!is_done(&backend), "{task:?}");
        for minutes in [2, 4, 6] {
            run_at(&backend, 60 * minutes).await;
        }
        assert_eq!(waiting(&backend, DueKind::RateLimited), usize::from(EMAILS), "{task:?}");
        assert!(is_done(&backend), "{task:?}");
    }
}
