//! Answers about the events of a webhook, their attempts and their recovery, in Resend's form.
//!
//! **Role:** called by `webhooks`; calls [`crate::webhook`].
//! **Invariant:** an answer has no secret. Signed headers are only in a page with payloads.
//!
//! Source: Resend's Node SDK, version 6.38.0, `WebhookEventLog`, `GetWebhookEventResponseSuccess` and
//! `WebhookEventAttempt`; `next`, `body`, `headers` and the recovery are ours.

use serde::Serialize;
use serde_json::Value;

use crate::webhook::delivery::{Delivery, DeliveryState, PastAttempt};
use crate::webhook::event_type::EventType;
use crate::webhook::identity::EventId;
use crate::webhook::recovery::{Phase, RecoverJob};

const OBJECT: &str = "webhook_event";

/// The form of an event's id.
#[cfg(feature = "schema")]
const EVENT_ID: &str = "^msg_[0-9A-Za-z]{27}$";

/// A page of the events of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookEventPage {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    object: &'static str,
    has_more: bool,
    /// The cursor of the next page, if there may be more events: the value for `after`, or for `before` if the request
    /// used `before`. With a filter, an empty page may still have a next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = EVENT_ID)))]
    next: Option<String>,
    data: Vec<WebhookEventSummary>,
}

impl WebhookEventPage {
    /// A page. `next`: the event behind which there may be more, in the direction of reading.
    #[must_use]
    pub fn new(data: Vec<WebhookEventSummary>, next: Option<&EventId>) -> Self {
        Self {
            object: "list",
            has_more: next.is_some(),
            next: next.map(ToString::to_string),
            data,
        }
    }
}

/// An event in the list, for `include=payload` with everything that a forwarder needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookEventSummary {
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = EVENT_ID)))]
    id: String,
    #[serde(rename = "type")]
    event_type: EventType,
    created_at: String,
    status: DeliveryState,
    /// Only with `include=payload`, as the next two. They are absent if the payload is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Map<String, serde_json::Value>"))]
    payload: Option<Value>,
    /// The exact bytes that the signature covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The headers of a delivery that is signed now.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Vec<SignedHeader>>,
}

/// A header of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignedHeader {
    /// The name, in lower case.
    pub name: String,
    /// The value.
    pub value: String,
}

impl WebhookEventSummary {
    /// The entry of a delivery.
    #[must_use]
    pub fn new(delivery: &Delivery) -> Self {
        Self {
            id: delivery.event.to_string(),
            event_type: delivery.event_type,
            created_at: delivery.created_at.to_string(),
            status: delivery.state,
            payload: None,
            body: None,
            headers: None,
        }
    }

    /// The entry with its payload.
    #[must_use]
    pub fn with_payload(self, body: String, headers: Vec<SignedHeader>) -> Self {
        Self {
            payload: Some(payload(&body)),
            body: Some(body),
            headers: Some(headers),
            ..self
        }
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WebhookEvent"))]
pub struct WebhookEventView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "webhook_event")))]
    object: &'static str,
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = EVENT_ID)))]
    id: String,
    #[serde(rename = "type")]
    event_type: EventType,
    created_at: String,
    status: DeliveryState,
    next_attempt_at: Option<String>,
    /// The body of the deliveries; null if it is gone.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")
    )]
    payload: Value,
}

impl WebhookEventView {
    /// The event of a delivery, with its stored payload.
    #[must_use]
    pub fn new(delivery: &Delivery, body: Option<&str>) -> Self {
        Self {
            object: OBJECT,
            id: delivery.event.to_string(),
            event_type: delivery.event_type,
            created_at: delivery.created_at.to_string(),
            status: delivery.state,
            next_attempt_at: delivery.next.map(|next| next.at.to_string()),
            payload: body.map_or(Value::Null, payload),
        }
    }
}

/// The answer to a replay or a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookEventSent {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "webhook_event")))]
    object: &'static str,
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = EVENT_ID)))]
    id: String,
}

impl WebhookEventSent {
    /// The answer.
    #[must_use]
    pub fn new(id: &EventId) -> Self {
        Self {
            object: OBJECT,
            id: id.to_string(),
        }
    }
}

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookAttempt {
    /// The id of the event, and the number of the attempt.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^msg_[0-9A-Za-z]{27}_[0-9]+$")))]
    id: String,
    /// The status code; 0 if there was no answer.
    http_status_code: u16,
    /// The beginning of the answer, or the reason why there was none.
    response: String,
    sent_at: String,
}

impl WebhookAttempt {
    /// The newest attempts of a delivery, newest first.
    #[must_use]
    pub fn all(delivery: &Delivery) -> Vec<Self> {
        let attempt = |past: &PastAttempt| Self {
            id: format!("{}_{}", delivery.event, past.number),
            http_status_code: past.status,
            response: past.words.clone(),
            sent_at: past.at.to_string(),
        };
        delivery.past.iter().rev().map(attempt).collect()
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// The answer to a recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecoveryStarted {
    id: String,
}

impl RecoveryStarted {
    /// The answer.
    #[must_use]
    pub fn new(job: &RecoverJob) -> Self {
        Self { id: job.id.to_string() }
    }
}

/// A recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Recovery"))]
pub struct RecoveryView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "job")))]
    object: &'static str,
    id: String,
    done: bool,
    /// Events that are sent again, or that were missing.
    events: u64,
    /// Emails whose events were computed again.
    emails: u64,
}

impl RecoveryView {
    /// The job.
    #[must_use]
    pub fn new(job: &RecoverJob) -> Self {
        Self {
            object: "job",
            id: job.id.to_string(),
            done: job.phase == Phase::Done,
            events: job.events,
            emails: job.emails,
        }
    }
}

/// A stored payload as JSON. A payload is JSON always.
fn payload(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_default()
}

#[cfg(test)]
#[path = "webhook_event_view_tests.rs"]
mod tests;
