//! Turns `failing` into `failed`: the only writer of `failed`.
//!
//! **Role:** consumes the dead-letter queue. `send` moves `failing` emails there, and `promote` repeats a move
//! that did not arrive.
//! **Invariant:** a message proves nothing; the record decides. SQS itself moves send tasks here after too many
//! receives. Such a message leaves the record unchanged: `promote` finds it in the due index.
//! **After a crash:** the message is delivered again, and the second time changes nothing.
//! **Start reading at** [`process`]; [`handler`] is SQS.

pub mod handler;
pub mod settings;

use aws::runtime::metrics;
use domain::delivery::dead_letter_message::DeadLetterMessage;
use domain::delivery::record::RecordStatus;
use domain::id::EmailKey;
use domain::lifecycle::fail;
use domain::ports::EmailRecords;
use domain::ports::rate_limits::RateLimits;
use domain::timestamp::Timestamp;
use workflow::apply::{ApplyError, apply};

/// Outcome of a message of the dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterOutcome {
    /// The email is `failed`, now or already before.
    Failed,
    /// The record is in another state, or does not exist.
    Stale,
    /// No dead-letter message: a send task that SQS moved here, or a foreign message.
    NotADeadLetter,
}

/// Carries out one message.
///
/// # Errors
/// The record could not be read or written: the message must be delivered again.
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
    let ours = record.status == RecordStatus::Failed && record.claim_no == message.claim_no;
    if ours {
        metrics::email_failed(&record);
    }
    Ok(if ours {
        DeadLetterOutcome::Failed
    } else {
        DeadLetterOutcome::Stale
    })
}
