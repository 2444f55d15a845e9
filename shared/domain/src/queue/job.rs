//! What is left to be done to the emails of a queue: `promote` works it off page by page.
//!
//! Resume, purge, restore and retry each change the queue at once and leave a job, which sweeps a kind
//! of partition of the index `due` from end to end. The index is behind the records: a sweep counts as
//! the last one only if it began a while after the job was asked for. Late sweeps follow, for the index has no bound.
//!
//! **Invariant:** pure. A job that is done twice, or by two at once, does no harm: what it writes is
//! decided at each record, under the state of the queue that it was asked for under.
//! **Start reading at** [`Job::swept`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::access::sender::Scope;
use crate::cause::Cause;
use crate::id::EmailId;
use crate::lifecycle::queued::{purge, redrive, release, restore};
use crate::lifecycle::{Decision, Policy};
use crate::ports::DueCursor;
use crate::queue::{Common, Queue, QueueKey};
use crate::rate_limit;
use crate::record::{DueKind, EmailRecord, Status};
use crate::timestamp::Timestamp;

/// How far the index may be behind the records, and a writer behind its decision. DynamoDB says
/// "a fraction of a second"; a promoter that was about to move an email aside has ended by then.
pub const SETTLED: Duration = Duration::from_secs(120);

/// Wait before the next sweep when an email could not be moved.
const SWEPT_AGAIN: Duration = Duration::from_secs(60);

/// What became of the emails of a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Emails that were moved.
    pub moved: u64,
    /// Emails that could not be moved.
    pub failed: u64,
}

/// Late sweeps of a job that is done, counted from the request. DynamoDB promises no bound for the delay of an index:
/// an entry that appears after the last regular sweep is found by one of these.
pub const LATE_SWEEPS: [Duration; 3] = [
    Duration::from_secs(15 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(86_400),
];

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Task {
    /// What was held goes its way.
    Release,
    /// What waits in a paused queue and is not wanted any more is canceled; what does not wait in a
    /// paused one is canceled by whoever meets it.
    Purge,
    /// What was purged waits again.
    Restore,
    /// All queues of the tenant become as the queue `default` is: suspended or not, with the same holds of API keys.
    /// The held emails of `default` that nothing holds any more go their way, as with [`Self::Release`].
    FollowTenant,
    /// What failed is tried again.
    Retry {
        /// Only what failed for this.
        cause: Option<Cause>,
        /// Only what failed since then.
        since: Option<Timestamp>,
        /// The From domains of whoever asked; email from another domain stays as it is.
        #[serde(default, skip_serializing_if = "Scope::is_unlimited")]
        scope: Scope,
    },
}

impl Task {
    /// Whether it makes emails wait again that have ended.
    #[must_use]
    pub const fn revives(&self) -> bool {
        match self {
            Self::Restore | Self::Retry { .. } => true,
            Self::Release | Self::Purge | Self::FollowTenant => false,
        }
    }
}

/// A job: how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Of which queue.
    pub queue: QueueKey,
    /// Its id.
    pub id: EmailId,
    /// What is to be done.
    pub task: Task,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// The state of the queue that it was asked for under.
    pub queue_no: u64,
    /// Not before this.
    pub due: Timestamp,
    /// When the sweep that is under way began.
    pub sweep_from: Timestamp,
    /// The shard that is swept.
    pub shard: u16,
    /// How far that shard is swept.
    pub cursor: Option<DueCursor>,
    /// How many emails were moved, at least.
    pub emails: u64,
    /// How many emails could not be moved in the sweep that is under way. The next sweep finds them again.
    pub failed: u64,
    /// Everything is done, as far as the index tells.
    pub done: bool,
    /// Late sweeps that are behind it.
    pub late_sweeps: u8,
    /// No sweep follows.
    pub over: bool,
    /// How often it was saved.
    pub no: u64,
}

/// A queue in the state that all queues of its tenant have in common, and the job that follows; `None` where it is in
/// that state already.
///
/// The queue `default` leads: its job brings the tenant's other queues after it, also those that are made at this
/// moment by a key that an environment still knows. `id`: of the job, the same for the same change.
#[must_use]
pub fn follow_tenant(queue: &Queue, common: &Common, id: EmailId, now: Timestamp) -> Option<(Queue, Option<Job>)> {
    if queue.common() == *common {
        return None;
    }
    let next = queue.with_common(common);
    let lets_go = (queue.suspended && !next.suspended) || queue.key_holds.exceed(&next.key_holds);
    let task = match (queue.key.name.is_default(), lets_go) {
        (true, _) => Some(Task::FollowTenant),
        (false, true) => Some(Task::Release),
        (false, false) => None,
    };
    let job = task.map(|task| Job::new(&next, id, task, now));
    Some((next, job))
}

impl Job {
    /// A job that nothing was done of yet.
    #[must_use]
    pub fn new(queue: &Queue, id: EmailId, task: Task, now: Timestamp) -> Self {
        Self {
            queue: queue.key.clone(),
            id,
            task,
            asked_at: now,
            queue_no: queue.no,
            due: now,
            sweep_from: now,
            shard: 0,
            cursor: None,
            emails: 0,
            failed: 0,
            done: false,
            late_sweeps: 0,
            over: false,
            no: 0,
        }
    }

    /// The partition that is swept, where the index has so many shards of each kind but `paced`.
    #[must_use]
    pub const fn place(&self, shards: u16) -> (DueKind, u16) {
        match self.task {
            Task::Purge if self.shard >= shards => (DueKind::Paced, self.shard - shards),
            Task::Release | Task::Purge | Task::FollowTenant => (DueKind::Held, self.shard),
            Task::Restore | Task::Retry { .. } => (DueKind::Ended, self.shard),
        }
    }

    /// The number of partitions of its sweep: a purge ends what waits for a slot too, so that no email behind it waits.
    const fn places(&self, shards: u16) -> u16 {
        match self.task {
            Task::Purge => shards.saturating_add(rate_limit::SHARDS),
            Task::Release | Task::Restore | Task::Retry { .. } | Task::FollowTenant => shards,
        }
    }

    /// Whether it is still wanted: a queue that was paused again keeps what it holds, and one that
    /// was purged again is not restored.
    #[must_use]
    pub fn is_wanted(&self, queue: &Queue, now: Timestamp) -> bool {
        match self.task {
            Task::Release => !queue.is_paused(now),
            // What is held in a queue that is not paused is let go, if it is wanted again meanwhile.
            Task::Purge => queue.is_purged() || !queue.is_paused(now),
            Task::Restore => !queue.is_purged(),
            Task::Retry { .. } | Task::FollowTenant => true,
        }
    }

    /// Whether it moves emails of a queue as that is now. A suspension moves none: whoever meets one holds it.
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

    /// Whether an email may be one of its emails, as the index says: `at` is when it ended, or, of one
    /// that is held, when it is due.
    #[must_use]
    pub fn may_concern(&self, status: Status, cause: Option<Cause>, at: Timestamp) -> bool {
        let before = at <= self.asked_at;
        match &self.task {
            // Whatever is held, also what is due only later.
            Task::Release | Task::Purge | Task::FollowTenant => true,
            // While no purge stands (`is_wanted`) nothing is purged: all that was is older than the restore,
            // whatever the clock says of whoever purged it.
            Task::Restore => cause == Some(Cause::Purged),
            Task::Retry { cause: only, since, .. } => {
                let failed = status == Status::Failed || (status == Status::Expired && *only == Some(Cause::Expired));
                before && failed && (only.is_none() || *only == cause) && since.is_none_or(|since| at >= since)
            }
        }
    }

    /// What it does about an email.
    #[must_use]
    pub fn decide(
        &self,
        record: &EmailRecord,
        queue: &Queue,
        expires_after: Duration,
        policy: &Policy,
        now: Timestamp,
    ) -> Decision {
        match &self.task {
            Task::Release | Task::FollowTenant => release(record, queue, policy, now),
            Task::Purge => purge(record, queue, policy, now),
            Task::Restore => restore(record, policy, now),
            Task::Retry { .. }
                if self.may_concern(record.status, record.cause, record.due.map_or(now, |due| due.at)) =>
            {
                redrive(record, queue, expires_after, policy, now)
            }
            Task::Retry { .. } => Decision::Forget,
        }
    }

    /// The job after a page: `next` is where the shard's next page begins.
    ///
    /// It is done after a sweep in which nothing failed, so that an email that could not be moved is
    /// found again.
    #[must_use]
    pub fn swept(&self, page: Swept, next: Option<DueCursor>, shards: u16, now: Timestamp) -> Self {
        let mut job = self.clone();
        job.emails = job.emails.saturating_add(page.moved);
        job.failed = job.failed.saturating_add(page.failed);
        job.no = job.no.saturating_add(1);
        job.cursor = next;
        if job.cursor.is_some() {
            return job;
        }
        job.shard = job.shard.saturating_add(1);
        if job.shard < job.places(shards) {
            return job;
        }
        job.shard = 0;
        let settled = job.asked_at.after(SETTLED);
        if job.failed > 0 {
            job.failed = 0;
            return job.again(now.after(SWEPT_AGAIN), now);
        }
        if job.sweep_from < settled {
            return job.again(settled, now);
        }
        if job.done {
            job.late_sweeps = job.late_sweeps.saturating_add(1);
        }
        job.done = true;
        match job.next_late_sweep() {
            Some(at) => job.again(at, now),
            None => Self { over: true, ..job },
        }
    }

    /// When the next late sweep begins. A retry has none: what it misses is shown as failed, and holds nobody up.
    fn next_late_sweep(&self) -> Option<Timestamp> {
        match self.task {
            Task::Release | Task::Purge | Task::Restore | Task::FollowTenant => {
                let wait = LATE_SWEEPS.get(usize::from(self.late_sweeps))?;
                Some(self.asked_at.after(*wait))
            }
            Task::Retry { .. } => None,
        }
    }

    /// The job before a further sweep.
    fn again(mut self, at: Timestamp, now: Timestamp) -> Self {
        self.due = at.max(now);
        self.sweep_from = self.due;
        self
    }

    /// The job when nobody wants it any more.
    #[must_use]
    pub fn given_up(&self) -> Self {
        let mut job = self.clone();
        (job.done, job.over) = (true, true);
        job.no = job.no.saturating_add(1);
        job
    }
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
