//! Decides when an email that SES did not accept is tried again, and when no more.
//!
//! **Role:** called by [`crate::lifecycle`] after an attempt; calls nothing.
//! **Invariant:** no I/O, no clock, no randomness.

use std::time::Duration;

/// How often, and after which waits, an email is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The wait after attempt 1, 2, ...; one attempt more than there are waits is made.
    pub waits: Vec<Duration>,
    /// The wait after an attempt that was given back, which spends nothing.
    pub given_back: Duration,
}

/// A share of the wait that is added, so that what failed together does not return together.
///
/// Units: thousandths, 0 to 1000; a tenth of the wait at 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter(u16);

impl Jitter {
    /// Nothing added: for tables in tests.
    pub const NONE: Self = Self(0);

    /// Takes any random number.
    #[must_use]
    pub const fn from_random(random: u16) -> Self {
        Self(random % 1001)
    }

    fn on(self, wait: Duration) -> Duration {
        wait.saturating_add(wait.saturating_mul(u32::from(self.0)) / 10_000)
    }
}

impl RetryPolicy {
    /// 1 m, 5 m, 15 m, 1 h, 4 h.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            waits: [60, 300, 900, 3600, 14_400].map(Duration::from_secs).to_vec(),
            given_back: Duration::from_secs(60),
        }
    }

    /// How long to wait after attempt `attempt` (from 1), or `None` when the budget is spent.
    #[must_use]
    pub fn wait_after(&self, attempt: u32, jitter: Jitter) -> Option<Duration> {
        let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
        Some(jitter.on(*self.waits.get(index)?))
    }

    /// How long to wait when the attempt was given back.
    #[must_use]
    pub fn wait_given_back(&self, jitter: Jitter) -> Duration {
        jitter.on(self.given_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_schedule() {
        let policy = RetryPolicy::standard();
        let schedule: Vec<_> = (0..8)
            .map(|n| policy.wait_after(n, Jitter::NONE).map(|w| w.as_secs()))
            .collect();
        assert_eq!(
            schedule,
            [
                None,
                Some(60),
                Some(300),
                Some(900),
                Some(3600),
                Some(14_400),
                None,
                None
            ]
        );
    }

    #[test]
    fn jitter_adds_at_most_a_tenth_and_never_shortens() {
        let policy = RetryPolicy::standard();
        for random in [0, 1, 500, 1000, 1001, u16::MAX] {
            let wait = policy.wait_after(1, Jitter::from_random(random)).map(|w| w.as_millis());
            assert!(matches!(wait, Some(60_000..=66_000)), "{random}: {wait:?}");
        }
    }
}
