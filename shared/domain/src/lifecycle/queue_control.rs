//! The effects of a queue's pause, purge, restore and rate limit on its emails.
//!
//! **Role:** called by every function that handles an email of a paused or purged queue. Also called by the jobs that
//! resume, purge, restore and retry.
//! **Invariant:** pure. An email is held or dropped only while its queue is still in the state that demands it.
//! Otherwise an email could be parked after the sweep that releases held emails, and wait forever.
//! **Start reading at** [`reconcile`].

use std::time::Duration;

use super::change::{end, expire, requeue};
use super::commands::{self, Refusal};
use super::decision::{Condition, Decision, SideEffect, Transition, write};
use super::restored;
use crate::delivery::cause::Cause;
use crate::delivery::life::keep_past;
use crate::delivery::policy::{Policy, Turn};
use crate::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use crate::queue::job::{Job, Task};
use crate::queue::{Disposition, Queue, final_status};
use crate::timestamp::Timestamp;

/// The decision that the queue demands for a waiting email; `None` if it demands nothing.
#[must_use]
pub fn reconcile(record: &EmailRecord, queue: &Queue, now: Timestamp) -> Option<Decision> {
    let epoch = queue.restore_epoch;
    if record.status == RecordStatus::Queued && record.expires_at <= now {
        return record.is_restored(epoch).then(|| restored::expire(record, epoch, now));
    }
    match queue.disposition(record, now) {
        Disposition::Go => None,
        Disposition::Hold => Some(hold(record, queue, now)),
        Disposition::Drop => Some(drop_unwanted(record, queue, DropStage::Waiting, now)),
    }
}

/// Parks an email: keeps it waiting in the partition of held emails. An email that waits for a slot stays in its place
/// while the queue is paused, because it gets no slot. If only a hold or a restored table keeps it waiting, it is
/// parked, because it would take the slots of others.
fn hold(record: &EmailRecord, queue: &Queue, now: Timestamp) -> Decision {
    let stays = match record.due.map(|due| due.kind) {
        Some(DueKind::Held) => true,
        Some(DueKind::RateLimited) => queue.is_paused(now),
        Some(DueKind::Wake | DueKind::Check | DueKind::Ended) | None => false,
    };
    if stays {
        return Decision::Forget;
    }
    if record.is_restored(queue.restore_epoch) {
        return restored::park(record, queue.restore_epoch);
    }
    let mut next = record.clone();
    next.due = Some(Due {
        kind: DueKind::Held,
        at: record.not_before,
    });
    write_in(record, next, queue)
}

/// True if nobody enqueues the email while its queue is paused.
#[must_use]
pub fn is_parked(record: &EmailRecord) -> bool {
    record
        .due
        .is_some_and(|due| matches!(due.kind, DueKind::Held | DueKind::RateLimited))
}

/// Returns an email to the due index because it has no slot, or has missed its slot.
#[must_use]
pub fn wait_for_slot(record: &EmailRecord, now: Timestamp) -> Decision {
    if record.status != RecordStatus::Queued || record.due.is_some_and(|due| due.kind == DueKind::RateLimited) {
        return Decision::Forget;
    }
    if record.expires_at <= now {
        return expire(record, now);
    }
    let mut next = record.clone();
    next.due = Some(Due {
        kind: DueKind::RateLimited,
        at: record.not_before,
    });
    write(record, next, SideEffect::Nothing)
}

/// Moves an email whose queue has gained or lost a rate limit; `None` if it is in the right place.
#[must_use]
pub fn move_to_its_place(record: &EmailRecord, policy: &Policy, now: Timestamp) -> Option<Decision> {
    if record.status != RecordStatus::Queued || record.expires_at <= now {
        return None;
    }
    match (policy.turn, record.due?.kind) {
        (Turn::Waits, DueKind::Wake | DueKind::Check) => Some(wait_for_slot(record, now)),
        (Turn::Free | Turn::Slot(_), DueKind::RateLimited) => Some(enqueue_released(record, policy, now)),
        (Turn::Waits | Turn::Free | Turn::Slot(_), _) => None,
    }
}

/// The place of an unwanted email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropStage {
    /// The email waits.
    Waiting,
    /// A sender has claimed it, and has not submitted it.
    InHand {
        /// The sender's claim.
        claim_no: u32,
    },
}

/// Ends an unwanted email.
#[must_use]
pub fn drop_unwanted(record: &EmailRecord, queue: &Queue, place: DropStage, now: Timestamp) -> Decision {
    let wanted = queue.wants(record);
    let here = match place {
        DropStage::Waiting => record.status == RecordStatus::Queued,
        DropStage::InHand { claim_no } => record.status == RecordStatus::Sending && record.claim_no == claim_no,
    };
    if wanted || !here {
        return Decision::Forget;
    }
    if place == DropStage::Waiting && record.expires_at <= now {
        return restored::expire(record, queue.restore_epoch, now);
    }
    let mut next = restored::flagged(record, queue.restore_epoch);
    next.cause = Some(Cause::Purged);
    next.detail = None;
    if let DropStage::InHand { .. } = place {
        // SES was not called, so the claim costs no attempt: the email has its whole budget if it is restored.
        next.attempts = next.attempts.saturating_sub(1);
    }
    let status = final_status(&next);
    end(&mut next, status, now);
    write_in(record, next, queue)
}

/// The decision of a purge about a held email: end it if it is unwanted, else release it if nothing holds it any more.
/// A deleted queue may contain a wanted email: by its acceptor's clock, it is younger than the purge.
#[must_use]
pub fn purge(record: &EmailRecord, queue: &Queue, policy: &Policy, now: Timestamp) -> Decision {
    let decision = drop_unwanted(record, queue, DropStage::Waiting, now);
    if decision == Decision::Forget && !queue.is_paused(now) {
        return release(record, queue, policy, now);
    }
    decision
}

/// Releases an email that nothing in its queue holds any more.
#[must_use]
pub fn release(record: &EmailRecord, queue: &Queue, policy: &Policy, now: Timestamp) -> Decision {
    if record.is_restored(queue.restore_epoch) {
        return reconcile(record, queue, now).unwrap_or(Decision::Forget);
    }
    match queue.disposition(record, now) {
        Disposition::Hold => Decision::Forget,
        Disposition::Go | Disposition::Drop => enqueue_released(record, policy, now),
    }
}

/// Enqueues an email that was held, or that needs no slot any more.
fn enqueue_released(record: &EmailRecord, policy: &Policy, now: Timestamp) -> Decision {
    let in_line = record.due.is_some_and(|due| due.kind == DueKind::RateLimited);
    let parked = record.status == RecordStatus::Queued && is_parked(record);
    if !parked || (in_line && policy.turn == Turn::Waits) {
        Decision::Forget
    } else if record.expires_at <= now {
        expire(record, now)
    } else {
        requeue(record, record.clone(), policy, record.not_before, now)
    }
}

/// Undoes a purge: the email waits again as before. An email that has expired meanwhile ends as expired.
#[must_use]
pub fn restore(record: &EmailRecord, policy: &Policy, now: Timestamp) -> Decision {
    let purged =
        matches!(record.status, RecordStatus::Canceled | RecordStatus::Unknown) && record.cause == Some(Cause::Purged);
    if !purged {
        return Decision::Forget;
    }
    let mut next = restored::flagged(record, policy.restore_epoch);
    next.cause = None;
    if let Some(hook) = &mut next.hook {
        hook.begin_turn();
    }
    requeue(record, next, policy, record.not_before, now)
}

/// Retries an email that failed or expired.
#[must_use]
pub fn redrive(
    record: &EmailRecord,
    queue: &Queue,
    expires_after: Duration,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    match commands::retry(record, false, queue, expires_after, policy, now) {
        Ok(decision) => decision,
        Err(
            Refusal::TooLate(_)
            | Refusal::MaybeSent
            | Refusal::AfterExpiry
            | Refusal::NotEnded(_)
            | Refusal::NeedsForce
            | Refusal::NotErasable(_),
        ) => Decision::Forget,
    }
}

/// A write that also depends on the state of the queue.
fn write_in(before: &EmailRecord, mut record: EmailRecord, queue: &Queue) -> Decision {
    keep_past(before, &mut record);
    Decision::Write(Box::new(Transition {
        condition: Condition::UnmovedIn {
            claim_no: before.claim_no,
            status: before.status,
            not_before: before.not_before,
            queue_version: queue.version,
        },
        record,
        side_effect: SideEffect::Nothing,
    }))
}

impl Job {
    /// The decision of a job about an email.
    #[must_use]
    pub fn decide(
        &self,
        record: &EmailRecord,
        queue: &Queue,
        expires_after: Duration,
        policy: &Policy,
        now: Timestamp,
    ) -> Decision {
        match &self.task {
            Task::Release | Task::FollowTenant => release(record, queue, policy, now),
            Task::Purge => purge(record, queue, policy, now),
            Task::Restore => restore(record, policy, now),
            Task::Retry { .. }
                if self.may_concern(record.status, record.cause, record.due.map_or(now, |due| due.at)) =>
            {
                redrive(record, queue, expires_after, policy, now)
            }
            Task::Retry { .. } => Decision::Forget,
        }
    }
}

#[cfg(test)]
#[path = "queue_control_tests.rs"]
mod tests;
