//! The retry schedule of emails that SES did not accept.
//!
//! | Class | The attempt | Next attempt after | Note |
//! |---|---|---|---|
//! | throttled | is given back | 10 s | a run of them opens the breaker |
//! | quota | is given back | 1 m | opens the breaker |
//! | paused | is given back | 1 m | opens the breaker |
//! | unreached | is given back | 1 m, 5 m, 15 m, 1 h, 4 h, 4 h, ... by its claims | SES was never called |
//! | transient | is spent | 1 m, 5 m, 15 m, 1 h, 4 h, then no more | |
//! | permanent | is spent | never | |
//! | unknown | is spent | evidence decides, then at once while attempts are left | flagged `maybe_duplicate` |
//!
//! The number of attempts given back has no limit: the email's `expires_at` ends them. The breaker is
//! [`crate::delivery::account_rate`].
//!
//! **Role:** called by [`crate::lifecycle`] after an attempt; calls nothing.
//! **Invariant:** no I/O, no clock, no randomness.
//! **Start reading at** [`RetryPolicy::after`].

use std::time::Duration;

use crate::delivery::cause::Class;

/// The number of retries of an email, and the waits before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The waits after attempts 1, 2, ...; one attempt more than the number of waits.
    pub waits: Vec<Duration>,
    /// The wait after a throttled attempt.
    pub throttled: Duration,
    /// The wait after an attempt for which the account had no quota, or was paused.
    pub no_permit: Duration,
}

/// The consequence of an attempt that was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt; this one does not count.
    GivenBack(Duration),
    /// Another attempt.
    Again(Duration),
    /// No attempt: the budget is spent.
    Spent,
    /// No attempt: it would fail again.
    Never,
    /// Evidence must show whether SES accepted it.
    Evidence,
}

/// Random extra wait, so that emails that failed together do not return together.
///
/// Units: thousandths, 0 to 1000; a tenth of the wait at 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter(u16);

impl Jitter {
    /// No extra wait: for tables in tests.
    pub const NONE: Self = Self(0);

    /// Accepts any random number.
    #[must_use]
    pub const fn from_random(random: u16) -> Self {
        Self(random % 1001)
    }

    pub(crate) fn on(self, wait: Duration) -> Duration {
        wait.saturating_add(wait.saturating_mul(u32::from(self.0)) / 10_000)
    }
}

impl RetryPolicy {
    /// The table above.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            waits: [60, 300, 900, 3600, 14_400].map(Duration::from_secs).to_vec(),
            throttled: Duration::from_secs(10),
            no_permit: Duration::from_secs(60),
        }
    }

    /// The table above, stretched so that its first wait is `first`.
    #[must_use]
    pub fn beginning_with(first: Duration) -> Self {
        let standard = Self::standard();
        let base = standard.waits.first().map_or(60, Duration::as_secs);
        let scale = |wait: Duration| {
            let millis = wait
                .as_secs()
                .saturating_mul(u64::try_from(first.as_millis()).unwrap_or(u64::MAX));
            Duration::from_millis(millis.checked_div(base).unwrap_or(millis))
        };
        Self {
            waits: standard.waits.iter().copied().map(scale).collect(),
            throttled: scale(standard.throttled),
            no_permit: scale(standard.no_permit),
        }
    }

    /// The consequence of attempt `attempt` (from 1), which failed with `class` under claim `claim_no`.
    #[must_use]
    pub fn after(&self, class: Class, attempt: u32, claim_no: u32, jitter: Jitter) -> Next {
        match class {
            // Claims count even if attempts are given back, so that the waits grow.
            Class::Unreached => {
                let wait = self.wait_after(claim_no).or(self.waits.last().copied());
                Next::GivenBack(jitter.on(wait.unwrap_or(self.no_permit)))
            }
            Class::Throttled => Next::GivenBack(jitter.on(self.throttled)),
            Class::Quota | Class::Paused => Next::GivenBack(jitter.on(self.no_permit)),
            Class::Transient => self
                .wait_after(attempt)
                .map_or(Next::Spent, |wait| Next::Again(jitter.on(wait))),
            Class::Permanent => Next::Never,
            Class::Unknown => Next::Evidence,
        }
    }

    /// True if another attempt may follow attempt `attempt`.
    #[must_use]
    pub fn allows_more_than(&self, attempt: u32) -> bool {
        usize::try_from(attempt).is_ok_and(|attempt| attempt <= self.waits.len())
    }

    fn wait_after(&self, attempt: u32) -> Option<Duration> {
        let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
        self.waits.get(index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds after attempts 1 to 7, or the name of the consequence.
    fn schedule(policy: &RetryPolicy, class: Class) -> String {
        let word = |attempt| match policy.after(class, attempt, attempt, Jitter::NONE) {
            Next::GivenBack(wait) => format!("({})", wait.as_secs()),
            Next::Again(wait) => wait.as_secs().to_string(),
            Next::Spent => "spent".to_owned(),
            Next::Never => "never".to_owned(),
            Next::Evidence => "evidence".to_owned(),
        };
        (1..=7).map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_schedule_follows_the_table() {
        let policy = RetryPolicy::standard();
        let table = [
            (Class::Throttled, "(10) (10) (10) (10) (10) (10) (10)"),
            (Class::Quota, "(60) (60) (60) (60) (60) (60) (60)"),
            (Class::Paused, "(60) (60) (60) (60) (60) (60) (60)"),
            (Class::Unreached, "(60) (300) (900) (3600) (14400) (14400) (14400)"),
            (Class::Transient, "60 300 900 3600 14400 spent spent"),
            (Class::Permanent, "never never never never never never never"),
            (
                Class::Unknown,
                "evidence evidence evidence evidence evidence evidence evidence",
            ),
        ];
        for (class, expected) in table {
            assert_eq!(schedule(&policy, class), expected, "{class:?}");
        }
        let allowed: Vec<_> = (0..8).map(|attempt| policy.allows_more_than(attempt)).collect();
        assert_eq!(allowed, [true, true, true, true, true, true, false, false]);
    }

    #[test]
    fn jitter_adds_at_most_a_tenth() {
        let policy = RetryPolicy::standard();
        for random in [0, 1, 500, 1000, 1001, u16::MAX] {
            let jitter = Jitter::from_random(random);
            let Next::Again(wait) = policy.after(Class::Transient, 1, 1, jitter) else {
                panic!("attempt 1 is followed by another");
            };
            assert!(matches!(wait.as_millis(), 60_000..=66_000), "{random}: {wait:?}");
        }
    }

    #[test]
    fn the_table_keeps_its_proportions() {
        assert_eq!(
            RetryPolicy::beginning_with(Duration::from_secs(60)),
            RetryPolicy::standard()
        );
        let quick = RetryPolicy::beginning_with(Duration::from_secs(2));
        assert_eq!(quick.waits, [2, 10, 30, 120, 480].map(Duration::from_secs));
        assert_eq!(quick.throttled, Duration::from_millis(333));
        assert_eq!(quick.no_permit, Duration::from_secs(2));
    }
}
