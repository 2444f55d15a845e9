//! Time without a clock: it is always [`NOW`], and when time passes the rows grow older.
//!
//! Decisions depend on how far times are from now and on nothing else, so that states which
//! differ only in the date are one state. What is far enough away is told apart no further: an
//! expiry of days stays as far as it is until [`LONG`] passes, and the past is a few values, which are
//! all that the waits of the machine tell apart. A time of the past is taken for the next of them
//! that is nearer to now, so that it takes one long wait, and not many short ones, to come to the next.
//! Times that conditions compare stay apart: what two callers write differs by a millisecond.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::cause::Cause;
use domain::index::queued;
use domain::lifecycle::LONGEST_UNCERTAINTY;
use domain::row::{Due, Row, Status};
use domain::timestamp::Timestamp;

use crate::config::{Config, GUARD, WINDOW};

/// The time, always.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_000_000_000_000);

/// How long an email may wait that expires by default.
pub(crate) const FAR: Duration = Duration::from_secs(14 * 24 * 3600);

/// Longer than anything waits.
pub(crate) const LONG: Duration = Duration::from_secs(15 * 24 * 3600);

/// What is further away than this is [`FAR`].
const NEAR: Duration = Duration::from_secs(24 * 3600);

/// Before anybody asked for anything about it.
pub(crate) const MOMENT: Duration = Duration::from_secs(1);

/// The row with its times as far as decisions tell them apart, and without what none looks at.
pub(crate) fn relative(mut row: Row) -> Row {
    row.not_before = past_of(row.not_before, &[MOMENT, GUARD, GUARD.saturating_mul(4)]);
    row.uncertain_since = row.uncertain_since.map(|since| {
        if NOW.since(since) < WINDOW {
            since
        } else {
            past_of(since, &[WINDOW, WINDOW.saturating_mul(2), LONGEST_UNCERTAINTY])
        }
    });
    row.due = row.due.map(|due| Due {
        at: due.at.max(NOW),
        ..due
    });
    if let Some(lease) = &mut row.lease {
        lease.until = lease.until.max(NOW);
        lease.nonce = 0;
    }
    row.expires_at = if row.expires_at.since(NOW) > NEAR {
        NOW.after(FAR)
    } else {
        row.expires_at.max(NOW.before(MOMENT))
    };
    row.scheduled_at = None;
    row.detail = None;
    // What no decision reads tells no states apart.
    row.outcomes = Vec::new();
    row.diagnostics = BTreeMap::new();
    if !matches!(row.status, Status::Failing | Status::Failed) && row.cause != Some(Cause::Purged) {
        row.cause = None;
    }
    if let Some(sent) = &mut row.sent {
        sent.at = NOW;
    }
    row
}

/// A time of the past as the greatest of `spans` before now that is not longer ago. Its
/// milliseconds stay: by them two callers' times are told apart for good.
fn past_of(at: Timestamp, spans: &[Duration]) -> Timestamp {
    let ago = NOW.since(at);
    if ago == Duration::ZERO {
        return at;
    }
    let known = spans.iter().rev().find(|span| **span <= ago);
    let span = known.or(spans.first()).copied().unwrap_or(MOMENT);
    NOW.before(span)
        .before(Duration::from_millis(u64::from(ago.subsec_millis())))
}

/// The row when so much time has passed.
pub(crate) fn aged(row: &Row, by: Duration) -> Row {
    let mut row = row.clone();
    row.not_before = row.not_before.before(by);
    row.uncertain_since = row.uncertain_since.map(|since| since.before(by));
    row.due = row.due.map(|due| Due {
        at: due.at.before(by),
        ..due
    });
    if let Some(lease) = &mut row.lease {
        lease.until = lease.until.before(by);
    }
    if row.expires_at != NOW.after(FAR) || by >= LONG {
        row.expires_at = row.expires_at.before(by);
    }
    row
}

/// How long until something about the row comes due.
pub(crate) fn next(row: &Row) -> Option<Duration> {
    let times = [
        Some(row.not_before),
        row.due.map(|due| due.at),
        row.lease.as_ref().map(|lease| lease.until),
        row.uncertain_since.map(|since| since.after(WINDOW)),
        (row.expires_at != NOW.after(FAR)).then_some(row.expires_at),
    ];
    times
        .into_iter()
        .flatten()
        .filter(|at| *at > NOW)
        .map(|at| at.since(NOW))
        .min()
}

/// A row that waits from now on, as `enqueue` makes it.
pub(crate) fn waiting(row: Row, config: &Config) -> Row {
    let (due, _) = queued(NOW, NOW.after(FAR), config.policy.turn, config.policy.guard, NOW);
    Row {
        not_before: NOW,
        expires_at: NOW.after(FAR),
        due: Some(due),
        ..row
    }
}
