//! Records of emails in DynamoDB: one conditional write per decision.
//!
//! **Role:** carries out the decisions of `domain`; called by every function.
//! **Invariant:** no read precedes a write. A failed condition returns the stored record in the same answer, so
//! that the caller decides again without another call.
//! **Lost answers:** [`Table`] repeats a call whose answer was lost. The repetition recognises its own write: a
//! claim by its nonce, a creation or a transition by an identical record.
//! **Deliberately absent:** trust in DynamoDB's TTL, which deletes days late. A record past its `ttl` does not
//! count as a record.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::ReturnValue;
use domain::delivery::policy::Policy;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::EmailKey;
use domain::lifecycle::Transition;
use domain::ports::{Claimed, Created, EmailRecords, PortError, RecordWrite, WRITES_AT_ONCE, Written};
use domain::timestamp::Timestamp;
use futures::StreamExt;
use futures::stream::iter;

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, ItemError};
use crate::storage::mapping::{attribute, is_forgotten};
use crate::storage::table::{ConditionOutcome, Expression, keys};

pub use crate::storage::table::Table;

mod bare;
mod erasure;
pub(crate) mod expression;
pub(crate) mod gates;
mod groups;
pub(crate) mod hook;
pub(crate) mod item;
mod reading;
#[cfg(test)]
pub(crate) mod samples;
mod stamping;
pub(crate) mod waiting;

/// Number of concurrent single writes in [`EmailRecords::write_many`]. Our choice: a small function handles
/// this many connections.
const AT_ONCE: usize = 50;

impl Table {
    /// Extends the retention of an item other than a record, at least to `ttl`; `false` when it does not exist.
    pub(crate) async fn extend_retention(&self, key: Item, ttl: i64, what: &'static str) -> Result<bool, PortError> {
        let change = Expression::update("SET #ttl = :ttl")
            .when("#ttl < :ttl")
            .with_name("#ttl", "ttl")
            .with_value(":ttl", ttl);
        Ok(match self.update_if(key, change, None, what).await? {
            ConditionOutcome::Done(_) => true,
            // The item is kept for longer already (true), or it is missing (false).
            ConditionOutcome::Refused(stored) => stored.is_some_and(|item| !item.is_empty()),
        })
    }

    /// Stores an item unless its key holds an item that has not expired at `now`; otherwise returns the stored
    /// item.
    pub(crate) async fn put_new(
        &self,
        item: Item,
        now: Timestamp,
        what: &'static str,
    ) -> Result<Option<Item>, PortError> {
        let when = Expression::condition("attribute_not_exists(pk) OR #ttl < :now")
            .with_name("#ttl", "ttl")
            .with_value(":now", now.as_secs());
        match self.put_if(item, when, what).await? {
            ConditionOutcome::Done(_) => Ok(None),
            ConditionOutcome::Refused(stored) => {
                let stored = stored.ok_or(ItemError::Missing("pk"));
                stored.map(Some).map_err(|error| port(what)(error.into()))
            }
        }
    }

    fn ttl(&self, now: Timestamp) -> i64 {
        now.after(self.retention).as_secs()
    }

    fn expression(&self, before: &EmailRecord, transition: &Transition, now: Timestamp) -> Expression {
        let (after, condition) = (&transition.record, transition.condition);
        expression::transition(before, after, condition, self.shards, self.ttl(now))
    }
}

/// Reads a record. An expired record and a tombstone count as none.
fn record(item: &Item, now: Timestamp) -> Result<Option<Box<EmailRecord>>, ItemError> {
    if item.is_empty() || is_forgotten(item, now) || erasure::content_of(item).is_some() {
        return Ok(None);
    }
    item::to_record(item).map(|record| Some(Box::new(record)))
}

fn maybe_record(item: Option<Item>, now: Timestamp, what: &'static str) -> Result<Option<Box<EmailRecord>>, PortError> {
    let read = item.map_or(Ok(None), |item| record(&item, now));
    read.map_err(|error| port(what)(error.into()))
}

impl EmailRecords for Table {
    async fn load(&self, key: &EmailKey, now: Timestamp) -> Result<Option<EmailRecord>, PortError> {
        const WHAT: &str = "reading an email record";
        let item = self.get(keys::email(key), WHAT).await?;
        Ok(maybe_record(item, now, WHAT)?.map(|record| *record))
    }

    async fn load_many(&self, keys: &[EmailKey], now: Timestamp) -> Result<Vec<EmailRecord>, PortError> {
        const WHAT: &str = "reading email records";
        let mut found: HashMap<EmailKey, EmailRecord> = HashMap::new();
        // During a write, an index can name a record twice; DynamoDB refuses a read with duplicate keys.
        let distinct: Vec<_> = keys.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let primary_keys = distinct.into_iter().map(keys::email).collect();
        for item in self.get_many(primary_keys, WHAT).await? {
            match record(&item, now) {
                Ok(Some(record)) => {
                    let (tenant, id) = (record.tenant.clone(), record.id);
                    found.insert(EmailKey { tenant, id }, *record);
                }
                Ok(None) => {}
                Err(error) => {
                    let pk = attribute::<String>(&item, "pk").unwrap_or_default();
                    tracing::error!(pk, %error, "a stored email record cannot be read");
                }
            }
        }
        Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
    }

    async fn create(&self, record: &EmailRecord, now: Timestamp) -> Result<Created, PortError> {
        const WHAT: &str = "creating an email record";
        let item = item::from_record(record, self.shards);
        let Some(stored) = self.put_new(item, now, WHAT).await? else {
            return Ok(Created::New);
        };
        if let Some(sha256) = erasure::content_of(&stored) {
            return Ok(Created::Erased { sha256 });
        }
        // No check of `now`: the condition has just shown that the record has not expired.
        let stored = item::to_record(&stored).map_err(|error| port(WHAT)(error.into()))?;
        if stored == *record {
            return Ok(Created::New);
        }
        Ok(Created::Exists(Box::new(stored)))
    }

    async fn claim(&self, key: &EmailKey, nonce: u64, policy: &Policy, now: Timestamp) -> Result<Claimed, PortError> {
        const WHAT: &str = "claiming an email";
        let update = expression::claim(key.id, policy, nonce, self.shards, now);
        let returns = Some(ReturnValue::AllNew);
        match self.update_if(keys::email(key), update, returns, WHAT).await? {
            ConditionOutcome::Done(item) => match maybe_record(item, now, WHAT)? {
                Some(record) => Ok(Claimed::Granted(record)),
                None => Err(port(WHAT)("DynamoDB answered a claim without the record".into())),
            },
            ConditionOutcome::Refused(item) => match maybe_record(item, now, WHAT)? {
                Some(record) if holds(&record, nonce) => Ok(Claimed::Granted(record)),
                stored => Ok(Claimed::Refused(stored)),
            },
        }
    }

    async fn write(&self, before: &EmailRecord, transition: &Transition, now: Timestamp) -> Result<Written, PortError> {
        const WHAT: &str = "writing a transition";
        if let Some(queue) = transition.condition.queue_version() {
            return self.write_grouped(before, transition, queue, now).await;
        }
        let change = self.expression(before, transition, now);
        let (key, returns) = (keys::email(&before.email_key()), Some(ReturnValue::None));
        match self.update_if(key, change, returns, WHAT).await? {
            ConditionOutcome::Done(_) => Ok(Written::Done),
            ConditionOutcome::Refused(item) => match maybe_record(item, now, WHAT)? {
                Some(stored) if *stored == transition.record => Ok(Written::Done),
                stored => Ok(Written::Moved(stored)),
            },
        }
    }

    async fn write_many(&self, writes: &[RecordWrite], now: Timestamp) -> Vec<Result<Written, PortError>> {
        let (mut alone, mut groups) = (Vec::new(), BTreeMap::<_, Vec<usize>>::new());
        for (place, write) in writes.iter().enumerate() {
            match write.queue_state() {
                Some(state) => groups.entry(state).or_default().push(place),
                None => alone.push(async move {
                    let RecordWrite { before, transition } = write;
                    (place, self.write(before, transition, now).await)
                }),
            }
        }
        let mut results: BTreeMap<usize, _> = iter(alone).buffer_unordered(AT_ONCE).collect().await;
        for ((queue, queue_version), places) in groups {
            for places in places.chunks(WRITES_AT_ONCE) {
                let group: Vec<_> = places.iter().filter_map(|place| writes.get(*place)).collect();
                let written = self.write_group(&queue, queue_version, &group, now).await;
                results.extend(places.iter().copied().zip(written));
            }
        }
        results.into_values().collect()
    }
}

/// Whether the call with this nonce has claimed the record.
fn holds(record: &EmailRecord, nonce: u64) -> bool {
    record.status == RecordStatus::Sending && record.lease.as_ref().is_some_and(|lease| lease.nonce == nonce)
}

#[cfg(test)]
mod read_tests;
#[cfg(test)]
mod stored_tests;
#[cfg(test)]
mod write_tests;
