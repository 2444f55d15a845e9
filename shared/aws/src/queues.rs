//! The named queues and their jobs in DynamoDB, all of a tenant in one partition.
//!
//! **Invariant:** a queue is written whole, under the number of its last change ([`Queue::no`]), and
//! the job that follows in the same transaction: a pause, a purge or their end is never half done.
//! **Lost answers:** the SDK repeats a call whose answer was lost, and then finds its own write: one
//! that is exactly what was to be written.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use domain::id::{EmailId, TenantId};
use domain::ports::{DueCursor, Jobs, PortError, Queues};
use domain::queue::job::Job;
use domain::queue::{Pause, Queue, QueueKey, QueueName};
use domain::timestamp::Timestamp;

use crate::attributes::{self, Item, ItemError, digits, flag, maybe, n, named, number, s, text, time, yes};
use crate::failure::port;
use crate::rows::Table;

/// The partition of the index `due` that jobs wait in.
const JOBS: &str = "job";

/// How long a job that is done can be asked for.
const JOB_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// Jobs that are begun in one run of `promote`.
const JOBS_AT_ONCE: i32 = 50;

/// The partition of all queues of a tenant.
pub(crate) fn pk(tenant: &TenantId) -> String {
    format!("{tenant}#queues")
}

/// The sort key of a queue.
pub(crate) fn queue_sk(name: &QueueName) -> String {
    format!("queue#{name}")
}

fn job_sk(queue: &QueueName, id: EmailId) -> String {
    format!("job#{queue}#{id}")
}

fn from_queue(queue: &Queue) -> Item {
    let Queue { key, .. } = queue;
    let mut item = Item::from([
        s("pk", pk(&key.tenant)),
        s("sk", queue_sk(&key.name)),
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
    item.extend((queue.generation > 0).then(|| n("generation", queue.generation)));
    item.extend((queue.purged_below > 0).then(|| n("purged_below", queue.purged_below)));
    item.extend(queue.purged_before.map(|before| n("purged_before", before.as_millis())));
    item.extend(queue.deleted.then(|| yes("deleted")));
    item
}

fn to_queue(item: &Item) -> Result<Queue, ItemError> {
    let tenant = text(item, "pk")?.strip_suffix("#queues").and_then(TenantId::parse);
    let name = text(item, "sk")?.strip_prefix("queue#");
    let name = name.and_then(|name| QueueName::parse(name).ok());
    let key = QueueKey {
        tenant: tenant.ok_or(ItemError::Malformed("pk"))?,
        name: name.ok_or(ItemError::Malformed("sk"))?,
    };
    let paused = match maybe(item, "paused_since", time)? {
        None => None,
        Some(since) => Some(Pause {
            since,
            reason: maybe(item, "paused_reason", text)?.map(str::to_owned),
            until: maybe(item, "paused_until", time)?,
        }),
    };
    Ok(Queue {
        key,
        created_at: time(item, "created_at")?,
        priority: named(item, "priority")?,
        rate_per_second: maybe(item, "rate", number)?,
        retry_waits: maybe(item, "waits_s", waits)?,
        expires_after: maybe(item, "expires_s", number)?.map(Duration::from_secs),
        no: number(item, "no")?,
        paused,
        suspended: flag(item, "suspended")?,
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

fn from_job(job: &Job) -> Result<Item, PortError> {
    let task = serde_json::to_string(&job.task).map_err(|error| port("writing a job")(error.into()))?;
    let mut item = Item::from([
        s("pk", pk(&job.queue.tenant)),
        s("sk", job_sk(&job.queue.name, job.id)),
        s("task", task),
        n("asked_at", job.asked_at.as_millis()),
        n("queue_no", job.queue_no),
        n("due", job.due.as_millis()),
        n("sweep_from", job.sweep_from.as_millis()),
        n("shard", job.shard),
        n("emails", job.emails),
        n("no", job.no),
    ]);
    item.extend(job.cursor.clone().map(|cursor| s("cursor", cursor.0)));
    if job.done {
        item.extend([yes("done"), n("ttl", job.asked_at.after(JOB_KEPT).as_secs())]);
    } else {
        item.extend([
            s("due_pk", JOBS.to_owned()),
            s("due_sk", format!("{}#{}", digits(job.due), job.id)),
        ]);
    }
    Ok(item)
}

fn job_key(item: &Item) -> Result<(QueueKey, EmailId), ItemError> {
    let tenant = text(item, "pk")?.strip_suffix("#queues").and_then(TenantId::parse);
    let mut parts = text(item, "sk")?.split('#');
    let (Some("job"), Some(name), Some(id), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(ItemError::Malformed("sk"));
    };
    let key = QueueKey {
        tenant: tenant.ok_or(ItemError::Malformed("pk"))?,
        name: QueueName::parse(name).map_err(|_| ItemError::Malformed("sk"))?,
    };
    Ok((key, EmailId::parse(id).ok_or(ItemError::Malformed("sk"))?))
}

fn to_job(item: &Item) -> Result<Job, ItemError> {
    let (queue, id) = job_key(item)?;
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
        done: flag(item, "done")?,
        no: number(item, "no")?,
    })
}

/// The write of an item that is at change `no`, if it was at the one before.
fn put(table: &Table, item: Item, no: u64) -> Result<Put, PortError> {
    let put = Put::builder()
        .table_name(&table.table)
        .set_item(Some(item))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let number = |put: PutBuilder| {
        put.expression_attribute_names("#no", "no")
            .expression_attribute_values(":before", AttributeValue::N(no.saturating_sub(1).to_string()))
    };
    let put = match no.checked_sub(1) {
        None => put.condition_expression("attribute_not_exists(pk)"),
        // The queue that always exists need not be stored.
        Some(0) => number(put).condition_expression("attribute_not_exists(pk) OR #no = :before"),
        Some(_) => number(put).condition_expression("#no = :before"),
    };
    put.build().map_err(|error| port("writing a queue")(error.into()))
}

impl Table {
    /// Writes an item under its number; `false` when another write came before.
    pub(crate) async fn put_numbered(&self, item: Item, no: u64, what: &'static str) -> Result<bool, PortError> {
        let put = put(self, item.clone(), no)?;
        let answer = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.clone()))
            .set_condition_expression(put.condition_expression)
            .set_expression_attribute_names(put.expression_attribute_names)
            .set_expression_attribute_values(put.expression_attribute_values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match answer {
            Ok(_) => return Ok(true),
            Err(error) => error,
        };
        if let Some(PutItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() {
            return Ok(refused.item.as_ref() == Some(&item));
        }
        Err(port(what)(error.into()))
    }
}

impl Queues for Table {
    async fn queue(&self, key: &QueueKey) -> Result<Option<Queue>, PortError> {
        const WHAT: &str = "reading a queue";
        let item = self.get(pk(&key.tenant), queue_sk(&key.name), WHAT).await?;
        let queue = item.map(|item| to_queue(&item)).transpose();
        queue.map_err(|error| port(WHAT)(error.into()))
    }

    async fn queues(&self, tenant: &TenantId) -> Result<Vec<Queue>, PortError> {
        const WHAT: &str = "reading the queues";
        let (mut queues, mut from) = (Vec::new(), None);
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :queue)")
                .expression_attribute_values(":pk", AttributeValue::S(pk(tenant)))
                .expression_attribute_values(":queue", AttributeValue::S("queue#".to_owned()))
                .consistent_read(true)
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|error| port(WHAT)(error.into()))?;
            for item in answer.items.unwrap_or_default() {
                match to_queue(&item) {
                    Ok(queue) => queues.push(queue),
                    Err(error) => {
                        let sk = text(&item, "sk").unwrap_or_default();
                        tracing::error!(sk, %error, "a stored queue cannot be read");
                    }
                }
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                return Ok(queues);
            }
        }
    }

    async fn save_queue(&self, before: Option<&Queue>, queue: &Queue, job: Option<&Job>) -> Result<bool, PortError> {
        const WHAT: &str = "writing a queue";
        debug_assert_eq!(
            queue.no,
            before.map_or(0, |before| before.no) + u64::from(before.is_some())
        );
        let item = from_queue(queue);
        let Some(job) = job else {
            return self.put_numbered(item, queue.no, WHAT).await;
        };
        let puts = [put(self, item, queue.no)?, put(self, from_job(job)?, job.no)?];
        let puts = puts.map(|put| TransactWriteItem::builder().put(put).build());
        let answer = self
            .client
            .transact_write_items()
            .set_transact_items(Some(puts.into()))
            .send()
            .await;
        let error = match answer {
            Ok(_) => return Ok(true),
            Err(error) => error,
        };
        // The SDK's repetition of a lost call carries its token, and is answered as the first one.
        if let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error()
            && canceled
                .cancellation_reasons()
                .iter()
                .any(|reason| reason.code() == Some("ConditionalCheckFailed"))
        {
            return Ok(false);
        }
        Err(port(WHAT)(error.into()))
    }
}

impl Jobs for Table {
    async fn due_jobs(&self, until: Timestamp) -> Result<Vec<(QueueKey, EmailId)>, PortError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("due_pk = :pk AND due_sk < :until")
            .expression_attribute_values(":pk", AttributeValue::S(JOBS.to_owned()))
            .expression_attribute_values(":until", AttributeValue::S(format!("{}~", digits(until))))
            .limit(JOBS_AT_ONCE)
            .send()
            .await
            .map_err(|error| port("reading the jobs")(error.into()))?;
        let keys = answer.items().iter().filter_map(|item: &HashMap<_, _>| {
            job_key(item)
                .inspect_err(|error| tracing::error!(%error, "an entry of the jobs cannot be read"))
                .ok()
        });
        Ok(keys.collect())
    }

    async fn job(&self, queue: &QueueKey, id: EmailId) -> Result<Option<Job>, PortError> {
        const WHAT: &str = "reading a job";
        let item = self.get(pk(&queue.tenant), job_sk(&queue.name, id), WHAT).await?;
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
