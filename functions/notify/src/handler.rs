//! Handler of the table's stream: tells a batch of changes, and returns the first one that must be delivered again.
//!
//! Lambda continues at that change, with all later ones. Each of them may be told again.
//! Source: AWS Lambda Developer Guide, "Configuring partial batch response with DynamoDB and Lambda".

use std::time::{Duration, Instant};

use aws::runtime::{metrics, telemetry};
use aws::storage::{changes, hook_changes};
use serde::Serialize;
use serde_json::Value;

use crate::{NotifyFunction, Ports};

/// Part of the invocation's time that is reserved for the answer. Our choice: a call ends within it.
const RESERVED: Duration = Duration::from_secs(8);

/// The answer to a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    batch_item_failures: Vec<Failure>,
}

/// The first change that is not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Answer {
    /// The sequence number at which the stream continues; `None` if all changes are told.
    #[must_use]
    pub fn continues_at(&self) -> Option<&str> {
        self.batch_item_failures
            .first()
            .map(|failure| failure.item_identifier.as_str())
    }
}

/// Tells a batch within `time`. An unreadable record is skipped: a retry would never read it, and it would block all
/// later records.
pub async fn handle<P: Ports>(notify: &NotifyFunction<P>, event: &Value, time: Duration) -> Answer {
    let (began, end) = (
        Instant::now(),
        tokio::time::Instant::now() + time.saturating_sub(RESERVED),
    );
    let records = event
        .get("Records")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let (mut told, mut sequences, mut unreadable) = (Vec::new(), Vec::new(), 0_u32);
    for record in records {
        let sequence = changes::sequence_number(record);
        match hook_changes::read(record) {
            Ok(None) => {}
            Ok(Some(change)) => {
                told.push(change);
                sequences.push(sequence);
            }
            Err(error) => {
                unreadable = unreadable.saturating_add(1);
                metrics::change_not_told(&format!("{sequence}: {}", telemetry::chain(&error)));
            }
        }
    }
    let report = notify.tell(&told, end).await;
    let failure = report.first_untold.and_then(|place| sequences.get(place));
    let failures = failure.map(|sequence| Failure {
        item_identifier: (*sequence).to_owned(),
    });
    tracing::info!(
        target: "mailqueue",
        records = records.len(),
        changes = told.len(),
        unreadable,
        given_up = report.given_up,
        events = report.events,
        failed = report.failed,
        duration_ms = telemetry::elapsed_ms(began),
        "told"
    );
    Answer {
        batch_item_failures: failures.into_iter().collect(),
    }
}
