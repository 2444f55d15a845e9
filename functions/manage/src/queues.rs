//! Reads of named queues and their jobs, and of emails as their queues show them.
//!
//! **Invariant:** read-only. A queue that was never changed exists all the same if it is the default one.
//! **Start reading at** [`ManageFunction::queues`]; [`crate::queue_commands`] changes them.

use std::collections::{BTreeMap, BTreeSet};

use aws::http::auth::ActsFor;
use domain::api::error::ApiError;
use domain::api::queue_api::{JobView, QueueView, QueuesView};
use domain::delivery::record::EmailRecord;
use domain::id::{EmailId, QueueKey, QueueName};
use domain::ports::{Clock, Counts, Jobs, PortError, Queues};
use domain::queue::Queue;
use domain::timestamp::Timestamp;
use futures::future::try_join_all;
use futures::stream::iter;
use futures::{StreamExt, TryStreamExt};

use crate::{ManageError, ManageFunction, Ports};

/// Message for a name that no queue has.
pub(crate) const NO_SUCH_QUEUE: &str = "No queue has this name. See GET /queues.";

/// Message for an id that no job of the queue has.
pub(crate) const NO_SUCH_JOB: &str =
    "No job of this queue has this id. The response to the request that started the job has the job's id.";

/// Number of queues whose counts are read concurrently.
const AT_ONCE: usize = 10;

impl<P: Ports> ManageFunction<P> {
    /// Shows the tenant's queues, by name; `default` first.
    ///
    /// # Errors
    /// A backend call failed.
    pub async fn queues(&self, caller: &dyn ActsFor) -> Result<QueuesView, ManageError> {
        let now = self.system.now();
        let mut queues = self.records.queues(caller.tenant()).await?;
        queues.retain(|queue| !queue.deleted);
        if !queues.iter().any(|queue| queue.key.name.is_default()) {
            queues.push(Queue::plain(
                of(caller, QueueName::default()),
                Timestamp::from_millis(0),
            ));
        }
        queues.sort_by_key(|queue| (!queue.key.name.is_default(), queue.key.name.clone()));
        let views: Vec<_> = queues.into_iter().map(|queue| self.view(queue, now)).collect();
        Ok(QueuesView::new(iter(views).buffered(AT_ONCE).try_collect().await?))
    }

    /// Shows a queue.
    ///
    /// # Errors
    /// 404 when no queue has this name. Or a backend call failed.
    pub async fn queue(&self, caller: &dyn ActsFor, name: QueueName) -> Result<QueueView, ManageError> {
        let queue = self.live_queue(&of(caller, name)).await?;
        self.view(queue, self.system.now()).await
    }

    /// Shows a job.
    ///
    /// # Errors
    /// 404 when no job has this id. Or a backend call failed.
    pub async fn job(&self, caller: &dyn ActsFor, name: QueueName, id: EmailId) -> Result<JobView, ManageError> {
        let job = self.records.job(&of(caller, name), id).await?;
        let none = || ApiError::not_found(NO_SUCH_JOB);
        Ok(JobView::new(&job.ok_or_else(none)?))
    }

    /// Returns an email as the API shows it: an email that a purge drops has ended, even before its record changes.
    ///
    /// # Errors
    /// A backend call failed.
    pub(crate) async fn as_its_queue_shows(
        &self,
        record: EmailRecord,
        now: Timestamp,
    ) -> Result<EmailRecord, ManageError> {
        let queue = self.readable_queue(&record.queue_key()).await?;
        Ok(match queue {
            Some(queue) => queue.restored_at(self.with.policy.restore_epoch).shows(record, now),
            None => record,
        })
    }

    /// Returns emails like [`Self::as_its_queue_shows`], and reads each queue once.
    ///
    /// # Errors
    /// A backend call failed.
    pub(crate) async fn as_their_queues_show(
        &self,
        records: Vec<EmailRecord>,
        now: Timestamp,
    ) -> Result<Vec<EmailRecord>, ManageError> {
        let keys: BTreeSet<QueueKey> = records.iter().map(EmailRecord::queue_key).collect();
        let reads: Vec<_> = keys.iter().map(|key| self.readable_queue(key)).collect();
        let queues: BTreeMap<QueueKey, Queue> = try_join_all(reads)
            .await?
            .into_iter()
            .flatten()
            .map(|queue| (queue.key.clone(), queue.restored_at(self.with.policy.restore_epoch)))
            .collect();
        let shown = records.into_iter().map(|record| match queues.get(&record.queue_key()) {
            Some(queue) => queue.shows(record, now),
            None => record,
        });
        Ok(shown.collect())
    }

    /// Reads the queue of an email that is shown. A queue that no retry makes readable must hide no email: the email
    /// is shown without the state of its queue.
    async fn readable_queue(&self, key: &QueueKey) -> Result<Option<Queue>, PortError> {
        match self.records.queue(key).await {
            Err(error) if !error.kind.is_passing() => {
                let error = aws::runtime::telemetry::chain(&error);
                tracing::error!(tenant = %key.tenant, queue = %key.name, error, "a stored queue cannot be read");
                Ok(None)
            }
            read => read,
        }
    }

    pub(crate) async fn view(&self, queue: Queue, now: Timestamp) -> Result<QueueView, ManageError> {
        let QueueKey { tenant, name } = &queue.key;
        let counts = self.records.queue_counts(tenant, name.as_str(), now).await?;
        Ok(QueueView::new(&queue, counts, now))
    }

    /// Returns an existing queue in its current state.
    pub(crate) async fn live_queue(&self, key: &QueueKey) -> Result<Queue, ManageError> {
        let queue = self.records.queue(key).await?.filter(|queue| !queue.deleted);
        match queue {
            Some(queue) => Ok(queue),
            None if key.name.is_default() => Ok(Queue::plain(key.clone(), Timestamp::from_millis(0))),
            None => Err(ApiError::not_found(NO_SUCH_QUEUE).into()),
        }
    }
}

/// Returns the key of a tenant's queue.
pub(crate) fn of(caller: &dyn ActsFor, name: QueueName) -> QueueKey {
    QueueKey {
        tenant: caller.tenant().clone(),
        name,
    }
}
