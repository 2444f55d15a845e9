//! What is left of an erased email: an item under the record's key, so that its idempotency key is not
//! forgotten, and no record.
//!
//! | Attribute | Type | Meaning |
//! |---|---|---|
//! | `pk`, `sk` | S | as the record's |
//! | `v` | N | version of this format: 1 |
//! | `er` | S | the hash of what was asked for, in hex |
//! | `ttl` | N | in seconds: when this, too, is forgotten |
//!
//! **Invariant:** nothing in it says to whom or what was sent. It is in no index, and no condition of a record
//! holds for it: it has no status, claim or count of fates.

use domain::lifecycle::Condition;
use domain::ports::erasure::Tombstones;
use domain::ports::{EmailKey, PortError, Written};
use domain::record::EmailRecord;
use domain::timestamp::Timestamp;

use super::item;
use super::{Table, maybe_record};
use crate::attributes::{self, Item};
use crate::table::{Expression, Outcome, keys};

/// The attribute that makes an item a tombstone.
const ERASED: &str = "er";

/// The content that an erased email had; `None`: the item is no tombstone.
pub(super) fn content_of(item: &Item) -> Option<String> {
    attributes::text(item, ERASED).ok().map(str::to_owned)
}

impl Tombstones for Table {
    async fn bury(&self, before: &EmailRecord, now: Timestamp) -> Result<Written, PortError> {
        const WHAT: &str = "erasing a row";
        let mut tombstone = keys::email(&EmailKey::of(before));
        tombstone.extend([
            ("v".to_owned(), item::version()),
            attributes::s(ERASED, before.body.sha256.clone()),
            attributes::n("ttl", self.ttl(now)),
        ]);
        let mut still = Expression::default();
        still.require(Condition::unmoved(before));
        match self.put_if(tombstone, still, WHAT).await? {
            Outcome::Done(_) => Ok(Written::Done),
            // Its own write, whose answer was lost; or somebody else was first.
            Outcome::Refused(Some(stored)) if content_of(&stored).is_some() => Ok(Written::Done),
            Outcome::Refused(stored) => Ok(Written::Moved(maybe_record(stored, now, WHAT)?)),
        }
    }

    async fn buried(&self, key: &EmailKey, now: Timestamp) -> Result<Option<String>, PortError> {
        let item = self.get(keys::email(key), "looking for an erased row").await?;
        let item = item.filter(|item| !attributes::is_forgotten(item, now));
        Ok(item.as_ref().and_then(content_of))
    }
}

#[cfg(test)]
#[path = "erasure_tests.rs"]
mod tests;
