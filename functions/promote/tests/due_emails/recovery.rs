//! Overdue records move on.

use std::time::Duration;

use domain::delivery::record::{Due, DueKind, EmailRecord, Lease, RecordStatus};
use memory::{Fault, MemoryBackend, samples};

use super::{at, backend, backend_of, enqueued, fail, run, sample, times};

#[tokio::test]
async fn a_lost_send_task_is_found_by_the_guard() {
    let (backend, key) = backend(|record| {
        record.due = Some(Due {
            kind: DueKind::Wake,
            at: record.not_before,
        })
    });
    run(&backend).await;
    assert_eq!(enqueued(&backend).len(), 1);
    backend.state().send_tasks.clear();
    backend.state().now_ms += 899_000;
    run(&backend).await;
    assert!(enqueued(&backend).is_empty());
    backend.state().now_ms += 1_000;
    assert_eq!(run(&backend).await.recovered, 1);
    assert_eq!(enqueued(&backend), [(key.id, 0)]);
    let due = backend.record(&key).and_then(|record| record.due);
    assert_eq!(
        due,
        Some(Due {
            kind: DueKind::Check,
            at: at(1800)
        })
    );
}

#[tokio::test]
async fn evidence_or_the_window_settles_a_dead_claim() {
    let (backend, key) = backend(|record| {
        record.status = RecordStatus::Sending;
        record.claim_no = 1;
        record.attempts = 1;
        record.lease = Some(Lease {
            until: at(180),
            nonce: 1,
        });
        record.due = Some(Due {
            kind: DueKind::Check,
            at: at(180),
        });
    });
    let status = || {
        backend
            .record(&key)
            .map(|record| (record.status, record.maybe_duplicate))
    };
    run(&backend).await;
    assert_eq!(
        status(),
        Some((RecordStatus::Sending, false)),
        "its lease has not run out"
    );
    backend.state().now_ms += 180_000;
    run(&backend).await;
    assert_eq!(status(), Some((RecordStatus::Uncertain, false)));
    backend.state().now_ms += 300_000;
    backend.state().events_waiting = 1;
    run(&backend).await;
    assert_eq!(
        status(),
        Some((RecordStatus::Uncertain, false)),
        "the event of the email may be among those that wait"
    );
    backend.state().events_waiting = 0;
    backend.state().now_ms += 300_000;
    run(&backend).await;
    assert_eq!(
        status(),
        Some((RecordStatus::Queued, true)),
        "flagged, because SES may have accepted it"
    );
    assert_eq!(enqueued(&backend), [(key.id, 0)]);
}

#[tokio::test]
async fn feedback_is_read_once_and_only_if_needed() {
    let (quiet, _) = backend(|_| {});
    run(&quiet).await;
    assert_eq!(times(&quiet, "feedback"), 0);
    let uncertain = |n| EmailRecord {
        status: RecordStatus::Uncertain,
        claim_no: 1,
        uncertain_since: Some(samples::BORN),
        ..sample(n)
    };
    let backend = backend_of((1..=20).map(uncertain));
    run(&backend).await;
    assert_eq!(times(&backend, "feedback"), 1);
}

#[tokio::test]
async fn unknown_feedback_is_no_evidence() {
    let (backend, key) = backend(|record| {
        record.status = RecordStatus::Uncertain;
        record.claim_no = 1;
        record.uncertain_since = Some(samples::BORN.before(Duration::from_secs(3600)));
    });
    fail(&backend, "feedback", [Fault::Before]);
    run(&backend).await;
    assert_eq!(times(&backend, "feedback"), 1);
    assert_eq!(
        backend.record(&key).map(|record| record.status),
        Some(RecordStatus::Uncertain)
    );
}

#[tokio::test]
async fn a_failing_email_is_dead_lettered_until_failed() {
    let (backend, key) = backend(|record| {
        record.status = RecordStatus::Failing;
        record.claim_no = 3;
    });
    run(&backend).await;
    let handed: Vec<_> = backend
        .state()
        .dead_letters
        .iter()
        .map(|email| (email.id, email.claim_no))
        .collect();
    assert_eq!(handed, [(key.id, 3)]);
    run(&backend).await;
    assert_eq!(backend.state().dead_letters.len(), 1, "not before a minute is over");
    backend.state().now_ms += 60_000;
    run(&backend).await;
    assert_eq!(backend.state().dead_letters.len(), 2);
}

#[tokio::test]
async fn an_unwritable_record_stops_no_other() {
    let backend = backend_of([2, 4, 6].map(sample));
    fail(&backend, "write", [Fault::Before]);
    let done = run(&backend).await;
    assert_eq!((done.recovered, done.failed), (2, 1));
    assert_eq!(run(&backend).await.recovered, 1, "the next run finds the record again");
}

#[tokio::test]
async fn under_constant_traffic_a_newer_event_permits_a_resend() {
    let (backend, key) = backend(|record| {
        record.status = RecordStatus::Uncertain;
        record.claim_no = 1;
        record.attempts = 1;
        record.uncertain_since = Some(samples::BORN.before(Duration::from_secs(3600)));
    });
    backend.state().events_waiting = 100;
    run(&backend).await;
    assert_eq!(
        backend.record(&key).map(|record| record.status),
        Some(RecordStatus::Uncertain)
    );
    backend.state().newest_event = Some(at(0));
    backend.state().now_ms += 300_000;
    run(&backend).await;
    assert_eq!(
        backend.record(&key).map(|record| record.status),
        Some(RecordStatus::Queued)
    );
}

/// The figures of the alarms: an early look reports no delay, and an uncertain email is no late one.
#[tokio::test]
async fn a_run_reports_late_and_uncertain_emails() {
    let late = super::waiting(1, at(0));
    let uncertain = EmailRecord {
        status: RecordStatus::Uncertain,
        claim_no: 1,
        uncertain_since: Some(at(0)),
        due: Some(Due {
            kind: DueKind::Check,
            at: at(300),
        }),
        ..sample(2)
    };
    let backend = backend_of([late, uncertain]);
    let seen = async |secs: u64| {
        backend.state().now_ms = at(secs).as_millis();
        let done = run(&backend).await;
        (done.oldest_due.as_secs(), done.uncertain)
    };
    assert_eq!(seen(10).await, (0, 0));
    assert_eq!(seen(899).await, (0, 1));
    assert_eq!(seen(900).await.0, 900);
    let saved = |backend: &MemoryBackend| backend.state().oldest_due.map(|oldest| (oldest.due, oldest.seen_at));
    assert_eq!(saved(&backend), Some((at(0), at(900))));
    assert_eq!(seen(901).await.0, 0, "the next look comes after another guard time");
    assert_eq!(saved(&backend), Some((at(0), at(900))), "the email is still late");
    assert_eq!(seen(1800).await.0, 1800);
    assert_eq!(saved(&backend), Some((at(0), at(1800))));
}
