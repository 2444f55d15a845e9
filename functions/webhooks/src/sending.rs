//! Sends events: a stored one again, or a test.
//!
//! **Invariant:** nothing is sent for a webhook that is not called. A delivery is in the due index before its task is
//! sent, so that a lost task is sent again.

use domain::api::error::ApiError;
use domain::api::webhook_event_view::WebhookEventSent;
use domain::ports::webhook_events::{
    Deliveries, DeliveryChange, DeliveryTaskRequest, DeliveryTasks, Payloads, StoredDelivery, StoredPayload,
};
use domain::ports::webhooks::{StoredWebhook, WebhookKey};
use domain::ports::{Clock, Random, Rounds};
use domain::timestamp::Timestamp;
use domain::webhook::delivery::Delivery;
use domain::webhook::event_type::EventType;
use domain::webhook::identity::EventId;
use domain::webhook::settings::{Status, Target, WebhookId};
use domain::webhook::task::DeliveryTask;

use crate::events::no_event;
use crate::owner::Owner;
use crate::samples::{self, Frame};
use crate::{Ports, WebhooksError, WebhooksFunction};

/// Checks that a webhook is enabled: its events are only kept otherwise.
pub(crate) fn check_enabled(stored: &StoredWebhook) -> Result<(), ApiError> {
    match stored.webhook.status {
        Status::Enabled => Ok(()),
        Status::Disabled { .. } => Err(ApiError::conflict(
            "This webhook is disabled, so that nothing is sent to it. Enable it first: PATCH /webhooks/{id} with \"status\": \"enabled\".",
        )),
    }
}

/// Checks that a webhook is called.
fn check_called(stored: &StoredWebhook) -> Result<(), ApiError> {
    check_enabled(stored)?;
    match stored.webhook.target {
        Target::Push { .. } => Ok(()),
        Target::Pull { .. } => Err(ApiError::conflict(
            "This webhook is only pulled, so that nothing is sent to it. Read its events with GET /webhooks/{id}/events?include=payload.",
        )),
    }
}

impl<P: Ports> WebhooksFunction<P> {
    /// Sends a stored event again, also one that its receiver has: its schedule begins anew.
    ///
    /// # Errors
    /// 404 when the tenant has no webhook with this id, or the webhook no event. 409 when the webhook is not called. Or a
    /// backend call failed: the event may be sent.
    pub async fn replay(
        &self,
        owner: &Owner,
        id: WebhookId,
        event: &EventId,
    ) -> Result<WebhookEventSent, WebhooksError> {
        let key = owner.key(id);
        check_called(&self.stored(&key).await?)?;
        let mut before = self.find(&key, event).await?.ok_or_else(no_event)?;
        let mut rounds = Rounds::of("sending an event again");
        loop {
            rounds.begin()?;
            let now = self.system.now();
            let after = before.delivery.replayed(now, now);
            match self.records.save_delivery(&key, &before, &after).await? {
                DeliveryChange::Done => {
                    self.send_task(&key, &after, now).await;
                    return Ok(WebhookEventSent::new(event));
                }
                DeliveryChange::Moved(Some(moved)) => before = *moved,
                DeliveryChange::Moved(None) => return Err(no_event()),
            }
        }
    }

    /// Sends a test event of a type, with invented data.
    ///
    /// # Errors
    /// 404 when the tenant has no webhook with this id. 409 when it is disabled. Or a backend call failed: the event may
    /// be sent.
    pub async fn test(
        &self,
        owner: &Owner,
        id: WebhookId,
        event_type: EventType,
    ) -> Result<WebhookEventSent, WebhooksError> {
        let key = owner.key(id);
        let stored = self.stored(&key).await?;
        check_enabled(&stored)?;
        let event = self.random_event()?;
        let now = self.system.now();
        let frame = Frame {
            event: &event,
            tenant: owner.tenant(),
            id: self.system.id()?,
            region: &self.region,
            now,
        };
        let sample = samples::of(event_type, frame).ok_or_else(ApiError::internal)?;
        let payload = StoredPayload {
            event: event.clone(),
            event_type,
            subject: sample.subject,
            born: now,
            created_at: now,
            body: sample.body,
        };
        self.records.put_payload(owner.tenant(), &payload, &[id], now).await?;
        let is_called = stored.webhook.called_endpoint().is_some();
        let delivery = StoredDelivery {
            delivery: Delivery::new(event.clone(), event_type, now, is_called, now),
            subject: sample.subject,
        };
        self.records.add_delivery(&key, &delivery).await?;
        self.send_task(&key, &delivery.delivery, now).await;
        Ok(WebhookEventSent::new(&event))
    }

    /// The id of an event that follows from no fact.
    fn random_event(&self) -> Result<EventId, WebhooksError> {
        let mut bytes = [0; 20];
        for (to, from) in bytes.iter_mut().zip(self.system.secret()?) {
            *to = from;
        }
        Ok(EventId::from_bytes(bytes))
    }

    /// Sends the task of a delivery, if its attempt is near. A failure is no error: the due index has the delivery.
    async fn send_task(&self, key: &WebhookKey, delivery: &Delivery, now: Timestamp) {
        let Some(delay) = delivery.next.and_then(|next| next.task_delay(now)) else {
            return;
        };
        let task = DeliveryTask::new(key.tenant.clone(), key.id, delivery.event.clone());
        for sent in self.tasks.send_deliveries(&[DeliveryTaskRequest { task, delay }]).await {
            if let Err(error) = sent {
                let error = aws::runtime::telemetry::chain(&error);
                tracing::warn!(
                    error,
                    "a task of a webhook could not be sent; the due index has its delivery"
                );
            }
        }
    }
}
