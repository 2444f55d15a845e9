//! The reaction of SES to one submission.

use std::time::Duration;

use domain::delivery::cause::Cause;

/// The reaction of SES to one submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SesReaction {
    /// SES accepts, and answers.
    Accepts,
    /// SES refuses, and answers.
    Refuses(Cause),
    /// The submission is lost without an answer.
    LostBefore,
    /// SES accepts, and its answer is lost.
    LostAfter,
    /// SES accepts this long after the client has given up.
    AcceptsLate(Duration),
    /// SES neither accepts nor answers.
    Hangs,
}

impl SesReaction {
    /// The name of its fault, if it is one.
    pub(crate) fn kind(self) -> Option<&'static str> {
        match self {
            Self::Accepts => None,
            Self::Refuses(cause) => Some(match cause {
                Cause::Throttled => "SES throttles",
                Cause::QuotaExceeded => "SES's quota is spent",
                Cause::AccountPaused => "SES is paused",
                Cause::Unavailable => "SES is unavailable",
                Cause::Unreached => "SES is not reached",
                Cause::Rejected
                | Cause::InvalidRecipient
                | Cause::UnverifiedSender
                | Cause::Suppressed
                | Cause::TooLarge
                | Cause::BodyMissing
                | Cause::Crashed
                | Cause::BudgetSpent
                | Cause::Expired
                | Cause::AnswerLost
                | Cause::Purged => "SES rejects",
            }),
            Self::LostBefore => Some("submission lost"),
            Self::LostAfter => Some("answer of SES lost"),
            Self::AcceptsLate(_) => Some("SES accepts late"),
            Self::Hangs => Some("SES hangs"),
        }
    }
}
