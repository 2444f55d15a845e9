//! The rows in DynamoDB: one conditional write per decision.
//!
//! **Role:** carries out what `domain` decided; called by every function.
//! **Invariant:** no read before a write. A condition that does not hold brings the stored row
//! back in the same answer, so that the caller decides again without another call.
//! **Lost answers:** the SDK repeats a call whose answer was lost, and then finds its own
//! write. A claim knows it by its nonce, a creation and a transition by the row being exactly
//! what was to be written.
//! **Deliberately absent:** trust in DynamoDB's TTL, which deletes days late: a row past its
//! `ttl` is no row.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update as RowUpdate,
};
use domain::lifecycle::{Policy, Transition};
use domain::ports::{Claimed, Created, EmailKey, PortError, Rows, Written};
use domain::queue::QueueKey;
use domain::row::{Row, Status};
use domain::timestamp::Timestamp;

use crate::attributes::{self, Item, ItemError};
use crate::failure::port;
use crate::queues;
use crate::settings::TableSettings;

mod erasure;
pub(crate) mod expression;
pub(crate) mod item;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod waiting;

use expression::Update;

/// DynamoDB reads at most this many items in one call.
/// Source: Amazon DynamoDB API reference, `BatchGetItem`.
const BATCH_GET: usize = 100;

/// Rounds of a batch read before what is still unread is an error.
const ROUNDS: u32 = 5;

/// The wait after a round that left keys unread, doubled each time.
const PAUSE: Duration = Duration::from_millis(25);

/// The table.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) shards: u16,
    retention: Duration,
}

/// What an attempted update found.
enum Updated {
    /// Written; the item afterwards, if it was asked for.
    Done(Option<Item>),
    /// The condition did not hold; the stored item, if there is one.
    Refused(Option<Item>),
}

impl Table {
    /// Puts a client to a table.
    #[must_use]
    pub fn new(client: Client, settings: &TableSettings) -> Self {
        Self {
            client,
            table: settings.table.clone(),
            shards: settings.shards,
            retention: settings.retention,
        }
    }

    /// Partitions of each kind in the indexes.
    #[must_use]
    pub fn shards(&self) -> u16 {
        self.shards
    }

    /// Reads an item of the table that is not a row, or that there is none.
    pub(crate) async fn get(&self, pk: String, sk: String, what: &'static str) -> Result<Option<Item>, PortError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| port(what)(error.into()))?;
        Ok(answer.item)
    }

    /// Reads those of these items that there are, in no order. No key may be there twice.
    pub(crate) async fn get_many(&self, keys: Vec<Item>, what: &'static str) -> Result<Vec<Item>, PortError> {
        let mut found = Vec::new();
        for chunk in keys.chunks(BATCH_GET) {
            let mut unread = chunk.to_vec();
            let mut pause = PAUSE;
            for round in 0..ROUNDS {
                if round > 0 {
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
                let request = KeysAndAttributes::builder()
                    .set_keys(Some(unread))
                    .consistent_read(true)
                    .build()
                    .map_err(|error| port(what)(error.into()))?;
                let answer = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, request)
                    .send()
                    .await
                    .map_err(|error| port(what)(error.into()))?;
                found.extend(answer.responses.into_iter().flat_map(HashMap::into_values).flatten());
                unread = answer
                    .unprocessed_keys
                    .into_iter()
                    .flat_map(HashMap::into_values)
                    .flat_map(|keys| keys.keys)
                    .collect();
                if unread.is_empty() {
                    break;
                }
            }
            if !unread.is_empty() {
                return Err(port(what)("DynamoDB left keys unread".into()));
            }
        }
        Ok(found)
    }

    /// Reads the first items, at most so many, of a partition whose sort keys begin so.
    pub(crate) async fn beginning_with(
        &self,
        pk: String,
        beginning: &str,
        limit: i32,
        what: &'static str,
    ) -> Result<Vec<Item>, PortError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :beginning)")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":beginning", AttributeValue::S(beginning.to_owned()))
            .consistent_read(true)
            .limit(limit)
            .send()
            .await
            .map_err(|error| port(what)(error.into()))?;
        Ok(answer.items.unwrap_or_default())
    }

    /// Makes the time of an item that is not a row end no earlier than `ttl`; `false` when there
    /// is no such item.
    pub(crate) async fn keep(&self, pk: String, sk: String, ttl: i64, what: &'static str) -> Result<bool, PortError> {
        let kept = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression("SET #ttl = :ttl")
            .condition_expression("#ttl < :ttl")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", AttributeValue::N(ttl.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match kept.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                // Kept for longer already, or not there.
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(refused.item().is_some_and(|item| !item.is_empty()))
                }
                Some(_) | None => Err(port(what)(error.into())),
            },
        }
    }

    /// Writes an item if there is none of its key, or only one whose time is over at `now`;
    /// else returns the one that is there.
    pub(crate) async fn put_new(
        &self,
        item: Item,
        now: Timestamp,
        what: &'static str,
    ) -> Result<Option<Item>, PortError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR #ttl < :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", AttributeValue::N(now.as_secs().to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match put.send().await {
            Ok(_) => return Ok(None),
            Err(error) => error,
        };
        if let Some(PutItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() {
            let there = refused.item.clone().ok_or(ItemError::Missing("pk"));
            return there.map(Some).map_err(|error| port(what)(error.into()));
        }
        Err(port(what)(error.into()))
    }

    /// Sets up the connection to the table and everything that a first call makes, by reading
    /// an item that is not there: half a read unit. Never fails: it only saves time.
    pub async fn warm(&self) {
        let nothing = self.get("warm".to_owned(), "warm".to_owned(), "warming up");
        if let Err(error) = nothing.await {
            tracing::debug!(
                error = crate::telemetry::chain(&error),
                "the table could not be reached at the start"
            );
        }
    }

    async fn update(
        &self,
        key: &EmailKey,
        update: Update,
        what: &'static str,
        answer: ReturnValue,
    ) -> Result<Updated, PortError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::primary_key(key)))
            .set_update_expression(Some(update.update).filter(|update| !update.is_empty()))
            .condition_expression(update.condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
            .return_values(answer)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match result {
            Ok(answer) => return Ok(Updated::Done(answer.attributes)),
            Err(error) => error,
        };
        if let Some(UpdateItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() {
            return Ok(Updated::Refused(refused.item.clone()));
        }
        Err(port(what)(error.into()))
    }

    /// Writes a row while its queue is still in this state: one transaction.
    async fn write_in(
        &self,
        before: &Row,
        after: &Row,
        update: Update,
        queue_no: u64,
        now: Timestamp,
    ) -> Result<Written, PortError> {
        const WHAT: &str = "writing a transition beside its queue";
        const REFUSED: Option<&str> = Some("ConditionalCheckFailed");
        let error = |error| port(WHAT)(error);
        let QueueKey { tenant, name } = QueueKey::of(before);
        let queue = ConditionCheck::builder()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(queues::pk(&tenant)))
            .key("sk", AttributeValue::S(queues::queue_sk(&name)))
            .condition_expression("#no = :no")
            .expression_attribute_names("#no", "no")
            .expression_attribute_values(":no", AttributeValue::N(queue_no.to_string()))
            .build()
            .map_err(|failed| error(failed.into()))?;
        let row = RowUpdate::builder()
            .table_name(&self.table)
            .set_key(Some(item::primary_key(&EmailKey::of(before))))
            .update_expression(update.update)
            .condition_expression(update.condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|failed| error(failed.into()))?;
        let answer = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().condition_check(queue).build())
            .transact_items(TransactWriteItem::builder().update(row).build())
            .send()
            .await;
        let failed = match answer {
            Ok(_) => return Ok(Written::Done),
            Err(failed) => failed,
        };
        if let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = failed.as_service_error() {
            match canceled.cancellation_reasons() {
                [queue, _] if queue.code() == REFUSED => return Ok(Written::QueueMoved),
                [_, stored] if stored.code() == REFUSED => {
                    return Ok(match maybe_row(stored.item.clone(), now, WHAT)? {
                        Some(stored) if *stored == *after => Written::Done,
                        stored => Written::Moved(stored),
                    });
                }
                _ => {}
            }
        }
        Err(error(failed.into()))
    }

    fn ttl(&self, now: Timestamp) -> i64 {
        now.after(self.retention).as_secs()
    }
}

/// Reads a row; one past its time is none, nor is what is left of one.
fn row(item: &Item, now: Timestamp) -> Result<Option<Box<Row>>, ItemError> {
    if item.is_empty() || attributes::is_forgotten(item, now) || erasure::content_of(item).is_some() {
        return Ok(None);
    }
    item::to_row(item).map(|row| Some(Box::new(row)))
}

fn maybe_row(item: Option<Item>, now: Timestamp, what: &'static str) -> Result<Option<Box<Row>>, PortError> {
    let read = item.map_or(Ok(None), |item| row(&item, now));
    read.map_err(|error| port(what)(error.into()))
}

impl Rows for Table {
    async fn load(&self, key: &EmailKey, now: Timestamp) -> Result<Option<Row>, PortError> {
        const WHAT: &str = "reading a row";
        let item = self.get(item::pk(key), item::EMAIL.to_owned(), WHAT).await?;
        Ok(maybe_row(item, now, WHAT)?.map(|row| *row))
    }

    async fn load_many(&self, keys: &[EmailKey], now: Timestamp) -> Result<Vec<Row>, PortError> {
        const WHAT: &str = "reading rows";
        let mut found: HashMap<EmailKey, Row> = HashMap::new();
        // An index that is being written can name a row twice; DynamoDB refuses such a read.
        let distinct: Vec<_> = keys.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let primary_keys = distinct.into_iter().map(item::primary_key).collect();
        for item in self.get_many(primary_keys, WHAT).await? {
            match row(&item, now) {
                Ok(Some(row)) => {
                    let (tenant, id) = (row.tenant.clone(), row.id);
                    found.insert(EmailKey { tenant, id }, *row);
                }
                Ok(None) => {}
                Err(error) => {
                    let pk = attributes::text(&item, "pk").unwrap_or_default();
                    tracing::error!(pk, %error, "a stored row cannot be read");
                }
            }
        }
        Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
    }

    async fn create(&self, row: &Row, now: Timestamp) -> Result<Created, PortError> {
        const WHAT: &str = "creating a row";
        let item = item::from_row(row, self.shards);
        let Some(stored) = self.put_new(item, now, WHAT).await? else {
            return Ok(Created::New);
        };
        if let Some(sha256) = erasure::content_of(&stored) {
            return Ok(Created::Erased { sha256 });
        }
        // `now` is not asked here: the condition has just said that the row is in its time.
        let stored = item::to_row(&stored).map_err(|error| port(WHAT)(error.into()))?;
        if stored == *row {
            return Ok(Created::New);
        }
        Ok(Created::Exists(Box::new(stored)))
    }

    async fn claim(&self, key: &EmailKey, nonce: u64, policy: &Policy, now: Timestamp) -> Result<Claimed, PortError> {
        const WHAT: &str = "claiming a row";
        let update = expression::claim(key.id, policy, nonce, self.shards, now);
        match self.update(key, update, WHAT, ReturnValue::AllNew).await? {
            Updated::Done(item) => match maybe_row(item, now, WHAT)? {
                Some(row) => Ok(Claimed::Granted(row)),
                None => Err(port(WHAT)("DynamoDB answered a claim without the row".into())),
            },
            Updated::Refused(item) => match maybe_row(item, now, WHAT)? {
                Some(row) if holds(&row, nonce) => Ok(Claimed::Granted(row)),
                stored => Ok(Claimed::Refused(stored)),
            },
        }
    }

    async fn write(&self, before: &Row, transition: &Transition, now: Timestamp) -> Result<Written, PortError> {
        const WHAT: &str = "writing a transition";
        let key = EmailKey {
            tenant: before.tenant.clone(),
            id: before.id,
        };
        let after = &transition.row;
        let update = expression::transition(before, after, transition.condition, self.shards, self.ttl(now));
        if let Some(queue_no) = transition.condition.queue_no() {
            return self.write_in(before, after, update, queue_no, now).await;
        }
        match self.update(&key, update, WHAT, ReturnValue::None).await? {
            Updated::Done(_) => Ok(Written::Done),
            Updated::Refused(item) => match maybe_row(item, now, WHAT)? {
                Some(stored) if *stored == *after => Ok(Written::Done),
                stored => Ok(Written::Moved(stored)),
            },
        }
    }
}

/// Whether the row is claimed by the very call that carries this nonce.
fn holds(row: &Row, nonce: u64) -> bool {
    row.status == Status::Sending && row.lease.as_ref().is_some_and(|lease| lease.nonce == nonce)
}

#[cfg(test)]
mod read_tests;
#[cfg(test)]
mod stored_tests;
#[cfg(test)]
mod write_tests;
