//! Jobs of a queue move all of its emails, despite failures.

use domain::delivery::cause::Cause;
use domain::delivery::record::{DueKind, EmailRecord, RecordStatus};
use domain::id::EmailId;
use domain::queue::SETTLED;
use domain::queue::job::{Job, Task};
use domain::tenant::sender::{FromDomain, Scope};
use memory::samples::BORN;
use memory::{Fault, samples};

use super::{at, backend, job, kind, paused, plain, run, sample, try_to_run};

fn ended(n: u8, status: RecordStatus, cause: Cause) -> EmailRecord {
    EmailRecord {
        status,
        cause: Some(cause),
        ..sample(n, DueKind::Ended, BORN)
    }
}

#[tokio::test]
async fn a_purge_continues_after_failing_emails() {
    for fault in [Fault::Before, Fault::After, Fault::Conflict, Fault::Throttled] {
        let records = (1..=6).map(|n| sample(n, DueKind::Held, BORN)).collect();
        let backend = backend(records, paused().after_purge(at(1)), Some(Task::Purge));
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
            "parked_emails",
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
            assert!(!job(&backend).done, "the index may be stale");
            backend.state().now_ms = BORN.after(SETTLED).as_millis();
            for _ in 0..2 {
                try_to_run(&backend).await.ok();
            }
            assert!(job(&backend).done, "{fault:?} of {call}");
        }
    }
}

#[tokio::test]
async fn the_job_notifies_the_senders_after_a_crash() {
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
    let purged = paused().after_purge(at(1));
    let backend = backend(vec![sample(1, DueKind::Held, BORN)], purged.clone(), Some(Task::Purge));
    run(&backend).await;
    let record = backend.record(&samples::key(1)).unwrap();
    assert_eq!(
        (record.status, record.cause),
        (RecordStatus::Canceled, Some(Cause::Purged))
    );

    let restored = purged.after_resume().after_restore();
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
async fn a_retry_needs_the_cause_and_the_content() {
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
async fn a_retry_skips_emails_from_other_domains() {
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
