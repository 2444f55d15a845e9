//! Named queues and their jobs.

use super::failure::PortError;
use crate::id::{EmailId, QueueKey, TenantId};
use crate::queue::Queue;
use crate::queue::job::Job;
use crate::timestamp::Timestamp;

/// A queue after a change, with the job that follows. A transaction writes it beside other items, if the queue is still
/// at the version before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueChange {
    /// The changed queue.
    pub queue: Queue,
    /// Its job.
    pub job: Option<Job>,
}

/// The named queues.
pub trait Queues: Sync {
    /// Reads a queue; `None` if there never was one of this name.
    fn queue(&self, key: &QueueKey) -> impl Future<Output = Result<Option<Queue>, PortError>> + Send;

    /// Reads the tenant's queues by name, including deleted ones.
    fn queues(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<Queue>, PortError>> + Send;

    /// Writes a queue and its job if the queue equals `before`; false after a concurrent change.
    fn save_queue(
        &self,
        before: Option<&Queue>,
        queue: &Queue,
        job: Option<&Job>,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// The jobs of queues.
pub trait Jobs: Sync {
    /// The jobs that are due until `until`.
    fn due_jobs(&self, until: Timestamp) -> impl Future<Output = Result<Vec<(QueueKey, EmailId)>, PortError>> + Send;

    /// Reads a job; `None` if there is none, or it has expired.
    fn job(&self, queue: &QueueKey, id: EmailId) -> impl Future<Output = Result<Option<Job>, PortError>> + Send;

    /// Writes a job over the version before [`Job::version`]; `false` if somebody else has saved it.
    fn save_job(&self, job: &Job) -> impl Future<Output = Result<bool, PortError>> + Send;
}
