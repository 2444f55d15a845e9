//! Rate limits of queues, one item each, beside their queue.
//!
//! A queue with emails that wait for slots is in the partition `limited` of the index `due`, by the time of
//! `promote`'s next look. Idle queues are never read. The emails wait in partitions of their queue (`paced`).
//!
//! **Invariant:** a change is one conditional write; a refusal returns the current rate limit.
//! **Lost answers:** a call whose answer was lost is repeated. Slots that are reserved twice go unused. A look
//! that finds its own write is refused, and the next run looks again.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::delivery::index;
use domain::delivery::index::DueCursor;
use domain::delivery::rate::{Begin, Micros, Rate};
use domain::delivery::record::DueKind;
use domain::id::QueueKey;
use domain::ports::rate_limits::{IndexRange, RateLimitOutcome, RateLimits, WaitingEmail};
use domain::ports::{DuePage, PortError};
use domain::queue::rate_limit::{RateLimit, RateLimitChange, Release};
use domain::timestamp::Timestamp;
use serde::Deserialize;

use crate::storage::account_rate::micros;
use crate::storage::attributes::{Item, ItemError, digits, parse_sortable};
use crate::storage::due_index::{BEHIND, JUST_BEHIND};
use crate::storage::mapping::{decode, to_value};
use crate::storage::records::waiting;
use crate::storage::table::keys::{self, LIMITED};
use crate::storage::table::{ConditionOutcome, Expression, Table};

/// Stored form of a rate limit, without its key. Only update expressions write it.
#[derive(Deserialize)]
struct StoredLimit {
    /// Recipients in 1000 seconds.
    rate: Option<u64>,
    /// Microseconds since 1970.
    free_at: Option<i64>,
    quiet_since: Option<Timestamp>,
    released_after: Option<String>,
    released_until: Option<String>,
    released_at: Option<Timestamp>,
    /// Number of changes, except changes of the rate and reservations.
    #[serde(rename = "no")]
    version: Option<u64>,
    /// Place in the index `due`, with the time of the next look.
    due_sk: Option<String>,
}

/// Attributes that expressions name.
const RATE: &str = "rate";
const FREE_AT: &str = "free_at";
const QUIET_SINCE: &str = "quiet_since";
const RELEASED_AFTER: &str = "released_after";
const RELEASED_UNTIL: &str = "released_until";
const RELEASED_AT: &str = "released_at";
const VERSION: &str = "no";
const DUE_PK: &str = "due_pk";
const DUE_SK: &str = "due_sk";

/// Returns the sort key of a queue with a look at this time. It is unique, so that pages can begin behind it.
fn check_sk(at: Timestamp, queue: &QueueKey) -> String {
    format!("{}#{}#{}", digits(at), queue.tenant, queue.name)
}

fn read(item: &Item) -> Result<RateLimit, ItemError> {
    let stored: StoredLimit = decode(item)?;
    let check_at = match stored.due_sk {
        Some(sort_key) => Some(parse_sortable(&sort_key).ok_or(ItemError::Malformed(DUE_SK))?),
        None => None,
    };
    let released = match stored.released_at {
        Some(at) => Some(Release {
            after: stored.released_after.unwrap_or_default(),
            until: stored.released_until.ok_or(ItemError::Missing(RELEASED_UNTIL))?,
            at,
        }),
        None => None,
    };
    Ok(RateLimit {
        rate: stored.rate.and_then(Rate::from_millis),
        free_at: stored.free_at.map(Micros),
        check_at,
        quiet_since: stored.quiet_since,
        released,
        version: stored.version.unwrap_or_default(),
    })
}

/// Treats an unreadable item (of a newer version, or edited by hand) as unlimited: the account rate still
/// limits.
fn read_or_unlimited(item: Option<Item>) -> RateLimit {
    read(&item.unwrap_or_default()).unwrap_or_else(|error| {
        tracing::error!(%error, "a stored rate limit cannot be read; only the account's rate limits the queue");
        RateLimit::default()
    })
}

/// An update that is built attribute by attribute.
struct Update<'a> {
    queue: &'a QueueKey,
    expression: Expression,
    set: Vec<String>,
    remove: Vec<String>,
    conditions: Vec<String>,
}

impl<'a> Update<'a> {
    fn of(queue: &'a QueueKey) -> Self {
        Self {
            queue,
            expression: Expression::default(),
            set: Vec::new(),
            remove: Vec::new(),
            conditions: Vec::new(),
        }
    }

    fn name(mut self, attribute: &str) -> Self {
        self.expression = self.expression.with_name(format!("#{attribute}"), attribute);
        self
    }

    fn value(mut self, placeholder: &str, value: AttributeValue) -> Self {
        self.expression = self.expression.with_attribute(placeholder, value);
        self
    }

    fn require(mut self, condition: impl Into<String>) -> Self {
        self.conditions.push(condition.into());
        self
    }

    /// Sets an attribute, or removes it.
    fn set(self, attribute: &str, value: Option<AttributeValue>) -> Self {
        let mut update = self.name(attribute);
        match value {
            Some(value) => {
                update.set.push(format!("#{attribute} = :{attribute}"));
                update = update.value(&format!(":{attribute}"), value);
            }
            None => update.remove.push(format!("#{attribute}")),
        }
        update
    }

    /// Requires an attribute to have a value, or to be absent.
    fn require_equal(self, attribute: &str, value: Option<AttributeValue>) -> Self {
        let update = self.name(attribute);
        match value {
            Some(value) => update
                .value(&format!(":seen_{attribute}"), value)
                .require(format!("#{attribute} = :seen_{attribute}")),
            None => update.require(format!("attribute_not_exists(#{attribute})")),
        }
    }

    /// Requires this version, and writes the next one.
    fn next_version(self, seen: u64) -> Self {
        let stored = (seen > 0).then(|| to_value(seen));
        self.require_equal(VERSION, stored)
            .set(VERSION, Some(to_value(seen.saturating_add(1))))
    }

    /// Sets the time of the next look at the queue.
    fn set_check_at(self, at: Option<Timestamp>) -> Self {
        let queue = self.queue;
        let sort_key = |at| check_sk(at, queue);
        self.set(DUE_PK, at.map(|_| to_value(LIMITED)))
            .set(DUE_SK, at.map(|at| to_value(sort_key(at))))
    }

    fn build(self) -> Expression {
        let parts = [("SET", self.set), ("REMOVE", self.remove)];
        let parts = parts.into_iter().filter(|(_, parts)| !parts.is_empty());
        let parts: Vec<_> = parts
            .map(|(verb, parts)| format!("{verb} {}", parts.join(", ")))
            .collect();
        Expression {
            update: parts.join(" "),
            condition: self.conditions.join(" AND "),
            ..self.expression
        }
    }
}

/// Translates a [`RateLimitChange`] to an expression of DynamoDB.
fn to_expression(queue: &QueueKey, change: &RateLimitChange) -> Expression {
    let update = Update::of(queue);
    match change {
        RateLimitChange::Reserve {
            rate,
            span,
            begin,
            rest_waits,
        } => {
            let update = update
                .require_equal(RATE, Some(to_value(rate.as_millis())))
                .name(DUE_PK)
                .name(QUIET_SINCE)
                .require(format!(
                    "(attribute_not_exists(#{DUE_PK}) OR attribute_exists(#{QUIET_SINCE}))"
                ));
            let mut update = match begin {
                Begin::Here(here) => update
                    .value(":here", to_value(here.0))
                    .require(format!("(attribute_not_exists(#{FREE_AT}) OR #{FREE_AT} < :here)"))
                    .set(FREE_AT, Some(to_value(here.after(*span).0))),
                Begin::AfterReserved { earliest, latest } => {
                    let mut update = update
                        .name(FREE_AT)
                        .value(":earliest", to_value(earliest.0))
                        .value(":latest", to_value(latest.0))
                        .value(":span", to_value(micros(*span)))
                        .require(format!("#{FREE_AT} BETWEEN :earliest AND :latest"));
                    update.set.push(format!("#{FREE_AT} = #{FREE_AT} + :span"));
                    update
                }
            };
            if let Some(now) = rest_waits {
                update = update.set_check_at(Some(*now)).set(QUIET_SINCE, None);
                // Decisions on the earlier rate are refused from now on.
                update = update
                    .name(VERSION)
                    .value(":zero", to_value(0))
                    .value(":one", to_value(1));
                update
                    .set
                    .push(format!("#{VERSION} = if_not_exists(#{VERSION}, :zero) + :one"));
            }
            update.build()
        }
        RateLimitChange::Mark {
            seen,
            check_at,
            quiet_since,
        } => update
            .next_version(*seen)
            .set_check_at(Some(*check_at))
            .set(QUIET_SINCE, quiet_since.map(to_value))
            .build(),
        RateLimitChange::Check { seen, becomes } => {
            let released = becomes.released.as_ref();
            let place = |place: &String| (!place.is_empty()).then(|| to_value(place));
            let free_at = |limit: &RateLimit| limit.free_at.map(|free_at| to_value(free_at.0));
            update
                .next_version(seen.version)
                .require_equal(RATE, seen.rate.map(|rate| to_value(rate.as_millis())))
                .require_equal(FREE_AT, free_at(seen))
                .set(FREE_AT, free_at(becomes))
                .set_check_at(becomes.check_at)
                .set(QUIET_SINCE, becomes.quiet_since.map(to_value))
                .set(RELEASED_AFTER, released.and_then(|released| place(&released.after)))
                .set(RELEASED_UNTIL, released.map(|released| to_value(&released.until)))
                .set(RELEASED_AT, released.map(|released| to_value(released.at)))
                .build()
        }
        RateLimitChange::Rate { rate } => update.set(RATE, rate.map(|rate| to_value(rate.as_millis()))).build(),
    }
}

impl RateLimits for Table {
    async fn rate_limit(&self, queue: &QueueKey) -> Result<RateLimit, PortError> {
        let item = self.get(keys::rate_limit(queue), "reading a rate limit").await?;
        Ok(read_or_unlimited(item))
    }

    async fn change_rate_limit(
        &self,
        queue: &QueueKey,
        change: &RateLimitChange,
    ) -> Result<RateLimitOutcome, PortError> {
        const WHAT: &str = "changing a rate limit";
        let returns = Some(ReturnValue::AllNew);
        let changed = self.update_if(keys::rate_limit(queue), to_expression(queue, change), returns, WHAT);
        Ok(match changed.await? {
            ConditionOutcome::Done(item) => RateLimitOutcome::Done(read_or_unlimited(item)),
            ConditionOutcome::Refused(item) => RateLimitOutcome::Refused(read_or_unlimited(item)),
        })
    }

    async fn queues_to_check(&self, until: Timestamp) -> Result<Vec<QueueKey>, PortError> {
        let (mut queues, mut from) = (Vec::new(), None);
        loop {
            let range = IndexRange {
                after: from,
                until: Some(DueCursor(format!("{}{BEHIND}", digits(until)))),
            };
            let page = self
                .read_range(LIMITED.to_owned(), &range, None, keys::to_rate_limit)
                .await?;
            queues.extend(page.items);
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(queues),
            }
        }
    }

    async fn waiting_emails(
        &self,
        queue: &QueueKey,
        shard: u16,
        range: &IndexRange,
        count: usize,
    ) -> Result<DuePage<WaitingEmail>, PortError> {
        let partition = index::partition(DueKind::RateLimited, queue, shard);
        self.read_range(partition, range, Some(count), |item| {
            waiting::to_waiting_email(item, queue)
        })
        .await
    }
}

impl Table {
    /// Reads a page of a range of a partition.
    async fn read_range<T>(
        &self,
        partition: String,
        range: &IndexRange,
        count: Option<usize>,
        read: impl Fn(&Item) -> Result<T, ItemError>,
    ) -> Result<DuePage<T>, PortError> {
        let after = range.after.as_ref();
        let from = after.map_or_else(|| "0".to_owned(), |after| format!("{}{JUST_BEHIND}", after.0));
        let until = range.until.as_ref();
        let until = until.map_or_else(|| BEHIND.to_string(), |until| until.0.clone());
        self.between(partition, from, until, count, read).await
    }
}

#[cfg(test)]
#[path = "rate_limits_tests.rs"]
mod tests;
