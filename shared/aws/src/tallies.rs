//! The counters in the table: added to in one transaction with the marks of what was counted.
//!
//! **Role:** written by `tally`, read by `manage`.
//! **Invariant:** a transaction holds only if each counter was written as often as was read. Every
//! key begins with `tally:`, which no tenant's name does: the role of `tally` may write no others.
//! **Lost answers:** the SDK repeats a transaction with the same token, which DynamoDB knows.
//! **Start reading at** [`address`]; [`domain::tally::portion`] says why it is exact.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem, Update};
use domain::id::{EmailId, TenantId};
use domain::ports::{Counted, Counts, FailuresOfHour, Hours, PortError, Tallies};
use domain::tally::counter::{Counter, Figure, Figures, Level};
use domain::tally::portion::{Fingerprint, Marker, Sequence, Span, Step, Tally, Versions};
use domain::tally::queue_counts::{QueueCounts, Stretch};
use domain::timestamp::Timestamp;
use futures::future::try_join;

use crate::attributes::{self, Item, ItemError, digits, maybe, n, number, s, text};
use crate::failure::port;
use crate::rows::Table;

/// How often a counter was written.
const VERSION: &str = "v";
/// The id of the latest example, and its time in milliseconds.
const LATEST: &str = "x";
const LATEST_AT: &str = "xt";
/// The fingerprints of a marker, eight bytes each.
const FINGERPRINTS: &str = "f";

/// How long the counts of an hour are kept.
const KEEP_HOURS: Duration = Duration::from_secs(400 * 86_400);

/// How long a marker is kept. The stream keeps a change for a day.
/// Source: Amazon DynamoDB Developer Guide, "Change data capture for DynamoDB Streams".
const KEEP_MARKERS: Duration = Duration::from_secs(2 * 86_400);

/// How long the counts of who waits for a time are kept when it is over: nobody reads them then.
const KEEP_WAITING: Duration = Duration::from_secs(86_400);

/// DynamoDB reads at most this many items in one call.
/// Source: Amazon DynamoDB API reference, `BatchGetItem`.
const BATCH_GET: usize = 100;

/// Pages of a megabyte that are read of failures for one answer: about 60,000 counters.
const FAILURE_PAGES: usize = 8;

/// Where a counter is, and when it is forgotten.
struct Address {
    pk: String,
    sk: String,
    ttl: Option<i64>,
}

fn flow_pk(tenant: &TenantId, queue: Option<&str>) -> String {
    format!("tally:flow#{tenant}#{}", queue.unwrap_or("*"))
}

fn queue_pk(tenant: &TenantId, queue: &str) -> String {
    format!("tally:now#{tenant}#{queue}")
}

fn failures_pk(tenant: &TenantId) -> String {
    format!("tally:failures#{tenant}")
}

fn marker_pk(minute: Timestamp) -> String {
    format!("tally:counted#{}", digits(minute))
}

/// The sort key of a queue's standing.
const STANDING: &str = "now";

const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Minute => "minutes",
        Level::Hour => "hours",
        Level::Day => "days",
    }
}

fn stretch_sk(level: Level, begin: Timestamp) -> String {
    format!("{}#{}", level_name(level), digits(begin))
}

fn address(counter: &Counter) -> Address {
    let until = |at: Timestamp, keep: Duration| Some(at.after(keep).as_secs());
    match counter {
        Counter::Flow { tenant, queue, hour } => Address {
            pk: flow_pk(tenant, queue.as_deref()),
            sk: digits(*hour),
            ttl: until(*hour, KEEP_HOURS),
        },
        Counter::Standing { tenant, queue } => Address {
            pk: queue_pk(tenant, queue),
            sk: STANDING.to_owned(),
            ttl: None,
        },
        Counter::Waiting {
            tenant,
            queue,
            level,
            begin,
        } => Address {
            pk: queue_pk(tenant, queue),
            sk: stretch_sk(*level, *begin),
            ttl: until(level.end(*begin), KEEP_WAITING),
        },
        Counter::Failures {
            tenant,
            hour,
            queue,
            cause,
        } => Address {
            pk: failures_pk(tenant),
            sk: format!("{}#{queue}#{}", digits(*hour), cause.as_str()),
            ttl: until(*hour, KEEP_HOURS),
        },
    }
}

fn key(pk: String, sk: String) -> Item {
    HashMap::from([s("pk", pk), s("sk", sk)])
}

/// The figures of a counter; names that nobody knows are of a newer version.
fn figures(item: &Item) -> Figures {
    let figure = |(name, value): (&String, &AttributeValue)| {
        let figure = Figure::parse(name)?;
        Some((figure, value.as_n().ok()?.parse().ok()?))
    };
    item.iter().filter_map(figure).collect()
}

/// One counter's part of a transaction.
fn update(table: &str, step: &Step) -> Result<Update, aws_sdk_dynamodb::error::BuildError> {
    let Address { pk, sk, ttl } = address(&step.counter);
    let mut builder = Update::builder()
        .table_name(table)
        .set_key(Some(key(pk, sk)))
        .expression_attribute_names("#v", VERSION)
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
    builder = if step.seen == 0 {
        builder.condition_expression("attribute_not_exists(#v)")
    } else {
        builder
            .condition_expression("#v = :seen")
            .expression_attribute_values(":seen", AttributeValue::N(step.seen.to_string()))
    };
    let mut added = vec!["#v :one".to_owned()];
    for (figure, by) in step.delta.figures.iter().filter(|(_, by)| **by != 0) {
        let name = figure.name();
        added.push(format!("#{name} :{name}"));
        builder = builder
            .expression_attribute_names(format!("#{name}"), &name)
            .expression_attribute_values(format!(":{name}"), AttributeValue::N(by.to_string()));
    }
    let mut set = Vec::new();
    if let Some(ttl) = ttl {
        set.push("#ttl = :ttl");
        builder = builder
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", AttributeValue::N(ttl.to_string()));
    }
    if let Some((at, id)) = step.delta.latest {
        set.extend(["#x = :x", "#xt = :xt"]);
        builder = builder
            .expression_attribute_names("#x", LATEST)
            .expression_attribute_names("#xt", LATEST_AT)
            .expression_attribute_values(":x", AttributeValue::S(id.to_string()))
            .expression_attribute_values(":xt", AttributeValue::N(at.as_millis().to_string()));
    }
    let set = if set.is_empty() {
        String::new()
    } else {
        format!(" SET {}", set.join(", "))
    };
    builder
        .update_expression(format!("ADD {}{set}", added.join(", ")))
        .build()
}

fn put(table: &str, marker: &Marker) -> Result<Put, aws_sdk_dynamodb::error::BuildError> {
    let bytes: Vec<u8> = marker
        .fingerprints
        .iter()
        .flat_map(|print| print.0.to_be_bytes())
        .collect();
    // Two shards may count the same last number: their changes are others.
    let first = marker.fingerprints.first().map_or(0, |print| print.0);
    let mut item = key(
        marker_pk(marker.minute),
        format!("{}#{first:016x}", marker.last.as_str()),
    );
    item.extend([
        (FINGERPRINTS.to_owned(), AttributeValue::B(Blob::new(bytes))),
        n("ttl", marker.minute.after(KEEP_MARKERS).as_secs()),
    ]);
    let put = Put::builder().table_name(table).set_item(Some(item));
    put.condition_expression("attribute_not_exists(pk)").build()
}

fn transaction(table: &str, tally: &Tally) -> Result<Vec<TransactWriteItem>, aws_sdk_dynamodb::error::BuildError> {
    let steps = tally.steps.iter().map(|step| {
        let item = TransactWriteItem::builder().update(update(table, step)?);
        Ok(item.build())
    });
    let markers = tally.markers.iter().map(|marker| {
        let item = TransactWriteItem::builder().put(put(table, marker)?);
        Ok(item.build())
    });
    steps.chain(markers).collect()
}

/// Whether a transaction was refused for a condition, or for another one at the same moment.
fn is_moved(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(canceled) = error else {
        return false;
    };
    let codes = canceled
        .cancellation_reasons()
        .iter()
        .filter_map(|reason| reason.code());
    let mut reasons = codes.filter(|code| *code != "None").peekable();
    reasons.peek().is_some() && reasons.all(|code| ["ConditionalCheckFailed", "TransactionConflict"].contains(&code))
}

impl Table {
    /// Reads items of the table by their keys, with all that was last written.
    async fn get_all(&self, keys: Vec<Item>, what: &'static str) -> Result<Vec<Item>, PortError> {
        let mut found = Vec::new();
        for chunk in keys.chunks(BATCH_GET) {
            let mut unread = KeysAndAttributes::builder()
                .set_keys(Some(chunk.to_vec()))
                .consistent_read(true)
                .build()
                .map_err(|error| port(what)(error.into()))?;
            loop {
                let call = self.client.batch_get_item().request_items(&self.table, unread);
                let answer = call.send().await.map_err(|error| port(what)(error.into()))?;
                found.extend(answer.responses.unwrap_or_default().into_values().flatten());
                match answer.unprocessed_keys.unwrap_or_default().into_values().next() {
                    Some(left) if left.keys().len() < chunk.len() => unread = left,
                    Some(_) => return Err(port(what)("DynamoDB leaves keys unread".into())),
                    None => break,
                }
            }
        }
        Ok(found)
    }

    /// Reads the items of a partition from one sort key to before another, at most so many pages.
    /// `None`: there are more.
    async fn range(
        &self,
        pk: String,
        (from, until): (String, String),
        pages: usize,
        what: &'static str,
    ) -> Result<Option<Vec<Item>>, PortError> {
        let (mut found, mut start) = (Vec::new(), None);
        for _ in 0..pages {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :until")
                .expression_attribute_values(":pk", AttributeValue::S(pk.clone()))
                .expression_attribute_values(":from", AttributeValue::S(from.clone()))
                .expression_attribute_values(":until", AttributeValue::S(until.clone()))
                .consistent_read(true)
                .set_exclusive_start_key(start);
            let answer = query.send().await.map_err(|error| port(what)(error.into()))?;
            found.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl Tallies for Table {
    async fn versions(&self, counters: &BTreeSet<Counter>) -> Result<Versions, PortError> {
        const WHAT: &str = "reading the counters' versions";
        let addresses = counters.iter().map(|counter| (address(counter), counter));
        let by_key: HashMap<(String, String), &Counter> = addresses
            .map(|(address, counter)| ((address.pk, address.sk), counter))
            .collect();
        let keys = by_key.keys().map(|(pk, sk)| key(pk.clone(), sk.clone())).collect();
        let mut versions = Versions::new();
        for item in self.get_all(keys, WHAT).await? {
            let version = || {
                let key = (text(&item, "pk")?.to_owned(), text(&item, "sk")?.to_owned());
                Ok((by_key.get(&key).copied(), number(&item, VERSION)?))
            };
            let (counter, version) = version().map_err(|error: ItemError| port(WHAT)(error.into()))?;
            versions.extend(counter.map(|counter| (counter.clone(), version)));
        }
        Ok(versions)
    }

    async fn marked(&self, span: &Span) -> Result<Vec<Fingerprint>, PortError> {
        const WHAT: &str = "reading what is counted";
        let range = (span.first.as_str().to_owned(), Sequence::END.to_owned());
        let markers = self.range(marker_pk(span.minute), range, usize::MAX, WHAT).await?;
        let mut marked = Vec::new();
        for marker in markers.unwrap_or_default() {
            let Some(AttributeValue::B(bytes)) = marker.get(FINGERPRINTS) else {
                return Err(port(WHAT)(ItemError::Missing(FINGERPRINTS).into()));
            };
            let (prints, _) = bytes.as_ref().as_chunks::<8>();
            marked.extend(prints.iter().map(|print| Fingerprint(u64::from_be_bytes(*print))));
        }
        Ok(marked)
    }

    async fn count(&self, tally: &Tally) -> Result<Counted, PortError> {
        const WHAT: &str = "writing counters";
        let items = transaction(&self.table, tally).map_err(|error| port(WHAT)(error.into()))?;
        let call = self.client.transact_write_items().set_transact_items(Some(items));
        match call.send().await {
            Ok(_) => Ok(Counted::Done),
            Err(error) if error.as_service_error().is_some_and(is_moved) => Ok(Counted::Moved),
            Err(error) => Err(port(WHAT)(error.into())),
        }
    }
}

impl Counts for Table {
    async fn standing(&self, tenant: &TenantId, queue: &str, now: Timestamp) -> Result<QueueCounts, PortError> {
        const WHAT: &str = "reading a queue's counts";
        let pk = queue_pk(tenant, queue);
        let begin = |level: Level| level.slot(now).0;
        let near = [Level::Minute, Level::Hour].map(|level| stretch_sk(level, begin(level)));
        let sort_keys = near.into_iter().chain([STANDING.to_owned()]);
        let keys = sort_keys.map(|sk| key(pk.clone(), sk)).collect();
        let days = (
            stretch_sk(Level::Day, begin(Level::Day)),
            format!("{}#:", level_name(Level::Day)),
        );
        let (near, days) = try_join(self.get_all(keys, WHAT), self.range(pk.clone(), days, usize::MAX, WHAT)).await?;
        let (mut standing, mut stretches) = (Figures::new(), Vec::new());
        for item in near.iter().chain(&days.unwrap_or_default()) {
            match text(item, "sk").ok().and_then(stretch_of) {
                Some((level, begin)) => stretches.push(Stretch {
                    level,
                    begin,
                    figures: figures(item),
                }),
                None => standing = figures(item),
            }
        }
        Ok(QueueCounts::at(now, &standing, &stretches))
    }

    async fn flow(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> Result<BTreeMap<Timestamp, Figures>, PortError> {
        const WHAT: &str = "reading what became of emails";
        // The caller bounds the hours, and each is one small item.
        let found = self
            .range(flow_pk(tenant, queue), bounds(hours), usize::MAX, WHAT)
            .await?;
        let hour = |item: &Item| Some((time_of(text(item, "sk").ok()?)?, figures(item)));
        Ok(found.unwrap_or_default().iter().filter_map(hour).collect())
    }

    async fn failures(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> Result<Option<Vec<FailuresOfHour>>, PortError> {
        const WHAT: &str = "reading why emails failed";
        let found = self
            .range(failures_pk(tenant), bounds(hours), FAILURE_PAGES, WHAT)
            .await?;
        let wanted = |failures: &FailuresOfHour| queue.is_none_or(|queue| queue == failures.queue);
        Ok(found.map(|found| found.iter().filter_map(failures_of).filter(wanted).collect()))
    }
}

/// The sort keys that begin with one of these hours.
fn bounds(hours: Hours) -> (String, String) {
    let last = hours.until.before(Duration::from_millis(1));
    (digits(hours.from), format!("{}:", digits(last)))
}

/// Reads the time that [`digits`] has written.
fn time_of(digits: &str) -> Option<Timestamp> {
    digits.parse().ok().map(Timestamp::from_millis)
}

fn stretch_of(sk: &str) -> Option<(Level, Timestamp)> {
    let (name, begin) = sk.split_once('#')?;
    let level = Level::ALL.into_iter().find(|level| level_name(*level) == name)?;
    Some((level, time_of(begin)?))
}

/// Reads failures; a cause that nobody knows is of a newer version.
fn failures_of(item: &Item) -> Option<FailuresOfHour> {
    let mut parts = text(item, "sk").ok()?.split('#').skip(1);
    let (queue, cause) = (parts.next()?.to_owned(), attributes::unnamed(parts.next()?)?);
    let latest = || {
        let id = EmailId::parse(text(item, LATEST).ok()?)?;
        Some((attributes::time(item, LATEST_AT).ok()?, id))
    };
    Some(FailuresOfHour {
        queue,
        cause,
        count: maybe(item, "n", number).ok()?.unwrap_or(0),
        latest: latest(),
    })
}

#[cfg(test)]
#[path = "tallies_tests.rs"]
mod tests;
