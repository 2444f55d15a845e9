use super::*;
use crate::delivery::policy::Policy;
use crate::delivery::record::{Due, EmailRecord};
use crate::id::{KeyId, QueueName, TenantId};
use crate::lifecycle::Decision;
use crate::queue::Pause;
use crate::queue::hold::{Hold, Holds};
use crate::queue::tests::{at, queue, record};

/// Requested at 1000.
fn job(task: Task) -> Job {
    Job::new(&queue(), EmailId::from_random([2; 16]), task, at(1_000))
}

fn cursor(text: &str) -> Option<DueCursor> {
    Some(DueCursor(text.to_owned()))
}

fn moved(moved: u64) -> SweepPage {
    SweepPage { moved, failed: 0 }
}

#[test]
fn a_job_sweeps_again_until_nothing_fails() {
    let failed = SweepPage { moved: 3, failed: 2 };
    let late = super::Job {
        sweep_from: at(1_120),
        ..job(Task::Restore)
    };
    let again = late
        .after_sweep(failed, cursor("a"), 1, at(2_000))
        .after_sweep(moved(1), None, 1, at(2_001));
    assert_eq!((again.done, again.due, again.sweep_from), (false, at(2_061), at(2_061)));
    assert_eq!((again.emails, again.failed, again.shard), (4, 0, 0));
    assert!(again.after_sweep(moved(2), None, 1, at(2_062)).done);
}

#[test]
fn a_job_sweeps_all_pages_twice() {
    let mut job = job(Task::Release);
    job = job.after_sweep(moved(100), cursor("a"), 2, at(1_001));
    assert_eq!((job.shard, &job.cursor, job.done), (0, &cursor("a"), false));
    job = job.after_sweep(moved(7), None, 2, at(1_002));
    assert_eq!((job.shard, &job.cursor, job.done), (1, &None, false));
    job = job.after_sweep(moved(0), None, 2, at(1_003));
    assert_eq!(
        (job.shard, job.done, job.due),
        (0, false, at(1_120)),
        "the index may be stale"
    );
    job = job
        .after_sweep(moved(1), None, 2, at(1_121))
        .after_sweep(moved(0), None, 2, at(1_122));
    assert_eq!((job.done, job.emails, job.version, job.over), (true, 108, 5, false));
    let late = super::Job {
        sweep_from: at(1_120),
        ..super::Job::new(&queue(), job.id, Task::Release, at(1_000))
    };
    assert!(
        late.after_sweep(moved(0), None, 1, at(5_000)).done,
        "it began late enough"
    );
}

#[test]
fn late_sweeps_follow_a_completed_job() {
    let task = |task| Job {
        sweep_from: at(1_120),
        ..job(task)
    };
    // A purge also sweeps the emails that wait for slots.
    let whole = |mut job: super::Job, now| {
        job = job.after_sweep(moved(0), None, 1, now);
        while job.shard > 0 {
            job = job.after_sweep(moved(0), None, 1, now);
        }
        job
    };
    for kind in [Task::Release, Task::Purge, Task::Restore] {
        let mut job = whole(task(kind), at(1_121));
        for late in [1_000 + 900, 1_000 + 3_600, 1_000 + 86_400] {
            assert_eq!(
                (job.done, job.over, job.due, job.sweep_from),
                (true, false, at(late), at(late))
            );
            job = whole(job.after_sweep(moved(1), cursor("a"), 1, at(late)), at(late));
        }
        assert_eq!((job.done, job.over, job.emails), (true, true, 3));
    }
    let (cause, since, scope) = (None, None, Scope::default());
    assert!(
        task(Task::Retry { cause, since, scope })
            .after_sweep(moved(0), None, 1, at(1_121))
            .over
    );
    let overdue = task(Task::Release).after_sweep(moved(0), None, 1, at(100_000));
    assert_eq!(overdue.due, at(100_000), "never in the past");
}

#[test]
fn an_opposite_request_makes_a_job_unwanted() {
    let now = at(2_000);
    let paused = queue().after_pause(Pause {
        since: at(1_500),
        reason: None,
        until: Some(at(3_000)),
    });
    assert!(job(Task::Release).is_wanted(&queue(), now));
    assert!(!job(Task::Release).is_wanted(&paused, now));
    assert!(
        job(Task::Release).is_wanted(&paused, at(3_000)),
        "the pause is over by itself"
    );
    assert!(job(Task::Purge).is_wanted(&queue().after_purge(at(1_000)), now));
    assert!(!job(Task::Purge).is_wanted(&paused, now));
    assert!(
        job(Task::Purge).is_wanted(&queue(), now),
        "it releases needlessly held emails"
    );
    assert!(job(Task::Restore).is_wanted(&queue(), now));
    assert!(!job(Task::Restore).is_wanted(&queue().after_purge(at(1_500)), now));
    assert!(
        !job(Task::Restore).is_wanted(&queue().after_purge(at(900)), now),
        "a purge in effect is a later one, by any clock"
    );
    assert!(
        job(Task::Retry {
            cause: None,
            since: None,
            scope: Scope::default(),
        })
        .is_wanted(&paused, now)
    );
    let given_up = job(Task::Release).after_giving_up();
    assert!(given_up.done && given_up.over);
}

#[test]
fn the_index_selects_a_jobs_emails() {
    let retry = |cause, since: Option<i64>| {
        job(Task::Retry {
            cause,
            since: since.map(at),
            scope: Scope::default(),
        })
    };
    let (failed, rejected) = (RecordStatus::Failed, Some(Cause::Rejected));
    assert!(retry(None, None).may_concern(failed, rejected, at(900)));
    assert!(
        !retry(None, None).may_concern(failed, rejected, at(1_001)),
        "failed after the request"
    );
    assert!(retry(rejected, Some(900)).may_concern(failed, rejected, at(900)));
    assert!(!retry(rejected, Some(901)).may_concern(failed, rejected, at(900)));
    assert!(!retry(Some(Cause::TooLarge), None).may_concern(failed, rejected, at(900)));
    let expired = (RecordStatus::Expired, Some(Cause::Expired));
    assert!(
        !retry(None, None).may_concern(expired.0, expired.1, at(900)),
        "only if the request names it"
    );
    assert!(retry(Some(Cause::Expired), None).may_concern(expired.0, expired.1, at(900)));
    for task in [Task::Release, Task::Purge] {
        assert!(
            job(task).may_concern(RecordStatus::Queued, None, at(2_000)),
            "held, and due later"
        );
    }
    for status in [RecordStatus::Canceled, RecordStatus::Unknown] {
        assert!(!retry(None, None).may_concern(status, None, at(900)));
        for ended in [at(900), at(1_001)] {
            assert!(
                job(Task::Restore).may_concern(status, Some(Cause::Purged), ended),
                "by any clock"
            );
        }
        assert!(!job(Task::Restore).may_concern(status, None, at(900)));
    }
}

/// By its acceptor's clock, an email may be younger than a later purge. A deleted queue is purged for the last time,
/// and nobody can resume it.
#[test]
fn a_purge_releases_emails_that_it_must_not_drop() {
    let (kind, now) = (DueKind::Held, at(2_000));
    let held = EmailRecord {
        born: at(1_003),
        expires_at: at(9_000),
        due: Some(Due { kind, at: at(1_003) }),
        ..record(RecordStatus::Queued)
    };
    let decide = |queue: &Queue| {
        let policy = Policy::standard();
        job(Task::Purge).decide(&held, queue, Duration::from_secs(9), &policy, now)
    };
    let pause = Pause {
        since: at(0),
        reason: None,
        until: None,
    };
    let paused = queue().after_pause(pause).after_purge(at(1_000));
    assert_eq!(decide(&paused), Decision::Forget);
    let Decision::Write(released) = decide(&paused.after_deletion()) else {
        panic!("it is held forever");
    };
    assert_ne!(released.record.due.map(|due| due.kind), Some(DueKind::Held));
    assert_eq!(released.record.status, RecordStatus::Queued);
}

#[test]
fn other_queues_follow_the_default_queue() {
    let (default, now, id) = (queue(), at(2_000), EmailId::from_random([3; 16]));
    let news = Queue::plain(
        QueueKey {
            tenant: TenantId::main(),
            name: QueueName::parse("news").unwrap(),
        },
        at(0),
    );
    let common = |suspended| Common {
        suspended,
        ..Common::default()
    };
    for (queue, on, off) in [
        (&default, Some(Task::FollowTenant), Some(Task::FollowTenant)),
        (&news, None, Some(Task::Release)),
    ] {
        assert_eq!(
            follow_tenant(queue, &common(false), id, now),
            None,
            "it has this state already"
        );
        let (suspended, job) = follow_tenant(queue, &common(true), id, now).unwrap();
        assert_eq!(
            (suspended.suspended, suspended.version, job.map(|job| job.task)),
            (true, 1, on)
        );
        assert_eq!(
            follow_tenant(&suspended, &common(true), id, now),
            None,
            "it has this state already"
        );
        let (lifted, job) = follow_tenant(&suspended, &common(false), id, now).unwrap();
        assert_eq!(
            (lifted.suspended, lifted.version, job.map(|job| job.task)),
            (false, 2, off)
        );
    }
    let (suspended, job) = follow_tenant(&default, &common(true), id, now).unwrap();
    let job = job.unwrap();
    assert!(job.is_wanted(&suspended, now) && !job.moves(&suspended, now) && job.moves(&default, now));
}

#[test]
fn releasing_one_hold_keeps_the_others() {
    let (now, id) = (at(2_000), EmailId::from_random([3; 16]));
    let [one, other] = [1, 2].map(|key| KeyId::from_bytes([key; 16]));
    let holds = |keys: &[KeyId]| {
        let with = |holds: Holds, key: &KeyId| holds.with(Hold::of_revoked_key(*key)).unwrap();
        Common {
            holds: keys.iter().fold(Holds::default(), with),
            ..Common::default()
        }
    };
    let news = Queue::plain(
        QueueKey {
            tenant: TenantId::main(),
            name: QueueName::parse("news").unwrap(),
        },
        at(0),
    );
    let (both, job) = follow_tenant(&news, &holds(&[one, other]), id, now).unwrap();
    assert_eq!(
        (both.version, job),
        (1, None),
        "the function that handles an email holds it"
    );
    let (left, job) = follow_tenant(&both, &holds(&[other]), id, now).unwrap();
    let job = job.unwrap();
    assert_eq!((&job.task, job.queue_version), (&Task::Release, 2));
    let (_, leads) = follow_tenant(&queue(), &holds(&[one]), id, now).unwrap();
    assert_eq!(leads.unwrap().task, Task::FollowTenant);
    // A release of one key, of a pause or of a suspension lets nothing of the other key go.
    for (key, goes) in [(one, true), (other, false)] {
        let held = EmailRecord {
            key: Some(key),
            expires_at: at(9_000),
            due: Some(Due {
                kind: DueKind::Held,
                at: at(1_000),
            }),
            ..record(RecordStatus::Queued)
        };
        for task in [Task::Release, Task::FollowTenant, Task::Purge] {
            let job = super::Job { task, ..job.clone() };
            let decision = job.decide(&held, &left, Duration::from_secs(9), &Policy::standard(), now);
            assert_eq!(decision != Decision::Forget, goes, "{:?}", job.task);
        }
    }
}

#[test]
fn a_purge_sweeps_held_and_rate_limited_emails() {
    let mut job = super::Job {
        sweep_from: at(1_120),
        ..job(Task::Purge)
    };
    let mut swept = Vec::new();
    while !job.done {
        swept.push(job.place(2));
        job = job.after_sweep(moved(0), None, 2, at(1_121));
    }
    let held = (0..2).map(|shard| (DueKind::Held, shard));
    let paced = (0..RATE_LIMITED_SHARDS).map(|shard| (DueKind::RateLimited, shard));
    assert_eq!(swept, held.chain(paced).collect::<Vec<_>>());
}
