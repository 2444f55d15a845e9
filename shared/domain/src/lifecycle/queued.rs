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
use super::{Condition, Decision, Policy, Then, Transition, end, expire, requeue, write};
use crate::cause::Cause;
use crate::queue::{Bid, Queue, dropped};
use crate::rate_limit::Turn;
use crate::row::{Due, DueKind, Row, Status};
use crate::timestamp::Timestamp;

/// What is done about an email that waits, as its queue wants it; `None` when it may go its way.
#[must_use]
pub fn meet(row: &Row, queue: &Queue, now: Timestamp) -> Option<Decision> {
    if row.status == Status::Queued && row.expires_at <= now {
        return None;
    }
    match queue.bids(row, now) {
        Bid::Go => None,
        Bid::Hold => Some(hold(row, queue, now)),
        Bid::Drop => Some(drop_unwanted(row, queue, Drop::Waiting, now)),
    }
}

/// Moves an email aside. One that waits for a slot gets none while its queue is paused, and stays; for a key's hold it
/// is moved, or it would take the slots of others.
fn hold(row: &Row, queue: &Queue, now: Timestamp) -> Decision {
    let stays = match row.due.map(|due| due.kind) {
        Some(DueKind::Held) => true,
        Some(DueKind::Paced) => queue.is_paused(now),
        Some(DueKind::Wake | DueKind::Check | DueKind::Ended) | None => false,
    };
    if stays {
        return Decision::Forget;
    }
    let mut next = row.clone();
    next.due = Some(Due {
        kind: DueKind::Held,
        at: row.not_before,
    });
    write_in(row, next, queue)
}

/// Whether an email waits where nobody wakes it while its queue is paused.
#[must_use]
pub fn is_aside(row: &Row) -> bool {
    row.due
        .is_some_and(|due| matches!(due.kind, DueKind::Held | DueKind::Paced))
}

/// Returns an email that has no slot, or comes too late for it, to the index.
#[must_use]
pub fn wait_for_slot(row: &Row, now: Timestamp) -> Decision {
    if row.status != Status::Queued || row.due.is_some_and(|due| due.kind == DueKind::Paced) {
        return Decision::Forget;
    }
    if row.expires_at <= now {
        return expire(row, now);
    }
    let mut next = row.clone();
    next.due = Some(Due {
        kind: DueKind::Paced,
        at: row.not_before,
    });
    write(row, next, Then::Nothing)
}

/// Moves an email whose queue has got a rate limit, or lost it; `None` when it waits where it should.
#[must_use]
pub fn placed(row: &Row, policy: &Policy, now: Timestamp) -> Option<Decision> {
    if row.status != Status::Queued || row.expires_at <= now {
        return None;
    }
    match (policy.turn, row.due?.kind) {
        (Turn::Waits, DueKind::Wake | DueKind::Check) => Some(wait_for_slot(row, now)),
        (Turn::Free | Turn::Slot(_), DueKind::Paced) => Some(let_go(row, policy, now)),
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
pub fn drop_unwanted(row: &Row, queue: &Queue, place: Drop, now: Timestamp) -> Decision {
    let wanted = queue.wants(row);
    let here = match place {
        Drop::Waiting => row.status == Status::Queued,
        Drop::InHand { claim_no } => row.status == Status::Sending && row.claim_no == claim_no,
    };
    if wanted || !here {
        return Decision::Forget;
    }
    if place == Drop::Waiting && row.expires_at <= now {
        return expire(row, now);
    }
    let mut next = row.clone();
    next.cause = Some(Cause::Purged);
    next.detail = None;
    if let Drop::InHand { .. } = place {
        // SES was not asked: when it is restored, its budget is whole.
        next.attempts = next.attempts.saturating_sub(1);
    }
    end(&mut next, dropped(row), now);
    write_in(row, next, queue)
}

/// What a purge does about an email that is held: ends it; or lets it go, where nothing holds it any more. It came
/// in at the very moment of the purge, by the clock of whoever accepted it, and its queue was deleted.
#[must_use]
pub fn purge(row: &Row, queue: &Queue, policy: &Policy, now: Timestamp) -> Decision {
    let decision = drop_unwanted(row, queue, Drop::Waiting, now);
    if decision == Decision::Forget && !queue.is_paused(now) {
        return release(row, queue, policy, now);
    }
    decision
}

/// Lets an email go its way that nothing of its queue holds any more.
#[must_use]
pub fn release(row: &Row, queue: &Queue, policy: &Policy, now: Timestamp) -> Decision {
    match queue.bids(row, now) {
        Bid::Hold => Decision::Forget,
        Bid::Go | Bid::Drop => let_go(row, policy, now),
    }
}

/// Lets an email go its way that was held, or that needs no slot any more.
fn let_go(row: &Row, policy: &Policy, now: Timestamp) -> Decision {
    let in_line = row.due.is_some_and(|due| due.kind == DueKind::Paced);
    let aside = row.status == Status::Queued && is_aside(row);
    if !aside || (in_line && policy.turn == Turn::Waits) {
        Decision::Forget
    } else if row.expires_at <= now {
        expire(row, now)
    } else {
        requeue(row, row.clone(), policy, row.not_before, now)
    }
}

/// Takes a purge back: the email waits again, as it did. What has expired meanwhile has expired.
#[must_use]
pub fn restore(row: &Row, policy: &Policy, now: Timestamp) -> Decision {
    let purged = matches!(row.status, Status::Canceled | Status::Unknown) && row.cause == Some(Cause::Purged);
    if !purged {
        return Decision::Forget;
    }
    let mut next = row.clone();
    next.cause = None;
    requeue(row, next, policy, row.not_before, now)
}

/// Tries an email again that failed, or ran out of time.
#[must_use]
pub fn redrive(row: &Row, queue: &Queue, expires_after: Duration, policy: &Policy, now: Timestamp) -> Decision {
    match asked::retry(row, false, queue, expires_after, policy, now) {
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
fn write_in(before: &Row, row: Row, queue: &Queue) -> Decision {
    Decision::Write(Box::new(Transition {
        condition: Condition::UnmovedIn {
            claim_no: before.claim_no,
            status: before.status,
            not_before: before.not_before,
            queue_no: queue.no,
        },
        row,
        then: Then::Nothing,
    }))
}

#[cfg(test)]
#[path = "queued_tests.rs"]
mod tests;
