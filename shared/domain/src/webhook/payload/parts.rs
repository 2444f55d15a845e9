//! The parts of a payload that only some events have.

use serde::Serialize;

use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::email_status::{ON_ACCOUNT_LIST, ON_GLOBAL_LIST};
use crate::delivery::ses_event::{Agent, BounceType};
use crate::delivery::suppression::Origin;
use crate::message::email::Header;
use crate::timestamp::Timestamp;

/// A custom header.
#[derive(Serialize)]
pub(super) struct HeaderPart {
    name: String,
    value: String,
}

impl HeaderPart {
    pub(super) fn of(header: &Header) -> Self {
        Self {
            name: header.name().as_str().to_owned(),
            value: header.value().to_owned(),
        }
    }
}

/// A bounce.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bounce {
    message: &'static str,
    #[serde(rename = "type")]
    bounce_type: String,
    sub_type: String,
    diagnostic_code: Vec<String>,
    /// True for an automatic reply, such as "out of office".
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    absence: bool,
}

impl Bounce {
    /// The bounce of a status. SES calls some bounces transient whose address does not exist: those are permanent here,
    /// as in the rest of the API.
    pub(super) fn new(status: DeliveryStatus, known: Option<&BounceType>, words: &str) -> Self {
        let bounce_type = match (status, known) {
            (DeliveryStatus::Bounced, _) => "Permanent",
            (_, Some(known)) if known.bounce_type == "Undetermined" => "Undetermined",
            (_, _) => "Transient",
        };
        let sub_type = known
            .map(|known| known.sub_type.as_str())
            .filter(|text| !text.is_empty());
        let message = match status {
            DeliveryStatus::Bounced => "The recipient's server rejected the email for good.",
            DeliveryStatus::Absence => "The recipient's server sent an automatic reply.",
            DeliveryStatus::Suppressed
            | DeliveryStatus::DeliveryDelayed
            | DeliveryStatus::Delivered
            | DeliveryStatus::SoftBounced
            | DeliveryStatus::OnGlobalList
            | DeliveryStatus::OnAccountList
            | DeliveryStatus::Rejected
            | DeliveryStatus::Complained => {
                "The recipient's server rejected the email for now, and Amazon SES gave up."
            }
        };
        Self {
            message,
            bounce_type: bounce_type.to_owned(),
            sub_type: sub_type.unwrap_or("General").to_owned(),
            diagnostic_code: said(words),
            absence: status == DeliveryStatus::Absence,
        }
    }
}

/// A click.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Click {
    ip_address: String,
    link: String,
    timestamp: String,
    user_agent: String,
}

impl Click {
    pub(super) fn new(agent: &Agent, link: &str, at: Timestamp) -> Self {
        Self {
            ip_address: agent.ip_address.clone(),
            link: link.to_owned(),
            timestamp: at.to_string(),
            user_agent: agent.user_agent.clone(),
        }
    }
}

/// An opening.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Open {
    ip_address: String,
    timestamp: String,
    user_agent: String,
}

impl Open {
    pub(super) fn new(agent: &Agent, at: Timestamp) -> Self {
        Self {
            ip_address: agent.ip_address.clone(),
            timestamp: at.to_string(),
            user_agent: agent.user_agent.clone(),
        }
    }
}

/// The reason of a failure.
#[derive(Serialize)]
pub(super) struct FailedPart {
    reason: &'static str,
}

impl FailedPart {
    pub(super) const fn new(reason: &'static str) -> Self {
        Self { reason }
    }
}

/// A suppressed recipient.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SuppressedPart {
    message: &'static str,
    #[serde(rename = "type")]
    list: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    diagnostic_code: Vec<String>,
}

impl SuppressedPart {
    /// A recipient on the tenant's own list.
    pub(super) fn left_out(listed_by: Option<Origin>) -> Self {
        let reason = listed_by.map(|origin| match origin {
            Origin::Bounce => "previous_bounce",
            Origin::Complaint => "previous_complaint",
            Origin::Manual => "manual",
        });
        Self {
            message: "The recipient is on this tenant's suppression list, so the email was not sent to it.",
            list: "OnAccountSuppressionList",
            reason,
            diagnostic_code: Vec::new(),
        }
    }

    /// A recipient on a list of SES's.
    pub(super) fn on_a_list(status: DeliveryStatus, words: &str) -> Self {
        let on_account_list = status == DeliveryStatus::OnAccountList;
        Self {
            message: "Amazon SES did not send the email, because the recipient is on its suppression list.",
            list: if on_account_list {
                "OnAccountSuppressionList"
            } else {
                "Suppressed"
            },
            // SES's own list has addresses that bounced for good. The account's list may have any reason.
            reason: (!on_account_list).then_some("previous_bounce"),
            diagnostic_code: said(words),
        }
    }
}

/// The advice about a recipient on the tenant's own list. The email may have been sent to others.
pub(super) const LEFT_OUT: &str = "The recipient is on this tenant's suppression list. If the address works again, remove it with DELETE /suppressions/{address}, and send it a new email.";

/// The advice about a recipient on a list of SES's.
pub(super) fn list_advice(status: DeliveryStatus) -> Option<&'static str> {
    match status {
        DeliveryStatus::OnAccountList => Some(ON_ACCOUNT_LIST),
        DeliveryStatus::OnGlobalList => Some(ON_GLOBAL_LIST),
        DeliveryStatus::Suppressed
        | DeliveryStatus::DeliveryDelayed
        | DeliveryStatus::Absence
        | DeliveryStatus::Delivered
        | DeliveryStatus::SoftBounced
        | DeliveryStatus::Bounced
        | DeliveryStatus::Rejected
        | DeliveryStatus::Complained => None,
    }
}

/// A complaint.
#[derive(Serialize)]
pub(super) struct Complaint {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    complaint_type: Option<String>,
    /// True if the complaint names several recipients, of whom some may not have complained.
    suspected: bool,
}

impl Complaint {
    pub(super) fn new(complaint_type: Option<&str>, suspected: bool) -> Self {
        Self {
            complaint_type: complaint_type.map(str::to_owned),
            suspected,
        }
    }
}

/// The message of a server, if there is one.
fn said(words: &str) -> Vec<String> {
    let words = Some(words.to_owned()).filter(|words| !words.is_empty());
    words.into_iter().collect()
}
