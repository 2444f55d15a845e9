//! Makes what an email is sent from live as long as the email will need it.
//!
//! **Role:** called before a row is written that is to be sent again: an email that is to be sent must
//! have something to send.

use crate::attachment::Data;
use crate::email::Email;
use crate::ports::{Bodies, EmailKey, PortError};
use crate::row::Row;
use crate::timestamp::Timestamp;

/// Keeps an email's content and its files until `keep_until` at least; `false` when something is gone.
/// What cannot be read has no files that anybody could send.
///
/// # Errors
/// When something could not be kept; what was kept by then stays so.
pub async fn keep<B: Bodies>(bodies: &B, row: &Row, keep_until: Timestamp, now: Timestamp) -> Result<bool, PortError> {
    let key = EmailKey::of(row);
    if !bodies.keep(&key, &row.body, keep_until, now).await? {
        return Ok(false);
    }
    let content = bodies.load(&key, &row.body).await?;
    let email = content.and_then(|content| Email::from_body(&content).ok());
    for file in email.iter().flat_map(Email::attachments) {
        if let Data::Uploaded { id, .. } = *file.data()
            && !bodies.keep_file(&key, &row.body, id, keep_until, now).await?
        {
            return Ok(false);
        }
    }
    Ok(true)
}
