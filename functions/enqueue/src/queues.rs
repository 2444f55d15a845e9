//! The queues that emails are accepted for.
//!
//! **Invariant:** `default` is never read: what it sets for an email when it is accepted cannot be
//! changed. Another one is read at most once in two seconds by each environment, and a purge or a deletion is
//! answered only when those two seconds are over ([`domain::queue::BINDS_AFTER`]).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::email::{EmailError, Problem};
use domain::id::TenantId;
use domain::ports::{PortError, Queues};
use domain::queue::{KNOWN_FOR, Queue, QueueKey, QueueName};
use domain::timestamp::Timestamp;

/// More than this are not remembered at once.
const MOST: usize = 1_000;

/// Names that an error tells.
const TOLD: usize = 20;

/// What an environment knows of queues.
#[derive(Debug, Default)]
pub struct KnownQueues(Mutex<HashMap<QueueKey, (Timestamp, Queue)>>);

impl KnownQueues {
    /// The queue of an email; `None` when there is none of this name, or it was deleted.
    ///
    /// # Errors
    /// When it had to be read and could not be.
    pub async fn get<R: Queues>(
        &self,
        records: &R,
        tenant: &TenantId,
        name: &QueueName,
        now: Timestamp,
    ) -> Result<Option<Queue>, PortError> {
        let key = QueueKey {
            tenant: tenant.clone(),
            name: name.clone(),
        };
        if name.is_default() {
            return Ok(Some(Queue::plain(key, now)));
        }
        let known = self.lock().get(&key).cloned();
        if let Some((at, queue)) = known
            && now.since(at) < KNOWN_FOR
        {
            return Ok(Some(queue));
        }
        let queue = records.queue(&key).await?.filter(|queue| !queue.deleted);
        let mut all = self.lock();
        if all.len() >= MOST {
            all.clear();
        }
        match &queue {
            Some(queue) => drop(all.insert(key, (now, queue.clone()))),
            // One that is made this moment must be found the next.
            None => drop(all.remove(&key)),
        }
        Ok(queue)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<QueueKey, (Timestamp, Queue)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is wrong with the queue that was wished for: that there is none.
///
/// # Errors
/// When the names of those that there are could not be read.
pub(crate) async fn no_queue<R: Queues>(records: &R, tenant: &TenantId) -> Result<EmailError, PortError> {
    let queues = records.queues(tenant).await?;
    let live = queues.into_iter().filter(|queue| !queue.deleted);
    let mut names: Vec<String> = live.map(|queue| queue.key.name.into()).collect();
    names.retain(|name| name != QueueName::DEFAULT);
    names.insert(0, QueueName::DEFAULT.to_owned());
    let more = names.len().saturating_sub(TOLD);
    names.truncate(TOLD);
    let mut told = names.join(", ");
    if more > 0 {
        told = format!("{told} and {more} more");
    }
    Ok(EmailError::at("queue", Problem::NoQueue(told)))
}
