//! Takes what SES says about emails: that it accepted them, and what became of them.
//!
//! **Role:** behind the queue that SES's events arrive in, by way of SNS.
//! **Invariant:** events come in any order, doubled and late; none of it changes the result.
//! Reads before it writes: of ten events nine say nothing new.
//! **After a crash:** the event comes again.
//! **Start reading at** [`hear`]; [`handler`] is SQS.

pub mod handler;

use domain::apply::{ApplyError, apply};
use domain::lifecycle::{heard, learned};
use domain::ports::{EmailKey, Rows};
use domain::timestamp::Timestamp;
use domain::wire::ses_event::{SesEvent, SesEventError};

/// What became of an event.
#[derive(Debug)]
pub enum Heard {
    /// The row knows what the event says.
    Known,
    /// There is no such row, or it is another birth of the id.
    NoSuchEmail,
    /// An event of SES that is about no email of this queue, or of a type that says nothing.
    NotOurs(SesEventError),
}

/// Why an event has to come again.
#[derive(Debug, thiserror::Error)]
pub enum HearError {
    /// It cannot be read. It comes again until SQS puts it aside, where a person sees it.
    #[error("a message of the feedback queue cannot be read")]
    Unreadable(#[source] SesEventError),
    /// The row could not be read or written.
    #[error("an event could not be recorded")]
    Apply(#[from] ApplyError),
}

/// Carries out one event.
///
/// # Errors
/// See [`HearError`]: the event must come again.
pub async fn hear<R: Rows>(rows: &R, message: &str, now: Timestamp) -> Result<Heard, HearError> {
    let event = match SesEvent::parse(message) {
        Ok(event) => event,
        Err(error @ (SesEventError::OtherType(_) | SesEventError::Tag(_))) => return Ok(Heard::NotOurs(error)),
        Err(error @ (SesEventError::Malformed(_) | SesEventError::Missing(_))) => {
            return Err(HearError::Unreadable(error));
        }
    };
    let key = EmailKey {
        tenant: event.tenant.clone(),
        id: event.id,
    };
    let row = match rows.load(&key, now).await.map_err(ApplyError::from)? {
        Some(row) if row.born == event.born => row,
        Some(_) | None => return Ok(Heard::NoSuchEmail),
    };
    let (_, row) = apply(rows, row, now, |row| heard(row, &event)).await?;
    apply(rows, row, now, |row| learned(row, &event)).await?;
    Ok(Heard::Known)
}
