//! The sparse index `due`: waiting and overdue records.
//!
//! **Role:** read by `promote` alone.
//! **Invariant:** an entry is a hint that may be outdated. The reader of an entry reads the record, or sends a
//! send task that proves nothing.

use std::collections::BTreeMap;

use domain::delivery::index;
use domain::delivery::index::DueCursor;
use domain::delivery::record::{DueKind, Priority};
use domain::id::{EmailKey, QueueKey};
use domain::ports::{Bookmarks, DueEmail, DueIndex, DuePage, IndexedEmail, PortError};
use domain::reporting::account::OldestDue;
use domain::timestamp::Timestamp;
use domain::webhook::identity::SHARDS;

use crate::storage::attributes::{self, Item, ItemError};
use crate::storage::mapping::{attribute, known_attributes};
use crate::storage::records::waiting;
use crate::storage::table::keys;
use crate::storage::table::{Expression, Query, Table};

/// Name of the index.
const DUE: &str = "due";

/// Attribute of a shard's cursor.
fn cursor_attribute(shard: u16) -> String {
    format!("s{shard:02}")
}

/// Attribute of a priority queue with a backlog.
fn busy_attribute(priority: Priority) -> &'static str {
    match priority {
        Priority::High => "busy_high",
        Priority::Normal => "busy_normal",
        Priority::Low => "busy_low",
    }
}

/// Attribute of a place in a shard of webhooks' deliveries.
pub(crate) fn hook_place_attribute(shard: u8) -> String {
    format!("h{shard:02}")
}

/// Attributes of the oldest late email: its due time, and the time of the run that saw it.
const LATE_DUE: &str = "late_due";
const LATE_SEEN: &str = "late_seen";

/// Reads the oldest late email. An unreadable one counts as missing, because it is only shown.
fn oldest_due(item: &Item) -> Option<OldestDue> {
    let (due, seen_at) = (attribute(item, LATE_DUE).ok()?, attribute(item, LATE_SEEN).ok()?);
    Some(OldestDue { due, seen_at })
}

/// Character behind the beginning of sort keys: it makes a bound behind every key with this beginning.
pub(crate) const BEHIND: char = '~';

/// Character behind a whole sort key: it makes a bound directly behind this key.
pub(crate) const JUST_BEHIND: char = '\u{1}';

impl Table {
    /// Reads a page of entries that are due until a time, after another entry.
    pub(crate) async fn page<T>(
        &self,
        partition: String,
        until: Timestamp,
        from: Option<&DueCursor>,
        read: impl Fn(&Item) -> Result<T, ItemError>,
    ) -> Result<DuePage<T>, PortError> {
        let from = from.map_or_else(String::new, |cursor| format!("{}{JUST_BEHIND}", cursor.0));
        let until = format!("{}{BEHIND}", attributes::digits(until));
        // A lower bound must not be empty.
        let from = if from.is_empty() { "0".to_owned() } else { from };
        self.between(partition, from, until, None, read).await
    }

    /// Reads a page of up to `count` entries from one sort key to another.
    pub(crate) async fn between<T>(
        &self,
        partition: String,
        from: String,
        until: String,
        count: Option<usize>,
        read: impl Fn(&Item) -> Result<T, ItemError>,
    ) -> Result<DuePage<T>, PortError> {
        if from > until {
            return Ok(DuePage {
                items: Vec::new(),
                next: None,
            });
        }
        // A lower bound must not be empty.
        let from = if from.is_empty() { "0".to_owned() } else { from };
        let keys = Expression::condition("#pk = :pk AND #sk BETWEEN :from AND :until")
            .with_name("#pk", "due_pk")
            .with_name("#sk", "due_sk")
            .with_value(":pk", partition)
            .with_value(":from", from)
            .with_value(":until", until);
        let query = Query {
            index: Some(DUE),
            limit: count.map(|count| i32::try_from(count).unwrap_or(i32::MAX)),
            ..Query::of(keys)
        };
        let page = self.query(query, "reading the due index").await?;
        let items = page.items.iter().filter_map(|item| match read(item) {
            Ok(entry) => Some(entry),
            Err(error) => {
                // The entry stays in place: after a repair the record is found again.
                tracing::error!(pk = attribute::<String>(item, "pk").ok(), %error, "an entry of the index cannot be read");
                None
            }
        });
        let next = page.next.as_ref().and_then(|key| attribute(key, "due_sk").ok());
        Ok(DuePage {
            items: items.collect(),
            next: next.map(DueCursor),
        })
    }
}

impl DueIndex for Table {
    fn shards(&self) -> u16 {
        self.shards
    }

    async fn due_emails(
        &self,
        shard: u16,
        until: Timestamp,
        from: Option<&DueCursor>,
    ) -> Result<DuePage<DueEmail>, PortError> {
        self.page(format!("wake#{shard:02}"), until, from, waiting::to_due_email)
            .await
    }

    async fn overdue(
        &self,
        shard: u16,
        until: Timestamp,
        from: Option<&DueCursor>,
    ) -> Result<DuePage<EmailKey>, PortError> {
        self.page(format!("check#{shard:02}"), until, from, keys::to_email)
            .await
    }

    async fn parked_emails(
        &self,
        kind: DueKind,
        queue: &QueueKey,
        shard: u16,
        from: Option<&DueCursor>,
    ) -> Result<DuePage<IndexedEmail>, PortError> {
        let until = Timestamp::from_millis(i64::MAX);
        self.page(
            index::partition(kind, queue, shard),
            until,
            from,
            waiting::to_indexed_email,
        )
        .await
    }

    async fn bookmarks(&self) -> Result<Bookmarks, PortError> {
        let item = self.get(keys::bookmarks(), "reading the cursors").await?;
        let item = item.unwrap_or_default();
        let shard = |name: &str| (0..self.shards).find(|shard| cursor_attribute(*shard) == name);
        let cursors: BTreeMap<u16, String> = known_attributes(&item, shard);
        let priority = |name: &str| {
            Priority::ALL
                .iter()
                .copied()
                .find(|priority| busy_attribute(*priority) == name)
        };
        let busy_since: BTreeMap<Priority, Timestamp> = known_attributes(&item, priority);
        Ok(Bookmarks {
            cursors: cursors
                .into_iter()
                .map(|(shard, cursor)| (shard, DueCursor(cursor)))
                .collect(),
            busy_since: busy_since.into_iter().collect(),
            oldest_due: oldest_due(&item),
            hook_places: known_attributes::<u8, String>(&item, |name| {
                (0..SHARDS).find(|shard| hook_place_attribute(*shard) == name)
            })
            .into_iter()
            .map(|(shard, place)| (shard, DueCursor(place)))
            .collect(),
        })
    }

    async fn save_busy_since(&self, priority: Priority, since: Option<Timestamp>) -> Result<(), PortError> {
        let change = match since {
            Some(since) => Expression::update("SET #busy = :since").with_value(":since", since.as_millis()),
            None => Expression::update("REMOVE #busy"),
        };
        let change = change.with_name("#busy", busy_attribute(priority));
        const WHAT: &str = "storing the busy time of a priority queue";
        self.update_if(keys::bookmarks(), change, None, WHAT).await.map(drop)
    }

    async fn save_oldest_due(&self, oldest: OldestDue) -> Result<(), PortError> {
        let change = Expression::update("SET #due = :due, #seen = :seen")
            .with_name("#due", LATE_DUE)
            .with_name("#seen", LATE_SEEN)
            .with_value(":due", oldest.due.as_millis())
            .with_value(":seen", oldest.seen_at.as_millis());
        let saved = self.update_if(keys::bookmarks(), change, None, "saving the oldest late email");
        saved.await.map(drop)
    }

    async fn save_cursor(&self, shard: u16, cursor: &DueCursor) -> Result<(), PortError> {
        let change = Expression::update("SET #cursor = :cursor")
            .with_name("#cursor", cursor_attribute(shard))
            .with_value(":cursor", cursor.0.clone());
        let saved = self.update_if(keys::bookmarks(), change, None, "saving a cursor");
        saved.await.map(drop)
    }
}

#[cfg(test)]
#[path = "due_index_tests.rs"]
mod tests;
