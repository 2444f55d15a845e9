//! The named queues and their jobs in DynamoDB, all of a tenant in one partition.
//!
//! **Invariant:** a queue is written whole, under the number of its last change ([`Queue::no`]), and
//! the job that follows in the same transaction: a pause, a purge or their end is never half done.
//! **Lost answers:** the SDK repeats a call whose answer was lost, and then finds its own write: one
//! that is exactly what was to be written.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::{EmailId, TenantId};
use domain::ports::{DueCursor, Jobs, PortError, Queues};
use domain::queue::job::Job;
use domain::queue::{Pause, Queue, QueueKey};
use domain::timestamp::Timestamp;

use crate::attributes::{self, Item, ItemError, digits, flag, maybe, n, named, number, s, text, time, yes};
use crate::failure::port;
use crate::table::{Check, Expression, Query, Table, Transacted, Write, keys};

/// When a job is forgotten. A job has it as soon as no sweep follows.
const TTL: &str = "ttl";

/// How long a job that is over can be asked for.
const JOB_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// Jobs that are begun in one run of `promote`.
const JOBS_AT_ONCE: i32 = 50;

fn from_queue(queue: &Queue) -> Result<Item, PortError> {
    let mut item = keys::queue(&queue.key);
    item.extend([
        n("created_at", queue.created_at.as_millis()),
        s("priority", attributes::name(&queue.priority)),
        n("no", queue.no),
    ]);
    item.extend(queue.rate_per_second.map(|rate| n("rate", rate)));
    item.extend(queue.expires_after.map(|span| n("expires_s", span.as_secs())));
    if let Some(waits) = &queue.retry_waits {
        let waits = waits.iter().map(|wait| AttributeValue::N(wait.as_secs().to_string()));
        item.extend([("waits_s".to_owned(), AttributeValue::L(waits.collect()))]);
    }
    if let Some(pause) = &queue.paused {
        item.extend([n("paused_since", pause.since.as_millis())]);
        item.extend(pause.reason.clone().map(|reason| s("paused_reason", reason)));
        item.extend(pause.until.map(|until| n("paused_until", until.as_millis())));
    }
    item.extend(queue.suspended.then(|| yes("suspended")));
    if !queue.key_holds.is_empty() {
        let holds = serde_json::to_string(&queue.key_holds).map_err(|error| port("writing a queue")(error.into()))?;
        item.extend([s("key_holds", holds)]);
    }
    item.extend((queue.generation > 0).then(|| n("generation", queue.generation)));
    item.extend((queue.purged_below > 0).then(|| n("purged_below", queue.purged_below)));
    item.extend(queue.purged_before.map(|before| n("purged_before", before.as_millis())));
    item.extend(queue.deleted.then(|| yes("deleted")));
    Ok(item)
}

fn to_queue(item: &Item) -> Result<Queue, ItemError> {
    let paused = match maybe(item, "paused_since", time)? {
        None => None,
        Some(since) => Some(Pause {
            since,
            reason: maybe(item, "paused_reason", text)?.map(str::to_owned),
            until: maybe(item, "paused_until", time)?,
        }),
    };
    Ok(Queue {
        key: keys::to_queue(item)?,
        created_at: time(item, "created_at")?,
        priority: named(item, "priority")?,
        rate_per_second: maybe(item, "rate", number)?,
        retry_waits: maybe(item, "waits_s", waits)?,
        expires_after: maybe(item, "expires_s", number)?.map(Duration::from_secs),
        no: number(item, "no")?,
        paused,
        suspended: flag(item, "suspended")?,
        key_holds: maybe(item, "key_holds", attributes::json)?.unwrap_or_default(),
        generation: maybe(item, "generation", number)?.unwrap_or(0),
        purged_below: maybe(item, "purged_below", number)?.unwrap_or(0),
        purged_before: maybe(item, "purged_before", time)?,
        deleted: flag(item, "deleted")?,
    })
}

fn waits(item: &Item, attribute: &'static str) -> Result<Vec<Duration>, ItemError> {
    let Some(AttributeValue::L(waits)) = item.get(attribute) else {
        return Err(ItemError::Malformed(attribute));
    };
    let wait = |wait: &AttributeValue| wait.as_n().ok()?.parse().ok().map(Duration::from_secs);
    let waits: Option<Vec<_>> = waits.iter().map(wait).collect();
    waits.ok_or(ItemError::Malformed(attribute))
}

pub(crate) fn from_job(job: &Job) -> Result<Item, PortError> {
    let task = serde_json::to_string(&job.task).map_err(|error| port("writing a job")(error.into()))?;
    let mut item = keys::job(&job.queue, job.id);
    item.extend([
        s("task", task),
        n("asked_at", job.asked_at.as_millis()),
        n("queue_no", job.queue_no),
        n("due", job.due.as_millis()),
        n("sweep_from", job.sweep_from.as_millis()),
        n("shard", job.shard),
        n("emails", job.emails),
        n("no", job.no),
    ]);
    item.extend((job.failed > 0).then(|| n("failed", job.failed)));
    item.extend(job.cursor.clone().map(|cursor| s("cursor", cursor.0)));
    if job.done {
        item.extend([yes("done")]);
    }
    if job.late_sweeps > 0 {
        item.extend([n("late", job.late_sweeps)]);
    }
    if job.over {
        item.extend([n(TTL, job.asked_at.after(JOB_KEPT).as_secs())]);
    } else {
        item.extend([
            s("due_pk", keys::JOBS.to_owned()),
            s("due_sk", format!("{}#{}", digits(job.due), job.id)),
        ]);
    }
    Ok(item)
}

fn to_job(item: &Item) -> Result<Job, ItemError> {
    let (queue, id) = keys::to_job(item)?;
    Ok(Job {
        queue,
        id,
        task: attributes::json(item, "task")?,
        asked_at: time(item, "asked_at")?,
        queue_no: number(item, "queue_no")?,
        due: time(item, "due")?,
        sweep_from: time(item, "sweep_from")?,
        shard: number(item, "shard")?,
        cursor: maybe(item, "cursor", text)?.map(|cursor| DueCursor(cursor.to_owned())),
        emails: number(item, "emails")?,
        // Not there in items of older versions.
        failed: maybe(item, "failed", number)?.unwrap_or_default(),
        done: flag(item, "done")?,
        late_sweeps: maybe(item, "late", number)?.unwrap_or_default(),
        over: item.contains_key(TTL),
        no: number(item, "no")?,
    })
}

/// The write of a queue that is at change [`Queue::no`], if it was at the change before. A transaction can
/// carry it beside others.
pub(crate) fn queue_write(queue: &Queue) -> Result<Write, PortError> {
    Ok(Write::Put {
        item: from_queue(queue)?,
        when: Expression::if_numbered(queue.no),
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
                    let sk = text(&item, "sk").unwrap_or_default();
                    tracing::error!(sk, %error, "a stored queue cannot be read");
                }
            }
        }
        Ok(queues)
    }

    async fn save_queue(&self, before: Option<&Queue>, queue: &Queue, job: Option<&Job>) -> Result<bool, PortError> {
        const WHAT: &str = "writing a queue";
        debug_assert_eq!(
            queue.no,
            before.map_or(0, |before| before.no) + u64::from(before.is_some())
        );
        let item = from_queue(queue)?;
        let Some(job) = job else {
            return self.put_numbered(item, queue.no, WHAT).await;
        };
        let of_job = from_job(job)?;
        let writes = vec![
            queue_write(queue)?,
            Write::Put {
                item: of_job.clone(),
                when: Expression::if_numbered(job.no),
            },
        ];
        Ok(match self.transact(writes, WHAT).await? {
            Transacted::Done => true,
            // Its own write, whose answer was lost; or another one.
            Transacted::Refused(checks) => {
                let is_ours = |(check, ours): (Check, Item)| check == Check::Failed(Some(ours));
                checks.into_iter().zip([item, of_job]).all(is_ours)
            }
        })
    }
}

/// The number of a tenant's jobs that are not done and revive ended emails, or cannot be read.
pub(crate) async fn reviving_jobs(table: &Table, tenant: &TenantId) -> Result<usize, PortError> {
    let mut query = Query::beginning(keys::queues_pk(tenant), "job#");
    let mut count = 0_usize;
    loop {
        let page = table.query(query.clone(), "reading the jobs").await?;
        let may_revive = |item: &&Item| to_job(item).map_or(true, |job| !job.done && job.task.revives());
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
            .with_text(":pk", keys::JOBS)
            .with_text(":until", format!("{}~", digits(until)));
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
        self.put_numbered(from_job(job)?, job.no, "saving a job").await
    }
}

#[cfg(test)]
#[path = "queues_tests.rs"]
mod tests;
