//! The delivery of one event to one webhook, and its next attempt.
//!
//! | Attempt | Wait before it |
//! |---|---|
//! | 1 | none |
//! | 2 to 10 | 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h, 24 h, 48 h |
//!
//! Each wait gets up to a tenth more, so that events that failed together do not return together. `Retry-After` makes a
//! wait longer, up to a day. An attempt that the endpoint throttles, or that cannot be made because the endpoint is
//! closed, does not count. It waits as long as the endpoint asks, or is closed, and longer and longer if nobody knows.
//!
//! **Role:** called by `deliver` after each attempt; calls nothing.
//! **Invariant:** pure. An event ends as failed only after its last attempt or five days, or because its receiver asks
//! for it. The events of a disabled webhook do not end.
//! **Start reading at** [`Delivery::after_attempt`].

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::delivery::history::clip;
use crate::delivery::index::LONGEST_DELAY;
use crate::delivery::retry::Jitter;
use crate::limits;
use crate::timestamp::Timestamp;
use crate::webhook::event_type::EventType;
use crate::webhook::identity::EventId;
use crate::webhook::outcome::{Meaning, Outcome};

/// The waits after attempts 1, 2, ..., in seconds.
///
/// Source: Svix's and Resend's schedule, and two more.
const WAITS: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000, 86_400, 172_800];

/// The longest wait for an endpoint that throttles, and does not say how long.
const POSTPONED_MAX: Duration = Duration::from_secs(18_000);

/// The wait for a permit in the due index, and the longest one. Each further wait doubles.
const BUSY_WAIT: Duration = Duration::from_secs(60);
const BUSY_WAIT_MAX: Duration = Duration::from_secs(900);

/// The shortest wait for an endpoint that says how long: a `Retry-After` of 0 must not make a loop.
const GIVEN_WAIT_MIN: Duration = Duration::from_secs(5);

/// Time after which no attempt is made any more, from the first one.
pub const GIVEN_UP_AFTER: Duration = Duration::from_secs(5 * 86_400);

/// Time after which a delivery that has not changed gets another task.
pub const GUARD: Duration = Duration::from_secs(900);

/// Entries of the due index stand at whole minutes, the times of `promote`. So the entries of a webhook stand together,
/// and `promote` reads past those of one with too many.
const INDEX_STEP_MS: i64 = 60_000;

/// Tolerance for early tasks: clocks differ, and SQS has whole seconds.
const EARLY: Duration = Duration::from_secs(1);

/// The shortest retention of events: the time of all attempts, and a day in which people can look. A replay begins it
/// anew.
pub const KEPT_AT_LEAST: Duration = Duration::from_secs(6 * 86_400);

/// The note of an event whose payload is gone before its retention can have ended.
const ERASED: &str = "The event was erased.";

/// The note of an older event whose payload is gone.
const GONE: &str = "The event is no longer kept: its retention has ended, or it was erased.";

/// The state of a delivery, with Resend's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "WebhookEventStatus")
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryState {
    /// No attempt was made yet.
    Pending,
    /// An attempt failed, and another one follows.
    Attempting,
    /// The receiver has the event.
    Success,
    /// No attempt follows.
    Failed,
}

impl DeliveryState {
    /// The name in the API and in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// True if an attempt may follow.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::Attempting => true,
            Self::Success | Self::Failed => false,
        }
    }
}

/// A past attempt, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastAttempt {
    /// The number of the attempt, from 1, over all replays.
    pub number: u32,
    /// Time of the attempt.
    pub at: Timestamp,
    /// The status code; 0 without an answer.
    pub status: u16,
    /// The beginning of the answer, or the reason why there is none.
    pub words: String,
}

/// The first place in the due index at or after a time.
const fn index_time(at: Timestamp) -> Timestamp {
    let missing = at.as_millis().wrapping_neg().rem_euclid(INDEX_STEP_MS);
    Timestamp::from_millis(at.as_millis().saturating_add(missing))
}

/// Time of the next check of a delivery whose task is sent at `now`.
#[must_use]
pub fn guarded_until(now: Timestamp) -> Timestamp {
    index_time(now.after(GUARD))
}

/// The next attempt of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextAttempt {
    /// Earliest time.
    pub at: Timestamp,
    /// Time of its entry in the due index, a whole minute. A near attempt has a delayed message, which the entry only
    /// guards.
    pub check: Timestamp,
}

impl NextAttempt {
    /// An attempt at `at`, written at `now`.
    fn new(at: Timestamp, now: Timestamp) -> Self {
        let is_near = at.since(now) <= LONGEST_DELAY;
        let check = if is_near { at.max(now).after(GUARD) } else { at };
        Self {
            at,
            check: index_time(check),
        }
    }

    /// An attempt at `at` that only the index knows, however near it is. `promote` bounds how many of them it wakes.
    const fn of_index(at: Timestamp) -> Self {
        Self {
            at,
            check: index_time(at),
        }
    }

    /// The delay of the task that its writer sends; `None` for an attempt that only the index knows.
    #[must_use]
    pub fn task_delay(&self, now: Timestamp) -> Option<Duration> {
        let delay = self.at.since(now);
        let is_guarded = self.check.since(self.at) >= GUARD;
        (is_guarded && delay <= LONGEST_DELAY).then_some(delay)
    }
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The event.
    pub event: EventId,
    /// Its type.
    pub event_type: EventType,
    /// Time of its fact.
    pub created_at: Timestamp,
    /// The state.
    pub state: DeliveryState,
    /// Attempts of the schedule.
    pub attempts: u32,
    /// Throttled attempts without a given wait, since the last attempt that counted. They make the waits longer.
    pub postponed: u32,
    /// Times that it waited for its endpoint without an attempt, since the last attempt.
    pub waited: u32,
    /// Begin of the schedule: when the event was stored, or replayed.
    pub from: Timestamp,
    /// The next attempt; `None` if none is planned.
    pub next: Option<NextAttempt>,
    /// All attempts ever made.
    pub tried: u32,
    /// The newest attempts, oldest first.
    pub past: Vec<PastAttempt>,
    /// Version: the number of its writes. Each write requires the version that it has read.
    pub version: u64,
}

impl Delivery {
    /// A new delivery at `now`. `is_called`: the webhook is enabled and has an endpoint. Then a task is sent at once.
    #[must_use]
    pub fn new(event: EventId, event_type: EventType, created_at: Timestamp, is_called: bool, now: Timestamp) -> Self {
        Self {
            event,
            event_type,
            created_at,
            state: DeliveryState::Pending,
            attempts: 0,
            postponed: 0,
            waited: 0,
            from: now,
            next: is_called.then(|| NextAttempt::new(now, now)),
            tried: 0,
            past: Vec::new(),
            version: 0,
        }
    }

    /// The delivery after an attempt.
    #[must_use]
    pub fn after_attempt(&self, outcome: &Outcome, jitter: Jitter, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.version = next.version.saturating_add(1);
        next.tried = next.tried.saturating_add(1);
        next.waited = 0;
        next.remember(outcome, now);
        match outcome.meaning() {
            Meaning::Success => next.end(DeliveryState::Success),
            Meaning::Aborted => next.end(DeliveryState::Failed),
            // The webhook may stay enabled: a caller changes it at this moment, or the write that disables it fails. If
            // it is disabled, its next task takes the delivery out of the index.
            Meaning::Gone => next.fail(Duration::ZERO, jitter, now),
            Meaning::Throttled(Some(wait)) => next.wait(jitter.on(wait.max(GIVEN_WAIT_MIN)), now),
            Meaning::Throttled(None) => next.postpone(jitter, now),
            Meaning::Failed(wait) => next.fail(wait.unwrap_or_default(), jitter, now),
        }
        next
    }

    /// The delivery after its endpoint was found closed until a time. It is no attempt.
    ///
    /// Only the first wait may have a task. A dead endpoint with many events would fill the queue with their tasks after
    /// each pause.
    #[must_use]
    pub fn after_closed(&self, until: Timestamp, jitter: Jitter, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.version = next.version.saturating_add(1);
        next.waited = next.waited.saturating_add(1);
        let at = now.after(jitter.on(until.since(now).max(GIVEN_WAIT_MIN)));
        next.plan(if self.waited == 0 {
            NextAttempt::new(at, now)
        } else {
            NextAttempt::of_index(at)
        });
        next
    }

    /// The delivery after its tasks found no permit, several times. It is no attempt. Only the index knows the next one, so
    /// that the message is deleted.
    #[must_use]
    pub fn after_busy(&self, jitter: Jitter, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.version = next.version.saturating_add(1);
        next.waited = next.waited.saturating_add(1);
        let times = 1_u32.checked_shl(self.waited).unwrap_or(u32::MAX);
        let wait = BUSY_WAIT.saturating_mul(times).min(BUSY_WAIT_MAX);
        next.plan(NextAttempt::of_index(now.after(jitter.on(wait))));
        next
    }

    /// The delivery after a caller's replay, or a recovery: the schedule begins anew, at `at`.
    #[must_use]
    pub fn replayed(&self, at: Timestamp, now: Timestamp) -> Self {
        Self {
            state: DeliveryState::Attempting,
            attempts: 0,
            postponed: 0,
            waited: 0,
            from: at,
            next: Some(NextAttempt::new(at, now)),
            version: self.version.saturating_add(1),
            ..self.clone()
        }
    }

    /// The delivery after `promote` has sent another task for it, which is guarded again.
    #[must_use]
    pub fn guarded(&self, now: Timestamp) -> Self {
        Self {
            next: self.next.map(|next| NextAttempt {
                check: guarded_until(now),
                ..next
            }),
            version: self.version.saturating_add(1),
            ..self.clone()
        }
    }

    /// The delivery of a webhook that is not called: without a planned attempt, and open, so that a recovery sends it.
    #[must_use]
    pub fn kept(&self) -> Self {
        Self {
            next: None,
            version: self.version.saturating_add(1),
            ..self.clone()
        }
    }

    /// The delivery after its payload was found missing.
    #[must_use]
    pub fn without_payload(&self, now: Timestamp) -> Self {
        let mut next = self.kept();
        next.state = DeliveryState::Failed;
        next.tried = next.tried.saturating_add(1);
        let is_new = now < self.created_at.after(KEPT_AT_LEAST);
        next.note(now, 0, (if is_new { ERASED } else { GONE }).to_owned());
        next
    }

    /// True if a task that arrives now leads to an attempt. A later time was set after an older task was sent.
    #[must_use]
    pub fn is_wanted(&self, now: Timestamp) -> bool {
        self.state.is_open() && self.next.is_some_and(|next| next.at <= now.after(EARLY))
    }

    /// Counts an attempt, and plans the next one of the schedule, `wait` later at the earliest.
    fn fail(&mut self, wait: Duration, jitter: Jitter, now: Timestamp) {
        let index = usize::try_from(self.attempts).unwrap_or(usize::MAX);
        self.attempts = self.attempts.saturating_add(1);
        self.postponed = 0;
        match WAITS.get(index) {
            None => self.end(DeliveryState::Failed),
            Some(secs) => self.wait(jitter.on(Duration::from_secs(*secs).max(wait)), now),
        }
    }

    /// Waits for an endpoint that does not say how long.
    fn postpone(&mut self, jitter: Jitter, now: Timestamp) {
        let index = self.attempts.saturating_add(self.postponed);
        let last = WAITS.len().saturating_sub(1);
        let index = usize::try_from(index).unwrap_or(last).min(last);
        let planned = WAITS.get(index).copied().map_or(POSTPONED_MAX, Duration::from_secs);
        self.postponed = self.postponed.saturating_add(1);
        self.wait(jitter.on(planned.min(POSTPONED_MAX)), now);
    }

    fn wait(&mut self, wait: Duration, now: Timestamp) {
        self.plan(NextAttempt::new(now.after(wait), now));
    }

    /// Plans an attempt, unless it comes too late.
    fn plan(&mut self, next: NextAttempt) {
        if next.at > self.from.after(GIVEN_UP_AFTER) {
            return self.end(DeliveryState::Failed);
        }
        self.state = if self.tried > 0 {
            DeliveryState::Attempting
        } else {
            DeliveryState::Pending
        };
        self.next = Some(next);
    }

    fn end(&mut self, state: DeliveryState) {
        self.state = state;
        self.next = None;
    }

    /// Keeps the newest attempts. Only the newest answer is long: the item is written after each attempt.
    fn remember(&mut self, outcome: &Outcome, now: Timestamp) {
        for earlier in &mut self.past {
            clip(&mut earlier.words, limits::ANSWER_WORDS_EARLIER);
        }
        let room = match outcome.meaning() {
            Meaning::Success => limits::ANSWER_WORDS_EARLIER,
            Meaning::Aborted | Meaning::Gone | Meaning::Throttled(_) | Meaning::Failed(_) => limits::ANSWER_WORDS_MAX,
        };
        let mut words = outcome.words();
        clip(&mut words, room);
        self.note(now, outcome.status(), words);
    }

    fn note(&mut self, at: Timestamp, status: u16, words: String) {
        self.past.push(PastAttempt {
            number: self.tried,
            at,
            status,
            words,
        });
        let over = self.past.len().saturating_sub(limits::ATTEMPTS_KEPT);
        self.past.drain(..over);
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
