//! SQS: a batch of SES's events in, the ones that must come again out.

use std::time::{Duration, Instant};

use aws::batch;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::ports::{Clock, Rows};

use crate::{Heard, hear};

/// Carries out a batch within `time`.
pub async fn handle<R: Rows, S: Clock>(rows: &R, system: &S, event: SqsEvent, time: Duration) -> SqsBatchResponse {
    let began = Instant::now();
    let records = batch::records(event);
    let results = batch::work_off(&records, time, |record| async move {
        hear(rows, &record.body, system.now()).await
    })
    .await;
    let (mut known, mut strange) = (0_usize, 0_usize);
    for heard in results.iter().flatten() {
        match heard {
            Heard::Known => known += 1,
            Heard::NoSuchEmail => strange += 1,
            Heard::NotOurs(error) => {
                strange += 1;
                tracing::warn!(%error, "an event is about no email of this queue");
            }
        }
    }
    tracing::info!(
        target: "mailqueue",
        records = records.len(),
        known,
        strange,
        duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "worked off"
    );
    batch::come_again(batch::failed(&records, &results))
}
