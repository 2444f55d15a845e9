//! Counts the outcomes of emails from the stream of the table's changes.
//!
//! **Role:** consumes the stream. No request waits for it, and it adds no write to an email.
//! **Invariant:** every change is counted once, however often and in any batches it arrives, also when two
//! invocations count it concurrently.
//! **After a crash:** the batch is delivered again. Stored change markers identify the counted changes.
//! **Start reading at** [`TallyFunction::count`], then [`domain::reporting::tally::portion`], which explains why counts are
//! exact; [`handler`] is the stream.

pub mod handler;
pub mod settings;

use std::collections::BTreeSet;
use std::time::Duration;

use domain::ports::{Backoff, Counted, PortError, Random, Rounds, Tallies};
use domain::reporting::tally::change::Change;
use domain::reporting::tally::portion::{Portion, portions};
use futures::future::try_join_all;

/// Longest pause after the first attempt of a portion. Portions share their counters, so that concurrent writers meet
/// more often than at other items.
const PAUSE: Duration = Duration::from_millis(10);

/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The function and its ports.
#[derive(Debug)]
pub struct TallyFunction<C, S> {
    /// Counters.
    pub counters: C,
    /// Randomness.
    pub system: S,
}

/// Result of counting changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Transactions written.
    pub written: u32,
    /// Transactions that were refused, and decided again.
    pub refused: u32,
    /// Portions whose changes were all counted before.
    pub known: u32,
}

impl<C: Tallies, S: Random> TallyFunction<C, S> {
    /// Counts changes that are not counted yet.
    ///
    /// # Errors
    /// Some changes are not counted: all of them must be delivered again.
    pub async fn count(&self, changes: &[Change]) -> Result<Report, PortError> {
        let mut report = Report::default();
        for portion in portions(changes) {
            self.count_portion(&portion, &mut report).await?;
        }
        Ok(report)
    }

    async fn count_portion(&self, portion: &Portion, report: &mut Report) -> Result<(), PortError> {
        let spans = portion.spans();
        let (mut rounds, mut backoff) = (Rounds::of("counting changes"), Backoff::new(PAUSE, LONGEST_PAUSE));
        loop {
            rounds.begin()?;
            // Versions before markers. A concurrent writer whose markers are missing here has not written yet,
            // so that one of the two writes is refused.
            let versions = self.counters.versions(portion.counters()).await?;
            let counted = try_join_all(spans.iter().map(|span| self.counters.counted_fingerprints(span))).await?;
            let counted: BTreeSet<_> = counted.into_iter().flatten().collect();
            let Some(tally) = portion.tally(&versions, &counted) else {
                report.known = report.known.saturating_add(1);
                return Ok(());
            };
            match self.counters.count(&tally).await? {
                Counted::Done => {
                    report.written = report.written.saturating_add(1);
                    return Ok(());
                }
                Counted::Moved => report.refused = report.refused.saturating_add(1),
            }
            tokio::time::sleep(backoff.wait(self.system.nonce().ok())).await;
        }
    }
}
