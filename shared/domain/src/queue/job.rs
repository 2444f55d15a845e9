//! Jobs for the emails of a queue: `promote` processes them page by page.
//!
//! Resume, purge, restore and retry each change the queue at once and leave a job. The job sweeps one kind of partition
//! of the due index from end to end. The index lags behind the records, so the last regular sweep begins a while after
//! the request. Late sweeps follow, because the lag has no bound.
//!
//! **Invariant:** pure. A job that runs twice, or in two places at once, does no harm. Each write is decided at the
//! record, under the current state of its queue.
//! **Start reading at** [`Job::after_sweep`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::delivery::cause::Cause;
use crate::delivery::index::{DueCursor, RATE_LIMITED_SHARDS};
use crate::delivery::record::{DueKind, RecordStatus};
use crate::id::{EmailId, QueueKey};
use crate::queue::{Common, Queue, SETTLED};
use crate::tenant::sender::Scope;
use crate::timestamp::Timestamp;

/// Wait before the next sweep if an email could not be moved.
const SWEPT_AGAIN: Duration = Duration::from_secs(60);

/// The results of a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepPage {
    /// Emails that were moved.
    pub moved: u64,
    /// Emails that could not be moved.
    pub failed: u64,
}

/// Late sweeps of a completed job, counted from the request. DynamoDB promises no bound for the delay of an index. A
/// late sweep finds an entry that appears after the last regular one.
pub const LATE_SWEEPS: [Duration; 3] = [
    Duration::from_secs(15 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(86_400),
];

/// The task of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Task {
    /// Release the held emails.
    Release,
    /// Cancel the unwanted emails of a paused queue. Other unwanted emails are canceled by the next function that
    /// handles them.
    Purge,
    /// Make the purged emails wait again.
    Restore,
    /// Give all queues of the tenant the state of the queue `default`: suspended or not, with the same holds and the
    /// same lost verifications. This also releases the emails of `default` that nothing holds any more, as
    /// [`Self::Release`] does.
    FollowTenant,
    /// Retry failed emails.
    Retry {
        /// Only emails with this cause.
        cause: Option<Cause>,
        /// Only emails that failed since then.
        since: Option<Timestamp>,
        /// The From domains of the caller; an email from another domain stays as it is.
        #[serde(default, skip_serializing_if = "Scope::is_unlimited")]
        scope: Scope,
    },
}

impl Task {
    /// True if it makes ended emails wait again.
    #[must_use]
    pub const fn revives_ended_emails(&self) -> bool {
        match self {
            Self::Restore | Self::Retry { .. } => true,
            Self::Release | Self::Purge | Self::FollowTenant => false,
        }
    }
}

/// A job with its progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The queue.
    pub queue: QueueKey,
    /// The id of the job.
    pub id: EmailId,
    /// The task.
    pub task: Task,
    /// Time of the request.
    pub requested_at: Timestamp,
    /// Version of the queue at the request.
    pub queue_version: u64,
    /// Earliest time of the next page.
    pub due: Timestamp,
    /// Start of the current sweep.
    pub sweep_from: Timestamp,
    /// The current shard.
    pub shard: u16,
    /// The place reached in that shard.
    pub cursor: Option<DueCursor>,
    /// Least number of emails moved.
    pub emails: u64,
    /// Number of emails that the current sweep could not move. The next sweep finds them again.
    pub failed: u64,
    /// True if nothing is left to do, as far as the index shows.
    pub done: bool,
    /// Number of completed late sweeps.
    pub late_sweeps: u8,
    /// True if no further sweep follows.
    pub over: bool,
    /// Version: the number of times it was saved.
    pub version: u64,
}

/// A queue with the state that its tenant's queues share, and the job that follows; `None` if it has that state
/// already.
///
/// The queue `default` has the original: its job updates the tenant's other queues. That includes queues created at
/// this moment with a key that an environment still caches. The job gets `id`, which is the same for the same change.
#[must_use]
pub fn follow_tenant(queue: &Queue, common: &Common, id: EmailId, now: Timestamp) -> Option<(Queue, Option<Job>)> {
    if queue.common() == *common {
        return None;
    }
    let next = queue.with_common(common);
    let lets_go = (queue.suspended && !next.suspended)
        || queue.holds.exceed(&next.holds)
        || queue.lost_verifications.exceed(&next.lost_verifications);
    let task = match (queue.key.name.is_default(), lets_go) {
        (true, _) => Some(Task::FollowTenant),
        (false, true) => Some(Task::Release),
        (false, false) => None,
    };
    let job = task.map(|task| Job::new(&next, id, task, now));
    Some((next, job))
}

impl Job {
    /// A new job.
    #[must_use]
    pub fn new(queue: &Queue, id: EmailId, task: Task, now: Timestamp) -> Self {
        Self {
            queue: queue.key.clone(),
            id,
            task,
            requested_at: now,
            queue_version: queue.version,
            due: now,
            sweep_from: now,
            shard: 0,
            cursor: None,
            emails: 0,
            failed: 0,
            done: false,
            late_sweeps: 0,
            over: false,
            version: 0,
        }
    }

    /// The partition of the current shard. The index has `shards` shards of each kind except `paced`.
    #[must_use]
    pub const fn place(&self, shards: u16) -> (DueKind, u16) {
        match self.task {
            Task::Purge if self.shard >= shards => (DueKind::RateLimited, self.shard - shards),
            Task::Release | Task::Purge | Task::FollowTenant => (DueKind::Held, self.shard),
            Task::Restore | Task::Retry { .. } => (DueKind::Ended, self.shard),
        }
    }

    /// The number of partitions of its sweep. A purge also ends emails that wait for a slot, so that no email behind
    /// them waits.
    const fn places(&self, shards: u16) -> u16 {
        match self.task {
            Task::Purge => shards.saturating_add(RATE_LIMITED_SHARDS),
            Task::Release | Task::Restore | Task::Retry { .. } | Task::FollowTenant => shards,
        }
    }

    /// True if it is still wanted. A queue that was paused again keeps its held emails, and one that was purged again
    /// is not restored.
    #[must_use]
    pub fn is_wanted(&self, queue: &Queue, now: Timestamp) -> bool {
        match self.task {
            Task::Release => !queue.is_paused(now),
            // A held email of a queue that is not paused is released if it is wanted again meanwhile.
            Task::Purge => queue.is_purged() || !queue.is_paused(now),
            Task::Restore => !queue.is_purged(),
            Task::Retry { .. } | Task::FollowTenant => true,
        }
    }

    /// True if it moves emails of a queue in its current state. A suspension moves none: the function that handles an
    /// email holds it.
    #[must_use]
    pub fn moves(&self, queue: &Queue, now: Timestamp) -> bool {
        self.task != Task::FollowTenant || !queue.is_paused(now)
    }

    /// The From domains that its emails must have.
    #[must_use]
    pub const fn scope(&self) -> Option<&Scope> {
        match &self.task {
            Task::Retry { scope, .. } => Some(scope),
            Task::Release | Task::Purge | Task::Restore | Task::FollowTenant => None,
        }
    }

    /// True if the job may apply to an email, as far as its entry in the index shows. `at` is the time of its end or,
    /// for a held email, its due time.
    #[must_use]
    pub fn may_concern(&self, status: RecordStatus, cause: Option<Cause>, at: Timestamp) -> bool {
        let before = at <= self.requested_at;
        match &self.task {
            // All held emails, including those that are due later.
            Task::Release | Task::Purge | Task::FollowTenant => true,
            // A restore is wanted only while no purge is in effect (`is_wanted`), and then no email becomes purged. So
            // every purged email was purged before the restore, by any clock.
            Task::Restore => cause == Some(Cause::Purged),
            Task::Retry { cause: only, since, .. } => {
                let failed = status == RecordStatus::Failed
                    || (status == RecordStatus::Expired && *only == Some(Cause::Expired));
                before && failed && (only.is_none() || *only == cause) && since.is_none_or(|since| at >= since)
            }
        }
    }

    /// The job after a page; `next` is the start of the shard's next page.
    ///
    /// It is done after a sweep without failures, so that an email that could not be moved is found again.
    #[must_use]
    pub fn after_sweep(&self, page: SweepPage, next: Option<DueCursor>, shards: u16, now: Timestamp) -> Self {
        let mut job = self.clone();
        job.emails = job.emails.saturating_add(page.moved);
        job.failed = job.failed.saturating_add(page.failed);
        job.version = job.version.saturating_add(1);
        job.cursor = next;
        if job.cursor.is_some() {
            return job;
        }
        job.shard = job.shard.saturating_add(1);
        if job.shard < job.places(shards) {
            return job;
        }
        job.shard = 0;
        let settled = job.requested_at.after(SETTLED);
        if job.failed > 0 {
            job.failed = 0;
            return job.sweep_again(now.after(SWEPT_AGAIN), now);
        }
        if job.sweep_from < settled {
            return job.sweep_again(settled, now);
        }
        if job.done {
            job.late_sweeps = job.late_sweeps.saturating_add(1);
        }
        job.done = true;
        match job.next_late_sweep() {
            Some(at) => job.sweep_again(at, now),
            None => Self { over: true, ..job },
        }
    }

    /// The job with more moved emails, which another run of `promote` moved.
    #[must_use]
    pub fn after_count(&self, moved: u64) -> Self {
        Self {
            emails: self.emails.saturating_add(moved),
            version: self.version.saturating_add(1),
            ..self.clone()
        }
    }

    /// Start of the next late sweep. A retry has none: an email that it misses is shown as failed, and delays nobody.
    fn next_late_sweep(&self) -> Option<Timestamp> {
        match self.task {
            Task::Release | Task::Purge | Task::Restore | Task::FollowTenant => {
                let wait = LATE_SWEEPS.get(usize::from(self.late_sweeps))?;
                Some(self.requested_at.after(*wait))
            }
            Task::Retry { .. } => None,
        }
    }

    /// The job before a further sweep.
    fn sweep_again(mut self, at: Timestamp, now: Timestamp) -> Self {
        self.due = at.max(now);
        self.sweep_from = self.due;
        self
    }

    /// The job after it is no longer wanted.
    #[must_use]
    pub fn after_giving_up(&self) -> Self {
        let mut job = self.clone();
        (job.done, job.over) = (true, true);
        job.version = job.version.saturating_add(1);
        job
    }
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
