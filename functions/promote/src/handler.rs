//! Lambda handler: runs once a minute, and ignores the content of the event.

use std::time::{Duration, Instant};

use aws::runtime::{metrics, telemetry};
use domain::ports::PortError;

use crate::{Ports, PromoteFunction};

/// Carries out one run within `time`.
///
/// # Errors
/// The index could not be read, or its cursor could not be saved. The invocation fails, so that the alarm on
/// errors fires.
pub async fn handle<P: Ports>(promote: &PromoteFunction<P>, time: Duration) -> Result<(), PortError> {
    let began = Instant::now();
    // A tenth of the time is kept for work that is in progress at the deadline.
    let result = promote.run(began + time.mul_f64(0.9)).await;
    let duration_ms = telemetry::elapsed_ms(began);
    match result {
        Ok(done) => {
            metrics::waiting_emails(done.oldest_due, done.uncertain);
            tracing::info!(
                target: "mailqueue",
                enqueued = done.enqueued,
                recovered = done.recovered,
                deliveries = done.deliveries,
                failed = done.failed,
                unfinished = done.unfinished,
                duration_ms,
                "promoted"
            );
            Ok(())
        }
        Err(error) => {
            tracing::error!(target: "mailqueue", duration_ms, error = telemetry::chain(&error), "a run failed");
            Err(error)
        }
    }
}
