//! Stores events: each payload once, and a delivery for each webhook that asks for it. Then it sends their tasks.
//!
//! **Invariant:** payload, deliveries, look at the record, tasks: in this order. The look is the caller's.
//! **A permanent error** of one payload or delivery is reported, and the other ones are stored.
//! **After a crash** between delivery and task, a repetition sends the task; else the due index has the delivery.

use std::time::Duration;

use aws::runtime::{metrics, telemetry};
use domain::id::TenantId;
use domain::ports::webhook_events::{
    Deliveries, DeliveryTaskRequest, DeliveryTasks, Payloads, StoredDelivery, StoredPayload,
};
use domain::ports::webhooks::WebhookKey;
use domain::ports::{Clock, FailureKind, PortError};
use domain::timestamp::Timestamp;
use domain::webhook::delivery::{Delivery, DeliveryState};
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::settings::{Webhook, WebhookId};
use domain::webhook::task::DeliveryTask;
use domain::webhook::telling::Telling;
use futures::stream::{StreamExt, TryStreamExt, iter};

use crate::{NotifyFunction, Ports};

/// Number of events of one subject that are stored at once, each with its deliveries. Our choice.
const AT_ONCE: usize = 4;

/// An event with its payload, before it is stored.
pub(crate) struct Event {
    /// The payload.
    pub(crate) payload: StoredPayload,
    /// Time of the first attempt.
    pub(crate) from: Timestamp,
}

impl Event {
    /// The event of a telling with this body, to be sent at `from`.
    pub(crate) fn new(telling: &Telling, born: Timestamp, body: String, from: Timestamp) -> Self {
        Self {
            payload: StoredPayload {
                event: telling.id.clone(),
                event_type: telling.event_type,
                subject: telling.subject,
                born,
                created_at: telling.created_at,
                body,
            },
            from,
        }
    }
}

/// The result of storing events.
#[derive(Default)]
pub(crate) struct Stored {
    /// The tasks to send.
    pub(crate) tasks: Vec<DeliveryTaskRequest>,
    /// Number of deliveries that are new.
    pub(crate) added: usize,
}

/// True if one of these webhooks asks for an event.
pub(crate) fn is_wanted(telling: &Telling, webhooks: &[Webhook], now: Timestamp) -> bool {
    webhooks
        .iter()
        .any(|webhook| webhook.wants(telling.event_type) && !webhook.has_ended(now))
}

impl<P: Ports> NotifyFunction<P> {
    /// Stores events about one subject for the webhooks that ask for them.
    pub(crate) async fn store(
        &self,
        tenant: &TenantId,
        events: &[Event],
        webhooks: &[Webhook],
        now: Timestamp,
    ) -> Result<Stored, PortError> {
        let each: Vec<_> = events
            .iter()
            .map(|event| self.store_one(tenant, event, webhooks, now))
            .collect();
        let each: Vec<Stored> = iter(each).buffered(AT_ONCE).try_collect().await?;
        let mut stored = Stored::default();
        for one in each {
            stored.tasks.extend(one.tasks);
            stored.added = stored.added.saturating_add(one.added);
        }
        Ok(stored)
    }

    async fn store_one(
        &self,
        tenant: &TenantId,
        Event { payload, from }: &Event,
        webhooks: &[Webhook],
        now: Timestamp,
    ) -> Result<Stored, PortError> {
        let wants = |webhook: &&Webhook| webhook.wants(payload.event_type) && !webhook.has_ended(now);
        let webhooks: Vec<&Webhook> = webhooks.iter().filter(wants).collect();
        if webhooks.is_empty() {
            return Ok(Stored::default());
        }
        let ids: Vec<WebhookId> = webhooks.iter().map(|webhook| webhook.id).collect();
        let stored = self.records.put_payload(tenant, payload, &ids, now).await;
        let Some(stored) = unless_permanent(stored, &payload.event)?.flatten() else {
            return Ok(Stored::default());
        };
        let mut result = Stored::default();
        for webhook in webhooks {
            let is_called = webhook.called_endpoint().is_some();
            let event = stored.event.clone();
            let new = Delivery::new(event, stored.event_type, stored.created_at, is_called, *from);
            let new = StoredDelivery {
                delivery: new,
                subject: stored.subject,
            };
            let key = WebhookKey::of(webhook);
            let existing = self.records.add_delivery(&key, &new).await;
            let Some(existing) = unless_permanent(existing, &payload.event)? else {
                continue;
            };
            if existing.is_none() {
                result.added = result.added.saturating_add(1);
            }
            let delivery = existing.map_or(new.delivery, |existing| existing.delivery);
            result.tasks.extend(first_task(&key, &delivery, now));
        }
        Ok(result)
    }

    /// Deletes events about a subject whose record is gone, for all webhooks of the tenant, and refuses their late writes.
    pub(crate) async fn withdraw(
        &self,
        tenant: &TenantId,
        subject: Subject,
        events: &[EventId],
        webhooks: &[Webhook],
    ) -> Result<(), PortError> {
        let ids: Vec<_> = webhooks.iter().map(|webhook| webhook.id).collect();
        let now = self.system.now();
        self.records.withdraw(tenant, subject, events, &ids, now).await
    }

    /// Sends tasks. The due index sends a failed one again.
    pub(crate) async fn send(&self, tasks: &[DeliveryTaskRequest]) {
        if tasks.is_empty() {
            return;
        }
        let results = self.tasks.send_deliveries(tasks).await;
        let failed: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        if let Some(error) = failed.first() {
            let error = telemetry::chain(error);
            let count = failed.len();
            tracing::warn!(
                count,
                error,
                "delivery tasks could not be sent; promote finds the deliveries"
            );
        }
    }
}

/// Reports a permanent error of an event, and returns `None` instead of it.
fn unless_permanent<T>(result: Result<T, PortError>, event: &EventId) -> Result<Option<T>, PortError> {
    match result {
        Err(error) if error.kind == FailureKind::Permanent => {
            metrics::change_not_told(&format!("{event}: {}", telemetry::chain(&error)));
            Ok(None)
        }
        result => result.map(Some),
    }
}

/// Returns the task of a delivery that was never tried; a repeated one does no harm.
pub(crate) fn first_task(key: &WebhookKey, delivery: &Delivery, now: Timestamp) -> Option<DeliveryTaskRequest> {
    let is_untried = delivery.state == DeliveryState::Pending && delivery.tried == 0;
    let delay = delivery.next.filter(|_| is_untried)?.task_delay(now)?;
    Some(task(key, &delivery.event, delay))
}

/// Returns the task of an event for a webhook.
pub(crate) fn task(key: &WebhookKey, event: &EventId, delay: Duration) -> DeliveryTaskRequest {
    DeliveryTaskRequest {
        task: DeliveryTask::new(key.tenant.clone(), key.id, event.clone()),
        delay,
    }
}
