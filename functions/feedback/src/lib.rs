//! Takes what SES says about emails: that it accepted them, and what became of them.
//!
//! **Role:** behind the queue that SES's events arrive in, by way of SNS.
//! **Invariant:** events come in any order, doubled and late; none of it changes the result.
//! Reads before it writes: most events say nothing new. All that a batch says of one email is
//! taken together, or its events would fight each other for the row.
//! **After a crash:** the events come again.
//! **Start reading at** [`hear`]; [`handler`] is SQS.

pub mod handler;

use domain::apply::{ApplyError, apply};
use domain::lifecycle::{heard, learned};
use domain::ports::{EmailKey, Rows};
use domain::timestamp::Timestamp;
use domain::wire::ses_event::SesEvent;

/// What became of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The row knows what they say.
    Known,
    /// There is no such row.
    NoSuchEmail,
}

/// Carries out events about one email.
///
/// # Errors
/// When the row could not be read or written: the events must come again.
pub async fn hear<R: Rows>(rows: &R, key: &EmailKey, events: &[SesEvent], now: Timestamp) -> Result<Heard, ApplyError> {
    let Some(mut row) = rows.load(key, now).await? else {
        return Ok(Heard::NoSuchEmail);
    };
    for event in events {
        (_, row) = apply(rows, row, now, |row| heard(row, event)).await?;
    }
    apply(rows, row, now, |row| learned(row, events)).await?;
    Ok(Heard::Known)
}
