//! The health of an endpoint: its permits, its failures, its pauses, and its end.
//!
//! An execution calls an endpoint only with one of its permits ([`super::permits`]). An endpoint that only fails is closed
//! for a while after each round, and one execution tries it with one delivery before the others. So a dead endpoint costs
//! little. An endpoint that answers late is marked as slow, and then also needs one of the few permits that all slow
//! endpoints share.
//!
//! **Role:** called by `deliver`: [`Health::admission`] before its calls, [`Health::after_calls`] after them.
//! **Invariant:** pure. Only 410, or five days and at least ten failures without a success, disable a webhook.
//! **Start reading at** [`Health::admission`].

use std::time::Duration;

use crate::timestamp::Timestamp;
use crate::webhook::outcome::{Meaning, Outcome};
use crate::webhook::permits::CallPermits;
use crate::webhook::settings::DisabledBy;

/// Failures without a success from which on an endpoint is closed after each round.
const CLOSED_FROM: u32 = 3;

/// Failures without a success from which on a webhook is shown as failing.
pub const FAILING_FROM: u32 = 5;

/// Fewest failures before a webhook is disabled.
const DISABLED_FROM: u32 = 10;

/// Time without a success before a webhook is disabled.
pub const DISABLED_AFTER: Duration = Duration::from_secs(5 * 86_400);

/// Time of a call from which on its endpoint is slow. Our choice: a receiver that has just started answers sooner, and an
/// execution with two rounds of quick calls is free again after six seconds.
pub const SLOW: Duration = Duration::from_secs(3);

/// Time for which an endpoint counts as slow after a slow call. Our choice: several times the longest pause, so that a
/// dead endpoint stays marked from one try to the next.
pub const SLOW_FOR: Duration = Duration::from_secs(1_800);

/// The pauses of a closed endpoint, in seconds; the last one repeats.
const PAUSES: [u64; 5] = [5, 30, 60, 120, 300];

/// The health of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Failures since the last success.
    pub failures: u32,
    /// Time of the first of them.
    pub failing_since: Option<Timestamp>,
    /// Time until which it is not called.
    pub closed_until: Option<Timestamp>,
    /// Number of pauses since the last success.
    pub pauses: u32,
    /// End of the time in which it counts as slow.
    pub slow_until: Option<Timestamp>,
    /// The permits of the executions that call it.
    pub permits: CallPermits,
}

/// The answer to an execution that wants to call an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It may be called, once this health is stored, which has the permit of the execution.
    Granted(Box<Health>),
    /// Other executions have its permits.
    Busy,
    /// It is closed. The deliveries wait in the index.
    Closed {
        /// The end of the pause.
        until: Timestamp,
    },
}

/// The results of an execution's calls of an endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Answers of a living receiver.
    pub successes: u32,
    /// Failures.
    pub failures: u32,
    /// The longest wait that an answer asks for.
    pub wait: Option<Duration>,
    /// An answer was 410.
    pub is_gone: bool,
    /// A call took [`SLOW`] or longer.
    pub is_slow: bool,
}

/// The consequence for the webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// None.
    Nothing,
    /// It is failing from now on, and may be disabled later.
    Announce,
    /// It is disabled.
    Disable(DisabledBy),
}

impl Calls {
    /// The results with one more outcome, of a call that took this time.
    #[must_use]
    pub fn with(mut self, outcome: &Outcome, took: Duration) -> Self {
        self.is_slow |= took >= SLOW;
        let longer = |wait: Option<Duration>| self.wait.max(wait);
        match outcome.meaning() {
            // A receiver that wants an event no more is alive.
            Meaning::Success | Meaning::Aborted => self.successes = self.successes.saturating_add(1),
            Meaning::Gone => self.is_gone = true,
            Meaning::Throttled(wait) => {
                self.wait = longer(Some(wait.unwrap_or_default()));
            }
            Meaning::Failed(wait) => {
                self.failures = self.failures.saturating_add(1);
                self.wait = longer(wait);
            }
        }
        self
    }
}

impl Health {
    /// The end of the present pause.
    #[must_use]
    pub fn closed_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.closed_until.filter(|until| *until > now)
    }

    /// True while the endpoint only fails: one execution tries it, with one delivery first.
    #[must_use]
    pub const fn is_tried(&self) -> bool {
        self.failures >= CLOSED_FROM
    }

    /// True for a while after a slow call.
    #[must_use]
    pub fn is_slow(&self, now: Timestamp) -> bool {
        self.slow_until.is_some_and(|until| until > now)
    }

    /// Decides whether the execution `nonce` may call the endpoint, which has this number of permits.
    #[must_use]
    pub fn admission(&self, count: usize, nonce: u64, now: Timestamp) -> Admission {
        if let Some(until) = self.closed_at(now) {
            return Admission::Closed { until };
        }
        if self.permits.has(nonce) {
            // Its own write, whose answer was lost.
            return Admission::Granted(Box::new(self.clone()));
        }
        let count = if self.is_tried() { 1 } else { count };
        match self.permits.with(count, nonce, now) {
            None => Admission::Busy,
            Some(permits) => Admission::Granted(Box::new(Self {
                permits,
                ..self.clone()
            })),
        }
    }

    /// The health after an execution's calls, without its permit, and the consequence for the webhook.
    #[must_use]
    pub fn after_calls(&self, nonce: u64, calls: Calls, now: Timestamp) -> (Self, Consequence) {
        let mut next = self.clone();
        next.permits = next.permits.without(nonce);
        if calls.is_slow {
            next.slow_until = Some(now.after(SLOW_FOR));
        }
        if calls.is_gone {
            return (next, Consequence::Disable(DisabledBy::Gone));
        }
        if calls.successes > 0 {
            next.failures = 0;
            next.failing_since = None;
            next.pauses = 0;
            next.closed_until = None;
        } else if calls.failures > 0 {
            next.failures = next.failures.saturating_add(calls.failures);
            next.failing_since = next.failing_since.or(Some(now));
            if next.failures >= CLOSED_FROM {
                next.closed_until = Some(now.after(next.pause()));
                next.pauses = next.pauses.saturating_add(1);
            }
        }
        if let Some(wait) = calls.wait {
            next.closed_until = next.closed_until.max(Some(now.after(wait)));
        }
        let is_over = next.disables_at().is_some_and(|at| at <= now);
        let consequence = if is_over && next.failures >= DISABLED_FROM {
            Consequence::Disable(DisabledBy::Failures)
        } else if next.is_failing() && !self.is_failing() {
            Consequence::Announce
        } else {
            Consequence::Nothing
        };
        (next, consequence)
    }

    /// True if nothing but failures came lately.
    #[must_use]
    pub const fn is_failing(&self) -> bool {
        self.failures >= FAILING_FROM
    }

    /// The earliest time at which further failures disable the webhook; `None` while it succeeds.
    #[must_use]
    pub fn disables_at(&self) -> Option<Timestamp> {
        self.failing_since.map(|since| since.after(DISABLED_AFTER))
    }

    fn pause(&self) -> Duration {
        let last = PAUSES.len().saturating_sub(1);
        let index = usize::try_from(self.pauses).unwrap_or(last).min(last);
        PAUSES.get(index).copied().map_or(Duration::ZERO, Duration::from_secs)
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
