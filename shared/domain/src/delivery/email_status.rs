//! The status of an email in the API's terms, and Resend's `last_event`.
//!
//! **Role:** called by the views of [`crate::api`], by the filters of `manage`, and before the deletion of a tenant.
//! **Invariant:** pure, and stored nowhere: it follows from the record and `now`.
//! **Start reading at** [`last_event`].

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::delivery::cause::Cause;
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::record::{EmailRecord, RecordStatus, recipient_key};
use crate::timestamp::Timestamp;

/// The status of an email. A waiting email is `scheduled`, `queued` or `retry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, EnumString, IntoStaticStr, VariantArray)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Status"))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum EmailStatus {
    /// The email waits for its scheduled time. No attempt was made yet.
    Scheduled,
    /// The email is due and waits for a sender.
    Queued,
    /// The email waits for its next attempt.
    Retry,
    /// A sender has claimed the email.
    Sending,
    /// The email is about to become `failed`.
    Failing,
    /// Amazon SES may have accepted the email. mailqueue waits for evidence.
    Uncertain,
    /// Amazon SES accepted the email.
    Sent,
    /// The email was not sent. mailqueue does not retry it automatically.
    Failed,
    /// Amazon SES may have accepted the email. No evidence arrived.
    Unknown,
    /// The email was canceled.
    Canceled,
    /// The email expired before it was sent.
    Expired,
}

impl EmailStatus {
    /// All statuses.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// True if nothing more happens to the email automatically.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Scheduled | Self::Queued | Self::Retry | Self::Sending | Self::Failing | Self::Uncertain => false,
            Self::Sent | Self::Failed | Self::Unknown | Self::Canceled | Self::Expired => true,
        }
    }

    /// The status of a record at `now`.
    #[must_use]
    pub fn of(record: &EmailRecord, now: Timestamp) -> Self {
        match record.status_at(now) {
            RecordStatus::Queued if record.not_before <= now => Self::Queued,
            RecordStatus::Queued if record.claim_no > 0 => Self::Retry,
            RecordStatus::Queued if record.scheduled_at.is_some() => Self::Scheduled,
            // Accepted this moment, by a clock that is ahead of ours.
            RecordStatus::Queued => Self::Queued,
            RecordStatus::Sending => Self::Sending,
            RecordStatus::Failing => Self::Failing,
            RecordStatus::Uncertain => Self::Uncertain,
            RecordStatus::Sent => Self::Sent,
            RecordStatus::Failed => Self::Failed,
            RecordStatus::Unknown => Self::Unknown,
            RecordStatus::Canceled => Self::Canceled,
            RecordStatus::Expired => Self::Expired,
        }
    }
}

/// Time of the next attempt; `None` while a sender holds it and when nothing more is planned.
#[must_use]
pub fn next_attempt_at(record: &EmailRecord, now: Timestamp) -> Option<Timestamp> {
    (record.status_at(now) == RecordStatus::Queued).then_some(record.not_before)
}

/// The last event of an email, with the names of Resend.
///
/// Source: Resend's OpenAPI document, version 1.5.0, `Email.last_event`, read 2026-11-24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LastEvent {
    /// A recipient's server rejected the email, or Amazon SES stopped trying.
    Bounced,
    /// The email was canceled.
    Canceled,
    /// A link in the email was clicked.
    Clicked,
    /// A recipient reported the email as spam.
    Complained,
    /// The recipients' servers accepted the email.
    Delivered,
    /// A recipient's server has not accepted the email yet.
    DeliveryDelayed,
    /// The email was not sent, or it is unknown whether Amazon SES accepted it.
    Failed,
    /// The email was opened.
    Opened,
    /// The email is waiting or being sent.
    Queued,
    /// The email is waiting for its scheduled time.
    Scheduled,
    /// Amazon SES accepted the email. No later event is known.
    Sent,
    /// The email was not sent, because every recipient is on the suppression list. As a recipient's event: the
    /// recipient is on it.
    Suppressed,
}

impl From<DeliveryStatus> for LastEvent {
    fn from(delivery_status: DeliveryStatus) -> Self {
        match delivery_status {
            DeliveryStatus::Suppressed => Self::Suppressed,
            DeliveryStatus::DeliveryDelayed => Self::DeliveryDelayed,
            DeliveryStatus::Absence
            | DeliveryStatus::SoftBounced
            | DeliveryStatus::OnGlobalList
            | DeliveryStatus::OnAccountList
            | DeliveryStatus::Bounced => Self::Bounced,
            DeliveryStatus::Delivered => Self::Delivered,
            // Resend's list has no event for a rejection. SES accepted the email and did not send it.
            DeliveryStatus::Rejected => Self::Failed,
            DeliveryStatus::Complained => Self::Complained,
        }
    }
}

/// The last event of the email: for a sent one, the worst delivery status of its recipients.
#[must_use]
pub fn last_event(record: &EmailRecord, now: Timestamp) -> LastEvent {
    match EmailStatus::of(record, now) {
        EmailStatus::Scheduled => LastEvent::Scheduled,
        EmailStatus::Queued | EmailStatus::Retry | EmailStatus::Sending | EmailStatus::Uncertain => LastEvent::Queued,
        EmailStatus::Failing | EmailStatus::Failed | EmailStatus::Unknown | EmailStatus::Expired => {
            if record.cause_at(now) == Some(Cause::Suppressed) {
                LastEvent::Suppressed
            } else {
                LastEvent::Failed
            }
        }
        EmailStatus::Canceled => LastEvent::Canceled,
        EmailStatus::Sent => match (worst(record), latest_engagement(record)) {
            (None | Some(DeliveryStatus::DeliveryDelayed | DeliveryStatus::Delivered), Some(seen)) => seen,
            (Some(worst), _) => worst.into(),
            (None, None) => LastEvent::Sent,
        },
    }
}

/// The last event for one of its recipients. Openings and clicks do not name a recipient.
#[must_use]
pub fn recipient_event(record: &EmailRecord, address: &str, now: Timestamp) -> LastEvent {
    match (record.status, record.delivery_statuses.get(&recipient_key(address))) {
        (RecordStatus::Sent, Some(delivery_status)) => (*delivery_status).into(),
        (RecordStatus::Sent, None) => LastEvent::Sent,
        (
            RecordStatus::Queued
            | RecordStatus::Sending
            | RecordStatus::Failing
            | RecordStatus::Uncertain
            | RecordStatus::Failed
            | RecordStatus::Unknown
            | RecordStatus::Canceled
            | RecordStatus::Expired,
            _,
        ) => last_event(record, now),
    }
}

/// The advice about an email: about the cause that stopped it, or about a list of SES's that contains a recipient.
#[must_use]
pub fn advice(record: &EmailRecord, now: Timestamp) -> Option<&'static str> {
    if let Some(cause) = record.cause_at(now) {
        return Some(cause.advice());
    }
    let has = |wanted| {
        record.status == RecordStatus::Sent
            && record
                .delivery_statuses
                .values()
                .any(|delivery_status| *delivery_status == wanted)
    };
    if has(DeliveryStatus::OnAccountList) {
        Some(ON_ACCOUNT_LIST)
    } else if has(DeliveryStatus::OnGlobalList) {
        Some(ON_GLOBAL_LIST)
    } else {
        None
    }
}

pub(crate) const ON_ACCOUNT_LIST: &str = "Amazon SES did not send to a recipient on the suppression list of this AWS account. Remove the address with DELETE /suppressions/{address}, which also removes it from that list. After a complaint this needs the template parameter ReleaseComplaints. Then send a new email.";

pub(crate) const ON_GLOBAL_LIST: &str = "Amazon SES did not send to a recipient on its global suppression list. Only Amazon SES can remove the address, which it does within 14 days. Send a new email then.";

/// The time of SES's acceptance as shown: no later than any event that followed from it. A sender that received the
/// answer later has stored its own time.
#[must_use]
pub fn sent_at(record: &EmailRecord) -> Option<Timestamp> {
    let known_at = record.sent.as_ref()?.at;
    let reported = record
        .diagnostics
        .values()
        .chain(record.facts.values())
        .map(|said| said.at);
    reported.chain(record.delivered_at).chain([known_at]).min()
}

/// The worst known delivery status, except of recipients that were left out.
///
/// The order differs from [`DeliveryStatus`]'s rank, which orders the events of one recipient. There a delivery ends
/// a delay, but another recipient's delivery does not.
fn worst(record: &EmailRecord) -> Option<DeliveryStatus> {
    let badness = |delivery_status: &DeliveryStatus| match delivery_status {
        // This recipient got no copy; only its own status shows the suppression.
        DeliveryStatus::Suppressed => -1,
        DeliveryStatus::Delivered => 0,
        DeliveryStatus::DeliveryDelayed => 1,
        DeliveryStatus::Absence => 2,
        DeliveryStatus::SoftBounced => 3,
        DeliveryStatus::OnGlobalList => 4,
        DeliveryStatus::OnAccountList => 5,
        DeliveryStatus::Bounced => 6,
        DeliveryStatus::Rejected => 7,
        DeliveryStatus::Complained => 8,
    };
    let sent_to = record
        .delivery_statuses
        .values()
        .copied()
        .filter(|delivery_status| *delivery_status != DeliveryStatus::Suppressed);
    sent_to.max_by_key(badness)
}

/// Opened or clicked, if that came after the last delivery: the later of the two.
fn latest_engagement(record: &EmailRecord) -> Option<LastEvent> {
    let opened = record.opened_at.map(|at| (at, LastEvent::Opened));
    let clicked = record.clicked_at.map(|at| (at, LastEvent::Clicked));
    // Of equal times the last one wins: a click is an opening, too.
    let (at, event) = [opened, clicked].into_iter().flatten().max_by_key(|(at, _)| *at)?;
    (record.delivered_at <= Some(at)).then_some(event)
}

#[cfg(test)]
#[path = "email_status_tests.rs"]
pub(crate) mod tests;
