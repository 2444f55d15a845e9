//! Concurrent writers between the read of a record and its write.

use domain::delivery::record::{BodyPlace, DueKind, EmailRecord, Lease, RecordStatus};
use domain::lifecycle::commands::Refusal;
use domain::ports::{Claimed, EmailRecords};
use futures::FutureExt;
use memory::{ConcurrentWriter, MemoryBackend, samples};
use serde_json::Value;

use super::{
    CANCEL, RESCHEDULE, RETENTION, RETRY, TWO_WEEKS, assert_in_its_place, at, backend_with, conflict, done, due,
    golden, kept_until, refused, rescheduled_to, sample, stored,
};
use crate::common::{ask, manage, read};

/// Change by a concurrent writer between the read of a record and its write.
#[derive(Debug, Clone)]
enum Meddling {
    /// A sender claims it.
    Claim,
    /// A caller's command succeeds.
    Ask(Value),
    /// The record expires, and the table deletes it.
    Forget,
}

impl Meddling {
    fn on(self, backend: &MemoryBackend) -> ConcurrentWriter {
        let backend = backend.clone();
        Box::new(move || match self {
            Self::Claim => {
                let policy = manage(&backend, backend.clone()).with.policy;
                let key = samples::key(1);
                let now = backend.state().now();
                let claimed = at_once(backend.claim(&key, 7, &policy, now)).unwrap();
                assert!(matches!(claimed, Claimed::Granted(_)), "{claimed:?}");
            }
            Self::Ask(event) => assert_eq!(read(&at_once(ask(&backend, &event))), done()),
            Self::Forget => {
                backend.state().records.remove(&samples::key(1));
            }
        })
    }
}

/// Nothing waits in a backend without a fault model.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing is waited for")
}

/// Sends a command while others write: the first of them before the first write, and so on.
async fn send_while_others_write(backend: &MemoryBackend, event: &Value, with: Vec<Meddling>) -> (u16, Value) {
    let writers = with.into_iter().map(|meddling| meddling.on(backend)).collect();
    let contested = backend.with_concurrent_writers(writers);
    let answer = read(&ask(&contested, event).await);
    assert_eq!(contested.writers_left(), 0, "every concurrent writer has written");
    answer
}

#[tokio::test]
async fn a_claim_that_comes_first_wins() {
    for event in [CANCEL, RESCHEDULE] {
        let backend = backend_with(&sample(RecordStatus::Queued));
        let got = send_while_others_write(&backend, &golden(event), vec![Meddling::Claim]).await;
        assert_eq!(got, conflict(Refusal::TooLate(RecordStatus::Sending)), "{event}");
        let claimed = EmailRecord {
            status: RecordStatus::Sending,
            claim_no: 1,
            attempts: 1,
            lease: Some(Lease {
                until: at(180),
                nonce: 7,
            }),
            due: due(DueKind::Check, 180),
            ..sample(RecordStatus::Queued)
        };
        assert_eq!(stored(&backend), claimed, "{event}");
        assert!(backend.state().send_tasks.is_empty(), "{event}");
    }
}

#[tokio::test]
async fn a_cancel_after_a_reschedule_wins() {
    let backend = backend_with(&sample(RecordStatus::Queued));
    let first = Meddling::Ask(golden(RESCHEDULE));
    assert_eq!(
        send_while_others_write(&backend, &golden(CANCEL), vec![first]).await,
        done()
    );
    let record = stored(&backend);
    assert_eq!(
        (record.status, record.due, record.scheduled_at, record.not_before),
        (RecordStatus::Canceled, due(DueKind::Ended, 0), Some(at(600)), at(600))
    );
}

#[tokio::test]
async fn a_reschedule_does_not_undo_a_cancel() {
    let backend = backend_with(&sample(RecordStatus::Queued));
    let first = Meddling::Ask(golden(CANCEL));
    let got = send_while_others_write(&backend, &golden(RESCHEDULE), vec![first]).await;
    assert_eq!(got, conflict(Refusal::TooLate(RecordStatus::Canceled)));
    let record = stored(&backend);
    assert_eq!(
        (record.status, record.due),
        (RecordStatus::Canceled, due(DueKind::Ended, 0))
    );
    assert!(backend.state().send_tasks.is_empty());
}

#[tokio::test]
async fn two_concurrent_cancels_both_succeed() {
    let backend = backend_with(&sample(RecordStatus::Queued));
    let first = Meddling::Ask(golden(CANCEL));
    assert_eq!(
        send_while_others_write(&backend, &golden(CANCEL), vec![first]).await,
        done()
    );
    assert_eq!(stored(&backend).status, RecordStatus::Canceled);
}

#[tokio::test]
async fn the_later_of_two_reschedules_wins() {
    let backend = backend_with(&sample(RecordStatus::Queued));
    let first = Meddling::Ask(rescheduled_to("in 1 hour", Some("in 400 days")));
    let second = rescheduled_to("in 10 minutes", None);
    assert_eq!(send_while_others_write(&backend, &second, vec![first]).await, done());
    let record = stored(&backend);
    assert_eq!((record.not_before, record.due), (at(600), due(DueKind::Check, 1500)));
    // The second names no deadline, and so keeps the first one's.
    assert_eq!((record.expires_at, record.expires_given), (at(400 * 86_400), true));
    assert!(kept_until(&backend) >= Some(record.expires_at.after(RETENTION)));
}

#[tokio::test]
async fn an_earlier_deadline_binds_a_reschedule() {
    let backend = backend_with(&sample(RecordStatus::Queued));
    let first = Meddling::Ask(rescheduled_to("in 1 minute", Some("in 10 minutes")));
    let got = send_while_others_write(&backend, &rescheduled_to("in 10 minutes", None), vec![first]).await;
    let message = "scheduled_at: must be before the email's expires_at";
    assert_eq!(got, refused(422, "validation_error", message));
    let record = stored(&backend);
    assert_eq!((record.not_before, record.expires_at), (at(60), at(600)));
}

/// An email that a retry made wait again must keep its content.
#[tokio::test]
async fn a_retry_that_comes_first_prevents_an_erasure() {
    let backend = backend_with(&sample(RecordStatus::Failed));
    let mut erase = golden(CANCEL);
    erase["requestContext"]["http"]["method"] = "DELETE".into();
    erase["rawPath"] = format!("/emails/{}", samples::id(1)).into();
    let got = send_while_others_write(&backend, &erase, vec![Meddling::Ask(golden(RETRY))]).await;
    assert_eq!(got, conflict(Refusal::NotErasable(RecordStatus::Queued)));
    assert_eq!(stored(&backend).status, RecordStatus::Queued);
    assert!(kept_until(&backend).is_some() && !backend.state().bodies.is_empty());
}

#[tokio::test]
async fn one_of_two_concurrent_retries_is_refused() {
    for status in [RecordStatus::Failed, RecordStatus::Unknown] {
        let backend = backend_with(&sample(status));
        let first = Meddling::Ask(golden(RETRY));
        let got = send_while_others_write(&backend, &golden(RETRY), vec![first]).await;
        assert_eq!(got, conflict(Refusal::NotEnded(RecordStatus::Queued)));
        assert_eq!(backend.state().send_tasks.len(), 1, "it gets one send task");
    }
}

#[tokio::test]
async fn an_email_with_constant_conflicts_is_a_503() {
    for (times, status) in [(7, 200), (8, 503)] {
        let backend = backend_with(&sample(RecordStatus::Queued));
        let moves = (1..=times)
            .map(|hour| Meddling::Ask(rescheduled_to(&format!("in {hour} hours"), None)))
            .collect();
        let (got, _) = send_while_others_write(&backend, &golden(CANCEL), moves).await;
        assert_eq!(got, status, "{times}");
        let record = stored(&backend);
        assert_eq!(record.status == RecordStatus::Canceled, status == 200, "{times}");
        assert_in_its_place(&record, "moved");
    }
}

#[tokio::test]
async fn an_email_that_expires_during_a_command_is_a_404() {
    for (event, status) in [
        (CANCEL, RecordStatus::Queued),
        (RESCHEDULE, RecordStatus::Queued),
        (RETRY, RecordStatus::Failed),
    ] {
        let backend = backend_with(&sample(status));
        let got = send_while_others_write(&backend, &golden(event), vec![Meddling::Forget]).await;
        assert_eq!(
            got,
            refused(404, "not_found", "No email has this id. See GET /emails."),
            "{event}"
        );
        assert!(
            backend.state().records.is_empty() && backend.state().send_tasks.is_empty(),
            "{event}"
        );
    }
}

/// Both writers read the retention of a large content concurrently; the one with the longer retention copies
/// first.
#[tokio::test]
async fn the_longer_of_two_retentions_stays() {
    let mut record = sample(RecordStatus::Queued);
    record.body.place = BodyPlace::Bucket;
    let backend = backend_with(&record);
    let first = Meddling::Ask(rescheduled_to("in 3000 days", None));
    let second = rescheduled_to("in 3 days", None);
    assert_eq!(send_while_others_write(&backend, &second, vec![first]).await, done());
    let longest = at(3_000 * 86_400).after(TWO_WEEKS).after(RETENTION);
    assert_eq!(
        kept_until(&backend),
        Some(longest),
        "the record may be scheduled in 3,000 days by now"
    );
}

/// Every attempt extends the retention again.
#[tokio::test]
async fn every_attempt_extends_the_retention() {
    let backend = backend_with(&sample(RecordStatus::Queued));
    let first = Meddling::Ask(rescheduled_to("in 1 hour", Some("in 400 days")));
    let second = rescheduled_to("in 10 minutes", None);
    backend.state().calls.clear();
    assert_eq!(send_while_others_write(&backend, &second, vec![first]).await, done());
    let state = backend.state();
    let kept = state.calls.iter().filter(|call| **call == "extend_retention").count();
    assert_eq!(
        kept, 3,
        "once by the first request, and twice by the second, which decided twice"
    );
}
