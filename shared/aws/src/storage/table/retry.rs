//! The only back-off of all calls to DynamoDB.
//!
//! **Rule:** a call that surely had no effect (a conflict, throttling) is repeated with jitter for up to
//! [`PATIENCE`]. Repetition ends with the invocation. A call with an unknown outcome is tried
//! [`UNKNOWN_TRIES`] times. A permanent refusal is not repeated.
//! **Why not the SDK's retries:** they do not repeat `TransactionConflict`, and they give up on throttling
//! after half a second.

use std::time::Duration;

use domain::ports::{Backoff, FailureKind, PortError};
use tokio::time::Instant;

use crate::runtime::invocation;

/// Longest time for retries of a conflict or throttling. A new on-demand table doubles its throughput within
/// minutes, and a burst ends sooner. The HTTP API waits 29 seconds for a response.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Attempts of a call with an unknown outcome, including the first.
pub(crate) const UNKNOWN_TRIES: u32 = 3;

/// Upper bound of the first wait.
const FIRST: Duration = Duration::from_millis(20);

/// Upper bound of every wait.
const LONGEST: Duration = Duration::from_millis(640);

/// Attempts of one call.
#[derive(Debug)]
pub(crate) struct Retry {
    end: Instant,
    backoff: Backoff,
    unknown: u32,
}

impl Retry {
    /// Begins with the first attempt.
    pub(crate) fn begin() -> Self {
        let end = Instant::now() + PATIENCE;
        Self {
            end: invocation::end().map_or(end, |invocation_end| invocation_end.min(end)),
            backoff: Backoff::new(FIRST, LONGEST),
            unknown: 0,
        }
    }

    /// Waits until the call may be tried again.
    ///
    /// # Errors
    /// The failure when no attempt is left. [`FailureKind::Unknown`] if any attempt ended unknown, because that attempt
    /// may have taken effect.
    pub(crate) async fn after(&mut self, mut error: PortError) -> Result<(), PortError> {
        let goes_on = match error.kind {
            FailureKind::Conflict | FailureKind::Throttled => true,
            FailureKind::Unknown => {
                self.unknown += 1;
                self.unknown < UNKNOWN_TRIES
            }
            FailureKind::Permanent | FailureKind::Incomplete => false,
        };
        let wait = self.backoff.wait(getrandom::u64().ok());
        if !goes_on || Instant::now() + wait >= self.end {
            if self.unknown > 0 {
                error.kind = FailureKind::Unknown;
            }
            return Err(error);
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: FailureKind) -> PortError {
        PortError {
            what: "asking",
            kind,
            source: "refused".into(),
        }
    }

    /// Returns how long and how often a constantly failing call is tried, and the reported kind.
    async fn tried(kinds: &[FailureKind]) -> (Duration, u32, FailureKind) {
        let (began, mut retry, mut tries) = (Instant::now(), Retry::begin(), 1);
        let mut kinds = kinds.iter().copied().cycle();
        loop {
            match retry.after(error(kinds.next().unwrap())).await {
                Ok(()) => tries += 1,
                Err(error) => return (began.elapsed(), tries, error.kind),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_transient_refusal_is_retried_for_20_seconds() {
        for kind in [FailureKind::Conflict, FailureKind::Throttled] {
            let (waited, tries, reported) = tried(&[kind]).await;
            assert!(waited > PATIENCE - LONGEST && waited <= PATIENCE, "{waited:?}");
            assert!(tries > 30, "{tries}");
            assert_eq!(reported, kind);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_outcome_is_tried_three_times() {
        let (waited, tries, reported) = tried(&[FailureKind::Unknown]).await;
        assert!(waited < Duration::from_secs(1), "{waited:?}");
        assert_eq!((tries, reported), (UNKNOWN_TRIES, FailureKind::Unknown));
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_refusal_is_not_retried() {
        assert_eq!(
            tried(&[FailureKind::Permanent]).await,
            (Duration::ZERO, 1, FailureKind::Permanent)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_attempt_makes_the_call_unknown() {
        let (_, _, reported) = tried(&[FailureKind::Unknown, FailureKind::Throttled, FailureKind::Permanent]).await;
        assert_eq!(reported, FailureKind::Unknown);
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_is_repeated_beyond_its_invocation() {
        let (waited, _, reported) = invocation::within(Duration::from_secs(3), tried(&[FailureKind::Throttled])).await;
        assert!(waited <= Duration::from_secs(3), "{waited:?}");
        assert!(waited > Duration::from_secs(2), "{waited:?}");
        assert_eq!(reported, FailureKind::Throttled);
    }
}
