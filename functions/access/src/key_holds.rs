//! Changes of all queues of a tenant: a suspension, or holds of emails.
//!
//! **Invariant:** the queue `default` leads. It is written first, with a job that changes the others, also
//! those that are created concurrently.
//! **After a crash** that follows the write of `default`, `promote` completes the change.
//! **Start reading at** [`AccessFunction::mark_queues`].

use domain::api::error::ApiError;
use domain::delivery::account_rate::AccountRateChange;
use domain::id::{QueueKey, QueueName, TenantId};
use domain::ports::{AccountRates, Clock, Queues, Random, Rounds};
use domain::queue::hold::{HOLDS_MAX, Held, Hold};
use domain::queue::job::follow_tenant;
use domain::queue::{Common, Queue};
use workflow::held_emails;

use crate::{AccessError, AccessFunction, Ports};

impl<P: Ports> AccessFunction<P> {
    /// Places holds, and counts the waiting emails under them.
    ///
    /// # Errors
    /// 409 when the tenant has too many holds. Or a backend call failed.
    pub(crate) async fn hold(&self, tenant: &TenantId, holds: &[Hold]) -> Result<Held, AccessError> {
        let with = |mut common: Common| {
            for hold in holds {
                common.holds = common.holds.with(hold.clone()).ok_or_else(too_many)?;
            }
            Ok(common)
        };
        let changed = self.mark_queues(tenant, with).await?;
        let keys: Vec<_> = holds.iter().map(|hold| hold.key).collect();
        let of_keys = changed.holds.of(&keys);
        Ok(held_emails::count(&self.records, tenant, &of_keys, self.system.now()).await?)
    }

    /// Sets the common state of all queues of a tenant, returns it, and tells the senders.
    pub(crate) async fn mark_queues(
        &self,
        tenant: &TenantId,
        change: impl Fn(Common) -> Result<Common, ApiError> + Send + Sync,
    ) -> Result<Common, AccessError> {
        let mut rounds = Rounds::of("changing the queues of a tenant");
        loop {
            rounds.begin()?;
            let mut queues = self.records.queues(tenant).await?;
            if !queues.iter().any(|queue| queue.key.name.is_default()) {
                let key = QueueKey {
                    tenant: tenant.clone(),
                    name: QueueName::default(),
                };
                queues.push(Queue::plain(key, self.system.now()));
            }
            // The job of `default` changes the others if this request dies.
            queues.sort_by_key(|queue| !queue.key.name.is_default());
            let common = change(queues.first().map(Queue::common).unwrap_or_default())?;
            if self.try_to_mark(queues, &common).await? {
                self.records.change_account_rate(&AccountRateChange::Settings).await?;
                return Ok(common);
            }
        }
    }

    /// `false` when another writer changed a queue meanwhile.
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

pub(crate) fn too_many() -> ApiError {
    ApiError::conflict(format!(
        "This tenant already has the maximum of {HOLDS_MAX} holds. Release one first: POST /emails/release?key=ID, with the id of a held key."
    ))
}
