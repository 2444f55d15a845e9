//! Leaves an email of a full priority queue to the due index, so that its message can be deleted instead of hidden.
//!
//! **Role:** called by `send` for messages that it would put back into a full priority queue.
//! **Invariant:** pure. A message is deleted only if `promote` finds its record within [`LONGEST`] guard times.
//! **Start reading at** [`leave_to_index`]. Why this way: docs/adr/0031.

use super::decision::{Decision, SideEffect, write};
use crate::delivery::policy::Policy;
use crate::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use crate::timestamp::Timestamp;

/// Most guard times until the next check of a waiting record while nothing is enqueued.
pub(super) const LONGEST: u32 = 4;

/// Makes sure that the due index returns a record in good time; then its message may be deleted.
///
/// A record whose next check is further away than [`LONGEST`] guard times is moved closer. The index returns all
/// others in time: waiting emails at their time or by their queue, and emails in progress at their check.
#[must_use]
pub fn leave_to_index(record: &EmailRecord, policy: &Policy, now: Timestamp) -> Decision {
    let latest = now.after(policy.guard.saturating_mul(LONGEST));
    match (record.status, record.due) {
        (
            RecordStatus::Queued,
            Some(Due {
                kind: DueKind::Check,
                at,
            }),
        ) if at > latest => {
            let mut next = record.clone();
            next.due = Some(Due {
                kind: DueKind::Check,
                at: latest,
            });
            write(record, next, SideEffect::Nothing)
        }
        (
            RecordStatus::Queued
            | RecordStatus::Sending
            | RecordStatus::Failing
            | RecordStatus::Uncertain
            | RecordStatus::Sent
            | RecordStatus::Failed
            | RecordStatus::Unknown
            | RecordStatus::Canceled
            | RecordStatus::Expired,
            _,
        ) => Decision::Forget,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::record::{BodyPlace, BodyRef};
    use crate::id::{EmailId, TenantId};
    use crate::lifecycle::Condition;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    /// A record at minute 100, with its next check `minutes` later.
    fn decided(status: RecordStatus, kind: DueKind, minutes: i64) -> Decision {
        let body = BodyRef {
            sha256: String::new(),
            place: BodyPlace::Table,
            bytes: 1,
        };
        let record = EmailRecord {
            status,
            expires_at: at(10_000),
            due: Some(Due {
                kind,
                at: at(100 + minutes),
            }),
            ..EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 1, at(0))
        };
        leave_to_index(&record, &Policy::standard(), at(100))
    }

    #[test]
    fn a_record_due_within_an_hour_stays() {
        for minutes in [-5, 15, 60] {
            assert_eq!(decided(RecordStatus::Queued, DueKind::Check, minutes), Decision::Forget);
        }
    }

    #[test]
    fn a_late_check_moves_to_within_an_hour() {
        let Decision::Write(transition) = decided(RecordStatus::Queued, DueKind::Check, 61) else {
            panic!("it would be found too late");
        };
        assert_eq!(
            transition.record.due.map(|due| (due.kind, due.at)),
            Some((DueKind::Check, at(160)))
        );
        assert_eq!(transition.record.status, RecordStatus::Queued);
        assert!(transition.record.is_in_its_place());
        assert_eq!(transition.side_effect, SideEffect::Nothing);
        assert!(matches!(transition.condition, Condition::Unmoved { .. }));
    }

    #[test]
    fn only_a_queued_record_with_a_check_is_moved() {
        for kind in [DueKind::Wake, DueKind::Held] {
            assert_eq!(decided(RecordStatus::Queued, kind, 5_000), Decision::Forget, "{kind:?}");
        }
        for status in [
            RecordStatus::Sending,
            RecordStatus::Failing,
            RecordStatus::Uncertain,
            RecordStatus::Failed,
        ] {
            assert_eq!(decided(status, DueKind::Check, 5_000), Decision::Forget, "{status:?}");
        }
    }
}
