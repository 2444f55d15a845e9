//! The oracle of the fault run: records and messages in, verdict out.
//!
//! Each [`Defect`] breaks one invariant of docs/INVARIANTS.md. The verdict counts them in four groups:
//!
//! | Finding about an accepted email | Defect | Count |
//! |---|---|---|
//! | no record | `NoRecord` | lost |
//! | neither finished nor in the due index | `NotInDueIndex` | lost |
//! | `sent`, and SES has no message | `NotSent` | lost |
//! | `failed`, `canceled` or `expired`, and SES has a message: the caller reads a false status | `UnsentButAccepted` | lost |
//! | not `canceled`, though the API confirmed the cancel | `NotCanceled` | lost |
//! | not finished, in the due index, and nothing moves any more | `Stuck` | stuck |
//! | two messages, and the record has no flag | `Unflagged` | duplicate, unflagged |
//! | two messages of a held email: nobody forces one here | `HeldButResent` | duplicate, unflagged |
//! | two ids for one email | `TwoIds` | duplicate, unflagged |
//! | two messages, and the record has the flag | none | duplicate, flagged |
//! | the id of a webhook's event that the table implies never came | `NotTold` | untold |
//! | one fact with two ids, or one id with two bodies | `ToldTwice` | untold |
//! | an id that the table does not imply, or an event that is not signed | `ToldFalsely` | untold |
//!
//! **Invariant:** pure. The flag is `maybe_duplicate`. The field `duplicate` is none: it is set when SES's events tell
//! of both acceptances, which is too late to warn anybody.
//! **Start reading at** [`compare`].

use std::collections::{BTreeMap, BTreeSet};

use invariants::{Invariant, Violation, first_line};
use serde::Serialize;
use strum::{EnumMessage, IntoStaticStr, VariantArray};

/// An email whose request was answered with 2xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The id of the email.
    pub id: String,
    /// Whether the email must be held after an uncertain outcome.
    pub hold: bool,
    /// Whether its cancellation was confirmed.
    pub canceled: bool,
}

/// The record of an email in the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredEmail {
    /// The stored status.
    pub status: String,
    /// The cause of its failure.
    pub cause: Option<String>,
    /// `maybe_duplicate`.
    pub flagged: bool,
    /// A second acceptance became known.
    pub duplicate: bool,
    /// Whether it is in the due index.
    pub indexed: bool,
    /// The newest claim.
    pub claim_no: u64,
    /// Attempts that count towards the budget.
    pub attempts: u64,
    /// The claim that SES certainly accepted.
    pub sent_by: Option<u64>,
    /// The number of recipients.
    pub recipients: usize,
}

impl StoredEmail {
    /// Tells whether the status is final.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(
            self.status.as_str(),
            "sent" | "failed" | "unknown" | "canceled" | "expired"
        )
    }
}

/// A message that SES has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCopy {
    /// SES's id.
    pub message_id: String,
    /// The subject, which is unique.
    pub subject: String,
    /// The time of acceptance.
    pub received_at: String,
    /// The claim of the submission.
    pub claim: String,
}

/// A finding that breaks an invariant.
///
/// The doc comment of a variant is its sentence in the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumMessage, IntoStaticStr, VariantArray)]
pub enum Defect {
    /// The accepted email has no record.
    NoRecord,
    /// The email is neither finished nor in the due index.
    NotInDueIndex,
    /// The record says sent, and SES does not have the email.
    NotSent,
    /// The record says that the email ended unsent, and SES has it.
    UnsentButAccepted,
    /// The API confirmed the cancel, and the email is not canceled.
    NotCanceled,
    /// The email is not finished, and nothing moves any more.
    Stuck,
    /// SES has the email more than once, and its record has no flag.
    Unflagged,
    /// SES has the email more than once, and its request asked for hold.
    HeldButResent,
    /// One email has two ids.
    TwoIds,
    /// The table implies an event of a webhook, and its receiver never got its id.
    NotTold,
    /// One fact was told to a webhook with two ids, or one id has two bodies.
    ToldTwice,
    /// The id of a received event of a webhook does not follow from the table, or the event is not signed.
    ToldFalsely,
}

impl Defect {
    /// Every defect.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The invariant that the defect breaks.
    #[must_use]
    pub fn invariant(self) -> Invariant {
        match self {
            Self::NoRecord | Self::NotInDueIndex => Invariant::Durability,
            Self::NotSent | Self::UnsentButAccepted => Invariant::Truth,
            Self::NotCanceled => Invariant::Cancellation,
            Self::Stuck => Invariant::Completion,
            Self::Unflagged => Invariant::Duplicates,
            Self::HeldButResent => Invariant::Hold,
            Self::TwoIds => Invariant::Idempotency,
            Self::NotTold | Self::ToldTwice | Self::ToldFalsely => Invariant::Telling,
        }
    }

    /// The group that the verdict counts the defect in.
    #[must_use]
    pub fn counts_as(self) -> Count {
        match self {
            Self::NoRecord | Self::NotInDueIndex | Self::NotSent | Self::UnsentButAccepted | Self::NotCanceled => {
                Count::Lost
            }
            Self::Stuck => Count::Stuck,
            Self::Unflagged | Self::HeldButResent | Self::TwoIds => Count::DuplicateUnmarked,
            Self::NotTold | Self::ToldTwice | Self::ToldFalsely => Count::Untold,
        }
    }

    /// The name, as docs/INVARIANTS.md lists it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The violation of the email with this id.
    #[must_use]
    pub fn violation(self, id: &str) -> Violation {
        Violation {
            email: Some(id.to_owned()),
            ..Violation::new(self.invariant(), first_line(&self))
        }
    }
}

/// The invariants that a run checks.
#[must_use]
pub fn checked_invariants() -> BTreeSet<Invariant> {
    let by_email = Defect::ALL.iter().map(|defect| defect.invariant());
    // The report compares the counts of all emails.
    by_email.chain([Invariant::Counts]).collect()
}

/// The four groups of defects. Each must be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Emails that are gone, or whose caller reads a false status.
    Lost,
    /// Emails that never end.
    Stuck,
    /// Second copies without a flag.
    DuplicateUnmarked,
    /// Events of webhooks that are missing, double or false.
    Untold,
}

/// The counts and the findings of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Emails that were answered with 2xx.
    pub accepted: usize,
    /// Of these, those that SES has.
    pub sent: usize,
    /// Records that failed, by cause.
    pub failed: BTreeMap<String, usize>,
    /// Records with an unknown outcome.
    pub unknown: usize,
    /// Records that were canceled.
    pub canceled: usize,
    /// Records that expired.
    pub expired: usize,
    /// Emails that SES has more than once, and their records have the flag.
    pub duplicates_flagged: usize,
    /// Emails that SES has more than once, without the flag.
    pub duplicates_unflagged: usize,
    /// Emails that are gone, or whose caller reads a false status.
    pub lost: usize,
    /// Emails that never end.
    pub stuck: usize,
    /// Different events that the receiver of the webhook got.
    pub events: usize,
    /// The same, by type.
    pub events_by_type: BTreeMap<String, usize>,
    /// Events of webhooks that are missing, double or false.
    pub untold: usize,
    /// Each defect, with the email's id.
    #[serde(skip)]
    pub findings: Vec<(String, Defect)>,
}

impl Verdict {
    /// Tells whether there are no findings.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    /// Adds a finding.
    pub(crate) fn find(&mut self, id: &str, defect: Defect) {
        match defect.counts_as() {
            Count::Lost => self.lost += 1,
            Count::Stuck => self.stuck += 1,
            Count::DuplicateUnmarked => self.duplicates_unflagged += 1,
            Count::Untold => self.untold += 1,
        }
        self.findings.push((id.to_owned(), defect));
    }
}

/// Compares the table and SES with the accepted emails.
///
/// An email without an answered request is only checked for duplicates: the API guarantees nothing else for it.
#[must_use]
pub fn compare(
    accepted: &[Accepted],
    records: &BTreeMap<String, StoredEmail>,
    copies: &BTreeMap<String, Vec<SentCopy>>,
) -> Verdict {
    let mut verdict = Verdict {
        accepted: accepted.len(),
        ..Verdict::default()
    };
    for email in accepted {
        let count = copies.get(&email.id).map_or(0, Vec::len);
        verdict.sent += usize::from(count > 0);
        let record = records.get(&email.id);
        if let Some(defect) = record.map_or(Some(Defect::NoRecord), |record| false_record(email, record, count)) {
            verdict.find(&email.id, defect);
        }
        if let Some(record) = record {
            verdict.count(record);
        }
        verdict.doubled(&email.id, record, email.hold, count);
    }
    let known: BTreeSet<&str> = accepted.iter().map(|email| email.id.as_str()).collect();
    for (id, copies) in copies.iter().filter(|(id, _)| !known.contains(id.as_str())) {
        verdict.doubled(id, records.get(id), false, copies.len());
    }
    for id in second_ids(copies) {
        verdict.find(id, Defect::TwoIds);
    }
    verdict
}

/// Returns the defect of a false record.
fn false_record(email: &Accepted, record: &StoredEmail, copies: usize) -> Option<Defect> {
    if !record.is_finished() {
        return Some(if record.indexed {
            Defect::Stuck
        } else {
            Defect::NotInDueIndex
        });
    }
    let unsent = matches!(record.status.as_str(), "failed" | "canceled" | "expired");
    if unsent && copies > 0 {
        Some(Defect::UnsentButAccepted)
    } else if record.status == "sent" && copies == 0 {
        Some(Defect::NotSent)
    } else if email.canceled && record.status != "canceled" {
        Some(Defect::NotCanceled)
    } else {
        None
    }
}

impl Verdict {
    fn count(&mut self, record: &StoredEmail) {
        match record.status.as_str() {
            "failed" => {
                let cause = record.cause.clone().unwrap_or_else(|| "none".to_owned());
                *self.failed.entry(cause).or_default() += 1;
            }
            "unknown" => self.unknown += 1,
            "canceled" => self.canceled += 1,
            "expired" => self.expired += 1,
            _ => {}
        }
    }

    fn doubled(&mut self, id: &str, record: Option<&StoredEmail>, hold: bool, copies: usize) {
        if copies < 2 {
            return;
        }
        if hold {
            self.find(id, Defect::HeldButResent);
        } else if record.is_some_and(|record| record.flagged) {
            self.duplicates_flagged += 1;
        } else {
            self.find(id, Defect::Unflagged);
        }
    }
}

/// Returns every id of a subject except its first.
fn second_ids(copies: &BTreeMap<String, Vec<SentCopy>>) -> BTreeSet<&str> {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let sent = copies
        .iter()
        .flat_map(|(id, copies)| copies.iter().map(move |copy| (id.as_str(), copy)));
    sent.filter_map(|(id, copy)| {
        let known = first.entry(copy.subject.as_str()).or_insert(id);
        (*known != id).then_some(id)
    })
    .collect()
}

#[cfg(test)]
#[path = "oracle_tests.rs"]
mod tests;
