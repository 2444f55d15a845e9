//! Turns `failing` into `failed`: the only writer of `failed`.
//!
//! **Role:** behind the dead-letter queue. `send` hands over what it gave up, `promote` what
//! was handed over and did not arrive.
//! **Invariant:** a message proves nothing; the record decides. What SQS itself moved here (a
//! wake-up received too often) leaves the record untouched: the index recovers it.
//! **After a crash:** the message comes again, and the second time changes nothing.
//! **Start reading at** [`bury`]; [`handler`] is SQS.

pub mod handler;

use domain::apply::{ApplyError, apply};
use domain::lifecycle::handed_over;
use domain::ports::rate_limits::RateLimits;
use domain::ports::{EmailKey, EmailRecords};
use domain::record::Status;
use domain::timestamp::Timestamp;
use domain::wire::hand_over::HandOver;

/// What became of a message of the dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buried {
    /// The email is `failed` now, or was already.
    Failed,
    /// The record says otherwise, or there is none.
    Stale,
    /// No hand-over: a wake-up that SQS moved here, or nothing of ours.
    NotAHandOver,
}

/// Carries out one message.
///
/// # Errors
/// When the record could not be read or written: the message must come again.
pub async fn bury<R: EmailRecords + RateLimits>(
    records: &R,
    message: &str,
    now: Timestamp,
) -> Result<Buried, ApplyError> {
    let Some(message) = HandOver::parse(message) else {
        return Ok(Buried::NotAHandOver);
    };
    let key = EmailKey {
        tenant: message.tenant,
        id: message.id,
    };
    let Some(record) = records.load(&key, now).await? else {
        return Ok(Buried::Stale);
    };
    let (_, record) = apply(records, record, now, |record| {
        handed_over(record, message.claim_no, now)
    })
    .await?;
    let ours = record.status == Status::Failed && record.claim_no == message.claim_no;
    if ours {
        let cause = record.cause.map_or("none", |cause| cause.as_str());
        tracing::info!(target: "mailqueue", id = %record.id, cause, attempts = record.attempts, "an email failed");
    }
    Ok(if ours { Buried::Failed } else { Buried::Stale })
}
