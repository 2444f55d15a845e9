//! Causes for which an email is not sent yet, or never: a closed list, each with advice.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// The reason why an email is not sent yet, was never sent, or has an unknown outcome.
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// Amazon SES throttled the request. The attempt does not count.
    Throttled,
    /// The account's 24-hour quota is used up. The attempt does not count.
    QuotaExceeded,
    /// Amazon SES has paused sending for the account or the configuration set. The attempt does not count.
    AccountPaused,
    /// Amazon SES was not reached, or the content could not be read yet. The attempt does not count.
    Unreached,
    /// Amazon SES denied access, or it failed before it could accept the email.
    Unavailable,
    /// Amazon SES rejected the message because of its content.
    Rejected,
    /// Amazon SES rejected the request because of one of its addresses.
    InvalidRecipient,
    /// The From address or its domain is not verified in Amazon SES.
    UnverifiedSender,
    /// Every recipient is on the suppression list.
    Suppressed,
    /// The message exceeds the size limit of Amazon SES.
    TooLarge,
    /// The stored content is missing or unreadable.
    BodyMissing,
    /// The sender stopped during the attempt.
    Crashed,
    /// All attempts of the retry policy failed.
    BudgetSpent,
    /// The email expired before it was sent.
    Expired,
    /// It is unknown whether Amazon SES accepted the email: its answer was lost.
    AnswerLost,
    /// The queue was purged.
    Purged,
}

/// The reaction to a cause: a row in the table of [`crate::delivery::retry::RetryPolicy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// SES accepts no more at this moment.
    Throttled,
    /// SES accepts nothing until the quota is free again.
    Quota,
    /// SES accepts nothing until a person has resolved the pause.
    Paused,
    /// SES was never called.
    Unreached,
    /// The next attempt may succeed.
    Transient,
    /// Every attempt fails.
    Permanent,
    /// SES may have accepted it.
    Unknown,
}

impl Cause {
    /// All variants.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name in the API, in the table and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The reaction to the cause.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Throttled => Class::Throttled,
            Self::QuotaExceeded => Class::Quota,
            Self::AccountPaused => Class::Paused,
            // A missing content may still come. A caller that repeats an interrupted request with the same key stores
            // it.
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

    /// Advice for the reader of the failure.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Throttled => {
                "Amazon SES limits the sending rate. mailqueue sends the email as soon as the rate allows; no action is needed."
            }
            Self::QuotaExceeded => {
                "The 24-hour quota of Amazon SES is used up. mailqueue sends the email when quota is free again. If this recurs, ask AWS for a higher quota."
            }
            Self::AccountPaused => {
                "Amazon SES has paused sending for the account or the configuration set. Read the reputation page of the SES console. Resume the configuration set there, or ask AWS to resume the account."
            }
            Self::Unreached => {
                "Amazon SES or the stored content could not be reached. The failed call does not count as an attempt, and mailqueue retries automatically."
            }
            Self::Unavailable => {
                "Amazon SES denied the call or was unavailable. The detail has the reason. Fix it if needed; mailqueue retries automatically."
            }
            Self::Rejected => {
                "Amazon SES rejected the content. Read the detail, change the message and send it as a new email."
            }
            Self::InvalidRecipient => {
                "Amazon SES does not accept one of the addresses. Correct it and send a new email."
            }
            Self::UnverifiedSender => {
                "Verify the From domain or address in Amazon SES in this region. In the SES sandbox, verify the recipients too; the detail names the address. A failed email then needs a retry; a waiting one is sent automatically."
            }
            Self::Suppressed => {
                "Every recipient is on this tenant's suppression list. If the address works again, remove it with DELETE /suppressions/{address}, and send the email again."
            }
            Self::TooLarge => {
                "The message exceeds the size limit of Amazon SES. Send a link instead of the attachment."
            }
            Self::BodyMissing => {
                "The stored content is missing or unreadable. Its retention has ended, it was deleted, the request was interrupted, or objects are missing from the bucket. Put missing objects back; mailqueue retries automatically. To send a new email instead, cancel this one first."
            }
            Self::Crashed => {
                "The send function stopped during the attempt. mailqueue waits for the event of Amazon SES. If none comes, it sends again or ends the email as unknown."
            }
            Self::BudgetSpent => {
                "Every attempt failed. The detail has the last answer. Remove the reason, then retry the email."
            }
            Self::Expired => "The email was not sent before expires_at. Retry it if it is still wanted.",
            Self::AnswerLost => {
                "Amazon SES may have accepted the email, but nothing proves it. Ask the recipient, or retry with force and accept a possible second copy."
            }
            Self::Purged => "The queue was purged before the email was sent. Restore the queue, or retry the email.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_class_name_and_advice() {
        let classes = Cause::ALL
            .iter()
            .map(|cause| (cause.as_str(), cause.class()))
            .collect::<Vec<_>>();
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
        for &cause in Cause::ALL {
            assert!(cause.advice().ends_with('.'), "{cause:?}");
        }
    }
}
