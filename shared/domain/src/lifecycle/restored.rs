//! The changes of an email of a restored table, until a person releases or cancels it.
//!
//! Such an email may have been sent after the moment to which the table was restored. Each write that parks, ends or
//! releases the email therefore flags it, so that it ends as sent or unknown.
//!
//! **Role:** called by the decisions about a queue, a command and a restored table.
//! **Invariant:** pure. Why this way: docs/adr/0043.

use super::change::end_unsent;
use super::decision::{Decision, SideEffect, write};
use crate::delivery::record::{Due, DueKind, EmailRecord};
use crate::timestamp::Timestamp;

/// The record with the flag that a restored email gets with its next write.
pub(super) fn flagged(record: &EmailRecord, epoch: Option<Timestamp>) -> EmailRecord {
    let mut next = record.clone();
    next.maybe_duplicate |= record.is_restored(epoch);
    next
}

/// Parks a restored email. The state of its queue does not matter: only a release of the email itself lets it go.
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
