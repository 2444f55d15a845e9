//! Recovers what should have moved on by now. Only what is overdue is read, and only what has
//! to move is written.

use std::collections::BTreeMap;

use domain::apply::apply_many;
use domain::lifecycle::queued::{meet, placed};
use domain::lifecycle::{Decision, Feedback, LaneState, Outlook, Then, overdue};
use domain::ports::{
    Accounts, Backlog, Bodies, Clock, DeadLetters, EmailKey, Evidence, Lanes, PortError, WRITES_AT_ONCE, Wake,
};
use domain::queue::{Queue, QueueKey};
use domain::record::{EmailRecord, Status};
use domain::wire::hand_over::HandOver;
use domain::wire::wake_up::WakeUp;
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
    /// Recovers what is still in `wake` a guard's time after it was due: its wake-up was lost,
    /// or came to nothing.
    pub(crate) async fn recover_unwoken(&self, shard: u16, run: &Run) -> Result<Promoted, PortError> {
        let mut done = Promoted::default();
        let mut from = None;
        loop {
            let until = self.system.now().before(self.policy.guard);
            let page = self.records.coming(shard, until, from.as_ref()).await?;
            let keys: Vec<EmailKey> = page
                .items
                .into_iter()
                .map(|coming| EmailKey {
                    tenant: coming.wake_up.tenant,
                    id: coming.wake_up.id,
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
                    Ok((then, record)) if then != Then::Nothing || record != before => moved.push((then, record)),
                    Ok(_) => {}
                    Err(error) => {
                        failed += 1;
                        not_recovered(&error);
                    }
                }
            }
            done.recovered += moved.len();
            done.failed += failed + self.follow(&moved).await;
        }
        Ok(done)
    }

    /// Does what follows from records that were written; returns how much of it failed.
    pub(crate) async fn follow(&self, moved: &[(Then, EmailRecord)]) -> usize {
        let (mut wakes, mut hand_overs) = (Vec::new(), Vec::new());
        for (then, record) in moved {
            match then {
                Then::Nothing => {}
                Then::WakeUp { delay } => wakes.push(Wake {
                    lane: record.lane,
                    wake_up: WakeUp::of(record),
                    delay: *delay,
                }),
                Then::HandOver => hand_overs.push(HandOver::of(record)),
            }
        }
        let (woken, handed_over) = join(self.lanes.wake(&wakes), self.dead_letters.hand_over(&hand_overs)).await;
        let errors: Vec<_> = woken.into_iter().chain(handed_over).filter_map(Result::err).collect();
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
            // Only waiting records are woken.
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
