//! What becomes of an accepted message at each of its recipients.
//!
//! **Invariant:** pure but for the account-wide list, which a hard bounce or a complaint adds to.
//! The list decides first, then the simulator's addresses, then the faults, then everything is delivered.
//!
//! Source: Amazon SES Developer Guide, "Using the mailbox simulator to test email sending", read 2026-11-24.

use crate::address;
use crate::faults::{Asked, Details, FaultKind};
use crate::mailbox::Message;
use crate::suppression::{Reason, SuppressionList};

/// What becomes of a message at one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The address, without a display name.
    pub recipient: String,
    /// The recipient's server takes it first.
    pub delivered: bool,
    /// What SES reports then, if anything.
    pub report: Option<Report>,
    /// The details that a fault asks for.
    pub details: Details,
}

/// What SES reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Report {
    /// The recipient's server refused it for good.
    Bounce,
    /// The recipient's server refused it for now, and SES gave up.
    SoftBounce,
    /// An automatic answer came back.
    Absence,
    /// The address is on SES's global list.
    OnGlobalList,
    /// The address is on the account's list.
    OnAccountList,
    /// The recipient reported it as spam.
    Complaint,
    /// The recipient reported that it is no spam.
    NotSpam,
}

impl Report {
    /// The account-wide list's reason to take the address.
    const fn reason(self) -> Option<Reason> {
        match self {
            Self::Bounce => Some(Reason::Bounce),
            Self::Complaint => Some(Reason::Complaint),
            Self::SoftBounce | Self::Absence | Self::OnGlobalList | Self::OnAccountList | Self::NotSpam => None,
        }
    }
}

/// Decides for each recipient, in their order, and adds to the list.
pub fn of(message: &Message, asked: &[Asked], list: &mut SuppressionList) -> Vec<Outcome> {
    let recipients = message.submission.recipients();
    let one = |recipient: &str| {
        let asked = asked.iter().find(|asked| asked.is_about(recipient));
        let (delivered, report) = if list.stops(recipient) {
            (false, Some(Report::OnAccountList))
        } else if address::is_simulated(recipient) {
            simulated(recipient)
        } else {
            asked.map_or((true, None), wanted)
        };
        Outcome {
            recipient: recipient.to_owned(),
            delivered,
            report,
            details: asked.map(|asked| asked.details.clone()).unwrap_or_default(),
        }
    };
    let outcomes: Vec<_> = recipients.into_iter().map(address::bare).map(one).collect();
    for outcome in &outcomes {
        if let Some(reason) = outcome.report.and_then(Report::reason) {
            list.add(&outcome.recipient, reason);
        }
    }
    outcomes
}

fn simulated(recipient: &str) -> (bool, Option<Report>) {
    let local = address::split(recipient).map_or("", |parts| parts.local);
    let name = local.split_once('+').map_or(local, |(name, _label)| name);
    match name.to_ascii_lowercase().as_str() {
        "bounce" => (false, Some(Report::Bounce)),
        "complaint" => (true, Some(Report::Complaint)),
        "suppressionlist" => (false, Some(Report::OnGlobalList)),
        "ooto" => (true, Some(Report::Absence)),
        _ => (true, None),
    }
}

fn wanted(asked: &Asked) -> (bool, Option<Report>) {
    let (delivered, report) = match asked.kind {
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
    (asked.details.after_delivery.unwrap_or(delivered), Some(report))
}
