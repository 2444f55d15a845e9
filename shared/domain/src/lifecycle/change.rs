//! The changes of a record that several events share.
//!
//! **Invariant:** every function sets the status, the lease, the uncertainty and the place in the due index together.

use std::time::Duration;

use super::decision::{Decision, SideEffect, write};
use crate::delivery::cause::Cause;
use crate::delivery::history::{self, AttemptOutcome};
use crate::delivery::index;
use crate::delivery::policy::Policy;
use crate::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use crate::limits;
use crate::timestamp::Timestamp;

/// Wait before an email in `failing` goes to the dead-letter queue again.
pub const DEAD_LETTER_RETRY: Duration = Duration::from_secs(60);

/// The provider's message, cut to the room in a record.
pub(super) fn clip(mut detail: String) -> String {
    history::clip(&mut detail, limits::DETAIL_MAX);
    detail
}

/// Records the result of the newest claim.
pub(super) fn remember(next: &mut EmailRecord, cause: Cause, words: &str, at: Timestamp) {
    let claim_no = next.claim_no;
    let words = words.to_owned();
    history::remember(
        &mut next.outcomes,
        AttemptOutcome {
            claim_no,
            at,
            cause,
            words,
        },
    );
}

pub(super) fn doubt(record: &EmailRecord, mut next: EmailRecord, policy: &Policy, now: Timestamp) -> Decision {
    next.status = RecordStatus::Uncertain;
    next.lease = None;
    next.uncertain_since = Some(now);
    next.due = Some(Due {
        kind: DueKind::Check,
        at: now.after(policy.evidence_window),
    });
    write(record, next, SideEffect::Nothing)
}

pub(super) fn requeue(
    record: &EmailRecord,
    mut next: EmailRecord,
    policy: &Policy,
    not_before: Timestamp,
    now: Timestamp,
) -> Decision {
    if next.expires_at <= not_before {
        // It would expire during the wait: end it now.
        return end_unsent(record, next, now);
    }
    let (due, delay) = index::queued(not_before, next.expires_at, policy.turn, policy.guard, now);
    next.status = RecordStatus::Queued;
    next.not_before = not_before;
    next.lease = None;
    next.uncertain_since = None;
    next.due = Some(due);
    write(
        record,
        next,
        delay.map_or(SideEffect::Nothing, |delay| SideEffect::EnqueueTask { delay }),
    )
}

pub(super) fn give_up(record: &EmailRecord, mut next: EmailRecord, now: Timestamp) -> Decision {
    if record.maybe_duplicate {
        // The refusal's advice to send it again would be wrong: a copy may have been sent.
        next.cause = Some(Cause::AnswerLost);
        end(&mut next, RecordStatus::Unknown, now);
        return write(record, next, SideEffect::Nothing);
    }
    next.status = RecordStatus::Failing;
    next.lease = None;
    next.uncertain_since = None;
    next.due = Some(Due {
        kind: DueKind::Check,
        at: now.after(DEAD_LETTER_RETRY),
    });
    write(record, next, SideEffect::DeadLetter)
}

pub(super) fn expire(record: &EmailRecord, now: Timestamp) -> Decision {
    end_unsent(record, record.clone(), now)
}

/// Ends an expired record: as unsent, or as unknown if SES may have accepted an earlier claim.
pub(super) fn end_unsent(record: &EmailRecord, mut next: EmailRecord, now: Timestamp) -> Decision {
    // `next` may be flagged where `record` is not: a forced retry flags an email of unknown outcome.
    let (status, cause) = if next.maybe_duplicate {
        (RecordStatus::Unknown, Cause::AnswerLost)
    } else {
        (RecordStatus::Expired, Cause::Expired)
    };
    next.cause = Some(cause);
    end(&mut next, status, now);
    write(record, next, SideEffect::Nothing)
}

/// Ends a record without an acceptance, and keeps it in the index of ended emails.
pub(super) fn end(next: &mut EmailRecord, status: RecordStatus, now: Timestamp) {
    set_final(next, status);
    next.due = Some(Due {
        kind: DueKind::Ended,
        at: now,
    });
}

pub(super) fn set_final(next: &mut EmailRecord, status: RecordStatus) {
    next.status = status;
    next.lease = None;
    next.uncertain_since = None;
    next.due = None;
}
