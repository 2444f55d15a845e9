//! Marks all queues of a tenant: it is suspended, or some of its API keys are held.
//!
//! **Invariant:** the queue `default` leads. It is marked first, with a job that marks the others, also those that are
//! made at this moment.
//! **After a crash** behind the mark of `default`, `promote` completes it.
//! **Start reading at** [`AccessFunction::mark_queues`].

use domain::account_rate::AccountRateChange;
use domain::api_error::ApiError;
use domain::held_emails::{self, Held};
use domain::id::{KeyId, TenantId};
use domain::ports::{Clock, Random};
use domain::queue::job::follow_tenant;
use domain::queue::key_hold::{HOLDS_MAX, KeyHold};
use domain::queue::{Common, Queue, QueueKey, QueueName};

use crate::{AccessError, AccessFunction, Store};

/// Rounds of a mark whose queues others change meanwhile.
const ROUNDS: usize = 8;

impl<R, S> AccessFunction<R, S>
where
    R: Store,
    S: Clock + Random,
{
    /// Holds the emails of API keys, and counts those that wait.
    ///
    /// # Errors
    /// 409 when the tenant has too many holds; or a backend call failed.
    pub(crate) async fn hold(&self, tenant: &TenantId, holds: &[KeyHold]) -> Result<Held, AccessError> {
        let with = |mut common: Common| {
            for hold in holds {
                common.key_holds = common.key_holds.with(hold.clone()).ok_or_else(too_many)?;
            }
            Ok(common)
        };
        let marked = self.mark_queues(tenant, with).await?;
        let keys: Vec<KeyId> = holds.iter().map(|hold| hold.key).collect();
        let of_keys = marked.key_holds.of(&keys);
        Ok(held_emails::count(&self.records, tenant, &of_keys, self.system.now()).await?)
    }

    /// Brings all queues of a tenant into another common state, which it returns, and tells the senders.
    pub(crate) async fn mark_queues(
        &self,
        tenant: &TenantId,
        change: impl Fn(Common) -> Result<Common, ApiError> + Send + Sync,
    ) -> Result<Common, AccessError> {
        for _ in 0..ROUNDS {
            let mut queues = self.records.queues(tenant).await?;
            if !queues.iter().any(|queue| queue.key.name.is_default()) {
                let key = QueueKey {
                    tenant: tenant.clone(),
                    name: QueueName::default(),
                };
                queues.push(Queue::plain(key, self.system.now()));
            }
            // Its job goes on with the others, should this request die.
            queues.sort_by_key(|queue| !queue.key.name.is_default());
            let common = change(queues.first().map(Queue::common).unwrap_or_default())?;
            if self.try_to_mark(queues, &common).await? {
                self.records.change_account_rate(&AccountRateChange::Settings).await?;
                return Ok(common);
            }
        }
        Err(AccessError::Busy)
    }

    /// `false` when somebody else has changed a queue meanwhile.
    async fn try_to_mark(&self, queues: Vec<Queue>, common: &Common) -> Result<bool, AccessError> {
        let mut unchanged = true;
        for queue in queues {
            let (id, now) = (self.system.id()?, self.system.now());
            if let Some((next, job)) = follow_tenant(&queue, common, id, now) {
                unchanged &= self.records.save_queue(Some(&queue), &next, job.as_ref()).await?;
            }
        }
        Ok(unchanged)
    }
}

fn too_many() -> ApiError {
    ApiError::conflict(format!(
        "This tenant has {HOLDS_MAX} holds of API keys, which is the most: release those that are settled with POST /emails/release?key=, and ask again."
    ))
}
