//! Lambda: once a minute; what the event says does not matter.

use std::time::{Duration, Instant};

use domain::ports::{Accounts, Backlog, Bodies, Clock, DeadLetters, Evidence, Lanes, PortError};

use crate::{Promote, Store};

/// Carries out one run within `time`.
///
/// # Errors
/// When the index could not be read or its cursor not be saved: the invocation fails, so that
/// the alarm on errors tells.
pub async fn handle<R, B, L, D, E, A, S>(
    promote: &Promote<R, B, L, D, E, A, S>,
    time: Duration,
) -> Result<(), PortError>
where
    R: Store,
    B: Bodies,
    L: Lanes + Backlog,
    D: DeadLetters,
    E: Evidence,
    A: Accounts,
    S: Clock,
{
    let began = Instant::now();
    // What is begun when the time is over still needs a while: a tenth is kept for it.
    let result = promote.run(began + time.mul_f64(0.9)).await;
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match result {
        Ok(done) => {
            tracing::info!(
                target: "mailqueue",
                enqueued = done.enqueued,
                recovered = done.recovered,
                failed = done.failed,
                unfinished = done.unfinished,
                duration_ms,
                "promoted"
            );
            Ok(())
        }
        Err(error) => {
            tracing::error!(target: "mailqueue", duration_ms, error = aws::telemetry::chain(&error), "a run failed");
            Err(error)
        }
    }
}
