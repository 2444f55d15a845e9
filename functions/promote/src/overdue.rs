//! Recovers what should have moved on by now. Only what is overdue is read, and only what has
//! to move is written.

use std::collections::BTreeMap;

use domain::apply::apply_many;
use domain::lifecycle::queued::{meet, placed};
use domain::lifecycle::{Decision, Feedback, LaneState, Outlook, SideEffect, overdue};
use domain::ports::{
    Accounts, Backlog, Bodies, Clock, DeadLetters, EmailKey, Evidence, Lanes, PortError, SendTaskRequest,
    WRITES_AT_ONCE,
};
use domain::queue::{Queue, QueueKey};
use domain::record::{EmailRecord, Status};
use domain::wire::dead_letter_message::DeadLetterMessage;
use domain::wire::send_task::SendTask;
use futures::future::join;

use crate::{Promote, Promoted, Run, Store};

/// Nothing is known of feedback: what depends on it waits.
const NOT_ASKED: Feedback = Feedback {
    empty_at: None,
    newest: None,
};

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
    /// Recovers what is still in `wake` a guard's time after it was due: its send task was lost,
    /// or came to nothing.
    pub(crate) async fn recover_unsent(&self, shard: u16, run: &Run) -> Result<Promoted, PortError> {
        let mut done = Promoted::default();
        let mut from = None;
        loop {
            let until = self.system.now().before(self.policy.guard);
            let page = self.records.coming(shard, until, from.as_ref()).await?;
            let keys: Vec<EmailKey> = page
                .items
                .into_iter()
                .map(|coming| EmailKey {
                    tenant: coming.send_task.tenant,
                    id: coming.send_task.id,
                })
                .collect();
            done += self.recover(&keys, run).await?;
            match page.next {
                Some(next) if !done.unfinished => from = Some(next),
                Some(_) | None => return Ok(done),
            }
        }
    }

    /// Recovers what is in `check` after its time.
    pub(crate) async fn recover_overdue(&self, shard: u16, run: &Run) -> Result<Promoted, PortError> {
        let mut done = Promoted::default();
        let mut from = None;
        loop {
            let page = self.records.overdue(shard, self.system.now(), from.as_ref()).await?;
            done += self.recover(&page.items, run).await?;
            match page.next {
                Some(next) if !done.unfinished => from = Some(next),
                Some(_) | None => return Ok(done),
            }
        }
    }

    pub(crate) async fn recover(&self, keys: &[EmailKey], run: &Run) -> Result<Promoted, PortError> {
        let mut done = Promoted::default();
        for keys in keys.chunks(WRITES_AT_ONCE) {
            if run.time_is_over() {
                done.unfinished = true;
                break;
            }
            let records = self.records.load_many(keys, self.system.now()).await?;
            let now = self.system.now();
            let (mut ready, mut known, mut failed) = (Vec::new(), BTreeMap::new(), 0);
            for record in records {
                match self.situation(&record, run).await {
                    Ok(situation) => {
                        known.insert(record.id, situation);
                        ready.push(record);
                    }
                    Err(error) => {
                        failed += 1;
                        not_recovered(&error);
                    }
                }
            }
            let decide = |record: &EmailRecord| match known.get(&record.id) {
                Some((queue, outlook)) => {
                    let policy = queue.policy(&self.policy);
                    let of_queue = meet(record, queue, now).or_else(|| placed(record, &policy, now));
                    of_queue.unwrap_or_else(|| overdue(record, *outlook, &policy, now))
                }
                None => Decision::Forget,
            };
            let before = ready.clone();
            let decided = apply_many(&self.records, ready, now, decide).await;
            let mut moved = Vec::new();
            for (before, decided) in before.into_iter().zip(decided) {
                match decided {
                    Ok((side_effect, record)) if side_effect != SideEffect::Nothing || record != before => {
                        moved.push((side_effect, record))
                    }
                    Ok(_) => {}
                    Err(error) => {
                        failed += 1;
                        not_recovered(&error);
                    }
                }
            }
            done.recovered += moved.len();
            done.failed += failed + self.apply_side_effects(&moved).await;
        }
        Ok(done)
    }

    /// Does what follows from records that were written; returns how much of it failed.
    pub(crate) async fn apply_side_effects(&self, moved: &[(SideEffect, EmailRecord)]) -> usize {
        let (mut requests, mut dead_letters) = (Vec::new(), Vec::new());
        for (side_effect, record) in moved {
            match side_effect {
                SideEffect::Nothing => {}
                SideEffect::EnqueueTask { delay } => requests.push(SendTaskRequest {
                    lane: record.lane,
                    send_task: SendTask::of(record),
                    delay: *delay,
                }),
                SideEffect::DeadLetter => dead_letters.push(DeadLetterMessage::of(record)),
            }
        }
        let (enqueued, dead_lettered) = join(
            self.lanes.enqueue(&requests),
            self.dead_letters.move_to_dead_letter(&dead_letters),
        )
        .await;
        let errors: Vec<_> = enqueued
            .into_iter()
            .chain(dead_lettered)
            .filter_map(Result::err)
            .collect();
        for error in &errors {
            let error = aws::telemetry::chain(error);
            tracing::warn!(
                error,
                "a recovered email could not be woken or handed over; the index has it"
            );
        }
        errors.len()
    }

    /// Everything that a decision on a record depends on besides the record.
    async fn situation(&self, record: &EmailRecord, run: &Run) -> Result<(Queue, Outlook), PortError> {
        let feedback = if record.status == Status::Uncertain {
            self.feedback(run).await
        } else {
            NOT_ASKED
        };
        let lane = if record.status == Status::Queued {
            run.lane(record.lane)
        } else {
            // Only waiting records are enqueued.
            LaneState::Shut
        };
        let queue = self.queue(&QueueKey::of(record), run).await?;
        Ok((queue, Outlook { feedback, lane }))
    }

    /// Asked once in a run, and only if a record depends on it. What is not known is "no".
    async fn feedback(&self, run: &Run) -> Feedback {
        let asked = run.feedback.get_or_init(|| async {
            self.evidence.feedback(self.system.now()).await.unwrap_or_else(|error| {
                let error = aws::telemetry::chain(&error);
                tracing::warn!(
                    error,
                    "how far feedback is could not be found out; uncertain emails wait"
                );
                NOT_ASKED
            })
        });
        *asked.await
    }
}

fn not_recovered(error: &(dyn std::error::Error + 'static)) {
    let error = aws::telemetry::chain(error);
    tracing::warn!(error, "a row could not be recovered; it stays in the index");
}
