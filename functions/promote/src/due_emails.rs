//! Enqueues emails ten minutes before they are due.
//!
//! SQS delays each send task to its second, and no record is written. Nine failed runs in a row delay no email.

use std::collections::BTreeSet;

use domain::delivery::index::{DueCursor, LOOK_AHEAD};
use domain::delivery::send_task::SendTask;
use domain::id::{EmailKey, QueueKey};
use domain::ports::{Clock, DueEmail, DueIndex, PortError, PriorityQueues, SendTaskRequest};
use domain::timestamp::Timestamp;

use crate::{Ports, PromoteFunction, Promoted, Run};

/// Maximum number of emails that one run moves per shard because their queue is paused or has a rate limit. The
/// others are found one guard interval later.
const HELD_AT_ONCE: usize = 10_000;

/// Number of entries between two saves of the cursor. A crash enqueues at most this many twice.
const AT_ONCE: usize = 500;

impl<P: Ports> PromoteFunction<P> {
    /// Enqueues the send tasks of a shard of `wake`, the partition of emails that are not enqueued yet. Starts at the
    /// cursor of the last run.
    ///
    /// The cursor is saved after the send tasks: a crash duplicates send tasks, and loses none.
    pub(crate) async fn enqueue_due(
        &self,
        shard: u16,
        mut cursor: Option<DueCursor>,
        run: &Run,
        held: &mut Vec<(QueueKey, EmailKey)>,
    ) -> Result<Promoted, PortError> {
        let mut done = Promoted::default();
        loop {
            let now = self.system.now();
            let page = self
                .records
                .due_emails(shard, now.after(LOOK_AHEAD), cursor.as_ref())
                .await?;
            for entries in page.items.chunks(AT_ONCE) {
                if run.time_is_over() {
                    done.unfinished = true;
                    return Ok(done);
                }
                let sent = self.send_tasks(entries, run, held, now).await;
                done.enqueued += sent;
                if let Some(last) = sent.checked_sub(1).and_then(|last| entries.get(last)) {
                    self.records.save_cursor(shard, &last.cursor).await?;
                }
                if sent < entries.len() {
                    // The cursor stays before the first failure: the next run starts there.
                    done.failed += entries.len() - sent;
                    return Ok(done);
                }
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(done),
            }
        }
    }

    /// Returns the number of entries before the first failure.
    ///
    /// Emails of a paused queue or of a queue with a rate limit go to `held`: they are moved after all others
    /// are enqueued. An email of an unreadable queue is enqueued too: `send` reads the queue again before it claims.
    /// So one queue never stops the emails of others.
    async fn send_tasks(
        &self,
        entries: &[DueEmail],
        run: &Run,
        held: &mut Vec<(QueueKey, EmailKey)>,
        now: Timestamp,
    ) -> usize {
        let (mut requests, mut places) = (Vec::new(), Vec::new());
        // A read can take long to fail: each queue is tried once.
        let mut unreadable = BTreeSet::new();
        for (place, due_email) in entries.iter().enumerate() {
            let SendTask { tenant, id, queue, .. } = &due_email.send_task;
            let key = QueueKey {
                tenant: tenant.clone(),
                name: queue.clone(),
            };
            let queue = if unreadable.contains(&key) {
                None
            } else {
                match run.queue(&self.records, &key, now).await {
                    Ok(queue) => Some(queue),
                    Err(error) => {
                        let error = aws::runtime::telemetry::chain(&error);
                        tracing::warn!(error, "a queue could not be read; `send` decides about its due emails");
                        unreadable.insert(key.clone());
                        None
                    }
                }
            };
            if queue.is_some_and(|queue| queue.is_paused(now) || queue.rate().is_some()) {
                if held.len() < HELD_AT_ONCE {
                    let tenant = tenant.clone();
                    held.push((key, EmailKey { tenant, id: *id }));
                }
                continue;
            }
            if run.backlogs.stopping.has(due_email.priority) {
                // It stays in the index, and is found one guard interval after it was due.
                continue;
            }
            places.push(place);
            requests.push(SendTaskRequest {
                priority: due_email.priority,
                send_task: due_email.send_task.clone(),
                delay: due_email.not_before.since(now),
            });
        }
        let results = self.priority_queues.enqueue(&requests).await;
        if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
            let error = aws::runtime::telemetry::chain(error);
            tracing::warn!(error, "send tasks could not be enqueued; the next run enqueues them");
        }
        let failed = results.iter().position(Result::is_err);
        let failed = failed.and_then(|failed| places.get(failed).copied());
        failed.unwrap_or(entries.len())
    }
}
