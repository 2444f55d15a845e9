//! Commands that succeed: record, index, content and send task agree.

use std::time::Duration;

use domain::delivery::batch::{self, BatchId, BatchRecord};
use domain::delivery::cause::Cause;
use domain::delivery::record::{DueKind, EmailRecord, Priority, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::id::TenantId;
use domain::ports::{Claimed, EmailRecords, SendTaskRequest};
use memory::samples;
use memory::samples::BORN;

use super::{
    CANCEL, RESCHEDULE, RETENTION, RETRY, TWO_WEEKS, answer, at, backend_with, done, due, golden, kept_until,
    lose_content, rescheduled_to, sample, secs, stored, with_body,
};
use crate::common::manage;

#[tokio::test]
async fn a_canceled_email_cannot_be_claimed() {
    // An email that waits for its next attempt is treated like a new one.
    let tried = EmailRecord {
        claim_no: 2,
        attempts: 2,
        cause: Some(Cause::Throttled),
        detail: Some("slower".to_owned()),
        not_before: at(60),
        ..sample(RecordStatus::Queued)
    };
    for record in [sample(RecordStatus::Queued), tried] {
        let backend = backend_with(&record);
        assert_eq!(answer(&backend, &golden(CANCEL)).await, done());
        let canceled = EmailRecord {
            status: RecordStatus::Canceled,
            cause: None,
            detail: None,
            due: due(DueKind::Ended, 0),
            ..record
        };
        assert_eq!(stored(&backend), canceled);
        assert_eq!(backend.calls_inside(), ["load", "queue", "write"]);
        assert!(backend.state().send_tasks.is_empty());
        let policy = manage(&backend, backend.clone()).with.policy;
        let claimed = backend.claim(&samples::key(1), 1, &policy, at(3600)).await.unwrap();
        assert_eq!(claimed, Claimed::Refused(Some(Box::new(canceled))));
    }
}

#[tokio::test]
async fn an_email_without_content_can_be_canceled() {
    let backend = backend_with(&sample(RecordStatus::Queued));
    lose_content(&backend);
    assert_eq!(answer(&backend, &golden(CANCEL)).await, done());
}

#[tokio::test]
async fn a_repeated_cancel_is_written_once() {
    let backend = backend_with(&sample(RecordStatus::Queued));
    assert_eq!(answer(&backend, &golden(CANCEL)).await, done());
    let canceled = stored(&backend);
    assert_eq!(answer(&backend, &golden(CANCEL)).await, done());
    assert_eq!(stored(&backend), canceled);
    assert_eq!(backend.calls_inside(), ["load", "queue", "write", "load", "queue"]);
}

/// This call enqueues an email that is due within a quarter of an hour; `promote` enqueues later ones. Each
/// additional call costs money.
#[tokio::test]
async fn a_rescheduled_email_waits_for_its_new_time() {
    let (near, far) = (DueKind::Check, DueKind::Wake);
    for (wanted, scheduled, not_before, waits, delay) in [
        ("in 10 minutes", at(600), 600, due(near, 1500), Some(600)),
        ("1970-01-01T01:26:40+01:00", at(600), 600, due(near, 1500), Some(600)),
        ("in 0 seconds", BORN, 0, due(near, 900), Some(0)),
        // The caller's clock is slow.
        (
            "1970-01-01T00:15:40Z",
            BORN.before(secs(60)),
            0,
            due(near, 900),
            Some(0),
        ),
        ("in 15 minutes", at(900), 900, due(near, 1800), Some(900)),
        ("in 901 seconds", at(901), 901, due(far, 901), None),
        (
            "in 3653 days",
            at(315_619_200),
            315_619_200,
            due(far, 315_619_200),
            None,
        ),
    ] {
        // It waited elsewhere before.
        let record = EmailRecord {
            priority: Priority::Low,
            claim_no: 2,
            attempts: 2,
            not_before: at(5000),
            due: due(far, 5000),
            ..sample(RecordStatus::Queued)
        };
        let backend = backend_with(&record);
        assert_eq!(
            answer(&backend, &rescheduled_to(wanted, None)).await,
            done(),
            "{wanted}"
        );
        let expected = EmailRecord {
            not_before: at(not_before),
            scheduled_at: Some(scheduled),
            expires_at: scheduled.after(TWO_WEEKS),
            due: waits,
            ..record
        };
        assert_eq!(stored(&backend), expected, "{wanted}");
        let send_tasks: Vec<_> = delay
            .into_iter()
            .map(|delay| SendTaskRequest {
                priority: Priority::Low,
                send_task: SendTask::of(&expected),
                delay: secs(delay),
            })
            .collect();
        assert_eq!(backend.state().send_tasks, send_tasks, "{wanted}");
        let mut calls = vec!["load", "queue", "extend_retention", "load_body", "write"];
        calls.extend(delay.map(|_| "enqueue"));
        assert_eq!(
            backend.calls_inside(),
            calls,
            "the content's retention is extended before the record is written: {wanted}"
        );
        assert_eq!(
            kept_until(&backend),
            Some(expected.expires_at.after(RETENTION)),
            "{wanted}"
        );
    }
}

#[tokio::test]
async fn a_base64_body_is_decoded() {
    let backend = backend_with(&sample(RecordStatus::Queued));
    let mut event = with_body(RESCHEDULE, "eyJzY2hlZHVsZWRfYXQiOiJpbiAxMCBtaW51dGVzIn0=");
    event["isBase64Encoded"] = true.into();
    assert_eq!(answer(&backend, &event).await, done());
    assert_eq!(stored(&backend).not_before, at(600));
    // "/w==" is the byte 0xFF: no UTF-8, no JSON.
    event["body"] = "/w==".into();
    assert_eq!(answer(&backend, &event).await.0, 400);
}

#[tokio::test]
async fn only_the_caller_moves_its_deadline() {
    for (given, scheduled_at, expires_at, expected) in [
        (false, 600, None, (at(600).after(TWO_WEEKS), false)),
        (false, 600, Some("in 1 hour"), (at(3600), true)),
        (true, 600, None, (at(86_400), true)),
        (true, 600, Some("in 2 days"), (at(172_800), true)),
        (true, 600, Some("in 601 seconds"), (at(601), true)),
    ] {
        let record = EmailRecord {
            expires_given: given,
            ..sample(RecordStatus::Queued)
        };
        let backend = backend_with(&record);
        let event = rescheduled_to(&format!("in {scheduled_at} seconds"), expires_at);
        assert_eq!(answer(&backend, &event).await, done(), "{given} {expires_at:?}");
        let record = stored(&backend);
        assert_eq!(
            (record.expires_at, record.expires_given),
            expected,
            "{given} {expires_at:?}"
        );
        assert_eq!(kept_until(&backend), Some(expected.0.after(RETENTION)));
    }
}

#[tokio::test]
async fn a_shorter_deadline_keeps_the_content() {
    let backend = backend_with(&sample(RecordStatus::Queued));
    assert_eq!(answer(&backend, &rescheduled_to("in 100 days", None)).await, done());
    let kept = kept_until(&backend);
    assert_eq!(
        answer(&backend, &rescheduled_to("in 1 minute", Some("in 2 minutes"))).await,
        done()
    );
    assert_eq!((stored(&backend).expires_at, kept_until(&backend)), (at(120), kept));
}

#[tokio::test]
async fn a_retry_sends_at_once_with_a_new_budget() {
    const FORCE: &str = r#"{"force":true}"#;
    for (status, body, flagged) in [
        (RecordStatus::Failed, None, false),
        (RecordStatus::Failed, Some(""), false),
        (RecordStatus::Failed, Some("{}"), false),
        (RecordStatus::Failed, Some(r#"{"force":null}"#), false),
        (RecordStatus::Failed, Some(r#"{"force":false}"#), false),
        (RecordStatus::Failed, Some(FORCE), false),
        (RecordStatus::Canceled, None, false),
        (RecordStatus::Canceled, Some(FORCE), false),
        (RecordStatus::Expired, None, false),
        (RecordStatus::Expired, Some(FORCE), false),
        (RecordStatus::Unknown, Some(FORCE), true),
    ] {
        let what = format!("{status:?} {body:?}");
        let record = EmailRecord {
            priority: Priority::High,
            expires_given: true,
            ..sample(status)
        };
        let backend = backend_with(&record);
        backend.state().now_ms = at(100_000).as_millis();
        let mut event = golden(RETRY);
        event["body"] = body.into();
        assert_eq!(answer(&backend, &event).await, done(), "{what}");
        let expected = EmailRecord {
            status: RecordStatus::Queued,
            not_before: at(100_000),
            expires_at: at(100_000).after(TWO_WEEKS),
            expires_given: false,
            attempts: 0,
            maybe_duplicate: flagged,
            cause: None,
            detail: None,
            due: due(DueKind::Check, 100_900),
            retried_at: Some(at(100_000)),
            generation: Some(0),
            ..record
        };
        assert_eq!(stored(&backend), expected, "{what}");
        let request = SendTaskRequest {
            priority: Priority::High,
            send_task: SendTask::of(&expected),
            delay: Duration::ZERO,
        };
        assert_eq!(backend.state().send_tasks, [request], "{what}");
        assert_eq!(
            backend.calls_inside(),
            ["load", "queue", "extend_retention", "load_body", "write", "enqueue"],
            "{what}"
        );
        assert_eq!(
            kept_until(&backend),
            Some(expected.expires_at.after(RETENTION)),
            "{what}"
        );
    }
}

/// Otherwise a later batch with the same key could contain this email.
#[tokio::test]
async fn a_rescheduled_email_keeps_its_batch_record() {
    let batch = BatchId::from_bytes(&[7; 32]).unwrap();
    let name = (TenantId::main(), batch);
    for (event, status) in [
        (rescheduled_to("in 300 days", None), RecordStatus::Queued),
        (golden(RETRY), RecordStatus::Failed),
    ] {
        let record = EmailRecord {
            batch: Some(batch),
            ..sample(status)
        };
        let backend = backend_with(&record);
        let (hash, errors, begun) = (String::new(), Vec::new(), None);
        let record = BatchRecord { hash, errors, begun };
        backend.state().batches.insert(name.clone(), (record, BORN));
        assert_eq!(answer(&backend, &event).await, done());
        let until = backend.state().batches.get(&name).map(|(_, until)| *until);
        assert_eq!(until, Some(batch::keep_until(stored(&backend).expires_at, RETENTION)));
        assert!(until > Some(stored(&backend).expires_at.after(RETENTION)));
    }
}
