//! The queues of a run's emails, each read once per run.

use aws::runtime::cache::lock;
use domain::id::QueueKey;
use domain::ports::{PortError, Queues};
use domain::queue::Queue;
use domain::timestamp::Timestamp;

use crate::Run;

impl Run {
    /// Returns a queue as it was in this run. A write under an outdated state is refused.
    ///
    /// # Errors
    /// The queue could not be read: every decision that depends on it waits for the next run.
    pub(crate) async fn queue(
        &self,
        records: &impl Queues,
        key: &QueueKey,
        now: Timestamp,
    ) -> Result<Queue, PortError> {
        let known = lock(&self.queues).get(key).cloned();
        if let Some(queue) = known {
            return Ok(queue);
        }
        let queue = records.queue(key).await?;
        let queue = queue.unwrap_or_else(|| Queue::plain(key.clone(), now));
        let queue = queue.restored_at(self.restore_epoch);
        lock(&self.queues).insert(key.clone(), queue.clone());
        Ok(queue)
    }
}
