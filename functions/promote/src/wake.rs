//! Wakes what is due soon, ten minutes ahead: SQS delays each wake-up to its second, nothing
//! is written per email, and nothing is late though nine runs in a record fail.

use domain::index::LOOK_AHEAD;
use domain::ports::{
    Accounts, Backlog, Bodies, Clock, Coming, DeadLetters, DueCursor, EmailKey, Evidence, Lanes, PortError, Wake,
};
use domain::queue::QueueKey;
use domain::timestamp::Timestamp;
use domain::wire::wake_up::WakeUp;

use crate::{Promote, Promoted, Run, Store};

/// Emails of paused queues, and of queues with rate limits, that a shard moves in one run; the others are found a
/// guard's time later.
const HELD_AT_ONCE: usize = 10_000;

/// Entries that are woken before the cursor is saved: what a crash makes be woken twice.
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
    /// Sends the wake-ups of a shard of `wake` from where the last run ended.
    ///
    /// The cursor is saved after sending: a crash doubles wake-ups, and loses none.
    pub(crate) async fn wake_coming(
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
                let sent = self.send_wake_ups(entries, run, held, now).await?;
                done.woken += sent;
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
    /// limit, is noted instead: it is moved when all others are woken.
    async fn send_wake_ups(
        &self,
        entries: &[Coming],
        run: &Run,
        held: &mut Vec<(QueueKey, EmailKey)>,
        now: Timestamp,
    ) -> Result<usize, PortError> {
        let (mut wakes, mut places) = (Vec::new(), Vec::new());
        for (place, coming) in entries.iter().enumerate() {
            let WakeUp { tenant, id, queue, .. } = &coming.wake_up;
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
            wakes.push(Wake {
                lane: coming.lane,
                wake_up: coming.wake_up.clone(),
                delay: coming.not_before.since(now),
            });
        }
        let results = self.lanes.wake(&wakes).await;
        if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
            let error = aws::telemetry::chain(error);
            tracing::warn!(error, "wake-ups could not be sent; the next run sends them");
        }
        let failed = results.iter().position(Result::is_err);
        let failed = failed.and_then(|failed| places.get(failed).copied());
        Ok(failed.unwrap_or(entries.len()))
    }
}
