//! The one back-off of all calls to DynamoDB.
//!
//! **Rule:** a call that surely had no effect (a conflict, throttling) is repeated with jitter for up to
//! [`PATIENCE`], and no longer than the invocation lasts. A call whose outcome is unknown is tried
//! [`UNKNOWN_TRIES`] times. A call that is refused for good is not repeated.
//! **Why not the SDK's retries:** they do not repeat `TransactionConflict`, and they give up on throttling
//! after half a second.

use std::time::Duration;

use domain::ports::{FailureKind, PortError};
use tokio::time::Instant;

/// Longest time that a conflict or throttling is waited out. A new on-demand table doubles its
/// throughput within minutes, and a burst is over sooner. The HTTP API waits 29 seconds for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Tries of a call whose outcome is unknown, the first one included.
pub(crate) const UNKNOWN_TRIES: u32 = 3;

/// Upper bound of the first wait, doubled with each try.
const FIRST: Duration = Duration::from_millis(20);

/// Upper bound of every wait.
const LONGEST: Duration = Duration::from_millis(640);

tokio::task_local! {
    /// The moment at which the invocation has to be done.
    static INVOCATION_END: Instant;
}

/// Carries out an invocation that has so much time: no call in it is repeated beyond that time.
pub async fn within<T>(time: Duration, invocation: impl Future<Output = T>) -> T {
    INVOCATION_END.scope(Instant::now() + time, invocation).await
}

/// The tries of one call.
#[derive(Debug)]
pub(crate) struct Retry {
    end: Instant,
    longest_wait: Duration,
    unknown: u32,
}

impl Retry {
    /// The first try begins now.
    pub(crate) fn begin() -> Self {
        let end = Instant::now() + PATIENCE;
        let invocation_end = INVOCATION_END.try_with(|end| *end);
        Self {
            end: invocation_end.map_or(end, |invocation_end| invocation_end.min(end)),
            longest_wait: FIRST,
            unknown: 0,
        }
    }

    /// Waits until the call may be tried again.
    ///
    /// # Errors
    /// The failure when there is no further try. It is [`FailureKind::Unknown`] if any try was, because
    /// that one may have taken effect.
    pub(crate) async fn after(&mut self, mut error: PortError) -> Result<(), PortError> {
        let goes_on = match error.kind {
            FailureKind::Conflict | FailureKind::Throttled => true,
            FailureKind::Unknown => {
                self.unknown += 1;
                self.unknown < UNKNOWN_TRIES
            }
            FailureKind::Permanent => false,
        };
        let wait = full_jitter(self.longest_wait);
        if !goes_on || Instant::now() + wait >= self.end {
            if self.unknown > 0 {
                error.kind = FailureKind::Unknown;
            }
            return Err(error);
        }
        self.longest_wait = self.longest_wait.saturating_mul(2).min(LONGEST);
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// A random part of `longest`, so that writers that met once do not meet again.
/// Source: AWS Architecture Blog, "Exponential Backoff And Jitter" ("full jitter").
fn full_jitter(longest: Duration) -> Duration {
    // Without randomness the whole wait is as good.
    let share = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
    longest.mul_f64(share)
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

    /// How long a call that always fails so is tried, how often, and the kind that is reported.
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
    async fn a_passing_refusal_is_waited_out_for_twenty_seconds() {
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
    async fn a_lasting_refusal_is_not_tried_again() {
        assert_eq!(
            tried(&[FailureKind::Permanent]).await,
            (Duration::ZERO, 1, FailureKind::Permanent)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_unknown_outcome_makes_the_whole_call_unknown() {
        let (_, _, reported) = tried(&[FailureKind::Unknown, FailureKind::Throttled, FailureKind::Permanent]).await;
        assert_eq!(reported, FailureKind::Unknown);
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_is_repeated_beyond_its_invocation() {
        let (waited, _, reported) = within(Duration::from_secs(3), tried(&[FailureKind::Throttled])).await;
        assert!(waited <= Duration::from_secs(3), "{waited:?}");
        assert!(waited > Duration::from_secs(2), "{waited:?}");
        assert_eq!(reported, FailureKind::Throttled);
    }
}
