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

use domain::ports::{Counted, PortError, Random, Tallies};
use domain::reporting::tally::change::Change;
use domain::reporting::tally::portion::{Portion, portions};
use futures::future::try_join_all;

/// Attempts of a portion while other writers change the same counters. After the last one the batch is
/// delivered again.
const ROUNDS: u32 = 12;

/// Pause after the first attempt. It doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(10);

/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Reason why changes are not counted yet.
#[derive(Debug, thiserror::Error)]
pub enum TallyError {
    /// A backend call failed. Stored markers identify the counted changes.
    #[error("changes could not be counted")]
    Port(#[from] PortError),
    /// Too many writers change the same counters.
    #[error("the counters changed {ROUNDS} times while changes were counted")]
    Contended,
}

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
    pub async fn count(&self, changes: &[Change]) -> Result<Report, TallyError> {
        let mut report = Report::default();
        for portion in portions(changes) {
            self.count_portion(&portion, &mut report).await?;
        }
        Ok(report)
    }

    async fn count_portion(&self, portion: &Portion, report: &mut Report) -> Result<(), TallyError> {
        let spans = portion.spans();
        let mut pause = PAUSE;
        for _ in 0..ROUNDS {
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
            tokio::time::sleep(self.some_of(pause)).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
        Err(TallyError::Contended)
    }

    /// Returns a random part of a pause, so that concurrent writers drift apart.
    fn some_of(&self, pause: Duration) -> Duration {
        let parts = self.system.nonce().map_or(0, |nonce| nonce % 256);
        pause.saturating_mul(u32::try_from(parts).unwrap_or(0)) / 256
    }
}
