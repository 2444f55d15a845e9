//! Random scenarios under random faults, one for each seed.
//!
//! **Invariant:** a check must be able to fail: a run of seeds without some kind of fault or some transition fails,
//! too ([`Totals::missing`]).

use std::collections::{BTreeMap, HashMap};

use domain::delivery::record::RecordStatus;
use invariants::transitions::{Edge, TRANSITIONS, Transition};

use crate::run::{RunOutcome, run};
use crate::scenario::Scenario;

/// Every kind of fault that must happen.
pub const KINDS: [&str; 32] = [
    "SES accepts late",
    "SES hangs",
    "SES is not reached",
    "SES is paused",
    "SES is unavailable",
    "SES rejects",
    "SES throttles",
    "SES's quota is spent",
    "answer of SES lost",
    "batch call failed in part",
    "death after",
    "death before",
    "delete lost",
    "deleted by TTL",
    "effect later",
    "error after",
    "error before",
    "event doubled",
    "event late",
    "event lost",
    "index read stale",
    "invocation timed out",
    "message doubled",
    "message put aside",
    "message seen again",
    "repeated by the SDK",
    "slow call",
    "submission lost",
    "throttled",
    "transaction conflict",
    "two clocks differ",
    "two runs of promote",
];

/// The totals of many runs.
#[derive(Debug, Default)]
pub struct Totals {
    /// The number of seeds.
    pub seeds: u64,
    /// Emails that were accepted.
    pub emails: usize,
    /// Copies that SES accepted.
    pub copies: usize,
    /// Calls of ports.
    pub calls: u64,
    /// The number of times that each kind of fault happened.
    pub struck: BTreeMap<&'static str, u64>,
    /// The number of times that each transition was taken.
    pub edges: HashMap<(Option<RecordStatus>, RecordStatus), u64>,
    /// The number of emails by final status.
    pub ends: BTreeMap<&'static str, u64>,
}

impl Totals {
    /// Runs a seed and adds its result; returns the report of a violation.
    pub fn run(&mut self, seed: u64) -> Option<String> {
        let scenario = Scenario::random(seed);
        let outcome = run(&scenario);
        self.add(&scenario, &outcome);
        outcome.report(&format!("cargo run --locked --bin simulation -- replay {seed}"))
    }

    fn add(&mut self, scenario: &Scenario, outcome: &RunOutcome) {
        self.seeds += 1;
        self.emails += outcome.emails;
        self.copies += outcome.copies;
        self.calls += outcome.calls;
        for (kind, times) in &outcome.struck {
            *self.struck.entry(kind).or_default() += times;
        }
        if scenario.skew_ms > 0 {
            *self.struck.entry("two clocks differ").or_default() += 1;
        }
        for (edge, times) in &outcome.edges {
            *self.edges.entry(*edge).or_default() += times;
        }
        for (end, times) in &outcome.ends {
            *self.ends.entry(end).or_default() += times;
        }
    }

    /// Adds the totals of another thread.
    pub fn join(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.emails += other.emails;
        self.copies += other.copies;
        self.calls += other.calls;
        for (kind, times) in other.struck {
            *self.struck.entry(kind).or_default() += times;
        }
        for (edge, times) in other.edges {
            *self.edges.entry(edge).or_default() += times;
        }
        for (end, times) in other.ends {
            *self.ends.entry(end).or_default() += times;
        }
    }

    /// Returns the kinds of fault and the transitions that never happened.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let kinds = KINDS
            .iter()
            .filter(|kind| !self.struck.contains_key(*kind))
            .map(|kind| (*kind).to_owned());
        let usual = TRANSITIONS.iter().filter(|transition| !transition.is_rare);
        let edges = usual
            .map(Transition::edge)
            .filter(|edge| !self.edges.contains_key(edge));
        kinds.chain(edges.map(in_words)).collect()
    }

    /// Returns the totals as lines.
    #[must_use]
    pub fn table(&self) -> String {
        let mut lines = vec![format!(
            "{} seeds, {} emails accepted, {} copies accepted by SES, {} calls",
            self.seeds, self.emails, self.copies, self.calls
        )];
        let counted = |name: &str, times: u64| format!("{times:>12}  {name}");
        lines.push("how emails ended:".to_owned());
        lines.extend(self.ends.iter().map(|(end, times)| counted(end, *times)));
        lines.push("faults that happened:".to_owned());
        lines.extend(self.struck.iter().map(|(kind, times)| counted(kind, *times)));
        lines.push("transitions:".to_owned());
        let of = |edge: Edge| counted(&in_words(edge), self.edges.get(&edge).copied().unwrap_or(0));
        lines.extend(TRANSITIONS.iter().map(|transition| of(transition.edge())));
        lines.join("\n")
    }
}

fn in_words((from, to): Edge) -> String {
    match from {
        Some(from) => format!("{from:?} -> {to:?}"),
        None => format!("- -> {to:?}"),
    }
}
