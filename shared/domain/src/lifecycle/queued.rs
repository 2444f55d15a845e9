//! What becomes of an email because of what was done to its queue.
//!
//! **Role:** called by whoever meets an email of a queue that is paused or purged, and by the jobs
//! that resume, purge, restore and retry.
//! **Invariant:** pure. To hold or to drop an email is written only while its queue is still in the
//! state that asks for it: else an email could be moved aside behind the back of the very sweep that
//! releases what is held, and wait for ever.
//! **Start reading at** [`meet`].

use std::time::Duration;

use super::asked::{self, Refusal};
use super::{Condition, Decision, Policy, SideEffect, Transition, end, expire, requeue, write};
use crate::cause::Cause;
use crate::queue::{Bid, Queue, dropped};
use crate::rate_limit::Turn;
use crate::record::{Due, DueKind, EmailRecord, Status};
use crate::timestamp::Timestamp;

/// What is done about an email that waits, as its queue wants it; `None` when it may go its way.
#[must_use]
pub fn meet(record: &EmailRecord, queue: &Queue, now: Timestamp) -> Option<Decision> {
    if record.status == Status::Queued && record.expires_at <= now {
        return None;
    }
    match queue.bids(record, now) {
        Bid::Go => None,
        Bid::Hold => Some(hold(record, queue, now)),
        Bid::Drop => Some(drop_unwanted(record, queue, Drop::Waiting, now)),
    }
}

/// Moves an email aside. One that waits for a slot gets none while its queue is paused, and stays; for a key's hold it
/// is moved, or it would take the slots of others.
fn hold(record: &EmailRecord, queue: &Queue, now: Timestamp) -> Decision {
    let stays = match record.due.map(|due| due.kind) {
        Some(DueKind::Held) => true,
        Some(DueKind::Paced) => queue.is_paused(now),
        Some(DueKind::Wake | DueKind::Check | DueKind::Ended) | None => false,
    };
    if stays {
        return Decision::Forget;
    }
    let mut next = record.clone();
    next.due = Some(Due {
        kind: DueKind::Held,
        at: record.not_before,
    });
    write_in(record, next, queue)
}

/// Whether an email waits where nobody enqueues it while its queue is paused.
#[must_use]
pub fn is_aside(record: &EmailRecord) -> bool {
    record
        .due
        .is_some_and(|due| matches!(due.kind, DueKind::Held | DueKind::Paced))
}

/// Returns an email that has no slot, or comes too late for it, to the index.
#[must_use]
pub fn wait_for_slot(record: &EmailRecord, now: Timestamp) -> Decision {
    if record.status != Status::Queued || record.due.is_some_and(|due| due.kind == DueKind::Paced) {
        return Decision::Forget;
    }
    if record.expires_at <= now {
        return expire(record, now);
    }
    let mut next = record.clone();
    next.due = Some(Due {
        kind: DueKind::Paced,
        at: record.not_before,
    });
    write(record, next, SideEffect::Nothing)
}

/// Moves an email whose queue has got a rate limit, or lost it; `None` when it waits where it should.
#[must_use]
pub fn placed(record: &EmailRecord, policy: &Policy, now: Timestamp) -> Option<Decision> {
    if record.status != Status::Queued || record.expires_at <= now {
        return None;
    }
    match (policy.turn, record.due?.kind) {
        (Turn::Waits, DueKind::Wake | DueKind::Check) => Some(wait_for_slot(record, now)),
        (Turn::Free | Turn::Slot(_), DueKind::Paced) => Some(let_go(record, policy, now)),
        (Turn::Waits | Turn::Free | Turn::Slot(_), _) => None,
    }
}

/// Where an email is that is not wanted any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drop {
    /// It waits.
    Waiting,
    /// A sender has claimed it, and has not submitted it.
    InHand {
        /// The sender's claim.
        claim_no: u32,
    },
}

/// Ends an email that is not wanted any more.
#[must_use]
pub fn drop_unwanted(record: &EmailRecord, queue: &Queue, place: Drop, now: Timestamp) -> Decision {
    let wanted = queue.wants(record);
    let here = match place {
        Drop::Waiting => record.status == Status::Queued,
        Drop::InHand { claim_no } => record.status == Status::Sending && record.claim_no == claim_no,
    };
    if wanted || !here {
        return Decision::Forget;
    }
    if place == Drop::Waiting && record.expires_at <= now {
        return expire(record, now);
    }
    let mut next = record.clone();
    next.cause = Some(Cause::Purged);
    next.detail = None;
    if let Drop::InHand { .. } = place {
        // SES was not asked: when it is restored, its budget is whole.
        next.attempts = next.attempts.saturating_sub(1);
    }
    end(&mut next, dropped(record), now);
    write_in(record, next, queue)
}

/// What a purge does about an email that is held: ends it; or lets it go, where nothing holds it any more. It came
/// in at the very moment of the purge, by the clock of whoever accepted it, and its queue was deleted.
#[must_use]
pub fn purge(record: &EmailRecord, queue: &Queue, policy: &Policy, now: Timestamp) -> Decision {
    let decision = drop_unwanted(record, queue, Drop::Waiting, now);
    if decision == Decision::Forget && !queue.is_paused(now) {
        return release(record, queue, policy, now);
    }
    decision
}

/// Lets an email go its way that nothing of its queue holds any more.
#[must_use]
pub fn release(record: &EmailRecord, queue: &Queue, policy: &Policy, now: Timestamp) -> Decision {
    match queue.bids(record, now) {
        Bid::Hold => Decision::Forget,
        Bid::Go | Bid::Drop => let_go(record, policy, now),
    }
}

/// Lets an email go its way that was held, or that needs no slot any more.
fn let_go(record: &EmailRecord, policy: &Policy, now: Timestamp) -> Decision {
    let in_line = record.due.is_some_and(|due| due.kind == DueKind::Paced);
    let aside = record.status == Status::Queued && is_aside(record);
    if !aside || (in_line && policy.turn == Turn::Waits) {
        Decision::Forget
    } else if record.expires_at <= now {
        expire(record, now)
    } else {
        requeue(record, record.clone(), policy, record.not_before, now)
    }
}

/// Takes a purge back: the email waits again, as it did. What has expired meanwhile has expired.
#[must_use]
pub fn restore(record: &EmailRecord, policy: &Policy, now: Timestamp) -> Decision {
    let purged = matches!(record.status, Status::Canceled | Status::Unknown) && record.cause == Some(Cause::Purged);
    if !purged {
        return Decision::Forget;
    }
    let mut next = record.clone();
    next.cause = None;
    requeue(record, next, policy, record.not_before, now)
}

/// Tries an email again that failed, or ran out of time.
#[must_use]
pub fn redrive(
    record: &EmailRecord,
    queue: &Queue,
    expires_after: Duration,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    match asked::retry(record, false, queue, expires_after, policy, now) {
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

/// A write that depends on the state of the queue too.
fn write_in(before: &EmailRecord, record: EmailRecord, queue: &Queue) -> Decision {
    Decision::Write(Box::new(Transition {
        condition: Condition::UnmovedIn {
            claim_no: before.claim_no,
            status: before.status,
            not_before: before.not_before,
            queue_no: queue.no,
        },
        record,
        side_effect: SideEffect::Nothing,
    }))
}

#[cfg(test)]
#[path = "queued_tests.rs"]
mod tests;
