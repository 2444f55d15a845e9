//! The breaker of the account: it stops all sending while SES refuses the whole account.
//!
//! **Role:** a part of [`crate::delivery::account_rate`].
//! **Invariant:** pure.

use std::time::Duration;

use crate::delivery::attempt::Attempt;
use crate::delivery::cause::{Cause, Class};
use crate::timestamp::Timestamp;

/// Longest time of a probe. While a probe may be under way, a refused sender comes again after this time, because the
/// breaker may close at any moment.
const PROBING: Duration = Duration::from_secs(15);

/// Throttled attempts of one environment, without an acceptance between them, that open the breaker.
const RUN: u32 = 10;

/// Most doublings of the breaker's wait.
const DOUBLINGS: u32 = 3;

/// The open breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpenBreaker {
    /// The cause that opened it.
    pub cause: Cause,
    /// Time of the next probe; nothing goes before.
    pub until: Timestamp,
    /// Number of openings in a row.
    pub times: u32,
}

impl OpenBreaker {
    /// The whole time for which it stays open.
    fn length(&self, base: Duration) -> Duration {
        // A throttled rate is free again in a moment; a quota, or a person who ends a pause, takes longer.
        let first = match self.cause.class() {
            Class::Throttled => base / 12,
            Class::Quota | Class::Paused | Class::Unreached | Class::Transient | Class::Permanent | Class::Unknown => {
                base
            }
        };
        first.saturating_mul(1 << self.times.min(DOUBLINGS))
    }

    /// Wait of a refused sender: short while a probe may be under way, else until the next probe.
    #[must_use]
    pub fn wait(&self, base: Duration, now: Timestamp) -> Duration {
        const SECOND: Duration = Duration::from_secs(1);
        let length = self.length(base);
        let probing = (length / 4).clamp(SECOND, PROBING);
        let left = self.until.since(now);
        if left + probing > length && left > probing {
            probing
        } else {
            left.max(SECOND)
        }
    }
}

/// The breaker opened for `cause` at `now`: longer for each opening in a row.
#[must_use]
pub fn open_breaker(before: Option<OpenBreaker>, cause: Cause, base: Duration, now: Timestamp) -> OpenBreaker {
    let times = before.map_or(0, |open| open.times.saturating_add(1));
    let open = OpenBreaker {
        cause,
        until: now,
        times,
    };
    OpenBreaker {
        until: now.after(open.length(base)),
        ..open
    }
}

/// The recent attempts of one environment, for detecting a run of throttles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ThrottleRun(u32);

impl ThrottleRun {
    /// Counts an attempt; returns the cause if the breaker must open.
    #[must_use]
    pub fn count(&mut self, attempt: &Attempt) -> Option<Cause> {
        match attempt {
            Attempt::Accepted { .. } => self.0 = 0,
            Attempt::NotAccepted { cause, .. } => match cause.class() {
                Class::Quota | Class::Paused => return Some(*cause),
                Class::Throttled => {
                    self.0 = self.0.saturating_add(1);
                    if self.0 >= RUN {
                        self.0 = 0;
                        return Some(*cause);
                    }
                }
                Class::Unreached | Class::Transient | Class::Permanent | Class::Unknown => {}
            },
            Attempt::Ambiguous => {}
        }
        None
    }
}
