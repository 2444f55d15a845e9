//! Cache of the queues that emails are accepted for.
//!
//! **Invariant:** `default` is never read: none of its settings for acceptance can change. Each environment
//! reads another queue at most once in two seconds. A purge or a deletion is answered only after those two
//! seconds ([`domain::queue::BINDS_AFTER`]).

use aws::runtime::cache::Cached;
use domain::id::{QueueKey, QueueName, TenantId};
use domain::message::problem::{EmailError, Problem};
use domain::ports::{PortError, Queues};
use domain::queue::{KNOWN_FOR, Queue};
use domain::timestamp::Timestamp;

/// Maximum number of names in an error message.
const TOLD: usize = 20;

/// Cached queues of an environment.
#[derive(Debug, Default)]
pub struct QueueCache(Cached<QueueKey, Queue>);

impl QueueCache {
    /// Returns the queue of an email; `None` when it does not exist or was deleted.
    ///
    /// # Errors
    /// A necessary read failed.
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
        if let Some(queue) = self.0.fresh(&key, now, KNOWN_FOR) {
            return Ok(Some(queue));
        }
        let queue = records.queue(&key).await?.filter(|queue| !queue.deleted);
        match &queue {
            Some(queue) => self.0.put(key, now, queue.clone()),
            // A queue that is being created must be found next time.
            None => self.0.remove(&key),
        }
        Ok(queue)
    }
}

/// Returns the error for a queue that does not exist.
///
/// # Errors
/// The names of the existing queues could not be read.
pub(crate) async fn no_queue<R: Queues>(records: &R, tenant: &TenantId) -> Result<EmailError, PortError> {
    let queues = records.queues(tenant).await?;
    let live = queues.into_iter().filter(|queue| !queue.deleted);
    let mut names: Vec<String> = live.map(|queue| queue.key.name.into()).collect();
    names.retain(|name| name != QueueName::DEFAULT);
    names.insert(0, QueueName::DEFAULT.to_owned());
    let more = names.len().saturating_sub(TOLD);
    names.truncate(TOLD);
    let mut known = names.join(", ");
    if more > 0 {
        known = format!("{known} and {more} more");
    }
    Ok(EmailError::at("queue", Problem::NoQueue(known)))
}
