//! Records that did not move on in time.
//!
//! **Role:** called by `promote` for every due entry of the index.
//! **Start reading at** [`overdue`].

use std::time::Duration;

use super::change::{DEAD_LETTER_RETRY, doubt, end, expire, remember, requeue};
use super::decision::{Decision, SideEffect, write};
use super::full_queue;
use crate::delivery::cause::Cause;
use crate::delivery::index;
use crate::delivery::policy::{Policy, Turn};
use crate::delivery::record::{Due, DueKind, EmailRecord, OnUncertain, RecordStatus};
use crate::timestamp::Timestamp;

/// Longest wait for evidence, even if feedback is late.
pub const LONGEST_UNCERTAINTY: Duration = Duration::from_secs(6 * 3600);

/// Facts that `promote` knows besides the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Progress of feedback.
    pub feedback: Feedback,
    /// Load of the email's priority queue, which may still hold its send task.
    pub priority_queue: PriorityQueueState,
}

/// The load of a priority queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriorityQueueState {
    /// The priority queue was empty recently: an older send task was lost.
    Flowing,
    /// The priority queue was last empty a long time ago.
    Backlog,
    /// Nothing is enqueued: the breaker is open, or the priority queue is full ([`crate::delivery::priority_queue`]).
    Shut,
}

/// The progress of processing SES's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feedback {
    /// Time at which the queue of events was found empty; `None` if something waited.
    pub empty_at: Option<Timestamp>,
    /// Time of the newest processed event; `None` if none is known.
    pub newest: Option<Timestamp>,
}

impl Feedback {
    /// True if all events of SES until `end` were processed.
    ///
    /// An empty queue proves it only if it was read after `end`: otherwise events may have arrived in between. A queue
    /// that is never empty does not deliver in order either, so an event just after `end` proves little. An event a
    /// whole `window` later proves it.
    fn caught_up(self, end: Timestamp, window: Duration) -> bool {
        self.empty_at >= Some(end) || self.newest >= Some(end.after(window))
    }
}

/// The decision of `promote` about a record whose time in the due index has come.
#[must_use]
pub fn overdue(record: &EmailRecord, outlook: Outlook, policy: &Policy, now: Timestamp) -> Decision {
    if record.due.is_none_or(|due| due.at > now) {
        // The index is read without consistency: somebody has changed this record since.
        return Decision::Forget;
    }
    match record.status {
        RecordStatus::Queued if record.expires_at <= now => expire(record, now),
        RecordStatus::Queued => {
            let waited = now.since(record.not_before);
            let mut next = record.clone();
            let (due, delay) = index::queued(record.not_before, record.expires_at, policy.turn, policy.guard, now);
            next.due = Some(due);
            if policy.turn == Turn::Waits {
                return write(record, next, SideEffect::Nothing);
            }
            let (again, wake) = match outlook.priority_queue {
                _ if waited == Duration::ZERO => (None, true),
                PriorityQueueState::Flowing => (None, true),
                // A further send task makes a backlog longer. The wait until the next check is as long as the email has
                // waited so far, so it doubles each time. After four guard times, each check also enqueues a task, in
                // case the old one was lost.
                PriorityQueueState::Backlog => {
                    (Some(waited.max(policy.guard)), waited >= policy.guard.saturating_mul(4))
                }
                // Its send task may be deleted meanwhile if the priority queue is full, so the wait has a limit.
                PriorityQueueState::Shut => {
                    let longest = policy.guard.saturating_mul(full_queue::LONGEST);
                    (Some(waited.clamp(policy.guard, longest)), false)
                }
            };
            if let Some(again) = again {
                next.due = Some(Due {
                    kind: DueKind::Check,
                    at: now.after(again).min(record.expires_at),
                });
            }
            let side_effect = delay.filter(|_| wake).map(|delay| SideEffect::EnqueueTask { delay });
            write(record, next, side_effect.unwrap_or(SideEffect::Nothing))
        }
        RecordStatus::Sending => match &record.lease {
            Some(lease) if lease.until > now => Decision::Forget,
            Some(_) | None => {
                let mut next = record.clone();
                remember(&mut next, Cause::Crashed, "", now);
                next.cause = Some(Cause::Crashed);
                next.detail = None;
                doubt(record, next, policy, now)
            }
        },
        RecordStatus::Failing => {
            let mut next = record.clone();
            next.due = Some(Due {
                kind: DueKind::Check,
                at: now.after(DEAD_LETTER_RETRY),
            });
            write(record, next, SideEffect::DeadLetter)
        }
        RecordStatus::Uncertain => settle(record, outlook.feedback, policy, now),
        RecordStatus::Sent
        | RecordStatus::Failed
        | RecordStatus::Unknown
        | RecordStatus::Canceled
        | RecordStatus::Expired => Decision::Forget,
    }
}

fn settle(record: &EmailRecord, feedback: Feedback, policy: &Policy, now: Timestamp) -> Decision {
    let since = record.uncertain_since.unwrap_or(now);
    let (waited, over) = (now.since(since), since.after(policy.evidence_window));
    let mut next = record.clone();
    let caught_up = feedback.caught_up(over, policy.evidence_window);
    if waited < policy.evidence_window || (!caught_up && waited < LONGEST_UNCERTAINTY) {
        next.due = Some(Due {
            kind: DueKind::Check,
            at: now.after(policy.evidence_window),
        });
        return write(record, next, SideEffect::Nothing);
    }
    match record.on_uncertain {
        OnUncertain::Resend if policy.retry.allows_more_than(record.attempts) && record.expires_at > now => {
            next.maybe_duplicate = true;
            requeue(record, next, policy, now, now)
        }
        OnUncertain::Resend | OnUncertain::Hold => {
            next.cause = Some(Cause::AnswerLost);
            end(&mut next, RecordStatus::Unknown, now);
            write(record, next, SideEffect::Nothing)
        }
    }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
