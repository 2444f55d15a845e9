//! The counters, for their writer and for readers.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::PortError;
use crate::id::TenantId;
use crate::reporting::hours::{FailuresOfHour, Hours};
use crate::reporting::tally::change_id::Fingerprint;
use crate::reporting::tally::counter::{Counter, Figures};
use crate::reporting::tally::portion::{Span, Tally, Versions};
use crate::reporting::tally::queue_counts::QueueCounts;
use crate::timestamp::Timestamp;

/// The result of writing a tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// All of it is written.
    Done,
    /// Nothing is written: a counter has another version.
    Moved,
}

/// The counters for their writer. Both reads are consistent.
pub trait Tallies: Sync {
    /// The number of writes of each of these counters.
    fn versions(&self, counters: &BTreeSet<Counter>) -> impl Future<Output = Result<Versions, PortError>> + Send;

    /// The fingerprints of counted changes, from the markers in a span.
    fn counted_fingerprints(&self, span: &Span) -> impl Future<Output = Result<Vec<Fingerprint>, PortError>> + Send;

    /// Writes all of a tally or nothing.
    fn count(&self, tally: &Tally) -> impl Future<Output = Result<Counted, PortError>> + Send;
}

/// The counters for readers. Their state may be a moment old.
pub trait Counts: Sync {
    /// The numbers of a queue's emails by current state.
    fn queue_counts(
        &self,
        tenant: &TenantId,
        queue: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<QueueCounts, PortError>> + Send;

    /// The outcomes of emails in one queue or in all, for each of these hours with any outcome.
    fn flow(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> impl Future<Output = Result<BTreeMap<Timestamp, Figures>, PortError>> + Send;

    /// The causes for which emails in one queue or in all ended unsent in these hours, earliest first. `None` if
    /// there are too many for one response.
    fn failures(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> impl Future<Output = Result<Option<Vec<FailuresOfHour>>, PortError>> + Send;
}
