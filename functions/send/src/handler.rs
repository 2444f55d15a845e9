//! SQS: a batch of wake-ups in, the ones that must come again out.

use std::time::{Duration, Instant};

use aws::batch::{self, AllFailed, Record};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::ports::{Bodies, Clock, DeadLetters, Provider, Random, Rows};
use domain::wire::wake_up::{WakeUp, WakeUpError};

use crate::{Send, WakeError, Woken};

/// Puts wake-ups back into their lane.
pub trait PutBack {
    /// Makes each be seen again after its time; returns how many could not be put back.
    fn put_back(&self, records: &[(&Record, Duration)]) -> impl Future<Output = usize>;
}

impl PutBack for aws::lanes::LaneQueues {
    fn put_back(&self, records: &[(&Record, Duration)]) -> impl Future<Output = usize> {
        Self::put_back(self, records)
    }
}

/// Why a record fails.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is no wake-up. It comes again until SQS moves it to the dead-letter queue.
    #[error("a message in a lane is no wake-up")]
    NotAWakeUp(#[source] WakeUpError),
    /// It could not be carried out.
    #[error("a wake-up could not be carried out")]
    Wake(#[source] WakeError),
}

/// Carries out a batch within `time`.
///
/// # Errors
/// When every record failed.
pub async fn handle<R, B, D, P, S>(
    send: &Send<R, B, D, P, S>,
    lanes: &impl PutBack,
    event: SqsEvent,
    time: Duration,
) -> Result<SqsBatchResponse, AllFailed>
where
    R: Rows,
    B: Bodies,
    D: DeadLetters,
    P: Provider,
    S: Clock + Random,
{
    let began = Instant::now();
    let records = batch::records(event);
    let results = batch::work_off(&records, time, |record| async move {
        let wake_up = WakeUp::parse(&record.body).map_err(RecordError::NotAWakeUp)?;
        send.wake(wake_up).await.map_err(RecordError::Wake)
    })
    .await;

    let later: Vec<_> = records
        .iter()
        .zip(&results)
        .filter_map(|(record, result)| match result {
            Ok(Woken::Later(delay)) => Some((record, *delay)),
            Ok(Woken::Done) | Err(_) => None,
        })
        .collect();
    let failed: Vec<_> = batch::failed(&records, &results).collect();
    let not_put_back = if later.is_empty() {
        0
    } else {
        lanes.put_back(&later).await
    };
    tracing::info!(
        target: "mailqueue",
        records = records.len(),
        later = later.len(),
        failed = failed.len(),
        not_put_back,
        duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "worked off"
    );
    let later: Vec<_> = later.iter().map(|(record, _)| record.message_id.as_str()).collect();
    batch::answer(records.len(), &failed, &later)
}
