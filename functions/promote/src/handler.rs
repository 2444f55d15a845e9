//! Lambda handler: runs once a minute, and ignores the content of the event.

use std::time::{Duration, Instant};

use domain::ports::{Accounts, Backlog, Bodies, Clock, DeadLetters, Evidence, PortError, PriorityQueues};

use crate::{PromoteFunction, Store};

/// Carries out one run within `time`.
///
/// # Errors
/// The index could not be read, or its cursor could not be saved. The invocation fails, so that the alarm on
/// errors fires.
pub async fn handle<R, B, L, D, E, A, S>(
    promote: &PromoteFunction<R, B, L, D, E, A, S>,
    time: Duration,
) -> Result<(), PortError>
where
    R: Store,
    B: Bodies,
    L: PriorityQueues + Backlog,
    D: DeadLetters,
    E: Evidence,
    A: Accounts,
    S: Clock,
{
    let began = Instant::now();
    // A tenth of the time is kept for work that is in progress at the deadline.
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
            tracing::error!(target: "mailqueue", duration_ms, error = aws::runtime::telemetry::chain(&error), "a run failed");
            Err(error)
        }
    }
}
