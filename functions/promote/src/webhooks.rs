//! Wakes the recoveries of webhooks that are due, and sends tasks for deliveries that are due.
//!
//! **Invariant:** an entry of the index is moved before its task is sent. A task that is lost is sent again when the
//! entry is due again. A webhook has a share of each run, and the reads pass over its other entries. So one dead
//! endpoint with many deliveries delays no other webhook.
//! **After a crash** between the move and the task: as after a lost task. Two concurrent runs may send a task twice.
//! **Start reading at** [`PromoteFunction::promote_webhooks`]; [`Turn`] is the share. Why this way: docs/adr/0054.

mod turn;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::delivery::index::DueCursor;
use domain::ports::webhook_events::{DeliveryTaskRequest, DeliveryTasks, DueDeliveries, DueDelivery};
use domain::ports::webhooks::RecoverJobs;
use domain::ports::{Clock, DuePage, PortError};
use domain::timestamp::Timestamp;
use domain::webhook::delivery::{GUARD, guarded_until};
use domain::webhook::identity::SHARDS;
use domain::webhook::task::DeliveryTask;
use futures::future::join_all;

use self::turn::{MOST_OF_A_SHARD, Turn};
use crate::{Ports, PromoteFunction, Promoted};

/// Part of a run's time that emails leave for this work. Our choice: a second is enough for 1,000 deliveries.
pub(crate) const RESERVED: Duration = Duration::from_secs(5);

/// Longest time of this work in a run.
const LONGEST: Duration = Duration::from_secs(10);

/// Entries that are due for less than this are read before the older ones.
const LATELY: Duration = Duration::from_secs(300);

/// Most deliveries of a shard that became due lately. The rest of [`MOST_OF_A_SHARD`] is for older ones.
const MOST_OF_LATELY: usize = 150;

/// Most reads of a shard in each part of its turn.
const READS: usize = 40;

/// Entries of such a read. A webhook that has had its share costs one read for each minute with entries of it.
const PAGE: usize = 50;

/// Number of entries of a shard that are moved concurrently, and then sent with one call.
const AT_ONCE: usize = 10;

/// Most jobs of a run.
const JOBS_AT_ONCE: usize = 20;

/// A part of the entries of a shard.
#[derive(Debug, Clone, Copy)]
struct Part {
    shard: u8,
    period: (Timestamp, Timestamp),
    /// Deliveries of the turn after which it stops.
    most: usize,
    deadline: Instant,
}

impl<P: Ports> PromoteFunction<P> {
    /// Wakes due recoveries, then sends the tasks of due deliveries until `deadline`, or until the time of this work is
    /// over. `places` are those at which the last run stopped.
    pub(crate) async fn promote_webhooks(
        &self,
        places: &BTreeMap<u8, DueCursor>,
        deadline: Instant,
    ) -> Result<Promoted, PortError> {
        // The recoveries cost one read, so they come even in a run without time.
        let mut results = vec![self.wake_recoveries().await];
        let deadline = deadline.min(Instant::now() + LONGEST);
        let shards = (0..SHARDS).map(|shard| self.promote_deliveries(shard, places.get(&shard), deadline));
        results.extend(join_all(shards).await);
        let (mut done, mut error) = (Promoted::default(), None);
        for result in results {
            match result {
                Ok(promoted) => done += promoted,
                Err(failed) => error = error.or(Some(failed)),
            }
        }
        error.map_or(Ok(done), Err)
    }

    async fn promote_deliveries(
        &self,
        shard: u8,
        place: Option<&DueCursor>,
        deadline: Instant,
    ) -> Result<Promoted, PortError> {
        let mut turn = Turn::default();
        if Instant::now() >= deadline {
            turn.done.unfinished = true;
            return Ok(turn.done);
        }
        let (begin, now) = (Timestamp::from_millis(0), self.system.now());
        let whole = Part {
            shard,
            period: (begin, now),
            most: MOST_OF_A_SHARD,
            deadline,
        };
        let all = self
            .records
            .due_deliveries(shard, whole.period, None, MOST_OF_A_SHARD)
            .await?;
        if all.next.is_none() {
            self.send_chosen(all, &mut turn, whole).await;
        } else {
            // The newest ones first: the oldest ones may all belong to one dead endpoint.
            let lately = Part {
                period: (now.before(LATELY), now),
                most: MOST_OF_LATELY,
                ..whole
            };
            self.read_on(lately, None, &mut turn).await?;
            let older = Part {
                period: (begin, now.before(LATELY)),
                ..whole
            };
            let stopped_at = self.read_on(older, place.cloned(), &mut turn).await?;
            if stopped_at.as_ref() != place {
                self.records.save_due_place(shard, stopped_at.as_ref()).await?;
            }
            all.items.into_iter().for_each(|due| turn.keep_spare(due));
        }
        let spare = turn.take_spare();
        turn.done.unfinished |= turn.has_left_some();
        self.send_all(&spare, &mut turn, deadline).await;
        Ok(turn.done)
    }

    /// Sends the share of each webhook in a part. Returns the place at which it stopped; `None` at the end of the part.
    async fn read_on(
        &self,
        part: Part,
        from: Option<DueCursor>,
        turn: &mut Turn,
    ) -> Result<Option<DueCursor>, PortError> {
        let mut place = from;
        for _ in 0..READS {
            if Instant::now() >= part.deadline || turn.count() >= part.most {
                break;
            }
            let page = self
                .records
                .due_deliveries(part.shard, part.period, place.as_ref(), PAGE)
                .await?;
            let is_last = page.next.is_none();
            let (reached, is_whole) = self.send_chosen(page, turn, part).await;
            if is_last && is_whole {
                return Ok(None);
            }
            place = reached.or(place);
        }
        turn.done.unfinished = true;
        Ok(place)
    }

    /// Sends the chosen entries of a page. Returns the place that is reached, and true if no entry before it is left.
    async fn send_chosen(&self, page: DuePage<DueDelivery>, turn: &mut Turn, part: Part) -> (Option<DueCursor>, bool) {
        let count = page.items.len();
        let mut chosen = Vec::new();
        let mut place = page.next;
        let mut handled = 0;
        for due in page.items {
            if turn.count() >= part.most && turn.has_room(&due.key) {
                break;
            }
            handled += 1;
            place = Some(due.cursor.clone());
            if turn.has_room(&due.key) {
                turn.count_one(&due);
                chosen.push(due);
            } else {
                // The next read begins behind all entries of this webhook in this minute.
                place = Some(due.behind.clone());
                turn.keep_spare(due);
            }
        }
        if handled == 0 && count > 0 {
            place = None;
        }
        self.send_all(&chosen, turn, part.deadline).await;
        (place, handled == count)
    }

    async fn send_all(&self, entries: &[DueDelivery], turn: &mut Turn, deadline: Instant) {
        for entries in entries.chunks(AT_ONCE) {
            if Instant::now() >= deadline {
                turn.done.unfinished = true;
                return;
            }
            self.send_deliveries(entries, &mut turn.done).await;
        }
    }

    /// Moves entries, and sends the tasks of those that this run has moved.
    async fn send_deliveries(&self, entries: &[DueDelivery], done: &mut Promoted) {
        let check = guarded_until(self.system.now());
        let moves = entries.iter().map(|due| self.records.guard_delivery(due, check));
        let mut requests = Vec::new();
        for (due, moved) in entries.iter().zip(join_all(moves).await) {
            match moved {
                Ok(true) => requests.push(DeliveryTaskRequest {
                    task: DeliveryTask::new(due.key.tenant.clone(), due.key.id, due.event.clone()),
                    delay: Duration::ZERO,
                }),
                // The delivery has changed, or another run sends its task.
                Ok(false) => {}
                Err(error) => {
                    done.failed += 1;
                    let error = aws::runtime::telemetry::chain(&error);
                    tracing::warn!(error, "a due delivery could not be moved; the next run finds it again");
                }
            }
        }
        if requests.is_empty() {
            return;
        }
        let results = self.delivery_tasks.send_deliveries(&requests).await;
        let failed = results.iter().filter(|result| result.is_err()).count();
        if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
            let error = aws::runtime::telemetry::chain(error);
            tracing::warn!(
                error,
                "tasks of webhooks could not be sent; they are sent a quarter of an hour later"
            );
        }
        done.failed += failed;
        done.deliveries += requests.len().saturating_sub(failed);
    }

    /// Wakes the recoveries that are due, or that stopped half-way.
    async fn wake_recoveries(&self) -> Result<Promoted, PortError> {
        let now = self.system.now();
        let due = self.records.due_recover_jobs(now, JOBS_AT_ONCE).await?;
        let moves = due
            .iter()
            .map(|job| self.records.wake_recover_job(job, now.after(GUARD)));
        let mut done = Promoted::default();
        for error in join_all(moves).await.into_iter().filter_map(Result::err) {
            done.failed += 1;
            let error = aws::runtime::telemetry::chain(&error);
            tracing::warn!(
                error,
                "a recovery of a webhook could not be woken; the next run wakes it"
            );
        }
        Ok(done)
    }
}
