//! Time without a clock: the time is always [`NOW`], and when time passes the records grow older.
//!
//! Decisions depend only on the distance of times from now, so that states that differ only in the date are one
//! state. Distant times are merged. An expiry of days stays at its distance until [`LONG`] passes. Past times become
//! one of a few values, which are all that the machine's waits distinguish. A past time becomes the nearest of these
//! values that is closer to now. Thus one long wait leads to the next value, and not many short ones. Times that
//! conditions compare stay distinct: the writes of two callers differ by a millisecond.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::delivery::cause::Cause;
use domain::delivery::hook::Hook;
use domain::delivery::index::queued;
use domain::delivery::life::LifeKind;
use domain::delivery::record::{Due, EmailRecord, RecordStatus};
use domain::lifecycle::LONGEST_UNCERTAINTY;
use domain::timestamp::Timestamp;

use crate::config::{Config, GUARD, WINDOW};

/// The constant current time.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_000_000_000_000);

/// The time for which an email may wait by default.
pub(crate) const FAR: Duration = Duration::from_secs(14 * 24 * 3600);

/// A time longer than every wait.
pub(crate) const LONG: Duration = Duration::from_secs(15 * 24 * 3600);

/// The distance beyond which an expiry becomes [`FAR`].
const NEAR: Duration = Duration::from_secs(24 * 3600);

/// The age of the record at the first command.
pub(crate) const MOMENT: Duration = Duration::from_secs(1);

/// Returns the record with merged times, and without fields that no decision reads.
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
    // A schedule is a fact that webhooks tell; its time is not compared.
    record.scheduled_at = record
        .scheduled_at
        .filter(|_| record.hook.is_some())
        .map(|_| NOW.after(FAR));
    record.hook = record.hook.map(without_times);
    record.detail = None;
    // A field that no decision reads must not distinguish states.
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

/// Returns the facts for webhooks with merged times. Their identity has none.
fn without_times(mut hook: Hook) -> Hook {
    if let Some(schedule) = &mut hook.schedule {
        schedule.at = NOW;
    }
    for fact in &mut hook.past {
        fact.at = NOW;
        match &mut fact.kind {
            LifeKind::Scheduled { until, .. } => *until = NOW.after(FAR),
            LifeKind::Ended { cause, .. } => *cause = None,
            LifeKind::Sent { .. } => {}
        }
    }
    hook
}

/// Replaces a past time by the longest of `spans` before now that is not longer ago. Its milliseconds stay, because
/// they keep the times of two callers distinct.
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

/// Returns the record after this time has passed.
pub(crate) fn after_time(record: &EmailRecord, by: Duration) -> EmailRecord {
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

/// Returns the time until the record's next due time.
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

/// Returns a record that waits from now on, as `enqueue` creates it.
pub(crate) fn waiting(record: EmailRecord, config: &Config) -> EmailRecord {
    let (due, _) = queued(NOW, NOW.after(FAR), config.policy.turn, config.policy.guard, NOW);
    EmailRecord {
        not_before: NOW,
        expires_at: NOW.after(FAR),
        due: Some(due),
        ..record
    }
}
