//! Erasing an email: what is left of its record, and nothing of its content.
//!
//! **Invariant:** what is left of an email is no record: nobody but [`super::EmailRecords::create`] finds it, which
//! it keeps from accepting a repeated request a second time.

use super::{EmailKey, PortError, Written};
use crate::record::EmailRecord;
use crate::timestamp::Timestamp;

/// What is left of emails that were erased.
pub trait Tombstones: Sync {
    /// Replaces a record by what is left of it, if it is still where the caller has found it. What has been
    /// replaced already is done.
    fn replace_with_tombstone(
        &self,
        before: &EmailRecord,
        now: Timestamp,
    ) -> impl Future<Output = Result<Written, PortError>> + Send;

    /// What was asked for with an email that was erased, within the time that finished emails are kept: the
    /// hash of its request. `None` when no email of this key was.
    fn tombstone(
        &self,
        key: &EmailKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<String>, PortError>> + Send;
}

/// The contents, when they are erased.
pub trait Erasing: Sync {
    /// Erases every content of an email, and every file beside it. To erase what is gone is well, too.
    fn erase(&self, key: &EmailKey) -> impl Future<Output = Result<(), PortError>> + Send;
}
