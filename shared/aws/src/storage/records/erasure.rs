//! Tombstone of an erased email: an item under the record's key that keeps its idempotency key, and is no
//! record.
//!
//! | Attribute | Type | Meaning |
//! |---|---|---|
//! | `pk`, `sk` | S | as the record's |
//! | `v` | N | version of this format: 1 |
//! | `er` | S | the hash of the request, in hex |
//! | `ttl` | N | expiry of the tombstone, in seconds |
//!
//! **Invariant:** it reveals neither recipients nor content. It is in no index, and no condition of a record
//! holds for it: it has no status, claim or count of delivery statuses.

use domain::delivery::record::EmailRecord;
use domain::id::EmailKey;
use domain::lifecycle::Condition;
use domain::ports::erasure::Tombstones;
use domain::ports::{PortError, Written};
use domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use super::item;
use super::{Table, maybe_record};
use crate::storage::attributes::Item;
use crate::storage::mapping::{decode, encode, is_forgotten};
use crate::storage::table::{ConditionOutcome, Expression, keys};

/// Stored form of a tombstone, without its key.
#[derive(Serialize, Deserialize)]
struct StoredTombstone {
    #[serde(default)]
    v: u32,
    er: String,
    #[serde(default)]
    ttl: i64,
}

/// Returns the content's hash of an erased email; `None`: the item is no tombstone.
pub(super) fn content_of(item: &Item) -> Option<String> {
    let tombstone = decode::<StoredTombstone>(item).ok()?;
    Some(tombstone.er)
}

impl Tombstones for Table {
    async fn replace_with_tombstone(&self, before: &EmailRecord, now: Timestamp) -> Result<Written, PortError> {
        const WHAT: &str = "erasing an email record";
        let tombstone = StoredTombstone {
            v: item::VERSION,
            er: before.body.sha256.clone(),
            ttl: self.ttl(now),
        };
        let tombstone = encode(keys::email(&before.email_key()), &tombstone, WHAT)?;
        let mut still = Expression::default();
        still.require(Condition::if_unchanged(before));
        match self.put_if(tombstone, still, WHAT).await? {
            ConditionOutcome::Done(_) => Ok(Written::Done),
            // Refused by this call's own write, whose answer was lost, or by another erasure.
            ConditionOutcome::Refused(Some(stored)) if content_of(&stored).is_some() => Ok(Written::Done),
            ConditionOutcome::Refused(stored) => Ok(Written::Moved(maybe_record(stored, now, WHAT)?)),
        }
    }

    async fn tombstone(&self, key: &EmailKey, now: Timestamp) -> Result<Option<String>, PortError> {
        let item = self.get(keys::email(key), "looking for an erased email").await?;
        let item = item.filter(|item| !is_forgotten(item, now));
        Ok(item.as_ref().and_then(content_of))
    }
}

#[cfg(test)]
#[path = "erasure_tests.rs"]
mod tests;
