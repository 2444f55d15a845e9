//! The state of the whole account: SES's limits, the breaker, and the progress of sending and feedback.
//!
//! **Role:** read by `reports` from the items in which other functions store it already.
//! **Invariant:** pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::delivery::account_rate::AccountRate;
use crate::delivery::rate::Rate;
use crate::delivery::record::Priority;
use crate::timestamp::Timestamp;

/// The limits of the account at SES, and their use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountQuota {
    /// Recipients per second; `None` if SES reports none.
    pub rate: Option<Rate>,
    /// Recipients in 24 hours; `None` without a limit.
    pub daily_quota: Option<u64>,
    /// Recipients in the last 24 hours.
    pub sent_last_24_hours: u64,
    /// Whether SES sends only to verified addresses.
    pub is_sandbox: bool,
    /// Whether SES sends at all.
    pub may_send: bool,
}

/// The oldest late email that a run of `promote` saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldestDue {
    /// The due time of the email.
    pub due: Timestamp,
    /// The time of the run.
    pub seen_at: Timestamp,
}

impl OldestDue {
    /// Lateness from which an email counts: `promote` runs every minute.
    pub const LATE: Duration = Duration::from_secs(60);

    /// Time for which the answer of a run counts. `promote` looks at a waiting email about every 15 minutes.
    pub const KNOWN_FOR: Duration = Duration::from_secs(20 * 60);

    /// Time after which the same email is saved again.
    const AGAIN: Duration = Duration::from_secs(5 * 60);

    /// True if the email may still be late.
    #[must_use]
    pub fn is_known(&self, now: Timestamp) -> bool {
        now.since(self.seen_at) <= Self::KNOWN_FOR
    }

    /// The value to save after a run that saw an email late by `lateness`; `None` if no write is needed.
    #[must_use]
    pub fn after_run(stored: Option<Self>, lateness: Duration, now: Timestamp) -> Option<Self> {
        if lateness < Self::LATE {
            return None;
        }
        let seen = Self {
            due: now.before(lateness),
            seen_at: now,
        };
        let stays = stored.is_some_and(|stored| {
            let is_same = stored.due == seen.due && now.since(stored.seen_at) < Self::AGAIN;
            stored.is_known(now) && (stored.due < seen.due || is_same)
        });
        (!stays).then_some(seen)
    }
}

/// The figures of the whole account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountFigures {
    /// `None` if SES did not answer.
    pub quota: Option<AccountQuota>,
    /// The rate limiter that all senders share.
    pub account_rate: AccountRate,
    /// Time of the newest recorded event of SES.
    pub newest_event: Option<Timestamp>,
    /// Time since when each priority queue has not been empty.
    pub busy_since: BTreeMap<Priority, Timestamp>,
    /// The oldest late email.
    pub oldest_due: Option<OldestDue>,
    /// Throttled reads and writes of the table in the last hour; `None` if CloudWatch did not answer.
    pub table_throttles: Option<u64>,
}

/// State of the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Emails are sent.
    Closed,
    /// No email is sent.
    Open,
    /// The next email is sent as a probe.
    Probing,
}

impl AccountFigures {
    /// State of the breaker at `now`.
    #[must_use]
    pub fn breaker(&self, now: Timestamp) -> BreakerState {
        match self.account_rate.open {
            None => BreakerState::Closed,
            Some(open) if open.until > now => BreakerState::Open,
            Some(_) => BreakerState::Probing,
        }
    }

    /// Due time of the oldest late email; `None` if no recent run of `promote` saw one.
    #[must_use]
    pub fn oldest_due(&self, now: Timestamp) -> Option<Timestamp> {
        let seen = self.oldest_due.filter(|seen| seen.is_known(now));
        seen.map(|seen| seen.due)
    }

    /// Time from the newest recorded event to the last reservation of the rate: the longest possible delay of events.
    /// `None` without an event or a reservation.
    ///
    /// An email that is canceled after its reservation has no event, so the delay may be shorter.
    #[must_use]
    pub fn feedback_lag(&self, now: Timestamp) -> Option<Duration> {
        // Reservations reach into the future.
        let reserved = self.account_rate.free_at?.up().min(now);
        Some(reserved.since(self.newest_event?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::breaker::OpenBreaker;
    use crate::delivery::cause::Cause;
    use crate::delivery::rate::Micros;

    const NOW: Timestamp = Timestamp::from_millis(100_000);

    fn figures(free_at: Option<i64>, newest_event: Option<i64>) -> AccountFigures {
        AccountFigures {
            account_rate: AccountRate {
                free_at: free_at.map(|ms| Micros::of(Timestamp::from_millis(ms))),
                ..AccountRate::default()
            },
            newest_event: newest_event.map(Timestamp::from_millis),
            ..AccountFigures::default()
        }
    }

    #[test]
    fn a_run_saves_an_older_a_new_or_an_unconfirmed_email() {
        let at = |secs: i64| Timestamp::from_millis(secs * 1_000);
        let secs = Duration::from_secs;
        let now = at(10_000);
        let stored = |due, seen_at| {
            let (due, seen_at) = (at(due), at(seen_at));
            Some(OldestDue { due, seen_at })
        };
        for (before, lateness, expected) in [
            (None, secs(59), None),
            (None, secs(60), stored(9_940, 10_000)),
            // An older email was seen recently, and may still wait.
            (stored(9_000, 9_000), secs(60), None),
            (stored(9_000, 8_799), secs(60), stored(9_940, 10_000)),
            // The same email, which is confirmed every five minutes.
            (stored(9_940, 9_701), secs(60), None),
            (stored(9_940, 9_700), secs(60), stored(9_940, 10_000)),
            (stored(9_941, 9_990), secs(60), stored(9_940, 10_000)),
            (stored(9_940, 9_990), secs(0), None),
        ] {
            assert_eq!(
                OldestDue::after_run(before, lateness, now),
                expected,
                "{before:?} {lateness:?}"
            );
        }
    }

    #[test]
    fn the_oldest_email_is_known_for_twenty_minutes() {
        let account = AccountFigures {
            oldest_due: Some(OldestDue {
                due: Timestamp::from_millis(1_000),
                seen_at: Timestamp::from_millis(2_000),
            }),
            ..AccountFigures::default()
        };
        let seen = |millis| account.oldest_due(Timestamp::from_millis(millis));
        assert_eq!(seen(1_202_000), Some(Timestamp::from_millis(1_000)));
        assert_eq!(seen(1_203_000), None);
    }

    #[test]
    fn feedback_lags_behind_the_last_reservation() {
        for (free_at, newest_event, lag_ms) in [
            (Some(90_000), Some(60_000), Some(30_000)),
            (Some(90_000), Some(95_000), Some(0)),
            (Some(900_000), Some(60_000), Some(40_000)),
            (None, Some(60_000), None),
            (Some(90_000), None, None),
        ] {
            let lag = figures(free_at, newest_event).feedback_lag(NOW);
            assert_eq!(lag, lag_ms.map(Duration::from_millis), "{free_at:?} {newest_event:?}");
        }
    }

    #[test]
    fn an_open_breaker_lets_a_probe_pass_after_its_time() {
        let open = |until| AccountFigures {
            account_rate: AccountRate {
                open: Some(OpenBreaker {
                    cause: Cause::QuotaExceeded,
                    until: Timestamp::from_millis(until),
                    times: 0,
                }),
                ..AccountRate::default()
            },
            ..AccountFigures::default()
        };
        assert_eq!(AccountFigures::default().breaker(NOW), BreakerState::Closed);
        assert_eq!(open(100_001).breaker(NOW), BreakerState::Open);
        assert_eq!(open(100_000).breaker(NOW), BreakerState::Probing);
    }
}
