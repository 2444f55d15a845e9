//! Enqueues what is due soon, ten minutes ahead: SQS delays each send task to its second, nothing
//! is written per email, and nothing is late though nine runs in a record fail.

use domain::index::LOOK_AHEAD;
use domain::ports::{
    Accounts, Backlog, Bodies, Clock, Coming, DeadLetters, DueCursor, EmailKey, Evidence, Lanes, PortError,
    SendTaskRequest,
};
use domain::queue::QueueKey;
use domain::timestamp::Timestamp;
use domain::wire::send_task::SendTask;

use crate::{Promote, Promoted, Run, Store};

/// Emails of paused queues, and of queues with rate limits, that a shard moves in one run; the others are found a
/// guard's time later.
const HELD_AT_ONCE: usize = 10_000;

/// Entries that are enqueued before the cursor is saved: what a crash makes be enqueued twice.
const AT_ONCE: usize = 500;

impl<R, B, L, D, E, A, S> Promote<R, B, L, D, E, A, S>
where
    R: Store,
    B: Bodies,
    L: Lanes + Backlog,
    D: DeadLetters,
    E: Evidence,
    A: Accounts,
    S: Clock,
{
    /// Sends the send tasks of a shard of `wake` from where the last run ended.
    ///
    /// The cursor is saved after sending: a crash doubles send tasks, and loses none.
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
                .coming(shard, now.after(LOOK_AHEAD), cursor.as_ref())
                .await?;
            for entries in page.items.chunks(AT_ONCE) {
                if run.time_is_over() {
                    done.unfinished = true;
                    return Ok(done);
                }
                let sent = self.send_tasks(entries, run, held, now).await?;
                done.enqueued += sent;
                if let Some(last) = sent.checked_sub(1).and_then(|last| entries.get(last)) {
                    self.records.save_cursor(shard, &last.cursor).await?;
                }
                if sent < entries.len() {
                    // The cursor stays before what failed: the next run begins there.
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

    /// Returns how many were sent before the first that failed. What waits in a paused queue, or in one with a rate
    /// limit, is noted instead: it is moved when all others are enqueued.
    async fn send_tasks(
        &self,
        entries: &[Coming],
        run: &Run,
        held: &mut Vec<(QueueKey, EmailKey)>,
        now: Timestamp,
    ) -> Result<usize, PortError> {
        let (mut requests, mut places) = (Vec::new(), Vec::new());
        for (place, coming) in entries.iter().enumerate() {
            let SendTask { tenant, id, queue, .. } = &coming.send_task;
            let key = QueueKey {
                tenant: tenant.clone(),
                name: queue.clone(),
            };
            let queue = self.queue(&key, run).await?;
            if queue.is_paused(now) || queue.rate().is_some() {
                if held.len() < HELD_AT_ONCE {
                    let tenant = tenant.clone();
                    held.push((key, EmailKey { tenant, id: *id }));
                }
                continue;
            }
            if run.backlogs.stopping.has(coming.lane) {
                // It stays in the index, and is found a guard's time after it was due.
                continue;
            }
            places.push(place);
            requests.push(SendTaskRequest {
                lane: coming.lane,
                send_task: coming.send_task.clone(),
                delay: coming.not_before.since(now),
            });
        }
        let results = self.lanes.enqueue(&requests).await;
        if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
            let error = aws::telemetry::chain(error);
            tracing::warn!(error, "wake-ups could not be sent; the next run sends them");
        }
        let failed = results.iter().position(Result::is_err);
        let failed = failed.and_then(|failed| places.get(failed).copied());
        Ok(failed.unwrap_or(entries.len()))
    }
}
