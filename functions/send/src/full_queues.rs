//! Leaves the emails of a full priority queue to the index: their messages are deleted instead of hidden.
//!
//! **Invariant:** a message is deleted only after its record was read and `promote` will find it in time.
//! Without that certainty it is hidden, as in any other priority queue.
//! **Start reading at** [`SendFunction::left_to_index`]. Why this way: docs/adr/0031.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::delivery::record::{EmailRecord, Priority};
use domain::id::EmailKey;
use domain::lifecycle::full_queue::leave_to_index;
use domain::ports::rate_limits::RateLimits;
use domain::ports::{AccountRates, Bodies, Clock, DeadLetters, EmailRecords, Provider, Queues, Random, Suppressions};
use futures::future::join_all;
use workflow::apply::apply;

use crate::SendFunction;

/// Longest delay for which a message is hidden in a full priority queue too: so short a wait fills none.
pub const BRIEF: Duration = Duration::from_secs(5);

impl<R, B, D, P, S> SendFunction<R, B, D, P, S>
where
    R: EmailRecords + RateLimits + AccountRates + Queues + Suppressions,
    B: Bodies,
    D: DeadLetters,
    P: Provider,
    S: Clock + Random,
{
    /// Whether the last permits reported this priority queue as full.
    pub(crate) fn is_full(&self, priority: Priority) -> bool {
        self.rate_limiter.full().has(priority)
    }

    /// Returns the emails whose messages may be deleted. Reads all records with one call, and writes only those
    /// that would be found too late.
    pub(crate) async fn left_to_index(&self, keys: BTreeSet<EmailKey>) -> BTreeSet<EmailKey> {
        let keys: Vec<_> = keys.into_iter().collect();
        if keys.is_empty() {
            return BTreeSet::new();
        }
        let records = match self.records.load_many(&keys, self.system.now()).await {
            Ok(records) => records,
            Err(error) => {
                let error = aws::runtime::telemetry::chain(&error);
                tracing::warn!(
                    error,
                    "records of a full priority queue could not be read; their messages are hidden"
                );
                return BTreeSet::new();
            }
        };
        let left = join_all(records.into_iter().map(|record| self.leave_one(record))).await;
        left.into_iter().flatten().collect()
    }

    async fn leave_one(&self, record: EmailRecord) -> Option<EmailKey> {
        let (key, now) = (record.email_key(), self.system.now());
        let decide = |record: &EmailRecord| leave_to_index(record, &self.with.policy, now);
        match apply(&self.records, record, now, decide).await {
            Ok(_) => Some(key),
            Err(error) => {
                let error = aws::runtime::telemetry::chain(&error);
                tracing::warn!(
                    error,
                    "a record of a full priority queue could not be moved; its message is hidden"
                );
                None
            }
        }
    }
}
