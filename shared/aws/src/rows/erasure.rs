//! What is left of an erased email: an item under the row's key, so that its idempotency key is not
//! forgotten, and no row.
//!
//! | Attribute | Type | Meaning |
//! |---|---|---|
//! | `pk`, `sk` | S | as the row's |
//! | `v` | N | version of this format: 1 |
//! | `er` | S | the hash of what was asked for, in hex |
//! | `ttl` | N | in seconds: when this, too, is forgotten |
//!
//! **Invariant:** nothing in it says to whom or what was sent. It is in no index, and no condition of a row
//! holds for it: it has no status, claim or count of fates.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::lifecycle::Condition;
use domain::ports::erasure::Tombstones;
use domain::ports::{EmailKey, PortError, Written};
use domain::row::Row;
use domain::timestamp::Timestamp;

use super::expression::Update;
use super::item;
use super::{Table, maybe_row};
use crate::attributes::{self, Item};
use crate::failure::port;

/// The attribute that makes an item a tombstone.
const ERASED: &str = "er";

/// The content that an erased email had; `None`: the item is no tombstone.
pub(super) fn content_of(item: &Item) -> Option<String> {
    attributes::text(item, ERASED).ok().map(str::to_owned)
}

impl Tombstones for Table {
    async fn bury(&self, before: &Row, now: Timestamp) -> Result<Written, PortError> {
        const WHAT: &str = "erasing a row";
        let mut tombstone = item::primary_key(&EmailKey::of(before));
        tombstone.extend([
            ("v".to_owned(), item::version()),
            attributes::s(ERASED, before.body.sha256.clone()),
            attributes::n("ttl", self.ttl(now)),
        ]);
        let mut still = Update::default();
        still.require(Condition::unmoved(before));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(tombstone))
            .condition_expression(still.condition)
            .set_expression_attribute_names(Some(still.names))
            .set_expression_attribute_values(Some(still.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match put.send().await {
            Ok(_) => return Ok(Written::Done),
            Err(error) => error,
        };
        if let Some(PutItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() {
            return match refused.item() {
                // Its own write, whose answer was lost; or somebody else was first.
                Some(item) if content_of(item).is_some() => Ok(Written::Done),
                stored => Ok(Written::Moved(maybe_row(stored.cloned(), now, WHAT)?)),
            };
        }
        Err(port(WHAT)(error.into()))
    }

    async fn buried(&self, key: &EmailKey, now: Timestamp) -> Result<Option<String>, PortError> {
        let item = self
            .get(item::pk(key), item::EMAIL.to_owned(), "looking for an erased row")
            .await?;
        let item = item.filter(|item| !attributes::is_forgotten(item, now));
        Ok(item.as_ref().and_then(content_of))
    }
}

#[cfg(test)]
#[path = "erasure_tests.rs"]
mod tests;
