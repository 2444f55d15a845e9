//! Commands on a queue, carried out by `promote`.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

mod common;

use std::time::{Duration, Instant};

use common::promote;
use domain::delivery::cause::Cause;
use domain::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use domain::id::{EmailId, KeyId, QueueKey};
use domain::queue::job::{Job, LATE_SWEEPS, Task};
use domain::queue::key_hold::{KeyHold, KeyHolds};
use domain::queue::{Common, Pause, Queue, SETTLED};
use domain::tenant::sender::{FromDomain, Scope};
use domain::timestamp::Timestamp;
use memory::samples::BORN;
use memory::{Fault, MemoryBackend, samples};
use promote::Promoted;

fn at(secs: u64) -> Timestamp {
    BORN.after(Duration::from_secs(secs))
}

async fn try_to_run(backend: &MemoryBackend) -> Result<Promoted, String> {
    let run = promote(backend).run(Instant::now() + Duration::from_secs(60)).await;
    run.map_err(|error| error.what.to_owned())
}

async fn run(backend: &MemoryBackend) -> Promoted {
    try_to_run(backend).await.expect("carried out")
}

fn sample(n: u8, kind: DueKind, due: Timestamp) -> EmailRecord {
    EmailRecord {
        not_before: due,
        due: Some(Due { kind, at: due }),
        ..samples::record(n, &samples::email().expect("the sample parses"))
    }
}

fn ended(n: u8, status: RecordStatus, cause: Cause) -> EmailRecord {
    EmailRecord {
        status,
        cause: Some(cause),
        ..sample(n, DueKind::Ended, BORN)
    }
}

/// Returns a backend with these records, their contents, and their queue.
fn backend(records: Vec<EmailRecord>, queue: Queue, job: Option<Task>) -> MemoryBackend {
    let backend = samples::backend(0).expect("the samples parse");
    let email = samples::email().expect("the sample parses");
    {
        let mut state = backend.state();
        for record in records {
            let key = record.email_key();
            state.bodies.insert((key.clone(), email.hash()), email.to_body());
            state.records.insert(key, record);
        }
        if let Some(task) = job {
            let job = Job::new(&queue, EmailId::from_random([9; 16]), task, BORN);
            state.jobs.insert((queue.key.clone(), job.id), job);
        }
        state.queues.insert(queue.key.clone(), queue);
    }
    backend
}

fn plain() -> Queue {
    let record = sample(1, DueKind::Wake, BORN);
    Queue {
        no: 3,
        ..Queue::plain(record.queue_key(), BORN)
    }
}

fn paused() -> Queue {
    plain().paused(Pause {
        since: BORN,
        reason: None,
        until: None,
    })
}

fn kind(backend: &MemoryBackend, n: u8) -> Option<DueKind> {
    backend.record(&samples::key(n)).unwrap().due.map(|due| due.kind)
}

fn job(backend: &MemoryBackend) -> Job {
    backend.state().jobs.values().next().unwrap().clone()
}

#[tokio::test]
async fn due_emails_of_a_paused_queue_are_parked() {
    let records = vec![sample(1, DueKind::Wake, at(60)), sample(2, DueKind::Check, BORN)];
    let backend = backend(records, paused(), None);
    run(&backend).await;
    assert_eq!([kind(&backend, 1), kind(&backend, 2)], [Some(DueKind::Held); 2]);
    assert!(backend.state().send_tasks.is_empty());
    backend.state().calls.clear();
    run(&backend).await;
    let writes = |call: &&str| call.starts_with("write");
    assert!(!backend.state().calls.iter().any(writes), "what is held is left alone");
}

#[tokio::test]
async fn emails_of_a_paused_queue_move_in_groups() {
    let records = (1..=200).map(|n| sample(n, DueKind::Wake, at(60))).collect();
    let backend = backend(records, paused(), None);
    run(&backend).await;
    assert!((1..=200).all(|n| kind(&backend, n) == Some(DueKind::Held)));
    let calls = backend.state().calls.clone();
    let groups = calls.iter().filter(|call| **call == "write_many").count();
    assert_eq!((groups, calls.contains(&"write")), (3, false));
}

#[tokio::test]
async fn a_purge_continues_behind_failing_emails() {
    for fault in [Fault::Before, Fault::After, Fault::Conflict, Fault::Throttled] {
        let records = (1..=6).map(|n| sample(n, DueKind::Held, BORN)).collect();
        let backend = backend(records, paused().purged(at(1)), Some(Task::Purge));
        backend.state().page_size = 2;
        backend.state().faults_of.insert("write_many", [fault].into());
        run(&backend).await;
        let canceled = |n: &u8| backend.record(&samples::key(*n)).unwrap().status == RecordStatus::Canceled;
        let failed = (1..=6).filter(|n| !canceled(n)).count();
        assert_eq!(failed, if fault == Fault::After { 0 } else { 2 }, "{fault:?}");
        assert!(!job(&backend).done, "{fault:?}");
        for minutes in [2, 4, 6] {
            backend.state().now_ms = BORN.after(std::time::Duration::from_secs(60 * minutes)).as_millis();
            run(&backend).await;
        }
        assert!((1..=6).all(|n| canceled(&n)), "{fault:?}");
        assert!(job(&backend).done, "{fault:?}");
    }
}

#[tokio::test]
async fn held_emails_return_despite_failures() {
    for fault in [Fault::Before, Fault::After] {
        for call in [
            "aside",
            "load_many",
            "write",
            "save_job",
            "enqueue",
            "queue",
            "job",
            "due_jobs",
        ] {
            let records = (1..=5).map(|n| sample(n, DueKind::Held, at(60))).collect();
            let backend = backend(records, plain(), Some(Task::Release));
            backend.state().page_size = 2;
            backend.state().faults_of.insert(call, [Fault::None, fault].into());
            for _ in 0..3 {
                try_to_run(&backend).await.ok();
            }
            // The next sweep finds an email that could not be moved, a minute later.
            backend.state().now_ms += 61_000;
            try_to_run(&backend).await.ok();
            for n in 1..=5 {
                assert_eq!(kind(&backend, n), Some(DueKind::Check), "{fault:?} of {call}");
            }
            assert!(!job(&backend).done, "the index may be behind");
            backend.state().now_ms = BORN.after(SETTLED).as_millis();
            for _ in 0..2 {
                try_to_run(&backend).await.ok();
            }
            assert!(job(&backend).done, "{fault:?} of {call}");
        }
    }
}

#[tokio::test]
async fn the_job_tells_the_senders_after_a_crash() {
    let backend = backend(Vec::new(), plain(), Some(Task::Release));
    run(&backend).await;
    assert_eq!(backend.state().account_rate.settings_version, 1);
    run(&backend).await;
    assert_eq!(backend.state().account_rate.settings_version, 1, "once");
}

#[tokio::test]
async fn a_queue_paused_again_keeps_its_held_emails() {
    let backend = backend(vec![sample(1, DueKind::Held, BORN)], paused(), Some(Task::Release));
    run(&backend).await;
    assert_eq!(kind(&backend, 1), Some(DueKind::Held));
    assert!(job(&backend).done, "the job is obsolete");
}

#[tokio::test]
async fn held_emails_are_purged_and_restored() {
    let purged = paused().purged(at(1));
    let backend = backend(vec![sample(1, DueKind::Held, BORN)], purged.clone(), Some(Task::Purge));
    run(&backend).await;
    let record = backend.record(&samples::key(1)).unwrap();
    assert_eq!(
        (record.status, record.cause),
        (RecordStatus::Canceled, Some(Cause::Purged))
    );

    let restored = purged.resumed().restored();
    let job = Job::new(&restored, EmailId::from_random([8; 16]), Task::Restore, at(2));
    {
        let mut state = backend.state();
        state.queues.insert(restored.key.clone(), restored.clone());
        state.jobs.clear();
        state.jobs.insert((restored.key.clone(), job.id), job);
        state.now_ms = at(2).as_millis();
    }
    run(&backend).await;
    let record = backend.record(&samples::key(1)).unwrap();
    assert_eq!(
        (record.status, record.cause, record.attempts),
        (RecordStatus::Queued, None, 0)
    );
    assert!(
        backend
            .state()
            .kept_until
            .keys()
            .any(|(key, _)| *key == samples::key(1)),
        "its content lives as long"
    );
}

#[tokio::test]
async fn a_redrive_needs_the_cause_and_a_content() {
    let records = vec![
        ended(1, RecordStatus::Failed, Cause::Rejected),
        ended(2, RecordStatus::Failed, Cause::UnverifiedSender),
        ended(3, RecordStatus::Unknown, Cause::AnswerLost),
        ended(4, RecordStatus::Canceled, Cause::Purged),
        ended(5, RecordStatus::Failed, Cause::Rejected),
    ];
    let cause = Some(Cause::Rejected);
    let backend = backend(
        records,
        plain(),
        Some(Task::Retry {
            cause,
            since: None,
            scope: Scope::default(),
        }),
    );
    backend.state().bodies.retain(|(key, _), _| *key != samples::key(5));
    run(&backend).await;
    let status = |n| backend.record(&samples::key(n)).unwrap().status;
    assert_eq!(
        [1, 2, 3, 4, 5].map(status),
        [
            RecordStatus::Queued,
            RecordStatus::Failed,
            RecordStatus::Unknown,
            RecordStatus::Canceled,
            RecordStatus::Failed
        ]
    );
    assert_eq!(job(&backend).emails, 1);
    assert_eq!(backend.state().send_tasks.len(), 1);
}

#[tokio::test]
async fn a_retry_leaves_email_from_other_domains_alone() {
    let domain = |domain: &str| [FromDomain::parse(domain).unwrap()];
    for (allowed, expected) in [
        ("example.com", RecordStatus::Queued),
        ("other.example", RecordStatus::Failed),
    ] {
        let retry = Task::Retry {
            cause: None,
            since: None,
            scope: Scope::new(&domain(allowed), &[]),
        };
        let backend = backend(
            vec![ended(1, RecordStatus::Failed, Cause::Rejected)],
            plain(),
            Some(retry),
        );
        run(&backend).await;
        let record = backend.record(&samples::key(1)).unwrap();
        assert_eq!(record.status, expected, "{allowed}");
    }
}

/// Held emails add no reads of other queues' emails.
#[tokio::test]
async fn held_emails_cost_the_others_no_call() {
    let calls = async |held: u32| {
        let backend = backend(vec![sample(1, DueKind::Wake, at(60))], plain(), None);
        let news = QueueKey {
            name: domain::id::QueueName::parse("news").unwrap(),
            ..plain().key
        };
        for n in 0..held {
            let record = EmailRecord {
                id: EmailId::from_random((u128::from(n) << 8).to_be_bytes()),
                queue: news.name.clone(),
                ..sample(2, DueKind::Held, BORN)
            };
            backend.state().records.insert(record.email_key(), record);
        }
        let queue = Queue {
            key: news.clone(),
            ..paused()
        };
        backend.state().queues.insert(news, queue);
        assert_eq!(run(&backend).await.enqueued, 1);
        backend.state().calls.clone()
    };
    assert_eq!(calls(10_000).await, calls(0).await);
}

#[tokio::test]
async fn a_tenants_queues_follow_its_default_queue() {
    let default = plain().with_suspension(true);
    let news = QueueKey {
        name: domain::id::QueueName::parse("news").unwrap(),
        ..default.key.clone()
    };
    let other = QueueKey {
        tenant: domain::id::TenantId::parse("other").unwrap(),
        ..news.clone()
    };
    let backend = backend(vec![sample(1, DueKind::Check, BORN)], default, Some(Task::FollowTenant));
    for key in [&news, &other] {
        let queue = Queue::plain(key.clone(), BORN);
        backend.state().queues.insert(key.clone(), queue);
    }
    let suspended = |key: &QueueKey| backend.state().queues[key].suspended;
    run(&backend).await;
    assert_eq!((suspended(&news), suspended(&other)), (true, false));
    assert_eq!(kind(&backend, 1), Some(DueKind::Held), "what is met is held");

    // An environment with the cached key has created another queue meanwhile.
    let late = QueueKey {
        name: domain::id::QueueName::parse("late").unwrap(),
        ..news.clone()
    };
    backend
        .state()
        .queues
        .insert(late.clone(), Queue::plain(late.clone(), BORN));
    run(&backend).await;
    assert!(!suspended(&late) && !job(&backend).done);
    backend.state().now_ms = BORN.after(SETTLED).as_millis();
    run(&backend).await;
    assert!(suspended(&late) && job(&backend).done);
}

#[tokio::test]
async fn the_end_of_a_suspension_releases_emails() {
    let default = plain().with_suspension(true).with_suspension(false);
    let news = QueueKey {
        name: domain::id::QueueName::parse("news").unwrap(),
        ..default.key.clone()
    };
    let of_news = EmailRecord {
        queue: news.name.clone(),
        ..sample(2, DueKind::Held, BORN)
    };
    let records = vec![sample(1, DueKind::Held, BORN), of_news];
    let backend = backend(records, default, Some(Task::FollowTenant));
    let queue = Queue::plain(news.clone(), BORN).with_suspension(true);
    backend.state().queues.insert(news.clone(), queue);
    run(&backend).await;
    assert!(!backend.state().queues[&news].suspended);
    assert_eq!(kind(&backend, 1), Some(DueKind::Check));
    // The next run works off the job of the other queue.
    run(&backend).await;
    assert_eq!(kind(&backend, 2), Some(DueKind::Check));
    assert_eq!(backend.state().send_tasks.len(), 2);
}

/// Returns the queue `default` of these samples, with holds of these keys.
fn holding(keys: &[KeyId]) -> Queue {
    let with = |holds: KeyHolds, key: &KeyId| holds.with(KeyHold::of_revoked(*key)).unwrap();
    plain().with_common(&Common {
        key_holds: keys.iter().fold(KeyHolds::default(), with),
        ..Common::default()
    })
}

fn of_key(record: EmailRecord, n: u8) -> EmailRecord {
    EmailRecord {
        key: Some(KeyId::from_bytes([n; 16])),
        ..record
    }
}

#[tokio::test]
async fn an_overdue_email_of_a_held_key_is_parked() {
    let [one, other] = [1, 2].map(|n| KeyId::from_bytes([n; 16]));
    let records = vec![
        of_key(sample(1, DueKind::Check, BORN), 1),
        of_key(sample(2, DueKind::Check, BORN), 3),
        of_key(sample(3, DueKind::Held, BORN), 1),
    ];
    let backend = backend(records, holding(&[one, other]), Some(Task::Release));
    run(&backend).await;
    let kinds = [1, 2, 3].map(|n| kind(&backend, n));
    assert_eq!(
        kinds,
        [Some(DueKind::Held), Some(DueKind::Check), Some(DueKind::Held)],
        "no job lets it go"
    );
    let enqueued: Vec<_> = backend
        .state()
        .send_tasks
        .iter()
        .map(|request| request.send_task.id)
        .collect();
    assert_eq!(enqueued, [samples::id(2)]);
}

#[tokio::test]
async fn a_released_hold_frees_emails_of_all_queues() {
    let [one, other] = [1, 2].map(|n| KeyId::from_bytes([n; 16]));
    let news = QueueKey {
        name: domain::id::QueueName::parse("news").unwrap(),
        ..plain().key
    };
    let of_news = EmailRecord {
        queue: news.name.clone(),
        ..sample(3, DueKind::Held, BORN)
    };
    for fault in [Fault::None, Fault::Before, Fault::After] {
        let records = vec![
            of_key(sample(1, DueKind::Held, BORN), 1),
            of_key(sample(2, DueKind::Held, BORN), 2),
            of_key(of_news.clone(), 1),
        ];
        // The hold of one key is released in `default`, and the other queue does not have that change yet.
        let backend = backend(records, holding(&[other]), Some(Task::FollowTenant));
        let queue = Queue {
            key: news.clone(),
            ..holding(&[one, other])
        };
        backend.state().queues.insert(news.clone(), queue);
        for call in ["save_queue", "write", "save_job"] {
            backend.state().faults_of.insert(call, [fault].into());
        }
        for minutes in 0..8 {
            backend.state().now_ms = at(60 * minutes).as_millis();
            drop(try_to_run(&backend).await);
        }
        let kinds = [1, 2, 3].map(|n| kind(&backend, n));
        assert_eq!(
            kinds,
            [Some(DueKind::Check), Some(DueKind::Held), Some(DueKind::Check)],
            "{fault:?}"
        );
        assert_eq!(backend.state().queues[&news].key_holds.keys(), [other]);
    }
}

/// DynamoDB promises no bound for the delay of an index. Without this, such an email would never be sent.
#[tokio::test]
async fn a_late_index_entry_is_released_too() {
    for late in LATE_SWEEPS {
        let records = vec![
            sample(1, DueKind::Held, at(200_000)),
            sample(2, DueKind::Held, at(200_000)),
        ];
        let backend = backend(records, plain(), Some(Task::Release));
        backend.state().late_in_index.insert(samples::id(2));
        let run_at = async |now: Timestamp| {
            backend.state().now_ms = now.as_millis();
            run(&backend).await;
        };
        run_at(BORN).await;
        run_at(BORN.after(SETTLED)).await;
        assert!(job(&backend).done && kind(&backend, 2) == Some(DueKind::Held));
        for before in LATE_SWEEPS.into_iter().filter(|before| *before < late) {
            run_at(BORN.after(before)).await;
        }
        backend.state().late_in_index.clear();
        run_at(BORN.after(late)).await;
        assert_ne!(kind(&backend, 2), Some(DueKind::Held), "{late:?}");
    }
    let backend = backend(Vec::new(), plain(), Some(Task::Release));
    for after in [Duration::ZERO, SETTLED].into_iter().chain(LATE_SWEEPS) {
        backend.state().now_ms = BORN.after(after).as_millis();
        run(&backend).await;
    }
    assert!(job(&backend).over, "five sweeps, and no more");
}
