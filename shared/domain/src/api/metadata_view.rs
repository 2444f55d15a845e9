//! An email as the deployer sees it: its record, and nothing of its content.
//!
//! **Role:** called by `manage` for a request of the deployer; calls [`crate::delivery::email_status`].
//! **Invariant:** there is no field for a subject, an address, a text, a header, a tag or a file. Messages of Amazon
//! SES and of recipients' servers are left out, because they may repeat addresses and parts of the content.
//! **Start reading at** [`EmailMetadata`]. Why this way: docs/adr/0030.

use serde::Serialize;

use super::events_view::{EventType, EventView, EventsView};
use crate::delivery::cause::Cause;
use crate::delivery::email_status::{self, EmailStatus, LastEvent};
use crate::delivery::record::{EmailRecord, OnUncertain};
use crate::id::EmailId;
use crate::timestamp::Timestamp;

/// An email without its content, as the deployer's key reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmailMetadata {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "email")))]
    object: &'static str,
    id: String,
    created_at: String,
    last_event: LastEvent,
    scheduled_at: Option<String>,
    status: EmailStatus,
    attempts: u32,
    cause: Option<Cause>,
    advice: Option<&'static str>,
    next_attempt_at: Option<String>,
    expires_at: String,
    on_uncertain: OnUncertain,
    maybe_duplicate: bool,
    /// Amazon SES is known to have accepted the email more than once.
    duplicate: bool,
    queue: String,
    /// The number of recipients of `to`, `cc` and `bcc`.
    recipient_count: u32,
    sent_at: Option<String>,
    delivered_at: Option<String>,
    ses_message_id: Option<String>,
}

impl EmailMetadata {
    /// The response for a record.
    #[must_use]
    pub fn new(record: &EmailRecord, now: Timestamp) -> Self {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let sent = record.sent.as_ref();
        Self {
            object: "email",
            id: record.id.to_string(),
            created_at: record.born.to_string(),
            last_event: email_status::last_event(record, now),
            scheduled_at: time(record.scheduled_at),
            status: EmailStatus::of(record, now),
            attempts: record.attempts,
            cause: record.cause_at(now),
            advice: email_status::advice(record, now),
            next_attempt_at: time(email_status::next_attempt_at(record, now)),
            expires_at: record.expires_at.to_string(),
            on_uncertain: record.on_uncertain,
            maybe_duplicate: record.maybe_duplicate || record.duplicate,
            duplicate: record.duplicate,
            queue: record.queue.to_string(),
            recipient_count: record.recipients,
            sent_at: time(email_status::sent_at(record)),
            delivered_at: time(record.delivered_at),
            ses_message_id: sent.map(|sent| sent.message_id.clone()).filter(|id| !id.is_empty()),
        }
    }
}

/// A page of a list of emails without their contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmailMetadataPage {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    object: &'static str,
    has_more: bool,
    /// The cursor of the next page, if there are more emails.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    next: Option<String>,
    data: Vec<EmailMetadata>,
}

impl EmailMetadataPage {
    /// A page, newest first. `next`: the email after which the next page starts.
    #[must_use]
    pub fn new(data: Vec<EmailMetadata>, next: Option<EmailId>) -> Self {
        Self {
            object: "list",
            has_more: next.is_some(),
            next: next.map(|id| id.to_string()),
            data,
        }
    }
}

/// The events of an email, oldest first, without recipients and server messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventsMetadata {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    object: &'static str,
    data: Vec<EventMetadata>,
}

/// An event. Fields without a value are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct EventMetadata {
    #[serde(rename = "type")]
    event_type: EventType,
    created_at: String,
    /// The number of the attempt, starting at 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    /// The type of a bounce: `permanent` or `transient`.
    #[serde(skip_serializing_if = "Option::is_none")]
    bounce_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ses_message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<String>,
}

impl EventsMetadata {
    /// The history of a record at `now`.
    #[must_use]
    pub fn new(record: &EmailRecord, now: Timestamp) -> Self {
        let events = EventsView::new(record, None, now).data;
        Self {
            object: "list",
            data: events.into_iter().map(EventMetadata::from).collect(),
        }
    }
}

impl From<EventView> for EventMetadata {
    fn from(event: EventView) -> Self {
        Self {
            event_type: event.event_type,
            created_at: event.created_at,
            attempt: event.attempt,
            bounce_type: event.bounce_type,
            cause: event.cause,
            ses_message_id: event.ses_message_id,
            scheduled_at: event.scheduled_at,
        }
    }
}
