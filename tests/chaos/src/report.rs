//! The verdict as JSON and for people.
//!
//! **Invariant:** pure. Fields that scripts use keep their names; new fields may be added.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use invariants::{Invariant, Violation};
use serde::Serialize;

use crate::oracle::Verdict;

/// The number of emails that suffices for lost answers with lost events, and thus for second copies.
const ENOUGH: usize = 500;

/// The types of events that every run of so many emails tells.
const TOLD: [&str; 9] = [
    "email.scheduled",
    "email.sent",
    "email.delivered",
    "email.bounced",
    "email.complained",
    "email.opened",
    "email.clicked",
    "email.failed",
    "email.canceled",
];

/// The content of `.local/chaos.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// The outcomes of the emails.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Processes killed during an invocation, by function.
    pub kills: BTreeMap<String, usize>,
    /// The number of times that each kind of fault happened: at AWS, at SES, and at the receiver of the webhook.
    pub faults: BTreeMap<String, u64>,
    /// The seed of all randomness.
    pub seed: u64,
    /// Kills, by the unanswered call.
    pub kills_by_call: BTreeMap<String, usize>,
    /// Requests without a key and without an answer of 2xx: nothing is guaranteed for them.
    pub unanswered: usize,
    /// Calls that the emulator itself left unanswered. None is expected, and AWS has the same kind of fault.
    pub emulator_unanswered: u64,
    /// The counts of the reports and of the records.
    pub counts: Counts,
    /// The duration in seconds, without the start of the stack.
    pub seconds: u64,
    /// All reasons for which the run fails, as sentences.
    pub failures: Vec<String>,
}

/// The numbers of `GET /emails/metrics` beside those of the records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Recipients of all records.
    pub accepted: usize,
    /// The same, as the reports count them.
    pub accepted_counted: usize,
    /// Recipients of sent emails.
    pub sent: usize,
    /// The same, as the reports count them.
    pub sent_counted: usize,
}

impl Counts {
    /// Tells whether every change of a record was counted once.
    #[must_use]
    pub fn agree(&self) -> bool {
        (self.accepted, self.sent) == (self.accepted_counted, self.sent_counted)
    }
}

/// The requested size of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSize {
    /// Emails.
    pub emails: usize,
    /// Kills.
    pub kills: usize,
}

impl Report {
    /// Collects all faults, as sentences: those of the emails, and those of the run itself. A run without its faults
    /// proves nothing. `others` are the complaints of clients.
    pub fn find_failures(&mut self, size: RunSize, others: Vec<String>) {
        let verdict = &self.verdict;
        let mut failures = Vec::new();
        for (count, what) in [
            (verdict.lost, "lost"),
            (verdict.stuck, "stuck"),
            (verdict.duplicates_unflagged, "sent twice without a flag"),
        ] {
            if count > 0 {
                failures.push(format!("{count} of {} accepted emails {what}.", verdict.accepted));
            }
        }
        if verdict.untold > 0 {
            failures.push(format!(
                "{} events of the webhook are missing, double or false.",
                verdict.untold
            ));
        }
        if verdict.accepted > 0 && verdict.events == 0 {
            failures.push("The webhook got no event.".to_owned());
        }
        let untold = TOLD.iter().filter(|kind| !verdict.events_by_type.contains_key(**kind));
        let untold: Vec<&str> = untold.copied().collect();
        if size.emails >= ENOUGH && !untold.is_empty() {
            failures.push(format!("These types of events never came: {}.", untold.join(", ")));
        }
        if size.emails > 0 && verdict.accepted == 0 {
            failures.push("No email was accepted.".to_owned());
        }
        let made: usize = self.kills.values().sum();
        if made < size.kills {
            failures.push(format!(
                "Of {} kills only {made} hit a running invocation: {}.",
                size.kills,
                list(&self.kills)
            ));
        }
        let never: Vec<_> = self
            .faults
            .iter()
            .filter(|(_, count)| **count == 0)
            .map(|(kind, _)| kind.as_str())
            .collect();
        if !never.is_empty() {
            failures.push(format!("These kinds of fault never happened: {}.", never.join(", ")));
        }
        if size.emails >= ENOUGH && verdict.duplicates_flagged + verdict.duplicates_unflagged == 0 {
            failures.push("No email was sent twice: the flag was not tested.".to_owned());
        }
        let counts = &self.counts;
        if !counts.agree() {
            let Counts {
                accepted,
                accepted_counted,
                sent,
                sent_counted,
            } = counts;
            let detail = format!(
                "The reports count {accepted_counted} accepted and {sent_counted} sent recipients; the records have {accepted} and {sent}."
            );
            failures.push(Violation::<String>::new(Invariant::Counts, detail).to_string());
        }
        failures.extend(others);
        self.failures = failures;
    }

    /// Tells whether the run succeeded.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    /// Returns the summary.
    #[must_use]
    pub fn summary(&self) -> String {
        let verdict = &self.verdict;
        let mut text = String::new();
        let failed: usize = verdict.failed.values().sum();
        let mut line = |name: &str, value: &dyn std::fmt::Display, more: &str| {
            // Writing to a string cannot fail.
            writeln!(text, "  {name:<22}{value:>8}  {more}").ok();
        };
        line("accepted", &verdict.accepted, "answered with 2xx");
        line("sent", &verdict.sent, "of these, at the fake SES");
        line("failed", &failed, &list(&verdict.failed));
        line("canceled", &verdict.canceled, "");
        line("expired", &verdict.expired, "");
        line("unknown", &verdict.unknown, "SES may have them");
        line("duplicates, flagged", &verdict.duplicates_flagged, "");
        line("duplicates, unflagged", &verdict.duplicates_unflagged, "must be 0");
        line("lost", &verdict.lost, "must be 0");
        line("stuck", &verdict.stuck, "must be 0");
        line("events", &verdict.events, &list(&verdict.events_by_type));
        line("events, wrong", &verdict.untold, "must be 0");
        line(
            "counted",
            &self.counts.accepted_counted,
            "by the reports, of as many recipients",
        );
        line("kills", &self.kills.values().sum::<usize>(), &list(&self.kills));
        line("faults", &self.faults.values().sum::<u64>(), &list(&self.faults));
        line("seconds", &self.seconds, "");
        text
    }
}

fn list<T: std::fmt::Display>(counts: &BTreeMap<String, T>) -> String {
    let shown: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: RunSize = RunSize { emails: 10, kills: 4 };

    fn good() -> Report {
        Report {
            verdict: Verdict {
                accepted: 10,
                events: 20,
                events_by_type: TOLD.map(|kind| (kind.to_owned(), 2)).into(),
                ..Verdict::default()
            },
            kills: BTreeMap::from([("send".to_owned(), 3), ("promote".to_owned(), 1)]),
            faults: BTreeMap::from([("ses_quota".to_owned(), 1), ("receiver_hang".to_owned(), 1)]),
            ..Report::default()
        }
    }

    #[test]
    fn a_good_run_has_no_failure_and_every_fault() {
        type Change = fn(&mut Report);
        let changes: [(Change, &str); 11] = [
            (|_| {}, ""),
            (|report| report.verdict.lost = 1, "1 of 10 accepted emails lost"),
            (|report| report.verdict.stuck = 2, "2 of 10 accepted emails stuck"),
            (
                |report| report.verdict.duplicates_unflagged = 3,
                "3 of 10 accepted emails sent twice",
            ),
            (|report| report.verdict.accepted = 0, "No email was accepted"),
            (|report| report.verdict.untold = 4, "4 events of the webhook"),
            (|report| report.verdict.events = 0, "The webhook got no event"),
            (|report| report.counts.sent_counted = 9, "I16 Counts is broken"),
            (|report| report.kills.clear(), "Of 4 kills only 0 hit"),
            (
                |report| {
                    report.faults.insert("aws_lose".to_owned(), 0);
                },
                "never happened: aws_lose",
            ),
            (
                |report| {
                    report.faults.insert("receiver_hang".to_owned(), 0);
                },
                "never happened: receiver_hang",
            ),
        ];
        for (change, sentence) in changes {
            let mut report = good();
            change(&mut report);
            report.find_failures(SIZE, Vec::new());
            assert_eq!(report.is_good(), sentence.is_empty(), "{:?}", report.failures);
            assert!(report.failures.join(" ").contains(sentence), "{:?}", report.failures);
        }
        let mut report = good();
        report.find_failures(SIZE, vec!["A client complains.".to_owned()]);
        assert!(!report.is_good());
        let large = RunSize { emails: ENOUGH, ..SIZE };
        for (flagged, is_good) in [(0, false), (1, true)] {
            let mut report = good();
            report.verdict.duplicates_flagged = flagged;
            report.find_failures(large, Vec::new());
            assert_eq!(report.is_good(), is_good, "{:?}", report.failures);
        }
    }

    #[test]
    fn a_large_run_needs_every_usual_type_of_event() {
        for kind in TOLD {
            let mut report = good();
            report.verdict.duplicates_flagged = 1;
            report.verdict.events_by_type.remove(kind);
            report.find_failures(RunSize { emails: ENOUGH, ..SIZE }, Vec::new());
            assert_eq!(report.failures, [format!("These types of events never came: {kind}.")]);
            report.find_failures(SIZE, Vec::new());
            assert!(report.is_good(), "a small run may lack it");
        }
    }

    #[test]
    fn the_fields_for_scripts_are_there() {
        let json = serde_json::to_value(good()).unwrap();
        for field in [
            "accepted",
            "sent",
            "failed",
            "unknown",
            "canceled",
            "expired",
            "duplicates_flagged",
            "duplicates_unflagged",
            "lost",
            "stuck",
            "events",
            "events_by_type",
            "untold",
            "kills",
            "faults",
            "seed",
        ] {
            assert!(json.get(field).is_some(), "{field}");
        }
        assert_eq!(json["kills"]["send"], 3);
    }
}
