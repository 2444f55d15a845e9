//! Commands on named queues: create, change, pause, resume, purge, restore, retry, delete.
//!
//! **Invariant:** a command is one write of the queue's record, together with the job that does the rest. Reads
//! show it at once. The senders learn of it afterwards: after a crash in between, the job tells them.
//! **Start reading at** [`ManageFunction::pause`].

use aws::http::auth::{ActsFor, TenantPrincipal};
use domain::api::error::ApiError;
use domain::api::fields::to_api;
use domain::api::queue_api::{PauseRequest, QueueSettings, QueueView, RedriveRequest};
use domain::delivery::account_rate::AccountRateChange;
use domain::delivery::record::Priority;
use domain::id::{EmailId, QueueKey, QueueName};
use domain::limits;
use domain::ports::rate_limits::RateLimits;
use domain::ports::{AccountRates, Clock, Counts, Queues, Random, Rounds};
use domain::queue::job::{Job, Task};
use domain::queue::{Pause, Queue, rate_limit};
use domain::reporting::tally::queue_counts::QueueCounts;
use domain::timestamp::Timestamp;
use serde::Serialize;

use crate::queues::of;
use crate::{ManageError, ManageFunction, Ports};

/// The response to a started job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "JobBegun"))]
pub struct JobStarted {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "job")))]
    object: &'static str,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
}

impl JobStarted {
    fn new(id: EmailId, before: Option<Timestamp>) -> Self {
        Self {
            object: "job",
            id: id.to_string(),
            before: before.map(|before| before.to_string()),
        }
    }
}

/// The response to a deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "QueueDeleted"))]
pub struct Deleted {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "queue")))]
    object: &'static str,
    name: String,
    deleted: bool,
}

impl<P: Ports> ManageFunction<P> {
    /// Creates a queue.
    ///
    /// # Errors
    /// 409 when the name is taken. 422 when there are too many queues. Or a backend call failed.
    pub async fn create_queue(
        &self,
        caller: &TenantPrincipal,
        name: QueueName,
        settings: &QueueSettings,
    ) -> Result<QueueView, ManageError> {
        let (key, now) = (of(caller, name), self.system.now());
        let known = self.records.queues(caller.tenant()).await?;
        let lead = known.iter().find(|queue| queue.key.name.is_default());
        let common = lead.map(Queue::common).unwrap_or_default();
        let known: Vec<Queue> = known.into_iter().filter(|queue| !queue.deleted).collect();
        let exists = || ApiError::conflict("A queue with this name already exists.");
        if key.name.is_default() || known.iter().any(|queue| queue.key == key) {
            return Err(exists().into());
        }
        if known.len() >= limits::QUEUES_MAX {
            let max = limits::QUEUES_MAX;
            let problem = format!("the maximum of {max} queues is reached: delete an unused queue first");
            return Err(ApiError::validation("name", problem).into());
        }
        // A deleted queue of this name may have left emails that are still in progress.
        let before = self.records.queue(&key).await?;
        if before.as_ref().is_some_and(|before| !before.deleted) {
            return Err(exists().into());
        }
        let mut queue = Queue::plain(key, now);
        if let Some(before) = &before {
            queue.version = before.version.saturating_add(1);
            queue.generation = before.generation;
            queue.purged_below = before.purged_below;
            queue.purged_before = before.purged_before;
        }
        queue.suspended = common.suspended;
        queue.holds = common.holds;
        queue.lost_verifications = common.lost_verifications;
        settings.set(&mut queue);
        self.set_rate(&queue).await?;
        if !self.records.save_queue(before.as_ref(), &queue, None).await? {
            return Err(exists().into());
        }
        self.notify_senders().await?;
        self.view(queue, now).await
    }

    /// Changes a queue's settings.
    ///
    /// # Errors
    /// 404 when no queue has this name. 422 when the default queue inherits the setting from the deployment. Or
    /// a backend call failed.
    pub async fn change_queue(
        &self,
        caller: &TenantPrincipal,
        name: QueueName,
        settings: &QueueSettings,
    ) -> Result<QueueView, ManageError> {
        if name.is_default() {
            // Emails for the default queue are accepted without reading it.
            let fixed = |field| {
                let problem = "cannot be changed for the default queue: create another queue with this setting";
                ApiError::validation(field, problem)
            };
            if settings.priority.is_some_and(|priority| priority != Priority::Normal) {
                return Err(fixed("priority").into());
            }
            if settings.expires_after.is_some_and(|span| span.is_some()) {
                return Err(fixed("default_expires_in_seconds").into());
            }
        }
        let queue = self
            .change(&of(caller, name), |queue, _| (settings.on(queue), None))
            .await?;
        self.view(queue, self.system.now()).await
    }

    /// Pauses a queue: within seconds, none of its emails is claimed.
    ///
    /// # Errors
    /// 404 when no queue has this name. 422 when the pause would end in the past. Or a backend call failed.
    pub async fn pause(
        &self,
        caller: &dyn ActsFor,
        name: QueueName,
        request: PauseRequest,
    ) -> Result<QueueView, ManageError> {
        let (now, id) = (self.system.now(), self.system.id()?);
        let until = request.until.map(|until| until.expiry("until", now, now)).transpose();
        let pause = Pause {
            since: now,
            reason: request.reason,
            until: until.map_err(|error| to_api(None, error))?,
        };
        let paused = |queue: &Queue, now| {
            let paused = queue.after_pause(pause.clone());
            // Held emails are released at the end of the pause.
            let release = pause.until.map(|until| {
                let job = Job::new(&paused, id, Task::Release, until);
                Job {
                    requested_at: until.max(now),
                    ..job
                }
            });
            (paused, release)
        };
        let queue = self.change(&of(caller, name), paused).await?;
        self.view(queue, now).await
    }

    /// Resumes a queue: its held emails are released, each at its time.
    ///
    /// # Errors
    /// 404 when no queue has this name. Or a backend call failed.
    pub async fn resume(&self, caller: &dyn ActsFor, name: QueueName) -> Result<QueueView, ManageError> {
        let id = self.system.id()?;
        let resumed = |queue: &Queue, now| {
            let resumed = queue.after_resume();
            let job = Job::new(&resumed, id, Task::Release, now);
            (resumed, Some(job))
        };
        let queue = self.change(&of(caller, name), resumed).await?;
        self.view(queue, self.system.now()).await
    }

    /// Drops every waiting email of a queue.
    ///
    /// # Errors
    /// 401 for a key that is limited to From domains. 404 when no queue has this name. Or a backend call
    /// failed.
    pub async fn purge(&self, caller: &dyn ActsFor, name: QueueName) -> Result<JobStarted, ManageError> {
        refuse_narrowed(caller)?;
        let id = self.system.id()?;
        let queue = self
            .change(&of(caller, name), |queue, now| begin_purge(queue, id, now))
            .await?;
        self.binds().await;
        Ok(JobStarted::new(id, queue.purged_before))
    }

    /// Reverts a queue's purges.
    ///
    /// # Errors
    /// 401 for a key that is limited to From domains. 404 when no queue has this name. Or a backend call
    /// failed.
    pub async fn restore(&self, caller: &TenantPrincipal, name: QueueName) -> Result<JobStarted, ManageError> {
        refuse_narrowed(caller)?;
        let restored = |queue: &Queue| (queue.after_restore(), Task::Restore);
        self.begin(caller, name, restored).await
    }

    /// Retries the failed emails of a queue.
    ///
    /// # Errors
    /// 404 when no queue has this name. Or a backend call failed.
    pub async fn redrive(
        &self,
        caller: &TenantPrincipal,
        name: QueueName,
        request: RedriveRequest,
    ) -> Result<JobStarted, ManageError> {
        let RedriveRequest { cause, since } = request;
        let redriven = |queue: &Queue| {
            let scope = caller.scope();
            (QueueSettings::default().on(queue), Task::Retry { cause, since, scope })
        };
        self.begin(caller, name, redriven).await
    }

    /// Deletes a queue; with `cancel` it is purged first.
    ///
    /// # Errors
    /// 401 for a key that is limited to From domains, with `cancel`. 404 when no queue has this name. 409 when
    /// the queue is not empty. 422 when it is the default queue. Or a backend call failed.
    pub async fn delete_queue(
        &self,
        caller: &TenantPrincipal,
        name: QueueName,
        cancel: bool,
    ) -> Result<Deleted, ManageError> {
        if name.is_default() {
            return Err(ApiError::validation("name", "the default queue cannot be deleted").into());
        }
        if cancel {
            refuse_narrowed(caller)?;
        }
        let (key, id) = (of(caller, name), self.system.id()?);
        if !cancel {
            self.live_queue(&key).await?;
            self.refuse_unless_empty(&key).await?;
        }
        let deleted = |queue: &Queue, now: Timestamp| {
            if !cancel {
                // Emails that arrived just now are released, in spite of earlier commands.
                let deleted = queue.after_deletion();
                let job = Job::new(&deleted, id, Task::Release, now);
                return (deleted, Some(job));
            }
            let purged = Queue {
                version: queue.version,
                ..queue.after_purge(now)
            };
            let deleted = purged.after_deletion();
            let job = Job::new(&deleted, id, Task::Purge, now);
            (deleted, Some(job))
        };
        let queue = self.change(&key, deleted).await?;
        self.binds().await;
        Ok(Deleted {
            object: "queue",
            name: queue.key.name.to_string(),
            deleted: true,
        })
    }

    /// Refuses a queue that is not empty. The counts lag a moment behind: an email that is accepted or moved
    /// just now is sent all the same.
    async fn refuse_unless_empty(&self, key: &QueueKey) -> Result<(), ManageError> {
        let counts = self
            .records
            .queue_counts(&key.tenant, key.name.as_str(), self.system.now())
            .await?;
        let QueueCounts {
            scheduled,
            queued,
            sending,
            retry,
            held,
        } = counts;
        let emails = scheduled + queued + sending + retry + held;
        if emails == 0 {
            return Ok(());
        }
        let message = format!(
            "This queue still has {emails} emails. Wait for them, or delete it with ?cancel=true, which cancels the waiting emails."
        );
        Err(ApiError::conflict(message).into())
    }

    async fn begin(
        &self,
        caller: &TenantPrincipal,
        name: QueueName,
        change: impl Fn(&Queue) -> (Queue, Task) + Send + Sync,
    ) -> Result<JobStarted, ManageError> {
        let id = self.system.id()?;
        let job = |queue: &Queue, now| {
            let (queue, task) = change(queue);
            let job = Job::new(&queue, id, task, now);
            (queue, Some(job))
        };
        self.change(&of(caller, name), job).await?;
        Ok(JobStarted::new(id, None))
    }

    /// Changes a queue despite concurrent writers, and tells the senders.
    async fn change(
        &self,
        key: &QueueKey,
        change: impl Fn(&Queue, Timestamp) -> (Queue, Option<Job>) + Send + Sync,
    ) -> Result<Queue, ManageError> {
        let mut rounds = Rounds::of("changing a queue");
        loop {
            rounds.begin()?;
            let before = self.live_queue(key).await?;
            let (queue, job) = change(&before, self.system.now());
            if queue.rate_per_second != before.rate_per_second {
                self.set_rate(&queue).await?;
            }
            if self.records.save_queue(Some(&before), &queue, job.as_ref()).await? {
                self.notify_senders().await?;
                return Ok(queue);
            }
        }
    }

    /// Stores the rate limit before the queue mentions it: `promote` and `send` use the stored one.
    async fn set_rate(&self, queue: &Queue) -> Result<(), ManageError> {
        let change = rate_limit::RateLimitChange::Rate { rate: queue.rate() };
        self.records.change_rate_limit(&queue.key, &change).await?;
        Ok(())
    }

    /// Waits until no environment accepts emails for the queue's earlier state. After the response, no such email is
    /// accepted any more.
    async fn binds(&self) {
        tokio::time::sleep(self.with.binds_after).await;
    }

    /// Makes the senders read their cached queues again.
    pub(crate) async fn notify_senders(&self) -> Result<(), ManageError> {
        self.records.change_account_rate(&AccountRateChange::Settings).await?;
        Ok(())
    }
}

/// Refuses a command on many emails, which may come from any domain.
pub(crate) fn refuse_narrowed(caller: &dyn ActsFor) -> Result<(), ApiError> {
    if !caller.is_narrowed() {
        return Ok(());
    }
    Err(ApiError::restricted_api_key(
        "This API key is limited to some From domains, and this request could affect email from other domains. Use a key without this limit.",
    ))
}

fn begin_purge(queue: &Queue, id: EmailId, now: Timestamp) -> (Queue, Option<Job>) {
    let purged = queue.after_purge(now);
    let job = Job::new(&purged, id, Task::Purge, now);
    (purged, Some(job))
}
