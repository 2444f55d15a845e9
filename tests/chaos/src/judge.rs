//! Records and messages in, verdict out.
//!
//! | What is found of an email that was accepted | Counts as |
//! |---|---|
//! | no record; or a record that is neither finished nor in the index | lost |
//! | `sent`, and SES has no message | lost |
//! | `failed`, `canceled` or `expired`, and SES has a message | lost: its caller is told the wrong thing |
//! | its cancellation was confirmed, and it is not `canceled` | lost, likewise |
//! | not finished, in the index, and nothing moves any more | stuck |
//! | two messages, and the record has no mark | duplicate, unmarked |
//! | two messages, and it was to be held: nobody forces one here | duplicate, unmarked |
//! | two ids for one email | duplicate, unmarked |
//! | two messages, and the record has the mark | duplicate, marked |
//!
//! **Invariant:** pure. The mark is `maybe_duplicate`; that SES has told of both acceptances
//! (`duplicate`) comes too late to warn anybody, and is none.
//! **Start reading at** [`judge`].

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// An email whose request was answered with 2xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: String,
    /// Whether it was to be held in doubt.
    pub hold: bool,
    /// Whether its cancellation was confirmed.
    pub canceled: bool,
}

/// What the table says of an email.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredEmail {
    /// The stored status.
    pub status: String,
    /// Why it is not sent.
    pub cause: Option<String>,
    /// `maybe_duplicate`.
    pub marked: bool,
    /// A second acceptance became known.
    pub duplicate: bool,
    /// Whether it is in the index of what is unfinished.
    pub indexed: bool,
    /// The newest claim.
    pub claim_no: u64,
    /// Attempts of the budget.
    pub attempts: u64,
    /// The claim that SES is known to have accepted.
    pub sent_by: Option<u64>,
    /// The number of recipients.
    pub recipients: usize,
}

impl StoredEmail {
    /// Whether its life has ended.
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
    /// The subject, which is each email's own.
    pub subject: String,
    /// When.
    pub received_at: String,
    /// The claim it was submitted with.
    pub claim: String,
}

/// What must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defect {
    /// There is no record.
    NoRecord,
    /// It is neither finished nor in the index.
    FallenOut,
    /// `sent`, and SES does not have it.
    NotSent,
    /// It ended as unsent, and SES has it.
    SentAllTheSame,
    /// Its cancellation was confirmed, and it is not canceled.
    NotCanceled,
    /// It does not go on.
    Stuck,
    /// A second copy, unmarked.
    Unmarked,
    /// A second copy of what was to be held.
    HeldAndDoubled,
    /// One email, two ids.
    TwoIds,
}

impl Defect {
    /// What it counts as.
    #[must_use]
    pub fn counts_as(self) -> Count {
        match self {
            Self::NoRecord | Self::FallenOut | Self::NotSent | Self::SentAllTheSame | Self::NotCanceled => Count::Lost,
            Self::Stuck => Count::Stuck,
            Self::Unmarked | Self::HeldAndDoubled | Self::TwoIds => Count::DuplicateUnmarked,
        }
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NoRecord => "lost: it has no row",
            Self::FallenOut => "lost: it is neither finished nor in the index",
            Self::NotSent => "lost: its row says sent, and SES does not have it",
            Self::SentAllTheSame => "lost: its row says that it ended unsent, and SES has it",
            Self::NotCanceled => "lost: its cancellation was confirmed, and it is not canceled",
            Self::Stuck => "stuck: it is not finished, and nothing moves any more",
            Self::Unmarked => "doubled: SES has it more than once, and its row has no mark",
            Self::HeldAndDoubled => "doubled: SES has it more than once, and it was to be held",
            Self::TwoIds => "doubled: the same email has two ids",
        }
    }
}

/// The three things that must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Its caller believes something of it that is not so.
    Lost,
    /// It never ends.
    Stuck,
    /// A second copy without a mark.
    DuplicateUnmarked,
}

/// How the emails fared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Emails that were answered with 2xx.
    pub accepted: usize,
    /// Of these, those that SES has.
    pub sent: usize,
    /// Records that failed, by cause.
    pub failed: BTreeMap<String, usize>,
    /// Records of which nobody knows.
    pub unknown: usize,
    /// Records that were canceled.
    pub canceled: usize,
    /// Records that expired.
    pub expired: usize,
    /// Emails that SES has more than once, and their records say so.
    pub duplicates_marked: usize,
    /// Emails that SES has more than once, and nobody says so.
    pub duplicates_unmarked: usize,
    /// Emails whose callers believe something that is not so.
    pub lost: usize,
    /// Emails that do not go on.
    pub stuck: usize,
    /// Each defect, with the email's id.
    #[serde(skip)]
    pub findings: Vec<(String, Defect)>,
}

impl Verdict {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, id: &str, defect: Defect) {
        match defect.counts_as() {
            Count::Lost => self.lost += 1,
            Count::Stuck => self.stuck += 1,
            Count::DuplicateUnmarked => self.duplicates_unmarked += 1,
        }
        self.findings.push((id.to_owned(), defect));
    }
}

/// Judges what the table and SES say of the emails that were accepted. Of what was not accepted,
/// for its request had no answer, only doubles are judged: nothing else was promised.
#[must_use]
pub fn judge(
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
        if let Some(defect) = record.map_or(Some(Defect::NoRecord), |record| untrue(email, record, count)) {
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

/// What a record says that is not so.
fn untrue(email: &Accepted, record: &StoredEmail, copies: usize) -> Option<Defect> {
    if !record.is_finished() {
        return Some(if record.indexed {
            Defect::Stuck
        } else {
            Defect::FallenOut
        });
    }
    let unsent = matches!(record.status.as_str(), "failed" | "canceled" | "expired");
    if unsent && copies > 0 {
        Some(Defect::SentAllTheSame)
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
            self.find(id, Defect::HeldAndDoubled);
        } else if record.is_some_and(|record| record.marked) {
            self.duplicates_marked += 1;
        } else {
            self.find(id, Defect::Unmarked);
        }
    }
}

/// Every id but the first that a subject was sent with.
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
mod tests {
    use super::*;

    /// One email and what is known of it.
    struct Case {
        hold: bool,
        canceled: bool,
        record: Option<StoredEmail>,
        copies: usize,
    }

    fn record(status: &str) -> Option<StoredEmail> {
        let unfinished = matches!(status, "queued" | "sending" | "failing" | "uncertain");
        Some(StoredEmail {
            status: status.to_owned(),
            indexed: unfinished,
            ..StoredEmail::default()
        })
    }

    fn with(status: &str, change: fn(&mut StoredEmail)) -> Option<StoredEmail> {
        record(status).map(|mut record| {
            change(&mut record);
            record
        })
    }

    fn case(record: Option<StoredEmail>, copies: usize) -> Case {
        Case {
            hold: false,
            canceled: false,
            record,
            copies,
        }
    }

    fn held(record: Option<StoredEmail>, copies: usize) -> Case {
        Case {
            hold: true,
            ..case(record, copies)
        }
    }

    fn canceled(record: Option<StoredEmail>, copies: usize) -> Case {
        Case {
            canceled: true,
            ..case(record, copies)
        }
    }

    fn copy(subject: &str) -> SentCopy {
        SentCopy {
            message_id: String::new(),
            subject: subject.to_owned(),
            received_at: String::new(),
            claim: String::new(),
        }
    }

    fn verdict(case: &Case) -> Verdict {
        let accepted = [Accepted {
            id: "a".to_owned(),
            hold: case.hold,
            canceled: case.canceled,
        }];
        let records = case
            .record
            .iter()
            .map(|record| ("a".to_owned(), record.clone()))
            .collect();
        let mut copies = BTreeMap::new();
        if case.copies > 0 {
            copies.insert("a".to_owned(), vec![copy("s"); case.copies]);
        }
        judge(&accepted, &records, &copies)
    }

    #[test]
    fn each_defect_is_found_and_nothing_else_is_one() {
        use Defect::*;
        let mark: fn(&mut StoredEmail) = |record| record.marked = true;
        let out: fn(&mut StoredEmail) = |record| record.indexed = false;
        let known: fn(&mut StoredEmail) = |record| record.duplicate = true;
        let table: [(Case, &[Defect]); 31] = [
            (case(record("sent"), 1), &[]),
            (case(record("failed"), 0), &[]),
            (case(record("canceled"), 0), &[]),
            (case(record("expired"), 0), &[]),
            (case(record("unknown"), 0), &[]),
            (case(record("unknown"), 1), &[]),
            (canceled(record("canceled"), 0), &[]),
            (held(record("unknown"), 1), &[]),
            (held(record("sent"), 1), &[]),
            (case(with("sent", mark), 2), &[]),
            (case(with("unknown", mark), 3), &[]),
            (case(None, 0), &[NoRecord]),
            (case(None, 1), &[NoRecord]),
            (case(None, 2), &[NoRecord, Unmarked]),
            (case(record("sent"), 0), &[NotSent]),
            (case(with("sent", mark), 0), &[NotSent]),
            (case(record("failed"), 1), &[SentAllTheSame]),
            (case(record("canceled"), 1), &[SentAllTheSame]),
            (case(record("expired"), 1), &[SentAllTheSame]),
            (canceled(record("sent"), 1), &[NotCanceled]),
            (canceled(record("failed"), 0), &[NotCanceled]),
            (case(record("queued"), 0), &[Stuck]),
            (case(record("sending"), 1), &[Stuck]),
            (case(record("uncertain"), 1), &[Stuck]),
            (case(record("failing"), 0), &[Stuck]),
            (case(with("queued", out), 0), &[FallenOut]),
            (case(with("uncertain", out), 1), &[FallenOut]),
            (case(record("sent"), 2), &[Unmarked]),
            (case(with("sent", known), 2), &[Unmarked]),
            (held(with("sent", mark), 2), &[HeldAndDoubled]),
            (case(record("failed"), 2), &[SentAllTheSame, Unmarked]),
        ];
        for (case, expected) in &table {
            let found: Vec<_> = verdict(case).findings.iter().map(|(_, defect)| *defect).collect();
            assert_eq!(&found, expected, "{:?} with {} copies", case.record, case.copies);
        }
        let shown: BTreeSet<_> = table.iter().flat_map(|(_, defects)| *defects).collect();
        assert_eq!(shown.len(), 8, "and two ids, below");
    }

    #[test]
    fn each_defect_is_counted_once_and_under_its_name() {
        let counts = |case: &Case| {
            let verdict = verdict(case);
            (
                verdict.lost,
                verdict.stuck,
                verdict.duplicates_unmarked,
                verdict.duplicates_marked,
            )
        };
        assert_eq!(counts(&case(record("sent"), 0)), (1, 0, 0, 0));
        assert_eq!(counts(&case(record("queued"), 0)), (0, 1, 0, 0));
        assert_eq!(counts(&case(record("sent"), 3)), (0, 0, 1, 0));
        assert_eq!(
            counts(&case(with("sent", |record| record.marked = true), 2)),
            (0, 0, 0, 1)
        );
        assert_eq!(counts(&case(record("sent"), 1)), (0, 0, 0, 0));
    }

    #[test]
    fn how_emails_fared_is_counted() {
        let mut records = BTreeMap::new();
        let mut copies = BTreeMap::new();
        let mut accepted = Vec::new();
        for (id, status, cause) in [
            ("1", "sent", None),
            ("2", "sent", None),
            ("3", "failed", Some("rejected")),
            ("4", "unknown", Some("answer_lost")),
            ("5", "canceled", None),
            ("6", "expired", Some("expired")),
        ] {
            accepted.push(Accepted {
                id: id.to_owned(),
                hold: false,
                canceled: false,
            });
            let mut record = record(status).unwrap();
            record.cause = cause.map(str::to_owned);
            records.insert(id.to_owned(), record);
            if matches!(status, "sent" | "unknown") {
                copies.insert(id.to_owned(), vec![copy(id)]);
            }
        }
        let verdict = judge(&accepted, &records, &copies);
        assert!(verdict.is_good(), "{:?}", verdict.findings);
        assert_eq!((verdict.accepted, verdict.sent, verdict.unknown), (6, 3, 1));
        assert_eq!((verdict.canceled, verdict.expired), (1, 1));
        assert_eq!(verdict.failed, BTreeMap::from([("rejected".to_owned(), 1)]));
    }

    #[test]
    fn of_what_was_not_accepted_only_doubles_are_judged() {
        let judge_stranger = |status: &str, count: usize| {
            let records = BTreeMap::from([("b".to_owned(), record(status).unwrap())]);
            judge(
                &[],
                &records,
                &BTreeMap::from([("b".to_owned(), vec![copy("s"); count])]),
            )
            .findings
        };
        assert_eq!(judge_stranger("failed", 1), []);
        assert_eq!(judge_stranger("queued", 1), []);
        assert_eq!(judge_stranger("sent", 2), [("b".to_owned(), Defect::Unmarked)]);
    }

    #[test]
    fn one_email_under_two_ids_is_doubled() {
        let records = ["a", "b"].map(|id| (id.to_owned(), record("sent").unwrap())).into();
        let one = |subject: &str| vec![copy(subject)];
        let two = BTreeMap::from([("a".to_owned(), one("s")), ("b".to_owned(), one("s"))]);
        assert_eq!(judge(&[], &records, &two).findings, [("b".to_owned(), Defect::TwoIds)]);
        let others = BTreeMap::from([("a".to_owned(), one("s")), ("b".to_owned(), one("t"))]);
        assert!(judge(&[], &records, &others).is_good());
    }
}
