//! The outcome of an accepted message at each of its recipients.
//!
//! **Invariant:** pure, except that a hard bounce or a complaint adds to the account-wide list. The order of
//! decision: the list, then the simulator's addresses, then the faults. Otherwise the message is delivered.
//!
//! Source: Amazon SES Developer Guide, "Using the mailbox simulator to test email sending", read 2026-11-24.

use crate::address;
use crate::faults::{Details, FaultKind, RequestedEvent};
use crate::mailbox::Message;
use crate::suppression::{Reason, SuppressionList};

/// The outcome of a message at one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientOutcome {
    /// The address, without a display name.
    pub recipient: String,
    /// Whether the recipient's server first accepts the message.
    pub delivered: bool,
    /// SES's later report, if any.
    pub report: Option<Report>,
    /// The details that a fault requests.
    pub details: Details,
}

/// A report of SES.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Report {
    /// The recipient's server refused the message permanently.
    Bounce,
    /// The recipient's server refused the message temporarily, and SES gave up.
    SoftBounce,
    /// An automatic answer came back.
    Absence,
    /// The address is on SES's global list.
    OnGlobalList,
    /// The address is on the account's list.
    OnAccountList,
    /// The recipient reported it as spam.
    Complaint,
    /// The recipient reported that the message is not spam.
    NotSpam,
}

impl Report {
    /// The reason for which the account-wide list takes the address.
    const fn reason(self) -> Option<Reason> {
        match self {
            Self::Bounce => Some(Reason::Bounce),
            Self::Complaint => Some(Reason::Complaint),
            Self::SoftBounce | Self::Absence | Self::OnGlobalList | Self::OnAccountList | Self::NotSpam => None,
        }
    }
}

/// Decides for each recipient, in their order, and updates the list.
pub fn of(message: &Message, requested: &[RequestedEvent], list: &mut SuppressionList) -> Vec<RecipientOutcome> {
    let recipients = message.submission.recipients();
    let one = |recipient: &str| {
        let requested = requested.iter().find(|requested| requested.is_about(recipient));
        let (delivered, report) = if list.stops(recipient) {
            (false, Some(Report::OnAccountList))
        } else if address::is_simulated(recipient) {
            outcome_of_address(recipient)
        } else {
            requested.map_or((true, None), outcome_of_fault)
        };
        RecipientOutcome {
            recipient: recipient.to_owned(),
            delivered,
            report,
            details: requested.map(|requested| requested.details.clone()).unwrap_or_default(),
        }
    };
    let outcomes: Vec<_> = recipients.into_iter().map(address::bare).map(one).collect();
    self::list(&outcomes, list);
    outcomes
}

/// Adds the recipients of hard bounces and complaints to the list.
pub fn list(outcomes: &[RecipientOutcome], list: &mut SuppressionList) {
    for outcome in outcomes {
        if let Some(reason) = outcome.report.and_then(Report::reason) {
            list.add(&outcome.recipient, reason);
        }
    }
}

fn outcome_of_address(recipient: &str) -> (bool, Option<Report>) {
    let local = address::split(recipient).map_or("", |parts| parts.local.trim_matches('"'));
    let name = local.split_once('+').map_or(local, |(name, _label)| name);
    match name.to_ascii_lowercase().as_str() {
        "bounce" => (false, Some(Report::Bounce)),
        "complaint" => (true, Some(Report::Complaint)),
        "suppressionlist" => (false, Some(Report::OnGlobalList)),
        "ooto" => (true, Some(Report::Absence)),
        _ => (true, None),
    }
}

fn outcome_of_fault(requested: &RequestedEvent) -> (bool, Option<Report>) {
    let (delivered, report) = match requested.kind {
        FaultKind::Bounce => (false, Report::Bounce),
        FaultKind::LateBounce => (true, Report::Bounce),
        FaultKind::SoftBounce => (false, Report::SoftBounce),
        FaultKind::Absence => (true, Report::Absence),
        FaultKind::Complaint => (true, Report::Complaint),
        FaultKind::NotSpam => (true, Report::NotSpam),
        FaultKind::Throttle
        | FaultKind::Quota
        | FaultKind::Pause
        | FaultKind::Reject
        | FaultKind::Timeout
        | FaultKind::DropBefore
        | FaultKind::DropAfter
        | FaultKind::Delay => return (true, None),
    };
    (requested.details.after_delivery.unwrap_or(delivered), Some(report))
}
