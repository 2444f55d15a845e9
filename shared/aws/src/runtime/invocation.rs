//! Invocations of an event function, and the time that each has left.
//!
//! **Start reading at** [`run`]; the HTTP API runs its functions in [`crate::http::gateway`].

use std::time::Duration;

use domain::ports::Clock;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::runtime::system::System;

/// Part of an invocation's time that is reserved for the report of a batch.
const LAST_WORDS: Duration = Duration::from_millis(1500);

/// Smallest deadline that is a date: the year 2001, in milliseconds. As a duration it would be 31 years.
const FIRST_DATE_MS: u64 = 1_000_000_000_000;

tokio::task_local! {
    /// Deadline of the invocation.
    static END: Instant;
}

/// Handles events until Lambda ends the function. The handler receives the event and the remaining time.
///
/// # Errors
/// Lambda's own API cannot be reached.
pub async fn run<E, T, X, F>(handle: impl Fn(E, Duration) -> F) -> Result<(), Error>
where
    E: DeserializeOwned,
    T: Serialize,
    Error: From<X>,
    F: Future<Output = Result<T, X>>,
{
    let handle = &handle;
    lambda_runtime::run(service_fn(|event: LambdaEvent<E>| async move {
        let time = time_left(event.context.deadline);
        within(time, handle(event.payload, time)).await.map_err(Error::from)
    }))
    .await
}

/// Carries out an invocation within this time: no call in it is repeated after that.
pub async fn within<T>(time: Duration, invocation: impl Future<Output = T>) -> T {
    END.scope(Instant::now() + time, invocation).await
}

/// Returns the deadline of the running invocation; `None` outside of [`within`].
pub(crate) fn end() -> Option<Instant> {
    END.try_with(|end| *end).ok()
}

/// Returns the remaining time of an invocation, by the header `lambda-runtime-deadline-ms`.
///
/// Lambda sends a date, in milliseconds since 1970. `cargo lambda` sends a duration, in milliseconds from now.
/// Source: AWS Lambda Developer Guide, "Runtime API", read 2026-11-28; cargo-lambda 1.9.2 sends `600000` (measured).
#[must_use]
pub fn time_left(deadline_ms: u64) -> Duration {
    left_at(System.now().as_millis(), deadline_ms)
}

/// Returns the remaining time at a given time.
fn left_at(now_ms: i64, deadline_ms: u64) -> Duration {
    let left_ms = if deadline_ms < FIRST_DATE_MS {
        deadline_ms
    } else {
        deadline_ms.saturating_sub(u64::try_from(now_ms).unwrap_or(0))
    };
    Duration::from_millis(left_ms).saturating_sub(LAST_WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-28 00:00:00 UTC.
    const NOW_MS: i64 = 1_795_824_000_000;

    #[test]
    fn a_past_deadline_leaves_no_time() {
        assert_eq!(time_left(0), Duration::ZERO);
        assert_eq!(left_at(NOW_MS, 1_795_823_999_999), Duration::ZERO);
        assert_eq!(left_at(NOW_MS, FIRST_DATE_MS), Duration::ZERO);
    }

    #[test]
    fn a_deadline_of_aws_is_a_date() {
        assert_eq!(left_at(NOW_MS, 1_795_824_060_000), Duration::from_millis(58_500));
    }

    #[test]
    fn a_deadline_of_cargo_lambda_is_a_duration() {
        assert_eq!(left_at(NOW_MS, 600_000), Duration::from_millis(598_500));
        assert_eq!(time_left(600_000), Duration::from_millis(598_500));
        assert_eq!(left_at(NOW_MS, 1_000), Duration::ZERO);
    }
}
