//! Payloads of events in DynamoDB: one item per event, in a partition of its subject.
//!
//! **Invariant:** the first payload of an event stays, with the time of the event: every attempt sends the same bytes.
//! A later write only adds webhooks, and extends the retention.
//! **Why apart from the email:** `deliver` reads payloads, and can read no email.
//! **Erasure:** a payload names the webhooks that have a delivery of it, so that an erasure finds them. A withdrawn event
//! leaves a mark without content, which refuses a payload whose writer has given up already.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::id::{EmailKey, TenantId};
use domain::ports::PortError;
use domain::ports::webhook_events::{EventErasure, Payloads, StoredPayload};
use domain::ports::webhooks::WebhookKey;
use domain::timestamp::Timestamp;
use domain::webhook::delivery::KEPT_AT_LEAST;
use domain::webhook::event_type::EventType;
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::settings::WebhookId;
use futures::stream::{StreamExt, TryStreamExt, iter};
use serde::Deserialize;

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, ItemError};
use crate::storage::mapping::{attribute, decode};
use crate::storage::table::keys::{self, webhooks};
use crate::storage::table::{ConditionOutcome, Expression, Query, Table};

/// Number of concurrent deletions. Our choice: a small function has few connections.
const AT_ONCE: usize = 8;

/// The life of a mark. DynamoDB refuses a request whose signature is older than some minutes.
const MARK_LASTS: Duration = Duration::from_secs(3_600);

const WEBHOOKS: &str = "w";
const WITHDRAWN: &str = "x";
const BORN: &str = "b";

/// Stored form of a payload, without its key, as far as it is read. Only an update expression writes it.
#[derive(Deserialize)]
struct Stored {
    /// The exact bytes.
    p: String,
    #[serde(rename = "t")]
    event_type: EventType,
    #[serde(rename = "at")]
    created_at: Timestamp,
    #[serde(rename = "b")]
    born: Timestamp,
}

fn to_payload(item: &Item) -> Result<StoredPayload, ItemError> {
    let stored: Stored = decode(item)?;
    let (event, subject) = webhooks::to_payload(item)?;
    Ok(StoredPayload {
        event,
        event_type: stored.event_type,
        subject: webhooks::parse_subject(stored.event_type, &subject).ok_or(ItemError::Malformed("pk"))?,
        born: stored.born,
        created_at: stored.created_at,
        body: stored.p,
    })
}

/// True for the mark of a withdrawn event.
fn is_mark(item: &Item) -> bool {
    item.contains_key(WITHDRAWN)
}

/// Reads the webhooks of a payload; unreadable ones are left out.
fn webhooks_of(item: &Item) -> Vec<WebhookId> {
    let ids = item.get(WEBHOOKS).and_then(|value| value.as_ss().ok());
    let ids = ids.into_iter().flatten();
    ids.filter_map(|id| WebhookId::parse(id)).collect()
}

impl Table {
    /// The end of the retention of an event that is stored, or sent again, at a time.
    pub(crate) fn event_ttl(&self, from: Timestamp) -> i64 {
        from.after(self.retention.max(KEPT_AT_LEAST)).as_secs()
    }

    /// Extends the retention of a payload, if it is still there. Its delivery would outlive it otherwise.
    pub(crate) async fn extend_payload(
        &self,
        tenant: &TenantId,
        subject: Subject,
        event: &EventId,
        from: Timestamp,
    ) -> Result<(), PortError> {
        let change = Expression::update("SET #ttl = :ttl")
            .when("#ttl < :ttl")
            .with_name("#ttl", "ttl")
            .with_value(":ttl", self.event_ttl(from));
        let key = webhooks::payload(tenant, subject, event);
        let extended = self.update_if(key, change, None, "extending the retention of an event");
        extended.await.map(drop)
    }

    /// Deletes items, some at once.
    async fn delete_all(&self, keys: Vec<Item>, what: &'static str) -> Result<(), PortError> {
        let deletions: Vec<_> = keys.into_iter().map(|key| self.delete(key, what)).collect();
        iter(deletions).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Reads keys, births and webhooks of the items of a query but for marks, with this birth if one is given.
    async fn found(&self, query: Query, born: Option<Timestamp>, what: &'static str) -> Result<Vec<Item>, PortError> {
        let items = self.query_pages(query, usize::MAX, what).await?.unwrap_or_default();
        let is_meant = |item: &Item| !is_mark(item) && born.is_none_or(|born| attribute(item, BORN) == Ok(born));
        Ok(items.into_iter().filter(is_meant).collect())
    }
}

/// The primary key of an item.
fn key_of(item: &Item) -> Item {
    let names = ["pk", "sk"].into_iter();
    names
        .filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())))
        .collect()
}

impl Payloads for Table {
    async fn put_payload(
        &self,
        tenant: &TenantId,
        payload: &StoredPayload,
        webhooks: &[WebhookId],
        now: Timestamp,
    ) -> Result<Option<StoredPayload>, PortError> {
        const WHAT: &str = "storing the payload of an event";
        const SET: &str = "SET #p = if_not_exists(#p, :p), #t = if_not_exists(#t, :t), #at = if_not_exists(#at, :at), \
             #b = if_not_exists(#b, :b), #ttl = :ttl";
        let is_about_an_email = matches!(payload.subject, Subject::Email(_));
        let erase = if is_about_an_email {
            ", #erase = if_not_exists(#erase, :erase)"
        } else {
            ""
        };
        let add = if webhooks.is_empty() { "" } else { " ADD #w :w" };
        let mut change = Expression::update(format!("{SET}{erase}{add}"))
            .when("attribute_not_exists(#x)")
            .with_name("#x", WITHDRAWN)
            .with_name("#p", "p")
            .with_name("#t", "t")
            .with_name("#at", "at")
            .with_name("#b", BORN)
            .with_name("#ttl", "ttl")
            .with_value(":p", &payload.body)
            .with_value(":t", payload.event_type)
            .with_value(":at", payload.created_at.as_millis())
            .with_value(":b", payload.born.as_millis())
            .with_value(":ttl", self.event_ttl(now));
        if is_about_an_email {
            change = change.with_name("#erase", "erase").with_value(":erase", true);
        }
        if !webhooks.is_empty() {
            let ids = webhooks.iter().map(ToString::to_string).collect();
            change = change
                .with_name("#w", WEBHOOKS)
                .with_attribute(":w", AttributeValue::Ss(ids));
        }
        let key = webhooks::payload(tenant, payload.subject, &payload.event);
        let stored = match self.update_if(key, change, Some(ReturnValue::AllNew), WHAT).await? {
            ConditionOutcome::Done(stored) => stored.ok_or(ItemError::Missing("p")),
            ConditionOutcome::Refused(_) => return Ok(None),
        };
        let stored = stored.and_then(|item| to_payload(&item)).map(Some);
        stored.map_err(|error| port(WHAT)(error.into()))
    }

    async fn payloads(
        &self,
        tenant: &TenantId,
        events: &[(Subject, EventId)],
    ) -> Result<Vec<StoredPayload>, PortError> {
        let mut distinct = events.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let keys = distinct
            .iter()
            .map(|(subject, event)| webhooks::payload(tenant, *subject, event))
            .collect();
        let items = self.get_many(keys, "reading the payloads of events").await?;
        let payloads = items.iter().filter(|item| !is_mark(item));
        let payloads = payloads.filter_map(|item| match to_payload(item) {
            Ok(payload) => Some(payload),
            Err(error) => {
                let event = attribute::<String>(item, "sk").ok();
                tracing::error!(event, %error, "a stored payload cannot be read");
                None
            }
        });
        Ok(payloads.collect())
    }

    async fn withdraw(
        &self,
        tenant: &TenantId,
        subject: Subject,
        events: &[EventId],
        webhooks: &[WebhookId],
        now: Timestamp,
    ) -> Result<(), PortError> {
        const WHAT: &str = "withdrawing events";
        const MARK: &str = "SET #x = :x, #ttl = :ttl REMOVE #p, #t, #at, #b, #w, #erase";
        let deliveries = events.iter().flat_map(|event| {
            webhooks.iter().map(|id| {
                let key = WebhookKey {
                    tenant: tenant.clone(),
                    id: *id,
                };
                webhooks::delivery(&key, event)
            })
        });
        // Deliveries first: a payload leads an erasure to them.
        self.delete_all(deliveries.collect(), WHAT).await?;
        let marks = events.iter().map(|event| {
            let change = Expression::update(MARK)
                .with_name("#x", WITHDRAWN)
                .with_name("#ttl", "ttl")
                .with_name("#p", "p")
                .with_name("#t", "t")
                .with_name("#at", "at")
                .with_name("#b", BORN)
                .with_name("#w", WEBHOOKS)
                .with_name("#erase", "erase")
                .with_value(":x", true)
                .with_value(":ttl", now.after(MARK_LASTS).as_secs());
            self.update_if(webhooks::payload(tenant, subject, event), change, None, WHAT)
        });
        let marks: Vec<_> = marks.collect();
        let mut marked = iter(marks).buffer_unordered(AT_ONCE);
        while marked.try_next().await?.is_some() {}
        Ok(())
    }
}

impl EventErasure for Table {
    async fn erase_events(&self, key: &EmailKey, born: Option<Timestamp>) -> Result<(), PortError> {
        const WHAT: &str = "erasing the events of an email";
        let facts = Query {
            projection: Some("pk, sk, b"),
            ..Query::beginning(keys::email_pk(key), webhooks::FACT)
        };
        let facts = self.found(facts, born, WHAT).await?;
        self.delete_all(facts.iter().map(key_of).collect(), WHAT).await?;
        let partition = webhooks::payloads_pk(&key.tenant, Subject::Email(key.id));
        let payloads = Query {
            projection: Some("pk, sk, b, w, x"),
            ..Query::of(Expression::condition("pk = :pk").with_value(":pk", partition))
        };
        let payloads = self.found(payloads, born, WHAT).await?;
        let deliveries = payloads.iter().flat_map(|item| {
            let event = webhooks::to_payload(item).ok().map(|(event, _)| event);
            let tenant = key.tenant.clone();
            let each = event.into_iter().flat_map(move |event| {
                let tenant = tenant.clone();
                webhooks_of(item).into_iter().map(move |id| {
                    let tenant = tenant.clone();
                    webhooks::delivery(&WebhookKey { tenant, id }, &event)
                })
            });
            each.collect::<Vec<_>>()
        });
        self.delete_all(deliveries.collect(), WHAT).await?;
        self.delete_all(payloads.iter().map(key_of).collect(), WHAT).await
    }
}

#[cfg(test)]
#[path = "payloads_tests.rs"]
mod tests;
