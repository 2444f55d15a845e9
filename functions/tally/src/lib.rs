//! Counts what becomes of emails, from the stream of the table's changes.
//!
//! **Role:** behind the stream; nobody waits for it, and no write of an email is made for it.
//! **Invariant:** every change is counted once, however often and in whatever batches it comes,
//! also when two invocations count the same one at the same time.
//! **After a crash:** the batch comes again, and what was counted of it is known by its marks.
//! **Start reading at** [`CountChanges::count`], then [`domain::tally::portion`], which is why it is
//! exact; [`handler`] is the stream.

pub mod handler;

use std::collections::BTreeSet;
use std::time::Duration;

use domain::ports::{Counted, PortError, Random, Tallies};
use domain::tally::change::Change;
use domain::tally::portion::{Portion, portions};
use futures::future::try_join_all;

/// How often a portion is counted anew when others write the same counters, before the batch is
/// left to come again.
const ROUNDS: u32 = 12;

/// The pause after the first round, doubled each time up to the longest.
const PAUSE: Duration = Duration::from_millis(10);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Why changes are not counted yet.
#[derive(Debug, thiserror::Error)]
pub enum TallyError {
    /// The world failed; what was counted is known by its marks.
    #[error("changes could not be counted")]
    Port(#[from] PortError),
    /// Too many others count in the same counters at this moment.
    #[error("the counters moved {ROUNDS} times while changes were counted")]
    Contended,
}

/// Counts with what the world offers.
#[derive(Debug, Clone)]
pub struct CountChanges<C, S> {
    /// The counters.
    pub counters: C,
    /// Randomness.
    pub system: S,
}

/// What became of changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Transactions written.
    pub written: u32,
    /// Transactions that were refused, and decided anew.
    pub refused: u32,
    /// Portions of which everything was counted before.
    pub known: u32,
}

impl<C, S> CountChanges<C, S>
where
    C: Tallies,
    S: Random,
{
    /// Counts changes that are not counted yet.
    ///
    /// # Errors
    /// When not all are counted: they must all come again.
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
            // In this order: who counts the same changes and is not seen in the marks afterwards
            // has not written yet, and one of the two will be refused.
            let versions = self.counters.versions(portion.counters()).await?;
            let marked = try_join_all(spans.iter().map(|span| self.counters.marked(span))).await?;
            let marked: BTreeSet<_> = marked.into_iter().flatten().collect();
            let Some(tally) = portion.tally(&versions, &marked) else {
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

    /// A part of a pause, so that those who met part.
    fn some_of(&self, pause: Duration) -> Duration {
        let parts = self.system.nonce().map_or(0, |nonce| nonce % 256);
        pause.saturating_mul(u32::try_from(parts).unwrap_or(0)) / 256
    }
}
