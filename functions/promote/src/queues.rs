//! The queues of a run's emails, each read once per run.

use std::sync::PoisonError;

use domain::id::QueueKey;
use domain::ports::{Accounts, Backlog, Bodies, Clock, DeadLetters, Evidence, PortError, PriorityQueues};
use domain::queue::Queue;

use crate::{PromoteFunction, Run, Store};

impl<R, B, L, D, E, A, S> PromoteFunction<R, B, L, D, E, A, S>
where
    R: Store,
    B: Bodies,
    L: PriorityQueues + Backlog,
    D: DeadLetters,
    E: Evidence,
    A: Accounts,
    S: Clock,
{
    /// Returns a queue as it was in this run. A write under an outdated state is refused.
    ///
    /// # Errors
    /// The queue could not be read: every decision that depends on it waits for the next run.
    pub(crate) async fn queue(&self, key: &QueueKey, run: &Run) -> Result<Queue, PortError> {
        let known = run
            .queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned();
        if let Some(queue) = known {
            return Ok(queue);
        }
        let queue = self.records.queue(key).await?;
        let queue = queue.unwrap_or_else(|| Queue::plain(key.clone(), self.system.now()));
        let mut queues = run.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.insert(key.clone(), queue.clone());
        Ok(queue)
    }
}
