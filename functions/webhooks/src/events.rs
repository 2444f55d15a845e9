//! Shows the events of a webhook, and the attempts of an event.
//!
//! **Invariant:** a page costs a bounded number of calls, and its answer has a bounded size, however many events exist
//! and however few of them match.
//! **Start reading at** [`WebhooksFunction::events`].

use std::collections::HashMap;

use domain::api::error::ApiError;
use domain::api::webhook_event_view::{
    SignedHeader, WebhookAttempt, WebhookEventPage, WebhookEventSummary, WebhookEventView,
};
use domain::api::webhook_view::WebhookPage as PageView;
use domain::ports::webhook_events::{Deliveries, Payloads, StoredDelivery, StoredPayload};
use domain::ports::webhooks::WebhookKey;
use domain::ports::{Clock, PortError};
use domain::reporting::listing::{Place, Start};
use domain::timestamp::Timestamp;
use domain::webhook::identity::EventId;
use domain::webhook::secret::Secrets;
use domain::webhook::settings::WebhookId;
use outgoing::signature::{Secret, sign};

use crate::owner::Owner;
use crate::page::{AttemptPage, EventPage, cut};
use crate::{Ports, WebhooksError, WebhooksFunction};

/// Most events that a page with a filter looks at: ten reads of a hundred.
pub const LOOKED_AT_MAX: usize = 1_000;

/// Events per read of a page with a filter.
const STEP: usize = 100;

/// Most bytes of the payloads of a page. Source: AWS Lambda quotas: an answer is at most 6 MB. Each payload is in it
/// twice, once with escapes.
const PAYLOADS_MAX: usize = 1_500_000;

/// The sentence about an id of no event.
pub(crate) const NO_EVENT: &str = "No event of this webhook has this id. See GET /webhooks/{id}/events.";

pub(crate) fn no_event() -> WebhooksError {
    ApiError::not_found(NO_EVENT).into()
}

/// The deliveries of a page.
struct Found {
    /// In the direction of reading.
    deliveries: Vec<StoredDelivery>,
    /// The last event that was looked at, if there may be more behind it.
    next: Option<EventId>,
}

impl<P: Ports> WebhooksFunction<P> {
    /// Shows a page of the events of a webhook, newest first in either direction.
    ///
    /// # Errors
    /// 404 when the tenant has no webhook with this id. 409 when payloads are asked for, and the secret that signs them
    /// is missing or cannot be decrypted. 422 when there is no event at the page's cursor. Or a backend call failed.
    pub async fn events(
        &self,
        owner: &Owner,
        id: WebhookId,
        page: &EventPage,
    ) -> Result<WebhookEventPage, WebhooksError> {
        let (key, now) = (owner.key(id), self.system.now());
        self.stored(&key).await?;
        let secrets = if page.with_payload {
            Some(self.signing(&key).await?)
        } else {
            None
        };
        let start = self.start(&key, page).await?;
        let is_backwards = matches!(start, Start::NewerThan(_));
        let mut found = self.search(&key, start, page).await?;
        let mut data: Vec<WebhookEventSummary> = if let Some(secrets) = &secrets {
            let payloads = self.payloads_of(owner, &found.deliveries).await?;
            let fits = fitting(&found.deliveries, &payloads);
            if fits < found.deliveries.len() {
                found.deliveries.truncate(fits);
                found.next = found.deliveries.last().map(|last| last.delivery.event.clone());
            }
            let full = |stored: &StoredDelivery| with_payload(stored, &payloads, secrets, now);
            found.deliveries.iter().map(full).collect()
        } else {
            let plain = |stored: &StoredDelivery| WebhookEventSummary::new(&stored.delivery);
            found.deliveries.iter().map(plain).collect()
        };
        if is_backwards {
            data.reverse();
        }
        Ok(WebhookEventPage::new(data, found.next.as_ref()))
    }

    async fn start(&self, key: &WebhookKey, page: &EventPage) -> Result<Start<EventId>, WebhooksError> {
        let Some(cursor) = page.page.cursor.clone() else {
            return Ok(Start::Newest);
        };
        let id = cursor.clone().id();
        let found = self.find(key, &id).await?;
        let found = found.ok_or_else(|| cursor.clone().not_there("event"))?;
        let born = found.delivery.created_at;
        Ok(cursor.start(Place { born, id }))
    }

    /// Returns the matching deliveries from `start` on. The list is read without strong consistency: a delivery that was
    /// just deleted is left out.
    async fn search(&self, key: &WebhookKey, start: Start<EventId>, page: &EventPage) -> Result<Found, PortError> {
        let limit = page.page.limit;
        let has_filter = page.status.is_some() || page.event_type.is_some();
        // One extra event shows whether there are more.
        let step = if has_filter { STEP } else { limit.saturating_add(1) };
        let (mut start, mut deliveries, mut last, mut looked_at) = (start, Vec::new(), None, 0_usize);
        loop {
            let places = self.records.delivery_places(key, start.clone(), step).await?;
            if places.is_empty() {
                return Ok(Found { deliveries, next: None });
            }
            let ids: Vec<_> = places.iter().map(|place| place.id.clone()).collect();
            let stored = self.records.deliveries(key, &ids).await?;
            let named = stored.into_iter().map(|stored| (stored.delivery.event.clone(), stored));
            let mut stored: HashMap<EventId, StoredDelivery> = named.collect();
            for id in ids {
                if deliveries.len() == limit || looked_at == LOOKED_AT_MAX {
                    return Ok(Found { deliveries, next: last });
                }
                looked_at = looked_at.saturating_add(1);
                let found = stored.remove(&id);
                deliveries.extend(found.filter(|stored| page.admits(&stored.delivery)));
                last = Some(id);
            }
            match places.last() {
                Some(place) if places.len() == step => start = start.behind(place.clone()),
                Some(_) | None => return Ok(Found { deliveries, next: None }),
            }
        }
    }

    async fn payloads_of(
        &self,
        owner: &Owner,
        deliveries: &[StoredDelivery],
    ) -> Result<HashMap<EventId, StoredPayload>, PortError> {
        if deliveries.is_empty() {
            return Ok(HashMap::new());
        }
        let name = |stored: &StoredDelivery| (stored.subject, stored.delivery.event.clone());
        let events: Vec<_> = deliveries.iter().map(name).collect();
        let found = self.records.payloads(owner.tenant(), &events).await?;
        let named = found.into_iter().map(|payload| (payload.event.clone(), payload));
        Ok(named.collect())
    }

    /// Returns the delivery of an event.
    pub(crate) async fn find(&self, key: &WebhookKey, event: &EventId) -> Result<Option<StoredDelivery>, PortError> {
        let mut found = self.records.deliveries(key, std::slice::from_ref(event)).await?;
        Ok(found.pop())
    }

    /// Shows an event with its payload.
    ///
    /// # Errors
    /// 404 when the tenant has no webhook with this id, or the webhook no event. Or a backend call failed.
    pub async fn event(
        &self,
        owner: &Owner,
        id: WebhookId,
        event: &EventId,
    ) -> Result<WebhookEventView, WebhooksError> {
        let key = owner.key(id);
        self.stored(&key).await?;
        let stored = self.find(&key, event).await?.ok_or_else(no_event)?;
        let payloads = self.payloads_of(owner, std::slice::from_ref(&stored)).await?;
        let body = payloads.get(event).map(|payload| payload.body.as_str());
        Ok(WebhookEventView::new(&stored.delivery, body))
    }

    /// Shows the newest attempts of an event, newest first in either direction.
    ///
    /// # Errors
    /// As [`Self::event`]. 422 when there is no attempt at the page's cursor.
    pub async fn attempts(
        &self,
        owner: &Owner,
        id: WebhookId,
        event: &EventId,
        page: &AttemptPage,
    ) -> Result<PageView<WebhookAttempt>, WebhooksError> {
        let key = owner.key(id);
        self.stored(&key).await?;
        let stored = self.find(&key, event).await?.ok_or_else(no_event)?;
        let all = WebhookAttempt::all(&stored.delivery);
        let (shown, has_more) = cut(all, |attempt| attempt.id().to_owned(), page, "attempt")?;
        Ok(PageView::new(shown, has_more))
    }
}

/// Returns the number of deliveries whose payloads fit into an answer, at least one.
fn fitting(deliveries: &[StoredDelivery], payloads: &HashMap<EventId, StoredPayload>) -> usize {
    let mut bytes = 0_usize;
    let fits = |stored: &&StoredDelivery| {
        let payload = payloads.get(&stored.delivery.event);
        bytes = bytes.saturating_add(payload.map_or(0, |payload| payload.body.len()));
        bytes <= PAYLOADS_MAX
    };
    deliveries.iter().take_while(fits).count().max(1)
}

/// The entry of a delivery with its payload, signed now.
fn with_payload(
    stored: &StoredDelivery,
    payloads: &HashMap<EventId, StoredPayload>,
    secrets: &Secrets,
    now: Timestamp,
) -> WebhookEventSummary {
    let entry = WebhookEventSummary::new(&stored.delivery);
    match payloads.get(&stored.delivery.event) {
        None => entry,
        Some(payload) => {
            let headers = signed(payload, secrets, now);
            entry.with_payload(payload.body.clone(), headers)
        }
    }
}

/// The headers of a delivery that is signed now. Stored secrets and ids can always sign.
fn signed(payload: &StoredPayload, secrets: &Secrets, now: Timestamp) -> Vec<SignedHeader> {
    let valid = secrets.valid_at(now);
    let valid: Vec<Secret> = valid
        .filter_map(|secret| Secret::parse(&secret.to_text()).ok())
        .collect();
    let Some((newest, older)) = valid.split_first() else {
        return Vec::new();
    };
    let secs = u64::try_from(now.as_secs()).unwrap_or_default();
    let Ok(signed) = sign(payload.event.as_str(), secs, payload.body.as_bytes(), newest, older) else {
        return Vec::new();
    };
    let header = |(name, value): (&str, String)| SignedHeader {
        name: name.to_owned(),
        value,
    };
    let content_type = ("content-type", "application/json".to_owned());
    std::iter::once(content_type)
        .chain(signed.headers())
        .map(header)
        .collect()
}
