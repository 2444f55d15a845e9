//! The account's sending limits. SES counts recipients, not messages.
//!
//! **Invariant:** no clock; the caller passes `now`.
//!
//! A message to several recipients passes whole while any rate and quota are left. The recipients beyond the rest
//! become a debt. Source: Amazon SES blog, "Throttling", as quoted in django-ses issue 59, read 2026-11-24.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::suppression::Reasons;

/// The rate that `GetAccount` reports before a test sets one: that of an ordinary production account.
const REPORTED_RATE: f64 = 14.0;
/// The daily quota that `GetAccount` reports before a test sets one.
const REPORTED_QUOTA: f64 = 200_000.0;
/// The window of the daily quota.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The limits that a test sets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Recipients per second; absent: not enforced.
    #[serde(default)]
    pub max_send_rate: Option<f64>,
    /// Recipients per 24 hours; absent or -1: not enforced.
    #[serde(default)]
    pub max_24_hour_send: Option<f64>,
    /// The account's reasons to list an address; absent: both, the default of a new account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed_reasons: Option<Reasons>,
    /// True if `GetAccount` reports an account in the sandbox.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sandbox: bool,
    /// True if `GetAccount` reports that SES has stopped the account's sending.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stopped: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Limits {
    /// Checks the limits.
    ///
    /// # Errors
    /// One sentence that describes the fault.
    pub fn check(&self) -> Result<(), String> {
        if self.max_send_rate.is_some_and(|rate| rate <= 0.0) {
            return Err("max_send_rate must be greater than 0.".to_owned());
        }
        if self
            .max_24_hour_send
            .is_some_and(|quota| quota < 0.0 && quota != UNLIMITED)
        {
            return Err("max_24_hour_send must be 0 or more, or -1 for no limit.".to_owned());
        }
        Ok(())
    }
}

/// SES's value for an account without a daily quota.
const UNLIMITED: f64 = -1.0;

/// The limit that a message exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The rate per second.
    Rate,
    /// The quota per day.
    Quota,
}

/// The sending quota in the answer to `GetAccount`.
#[derive(Debug, Clone, PartialEq)]
pub struct Quota {
    /// Recipients per 24 hours.
    pub max_24_hour_send: f64,
    /// Recipients per second.
    pub max_send_rate: f64,
    /// Recipients accepted within the last 24 hours.
    pub sent_last_24_hours: f64,
}

/// The limits and their use so far.
#[derive(Debug, Default)]
pub struct Account {
    limits: Limits,
    bucket: Option<Bucket>,
    accepted: VecDeque<(Instant, f64)>,
    accepted_sum: f64,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Account {
    /// Replaces the limits; the bucket starts full, the day's count stays.
    pub fn set(&mut self, limits: Limits) {
        self.limits = limits;
        self.bucket = None;
    }

    /// Returns the limits that a test has set.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the quota that `GetAccount` reports.
    pub fn quota(&mut self, now: Instant) -> Quota {
        self.forget_before(now);
        Quota {
            max_24_hour_send: self.limits.max_24_hour_send.unwrap_or(REPORTED_QUOTA),
            max_send_rate: self.limits.max_send_rate.unwrap_or(REPORTED_RATE),
            sent_last_24_hours: self.accepted_sum,
        }
    }

    /// Takes `recipients` from rate and quota. A refused message takes nothing.
    ///
    /// # Errors
    /// [`Over`] names the limit that is spent.
    pub fn take(&mut self, recipients: usize, now: Instant) -> Result<(), Over> {
        // At most 50 recipients pass the rules, so this never saturates.
        let wanted = f64::from(u16::try_from(recipients).unwrap_or(u16::MAX));
        self.forget_before(now);
        if self
            .limits
            .max_24_hour_send
            .is_some_and(|quota| quota != UNLIMITED && self.accepted_sum >= quota)
        {
            return Err(Over::Quota);
        }
        if let Some(rate) = self.limits.max_send_rate {
            // One second's worth of recipients. A rate below one per second still allows a whole message.
            let capacity = rate.max(1.0);
            let bucket = self.bucket.get_or_insert(Bucket {
                tokens: capacity,
                filled_at: now,
            });
            let elapsed = now.saturating_duration_since(bucket.filled_at).as_secs_f64();
            bucket.tokens = (bucket.tokens + elapsed * rate).min(capacity);
            bucket.filled_at = now;
            // Floating-point sums of seconds are inexact: a debt of a billionth of a recipient is ignored.
            if bucket.tokens < 1.0 - 1e-9 {
                return Err(Over::Rate);
            }
            bucket.tokens -= wanted;
        }
        self.accepted.push_back((now, wanted));
        self.accepted_sum += wanted;
        Ok(())
    }

    fn forget_before(&mut self, now: Instant) {
        while let Some((at, recipients)) = self.accepted.front().copied() {
            if now.saturating_duration_since(at) < DAY {
                break;
            }
            self.accepted.pop_front();
            self.accepted_sum -= recipients;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account_with(rate: Option<f64>, quota: Option<f64>) -> Account {
        let mut account = Account::default();
        account.set(Limits {
            max_send_rate: rate,
            max_24_hour_send: quota,
            ..Limits::default()
        });
        account
    }

    #[test]
    fn nothing_is_enforced_until_it_is_set() {
        let mut account = Account::default();
        let now = Instant::now();
        assert!((0..10_000).all(|_| account.take(50, now).is_ok()));
        assert_eq!(account.quota(now).max_send_rate, 14.0);
        assert_eq!(account.quota(now).sent_last_24_hours, 500_000.0);
    }

    #[test]
    fn a_burst_of_one_second_is_allowed_and_repaid() {
        let mut account = account_with(Some(2.0), None);
        let start = Instant::now();
        assert_eq!(account.take(1, start), Ok(()));
        assert_eq!(account.take(5, start), Ok(()));
        assert_eq!(account.take(1, start), Err(Over::Rate));
        assert_eq!(account.take(1, start + Duration::from_millis(2400)), Err(Over::Rate));
        assert_eq!(account.take(1, start + Duration::from_millis(2500)), Ok(()));
    }

    #[test]
    fn the_quota_returns_after_a_day() {
        let mut account = account_with(None, Some(3.0));
        let start = Instant::now();
        assert_eq!(account.take(2, start), Ok(()));
        assert_eq!(account.take(2, start), Ok(()));
        assert_eq!(account.take(1, start), Err(Over::Quota));
        assert_eq!(account.take(1, start + DAY), Ok(()));
        assert_eq!(account.quota(start + DAY).sent_last_24_hours, 1.0);
    }

    #[test]
    fn bad_values_are_refused() {
        assert!(
            Limits {
                max_send_rate: Some(0.0),
                max_24_hour_send: None,
                ..Limits::default()
            }
            .check()
            .is_err()
        );
        assert!(
            Limits {
                max_send_rate: None,
                max_24_hour_send: Some(-2.0),
                ..Limits::default()
            }
            .check()
            .is_err()
        );
        assert!(
            Limits {
                max_send_rate: Some(1.0),
                max_24_hour_send: Some(-1.0),
                ..Limits::default()
            }
            .check()
            .is_ok()
        );
    }
}
