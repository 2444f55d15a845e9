//! Handler of the table's stream: counts a whole batch of changes, or lets it be delivered again.

use std::time::{Duration, Instant};

use aws::runtime::telemetry;
use aws::storage::changes;
use domain::ports::{PortError, Random, Tallies};
use serde_json::Value;

use crate::TallyFunction;

/// Reason why a batch is delivered again.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Some of its changes are not counted.
    #[error("a batch could not be counted")]
    Tally(#[from] PortError),
    /// The time of the invocation was nearly over.
    #[error("a batch was not counted in time")]
    OutOfTime,
}

/// Counts a batch within `time`. An unreadable record is skipped: a retry would never read it, and it would
/// block all later records.
///
/// # Errors
/// The batch must be delivered again, in any split: the counted changes are known.
pub async fn handle<C: Tallies, S: Random>(
    tally: &TallyFunction<C, S>,
    event: &Value,
    time: Duration,
) -> Result<(), BatchError> {
    let began = Instant::now();
    let records = event
        .get("Records")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let (mut changes, mut unreadable) = (Vec::new(), 0_u32);
    for record in records {
        match changes::read(record) {
            Ok(change) => changes.extend(change),
            Err(error) => {
                unreadable = unreadable.saturating_add(1);
                let sequence = changes::sequence_number(record);
                let error = telemetry::chain(&error);
                tracing::error!(sequence, error, "a change cannot be read and is not counted");
            }
        }
    }
    let counted = tokio::time::timeout(time, tally.count(&changes)).await;
    let report = counted.map_err(|_| BatchError::OutOfTime)??;
    tracing::info!(
        target: "mailqueue",
        records = records.len(),
        changes = changes.len(),
        unreadable,
        written = report.written,
        refused = report.refused,
        known = report.known,
        duration_ms = telemetry::elapsed_ms(began),
        "counted"
    );
    Ok(())
}
