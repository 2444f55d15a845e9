//! A person's commands for emails of a restored table, which are held until then.
//!
//! **Role:** called by `manage`. `restored` has the changes that every function makes.
//! **Invariant:** pure. A release moves the email's time. So a parking that was decided before the release is refused.
//! **Start reading at** [`release`]. Why this way: docs/adr/0043.

use std::time::Duration;

use super::change::{end, requeue};
use super::decision::{Decision, SideEffect, write};
use super::queue_control::{DropStage, drop_unwanted};
use super::restored::{expire, flagged};
use crate::delivery::cause::Cause;
use crate::delivery::policy::Policy;
use crate::delivery::record::{EmailRecord, RecordStatus};
use crate::queue::Queue;
use crate::timestamp::Timestamp;

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
