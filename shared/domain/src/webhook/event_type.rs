//! The types of events.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// The type of an event.
///
/// Source: Resend's OpenAPI document, version 1.5.0, `webhooks`; `email.canceled` and `email.expired` are ours.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "WebhookEventType")
)]
pub enum EventType {
    /// The email waits for the time that a caller requested.
    #[serde(rename = "email.scheduled")]
    #[strum(serialize = "email.scheduled")]
    Scheduled,
    /// Amazon SES accepted the email.
    #[serde(rename = "email.sent")]
    #[strum(serialize = "email.sent")]
    Sent,
    /// The recipient's server accepted the email.
    #[serde(rename = "email.delivered")]
    #[strum(serialize = "email.delivered")]
    Delivered,
    /// The recipient's server has not accepted the email yet.
    #[serde(rename = "email.delivery_delayed")]
    #[strum(serialize = "email.delivery_delayed")]
    DeliveryDelayed,
    /// The recipient's server rejected the email.
    #[serde(rename = "email.bounced")]
    #[strum(serialize = "email.bounced")]
    Bounced,
    /// The recipient reported the email as spam.
    #[serde(rename = "email.complained")]
    #[strum(serialize = "email.complained")]
    Complained,
    /// A recipient opened the email.
    #[serde(rename = "email.opened")]
    #[strum(serialize = "email.opened")]
    Opened,
    /// A recipient clicked a link in the email.
    #[serde(rename = "email.clicked")]
    #[strum(serialize = "email.clicked")]
    Clicked,
    /// The email was not sent, or it is unknown whether Amazon SES accepted it.
    #[serde(rename = "email.failed")]
    #[strum(serialize = "email.failed")]
    Failed,
    /// The email was not sent to the recipient, because the address is suppressed.
    #[serde(rename = "email.suppressed")]
    #[strum(serialize = "email.suppressed")]
    Suppressed,
    /// The email was canceled.
    #[serde(rename = "email.canceled")]
    #[strum(serialize = "email.canceled")]
    Canceled,
    /// The email expired before it was sent.
    #[serde(rename = "email.expired")]
    #[strum(serialize = "email.expired")]
    Expired,
    /// An address was suppressed.
    #[serde(rename = "suppression.added")]
    #[strum(serialize = "suppression.added")]
    SuppressionAdded,
    /// A suppressed address was released.
    #[serde(rename = "suppression.removed")]
    #[strum(serialize = "suppression.removed")]
    SuppressionRemoved,
    /// A sending domain was registered.
    #[serde(rename = "domain.created")]
    #[strum(serialize = "domain.created")]
    DomainCreated,
    /// The verification of a sending domain changed.
    #[serde(rename = "domain.updated")]
    #[strum(serialize = "domain.updated")]
    DomainUpdated,
    /// A sending domain was deleted.
    #[serde(rename = "domain.deleted")]
    #[strum(serialize = "domain.deleted")]
    DomainDeleted,
}

impl EventType {
    /// All types.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name in requests and payloads.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Types of Resend whose facts do not exist here. A webhook may ask for them, and never gets one.
///
/// Source: Resend's Node SDK, version 6.38.0, `WebhookEvent`.
pub const NEVER_TOLD: &[&str] = &[
    "contact.created",
    "contact.deleted",
    "contact.topics.updated",
    "contact.updated",
    "email.received",
    "inbox.created",
    "inbox.deleted",
    "inbox.draft.created",
    "inbox.draft.deleted",
    "inbox.draft.sent",
    "inbox.draft.updated",
    "inbox.email.received",
    "inbox.email.sent",
    "inbox.thread.assigned",
    "inbox.thread.created",
    "inbox.thread.folder.updated",
    "inbox.thread.labels.updated",
    "inbox.thread.unassigned",
    "inbox.updated",
    "topic.created",
    "topic.deleted",
    "topic.updated",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_is_both_told_and_never_told() {
        for event_type in EventType::ALL {
            assert!(!NEVER_TOLD.contains(&event_type.as_str()), "{event_type:?}");
        }
        assert!(NEVER_TOLD.is_sorted());
    }
}
