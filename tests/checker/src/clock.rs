//! Time without a clock: it is always [`NOW`], and when time passes the records grow older.
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
use domain::record::{Due, EmailRecord, RecordStatus};
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

/// The record with its times as far as decisions tell them apart, and without what none looks at.
pub(crate) fn relative(mut record: EmailRecord) -> EmailRecord {
    record.not_before = past_of(record.not_before, &[MOMENT, GUARD, GUARD.saturating_mul(4)]);
    record.uncertain_since = record.uncertain_since.map(|since| {
        if NOW.since(since) < WINDOW {
            since
        } else {
            past_of(since, &[WINDOW, WINDOW.saturating_mul(2), LONGEST_UNCERTAINTY])
        }
    });
    record.due = record.due.map(|due| Due {
        at: due.at.max(NOW),
        ..due
    });
    if let Some(lease) = &mut record.lease {
        lease.until = lease.until.max(NOW);
        lease.nonce = 0;
    }
    record.expires_at = if record.expires_at.since(NOW) > NEAR {
        NOW.after(FAR)
    } else {
        record.expires_at.max(NOW.before(MOMENT))
    };
    record.scheduled_at = None;
    record.detail = None;
    // What no decision reads tells no states apart.
    record.outcomes = Vec::new();
    record.diagnostics = BTreeMap::new();
    if !matches!(record.status, RecordStatus::Failing | RecordStatus::Failed) && record.cause != Some(Cause::Purged) {
        record.cause = None;
    }
    if let Some(sent) = &mut record.sent {
        sent.at = NOW;
    }
    record
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

/// The record when so much time has passed.
pub(crate) fn aged(record: &EmailRecord, by: Duration) -> EmailRecord {
    let mut record = record.clone();
    record.not_before = record.not_before.before(by);
    record.uncertain_since = record.uncertain_since.map(|since| since.before(by));
    record.due = record.due.map(|due| Due {
        at: due.at.before(by),
        ..due
    });
    if let Some(lease) = &mut record.lease {
        lease.until = lease.until.before(by);
    }
    if record.expires_at != NOW.after(FAR) || by >= LONG {
        record.expires_at = record.expires_at.before(by);
    }
    record
}

/// How long until something about the record comes due.
pub(crate) fn next(record: &EmailRecord) -> Option<Duration> {
    let times = [
        Some(record.not_before),
        record.due.map(|due| due.at),
        record.lease.as_ref().map(|lease| lease.until),
        record.uncertain_since.map(|since| since.after(WINDOW)),
        (record.expires_at != NOW.after(FAR)).then_some(record.expires_at),
    ];
    times
        .into_iter()
        .flatten()
        .filter(|at| *at > NOW)
        .map(|at| at.since(NOW))
        .min()
}

/// A record that waits from now on, as `enqueue` makes it.
pub(crate) fn waiting(record: EmailRecord, config: &Config) -> EmailRecord {
    let (due, _) = queued(NOW, NOW.after(FAR), config.policy.turn, config.policy.guard, NOW);
    EmailRecord {
        not_before: NOW,
        expires_at: NOW.after(FAR),
        due: Some(due),
        ..record
    }
}
