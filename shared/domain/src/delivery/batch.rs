//! The record of a batch: the request that used its idempotency key.
//!
//! **Role:** written by `enqueue` before the batch's emails; a later retry of one of its emails extends its retention.
//! **Invariant:** pure. No two batches have an email of the same id, because each id contains the start of its batch.
//! **Start reading at** [`BatchRecord::may_complete`].

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::id::{EmailId, TenantId};
use crate::limits;
use crate::timestamp::Timestamp;

/// The longest time between the expiry of an email and its end. Our choice: an uncertain email ends within six hours;
/// a week covers a deployment that stood still.
pub const ENDS_WITHIN: Duration = Duration::from_secs(7 * 86_400);

/// The name of a batch: the hash of its idempotency key. The key itself may hold personal data and is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId([u8; 32]);

impl BatchId {
    /// The name of the batch with this idempotency key.
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// The name as bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the bytes of a name.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// 64 hex digits.
impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The stored state of a batch with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRecord {
    /// The hash of the request.
    pub hash: String,
    /// The refused items, for the answer to a repeated request.
    pub errors: Vec<ItemError>,
    /// The start of the batch; absent in a record of an earlier version.
    pub begun: Option<BatchStart>,
}

/// An invalid item of a permissive batch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemError {
    /// The index of the item in the request, starting at 0.
    pub index: usize,
    /// The problem. Its path is relative to the item.
    pub message: String,
}

/// The start of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchStart {
    /// The time of the first request.
    pub at: Timestamp,
    /// The retention of finished emails at that time.
    pub retention: Duration,
    /// The ids of the emails contain the start. False for a batch of an earlier version.
    pub in_ids: bool,
}

impl BatchRecord {
    /// The id of the batch's email at this index of the request, which has this key.
    #[must_use]
    pub fn email_id(&self, tenant: &TenantId, key: &str, index: usize) -> EmailId {
        match self.begun {
            Some(begun) if begun.in_ids => EmailId::from_begun_batch(tenant, key, begun.at, index),
            Some(_) | None => EmailId::from_batch_key(tenant, key, index),
        }
    }

    /// True if a missing email of the batch was surely never stored, so that a repeated request may store it.
    ///
    /// A stored email is kept at least for the retention, counted from the start. Later nobody knows whether a missing
    /// email was sent, and storing it might send it twice. `retention`: the retention of finished emails at `now`.
    #[must_use]
    pub fn may_complete(&self, retention: Duration, now: Timestamp) -> bool {
        self.begun.is_none_or(|begun| {
            let retention = retention.min(begun.retention);
            now.after(limits::CLOCKS_APART) < begun.at.after(retention)
        })
    }
}

/// The end of a batch record's retention, from the expiry of its last email.
#[must_use]
pub fn keep_until(last_expires_at: Timestamp, retention: Duration) -> Timestamp {
    last_expires_at.after(ENDS_WITHIN).after(retention)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn begun(at: Timestamp, retention: Duration) -> BatchRecord {
        BatchRecord {
            hash: String::new(),
            errors: Vec::new(),
            begun: Some(BatchStart {
                at,
                retention,
                in_ids: true,
            }),
        }
    }

    #[test]
    fn the_ids_of_an_earlier_version_stay() {
        let (tenant, start) = (TenantId::main(), Timestamp::from_millis(7));
        let record = begun(start, DAY);
        assert_eq!(
            record.email_id(&tenant, "k", 3),
            EmailId::from_begun_batch(&tenant, "k", start, 3)
        );
        let begun = record.begun.map(|begun| BatchStart { in_ids: false, ..begun });
        for begun in [begun, None] {
            let earlier = BatchRecord {
                begun,
                ..record.clone()
            };
            let id = earlier.email_id(&tenant, "k", 3);
            assert_eq!(id, EmailId::from_batch_key(&tenant, "k", 3));
        }
    }

    #[test]
    fn a_batch_completes_within_the_retention() {
        let start = Timestamp::from_millis(0);
        let record = begun(start, DAY * 30);
        let deadline = start.after(DAY * 30).before(limits::CLOCKS_APART);
        let just_before = deadline.before(Duration::from_millis(1));
        assert!(record.may_complete(DAY * 30, just_before));
        assert!(!record.may_complete(DAY * 30, deadline));
        // Of the old and the current retention, the shorter one applies.
        assert!(!record.may_complete(DAY, start.after(DAY)));
        assert!(!begun(start, DAY).may_complete(DAY * 30, start.after(DAY)));
        let of_before = BatchRecord { begun: None, ..record };
        assert!(of_before.may_complete(DAY, deadline));
    }

    #[test]
    fn the_record_outlives_the_last_email() {
        let expires_at = Timestamp::from_millis(5);
        assert_eq!(keep_until(expires_at, DAY), expires_at.after(DAY).after(ENDS_WITHIN));
    }

    #[test]
    fn a_batch_is_named_by_the_hash_of_its_key() {
        let id = BatchId::of("order");
        assert_eq!(id.to_string(), crate::message::email::sha256_hex(b"order"));
        assert_eq!(BatchId::from_bytes(id.as_bytes()), Some(id));
        assert_eq!(BatchId::from_bytes(b"short"), None);
    }
}
