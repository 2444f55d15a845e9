//! Decides when the emails of a queue with a rate limit may be sent.
//!
//! Each queue has one [`RateLimit`]: the time from which its rate is free, and the time of the next check by
//! `promote`. An accepted email gets a slot if its turn comes within [`AHEAD`]; its send task carries the slot.
//! Otherwise its record waits in the due index, and `promote` reserves slots for one minute at a time.
//!
//! **Busy and quiet:** a queue is busy while due emails wait for a slot. Only `promote` reserves slots of a busy
//! queue, so that no email overtakes another one. A quiet queue gives slots to accepted emails at once.
//! **Role:** `enqueue` and `send` ask for slots; `promote` calls [`plan`].
//! **Invariant:** pure. A record waits in the due index for a slot only if its queue was marked
//! ([`RateLimit::check_at`]) before. The mark is removed only after sweeps without a result, the last of them a day
//! after the queue became quiet.
//! **Start reading at** [`request_slots`], then [`plan`]. Why this way: docs/adr/0026.

use std::time::Duration;

use crate::delivery::rate::{BURST, Begin, Micros, Rate};
use crate::delivery::record::Priority;
use crate::queue::SETTLED;
use crate::timestamp::Timestamp;

/// The greatest distance of a slot from now.
pub const AHEAD: Duration = Duration::from_secs(60);

/// The latest use of a slot, counted from the slot. The email of a later message returns to the due index.
pub const LATE: Duration = Duration::from_secs(60);

/// The life of a released message: its slot lies at most [`AHEAD`] after the release, and it expires [`LATE`] after the
/// slot.
const IN_FLIGHT: Duration = Duration::from_secs(120);

/// Sweeps of a quiet queue after it became quiet: the index is eventually consistent, without a bound.
const SWEEPS: [Duration; 3] = [
    Duration::from_secs(900),
    Duration::from_secs(3_600),
    Duration::from_secs(86_400),
];

/// True if a slot can be used at `now`.
#[must_use]
pub fn is_usable(slot: Timestamp, now: Timestamp) -> bool {
    slot.after(LATE) >= now
}

/// The stored state of a queue's rate limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// The limit; `None` if the queue no longer has one.
    pub rate: Option<Rate>,
    /// The end of the reserved time.
    pub free_at: Option<Micros>,
    /// The time of the next check by `promote`; `None` if nothing waits.
    pub check_at: Option<Timestamp>,
    /// The beginning of the quiet time; `None` while due emails wait for a slot.
    pub quiet_since: Option<Timestamp>,
    /// The newest release.
    pub released: Option<Release>,
    /// Version: the number of changes, except changes of the rate and reservations.
    pub version: u64,
}

/// A released range of the waiting emails: after `after`, up to `until`, by their places in the due index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The place before the first; empty for the beginning.
    pub after: String,
    /// The place of the last.
    pub until: String,
    /// The time of the release.
    pub at: Timestamp,
}

impl RateLimit {
    /// True if due emails wait for a slot, as far as is known.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.check_at.is_some() && self.quiet_since.is_none()
    }

    /// The newest release whose messages may still be sent.
    #[must_use]
    pub fn in_flight(&self, now: Timestamp) -> Option<&Release> {
        self.released
            .as_ref()
            .filter(|released| released.at.after(IN_FLIGHT) > now)
    }
}

/// A write of a rate limit, and its condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RateLimitChange {
    /// Reserves the next slots of a queue that is not busy.
    Reserve {
        /// The rate used to compute `span`.
        rate: Rate,
        /// The length of all slots.
        span: Duration,
        /// The beginning of the slots.
        begin: Begin,
        /// The time of writing, if more emails of the request wait. The queue is busy from then on.
        rest_waits: Option<Timestamp>,
    },
    /// Marks the queue, so that `promote` checks it.
    Mark {
        /// The number of changes that the decision saw.
        seen: u64,
        /// The time of the check.
        check_at: Timestamp,
        /// The beginning of the quiet time.
        quiet_since: Option<Timestamp>,
    },
    /// Writes the result of a check by `promote`.
    Check {
        /// The rate limit that the decision saw.
        seen: Box<RateLimit>,
        /// The rate limit afterwards.
        becomes: Box<RateLimit>,
    },
    /// Sets the limit.
    Rate {
        /// `None` removes it.
        rate: Option<Rate>,
    },
}

impl RateLimitChange {
    /// True if the change may be made to this rate limit.
    #[must_use]
    pub fn holds(&self, limit: &RateLimit) -> bool {
        match self {
            Self::Reserve { rate, begin, .. } => {
                limit.rate == Some(*rate) && !limit.is_busy() && begin.holds(limit.free_at)
            }
            Self::Mark { seen, .. } => limit.version == *seen,
            Self::Check { seen, .. } => {
                (limit.version, limit.rate, limit.free_at) == (seen.version, seen.rate, seen.free_at)
            }
            Self::Rate { .. } => true,
        }
    }

    /// The rate limit after the change.
    #[must_use]
    pub fn on(&self, mut limit: RateLimit) -> RateLimit {
        match self {
            Self::Reserve {
                span,
                begin,
                rest_waits,
                ..
            } => {
                limit.free_at = Some(begin.of(limit.free_at).after(*span));
                if let Some(now) = rest_waits {
                    limit.check_at = Some(*now);
                    limit.quiet_since = None;
                    limit.version = limit.version.saturating_add(1);
                }
            }
            Self::Mark {
                check_at, quiet_since, ..
            } => {
                limit.check_at = Some(*check_at);
                limit.quiet_since = *quiet_since;
                limit.version = limit.version.saturating_add(1);
            }
            Self::Check { becomes, .. } => limit = (**becomes).clone(),
            Self::Rate { rate } => limit.rate = *rate,
        }
        limit
    }
}

/// The answer for due emails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotDecision {
    /// The queue has no rate limit.
    Free,
    /// Make the change; then the first emails have slots at these offsets from the beginning. The others wait.
    Reserve {
        /// The write.
        change: RateLimitChange,
        /// One for each email with a slot.
        offsets: Vec<Duration>,
    },
    /// Make the change; then all wait.
    Mark(RateLimitChange),
    /// All wait, and the queue has the time of its next check.
    Wait,
}

/// Asks for slots for due emails, none of them further ahead than `ahead`.
#[must_use]
pub fn request_slots(limit: &RateLimit, recipients: &[u32], ahead: Duration, now: Timestamp) -> SlotDecision {
    let Some(rate) = limit.rate else {
        return SlotDecision::Free;
    };
    let all_wait = || mark(limit, now, now).map_or(SlotDecision::Wait, SlotDecision::Mark);
    if limit.is_busy() {
        return all_wait();
    }
    let (here, horizon) = (Micros::of(now).before(BURST), Micros::of(now).after(ahead));
    let first = limit.free_at.filter(|free_at| *free_at >= here);
    let (mut span, mut offsets) = (Duration::ZERO, Vec::new());
    for recipients in recipients {
        if first.unwrap_or(here).after(span) > horizon {
            break;
        }
        offsets.push(span);
        span = span.saturating_add(length(rate, *recipients));
    }
    let Some(last) = offsets.last() else { return all_wait() };
    let begin = match first {
        // Others may reserve meanwhile, as long as the last slot stays within the horizon.
        Some(_) => Begin::AfterReserved {
            earliest: here,
            latest: horizon.before(*last),
        },
        None => Begin::Here(here),
    };
    let rest_waits = (offsets.len() < recipients.len()).then_some(now);
    let change = RateLimitChange::Reserve {
        rate,
        span,
        begin,
        rest_waits,
    };
    SlotDecision::Reserve { change, offsets }
}

/// The share of the rate's time that an email uses.
fn length(rate: Rate, recipients: u32) -> Duration {
    // A queue's own rate reserves nothing for other priorities.
    rate.time(u64::from(recipients.max(1)), Priority::High)
}

/// The change that marks a queue with the time of its next check; `None` if a busy queue has an early enough mark.
///
/// It is written before the record of an email due at `at` waits in the due index. A marked busy queue needs no write,
/// because `promote` removes the mark only after a quiet time longer than any write.
#[must_use]
pub fn mark(limit: &RateLimit, at: Timestamp, now: Timestamp) -> Option<RateLimitChange> {
    let busy = limit.is_busy();
    let check_at = limit.check_at.map_or(at, |check_at| check_at.min(at.max(now)));
    if busy && limit.check_at.is_some_and(|known| known <= at.max(now)) {
        return None;
    }
    Some(RateLimitChange::Mark {
        seen: limit.version,
        check_at,
        quiet_since: (!busy && at > now).then_some(now),
    })
}

/// An email that waits for a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotCandidate<'a> {
    /// Earliest time of sending.
    pub not_before: Timestamp,
    /// The number of its recipients.
    pub recipients: u32,
    /// The place of the email in the due index.
    pub place: &'a str,
}

/// The first waiting emails in the order of their places, without those of the release in flight.
#[derive(Debug, Clone, Copy)]
pub struct WaitingPage<'a> {
    /// The emails.
    pub emails: &'a [SlotCandidate<'a>],
    /// True if more wait after them.
    pub more: bool,
}

/// A minute's release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleasePlan {
    /// The slots of the first emails, in their order.
    pub slots: Vec<Timestamp>,
    /// The write that must succeed before any of them is sent.
    pub change: Option<RateLimitChange>,
}

/// The number of emails that can get a slot within [`AHEAD`], at one recipient each.
#[must_use]
pub fn room(limit: &RateLimit, now: Timestamp) -> usize {
    let Some(rate) = limit.rate else { return 0 };
    let reserved = limit
        .free_at
        .map_or(Duration::ZERO, |free_at| free_at.since(Micros::of(now)));
    let left = AHEAD.saturating_sub(reserved).as_millis();
    let per_1000_s = u128::from(rate.as_millis());
    usize::try_from((left * per_1000_s).div_ceil(1_000_000)).map_or(usize::MAX, |room| room.saturating_add(1))
}

/// Plans the release of up to `most` emails, and the next check of the queue. Without a rate limit nothing has a
/// slot.
#[must_use]
pub fn plan(limit: &RateLimit, found: WaitingPage<'_>, most: usize, now: Timestamp) -> ReleasePlan {
    let horizon = now.after(AHEAD);
    let mut free_at = limit
        .free_at
        .map_or(Micros::of(now), |free_at| free_at.max(Micros::of(now)));
    let (mut slots, mut next_due) = (Vec::new(), None);
    for email in found.emails {
        if email.not_before > horizon {
            next_due = Some(email.not_before);
            break;
        }
        let slot = free_at.max(Micros::of(email.not_before));
        let rate = limit.rate.filter(|_| slots.len() < most && slot.up() <= horizon);
        let Some(rate) = rate else { break };
        slots.push(slot.up());
        free_at = slot.after(length(rate, email.recipients));
    }
    let mut becomes = limit.clone();
    let busy = next_due.is_none() && (slots.len() < found.emails.len() || found.more);
    becomes.quiet_since = match (busy, limit.quiet_since) {
        (true, _) => None,
        (false, Some(since)) if slots.is_empty() => Some(since),
        (false, _) => Some(now),
    };
    if !slots.is_empty() {
        becomes.free_at = Some(free_at);
        becomes.released = Some(next_release(limit, found.emails.iter().take(slots.len()), now));
    }
    if let Some(since) = becomes.quiet_since
        && becomes.in_flight(now).is_none()
        && now.since(since) >= SETTLED
    {
        let sweep = SWEEPS
            .iter()
            .map(|wait| since.after(*wait))
            .find(|sweep| *sweep > horizon);
        becomes.check_at = [sweep, next_due].into_iter().flatten().min();
        if becomes.check_at.is_none() {
            (becomes.quiet_since, becomes.released) = (None, None);
        }
    }
    let change = (becomes != *limit).then(|| {
        becomes.version = limit.version.saturating_add(1);
        RateLimitChange::Check {
            seen: Box::new(limit.clone()),
            becomes: Box::new(becomes),
        }
    });
    ReleasePlan { slots, change }
}

/// The release to remember. The next check finds the emails that an earlier release left behind, and those with places
/// before that release.
fn next_release<'a>(limit: &RateLimit, emails: impl Iterator<Item = &'a SlotCandidate<'a>>, now: Timestamp) -> Release {
    let before = limit.in_flight(now);
    let after = before.map_or("", |before| before.until.as_str());
    let last = emails.last().map_or("", |email| email.place);
    match before {
        Some(before) if last <= before.until.as_str() => before.clone(),
        _ => Release {
            after: after.to_owned(),
            until: last.to_owned(),
            at: now,
        },
    }
}

#[cfg(test)]
#[path = "rate_limit_tests.rs"]
mod tests;
