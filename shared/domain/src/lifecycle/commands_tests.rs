use super::*;
use crate::delivery::cause::Cause;
use crate::delivery::hook::{Hook, Reschedule};
use crate::delivery::record::{BodyPlace, BodyRef, Due, DueKind};
use crate::id::{EmailId, TenantId};

const TWO_WEEKS: Duration = Duration::from_secs(14 * 86_400);

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

fn policy() -> Policy {
    Policy::standard()
}

/// The records' queue, purged twice.
fn queue() -> Queue {
    let queue = Queue::plain(record(RecordStatus::Queued).queue_key(), at(0));
    queue.after_purge(at(1)).after_purge(at(1))
}

/// A record after four attempts.
fn record(status: RecordStatus) -> EmailRecord {
    let body = BodyRef {
        sha256: "00".repeat(32),
        place: BodyPlace::Table,
        bytes: 2048,
    };
    EmailRecord {
        status,
        expires_at: at(9_000),
        claim_no: 4,
        attempts: 4,
        cause: Some(Cause::Unavailable),
        detail: Some("said so".to_owned()),
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 1, at(1_000))
    }
}

fn written(decision: Result<Decision, Refusal>) -> (EmailRecord, SideEffect) {
    match decision {
        Ok(Decision::Write(transition)) => (transition.record, transition.side_effect),
        other => panic!("nothing is written: {other:?}"),
    }
}

#[test]
fn only_waiting_unsent_emails_are_canceled() {
    for &status in RecordStatus::ALL {
        let decision = cancel(&record(status), &policy(), at(2_000));
        match status {
            RecordStatus::Queued => {
                let (next, side_effect) = written(decision);
                let due = Due {
                    kind: DueKind::Ended,
                    at: at(2_000),
                };
                assert_eq!(
                    (next.status, side_effect, next.due),
                    (RecordStatus::Canceled, SideEffect::Nothing, Some(due))
                );
                assert_eq!((next.cause, next.detail), (None, None), "it did not fail");
            }
            RecordStatus::Canceled => assert_eq!(decision, Ok(Decision::Forget), "a second retry"),
            RecordStatus::Sending
            | RecordStatus::Failing
            | RecordStatus::Uncertain
            | RecordStatus::Sent
            | RecordStatus::Failed
            | RecordStatus::Unknown
            | RecordStatus::Expired => assert_eq!(decision, Err(Refusal::TooLate(status))),
        }
    }
    let mut maybe_out = record(RecordStatus::Queued);
    maybe_out.maybe_duplicate = true;
    assert_eq!(cancel(&maybe_out, &policy(), at(2_000)), Err(Refusal::MaybeSent));
}

fn rescheduled(record: &EmailRecord, secs: i64, expires_at: Option<i64>) -> Result<Decision, Refusal> {
    let times = Times {
        scheduled_at: at(secs),
        expires_at: expires_at.map(at),
    };
    reschedule(record, times, TWO_WEEKS, &policy(), at(2_000))
}

#[test]
fn only_waiting_emails_are_rescheduled() {
    for &status in RecordStatus::ALL {
        let decision = rescheduled(&record(status), 2_070, None);
        if status == RecordStatus::Queued {
            let (next, side_effect) = written(decision);
            assert_eq!((next.not_before, next.scheduled_at), (at(2_070), Some(at(2_070))));
            assert_eq!((next.claim_no, next.attempts), (4, 4), "the budget stays");
            let delay = Duration::from_secs(70);
            assert_eq!(side_effect, SideEffect::EnqueueTask { delay });
        } else {
            assert_eq!(decision, Err(Refusal::TooLate(status)));
        }
    }
    let (far, side_effect) = written(rescheduled(&record(RecordStatus::Queued), 1_000_000, None));
    let due = Due {
        kind: DueKind::Wake,
        at: at(1_000_000),
    };
    assert_eq!((far.due, side_effect), (Some(due), SideEffect::Nothing));
    let (past, side_effect) = written(rescheduled(&record(RecordStatus::Queued), 1_500, None));
    assert_eq!(past.not_before, at(2_000), "a past time means now");
    assert_eq!(side_effect, SideEffect::EnqueueTask { delay: Duration::ZERO });
}

#[test]
fn the_default_deadline_follows_the_time() {
    let expiry = |record: &EmailRecord, secs, given| {
        let (next, _) = written(rescheduled(record, secs, given));
        (next.expires_at, next.expires_given)
    };
    let mut record = record(RecordStatus::Queued);
    assert_eq!(
        expiry(&record, 1_000_000, None),
        (at(1_000_000).after(TWO_WEEKS), false),
        "by default"
    );
    assert_eq!(expiry(&record, 8_000, Some(8_001)), (at(8_001), true));
    record.expires_given = true;
    assert_eq!(expiry(&record, 8_000, None), (at(9_000), true));
    assert_eq!(rescheduled(&record, 9_000, None), Err(Refusal::AfterExpiry));
    assert_eq!(rescheduled(&record, 9_000, Some(9_000)), Err(Refusal::AfterExpiry));
    assert_eq!(rescheduled(&record, 1_000, Some(2_000)), Err(Refusal::AfterExpiry));
}

#[test]
fn unsent_emails_are_retried_with_a_new_budget() {
    for &status in RecordStatus::ALL {
        for force in [false, true] {
            let record = EmailRecord {
                expires_at: at(30_000),
                ..record(status)
            };
            let decision = retry(&record, force, &queue(), TWO_WEEKS, &policy(), at(20_000));
            match (status, force) {
                (RecordStatus::Failed | RecordStatus::Canceled | RecordStatus::Expired, _)
                | (RecordStatus::Unknown, true) => {
                    let (next, side_effect) = written(decision);
                    assert_eq!(side_effect, SideEffect::EnqueueTask { delay: Duration::ZERO });
                    assert_eq!((next.status, next.not_before), (RecordStatus::Queued, at(20_000)));
                    assert_eq!(
                        (next.claim_no, next.attempts),
                        (4, 0),
                        "claim numbers never start again"
                    );
                    assert_eq!(next.expires_at, at(20_000).after(TWO_WEEKS));
                    assert_eq!((next.cause, next.detail), (None, None));
                    // Found by model checking, in nine steps: without the flag nothing accounts for a second copy.
                    assert_eq!(next.maybe_duplicate, status == RecordStatus::Unknown);
                }
                (RecordStatus::Unknown, false) => assert_eq!(decision, Err(Refusal::NeedsForce)),
                (
                    RecordStatus::Queued
                    | RecordStatus::Sending
                    | RecordStatus::Failing
                    | RecordStatus::Uncertain
                    | RecordStatus::Sent,
                    _,
                ) => {
                    assert_eq!(decision, Err(Refusal::NotEnded(status)));
                }
            }
        }
    }
}

/// Reads show it as expired, so commands treat it as expired, even before any write.
#[test]
fn an_unwritten_expiry_counts_as_expired() {
    let over = record(RecordStatus::Queued);
    let now = at(9_000);
    assert_eq!(
        cancel(&over, &policy(), now),
        Err(Refusal::TooLate(RecordStatus::Expired))
    );
    let times = Times {
        scheduled_at: at(10_000),
        expires_at: None,
    };
    assert_eq!(
        reschedule(&over, times, TWO_WEEKS, &policy(), now),
        Err(Refusal::TooLate(RecordStatus::Expired))
    );
    let (next, _) = written(retry(&over, false, &queue(), TWO_WEEKS, &policy(), now));
    assert_eq!((next.status, next.not_before), (RecordStatus::Queued, now));

    let maybe_out = EmailRecord {
        maybe_duplicate: true,
        ..over
    };
    assert_eq!(
        retry(&maybe_out, false, &queue(), TWO_WEEKS, &policy(), now),
        Err(Refusal::NeedsForce)
    );
}

#[test]
fn every_refusal_is_a_sentence() {
    let refusals = RecordStatus::ALL
        .iter()
        .copied()
        .flat_map(|status| [Refusal::TooLate(status), Refusal::NotEnded(status)])
        .chain([Refusal::MaybeSent, Refusal::NeedsForce]);
    for refusal in refusals {
        let text = refusal.to_string();
        assert!(text.ends_with('.'), "{text}");
    }
}

/// Found by fuzzing: the flag set by this very retry counts.
#[test]
fn a_forced_retry_that_expires_is_unknown() {
    let (next, _) = written(retry(
        &record(RecordStatus::Unknown),
        true,
        &queue(),
        Duration::ZERO,
        &policy(),
        at(2_000),
    ));
    assert_eq!((next.status, next.maybe_duplicate), (RecordStatus::Unknown, true));
}

/// A record with the facts for webhooks.
fn hooked(status: RecordStatus) -> EmailRecord {
    EmailRecord {
        hook: Some(Hook::new(["a@x.example"], None)),
        ..record(status)
    }
}

#[test]
fn a_reschedule_begins_a_turn_with_its_time() {
    let waiting = hooked(RecordStatus::Queued);
    let times = Times {
        scheduled_at: at(3_000),
        expires_at: None,
    };
    let (next, _) = written(reschedule(&waiting, times, TWO_WEEKS, &policy(), at(2_000)));
    let hook = next.hook.unwrap();
    let expected = Reschedule { turn: 1, at: at(2_000) };
    assert_eq!((hook.turn, hook.schedule), (1, Some(expected)));
}

#[test]
fn a_retry_begins_a_turn_and_keeps_the_past() {
    let mut failed = hooked(RecordStatus::Failed);
    failed.scheduled_at = Some(at(1_500));
    let (next, _) = written(retry(&failed, false, &queue(), TWO_WEEKS, &policy(), at(2_000)));
    let hook = next.hook.unwrap();
    assert_eq!((hook.turn, hook.schedule, hook.past.len()), (1, None, 2));
}

/// Without a webhook nothing of it is stored.
#[test]
fn a_record_without_a_hook_gets_none() {
    let (next, _) = written(retry(
        &record(RecordStatus::Failed),
        false,
        &queue(),
        TWO_WEEKS,
        &policy(),
        at(2_000),
    ));
    assert_eq!(next.hook, None);
}
