//! Recovers what should have moved on by now. Only what is overdue is read, and only what has
//! to move is written.

use domain::apply::{ApplyError, apply};
use domain::lifecycle::queued::meet;
use domain::lifecycle::{Feedback, Outlook, Then, overdue};
use domain::ports::{Accounts, Backlog, Bodies, Clock, DeadLetters, EmailKey, Evidence, Lanes, PortError, Wake};
use domain::queue::QueueKey;
use domain::row::{Row, Status};
use domain::wire::hand_over::HandOver;
use domain::wire::wake_up::WakeUp;
use futures::future::{join, join_all};

use crate::{Promote, Promoted, Run, Store};

/// Nothing is known of feedback: what depends on it waits.
const NOT_ASKED: Feedback = Feedback {
    empty_at: None,
    newest: None,
};

/// Rows of a shard that are decided on at the same time.
const AT_ONCE: usize = 25;

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
            let page = self.rows.coming(shard, until, from.as_ref()).await?;
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
            let page = self.rows.overdue(shard, self.system.now(), from.as_ref()).await?;
            done += self.recover(&page.items, run).await?;
            match page.next {
                Some(next) if !done.unfinished => from = Some(next),
                Some(_) | None => return Ok(done),
            }
        }
    }

    pub(crate) async fn recover(&self, keys: &[EmailKey], run: &Run) -> Result<Promoted, PortError> {
        let mut done = Promoted::default();
        for keys in keys.chunks(AT_ONCE) {
            if run.time_is_over() {
                done.unfinished = true;
                break;
            }
            let rows = self.rows.load_many(keys, self.system.now()).await?;
            let decided = join_all(rows.into_iter().map(|row| self.decide(row, run))).await;
            let (mut moved, mut failed) = (Vec::new(), 0);
            for result in decided {
                match result {
                    Ok(decided) => moved.extend(decided),
                    Err(error) => {
                        failed += 1;
                        tracing::warn!(
                            error = aws::telemetry::chain(&error),
                            "a row could not be recovered; it stays in the index"
                        );
                    }
                }
            }
            done.recovered += moved.len();
            done.failed += failed + self.follow(&moved).await;
        }
        Ok(done)
    }

    /// Does what follows from rows that were written; returns how much of it failed.
    pub(crate) async fn follow(&self, moved: &[(Then, Row)]) -> usize {
        let (mut wakes, mut hand_overs) = (Vec::new(), Vec::new());
        for (then, row) in moved {
            match then {
                Then::Nothing => {}
                Then::WakeUp { delay } => wakes.push(Wake {
                    lane: row.lane,
                    wake_up: WakeUp::of(row),
                    delay: *delay,
                }),
                Then::HandOver => hand_overs.push(HandOver::of(row)),
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

    /// Decides on one row; `None` when there was nothing to do.
    async fn decide(&self, row: Row, run: &Run) -> Result<Option<(Then, Row)>, ApplyError> {
        let now = self.system.now();
        let outlook = Outlook {
            feedback: if row.status == Status::Uncertain {
                self.feedback(run).await
            } else {
                NOT_ASKED
            },
            lane: run.lane(row.lane),
        };
        let before = row.clone();
        let queue = self.queue(&QueueKey::of(&row), run).await?;
        let policy = queue.policy(&self.policy);
        let decide = |row: &Row| meet(row, &queue, now).unwrap_or_else(|| overdue(row, outlook, &policy, now));
        let (then, row) = apply(&self.rows, row, now, decide).await?;
        Ok((then != Then::Nothing || row != before).then_some((then, row)))
    }

    /// Asked once in a run, and only if a row depends on it. What is not known is "no".
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
