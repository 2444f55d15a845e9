//! Writes the responses of `GET /emails/{id}` and `GET /emails`: Resend's fields, then ours.
//!
//! **Role:** called by `manage`; calls [`crate::delivery::email_status`].
//! **Invariant:** Resend's fields have Resend's names, order and types, so that Resend's clients can read them. A
//! list without entries is null, but `to` is always a list.
//! **Without content** (expired or erased), the fields of the content are empty. `from` and `subject` are empty texts
//! and `to` is an empty list, because Resend's types have no null there. All others are null. The record's own facts
//! stay.
//! **Start reading at** [`EmailView`].
//!
//! Source: Resend's OpenAPI document, version 1.5.0, schema `Email`, and resend-node's `GetEmailResponseSuccess` and
//! `ListEmail`, read 2026-11-24. `message_id` is the header that SES writes, and `ses_message_id` is SES's own id of
//! the email, from which the header follows.

use serde::Serialize;

use super::attachment_view::AttachmentView;
use super::headers::Warning;
use crate::delivery::cause::Cause;
use crate::delivery::email_status::{self, EmailStatus, LastEvent};
use crate::delivery::message_id::message_id;
use crate::delivery::record::{EmailRecord, OnUncertain};
use crate::id::EmailId;
use crate::message::email::EmailContent;
use crate::message::mailbox::Mailbox;
use crate::timestamp::Timestamp;

/// An email with its content.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Email"))]
pub struct EmailView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "email")))]
    object: &'static str,
    #[serde(flatten)]
    head: Head,
    html: Option<String>,
    text: Option<String>,
    #[serde(flatten)]
    facts: Facts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<TagView>,
    /// The headers of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<HeaderView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<AttachmentView>,
    recipients: Vec<RecipientView>,
    /// Parts of the request that had no effect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

/// An email in a list, without content, tags and recipients.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EmailItem"))]
pub struct ItemView {
    #[serde(flatten)]
    head: Head,
    #[serde(flatten)]
    facts: Facts,
}

/// A page of a list.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EmailPage"))]
pub struct PageView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    object: &'static str,
    has_more: bool,
    /// The cursor of the next page, if there are more emails: the value for `after`, or for `before` if the request
    /// used `before`. With a filter, an empty page may still have a next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    next: Option<String>,
    data: Vec<ItemView>,
}

impl EmailView {
    /// The response for a record, and its content if it still exists. `region`: the region of SES.
    #[must_use]
    pub fn new(record: &EmailRecord, email: Option<&EmailContent>, region: &str, now: Timestamp) -> Self {
        let lists = email
            .into_iter()
            .flat_map(|email| [email.to(), email.cc(), email.bcc()]);
        let recipient = |mailbox: &Mailbox| {
            let address = mailbox.address().as_str();
            RecipientView {
                address: address.to_owned(),
                last_event: email_status::recipient_event(record, address, now),
            }
        };
        let tags = email.map(EmailContent::tags).unwrap_or_default().iter();
        let headers = email.map(EmailContent::headers).unwrap_or_default().iter();
        Self {
            object: "email",
            head: Head::new(record, email),
            html: email.and_then(EmailContent::html).map(str::to_owned),
            text: email.and_then(EmailContent::given_text).map(str::to_owned),
            facts: Facts::new(record, email, region, now),
            tags: tags
                .map(|tag| TagView {
                    name: tag.name().to_owned(),
                    value: tag.value().to_owned(),
                })
                .collect(),
            headers: headers
                .map(|header| HeaderView {
                    name: header.name().to_string(),
                    value: header.value().to_owned(),
                })
                .collect(),
            attachments: email
                .map(|email| AttachmentView::all(record.id, email))
                .unwrap_or_default(),
            recipients: lists.flatten().map(recipient).collect(),
            warnings: record.dropped_headers.iter().copied().map(Warning::from).collect(),
        }
    }
}

impl ItemView {
    /// The response for a record, with the addresses of its content if it still exists. `region`: the region of SES.
    #[must_use]
    pub fn new(record: &EmailRecord, email: Option<&EmailContent>, region: &str, now: Timestamp) -> Self {
        Self {
            head: Head::new(record, email),
            facts: Facts::new(record, email, region, now),
        }
    }
}

impl PageView {
    /// A page, newest first. `next`: the email after which the next page starts, if more follow in the direction of
    /// reading.
    #[must_use]
    pub fn new(data: Vec<ItemView>, next: Option<EmailId>) -> Self {
        Self {
            object: "list",
            has_more: next.is_some(),
            next: next.map(|id| id.to_string()),
            data,
        }
    }
}

/// The fields of both views before the content.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Head {
    id: String,
    to: Vec<String>,
    from: String,
    created_at: String,
    subject: String,
}

impl Head {
    fn new(record: &EmailRecord, email: Option<&EmailContent>) -> Self {
        Self {
            id: record.id.to_string(),
            to: email.map_or_else(Vec::new, |email| texts(email.to())),
            from: email.map_or_else(String::new, |email| email.from().to_string()),
            created_at: record.born.to_string(),
            subject: email.map_or_else(String::new, |email| email.subject().to_owned()),
        }
    }
}

/// The fields of both views after the content: the rest of Resend's fields, and ours.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Facts {
    bcc: Option<Vec<String>>,
    cc: Option<Vec<String>>,
    reply_to: Option<Vec<String>>,
    last_event: LastEvent,
    scheduled_at: Option<String>,
    status: EmailStatus,
    attempts: u32,
    cause: Option<Cause>,
    /// The provider's message about the cause.
    detail: Option<String>,
    advice: Option<&'static str>,
    next_attempt_at: Option<String>,
    expires_at: String,
    on_uncertain: OnUncertain,
    maybe_duplicate: bool,
    /// Amazon SES is known to have accepted the email more than once.
    duplicate: bool,
    queue: String,
    sent_at: Option<String>,
    delivered_at: Option<String>,
    ses_message_id: Option<String>,
    /// The `Message-ID` header of the sent email.
    message_id: Option<String>,
}

impl Facts {
    fn new(record: &EmailRecord, email: Option<&EmailContent>, region: &str, now: Timestamp) -> Self {
        let list = |mailboxes: fn(&EmailContent) -> &[Mailbox]| {
            email
                .map(|email| texts(mailboxes(email)))
                .filter(|texts| !texts.is_empty())
        };
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Self {
            bcc: list(EmailContent::bcc),
            cc: list(EmailContent::cc),
            reply_to: list(EmailContent::reply_to),
            last_event: email_status::last_event(record, now),
            scheduled_at: time(record.scheduled_at),
            status: EmailStatus::of(record, now),
            attempts: record.attempts,
            cause: record.cause_at(now),
            detail: record.detail.clone(),
            advice: email_status::advice(record, now),
            next_attempt_at: time(email_status::next_attempt_at(record, now)),
            expires_at: record.expires_at.to_string(),
            on_uncertain: record.on_uncertain,
            // A known duplicate counts as a possible one, too.
            maybe_duplicate: record.maybe_duplicate || record.duplicate,
            duplicate: record.duplicate,
            queue: record.queue.to_string(),
            sent_at: time(email_status::sent_at(record)),
            delivered_at: time(record.delivered_at),
            ses_message_id: ses_message_id(record).map(str::to_owned),
            message_id: ses_message_id(record).map(|id| message_id(id, region)),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Tag"))]
struct TagView {
    name: String,
    value: String,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EmailHeader"))]
struct HeaderView {
    name: String,
    value: String,
}

/// A recipient in `to`, `cc` or `bcc`, with its delivery status.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Recipient"))]
struct RecipientView {
    address: String,
    last_event: LastEvent,
}

/// SES's id of the email. An acceptance has no id if its answer could not be read.
fn ses_message_id(record: &EmailRecord) -> Option<&str> {
    let sent = record.sent.as_ref()?;
    Some(sent.message_id.as_str()).filter(|id| !id.is_empty())
}

fn texts(mailboxes: &[Mailbox]) -> Vec<String> {
    mailboxes.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
#[path = "email_view_tests.rs"]
mod tests;
