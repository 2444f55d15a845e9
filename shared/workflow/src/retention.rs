//! Extends the retention of everything that an email needs: its content, its files and its batch's record.
//!
//! **Role:** called before the write of a record that is to be sent again, because that email needs its content.

use std::time::Duration;

use domain::delivery::batch;
use domain::delivery::record::EmailRecord;
use domain::message::attachment::Data;
use domain::message::email::EmailContent;
use domain::ports::{Batches, Bodies, PortError};
use domain::timestamp::Timestamp;

/// Retains everything for a record until at least `retention` after its expiry. `false` if something is gone. A
/// content that cannot be read has no files to send.
///
/// # Errors
/// Something could not be retained; earlier extensions stay.
pub async fn extend_retention<R: Batches, B: Bodies>(
    records: &R,
    bodies: &B,
    record: &EmailRecord,
    retention: Duration,
    now: Timestamp,
) -> Result<bool, PortError> {
    let (key, keep_until) = (record.email_key(), record.expires_at.after(retention));
    if !bodies.extend_retention(&key, &record.body, keep_until, now).await? {
        return Ok(false);
    }
    let content = bodies.load(&key, &record.body).await?;
    let email = content.and_then(|content| EmailContent::from_body(&content).ok());
    for file in email.iter().flat_map(EmailContent::attachments) {
        if let Data::Uploaded { id, .. } = *file.data()
            && !bodies.keep_file(&key, &record.body, id, keep_until, now).await?
        {
            return Ok(false);
        }
    }
    if let Some(id) = &record.batch {
        let keep_until = batch::keep_until(record.expires_at, retention);
        records.keep_batch(&record.tenant, id, keep_until).await?;
    }
    Ok(true)
}
