//! Decides when the emails of a queue with a rate limit may go.
//!
//! One [`RateLimit`] per queue: the time from which its rate is free, and when `promote` looks at the queue next.
//! An email gets a slot when it is accepted, if its turn comes within [`AHEAD`]; its message carries the slot.
//! Otherwise its record waits in the index, and `promote` reserves slots for one minute at a time.
//!
//! **Busy and quiet:** a queue is busy while emails that are due wait for a slot. Nobody but `promote` reserves a slot of
//! a busy queue, so that no email overtakes another one. A quiet queue gives slots to accepted emails at once.
//! **Role:** asked by `enqueue`, `send` and [`crate::apply`]; [`plan`] by `promote`. Stored by [`crate::ports::RateLimits`].
//! **Invariant:** pure. A record waits in the index for a slot only if its queue is marked ([`RateLimit::look_at`]) before.
//! The mark goes only after sweeps that found nothing, the last of them a day after the queue became quiet.
//! **Start reading at** [`request_slots`], then [`plan`]. Why this way: docs/adr/0026.

use std::time::Duration;

use crate::account_rate::{BURST, Begin, Micros, Rate};
use crate::record::Priority;
use crate::timestamp::Timestamp;

/// The furthest that a slot lies ahead.
pub const AHEAD: Duration = Duration::from_secs(60);

/// The latest that a slot is used. A message that comes later returns to the index.
pub const LATE: Duration = Duration::from_secs(60);

/// Shards of the partitions in which emails wait for a slot. One takes 1,000 writes a second, a new table 4,000.
/// Source: Amazon DynamoDB Developer Guide, "Read/write capacity mode", read 2026-11-28.
pub const SHARDS: u16 = 4;

/// The life of a released message: its slot lies at most [`AHEAD`], and it is worth nothing [`LATE`] after it.
const IN_FLIGHT: Duration = Duration::from_secs(120);

/// The time in which a writer that found the queue busy has written its record.
const SETTLED: Duration = crate::queue::job::SETTLED;

/// Sweeps of a quiet queue after it became quiet: the index is eventually consistent, without a bound.
const SWEEPS: [Duration; 3] = [
    Duration::from_secs(900),
    Duration::from_secs(3_600),
    Duration::from_secs(86_400),
];

/// The turn of an email in its queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Turn {
    /// The queue has no rate limit, or `send` asks for the slot.
    #[default]
    Free,
    /// A reserved slot.
    Slot(Timestamp),
    /// None yet: the record waits in the index.
    Waits,
}

impl Turn {
    /// The reserved slot.
    #[must_use]
    pub const fn slot(self) -> Option<Timestamp> {
        match self {
            Self::Slot(slot) => Some(slot),
            Self::Free | Self::Waits => None,
        }
    }
}

/// Whether a slot can be used at `now`.
#[must_use]
pub fn is_usable(slot: Timestamp, now: Timestamp) -> bool {
    slot.after(LATE) >= now
}

/// The stored state of a queue's rate limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// The limit; `None` when the queue has none any more.
    pub rate: Option<Rate>,
    /// The end of what is reserved.
    pub free_at: Option<Micros>,
    /// The time at which `promote` looks at the queue; `None` when nothing waits.
    pub look_at: Option<Timestamp>,
    /// The beginning of the quiet time; `None` while emails that are due wait for a slot.
    pub quiet_since: Option<Timestamp>,
    /// The newest release.
    pub released: Option<Released>,
    /// The number of changes of all but the rate and the reservations.
    pub no: u64,
}

/// A stretch of the waiting emails that was released: behind `after`, up to `until`, by their places in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The place before the first; empty for the beginning.
    pub after: String,
    /// The place of the last.
    pub until: String,
    /// The time of the release.
    pub at: Timestamp,
}

impl RateLimit {
    /// Whether emails that are due wait for a slot, as far as is known.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.look_at.is_some() && self.quiet_since.is_none()
    }

    /// The newest release whose messages may still be sent.
    #[must_use]
    pub fn in_flight(&self, now: Timestamp) -> Option<&Released> {
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
        /// The rate that `span` was reckoned with.
        rate: Rate,
        /// The length of all slots.
        span: Duration,
        /// Their beginning.
        begin: Begin,
        /// The time of writing, if more emails of the request wait: the queue is busy from then on.
        rest_waits: Option<Timestamp>,
    },
    /// Marks the queue, so that `promote` looks at it.
    Mark {
        /// The number of changes that the decision saw.
        seen: u64,
        /// The time to look.
        look_at: Timestamp,
        /// The beginning of the quiet time.
        quiet_since: Option<Timestamp>,
    },
    /// Writes what a look of `promote` has come to.
    Look {
        /// The rate limit that the decision saw.
        seen: Box<RateLimit>,
        /// The rate limit afterwards.
        becomes: Box<RateLimit>,
    },
    /// Sets the limit.
    Rate {
        /// `None` takes it away.
        rate: Option<Rate>,
    },
}

impl RateLimitChange {
    /// Whether the change may be made to this rate limit.
    #[must_use]
    pub fn holds(&self, limit: &RateLimit) -> bool {
        match self {
            Self::Reserve { rate, begin, .. } => {
                limit.rate == Some(*rate) && !limit.is_busy() && begin.holds(limit.free_at)
            }
            Self::Mark { seen, .. } => limit.no == *seen,
            Self::Look { seen, .. } => (limit.no, limit.rate, limit.free_at) == (seen.no, seen.rate, seen.free_at),
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
                    limit.look_at = Some(*now);
                    limit.quiet_since = None;
                    limit.no = limit.no.saturating_add(1);
                }
            }
            Self::Mark {
                look_at, quiet_since, ..
            } => {
                limit.look_at = Some(*look_at);
                limit.quiet_since = *quiet_since;
                limit.no = limit.no.saturating_add(1);
            }
            Self::Look { becomes, .. } => limit = (**becomes).clone(),
            Self::Rate { rate } => limit.rate = *rate,
        }
        limit
    }
}

/// The answer to emails that are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotDecision {
    /// The queue has no rate limit.
    Free,
    /// Make the change; then the first emails have slots, each so long after the beginning. The others wait.
    Reserve {
        /// The write.
        change: RateLimitChange,
        /// One for each email that has a slot.
        offsets: Vec<Duration>,
    },
    /// Make the change; then all wait.
    Mark(RateLimitChange),
    /// All wait, and `promote` knows.
    Wait,
}

/// Asks for slots for emails that are due, none of them further ahead than `ahead`.
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
        // Others may reserve meanwhile, but not so much that the last one's slot is too far ahead.
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

/// The time that an email takes of the rate.
fn length(rate: Rate, recipients: u32) -> Duration {
    // No priority queue leaves any of a queue's own rate to another.
    rate.time(u64::from(recipients.max(1)), Priority::High)
}

/// The mark that a queue needs before the record of an email that is due at `at` waits in the index; `None` when it has it.
///
/// A busy queue needs no write: `promote` takes the mark away only when the queue was quiet for longer than any writer takes.
#[must_use]
pub fn mark(limit: &RateLimit, at: Timestamp, now: Timestamp) -> Option<RateLimitChange> {
    let busy = limit.is_busy();
    let look_at = limit.look_at.map_or(at, |look_at| look_at.min(at.max(now)));
    if busy && limit.look_at.is_some_and(|known| known <= at.max(now)) {
        return None;
    }
    Some(RateLimitChange::Mark {
        seen: limit.no,
        look_at,
        quiet_since: (!busy && at > now).then_some(now),
    })
}

/// An email that waits for a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting<'a> {
    /// The time before which it must not go.
    pub not_before: Timestamp,
    /// The number of its recipients.
    pub recipients: u32,
    /// Its place in the index.
    pub place: &'a str,
}

/// What `promote` found: the first emails that wait, without those of the release in flight, in the order of their places.
#[derive(Debug, Clone, Copy)]
pub struct WaitingPage<'a> {
    /// The emails.
    pub emails: &'a [Waiting<'a>],
    /// More wait behind them.
    pub more: bool,
}

/// A minute's release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleasePlan {
    /// The slots of the first emails, in their order.
    pub slots: Vec<Timestamp>,
    /// The write that has to succeed before any of them is sent.
    pub change: Option<RateLimitChange>,
}

/// The number of emails that can get a slot within [`AHEAD`], if each has one recipient.
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

/// Plans the release of up to `most` emails, and the next look at the queue. Without a rate limit nothing has a slot.
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
        becomes.released = Some(released(limit, found.emails.iter().take(slots.len()), now));
    }
    if let Some(since) = becomes.quiet_since
        && becomes.in_flight(now).is_none()
        && now.since(since) >= SETTLED
    {
        let sweep = SWEEPS
            .iter()
            .map(|wait| since.after(*wait))
            .find(|sweep| *sweep > horizon);
        becomes.look_at = [sweep, next_due].into_iter().flatten().min();
        if becomes.look_at.is_none() {
            (becomes.quiet_since, becomes.released) = (None, None);
        }
    }
    let change = (becomes != *limit).then(|| {
        becomes.no = limit.no.saturating_add(1);
        RateLimitChange::Look {
            seen: Box::new(limit.clone()),
            becomes: Box::new(becomes),
        }
    });
    ReleasePlan { slots, change }
}

/// The release to remember. What an earlier one left behind, and what came in before it, is found again by the next look.
fn released<'a>(limit: &RateLimit, emails: impl Iterator<Item = &'a Waiting<'a>>, now: Timestamp) -> Released {
    let before = limit.in_flight(now);
    let after = before.map_or("", |before| before.until.as_str());
    let last = emails.last().map_or("", |email| email.place);
    match before {
        Some(before) if last <= before.until.as_str() => before.clone(),
        _ => Released {
            after: after.to_owned(),
            until: last.to_owned(),
            at: now,
        },
    }
}

#[cfg(test)]
#[path = "rate_limit_tests.rs"]
mod tests;
