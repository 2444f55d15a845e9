//! Named queues and their jobs in DynamoDB, all of a tenant in one partition.
//!
//! **Invariant:** a queue is written as a whole, under the version of its last change ([`Queue::version`]). Its job
//! follows in the same transaction: a pause, a purge or their end is never partial.
//! **Lost answers:** [`Table`] repeats a call whose answer was lost. The repetition recognises its own write: the
//! stored item equals the intended one.

use std::time::Duration;

use domain::delivery::index::DueCursor;
use domain::delivery::record::Priority;
use domain::id::{EmailId, QueueKey, TenantId};
use domain::ports::{Jobs, PortError, Queues};
use domain::queue::hold::Holds;
use domain::queue::job::Job;
use domain::queue::lost_verifications::LostVerifications;
use domain::queue::{Pause, Queue};
use domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, ItemError, digits, from_json, sortable};
use crate::storage::mapping::{attribute, decode, encode, is_default};
use crate::storage::table::{Check, Expression, Query, Table, Transacted, Write, keys};

const SAVING: &str = "writing a queue";

/// Retention of a finished job.
const JOB_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// Maximum number of jobs that one run of `promote` begins.
const JOBS_AT_ONCE: i32 = 50;

/// Stored form of a queue, without its key. Durations are in seconds.
#[derive(Serialize, Deserialize)]
struct StoredQueue {
    created_at: Timestamp,
    priority: Priority,
    #[serde(rename = "no")]
    version: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    rate: Option<u32>,
    #[serde(default, skip_serializing_if = "is_default")]
    expires_s: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    waits_s: Option<Vec<u64>>,
    #[serde(default, skip_serializing_if = "is_default")]
    paused_since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_default")]
    paused_reason: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    paused_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_default")]
    suspended: bool,
    /// Holds of API keys, as JSON; absent without a hold.
    #[serde(default, skip_serializing_if = "is_default")]
    key_holds: Option<String>,
    /// Domains for which SES stopped sending, as JSON; absent without one. An earlier version drops this attribute, and
    /// the next check of the domain writes it again.
    #[serde(default, skip_serializing_if = "is_default")]
    lost_verifications: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    generation: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    purged_below: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    purged_before: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_default")]
    deleted: bool,
}

fn from_queue(queue: &Queue) -> Result<Item, PortError> {
    let waits = |waits: &Vec<Duration>| waits.iter().map(Duration::as_secs).collect();
    let pause = queue.paused.as_ref();
    let key_holds = (!queue.holds.is_empty()).then(|| serde_json::to_string(&queue.holds));
    let lost = &queue.lost_verifications;
    let lost_verifications = (!lost.is_empty()).then(|| serde_json::to_string(lost));
    let stored = StoredQueue {
        created_at: queue.created_at,
        priority: queue.priority,
        version: queue.version,
        rate: queue.rate_per_second,
        expires_s: queue.expires_after.map(|span| span.as_secs()),
        waits_s: queue.retry_waits.as_ref().map(waits),
        paused_since: pause.map(|pause| pause.since),
        paused_reason: pause.and_then(|pause| pause.reason.clone()),
        paused_until: pause.and_then(|pause| pause.until),
        suspended: queue.suspended,
        key_holds: key_holds.transpose().map_err(|error| port(SAVING)(error.into()))?,
        lost_verifications: lost_verifications
            .transpose()
            .map_err(|error| port(SAVING)(error.into()))?,
        generation: queue.generation,
        purged_below: queue.purged_below,
        purged_before: queue.purged_before,
        deleted: queue.deleted,
    };
    encode(keys::queue(&queue.key), &stored, SAVING)
}

fn to_queue(item: &Item) -> Result<Queue, ItemError> {
    let stored: StoredQueue = decode(item)?;
    let waits = |waits: Vec<u64>| waits.into_iter().map(Duration::from_secs).collect();
    Ok(Queue {
        restore_epoch: None,
        key: keys::to_queue(item)?,
        created_at: stored.created_at,
        priority: stored.priority,
        rate_per_second: stored.rate,
        retry_waits: stored.waits_s.map(waits),
        expires_after: stored.expires_s.map(Duration::from_secs),
        version: stored.version,
        paused: stored.paused_since.map(|since| Pause {
            since,
            reason: stored.paused_reason,
            until: stored.paused_until,
        }),
        suspended: stored.suspended,
        holds: match &stored.key_holds {
            Some(holds) => from_json(holds, "key_holds")?,
            None => Holds::default(),
        },
        lost_verifications: match &stored.lost_verifications {
            Some(lost) => from_json(lost, "lost_verifications")?,
            None => LostVerifications::default(),
        },
        generation: stored.generation,
        purged_below: stored.purged_below,
        purged_before: stored.purged_before,
        deleted: stored.deleted,
    })
}

/// Stored form of a job, without its key. The task is JSON. The times of an active job are also its place in
/// the index `due`; a finished one has a `ttl` instead. Attributes with a default are newer than the others.
#[derive(Serialize, Deserialize)]
struct StoredJob {
    task: String,
    asked_at: Timestamp,
    queue_no: u64,
    due: Timestamp,
    sweep_from: Timestamp,
    shard: u16,
    emails: u64,
    #[serde(rename = "no")]
    version: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    cursor: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    failed: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    done: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    late: u8,
    #[serde(default, skip_serializing_if = "is_default")]
    ttl: Option<i64>,
    #[serde(default, skip_serializing_if = "is_default")]
    due_pk: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    due_sk: Option<String>,
}

pub(crate) fn from_job(job: &Job) -> Result<Item, PortError> {
    const WHAT: &str = "writing a job";
    let goes_on = !job.over;
    let stored = StoredJob {
        task: serde_json::to_string(&job.task).map_err(|error| port(WHAT)(error.into()))?,
        asked_at: job.requested_at,
        queue_no: job.queue_version,
        due: job.due,
        sweep_from: job.sweep_from,
        shard: job.shard,
        emails: job.emails,
        version: job.version,
        cursor: job.cursor.as_ref().map(|cursor| cursor.0.clone()),
        failed: job.failed,
        done: job.done,
        late: job.late_sweeps,
        ttl: job.over.then(|| job.requested_at.after(JOB_KEPT).as_secs()),
        due_pk: goes_on.then(|| keys::JOBS.to_owned()),
        due_sk: goes_on.then(|| sortable(job.due, job.id)),
    };
    encode(keys::job(&job.queue, job.id), &stored, WHAT)
}

fn to_job(item: &Item) -> Result<Job, ItemError> {
    let stored: StoredJob = decode(item)?;
    let (queue, id) = keys::to_job(item)?;
    Ok(Job {
        queue,
        id,
        task: from_json(&stored.task, "task")?,
        requested_at: stored.asked_at,
        queue_version: stored.queue_no,
        due: stored.due,
        sweep_from: stored.sweep_from,
        shard: stored.shard,
        cursor: stored.cursor.map(DueCursor),
        emails: stored.emails,
        failed: stored.failed,
        done: stored.done,
        late_sweeps: stored.late,
        over: stored.ttl.is_some(),
        version: stored.version,
    })
}

/// Returns the write of a queue, conditional on the version before [`Queue::version`]. A transaction can carry it
/// beside other writes.
pub(crate) fn queue_write(queue: &Queue) -> Result<Write, PortError> {
    Ok(Write::Put {
        item: from_queue(queue)?,
        when: Expression::if_version_before(queue.version),
    })
}

/// Returns the write of a job, conditional on the version before its own, for a transaction with other writes.
pub(crate) fn job_write(job: &Job) -> Result<Write, PortError> {
    Ok(Write::Put {
        item: from_job(job)?,
        when: Expression::if_version_before(job.version),
    })
}

impl Queues for Table {
    async fn queue(&self, key: &QueueKey) -> Result<Option<Queue>, PortError> {
        const WHAT: &str = "reading a queue";
        let item = self.get(keys::queue(key), WHAT).await?;
        let queue = item.map(|item| to_queue(&item)).transpose();
        queue.map_err(|error| port(WHAT)(error.into()))
    }

    async fn queues(&self, tenant: &TenantId) -> Result<Vec<Queue>, PortError> {
        const WHAT: &str = "reading the queues";
        let query = Query::beginning(keys::queues_pk(tenant), keys::QUEUE);
        let items = self.query_pages(query, usize::MAX, WHAT).await?;
        let mut queues = Vec::new();
        for item in items.unwrap_or_default() {
            match to_queue(&item) {
                Ok(queue) => queues.push(queue),
                Err(error) => {
                    let sk = attribute::<String>(&item, "sk").unwrap_or_default();
                    tracing::error!(sk, %error, "a stored queue cannot be read");
                }
            }
        }
        Ok(queues)
    }

    async fn save_queue(&self, before: Option<&Queue>, queue: &Queue, job: Option<&Job>) -> Result<bool, PortError> {
        debug_assert_eq!(
            queue.version,
            before.map_or(0, |before| before.version) + u64::from(before.is_some())
        );
        let item = from_queue(queue)?;
        let Some(job) = job else {
            return self.put_version(item, queue.version, SAVING).await;
        };
        let of_job = from_job(job)?;
        let writes = vec![queue_write(queue)?, job_write(job)?];
        Ok(match self.transact(writes, SAVING).await? {
            Transacted::Done => true,
            // Refused by this call's own write, whose answer was lost, or by the write of another.
            Transacted::Refused(checks) => {
                let is_ours = |(check, ours): (Check, Item)| check == Check::Failed(Some(ours));
                checks.into_iter().zip([item, of_job]).all(is_ours)
            }
        })
    }
}

/// Counts a tenant's active jobs that revive ended emails, and its unreadable jobs.
pub(crate) async fn reviving_jobs(table: &Table, tenant: &TenantId) -> Result<usize, PortError> {
    let mut query = Query::beginning(keys::queues_pk(tenant), "job#");
    let mut count = 0_usize;
    loop {
        let page = table.query(query.clone(), "reading the jobs").await?;
        let may_revive = |item: &&Item| to_job(item).map_or(true, |job| !job.done && job.task.revives_ended_emails());
        count = count.saturating_add(page.items.iter().filter(may_revive).count());
        if page.next.is_none() {
            return Ok(count);
        }
        query.from = page.next;
    }
}

impl Jobs for Table {
    async fn due_jobs(&self, until: Timestamp) -> Result<Vec<(QueueKey, EmailId)>, PortError> {
        let keys = Expression::condition("due_pk = :pk AND due_sk < :until")
            .with_value(":pk", keys::JOBS)
            .with_value(":until", format!("{}~", digits(until)));
        let query = Query {
            index: Some("due"),
            limit: Some(JOBS_AT_ONCE),
            ..Query::of(keys)
        };
        let page = self.query(query, "reading the jobs").await?;
        let jobs = page.items.iter().filter_map(|item| {
            keys::to_job(item)
                .inspect_err(|error| tracing::error!(%error, "an entry of the jobs cannot be read"))
                .ok()
        });
        Ok(jobs.collect())
    }

    async fn job(&self, queue: &QueueKey, id: EmailId) -> Result<Option<Job>, PortError> {
        const WHAT: &str = "reading a job";
        let item = self.get(keys::job(queue, id), WHAT).await?;
        let job = item.map(|item| to_job(&item)).transpose();
        job.map_err(|error| port(WHAT)(error.into()))
    }

    async fn save_job(&self, job: &Job) -> Result<bool, PortError> {
        self.put_version(from_job(job)?, job.version, "saving a job").await
    }
}

#[cfg(test)]
#[path = "queues_tests.rs"]
mod tests;
