//! The table: the only module that calls DynamoDB.
//!
//! **Role:** every adapter of the table uses these operations: `get`, `get_many`, `query`, `put_if`,
//! `update_if`, `delete`, `transact`. Adapters define keys and mappings.
//! **Invariant:** a failed condition is a [`ConditionOutcome`], not an error. The [`FailureKind`] of every error tells
//! whether the call may have taken effect. [`retry`] is the only back-off.
//! **Lost answers:** a call whose answer is lost is repeated, and then finds its own write. The adapter
//! recognises it, because the stored item equals the intended one.
//! Transactions are in [`transaction`].

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure};
use domain::ports::{FailureKind, PortError};

use crate::runtime::failure::{call_error, port};
use crate::runtime::settings::TableSettings;
use crate::storage::attributes::Item;
use crate::storage::records::gates::Gates;

pub(crate) mod door;
pub(crate) mod keys;
pub(crate) mod request;
pub(crate) mod retry;
pub(crate) mod transaction;

pub(crate) use request::{Expression, Query, QueryPage, Write};
use request::{some, text};
use retry::Retry;
pub(crate) use transaction::{Check, Transacted};

/// Maximum number of items per read. Source: Amazon DynamoDB API reference, `BatchGetItem`.
const BATCH_GET: usize = 100;

/// The table.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: String,
    pub(crate) shards: u16,
    pub(crate) retention: Duration,
    pub(crate) gates: Gates,
    /// The registry of sending domains, which a table with a door reads together with each API key.
    pub(crate) door: Option<door::DoorCell>,
}

/// Outcome of a conditional write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ConditionOutcome {
    /// Written; the item afterwards, if requested.
    Done(Option<Item>),
    /// The condition failed; the stored item, if there is one.
    Refused(Option<Item>),
}

impl Table {
    /// Creates the adapter of a client and a table.
    #[must_use]
    pub fn new(client: Client, settings: &TableSettings) -> Self {
        Self {
            client,
            name: settings.table.clone(),
            shards: settings.shards,
            retention: settings.retention,
            gates: Gates::default(),
            door: None,
        }
    }

    /// Another table of this client.
    pub(crate) fn sibling(&self, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..self.clone()
        }
    }

    /// Number of partitions of each kind in the indexes.
    #[must_use]
    pub fn shards(&self) -> u16 {
        self.shards
    }

    /// Connects to the table and initialises the SDK, by reading a missing item: half a read unit. Never fails:
    /// it only saves time.
    pub async fn warm(&self) {
        let nothing = self.get(keys::of("warm", "warm"), "warming up");
        if let Err(error) = nothing.await {
            tracing::debug!(
                error = crate::runtime::telemetry::chain(&error),
                "the table could not be reached at the start"
            );
        }
    }

    /// Reads an item with strong consistency; `None` when it does not exist.
    pub(crate) async fn get(&self, key: Item, what: &'static str) -> Result<Option<Item>, PortError> {
        let call = self.client.get_item().table_name(&self.name);
        let call = call.set_key(Some(key)).consistent_read(true);
        let mut retry = Retry::begin();
        loop {
            match call.clone().send().await {
                Ok(answer) => return Ok(answer.item),
                Err(error) => retry.after(call_error(what)(error)).await?,
            }
        }
    }

    /// Reads the existing items of these keys with strong consistency, in no order. The keys must be distinct.
    pub(crate) async fn get_many(&self, keys: Vec<Item>, what: &'static str) -> Result<Vec<Item>, PortError> {
        self.get_many_of(keys, &[], what).await
    }

    /// Reads like [`Self::get_many`], but only these attributes of each item; all of them if none is named.
    pub(crate) async fn get_many_of(
        &self,
        keys: Vec<Item>,
        attributes: &[&str],
        what: &'static str,
    ) -> Result<Vec<Item>, PortError> {
        let names: HashMap<String, String> = attributes
            .iter()
            .enumerate()
            .map(|(place, name)| (format!("#a{place}"), (*name).to_owned()))
            .collect();
        let projection: Vec<_> = (0..attributes.len()).map(|place| format!("#a{place}")).collect();
        let projection = projection.join(", ");
        let mut found = Vec::new();
        for chunk in keys.chunks(BATCH_GET) {
            let mut unread = chunk.to_vec();
            let mut retry = Retry::begin();
            while !unread.is_empty() {
                let request = KeysAndAttributes::builder()
                    .set_keys(Some(unread.clone()))
                    .consistent_read(true)
                    .set_projection_expression(text(projection.clone()))
                    .set_expression_attribute_names(some(names.clone()))
                    .build()
                    .map_err(|error| port(what)(error.into()))?;
                let call = self.client.batch_get_item().request_items(&self.name, request);
                let error = match call.send().await {
                    Ok(answer) => {
                        found.extend(answer.responses.into_iter().flat_map(HashMap::into_values).flatten());
                        let left = answer.unprocessed_keys.into_iter().flat_map(HashMap::into_values);
                        unread = left.flat_map(|keys| keys.keys).collect();
                        PortError {
                            what,
                            kind: FailureKind::Throttled,
                            source: "DynamoDB returned unprocessed keys".into(),
                        }
                    }
                    Err(error) => call_error(what)(error),
                };
                if !unread.is_empty() {
                    retry.after(error).await?;
                }
            }
        }
        Ok(found)
    }

    /// Reads a page of a query.
    pub(crate) async fn query(&self, query: Query, what: &'static str) -> Result<QueryPage, PortError> {
        let of_table = query.index.is_none();
        let call = self
            .client
            .query()
            .table_name(&self.name)
            .set_index_name(query.index.map(str::to_owned))
            .key_condition_expression(query.keys.condition)
            .set_expression_attribute_names(some(query.keys.names))
            .set_expression_attribute_values(some(query.keys.values))
            .set_consistent_read(of_table.then_some(true))
            .set_scan_index_forward(query.forward)
            .set_projection_expression(query.projection.map(str::to_owned))
            .set_limit(query.limit)
            .set_exclusive_start_key(query.from);
        let mut retry = Retry::begin();
        loop {
            match call.clone().send().await {
                Ok(answer) => {
                    return Ok(QueryPage {
                        items: answer.items.unwrap_or_default(),
                        next: answer.last_evaluated_key.filter(|key| !key.is_empty()),
                    });
                }
                Err(error) => retry.after(call_error(what)(error)).await?,
            }
        }
    }

    /// Reads up to `pages` pages of a query; `None` when there are more.
    pub(crate) async fn query_pages(
        &self,
        mut query: Query,
        pages: usize,
        what: &'static str,
    ) -> Result<Option<Vec<Item>>, PortError> {
        let mut found = Vec::new();
        for _ in 0..pages {
            let page = self.query(query.clone(), what).await?;
            found.extend(page.items);
            if page.next.is_none() {
                return Ok(Some(found));
            }
            query.from = page.next;
        }
        Ok(None)
    }

    /// Stores a whole item, under a condition on the stored one.
    pub(crate) async fn put_if(
        &self,
        item: Item,
        when: Expression,
        what: &'static str,
    ) -> Result<ConditionOutcome, PortError> {
        let condition = text(when.condition);
        let stored = condition
            .is_some()
            .then_some(ReturnValuesOnConditionCheckFailure::AllOld);
        let call = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .set_condition_expression(condition)
            .set_expression_attribute_names(some(when.names))
            .set_expression_attribute_values(some(when.values))
            .set_return_values_on_condition_check_failure(stored);
        let mut retry = Retry::begin();
        loop {
            let error = match call.clone().send().await {
                Ok(_) => return Ok(ConditionOutcome::Done(None)),
                Err(error) => error,
            };
            if let Some(PutItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() {
                return Ok(ConditionOutcome::Refused(refused.item.clone()));
            }
            retry.after(call_error(what)(error)).await?;
        }
    }

    /// Stores a whole item as this version ([`Expression::if_version_before`]); `false` when another write was
    /// faster.
    pub(crate) async fn put_version(&self, item: Item, version: u64, what: &'static str) -> Result<bool, PortError> {
        match self
            .put_if(item.clone(), Expression::if_version_before(version), what)
            .await?
        {
            ConditionOutcome::Done(_) => Ok(true),
            // Refused by this call's own write, whose answer was lost, or by the write of another.
            ConditionOutcome::Refused(stored) => Ok(stored.as_ref() == Some(&item)),
        }
    }

    /// Changes an item under its condition, if it has one. `returns` selects the item in [`ConditionOutcome::Done`].
    pub(crate) async fn update_if(
        &self,
        key: Item,
        change: Expression,
        returns: Option<ReturnValue>,
        what: &'static str,
    ) -> Result<ConditionOutcome, PortError> {
        let condition = text(change.condition);
        let stored = condition
            .is_some()
            .then_some(ReturnValuesOnConditionCheckFailure::AllOld);
        let call = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key))
            .set_update_expression(text(change.update))
            .set_condition_expression(condition)
            .set_expression_attribute_names(some(change.names))
            .set_expression_attribute_values(some(change.values))
            .set_return_values(returns)
            .set_return_values_on_condition_check_failure(stored);
        let mut retry = Retry::begin();
        loop {
            let error = match call.clone().send().await {
                Ok(answer) => return Ok(ConditionOutcome::Done(answer.attributes)),
                Err(error) => error,
            };
            if let Some(UpdateItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() {
                return Ok(ConditionOutcome::Refused(refused.item.clone()));
            }
            retry.after(call_error(what)(error)).await?;
        }
    }

    /// Deletes an item, whether it exists or not.
    pub(crate) async fn delete(&self, key: Item, what: &'static str) -> Result<(), PortError> {
        let call = self.client.delete_item().table_name(&self.name).set_key(Some(key));
        let mut retry = Retry::begin();
        loop {
            match call.clone().send().await {
                Ok(_) => return Ok(()),
                Err(error) => retry.after(call_error(what)(error)).await?,
            }
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
