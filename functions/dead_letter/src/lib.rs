//! Turns `failing` into `failed`: the only writer of `failed`.
//!
//! **Role:** behind the dead-letter queue. `send` hands over what it gave up, `promote` what
//! was moved to the dead-letter queue and did not arrive.
//! **Invariant:** a message proves nothing; the record decides. What SQS itself moved here (a
//! send task received too often) leaves the record untouched: the index recovers it.
//! **After a crash:** the message comes again, and the second time changes nothing.
//! **Start reading at** [`process`]; [`handler`] is SQS.

pub mod handler;

use domain::apply::{ApplyError, apply};
use domain::lifecycle::fail;
use domain::ports::rate_limits::RateLimits;
use domain::ports::{EmailKey, EmailRecords};
use domain::record::Status;
use domain::timestamp::Timestamp;
use domain::wire::dead_letter_message::DeadLetterMessage;

/// What became of a message of the dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterOutcome {
    /// The email is `failed` now, or was already.
    Failed,
    /// The record says otherwise, or there is none.
    Stale,
    /// No dead-letter message: a send task that SQS moved here, or nothing of ours.
    NotADeadLetter,
}

/// Carries out one message.
///
/// # Errors
/// When the record could not be read or written: the message must come again.
pub async fn process<R: EmailRecords + RateLimits>(
    records: &R,
    message: &str,
    now: Timestamp,
) -> Result<DeadLetterOutcome, ApplyError> {
    let Some(message) = DeadLetterMessage::parse(message) else {
        return Ok(DeadLetterOutcome::NotADeadLetter);
    };
    let key = EmailKey {
        tenant: message.tenant,
        id: message.id,
    };
    let Some(record) = records.load(&key, now).await? else {
        return Ok(DeadLetterOutcome::Stale);
    };
    let (_, record) = apply(records, record, now, |record| fail(record, message.claim_no, now)).await?;
    let ours = record.status == Status::Failed && record.claim_no == message.claim_no;
    if ours {
        let cause = record.cause.map_or("none", |cause| cause.as_str());
        tracing::info!(target: "mailqueue", id = %record.id, cause, attempts = record.attempts, "an email failed");
    }
    Ok(if ours {
        DeadLetterOutcome::Failed
    } else {
        DeadLetterOutcome::Stale
    })
}
