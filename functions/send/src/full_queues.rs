//! Leaves the emails of a full priority queue to the due index: their messages are deleted instead of hidden.
//!
//! **Invariant:** a message is deleted only after its record was read and `promote` will find it in time.
//! Without that certainty it is hidden, as in any other priority queue.
//! **Start reading at** [`left_to_index`]. Why this way: docs/adr/0031.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::delivery::policy::Policy;
use domain::delivery::record::EmailRecord;
use domain::id::EmailKey;
use domain::lifecycle::full_queue::leave_to_index;
use domain::ports::rate_limits::RateLimits;
use domain::ports::{Clock, EmailRecords};
use futures::future::join_all;
use workflow::apply::apply;

/// Longest delay for which a message is hidden in a full priority queue too: such short waits fill no queue.
pub const BRIEF: Duration = Duration::from_secs(5);

/// Returns the emails whose messages may be deleted. Reads all records with one call. Writes only those that
/// `promote` would check too late.
pub(crate) async fn left_to_index<R: EmailRecords + RateLimits>(
    records: &R,
    clock: &impl Clock,
    policy: &Policy,
    keys: BTreeSet<EmailKey>,
) -> BTreeSet<EmailKey> {
    let keys: Vec<_> = keys.into_iter().collect();
    if keys.is_empty() {
        return BTreeSet::new();
    }
    let loaded = match records.load_many(&keys, clock.now()).await {
        Ok(loaded) => loaded,
        Err(error) => {
            let error = aws::runtime::telemetry::chain(&error);
            tracing::warn!(
                error,
                "records of a full priority queue could not be read; their messages are hidden"
            );
            return BTreeSet::new();
        }
    };
    let left = loaded
        .into_iter()
        .map(|record| leave_one(records, clock, policy, record));
    join_all(left).await.into_iter().flatten().collect()
}

async fn leave_one<R: EmailRecords + RateLimits>(
    records: &R,
    clock: &impl Clock,
    policy: &Policy,
    record: EmailRecord,
) -> Option<EmailKey> {
    let (key, now) = (record.email_key(), clock.now());
    let decide = |record: &EmailRecord| leave_to_index(record, policy, now);
    match apply(records, record, now, decide).await {
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
