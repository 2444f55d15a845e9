//! The record of all calls: open calls, the latest ended calls, counters, and the log.
//!
//! **Invariant:** a call is in the record before it can take effect. Memory does not grow with the number of calls:
//! older calls are only in the log.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use crate::call::Call;
use crate::caller::Caller;
use crate::plan::Kind;

/// The number of ended calls in memory.
const LATEST: usize = 10_000;

/// The outcome of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// The call is open.
    Open,
    /// The call was answered.
    Answered,
    /// A fault closed the connection.
    Dropped,
    /// The caller closed the connection before the answer: it gave up or died.
    Gone,
    /// The upstream closed the connection or could not be reached.
    Unanswered,
}

/// A call and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The number of the call, from 1.
    pub number: u64,
    /// The time of arrival: RFC 3339, UTC, milliseconds.
    pub at: String,
    /// The time of its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// The calling function or program.
    pub caller: String,
    /// The caller's process.
    pub process: Option<u32>,
    /// The call.
    #[serde(flatten)]
    pub call: Call,
    /// The faults that struck it.
    pub faults: Vec<Kind>,
    /// The rules of these faults.
    pub rules: Vec<u64>,
    /// The outcome.
    pub outcome: CallOutcome,
    /// The status of the answer, if there was one, even if the caller never saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// The counters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Calls by caller and action, as in `dynamodb:UpdateItem`.
    pub calls: BTreeMap<String, BTreeMap<String, u64>>,
    /// The permissions that the calls needed, by caller, as in `sqs:SendMessage mailqueue-high`.
    pub needs: BTreeMap<String, BTreeMap<String, u64>>,
    /// Faults that happened, by kind.
    pub faults: BTreeMap<Kind, u64>,
    /// Calls that the upstream did not answer, by service. The fake SES has faults of its own.
    pub unanswered: BTreeMap<String, u64>,
}

/// The record.
#[derive(Debug, Default)]
pub struct Record {
    newest: u64,
    open: BTreeMap<u64, Entry>,
    latest: VecDeque<Entry>,
    stats: Stats,
    log: Option<File>,
}

fn format_time(now: Timestamp) -> String {
    format!("{now:.3}")
}

impl Record {
    /// Creates an empty record that is also written to `log`.
    #[must_use]
    pub fn new(log: Option<File>) -> Self {
        Self { log, ..Self::default() }
    }

    /// Records a new call; returns its number.
    pub fn begin(&mut self, call: Call, caller: &Caller, struck: &[(u64, Kind)], now: Timestamp) -> u64 {
        self.newest += 1;
        let action = format!("{}:{}", call.service, call.operation);
        *self
            .stats
            .calls
            .entry(caller.name.clone())
            .or_default()
            .entry(action)
            .or_default() += 1;
        let needs = self.stats.needs.entry(caller.name.clone()).or_default();
        for need in &call.needs {
            *needs.entry(need.to_string()).or_default() += 1;
        }
        for (_, kind) in struck {
            *self.stats.faults.entry(*kind).or_default() += 1;
        }
        let entry = Entry {
            number: self.newest,
            at: format_time(now),
            ended_at: None,
            caller: caller.name.clone(),
            process: caller.process,
            call,
            faults: struck.iter().map(|(_, kind)| *kind).collect(),
            rules: struck.iter().map(|(id, _)| *id).collect(),
            outcome: CallOutcome::Open,
            status: None,
        };
        self.open.insert(self.newest, entry);
        self.newest
    }

    /// Records the outcome of a call; only the first outcome counts.
    pub fn end(&mut self, number: u64, outcome: CallOutcome, status: Option<u16>, now: Timestamp) {
        let Some(mut entry) = self.open.remove(&number) else {
            return;
        };
        entry.ended_at = Some(format_time(now));
        entry.outcome = outcome;
        entry.status = status;
        if outcome == CallOutcome::Unanswered {
            *self.stats.unanswered.entry(entry.call.service.clone()).or_default() += 1;
        }
        self.write(&entry);
        if self.latest.len() >= LATEST {
            self.latest.pop_front();
        }
        self.latest.push_back(entry);
    }

    fn write(&mut self, entry: &Entry) {
        let Some(log) = &mut self.log else {
            return;
        };
        let line = serde_json::to_string(entry).map_err(std::io::Error::from);
        if let Err(error) = line.and_then(|line| writeln!(log, "{line}")) {
            tracing::error!(%error, "the log cannot be written; it ends here");
            self.log = None;
        }
    }

    /// Returns the open calls, oldest first.
    #[must_use]
    pub fn open(&self) -> Vec<Entry> {
        self.open.values().cloned().collect()
    }

    /// Returns the latest ended calls, oldest first.
    #[must_use]
    pub fn ended_calls(&self) -> Vec<Entry> {
        self.latest.iter().cloned().collect()
    }

    /// Returns one call, open or among the latest.
    #[must_use]
    pub fn entry(&self, number: u64) -> Option<Entry> {
        let ended = || self.latest.iter().rev().find(|entry| entry.number == number);
        self.open.get(&number).or_else(ended).cloned()
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats.clone()
    }
}
