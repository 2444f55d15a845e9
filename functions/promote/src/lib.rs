//! Keeps the due index moving: enqueues due emails, recovers overdue ones, settles uncertain ones, and processes the
//! jobs of whole queues. Keeps the account rate at the limits that SES reports, and follows the verification of sending
//! domains. Sends the tasks of webhooks that are due.
//!
//! **Role:** runs every minute; no other function reads the due index.
//! **Invariant:** an index entry is a hint. A send task proves nothing, so it is sent from the hint alone.
//! Every write is decided on the record.
//! **After a crash** anywhere: the next run finds the same index. Two concurrent runs do no harm.
//! **Start reading at** [`PromoteFunction::run`]; [`handler`] is Lambda.

mod account;
mod backlog;
mod domains;
mod due_emails;
pub mod handler;
mod jobs;
mod overdue;
mod queues;
pub mod settings;
mod slot_release;
mod webhooks;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use domain::delivery::policy::Policy;
use domain::delivery::record::Priority;
use domain::id::{EmailKey, QueueKey};
use domain::lifecycle::{Feedback, PriorityQueueState};
use domain::ports::domains::{Domains, Identities};
use domain::ports::rate_limits::RateLimits;
use domain::ports::webhook_events::{DeliveryTasks, DueDeliveries};
use domain::ports::webhooks::{RecoverJobs, WebhookFlags};
use domain::ports::{
    AccountRates, Accounts, Backlog, Batches, Bodies, Bookmarks, Clock, DeadLetters, DueIndex, EmailRecords, Evidence,
    Jobs, PortError, PriorityQueues, Queues,
};
use domain::queue::Queue;
use domain::reporting::account::OldestDue;
use domain::timestamp::Timestamp;
use futures::StreamExt;
use futures::future::join;
use futures::stream::iter;
use tokio::sync::OnceCell;

use crate::backlog::{Backlogs, Gauge};

/// Number of shards that are processed concurrently. Our choice: with the concurrency inside each shard, a small
/// function has dozens of calls in flight, not hundreds.
const AT_ONCE: usize = 4;

/// The ports of this function.
pub trait Ports {
    /// Records, their index, queues, jobs, the account rate, sending domains, and the due work of webhooks.
    type Records: EmailRecords
        + RateLimits
        + Batches
        + DueIndex
        + AccountRates
        + Queues
        + Jobs
        + Domains
        + WebhookFlags
        + DueDeliveries
        + RecoverJobs;
    /// Contents.
    type Bodies: Bodies;
    /// Priority queues.
    type PriorityQueues: PriorityQueues + Backlog;
    /// Dead-letter queue for emails that failed permanently.
    type DeadLetters: DeadLetters;
    /// Queue of deliveries to webhooks.
    type DeliveryTasks: DeliveryTasks;
    /// Progress of `feedback`.
    type Evidence: Evidence;
    /// SES account.
    type Account: Accounts;
    /// Identities of the SES account.
    type Identities: Identities;
    /// Clock.
    type System: Clock;
}

/// A backend that implements every port, such as the in-memory backend.
impl<T> Ports for T
where
    T: EmailRecords + RateLimits + Batches + DueIndex + AccountRates + Queues + Jobs + Domains + Identities,
    T: Bodies + PriorityQueues + Backlog + DeadLetters + Evidence + Accounts + Clock,
    T: WebhookFlags + DueDeliveries + RecoverJobs + DeliveryTasks,
{
    type Records = T;
    type Bodies = T;
    type PriorityQueues = T;
    type DeadLetters = T;
    type DeliveryTasks = T;
    type Evidence = T;
    type Account = T;
    type Identities = T;
    type System = T;
}

/// The function, its ports and its settings.
#[derive(Debug)]
pub struct PromoteFunction<P: Ports> {
    /// See [`Ports::Records`].
    pub records: P::Records,
    /// See [`Ports::Bodies`].
    pub bodies: P::Bodies,
    /// See [`Ports::PriorityQueues`].
    pub priority_queues: P::PriorityQueues,
    /// See [`Ports::DeadLetters`].
    pub dead_letters: P::DeadLetters,
    /// See [`Ports::DeliveryTasks`].
    pub delivery_tasks: P::DeliveryTasks,
    /// See [`Ports::Evidence`].
    pub evidence: P::Evidence,
    /// See [`Ports::Account`].
    pub account: P::Account,
    /// See [`Ports::Identities`].
    pub identities: P::Identities,
    /// See [`Ports::System`].
    pub system: P::System,
    /// Timings.
    pub policy: Policy,
    /// Time to live of a retried email.
    pub expires_after: Duration,
    /// Retention of a finished email.
    pub retention: Duration,
    /// Number of hidden and delayed messages above which a priority queue is full;
    /// [`domain::delivery::priority_queue::MOST_MESSAGES`] in production.
    pub most_messages: u64,
}

/// Result of a run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Promoted {
    /// Send tasks enqueued ahead of their time.
    pub enqueued: usize,
    /// Overdue records that were moved on.
    pub recovered: usize,
    /// Tasks of webhooks that were sent.
    pub deliveries: usize,
    /// Send tasks, dead-letter messages, tasks of webhooks, and records that failed. The next run tries them again, or
    /// `promote` finds them in the due index one guard interval later.
    pub failed: usize,
    /// Time ran out before all work was done; the next run continues.
    pub unfinished: bool,
    /// Longest delay of an email that could be sent but was not. `promote` first looks one guard interval after an
    /// email's time, so a shorter delay counts as none.
    pub oldest_due: Duration,
    /// Emails that this run found uncertain: SES's answer was lost.
    pub uncertain: usize,
}

impl std::ops::AddAssign for Promoted {
    fn add_assign(&mut self, other: Self) {
        self.enqueued += other.enqueued;
        self.recovered += other.recovered;
        self.deliveries += other.deliveries;
        self.failed += other.failed;
        self.unfinished |= other.unfinished;
        self.oldest_due = self.oldest_due.max(other.oldest_due);
        self.uncertain += other.uncertain;
    }
}

/// One run: its deadline, and values that are read once per run.
struct Run {
    deadline: Instant,
    feedback: OnceCell<Feedback>,
    /// State of the open breaker: `true` blocks everything, `false` lets a probe pass. `None` when the breaker
    /// is closed.
    shut: Option<bool>,
    /// Priority queues with a backlog, and full ones.
    backlogs: Backlogs,
    /// The restore epoch of the table.
    restore_epoch: Option<Timestamp>,
    /// Queues that were read in this run.
    queues: Mutex<BTreeMap<QueueKey, Queue>>,
}

impl Run {
    /// Returns the state of a priority queue for one more record.
    fn priority(&self, priority: Priority) -> PriorityQueueState {
        match self.shut {
            Some(true) => PriorityQueueState::Shut,
            // Its backlog stays in the index until there is room.
            _ if self.backlogs.full.has(priority) || !self.backlogs.take_room(priority) => PriorityQueueState::Shut,
            // Waiting emails are hidden in their priority queue. But if every send task were lost, nothing
            // would probe.
            Some(false) => PriorityQueueState::Backlog,
            None if self.backlogs.long.contains(&priority) => PriorityQueueState::Backlog,
            None => PriorityQueueState::Flowing,
        }
    }

    fn time_is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }
}

/// Returns the time until which a run works on emails: its last tenth, at most a few seconds, is for webhooks.
fn emails_until(began: Instant, deadline: Instant) -> Instant {
    let reserved = deadline.saturating_duration_since(began) / 10;
    let reserved = reserved.min(webhooks::RESERVED);
    deadline.checked_sub(reserved).unwrap_or(deadline)
}

impl<P: Ports> PromoteFunction<P> {
    /// Processes the due index until it is done or `deadline` has come. Emails come first, and leave some time.
    ///
    /// # Errors
    /// The first failed call to the index, after all other work was done.
    pub async fn run(&self, deadline: Instant) -> Result<Promoted, PortError> {
        let no_permit = self.policy.retry.no_permit;
        let account_rate = account::sync(&self.account, &self.records, no_permit, &self.system).await;
        let bookmarks = self.records.bookmarks().await?;
        let run = &Run {
            deadline: emails_until(Instant::now(), deadline),
            feedback: OnceCell::new(),
            shut: account_rate
                .and_then(|account_rate| account_rate.open)
                .map(|open| open.until > self.system.now()),
            backlogs: Gauge {
                records: &self.records,
                priority_queues: &self.priority_queues,
                most_messages: self.most_messages,
                long_after: self.policy.guard / 2,
            }
            .read(&bookmarks.busy_since, account_rate.as_ref(), self.system.now())
            .await,
            restore_epoch: self.policy.restore_epoch,
            queues: Mutex::default(),
        };
        // Slots are reserved minute by minute: no other work may delay them.
        let released = async {
            match account_rate {
                Some(_) => self.release_limited(run).await,
                // The account rate is unknown, so the breaker may be open.
                None => Ok(Promoted::default()),
            }
        };
        let others = self.recover_all(&bookmarks, run);
        let (released, others) = join(released, others).await;
        let (mut done, mut error) = (Promoted::default(), None);
        for result in std::iter::once(released).chain(others) {
            match result {
                Ok(promoted) => done += promoted,
                Err(failed) => error = error.or(Some(failed)),
            }
        }
        // Work of whole queues and domains comes last: it must not delay the other work.
        match self.work_off_jobs(run).await {
            Ok(promoted) => done += promoted,
            Err(failed) => error = error.or(Some(failed)),
        }
        self.follow_domains(run).await;
        done.unfinished |= run.time_is_over();
        match self.promote_webhooks(&bookmarks.hook_places, deadline).await {
            Ok(promoted) => done += promoted,
            Err(failed) => error = error.or(Some(failed)),
        }
        self.save_oldest_due(bookmarks.oldest_due, done.oldest_due).await;
        error.map_or(Ok(done), Err)
    }

    /// Saves the due time of the oldest late email for `GET /account`. A failed call is only a warning: the next run
    /// saves it.
    async fn save_oldest_due(&self, stored: Option<OldestDue>, lateness: Duration) {
        let Some(oldest) = OldestDue::after_run(stored, lateness, self.system.now()) else {
            return;
        };
        if let Err(error) = self.records.save_oldest_due(oldest).await {
            let error = aws::runtime::telemetry::chain(&error);
            tracing::warn!(error, "the oldest late email could not be saved");
        }
    }

    /// Enqueues due emails, and recovers overdue ones.
    async fn recover_all(&self, bookmarks: &Bookmarks, run: &Run) -> Vec<Result<Promoted, PortError>> {
        let mut results = Vec::new();
        // Due emails come first: they must not wait for a long recovery.
        let shards = (0..self.records.shards()).map(async |shard| {
            let (cursor, mut held) = (bookmarks.cursors.get(&shard).cloned(), Vec::new());
            (self.enqueue_due(shard, cursor, run, &mut held).await, held)
        });
        let mut enqueued = iter(shards.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        let mut held = Vec::new();
        while let Some((result, of_shard)) = enqueued.next().await {
            results.push(result);
            held.extend(of_shard);
        }
        // Sorted by queue: the emails of one queue share the check of its state.
        held.sort();
        let held: Vec<EmailKey> = held.into_iter().map(|(_, email)| email).collect();
        results.push(self.recover(&held, run).await);
        let shards = (0..self.records.shards()).map(async |shard| {
            [
                self.recover_unsent(shard, run).await,
                self.recover_overdue(shard, run).await,
            ]
        });
        let mut recovered = iter(shards.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        while let Some(of_shard) = recovered.next().await {
            results.extend(of_shard);
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_leave_time_for_webhooks() {
        let began = Instant::now();
        let left = |secs: u64| {
            let deadline = began + Duration::from_secs(secs);
            deadline.duration_since(emails_until(began, deadline)).as_millis()
        };
        assert_eq!([54, 30, 0].map(left), [5_000, 3_000, 0]);
    }
}
