//! The named queues and their jobs over [`State`](crate::State).

use domain::id::{EmailId, QueueKey, TenantId};
use domain::ports::{Jobs, PortError, QueueChange, Queues};
use domain::queue::Queue;
use domain::queue::job::Job;
use domain::timestamp::Timestamp;

use crate::fault_model::Broken;
use crate::{Call, MemoryBackend, State};

fn write_queue(state: &mut State, queue: &Queue, job: Option<&Job>) {
    state.queues.insert(queue.key.clone(), queue.clone());
    if let Some(job) = job {
        state.jobs.insert((job.queue.clone(), job.id), job.clone());
    }
}

/// Writes a queue beside other items if the stored queue has the version before it; `false` if it has another.
pub(crate) fn change_queue(state: &mut State, change: Option<&QueueChange>) -> bool {
    let Some(QueueChange { queue, job }) = change else {
        return true;
    };
    let there = state.queues.get(&queue.key).map_or(0, |there| there.version);
    let unchanged = there.checked_add(1) == Some(queue.version);
    if unchanged {
        write_queue(state, queue, job.as_ref());
    }
    unchanged
}

impl Queues for MemoryBackend {
    async fn queue(&self, key: &QueueKey) -> Result<Option<Queue>, PortError> {
        let key = key.clone();
        let in_send = self
            .environment
            .as_ref()
            .is_some_and(|environment| environment.function() == "send");
        let ignored = in_send && self.is(Broken::QueuesIgnored);
        self.call(Call::reads("queue", None), move |state| {
            state.queues.get(&key).filter(|_| !ignored).cloned()
        })
        .await
    }

    async fn queues(&self, tenant: &TenantId) -> Result<Vec<Queue>, PortError> {
        let tenant = tenant.clone();
        self.call(Call::reads("queues", None), move |state| {
            let all = state.queues.values();
            all.filter(|queue| queue.key.tenant == tenant).cloned().collect()
        })
        .await
    }

    async fn save_queue(&self, before: Option<&Queue>, queue: &Queue, job: Option<&Job>) -> Result<bool, PortError> {
        let (before, queue, job) = (before.map(|before| before.version), queue.clone(), job.cloned());
        self.call(Call::writes("save_queue", None), move |state| {
            let there = state.queues.get(&queue.key);
            if there == Some(&queue) {
                // The stored queue is this call's own write, repeated after a lost answer.
                return true;
            }
            let unchanged = match (before, there) {
                (None, there) => there.is_none(),
                (Some(before), None) => before == 0,
                (Some(before), Some(there)) => there.version == before,
            };
            if unchanged {
                write_queue(state, &queue, job.as_ref());
            }
            unchanged
        })
        .await
    }
}

impl Jobs for MemoryBackend {
    async fn due_jobs(&self, until: Timestamp) -> Result<Vec<(QueueKey, EmailId)>, PortError> {
        let forgotten = self.is(Broken::JobsForgotten);
        self.call(Call::reads("due_jobs", None), move |state| {
            let due = state
                .jobs
                .iter()
                .filter(|(_, job)| !job.over && job.due <= until && !forgotten);
            due.map(|(key, _)| key.clone()).collect()
        })
        .await
    }

    async fn job(&self, queue: &QueueKey, id: EmailId) -> Result<Option<Job>, PortError> {
        let key = (queue.clone(), id);
        self.call(Call::reads("job", None), move |state| state.jobs.get(&key).cloned())
            .await
    }

    async fn save_job(&self, job: &Job) -> Result<bool, PortError> {
        let job = job.clone();
        self.call(Call::writes("save_job", None), move |state| {
            let key = (job.queue.clone(), job.id);
            let there = state.jobs.get(&key);
            if there == Some(&job) {
                return true;
            }
            let unchanged = there.is_none_or(|there| there.version.saturating_add(1) == job.version);
            if unchanged {
                state.jobs.insert(key, job.clone());
            }
            unchanged
        })
        .await
    }
}
