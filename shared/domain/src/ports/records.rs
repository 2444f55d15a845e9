//! The records of emails.

use super::failure::PortError;
use crate::delivery::policy::Policy;
use crate::delivery::record::EmailRecord;
use crate::id::{EmailKey, QueueKey, TenantId};
use crate::lifecycle::Transition;
use crate::reporting::listing::{Place, Start};
use crate::timestamp::Timestamp;

/// The result of creating a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// The record is new, and durable.
    New,
    /// A record of this id exists already.
    Exists(Box<EmailRecord>),
    /// A record of this id was erased.
    Erased {
        /// SHA-256 of its former content, in hex.
        sha256: String,
    },
}

/// The result of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The record after the claim; the caller may submit until the lease runs out.
    Granted(Box<EmailRecord>),
    /// The current record, or `None` without one.
    Refused(Option<Box<EmailRecord>>),
}

/// The result of writing a transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Written.
    Done,
    /// The condition did not hold. The current record, or `None` without one.
    Moved(Option<Box<EmailRecord>>),
    /// The record's queue has another version than the condition names.
    QueueMoved,
}

/// A transition to write over the record that it was decided on.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordWrite {
    /// The record as it was read.
    pub before: EmailRecord,
    /// The decision.
    pub transition: Transition,
}

impl RecordWrite {
    /// The queue and its version that the transition depends on; `None` if it depends on none.
    #[must_use]
    pub fn queue_state(&self) -> Option<(QueueKey, u64)> {
        let queue_version = self.transition.condition.queue_version()?;
        Some((self.before.queue_key(), queue_version))
    }
}

/// Most transitions of one transaction: DynamoDB's hundred writes, minus the check of the queue.
/// Source: Amazon DynamoDB API reference, `TransactWriteItems`.
pub const WRITES_AT_ONCE: usize = 99;

/// The records of emails.
pub trait EmailRecords: Sync {
    /// Reads many records, in the order of their keys. Missing and unreadable records are left out.
    fn load_many(
        &self,
        keys: &[EmailKey],
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<EmailRecord>, PortError>> + Send;

    /// Reads a record consistently. A record past its `ttl` counts as missing.
    fn load(
        &self,
        key: &EmailKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<EmailRecord>, PortError>> + Send;

    /// Writes a new record. Its content is written separately.
    fn create(&self, record: &EmailRecord, now: Timestamp) -> impl Future<Output = Result<Created, PortError>> + Send;

    /// Claims a record under [`crate::lifecycle::Condition::Claimable`], as [`crate::lifecycle::claim_record`]
    /// describes, without a read before. `nonce` tells a retry of the same call from another claim.
    fn claim(
        &self,
        key: &EmailKey,
        nonce: u64,
        policy: &Policy,
        now: Timestamp,
    ) -> impl Future<Output = Result<Claimed, PortError>> + Send;

    /// Writes the differences between `before` and the transition's record, under its condition.
    fn write(
        &self,
        before: &EmailRecord,
        transition: &Transition,
        now: Timestamp,
    ) -> impl Future<Output = Result<Written, PortError>> + Send;

    /// Writes many transitions as [`Self::write`] does, in few calls; one result for each, in order.
    ///
    /// Transitions that depend on the same state of the same queue share one check of that queue. A refused or failed
    /// transition does not stop the others. No record may occur twice.
    fn write_many(
        &self,
        writes: &[RecordWrite],
        now: Timestamp,
    ) -> impl Future<Output = Vec<Result<Written, PortError>>> + Send;
}

/// The list of a tenant's emails. Reads are not consistent: a new email may be missing, and a listed one may be gone.
pub trait Listing: Sync {
    /// Reads the places of up to `count` emails in the direction of `start`, nearest first. Fewer than `count` mean
    /// the end of the list.
    fn places(
        &self,
        tenant: &TenantId,
        start: Start,
        count: usize,
    ) -> impl Future<Output = Result<Vec<Place>, PortError>> + Send;
}
