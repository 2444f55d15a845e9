//! Emails of a restored table: held until a person releases or cancels them.
//!
//! The table before the restore may have sent such an email. Each write that parks, ends or releases it therefore
//! flags it, so that it ends as sent or unknown.
//!
//! **Role:** called by [`super::queue_control`] for the functions that handle an email, and by `manage` for a person.
//! **Invariant:** pure. A release moves the email's time, so that a parking that was decided before it is refused.
//! **Start reading at** [`release`]. Why this way: docs/adr/0043.

use std::time::Duration;

use super::change::{end, end_unsent, requeue};
use super::decision::{Decision, SideEffect, write};
use super::queue_control::{DropStage, drop_unwanted};
use crate::delivery::cause::Cause;
use crate::delivery::policy::Policy;
use crate::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use crate::queue::Queue;
use crate::timestamp::Timestamp;

/// The record with the flag that a restored email gets with its next write.
pub(super) fn flagged(record: &EmailRecord, epoch: Option<Timestamp>) -> EmailRecord {
    let mut next = record.clone();
    next.maybe_duplicate |= record.is_restored(epoch);
    next
}

/// Parks a restored email. Its queue has no part in it: only a release of the email itself lets it go.
pub(super) fn park(record: &EmailRecord, epoch: Option<Timestamp>) -> Decision {
    let mut next = flagged(record, epoch);
    next.due = Some(Due {
        kind: DueKind::Held,
        at: record.not_before,
    });
    write(record, next, SideEffect::Nothing)
}

/// Ends an expired email, as unknown if it is restored.
pub(super) fn expire(record: &EmailRecord, epoch: Option<Timestamp>, now: Timestamp) -> Decision {
    end_unsent(record, flagged(record, epoch), now)
}

/// Releases a restored email, also before its time. An unwanted one is dropped instead.
#[must_use]
pub fn release(record: &EmailRecord, queue: &Queue, policy: &Policy, now: Timestamp) -> Decision {
    let epoch = policy.restore_epoch;
    if record.status != RecordStatus::Queued || !record.is_restored(epoch) {
        return Decision::Forget;
    }
    if record.expires_at <= now {
        return expire(record, epoch, now);
    }
    if !queue.wants(record) {
        return drop_unwanted(record, queue, DropStage::Waiting, now);
    }
    let mut next = flagged(record, epoch);
    next.retried_at = Some(policy.requested_at(now));
    let not_before = record.not_before.after(Duration::from_millis(1));
    requeue(record, next, policy, not_before, now)
}

/// Ends a restored email as unknown, because it may have been sent.
#[must_use]
pub fn cancel(record: &EmailRecord, policy: &Policy, now: Timestamp) -> Decision {
    let epoch = policy.restore_epoch;
    if record.status != RecordStatus::Queued || !record.is_restored(epoch) {
        return Decision::Forget;
    }
    let mut next = flagged(record, epoch);
    next.cause = Some(Cause::AnswerLost);
    next.detail = None;
    end(&mut next, RecordStatus::Unknown, now);
    write(record, next, SideEffect::Nothing)
}

#[cfg(test)]
#[path = "restoration_tests.rs"]
mod tests;
