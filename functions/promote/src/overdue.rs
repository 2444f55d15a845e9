//! Recovers overdue emails. Only overdue entries are read, and only records that must move are written.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::delivery::dead_letter_message::DeadLetterMessage;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::id::EmailKey;
use domain::lifecycle::queue_control::{move_to_its_place, reconcile};
use domain::lifecycle::{Decision, Feedback, Outlook, PriorityQueueState, SideEffect, overdue};
use domain::ports::{
    Clock, DeadLetters, DueIndex, EmailRecords, Evidence, PortError, PriorityQueues, SendTaskRequest, WRITES_AT_ONCE,
};
use domain::queue::{Disposition, Queue};
use domain::timestamp::Timestamp;
use futures::future::join;
use workflow::apply::apply_many;

use crate::{Ports, PromoteFunction, Promoted, Run};

/// Placeholder for unknown feedback: every decision that depends on it waits.
const NOT_ASKED: Feedback = Feedback {
    empty_at: None,
    newest: None,
};

impl<P: Ports> PromoteFunction<P> {
    /// Recovers entries of the partition `wake` that are one guard interval overdue: their send task was lost, or had
    /// no effect.
    pub(crate) async fn recover_unsent(&self, shard: u16, run: &Run) -> Result<Promoted, PortError> {
        let mut done = Promoted::default();
        let mut from = None;
        loop {
            let until = self.system.now().before(self.policy.guard);
            let page = self.records.due_emails(shard, until, from.as_ref()).await?;
            let keys: Vec<EmailKey> = page
                .items
                .into_iter()
                .map(|due_email| EmailKey {
                    tenant: due_email.send_task.tenant,
                    id: due_email.send_task.id,
                })
                .collect();
            done += self.recover(&keys, run).await?;
            match page.next {
                Some(next) if !done.unfinished => from = Some(next),
                Some(_) | None => return Ok(done),
            }
        }
    }

    /// Recovers overdue entries of the partition `check`.
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
                        done += seen(&record, &situation.0, now);
                        known.insert(record.id, situation);
                        ready.push(record);
                    }
                    Err(error) => {
                        failed += 1;
                        log_unrecovered(&error);
                    }
                }
            }
            let decide = |record: &EmailRecord| match known.get(&record.id) {
                Some((queue, outlook)) => {
                    let policy = queue.policy(&self.policy);
                    let of_queue = reconcile(record, queue, now).or_else(|| move_to_its_place(record, &policy, now));
                    of_queue.unwrap_or_else(|| overdue(record, *outlook, &policy, now))
                }
                None => Decision::Forget,
            };
            let mut moved = Vec::new();
            for decided in apply_many(&self.records, ready, now, decide).await {
                match decided {
                    Ok(outcome) => moved.extend(outcome.work()),
                    Err(error) => {
                        failed += 1;
                        log_unrecovered(&error);
                    }
                }
            }
            done.recovered += moved.len();
            done.failed += failed + self.apply_side_effects(&moved).await;
        }
        Ok(done)
    }

    /// Applies the side effects of written records, and returns the number of failures.
    pub(crate) async fn apply_side_effects(&self, moved: &[(SideEffect, EmailRecord)]) -> usize {
        let (mut requests, mut dead_letters) = (Vec::new(), Vec::new());
        for (side_effect, record) in moved {
            match side_effect {
                SideEffect::Nothing => {}
                SideEffect::EnqueueTask { delay } => requests.push(SendTaskRequest {
                    priority: record.priority,
                    send_task: SendTask::of(record),
                    delay: *delay,
                }),
                SideEffect::DeadLetter => dead_letters.push(DeadLetterMessage::of(record)),
            }
        }
        let (enqueued, dead_lettered) = join(
            self.priority_queues.enqueue(&requests),
            self.dead_letters.move_to_dead_letter(&dead_letters),
        )
        .await;
        let errors: Vec<_> = enqueued
            .into_iter()
            .chain(dead_lettered)
            .filter_map(Result::err)
            .collect();
        for error in &errors {
            let error = aws::runtime::telemetry::chain(error);
            tracing::warn!(
                error,
                "a recovered email could not be enqueued or dead-lettered; it stays in the due index"
            );
        }
        errors.len()
    }

    /// Collects everything that a decision depends on, except the record.
    async fn situation(&self, record: &EmailRecord, run: &Run) -> Result<(Queue, Outlook), PortError> {
        let feedback = if record.status == RecordStatus::Uncertain {
            self.feedback(run).await
        } else {
            NOT_ASKED
        };
        let priority_queue = if record.status == RecordStatus::Queued {
            run.priority(record.priority)
        } else {
            // Only queued records are enqueued.
            PriorityQueueState::Shut
        };
        let queue = run.queue(&self.records, &record.queue_key(), self.system.now()).await?;
        Ok((
            queue,
            Outlook {
                feedback,
                priority_queue,
            },
        ))
    }

    /// Reads the progress of feedback at most once per run, and only if a record depends on it. An unknown
    /// value counts as "no".
    async fn feedback(&self, run: &Run) -> Feedback {
        let progress = run.feedback.get_or_init(|| async {
            self.evidence.feedback(self.system.now()).await.unwrap_or_else(|error| {
                let error = aws::runtime::telemetry::chain(&error);
                tracing::warn!(
                    error,
                    "the progress of feedback could not be read; uncertain emails wait"
                );
                NOT_ASKED
            })
        });
        *progress.await
    }
}

/// Returns the figures of a record for the metrics. An email that its queue holds back is not late.
fn seen(record: &EmailRecord, queue: &Queue, now: Timestamp) -> Promoted {
    let waits = record.status == RecordStatus::Queued
        && queue.rate().is_none()
        && queue.disposition(record, now) == Disposition::Go;
    Promoted {
        oldest_due: if waits {
            now.since(record.not_before)
        } else {
            Duration::ZERO
        },
        uncertain: usize::from(record.status == RecordStatus::Uncertain),
        ..Promoted::default()
    }
}

fn log_unrecovered(error: &(dyn std::error::Error + 'static)) {
    let error = aws::runtime::telemetry::chain(error);
    tracing::warn!(
        error,
        "an email record could not be recovered; it stays in the due index"
    );
}
