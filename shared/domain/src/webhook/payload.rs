//! The payload of an event: the body of its delivery, in Resend's form.
//!
//! **Role:** `notify` makes each payload once and stores it. Every attempt sends the same bytes, because the signature
//! covers them.
//! **Invariant:** it names one recipient, except of an opening or a click of an email to several. A missing content
//! leaves out what only the content has.
//! **Start reading at** [`of_email`].
//!
//! Source: Resend's OpenAPI document, version 1.5.0, `OutboundEmailEventData` and the schemas beside it; Resend's Node
//! SDK, version 6.38.0, `BaseEmailEventData`. The fields from `open` on are ours.

mod parts;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use self::parts::{Bounce, Click, Complaint, FailedPart, HeaderPart, Open, SuppressedPart};
use super::telling::{Telling, Told};
use crate::delivery::cause::Cause;
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::hook::RecipientKey;
use crate::delivery::life::{End, LifeKind};
use crate::delivery::message_id::message_id;
use crate::delivery::record::EmailRecord;
use crate::delivery::suppression::{Origin, Suppression};
use crate::message::email::EmailContent;

/// An event's body.
#[derive(Serialize)]
struct Event<'a, T> {
    #[serde(rename = "type")]
    event_type: &'a str,
    created_at: String,
    data: T,
}

/// The data of an email's event.
#[derive(Default, Serialize)]
struct EmailData {
    email_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<HeaderPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bounce: Option<Bounce>,
    #[serde(skip_serializing_if = "Option::is_none")]
    click: Option<Click>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<FailedPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed: Option<SuppressedPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<Open>,
    #[serde(skip_serializing_if = "Option::is_none")]
    complaint: Option<Complaint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    queue: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    maybe_duplicate: bool,
    duplicate: bool,
    rank: u64,
}

/// The data of a suppression's event.
#[derive(Serialize)]
struct SuppressionData {
    id: String,
    email: String,
    origin: Origin,
    source_id: Option<String>,
    created_at: String,
    rank: u64,
}

/// Facts that a payload needs beside the record.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The content of the email, while it is stored.
    pub content: Option<&'a EmailContent>,
    /// The reason for which the tenant's list has the recipient, if the list still has it.
    pub listed_by: Option<Origin>,
    /// The region of SES, for the `Message-ID`.
    pub region: &'a str,
}

/// The payload of an email's event.
#[must_use]
pub fn of_email(telling: &Telling, record: &EmailRecord, context: Context<'_>) -> String {
    let hook = record.hook.as_ref();
    let mut data = EmailData {
        email_id: record.id.to_string(),
        created_at: record.born.to_string(),
        to: recipients(telling, context.content),
        idempotency_key: hook.and_then(|hook| hook.idempotency_key.clone()),
        queue: record.queue.to_string(),
        maybe_duplicate: record.maybe_duplicate,
        duplicate: record.duplicate,
        rank: telling.rank,
        ..EmailData::default()
    };
    let accepted = record.sent.as_ref().map(|sent| sent.message_id.as_str());
    let mut ses_id = accepted.filter(|id| !id.is_empty()).map(str::to_owned);
    if let Some(email) = context.content {
        data.from = Some(email.from().to_string());
        data.subject = Some(email.subject().to_owned());
        let tags = email.tags().iter();
        data.tags = Some(
            tags.map(|tag| (tag.name().to_owned(), tag.value().to_owned()))
                .collect(),
        );
        data.headers = email.headers().iter().map(HeaderPart::of).collect();
    }
    match &telling.told {
        Told::Life(kind) => tell_life(&mut data, *kind, record),
        Told::LeftOut { claim_no } => {
            data.attempt = Some(*claim_no);
            data.cause = Some(Cause::Suppressed);
            data.advice = Some(parts::LEFT_OUT);
            data.suppressed = Some(SuppressedPart::left_out(context.listed_by));
        }
        Told::Status {
            status,
            words,
            bounce,
            complaint,
            suspected,
            message_id,
        } => {
            ses_id = message_id.clone().or(ses_id);
            match status {
                DeliveryStatus::Absence | DeliveryStatus::SoftBounced | DeliveryStatus::Bounced => {
                    data.bounce = Some(Bounce::new(*status, bounce.as_ref(), words));
                }
                DeliveryStatus::OnGlobalList | DeliveryStatus::OnAccountList => {
                    data.suppressed = Some(SuppressedPart::on_a_list(*status, words));
                    data.cause = Some(Cause::Suppressed);
                    data.advice = parts::list_advice(*status);
                }
                DeliveryStatus::Rejected => {
                    data.failed = Some(FailedPart::new("rejected"));
                    data.cause = Some(Cause::Rejected);
                    data.advice = Some(Cause::Rejected.advice());
                    data.detail = Some(words.clone()).filter(|words| !words.is_empty());
                }
                DeliveryStatus::Complained => {
                    data.complaint = Some(Complaint::new(complaint.as_deref(), *suspected));
                }
                DeliveryStatus::Suppressed | DeliveryStatus::DeliveryDelayed | DeliveryStatus::Delivered => {
                    data.detail = Some(words.clone()).filter(|words| !words.is_empty());
                }
            }
        }
        Told::Opened(agent) => data.open = Some(Open::new(agent, telling.created_at)),
        Told::Clicked { agent, link } => data.click = Some(Click::new(agent, link, telling.created_at)),
        Told::Suppression(_) | Told::Domain => {}
    }
    data.message_id = ses_id.map(|id| message_id(&id, context.region));
    json(telling, data)
}

/// Adds a fact of the life. The record shows the cause's details only of its newest end.
fn tell_life(data: &mut EmailData, kind: LifeKind, record: &EmailRecord) {
    match kind {
        LifeKind::Scheduled { until, .. } => data.scheduled_at = Some(until.to_string()),
        LifeKind::Sent { claim_no } => data.attempt = Some(claim_no),
        LifeKind::Ended {
            end,
            claim_no,
            turn,
            cause,
        } => {
            let (status, fallback) = match end {
                End::Failed => ("failed", None),
                End::Unknown => ("unknown", Some(Cause::AnswerLost)),
                End::Canceled => ("canceled", None),
                End::Expired => ("expired", Some(Cause::Expired)),
            };
            let cause = cause.or(fallback);
            data.attempt = Some(claim_no).filter(|claim_no| *claim_no > 0);
            data.status = Some(status);
            data.cause = cause;
            data.advice = cause.map(Cause::advice);
            let is_newest = record.status.is_final() && record.hook.as_ref().is_some_and(|hook| hook.turn == turn);
            data.detail = record.detail.clone().filter(|_| is_newest);
            if matches!(end, End::Failed | End::Unknown) {
                // An unknown outcome must not look like a failure that a new email repairs.
                let reason = match end {
                    End::Unknown => "unknown",
                    End::Failed | End::Canceled | End::Expired => cause.map_or("failed", Cause::as_str),
                };
                data.failed = Some(FailedPart::new(reason));
            }
        }
    }
}

/// The addresses of an event: its recipient, or all recipients if it is about none in particular.
fn recipients(telling: &Telling, content: Option<&EmailContent>) -> Vec<String> {
    let lists = content.map(|email| [email.to(), email.cc(), email.bcc()]);
    let addresses = lists.into_iter().flatten().flatten();
    let mut found: Vec<(RecipientKey, String)> = Vec::new();
    for address in addresses.map(|mailbox| mailbox.address().as_str()) {
        let key = RecipientKey::of(address);
        let is_meant = telling.recipient.is_none_or(|meant| meant == key);
        // An address may be in two lists, or in two spellings.
        if is_meant && !found.iter().any(|(known, _)| *known == key) {
            found.push((key, address.to_owned()));
        }
    }
    found.into_iter().map(|(_, address)| address).collect()
}

/// The payload of a suppression's event.
#[must_use]
pub fn of_suppression(telling: &Telling, suppression: &Suppression) -> String {
    json(
        telling,
        SuppressionData {
            id: suppression.id().to_string(),
            email: suppression.address.to_string(),
            origin: suppression.origin,
            source_id: suppression.source.map(|id| id.to_string()),
            created_at: suppression.created_at.to_string(),
            rank: telling.rank,
        },
    )
}

/// The payload of a sending domain's event, from the domain as the API shows it.
#[must_use]
pub fn of_domain(telling: &Telling, mut shown: Value) -> String {
    if let Value::Object(fields) = &mut shown {
        fields.insert("rank".to_owned(), telling.rank.into());
    }
    json(telling, shown)
}

fn json<T: Serialize>(telling: &Telling, data: T) -> String {
    let event = Event {
        event_type: telling.event_type.as_str(),
        created_at: telling.created_at.to_string(),
        data,
    };
    // Every part has a JSON form: texts, numbers, and maps with text keys.
    serde_json::to_string(&event).unwrap_or_default()
}

#[cfg(test)]
mod advice_tests;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
