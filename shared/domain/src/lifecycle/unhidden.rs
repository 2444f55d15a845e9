//! Leaves an email of a full lane to the index, so that its message can be deleted instead of hidden.
//!
//! **Role:** called by `send` for messages that it would put back into a full lane.
//! **Invariant:** pure. A message is deleted only when `promote` finds its record within [`LONGEST`] guards.
//! **Start reading at** [`leave_to_index`]. Why this way: docs/adr/0031.

use super::{Decision, Policy, SideEffect, write};
use crate::record::{Due, DueKind, EmailRecord, Status};
use crate::timestamp::Timestamp;

/// Guards after which a waiting record is looked at again at the latest while nothing is enqueued.
pub(super) const LONGEST: u32 = 4;

/// Makes sure that the index has a record in good time; then its message may be deleted.
///
/// A record whose next look is further away than [`LONGEST`] guards is moved closer. All others are found
/// where they are: what waits for its time or for its queue at that time, and what is under way at its check.
#[must_use]
pub fn leave_to_index(record: &EmailRecord, policy: &Policy, now: Timestamp) -> Decision {
    let latest = now.after(policy.guard.saturating_mul(LONGEST));
    match (record.status, record.due) {
        (
            Status::Queued,
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
            Status::Queued
            | Status::Sending
            | Status::Failing
            | Status::Uncertain
            | Status::Sent
            | Status::Failed
            | Status::Unknown
            | Status::Canceled
            | Status::Expired,
            _,
        ) => Decision::Forget,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{EmailId, TenantId};
    use crate::lifecycle::Condition;
    use crate::record::{BodyPlace, BodyRef};

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    /// A record at minute 100 whose next look is so many minutes later.
    fn decided(status: Status, kind: DueKind, minutes: i64) -> Decision {
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
    fn a_record_that_is_found_within_an_hour_stays_where_it_is() {
        for minutes in [-5, 15, 60] {
            assert_eq!(decided(Status::Queued, DueKind::Check, minutes), Decision::Forget);
        }
    }

    #[test]
    fn a_record_with_a_late_look_is_found_within_an_hour() {
        let Decision::Write(transition) = decided(Status::Queued, DueKind::Check, 61) else {
            panic!("it would be found too late");
        };
        assert_eq!(
            transition.record.due.map(|due| (due.kind, due.at)),
            Some((DueKind::Check, at(160)))
        );
        assert_eq!(transition.record.status, Status::Queued);
        assert!(transition.record.is_in_its_place());
        assert_eq!(transition.side_effect, SideEffect::Nothing);
        assert!(matches!(transition.condition, Condition::Unmoved { .. }));
    }

    #[test]
    fn records_that_wait_elsewhere_or_have_moved_on_are_left_alone() {
        for kind in [DueKind::Wake, DueKind::Held] {
            assert_eq!(decided(Status::Queued, kind, 5_000), Decision::Forget, "{kind:?}");
        }
        for status in [Status::Sending, Status::Failing, Status::Uncertain, Status::Failed] {
            assert_eq!(decided(status, DueKind::Check, 5_000), Decision::Forget, "{status:?}");
        }
    }
}
