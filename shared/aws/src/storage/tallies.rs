//! Counters in the table: added to in one transaction with the markers of the counted changes.
//!
//! **Role:** written by `tally`, read by `reports`, and by `manage` for the counts of a queue.
//! **Invariant:** a transaction holds only if no counter was written since it was read. Every key begins with
//! `tally:`, which no tenant's name does: the role of `tally` may write no other keys.
//! **Lost answers:** see [`Table::transact`].
//! **Start reading at** [`address`]; [`domain::reporting::tally::portion`] explains why counts are exact.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::id::{EmailId, TenantId};
use domain::ports::{Counted, Counts, PortError, Tallies};
use domain::reporting::hours::{FailuresOfHour, Hours};
use domain::reporting::tally::change_id::{Fingerprint, Sequence};
use domain::reporting::tally::counter::{Counter, Figure, Figures, Level};
use domain::reporting::tally::portion::{CounterUpdate, Marker, Span, Tally, Versions};
use domain::reporting::tally::queue_counts::{QueueCounts, WaitingFigures};
use domain::timestamp::Timestamp;
use futures::future::try_join;
use serde::{Deserialize, Serialize};

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, digits, from_name};
use crate::storage::mapping::{Bytes, attribute, decode, encode, known_attributes, maybe_attribute};
use crate::storage::table::{Expression, Query, Table, Transacted, Write, keys};

/// Number of writes of a counter.
const VERSION: &str = "v";
/// Id of the latest example, and its time in milliseconds.
const LATEST: &str = "x";
const LATEST_AT: &str = "xt";
/// Stored form of a marker, without its key. A counter has an attribute for each figure that was ever counted,
/// read and written by name.
#[derive(Serialize, Deserialize)]
struct StoredMarker {
    /// Eight bytes each.
    #[serde(rename = "f")]
    fingerprints: Bytes,
    #[serde(default)]
    ttl: i64,
}

/// Retention of the counts of an hour.
const KEEP_HOURS: Duration = Duration::from_secs(400 * 86_400);

/// Retention of a marker. The stream keeps a change for a day. Source: Amazon DynamoDB Developer Guide, "Change
/// data capture for DynamoDB Streams".
const KEEP_MARKERS: Duration = Duration::from_secs(2 * 86_400);

/// Retention of the counts of waiting emails after their time: nothing reads them then.
const KEEP_WAITING: Duration = Duration::from_secs(86_400);

/// Maximum number of pages of 1 MB that a response about failures reads: about 60,000 counters.
const FAILURE_PAGES: usize = 8;

/// Returns the key of a counter, and its expiry.
fn address(counter: &Counter) -> (Item, Option<i64>) {
    let until = |at: Timestamp, keep: Duration| Some(at.after(keep).as_secs());
    match counter {
        Counter::Flow { tenant, queue, hour } => (
            keys::of(keys::flow_pk(tenant, queue.as_deref()), digits(*hour)),
            until(*hour, KEEP_HOURS),
        ),
        Counter::EmailStatus { tenant, queue } => (
            keys::of(keys::standing_pk(tenant, queue), keys::STANDING.to_owned()),
            None,
        ),
        Counter::Waiting {
            tenant,
            queue,
            level,
            begin,
        } => (
            keys::of(keys::standing_pk(tenant, queue), keys::stretch_sk(*level, *begin)),
            until(level.end(*begin), KEEP_WAITING),
        ),
        Counter::Failures {
            tenant,
            hour,
            queue,
            cause,
        } => (
            keys::of(
                keys::failures_pk(tenant),
                format!("{}#{queue}#{}", digits(*hour), cause.as_str()),
            ),
            until(*hour, KEEP_HOURS),
        ),
    }
}

/// Reads the figures of a counter. An unknown name is from a newer version.
fn figures(item: &Item) -> Figures {
    known_attributes(item, Figure::parse)
}

/// Returns one counter's part of a transaction.
fn update(update: &CounterUpdate) -> Write {
    let (key, ttl) = address(&update.counter);
    let (mut added, mut set) = (vec!["#v :one".to_owned()], Vec::new());
    let mut change = Expression::default().with_name("#v", VERSION).with_value(":one", 1);
    change = if update.seen == 0 {
        change.when("attribute_not_exists(#v)")
    } else {
        change.when("#v = :seen").with_value(":seen", update.seen)
    };
    for (figure, by) in update.delta.figures.iter().filter(|(_, by)| **by != 0) {
        let name = figure.name();
        added.push(format!("#{name} :{name}"));
        change = change
            .with_name(format!("#{name}"), &name)
            .with_value(format!(":{name}"), by);
    }
    if let Some(ttl) = ttl {
        set.push("#ttl = :ttl");
        change = change.with_name("#ttl", "ttl").with_value(":ttl", ttl);
    }
    if let Some((at, id)) = update.delta.latest {
        set.extend(["#x = :x", "#xt = :xt"]);
        change = change
            .with_name("#x", LATEST)
            .with_name("#xt", LATEST_AT)
            .with_value(":x", id.to_string())
            .with_value(":xt", at.as_millis());
    }
    let set = if set.is_empty() {
        String::new()
    } else {
        format!(" SET {}", set.join(", "))
    };
    change.update = format!("ADD {}{set}", added.join(", "));
    Write::Update { key, change }
}

fn put(marker: &Marker) -> Result<Write, PortError> {
    let prints = marker.fingerprints.iter().flat_map(|print| print.0.to_be_bytes());
    // Two shards may share the same last number: their changes differ.
    let first = marker.fingerprints.first().map_or(0, |print| print.0);
    let sk = format!("{}#{first:016x}", marker.last.as_str());
    let stored = StoredMarker {
        fingerprints: Bytes(prints.collect()),
        ttl: marker.minute.after(KEEP_MARKERS).as_secs(),
    };
    Ok(Write::Put {
        item: encode(keys::of(keys::counted_pk(marker.minute), sk), &stored, WRITING)?,
        when: Expression::condition("attribute_not_exists(pk)"),
    })
}

const WRITING: &str = "writing counters";

impl Table {
    /// Reads the items of a partition from one sort key to before another, at most this many pages. `None`:
    /// there are more.
    async fn range(
        &self,
        pk: String,
        (from, until): (String, String),
        pages: usize,
        what: &'static str,
    ) -> Result<Option<Vec<Item>>, PortError> {
        let keys = Expression::condition("pk = :pk AND sk BETWEEN :from AND :until")
            .with_value(":pk", pk)
            .with_value(":from", from)
            .with_value(":until", until);
        self.query_pages(Query::of(keys), pages, what).await
    }
}

impl Tallies for Table {
    async fn versions(&self, counters: &BTreeSet<Counter>) -> Result<Versions, PortError> {
        const WHAT: &str = "reading the counters' versions";
        let by_key: Vec<(Item, &Counter)> = counters.iter().map(|counter| (address(counter).0, counter)).collect();
        let keys = by_key.iter().map(|(key, _)| key.clone()).collect();
        let mut versions = Versions::new();
        for item in self.get_many(keys, WHAT).await? {
            let is_key = |key: &Item| key.iter().all(|(name, value)| item.get(name) == Some(value));
            let version = attribute(&item, VERSION).map_err(|error| port(WHAT)(error.into()))?;
            let counter = by_key.iter().find(|(key, _)| is_key(key));
            versions.extend(counter.map(|(_, counter)| ((*counter).clone(), version)));
        }
        Ok(versions)
    }

    async fn counted_fingerprints(&self, span: &Span) -> Result<Vec<Fingerprint>, PortError> {
        const WHAT: &str = "reading the counted changes";
        let range = (span.first.as_str().to_owned(), Sequence::END.to_owned());
        let markers = self
            .range(keys::counted_pk(span.minute), range, usize::MAX, WHAT)
            .await?;
        let mut counted = Vec::new();
        for marker in markers.unwrap_or_default() {
            let stored = decode::<StoredMarker>(&marker).map_err(|error| port(WHAT)(error.into()))?;
            let (prints, _) = stored.fingerprints.0.as_chunks::<8>();
            counted.extend(prints.iter().map(|print| Fingerprint(u64::from_be_bytes(*print))));
        }
        Ok(counted)
    }

    async fn count(&self, tally: &Tally) -> Result<Counted, PortError> {
        let mut writes: Vec<_> = tally.updates.iter().map(update).collect();
        for marker in &tally.markers {
            writes.push(put(marker)?);
        }
        Ok(match self.transact(writes, WRITING).await? {
            Transacted::Done => Counted::Done,
            Transacted::Refused(_) => Counted::Moved,
        })
    }
}

impl Counts for Table {
    async fn queue_counts(&self, tenant: &TenantId, queue: &str, now: Timestamp) -> Result<QueueCounts, PortError> {
        const WHAT: &str = "reading a queue's counts";
        let pk = keys::standing_pk(tenant, queue);
        let begin = |level: Level| level.slot(now).0;
        let near = [Level::Minute, Level::Hour].map(|level| keys::stretch_sk(level, begin(level)));
        let sort_keys = near.into_iter().chain([keys::STANDING.to_owned()]);
        let keys = sort_keys.map(|sk| keys::of(pk.clone(), sk)).collect();
        let days = (
            keys::stretch_sk(Level::Day, begin(Level::Day)),
            format!("{}#:", keys::level_name(Level::Day)),
        );
        let (near, days) = try_join(
            self.get_many(keys, WHAT),
            self.range(pk.clone(), days, usize::MAX, WHAT),
        )
        .await?;
        let (mut queue_counts, mut stretches) = (Figures::new(), Vec::new());
        for item in near.iter().chain(&days.unwrap_or_default()) {
            match sort_key(item).as_deref().and_then(stretch_of) {
                Some((level, begin)) => stretches.push(WaitingFigures {
                    level,
                    begin,
                    figures: figures(item),
                }),
                None => queue_counts = figures(item),
            }
        }
        Ok(QueueCounts::at(now, &queue_counts, &stretches))
    }

    async fn flow(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> Result<BTreeMap<Timestamp, Figures>, PortError> {
        const WHAT: &str = "reading the delivery counters";
        // The caller bounds the hours, and each is one small item.
        let found = self
            .range(keys::flow_pk(tenant, queue), bounds(hours), usize::MAX, WHAT)
            .await?;
        let hour = |item: &Item| Some((time_of(&sort_key(item)?)?, figures(item)));
        Ok(found.unwrap_or_default().iter().filter_map(hour).collect())
    }

    async fn failures(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> Result<Option<Vec<FailuresOfHour>>, PortError> {
        const WHAT: &str = "reading the failure counters";
        let found = self
            .range(keys::failures_pk(tenant), bounds(hours), FAILURE_PAGES, WHAT)
            .await?;
        let wanted = |failures: &FailuresOfHour| queue.is_none_or(|queue| queue == failures.queue);
        Ok(found.map(|found| found.iter().filter_map(failures_of).filter(wanted).collect()))
    }
}

/// Returns the bounds of the sort keys of these hours.
fn bounds(hours: Hours) -> (String, String) {
    let last = hours.until.before(Duration::from_millis(1));
    (digits(hours.from), format!("{}:", digits(last)))
}

/// Reads a time that [`digits`] has written.
fn time_of(digits: &str) -> Option<Timestamp> {
    digits.parse().ok().map(Timestamp::from_millis)
}

fn stretch_of(sk: &str) -> Option<(Level, Timestamp)> {
    let (name, begin) = sk.split_once('#')?;
    let level = Level::ALL
        .iter()
        .copied()
        .find(|level| keys::level_name(*level) == name)?;
    Some((level, time_of(begin)?))
}

/// Reads failures. An unknown cause is from a newer version.
fn failures_of(item: &Item) -> Option<FailuresOfHour> {
    let sk = sort_key(item)?;
    let mut parts = sk.split('#').skip(1);
    let (queue, cause) = (parts.next()?.to_owned(), from_name(parts.next()?)?);
    let latest: Option<String> = attribute(item, LATEST).ok();
    let latest = latest.and_then(|id| Some((attribute(item, LATEST_AT).ok()?, EmailId::parse(&id)?)));
    Some(FailuresOfHour {
        queue,
        cause,
        count: maybe_attribute(item, "n").ok()?.unwrap_or(0),
        latest,
    })
}

fn sort_key(item: &Item) -> Option<String> {
    attribute(item, "sk").ok()
}

#[cfg(test)]
#[path = "tallies_tests.rs"]
mod tests;
