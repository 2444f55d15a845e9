use super::*;
use crate::delivery::record::{BodyPlace, BodyRef};
use crate::delivery::record::{Due, DueKind};
use crate::id::{EmailId, TenantId};
use crate::lifecycle::commands::{self, Refusal};
use crate::lifecycle::queue_control::{self, reconcile};
use crate::lifecycle::{Condition, Transition};
use crate::queue::{Disposition, Pause};

const TWO_WEEKS: Duration = Duration::from_secs(14 * 86_400);

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

/// A table restored at 2000.
fn policy() -> Policy {
    Policy {
        restore_epoch: Some(at(2_000)),
        ..Policy::standard()
    }
}

/// Accepted at 1000 for 1500, expires at 9000.
fn record(status: RecordStatus) -> EmailRecord {
    let body = BodyRef {
        sha256: "00".repeat(32),
        place: BodyPlace::Table,
        bytes: 1,
    };
    EmailRecord {
        status,
        not_before: at(1_500),
        expires_at: at(9_000),
        due: Some(Due {
            kind: DueKind::Check,
            at: at(2_400),
        }),
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 1, at(1_000))
    }
}

fn queued() -> EmailRecord {
    record(RecordStatus::Queued)
}

fn queue() -> Queue {
    Queue::plain(queued().queue_key(), at(0)).restored_at(policy().restore_epoch)
}

fn written(decision: Decision) -> Transition {
    match decision {
        Decision::Write(transition) => *transition,
        Decision::Only(_) | Decision::Forget => panic!("nothing is written: {decision:?}"),
    }
}

#[test]
fn only_emails_requested_before_the_epoch_are_restored() {
    let of = |born, retried| {
        let record = EmailRecord {
            born: at(born),
            retried_at: retried,
            ..queued()
        };
        let claimable = |epoch| Condition::Claimable { now: at(3_000), epoch }.holds(&record);
        assert!(claimable(None));
        assert_eq!(
            claimable(policy().restore_epoch),
            !record.is_restored(policy().restore_epoch)
        );
        assert!(!record.is_restored(None));
        record.is_restored(policy().restore_epoch)
    };
    assert_eq!([of(1_000, None), of(2_000, None), of(2_001, None)], [true, true, false]);
    assert_eq!([of(1_000, Some(at(2_000))), of(1_000, Some(at(2_001)))], [true, false]);
}

#[test]
fn a_restored_email_is_parked_with_its_flag() {
    let now = at(3_000);
    assert_eq!(queue().disposition(&queued(), now), Disposition::Hold);
    assert_eq!(queue().restored_at(None).disposition(&queued(), now), Disposition::Go);
    let parked = written(reconcile(&queued(), &queue(), now).unwrap());
    assert!(parked.record.maybe_duplicate);
    assert_eq!(parked.record.due.map(|due| due.kind), Some(DueKind::Held));
    assert_eq!(
        parked.condition,
        Condition::if_unchanged(&queued()),
        "the queue may have no item"
    );
    assert_eq!(reconcile(&parked.record, &queue(), now), Some(Decision::Forget));
    for status in [RecordStatus::Sending, RecordStatus::Uncertain, RecordStatus::Failing] {
        assert_eq!(reconcile(&record(status), &queue(), now), None, "{status:?}");
    }
}

#[test]
fn a_release_flags_the_email_and_sends_it() {
    for now in [at(3_000), at(1_900)] {
        let released = written(release(&queued(), &queue(), &policy(), now));
        assert!(released.record.maybe_duplicate && !released.record.is_restored(policy().restore_epoch));
        assert!(matches!(released.side_effect, SideEffect::EnqueueTask { .. }));
        let parking = written(reconcile(&queued(), &queue(), now).unwrap());
        assert!(!parking.condition.holds(&released.record), "a late parking is refused");
        assert_eq!(release(&released.record, &queue(), &policy(), now), Decision::Forget);
    }
    let open = Policy::standard();
    assert_eq!(release(&queued(), &queue(), &open, at(3_000)), Decision::Forget);
}

#[test]
fn no_job_of_a_queue_releases_a_restored_email() {
    let now = at(3_000);
    let parked = written(reconcile(&queued(), &queue(), now).unwrap()).record;
    assert_eq!(
        queue_control::release(&parked, &queue(), &policy(), now),
        Decision::Forget
    );
    assert_eq!(
        queue_control::purge(&parked, &queue(), &policy(), now),
        Decision::Forget
    );
    let paused = queue().after_pause(Pause {
        since: at(0),
        reason: None,
        until: None,
    });
    let resumed = paused.after_resume();
    assert_eq!(
        queue_control::release(&parked, &resumed, &policy(), now),
        Decision::Forget
    );
}

#[test]
fn a_restored_email_ends_only_as_unknown() {
    let (now, late) = (at(3_000), at(9_000));
    let purged = queue().after_purge(now);
    let ends = [
        reconcile(&queued(), &queue(), late).unwrap(),
        release(&queued(), &queue(), &policy(), late),
        reconcile(&queued(), &purged, now).unwrap(),
        release(&queued(), &purged, &policy(), now),
        queue_control::purge(&queued(), &purged, &policy(), now),
        cancel(&queued(), &policy(), now),
    ];
    for decision in ends {
        let ended = written(decision).record;
        assert_eq!((ended.status, ended.maybe_duplicate), (RecordStatus::Unknown, true));
    }
    assert_eq!(purged.shows(queued(), now).status, RecordStatus::Unknown);
    assert_eq!(commands::cancel(&queued(), &policy(), now), Err(Refusal::MaybeSent));
}

#[test]
fn a_retry_of_a_restored_email_is_flagged() {
    for status in [RecordStatus::Failed, RecordStatus::Canceled, RecordStatus::Expired] {
        let retry = |policy: &Policy| {
            let decision = commands::retry(&record(status), false, &queue(), TWO_WEEKS, policy, at(3_000));
            written(decision.unwrap()).record
        };
        let retried = retry(&policy());
        assert!(
            retried.maybe_duplicate && !retried.is_restored(policy().restore_epoch),
            "{status:?}"
        );
        assert!(!retry(&Policy::standard()).maybe_duplicate, "{status:?}");
    }
}

#[test]
fn an_undone_purge_keeps_an_email_of_a_restored_table_waiting() {
    let canceled = EmailRecord {
        cause: Some(Cause::Purged),
        ..record(RecordStatus::Canceled)
    };
    let back = written(queue_control::restore(&canceled, &policy(), at(3_000))).record;
    assert!(back.maybe_duplicate);
    assert_eq!(queue().disposition(&back, at(3_000)), Disposition::Hold);
}
