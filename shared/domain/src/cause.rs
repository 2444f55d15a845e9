//! Why an email is not sent yet, or never will be: a closed list, each with advice.

use serde::{Deserialize, Serialize};

/// Why an attempt did not end in an acceptance by SES.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// SES refused for the rate; the attempt is given back.
    Throttled,
    /// The account's 24-hour quota is spent; the attempt is given back.
    QuotaExceeded,
    /// SES has paused sending for the account or the configuration set; given back.
    AccountPaused,
    /// SES was not reached, or there was nothing to give it yet; given back.
    Unreached,
    /// SES did not let us in, or failed before it can have accepted anything.
    Unavailable,
    /// SES refused the message for its content.
    Rejected,
    /// SES called the request malformed for an address of it.
    InvalidRecipient,
    /// The From address or its domain is not verified in SES.
    UnverifiedSender,
    /// Every recipient is on the suppression list.
    Suppressed,
    /// The message is larger than SES takes.
    TooLarge,
    /// The content was not found where the record says it is.
    BodyMissing,
    /// The sender ended in mid-attempt.
    Crashed,
    /// Every attempt that the policy allows was made.
    BudgetSpent,
    /// Its time to be sent ran out.
    Expired,
    /// Whether SES accepted it could not be found out.
    AnswerLost,
    /// Its queue was purged.
    Purged,
}

/// What is done about a cause: a record of the table that [`crate::retry::RetryPolicy`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// SES lets no more through at this moment.
    Throttled,
    /// SES lets nothing through until the quota is free again.
    Quota,
    /// SES lets nothing through until a person has settled it.
    Paused,
    /// SES was never asked.
    Unreached,
    /// It may go well the next time.
    Transient,
    /// It goes wrong every time.
    Permanent,
    /// SES may have accepted it.
    Unknown,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Throttled,
        Self::QuotaExceeded,
        Self::AccountPaused,
        Self::Unreached,
        Self::Unavailable,
        Self::Rejected,
        Self::InvalidRecipient,
        Self::UnverifiedSender,
        Self::Suppressed,
        Self::TooLarge,
        Self::BodyMissing,
        Self::Crashed,
        Self::BudgetSpent,
        Self::Expired,
        Self::AnswerLost,
        Self::Purged,
    ];

    /// The name in the API, in the table and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::QuotaExceeded => "quota_exceeded",
            Self::AccountPaused => "account_paused",
            Self::Unreached => "unreached",
            Self::Unavailable => "unavailable",
            Self::Rejected => "rejected",
            Self::InvalidRecipient => "invalid_recipient",
            Self::UnverifiedSender => "unverified_sender",
            Self::Suppressed => "suppressed",
            Self::TooLarge => "too_large",
            Self::BodyMissing => "body_missing",
            Self::Crashed => "crashed",
            Self::BudgetSpent => "budget_spent",
            Self::Expired => "expired",
            Self::AnswerLost => "answer_lost",
            Self::Purged => "purged",
        }
    }

    /// What is done about it.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Throttled => Class::Throttled,
            Self::QuotaExceeded => Class::Quota,
            Self::AccountPaused => Class::Paused,
            // A missing content may still come: whoever repeats the request that broke off
            // before it was stored, with the same key, stores it.
            Self::Unavailable | Self::BodyMissing => Class::Transient,
            Self::Unreached => Class::Unreached,
            Self::Rejected
            | Self::InvalidRecipient
            | Self::UnverifiedSender
            | Self::Suppressed
            | Self::TooLarge
            | Self::BudgetSpent
            | Self::Expired
            | Self::Purged => Class::Permanent,
            Self::Crashed | Self::AnswerLost => Class::Unknown,
        }
    }

    /// What the person who reads the failure can do, in one sentence.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Throttled => "SES is limiting the rate; it is sent as soon as the rate allows, nothing to do.",
            Self::QuotaExceeded => {
                "The 24-hour quota of SES is spent; it is sent when quota is free again. Ask AWS for a higher quota if this recurs."
            }
            Self::AccountPaused => {
                "SES has paused sending for this account; read the SES console's reputation page, then ask AWS to resume it."
            }
            Self::Unreached => {
                "Amazon SES or the stored content could not be reached; it is tried again by itself, and no attempt is spent on it."
            }
            Self::Unavailable => {
                "SES did not let this queue in: the detail says why; mend that, and it is tried again by itself."
            }
            Self::Rejected => {
                "SES refused the content; read the detail, change the message and send it as a new email."
            }
            Self::InvalidRecipient => "SES does not accept one of the addresses; correct it and send a new email.",
            Self::UnverifiedSender => {
                "Verify the From domain or address in SES in this region, and in the SES sandbox the recipients too (the detail names which); then retry the email."
            }
            Self::Suppressed => {
                "Every recipient is on this queue's own suppression list, not on one of Amazon SES; remove the address with DELETE /suppressions/{address} if it is good again, then retry."
            }
            Self::TooLarge => "The message is over SES's size limit; send a link instead of the attachment.",
            Self::BodyMissing => "The stored content is gone, by its retention or by hand; send it as a new email.",
            Self::Crashed => {
                "The sender ended in mid-attempt; SES's event or the next attempt settles it by itself. If this recurs, look at the send function's log for this id."
            }
            Self::BudgetSpent => {
                "Every attempt failed; the detail has the last answer. Retry the email when its reason is gone."
            }
            Self::Expired => "It was not sent before expires_at; retry it if it is still wanted.",
            Self::AnswerLost => {
                "SES may have accepted it, its answer was lost and no event came; ask the recipient, or retry with force and accept a possible second copy."
            }
            Self::Purged => "Its queue was purged before it was sent; restore the queue, or retry the email.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_class_one_name_and_advice() {
        let classes = Cause::ALL.map(|cause| (cause.as_str(), cause.class()));
        assert_eq!(
            classes,
            [
                ("throttled", Class::Throttled),
                ("quota_exceeded", Class::Quota),
                ("account_paused", Class::Paused),
                ("unreached", Class::Unreached),
                ("unavailable", Class::Transient),
                ("rejected", Class::Permanent),
                ("invalid_recipient", Class::Permanent),
                ("unverified_sender", Class::Permanent),
                ("suppressed", Class::Permanent),
                ("too_large", Class::Permanent),
                ("body_missing", Class::Transient),
                ("crashed", Class::Unknown),
                ("budget_spent", Class::Permanent),
                ("expired", Class::Permanent),
                ("answer_lost", Class::Unknown),
                ("purged", Class::Permanent),
            ]
        );
        for cause in Cause::ALL {
            assert!(cause.advice().ends_with('.'), "{cause:?}");
            assert_eq!(
                serde_json::to_value(cause).unwrap(),
                cause.as_str(),
                "one name everywhere"
            );
        }
    }
}
