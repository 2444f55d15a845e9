//! `GET /emails/{id}/events`: an email's history, oldest first.
//!
//! **Invariant:** all of it is read from the record, as part of writes that happen anyway: this list causes no
//! writes. The history in a record is bounded ([`crate::delivery::history`]).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::delivery::cause::{Cause, Class};
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::email_status;
use crate::delivery::history::Fact;
use crate::delivery::record::{DueKind, EmailRecord, RecordStatus, recipient_key};
use crate::message::email::EmailContent;
use crate::timestamp::Timestamp;

/// The type of an event. Delivery events have the same names as in `last_event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum EventType {
    /// mailqueue accepted the email.
    Accepted,
    /// A caller retried the email after its end. Only the last such retry is listed.
    Retried,
    /// An attempt ended, and Amazon SES did not accept the email.
    AttemptFailed,
    /// An attempt ended, and Amazon SES may have accepted the email.
    AttemptUncertain,
    /// Amazon SES accepted the email.
    Sent,
    /// The email was not sent to a recipient, because the address is suppressed.
    Suppressed,
    /// A recipient's server has not accepted the email yet.
    DeliveryDelayed,
    /// A recipient's server accepted the email.
    Delivered,
    /// A recipient's server rejected the email.
    Bounced,
    /// Amazon SES accepted the email, but did not send it.
    Rejected,
    /// A recipient reported the email as spam.
    Complained,
    /// A recipient reported that the email is not spam.
    NotSpam,
    /// A recipient's provider reported a failed authentication.
    AuthFailure,
    /// The last time that the email was opened.
    Opened,
    /// The last time that a link in the email was clicked.
    Clicked,
    /// The email failed: Amazon SES did not accept it.
    Failed,
    /// The email ended without a known result: Amazon SES may have accepted it.
    Unknown,
    /// The email was canceled.
    Canceled,
    /// The email expired before it was sent.
    Expired,
}

/// The list of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Events"))]
pub struct EventsView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    object: &'static str,
    pub(super) data: Vec<EventView>,
}

/// An event. Fields without a value are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Event"))]
pub struct EventView {
    #[serde(rename = "type")]
    pub(super) event_type: EventType,
    pub(super) created_at: String,
    /// The number of the attempt, starting at 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempt: Option<u32>,
    /// The recipient. Present while the content of the email is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    /// The type of a bounce: `permanent` or `transient`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bounce_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<Cause>,
    /// The message of the provider or of the recipient's server.
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ses_message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scheduled_at: Option<String>,
}

impl EventsView {
    /// The history of a record at `now`. Its recipients are named while its content exists.
    #[must_use]
    pub fn new(record: &EmailRecord, email: Option<&EmailContent>, now: Timestamp) -> Self {
        let mut past = Past::default();
        past.life(record, now);
        past.recipients(record, email);
        // Events of the same millisecond stay in their natural order.
        past.events.sort_by_key(|(at, event)| (*at, event.event_type));
        Self {
            object: "list",
            data: past.events.into_iter().map(|(_, event)| event).collect(),
        }
    }
}

#[derive(Default)]
struct Past {
    events: Vec<(Timestamp, EventView)>,
}

impl Past {
    /// Adds an event, and returns it for further fields.
    fn add(&mut self, event_type: EventType, at: Timestamp) -> Option<&mut EventView> {
        let event = EventView {
            event_type,
            created_at: at.to_string(),
            attempt: None,
            recipient: None,
            bounce_type: None,
            cause: None,
            diagnostic: None,
            ses_message_id: None,
            scheduled_at: None,
        };
        self.events.push((at, event));
        self.events.last_mut().map(|(_, event)| event)
    }

    fn life(&mut self, record: &EmailRecord, now: Timestamp) {
        if let Some(accepted) = self.add(EventType::Accepted, record.born) {
            accepted.scheduled_at = record.scheduled_at.map(|at| at.to_string());
        }
        if let Some(at) = record.retried_at {
            self.add(EventType::Retried, at);
        }
        for outcome in &record.outcomes {
            let event_type = if outcome.cause.class() == Class::Unknown {
                EventType::AttemptUncertain
            } else {
                EventType::AttemptFailed
            };
            if let Some(event) = self.add(event_type, outcome.at) {
                event.attempt = Some(outcome.claim_no);
                event.cause = Some(outcome.cause);
                event.diagnostic = said(&outcome.words);
            }
        }
        if let Some(sent) = &record.sent
            && let Some(event) = self.add(EventType::Sent, email_status::sent_at(record).unwrap_or(sent.at))
        {
            event.attempt = Some(sent.claim_no);
            event.ses_message_id = said(&sent.message_id);
        }
        for (event_type, at) in [
            (EventType::Opened, record.opened_at),
            (EventType::Clicked, record.clicked_at),
        ] {
            if let Some(at) = at {
                self.add(event_type, at);
            }
        }
        let ended = match record.status_at(now) {
            RecordStatus::Queued
            | RecordStatus::Sending
            | RecordStatus::Failing
            | RecordStatus::Uncertain
            | RecordStatus::Sent => return,
            RecordStatus::Failed => EventType::Failed,
            RecordStatus::Unknown => EventType::Unknown,
            RecordStatus::Canceled => EventType::Canceled,
            RecordStatus::Expired => EventType::Expired,
        };
        // An expired email that no write has ended yet ended at its expiry.
        let at = match record.due {
            Some(due) if due.kind == DueKind::Ended => due.at,
            Some(_) | None => record.expires_at,
        };
        if let Some(event) = self.add(ended, at) {
            event.cause = record.cause_at(now);
            event.diagnostic = record.detail.clone();
        }
    }

    fn recipients(&mut self, record: &EmailRecord, email: Option<&EmailContent>) {
        let addresses: BTreeMap<_, _> = email
            .into_iter()
            .flat_map(|email| [email.to(), email.cc(), email.bcc()])
            .flatten()
            .map(|mailbox| mailbox.address().as_str())
            .map(|address| (recipient_key(address), address))
            .collect();
        let sent_at = email_status::sent_at(record).unwrap_or(record.born);
        for (key, delivery_status) in &record.delivery_statuses {
            let (event_type, bounce_type) = match delivery_status {
                DeliveryStatus::Suppressed => (EventType::Suppressed, None),
                DeliveryStatus::DeliveryDelayed => (EventType::DeliveryDelayed, None),
                DeliveryStatus::Absence | DeliveryStatus::SoftBounced => (EventType::Bounced, Some("transient")),
                DeliveryStatus::Delivered => (EventType::Delivered, None),
                DeliveryStatus::OnGlobalList | DeliveryStatus::OnAccountList | DeliveryStatus::Bounced => {
                    (EventType::Bounced, Some("permanent"))
                }
                DeliveryStatus::Rejected => (EventType::Rejected, None),
                DeliveryStatus::Complained => (EventType::Complained, None),
            };
            let diagnostic = record.diagnostics.get(key);
            // A left-out recipient gets the time at which SES accepted the email for the others.
            let at = diagnostic.map_or(sent_at, |said| said.at);
            if let Some(event) = self.add(event_type, at) {
                event.recipient = addresses.get(key).map(|address| (*address).to_owned());
                event.bounce_type = bounce_type;
                event.diagnostic = diagnostic.and_then(|diagnostic| said(&diagnostic.words));
            }
        }
        for ((key, fact), known) in &record.facts {
            let (event_type, bounce_type) = match fact {
                Fact::Delivered => (EventType::Delivered, None),
                Fact::SoftBounced => (EventType::Bounced, Some("transient")),
                Fact::OnGlobalList | Fact::OnAccountList | Fact::Bounced => (EventType::Bounced, Some("permanent")),
                Fact::Rejected => (EventType::Rejected, None),
                Fact::NotSpam => (EventType::NotSpam, None),
                Fact::AuthFailure => (EventType::AuthFailure, None),
            };
            if let Some(event) = self.add(event_type, known.at) {
                event.recipient = addresses.get(key).map(|address| (*address).to_owned());
                event.bounce_type = bounce_type;
                event.diagnostic = said(&known.words);
            }
        }
    }
}

fn said(words: &str) -> Option<String> {
    (!words.is_empty()).then(|| words.to_owned())
}

#[cfg(test)]
#[path = "events_view_tests.rs"]
mod tests;
