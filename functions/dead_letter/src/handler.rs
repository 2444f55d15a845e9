//! SQS handler: takes a batch of dead-letter messages, and returns those that must be delivered again.

use std::time::{Duration, Instant};

use aws::runtime::telemetry;
use aws::sqs::batch::{self, AllFailed};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::ports::rate_limits::RateLimits;
use domain::ports::{Clock, EmailRecords};

use crate::{DeadLetterOutcome, process};

/// Carries out a batch within `time`.
///
/// # Errors
/// Every record failed.
pub async fn handle<R: EmailRecords + RateLimits, S: Clock>(
    records: &R,
    system: &S,
    event: SqsEvent,
    time: Duration,
) -> Result<SqsBatchResponse, AllFailed> {
    let began = Instant::now();
    let messages = batch::messages(event);
    let results = batch::work_off(&messages, time, |message| async move {
        process(records, &message.body, system.now()).await
    })
    .await;
    let count = |wanted: DeadLetterOutcome| {
        results
            .iter()
            .filter(|result| result.as_ref().is_ok_and(|got| *got == wanted))
            .count()
    };
    tracing::info!(
        target: "mailqueue",
        records = messages.len(),
        failed_emails = count(DeadLetterOutcome::Failed),
        stale = count(DeadLetterOutcome::Stale),
        moved_by_sqs = count(DeadLetterOutcome::NotADeadLetter),
        duration_ms = telemetry::elapsed_ms(began),
        "batch processed"
    );
    let failed: Vec<_> = batch::log_failed_messages(&messages, &results).collect();
    batch::answer(messages.len(), &failed, &[])
}
