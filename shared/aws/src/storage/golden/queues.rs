//! Queues and their jobs.

use std::time::Duration;

use domain::delivery::cause::Cause;
use domain::delivery::index::DueCursor;
use domain::delivery::record::Priority;
use domain::id::{DomainId, EmailId, KeyId, QueueKey, QueueName, TenantId};
use domain::ports::{Jobs, Queues};
use domain::queue::hold::{Hold, Holds};
use domain::queue::job::{Job, Task};
use domain::queue::lost_verifications::LostVerifications;
use domain::queue::{Pause, Queue};
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{SendingDomain, Verification};
use domain::tenant::sender::{FromDomain, Scope};

use super::{Golden, written_items};
use crate::runtime::replay::Replay;
use crate::storage::records::samples::at;

/// The queue of these tests.
pub(super) fn news() -> QueueKey {
    QueueKey {
        tenant: TenantId::main(),
        name: QueueName::parse("news").unwrap(),
    }
}

/// Returns the holds of a revoked key, and of the removed From domains of a key.
pub(crate) fn holds() -> Holds {
    let [revoked, narrowed] = [1, 2].map(|key| KeyId::from_bytes([key; 16]));
    let kept = vec![FromDomain::Exactly("a.example".to_owned())];
    let narrowed = Hold::of_lost_domains(Some(narrowed), kept, at(700));
    [Hold::of_revoked_key(revoked), narrowed]
        .into_iter()
        .fold(Holds::default(), |holds, hold| holds.with(hold).unwrap())
}

/// Returns a lost domain, and a verified one below it.
pub(crate) fn lost_verifications() -> LostVerifications {
    let of = |name, verification| {
        let (id, name) = (
            DomainId::of(EmailId::from_random([7; 16])),
            DomainName::parse(name).unwrap(),
        );
        SendingDomain {
            verification,
            ..SendingDomain::new(id, TenantId::main(), name, "send".to_owned(), at(100))
        }
    };
    let below = [of("a.example.com", Verification::Now)];
    LostVerifications::default().with(&of("example.com", Verification::Lost), &below)
}

/// Returns a queue that sets every field that b1156e8 knew.
pub(crate) fn known_before() -> Queue {
    Queue {
        priority: Priority::Low,
        rate_per_second: Some(5),
        retry_waits: Some(vec![Duration::from_secs(7), Duration::from_secs(70)]),
        expires_after: Some(Duration::from_secs(3_600)),
        version: 3,
        paused: Some(Pause {
            since: at(1_000),
            reason: Some("wrong price".to_owned()),
            until: Some(at(9_000)),
        }),
        purged_before: Some(at(500)),
        deleted: true,
        ..Queue::plain(news(), at(100))
    }
}

#[tokio::test]
async fn queues_are_read_and_written() {
    let mut golden = Golden::of("queue");
    let everything = Queue {
        suspended: true,
        holds: holds(),
        lost_verifications: lost_verifications(),
        generation: 3,
        purged_below: 2,
        ..known_before()
    };
    for (name, queue, old) in [
        ("plain", Queue::plain(news(), at(100)), Queue::plain(news(), at(100))),
        ("everything", everything, known_before()),
    ] {
        let before = queue.version.checked_sub(1).map(|version| Queue {
            version,
            ..queue.clone()
        });
        let stored = written_items(async |replay| {
            let saved = replay.table(16).save_queue(before.as_ref(), &queue, None).await;
            assert!(saved.unwrap());
        });
        golden.check(name, &stored.await.only());
        let load = async |replay: Replay| {
            let (table, tenant) = (replay.table(16), TenantId::main());
            let queue = table.queue(&news()).await.unwrap().unwrap();
            assert_eq!(table.queues(&tenant).await.unwrap(), std::slice::from_ref(&queue));
            queue
        };
        assert_eq!(load(golden.today(name)).await, queue, "{name}");
        assert_eq!(load(golden.old(name)).await, old, "{name}");
    }
    golden.assert_complete();
}

#[tokio::test]
async fn jobs_are_read_and_written() {
    let mut golden = Golden::of("job");
    let queue = known_before();
    let new = |task| Job::new(&queue, EmailId::from_random([2; 16]), task, at(2_000));
    let retry = |scope| Task::Retry {
        cause: Some(Cause::Rejected),
        since: Some(at(50)),
        scope,
    };
    let swept = Job {
        cursor: Some(DueCursor("c".to_owned())),
        emails: 8,
        shard: 3,
        version: 2,
        ..new(retry(Scope::default()))
    };
    let done = Job {
        done: true,
        over: true,
        ..swept.clone()
    };
    let narrowed = Scope::new(&[FromDomain::Any], &[FromDomain::Exactly("a.example".to_owned())]);
    let late = Job {
        task: retry(narrowed),
        failed: 4,
        done: true,
        late_sweeps: 2,
        ..swept.clone()
    };
    for (name, job, is_old) in [
        ("release", new(Task::Release), true),
        ("purge", new(Task::Purge), true),
        ("restore", new(Task::Restore), true),
        ("follow_tenant", new(Task::FollowTenant), false),
        ("retry", swept, true),
        ("late", late, false),
        ("done", done, true),
    ] {
        let stored = written_items(async |replay| {
            assert!(replay.table(16).save_job(&job).await.unwrap());
        });
        golden.check(name, &stored.await.only());
        let load = async |replay: Replay| replay.table(16).job(&news(), job.id).await.unwrap().unwrap();
        assert_eq!(load(golden.today(name)).await, job, "{name}");
        if is_old {
            assert_eq!(load(golden.old(name)).await, job, "{name}");
        }
    }
    golden.assert_complete();
}
