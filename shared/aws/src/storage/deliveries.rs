//! Deliveries of events in DynamoDB: one item per webhook and event, in four partitions of its webhook.
//!
//! **Invariant:** a change is written under the version that it was decided on. Open deliveries with a next attempt are
//! in the index `due`, all of them in the index `by_tenant`.
//! **Lost answers:** each write recognises its own result: the stored item equals the intended one.

use domain::delivery::index::DueCursor;
use domain::ports::webhook_events::{Deliveries, DeliveryChange, DueDeliveries, DueDelivery, StoredDelivery};
use domain::ports::webhooks::WebhookKey;
use domain::ports::{DuePage, PortError};
use domain::reporting::listing::{Place, Start};
use domain::timestamp::Timestamp;
use domain::webhook::delivery::{Delivery, DeliveryState, NextAttempt, PastAttempt};
use domain::webhook::event_type::EventType;
use domain::webhook::identity::{EventId, SHARDS};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, ItemError, digits, from_json, parse_sortable, sortable};
use crate::storage::due_index::{BEHIND, JUST_BEHIND, hook_place_attribute};
use crate::storage::mapping::{attribute, decode, encode, is_default};
use crate::storage::table::keys::bookmarks;
use crate::storage::table::keys::webhooks as keys;
use crate::storage::table::{ConditionOutcome, Expression, Table};

/// Stored form of a past attempt: JSON, with short names because the item is written after each attempt.
#[derive(Serialize, Deserialize)]
struct StoredAttempt {
    n: u32,
    at: Timestamp,
    s: u16,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    w: String,
}

/// Stored form of a delivery, without its key.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(rename = "t")]
    event_type: EventType,
    #[serde(rename = "s")]
    state: DeliveryState,
    #[serde(rename = "sub")]
    subject: String,
    #[serde(rename = "from")]
    begins: Timestamp,
    #[serde(rename = "no")]
    version: u64,
    #[serde(rename = "a", default, skip_serializing_if = "is_default")]
    attempts: u32,
    #[serde(rename = "po", default, skip_serializing_if = "is_default")]
    postponed: u32,
    #[serde(rename = "wa", default, skip_serializing_if = "is_default")]
    waited: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    tried: u32,
    /// The newest attempts, oldest first.
    #[serde(rename = "at", default, skip_serializing_if = "is_default")]
    past: Vec<String>,
    /// Earliest time of the next attempt.
    #[serde(rename = "n", default, skip_serializing_if = "is_default")]
    next: Option<Timestamp>,
    /// Place in the index `due`, by the time of the next check.
    #[serde(default, skip_serializing_if = "is_default")]
    due_pk: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    due_sk: Option<String>,
    /// Place in the webhook's list, by the time of the event.
    tenant_shard: String,
    created_sk: String,
    ttl: i64,
}

/// The sort key of a delivery in the index `due`.
fn due_sk(key: &WebhookKey, event: &EventId, check: Timestamp) -> String {
    sortable(check, format_args!("{}#{event}", key.id))
}

fn to_past(text: &str) -> Result<PastAttempt, ItemError> {
    let stored: StoredAttempt = from_json(text, "at")?;
    Ok(PastAttempt {
        number: stored.n,
        at: stored.at,
        status: stored.s,
        words: stored.w,
    })
}

fn to_delivery(item: &Item) -> Result<StoredDelivery, ItemError> {
    let stored: Stored = decode(item)?;
    let (_, event) = keys::to_delivery(item)?;
    let created_at = parse_sortable(&stored.created_sk).ok_or(ItemError::Malformed("created_sk"))?;
    let check = stored.due_sk.as_deref().and_then(parse_sortable);
    let subject = keys::parse_subject(stored.event_type, &stored.subject);
    let past: Result<_, _> = stored.past.iter().map(|text| to_past(text)).collect();
    Ok(StoredDelivery {
        delivery: Delivery {
            event,
            event_type: stored.event_type,
            created_at,
            state: stored.state,
            attempts: stored.attempts,
            postponed: stored.postponed,
            waited: stored.waited,
            from: stored.begins,
            next: match stored.next {
                None => None,
                Some(at) => Some(NextAttempt {
                    at,
                    check: check.ok_or(ItemError::Malformed("due_sk"))?,
                }),
            },
            tried: stored.tried,
            past: past?,
            version: stored.version,
        },
        subject: subject.ok_or(ItemError::Malformed("sub"))?,
    })
}

fn to_place(item: &Item) -> Result<Place<EventId>, ItemError> {
    let (_, id) = keys::to_delivery(item)?;
    let created: String = attribute(item, "created_sk")?;
    let born = parse_sortable(&created).ok_or(ItemError::Malformed("created_sk"))?;
    Ok(Place { born, id })
}

fn to_due_delivery(item: &Item) -> Result<DueDelivery, ItemError> {
    let (key, event) = keys::to_delivery(item)?;
    let due_sk: String = attribute(item, "due_sk")?;
    let (millis, _) = due_sk.split_once('#').ok_or(ItemError::Malformed("due_sk"))?;
    let behind = DueCursor(format!("{millis}#{}{BEHIND}", key.id));
    Ok(DueDelivery {
        key,
        event,
        cursor: DueCursor(due_sk),
        behind,
    })
}

/// Returns the update from one item to another of the same key.
fn difference(before: &Item, after: &Item) -> Expression {
    let (mut sets, mut removes, mut change) = (Vec::new(), Vec::new(), Expression::default());
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let differs = |name: &&String| before.get(*name) != after.get(*name);
    for (place, name) in names.into_iter().filter(differs).enumerate() {
        change = change.with_name(format!("#a{place}"), name);
        match after.get(name) {
            Some(value) => {
                sets.push(format!("#a{place} = :a{place}"));
                change = change.with_attribute(format!(":a{place}"), value.clone());
            }
            None => removes.push(format!("#a{place}")),
        }
    }
    let clause = |verb: &str, parts: &[String]| (!parts.is_empty()).then(|| format!("{verb} {}", parts.join(", ")));
    let clauses = [clause("SET", &sets), clause("REMOVE", &removes)];
    change.update = clauses.into_iter().flatten().collect::<Vec<_>>().join(" ");
    change
}

impl Table {
    /// Returns the item of a delivery.
    fn delivery_item(
        &self,
        key: &WebhookKey,
        StoredDelivery { delivery, subject }: &StoredDelivery,
        what: &'static str,
    ) -> Result<Item, PortError> {
        let past = delivery.past.iter().map(|past| {
            serde_json::to_string(&StoredAttempt {
                n: past.number,
                at: past.at,
                s: past.status,
                w: past.words.clone(),
            })
        });
        let past: Result<_, _> = past.collect();
        let (event, shard) = (&delivery.event, delivery.event.shard());
        let stored = Stored {
            event_type: delivery.event_type,
            state: delivery.state,
            subject: subject.to_string(),
            begins: delivery.from,
            version: delivery.version,
            attempts: delivery.attempts,
            postponed: delivery.postponed,
            waited: delivery.waited,
            tried: delivery.tried,
            past: past.map_err(|error| port(what)(error.into()))?,
            next: delivery.next.map(|next| next.at),
            due_pk: delivery.next.map(|_| keys::due_deliveries(shard)),
            due_sk: delivery.next.map(|next| due_sk(key, event, next.check)),
            tenant_shard: keys::deliveries_pk(key, shard),
            created_sk: sortable(delivery.created_at, event),
            ttl: self.event_ttl(delivery.from),
        };
        encode(keys::delivery(key, event), &stored, what)
    }
}

impl Deliveries for Table {
    async fn add_delivery(
        &self,
        key: &WebhookKey,
        delivery: &StoredDelivery,
    ) -> Result<Option<StoredDelivery>, PortError> {
        const WHAT: &str = "storing a delivery";
        let item = self.delivery_item(key, delivery, WHAT)?;
        let new = Expression::condition("attribute_not_exists(pk)");
        match self.put_if(item.clone(), new, WHAT).await? {
            ConditionOutcome::Done(_) => Ok(None),
            // Its own write, whose answer was lost.
            ConditionOutcome::Refused(Some(stored)) if stored == item => Ok(None),
            ConditionOutcome::Refused(stored) => {
                let stored = stored.ok_or(ItemError::Missing("pk"));
                let stored = stored.and_then(|stored| to_delivery(&stored));
                stored.map(Some).map_err(|error| port(WHAT)(error.into()))
            }
        }
    }

    async fn deliveries(&self, key: &WebhookKey, events: &[EventId]) -> Result<Vec<StoredDelivery>, PortError> {
        let mut distinct = events.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let keys = distinct.iter().map(|event| keys::delivery(key, event)).collect();
        let items = self.get_many(keys, "reading deliveries").await?;
        let found = items.iter().filter_map(|item| match to_delivery(item) {
            Ok(stored) => Some(stored),
            Err(error) => {
                let event = attribute::<String>(item, "sk").ok();
                tracing::error!(webhook = %key.id, event, %error, "a stored delivery cannot be read");
                None
            }
        });
        let mut found: Vec<StoredDelivery> = found.collect();
        let place = |stored: &StoredDelivery| events.iter().position(|event| *event == stored.delivery.event);
        found.sort_by_key(place);
        Ok(found)
    }

    async fn save_delivery(
        &self,
        key: &WebhookKey,
        before: &StoredDelivery,
        after: &Delivery,
    ) -> Result<DeliveryChange, PortError> {
        const WHAT: &str = "changing a delivery";
        if after.from > before.delivery.from {
            self.extend_payload(&key.tenant, before.subject, &after.event, after.from)
                .await?;
        }
        let next = StoredDelivery {
            delivery: after.clone(),
            subject: before.subject,
        };
        let (seen, next) = (
            self.delivery_item(key, before, WHAT)?,
            self.delivery_item(key, &next, WHAT)?,
        );
        let change = difference(&seen, &next)
            .when("#no = :seen")
            .with_name("#no", "no")
            .with_value(":seen", before.delivery.version);
        let key = keys::delivery(key, &after.event);
        match self.update_if(key, change, None, WHAT).await? {
            ConditionOutcome::Done(_) => Ok(DeliveryChange::Done),
            // Its own write, whose answer was lost; or another one.
            ConditionOutcome::Refused(Some(stored)) if stored == next => Ok(DeliveryChange::Done),
            ConditionOutcome::Refused(stored) => {
                let stored = stored.map(|stored| to_delivery(&stored)).transpose();
                let stored = stored.map_err(|error| port(WHAT)(error.into()))?;
                Ok(DeliveryChange::Moved(stored.map(Box::new)))
            }
        }
    }

    async fn delivery_places(
        &self,
        key: &WebhookKey,
        start: Start<EventId>,
        count: usize,
    ) -> Result<Vec<Place<EventId>>, PortError> {
        const WHAT: &str = "reading the list of a webhook's events";
        let shards = (0..SHARDS).map(|shard| self.entries(keys::deliveries_pk(key, shard), start.clone(), count, WHAT));
        let entries = try_join_all(shards).await?;
        let places = entries.iter().flatten().filter_map(|entry| match to_place(entry) {
            Ok(place) => Some(place),
            Err(error) => {
                tracing::error!(pk = attribute::<String>(entry, "pk").ok(), %error, "an entry of the list cannot be read");
                None
            }
        });
        Ok(start.nearest(places, count))
    }
}

impl DueDeliveries for Table {
    async fn due_deliveries(
        &self,
        shard: u8,
        (since, until): (Timestamp, Timestamp),
        from: Option<&DueCursor>,
        count: usize,
    ) -> Result<DuePage<DueDelivery>, PortError> {
        let from = from.map_or_else(|| digits(since), |cursor| format!("{}{JUST_BEHIND}", cursor.0));
        let until = format!("{}{BEHIND}", digits(until));
        let partition = keys::due_deliveries(shard);
        self.between(partition, from, until, Some(count), to_due_delivery).await
    }

    async fn guard_delivery(&self, due: &DueDelivery, check: Timestamp) -> Result<bool, PortError> {
        const WHAT: &str = "guarding a delivery";
        let next = due_sk(&due.key, &due.event, check);
        let change = Expression::update("SET #sk = :next, #no = #no + :one")
            .when("#sk = :seen")
            .with_name("#sk", "due_sk")
            .with_name("#no", "no")
            .with_value(":next", &next)
            .with_value(":one", 1)
            .with_value(":seen", &due.cursor.0);
        let key = keys::delivery(&due.key, &due.event);
        Ok(match self.update_if(key, change, None, WHAT).await? {
            ConditionOutcome::Done(_) => true,
            // Its own write, whose answer was lost; or another one.
            ConditionOutcome::Refused(stored) => {
                stored.is_some_and(|stored| attribute(&stored, "due_sk") == Ok(next.clone()))
            }
        })
    }

    async fn save_due_place(&self, shard: u8, place: Option<&DueCursor>) -> Result<(), PortError> {
        let change = match place {
            Some(place) => Expression::update("SET #place = :place").with_value(":place", &place.0),
            None => Expression::update("REMOVE #place"),
        };
        let change = change.with_name("#place", hook_place_attribute(shard));
        const WHAT: &str = "saving a place in the due deliveries";
        self.update_if(bookmarks(), change, None, WHAT).await.map(drop)
    }
}

#[cfg(test)]
#[path = "deliveries_tests.rs"]
mod tests;
