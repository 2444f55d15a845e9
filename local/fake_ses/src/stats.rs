//! Counters of requests, answers, and faults that happened.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::faults::FaultKind;

/// Counters since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests by operation and answer: `ok`, SES's error name, or `timeout`, `drop_before`, `drop_after`.
    pub requests: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// Faults that happened, by kind.
    pub faults: BTreeMap<&'static str, u64>,
}

impl Stats {
    /// Counts one request.
    pub fn count_answer(&mut self, operation: &'static str, answer: &'static str) {
        *self.requests.entry(operation).or_default().entry(answer).or_default() += 1;
    }

    /// Counts faults.
    pub fn count_faults(&mut self, kinds: &[FaultKind]) {
        for kind in kinds {
            *self.faults.entry(kind.name()).or_default() += 1;
        }
    }
}
