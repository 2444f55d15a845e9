//! Erasing an email: a tombstone replaces its record, and its content is deleted.
//!
//! **Invariant:** a tombstone is no record. Only [`super::EmailRecords::create`] finds it, so that a repeated request
//! is not accepted a second time.

use super::failure::PortError;
use super::records::Written;
use crate::delivery::record::EmailRecord;
use crate::id::EmailKey;
use crate::timestamp::Timestamp;

/// The tombstones of erased emails.
pub trait Tombstones: Sync {
    /// Replaces a record by a tombstone, if it is still as the caller read it. An existing tombstone counts as
    /// success.
    fn replace_with_tombstone(
        &self,
        before: &EmailRecord,
        now: Timestamp,
    ) -> impl Future<Output = Result<Written, PortError>> + Send;

    /// The hash of an erased email's request, within the retention of finished emails. `None` if no email of this key
    /// was erased.
    fn tombstone(
        &self,
        key: &EmailKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<String>, PortError>> + Send;
}

/// The erasure of contents.
pub trait Erasing: Sync {
    /// Erases every content of an email, and every file beside it. Erasing missing ones succeeds, too.
    fn erase(&self, key: &EmailKey) -> impl Future<Output = Result<(), PortError>> + Send;
}
