//! The history of an email, for people to read.
//!
//! **Invariant:** no decision reads it. It is part of writes that happen anyway, and has a bounded size, because
//! DynamoDB bills every write by the size of the whole record.
//! **Start reading at** [`remember`] and [`Diagnostic::of`].

use serde::{Deserialize, Serialize};

use crate::delivery::cause::Cause;
use crate::delivery::delivery_status::DeliveryStatus;
use crate::limits;
use crate::timestamp::Timestamp;

/// The outcome of a claim without an acceptance, as far as its sender knew.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AttemptOutcome {
    /// Number of the claim.
    pub claim_no: u32,
    /// Time of the write.
    pub at: Timestamp,
    /// The cause. [`Cause::AnswerLost`] and [`Cause::Crashed`] leave open whether SES accepted it.
    pub cause: Cause,
    /// The provider's message; empty without one.
    pub words: String,
}

/// Adds the outcome of a claim, in place of an earlier one of the same claim.
///
/// Above the maximum, the oldest outcome is dropped. A gap in the claim numbers then shows that it existed.
pub fn remember(outcomes: &mut Vec<AttemptOutcome>, mut outcome: AttemptOutcome) {
    clip(&mut outcome.words, limits::OUTCOME_WORDS_MAX);
    outcomes.retain(|known| known.claim_no != outcome.claim_no);
    outcomes.push(outcome);
    let over = outcomes.len().saturating_sub(limits::OUTCOMES_MAX);
    outcomes.drain(..over);
}

/// The time of a recipient's delivery status, and the message of the server that decided it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Diagnostic {
    /// Time by SES's clock.
    pub at: Timestamp,
    /// The message, such as `550 5.1.1 user unknown`; empty without one.
    pub words: String,
}

impl Diagnostic {
    /// The diagnostic of a delivery status of one of `recipients`. All recipients share the room in a record. A
    /// delivery, which every email has, must not make its record larger than one write unit.
    #[must_use]
    pub fn of(delivery_status: DeliveryStatus, at: Timestamp, mut words: String, recipients: u32) -> Self {
        let room = match delivery_status {
            DeliveryStatus::Suppressed | DeliveryStatus::Delivered => limits::DELIVERY_WORDS_MAX,
            DeliveryStatus::DeliveryDelayed
            | DeliveryStatus::Absence
            | DeliveryStatus::SoftBounced
            | DeliveryStatus::OnGlobalList
            | DeliveryStatus::OnAccountList
            | DeliveryStatus::Bounced
            | DeliveryStatus::Rejected
            | DeliveryStatus::Complained => limits::DIAGNOSTICS_MAX,
        };
        clip_to_share(&mut words, room, recipients);
        Self { at, words }
    }

    /// The diagnostic, cut to the room of a fact.
    #[must_use]
    pub fn of_fact(mut self, recipients: u32) -> Self {
        clip_to_share(&mut self.words, limits::FACT_WORDS_MAX, recipients);
        self
    }
}

/// Cuts a message to the share of one of `recipients`.
fn clip_to_share(words: &mut String, room: usize, recipients: u32) {
    let share = usize::try_from(recipients.max(1)).map_or(0, |recipients| room / recipients);
    clip(
        words,
        if share < limits::WORDS_MIN {
            0
        } else {
            share.min(limits::DETAIL_MAX)
        },
    );
}

/// A fact about a recipient besides the delivery status: an earlier status that a worse event replaced, or a report
/// that is no delivery status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The recipient's server took it.
    Delivered,
    /// The recipient's server refused it for now.
    SoftBounced,
    /// The address is on a list of SES's own.
    OnGlobalList,
    /// The address is on the account's suppression list.
    OnAccountList,
    /// The recipient's server refused it for good.
    Bounced,
    /// SES did not send it.
    Rejected,
    /// The recipient reported that it is not spam.
    NotSpam,
    /// The recipient's provider reported a failed authentication.
    AuthFailure,
}

impl Fact {
    /// Returns the fact in which a delivery status is kept after a worse event has replaced it; `None` if it is not
    /// kept.
    #[must_use]
    pub const fn of(delivery_status: DeliveryStatus) -> Option<Self> {
        match delivery_status {
            DeliveryStatus::Suppressed
            | DeliveryStatus::DeliveryDelayed
            | DeliveryStatus::Absence
            | DeliveryStatus::Complained => None,
            DeliveryStatus::Delivered => Some(Self::Delivered),
            DeliveryStatus::SoftBounced => Some(Self::SoftBounced),
            DeliveryStatus::OnGlobalList => Some(Self::OnGlobalList),
            DeliveryStatus::OnAccountList => Some(Self::OnAccountList),
            DeliveryStatus::Bounced => Some(Self::Bounced),
            DeliveryStatus::Rejected => Some(Self::Rejected),
        }
    }
}

/// Cuts a text to at most `bytes`.
pub fn clip(text: &mut String, bytes: usize) {
    text.truncate(text.floor_char_boundary(bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(claim_no: u32, cause: Cause) -> AttemptOutcome {
        AttemptOutcome {
            claim_no,
            at: Timestamp::from_millis(i64::from(claim_no)),
            cause,
            words: "ü".repeat(1000),
        }
    }

    #[test]
    fn the_newest_outcome_of_each_claim_is_kept() {
        let mut outcomes = Vec::new();
        for claim_no in 1..=u32::try_from(limits::OUTCOMES_MAX).unwrap() + 2 {
            remember(&mut outcomes, outcome(claim_no, Cause::Crashed));
            remember(&mut outcomes, outcome(claim_no, Cause::Throttled));
        }
        let numbers: Vec<_> = outcomes.iter().map(|outcome| outcome.claim_no).collect();
        let expected: Vec<_> = (3..=u32::try_from(limits::OUTCOMES_MAX).unwrap() + 2).collect();
        assert_eq!(numbers, expected);
        for outcome in outcomes {
            assert_eq!(outcome.cause, Cause::Throttled, "the later outcome counts");
            assert!(outcome.words.len() <= limits::OUTCOME_WORDS_MAX && !outcome.words.is_empty());
        }
    }

    #[test]
    fn messages_of_many_recipients_share_the_room() {
        let words = || "x".repeat(10_000);
        let said =
            |words: &str| Diagnostic::of(DeliveryStatus::Bounced, Timestamp::from_millis(0), words.to_owned(), 1);
        assert!(said(&words()).of_fact(1).words.len() <= limits::FACT_WORDS_MAX);
        for recipients in [0, 1, 2, 10, 50] {
            for delivery_status in [DeliveryStatus::Delivered, DeliveryStatus::Bounced] {
                let kept = Diagnostic::of(delivery_status, Timestamp::from_millis(0), words(), recipients)
                    .words
                    .len();
                let count = usize::try_from(recipients.max(1)).unwrap();
                assert!(kept * count <= limits::DIAGNOSTICS_MAX && kept <= limits::DETAIL_MAX);
                assert!(kept == 0 || kept >= limits::WORDS_MIN);
            }
        }
        let lone = Diagnostic::of(
            DeliveryStatus::Delivered,
            Timestamp::from_millis(0),
            "250 2.0.0 OK".to_owned(),
            1,
        );
        assert_eq!(lone.words, "250 2.0.0 OK");
        let one_of_fifty = Diagnostic::of(
            DeliveryStatus::Bounced,
            Timestamp::from_millis(0),
            "550 5.1.1 no such user".to_owned(),
            50,
        );
        assert_eq!(one_of_fifty.words, "550 5.1.1 no such user");
    }
}
