//! Commands of a caller for an accepted email: cancel, reschedule, retry, erase.
//!
//! **Role:** called by `manage`; the writes compete with the other functions under the same conditions.
//! **Invariant:** pure. An email that SES may have accepted is never called canceled. It is sent again only if the
//! caller forces it, and then it is flagged `maybe_duplicate`.
//! **Start reading at** [`cancel`].

use std::time::Duration;

use super::change::{end, requeue};
use super::decision::{Decision, SideEffect, write};
use super::restored;
use crate::delivery::cause::Cause;
use crate::delivery::policy::Policy;
use crate::delivery::record::{EmailRecord, RecordStatus};
use crate::queue::Queue;
use crate::timestamp::Timestamp;

/// The reason for refusing a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A sender holds it, or it has ended.
    #[error("{}", too_late(*.0))]
    TooLate(RecordStatus),
    /// The email waits for a second attempt, or in a restored table, and may have been sent.
    #[error("Amazon SES may already have accepted this email, so it cannot be canceled.")]
    MaybeSent,
    /// The email would expire before the requested time.
    #[error("must be before the email's expires_at")]
    AfterExpiry,
    /// The email has not ended, or it was sent.
    #[error("{}", not_ended(*.0))]
    NotEnded(RecordStatus),
    /// The caller must ask for a possible second copy.
    #[error(
        "Amazon SES may have accepted this email. Retry it with {{\"force\": true}} if a second copy is better than none."
    )]
    NeedsForce,
    /// The email has not ended, and an email that may still be sent cannot be erased.
    #[error("{}", not_erasable(*.0))]
    NotErasable(RecordStatus),
}

fn too_late(status: RecordStatus) -> &'static str {
    match status {
        RecordStatus::Queued => "This email is waiting to be sent.",
        RecordStatus::Sending => "This email is being sent. It is too late to change it.",
        RecordStatus::Uncertain | RecordStatus::Unknown => {
            "Amazon SES may have accepted this email. It is too late to change it."
        }
        RecordStatus::Failing => "This email is about to fail. When its status is failed, you can retry it.",
        RecordStatus::Failed => "This email has failed. Retry it if it is still wanted.",
        RecordStatus::Sent => "This email was sent. It is too late to change it.",
        RecordStatus::Canceled => "This email is canceled. Retry it if it is wanted after all.",
        RecordStatus::Expired => "This email expired before it was sent. Retry it if it is still wanted.",
    }
}

fn not_ended(status: RecordStatus) -> &'static str {
    match status {
        RecordStatus::Queued => "This email is waiting to be sent. To send it sooner, change its scheduled_at.",
        RecordStatus::Sending => "This email is being sent.",
        RecordStatus::Uncertain => "Amazon SES may have accepted this email. mailqueue waits for evidence.",
        RecordStatus::Failing => "This email is about to fail. When its status is failed, you can retry it.",
        RecordStatus::Sent => "This email was sent. To send it again, send a new email.",
        RecordStatus::Failed | RecordStatus::Unknown | RecordStatus::Canceled | RecordStatus::Expired => {
            "This email can be retried."
        }
    }
}

fn not_erasable(status: RecordStatus) -> &'static str {
    match status {
        RecordStatus::Queued => "This email is waiting to be sent. Cancel it first, or erase it after it has ended.",
        RecordStatus::Sending | RecordStatus::Uncertain | RecordStatus::Failing => {
            "This email has not ended yet. Erase it afterwards."
        }
        RecordStatus::Sent
        | RecordStatus::Failed
        | RecordStatus::Unknown
        | RecordStatus::Canceled
        | RecordStatus::Expired => "This email can be erased.",
    }
}

/// Checks that an email has ended: an unfinished email still needs its record.
///
/// # Errors
/// [`Refusal::NotErasable`].
pub fn erase(record: &EmailRecord, now: Timestamp) -> Result<(), Refusal> {
    let status = record.status_at(now);
    if status.is_final() {
        Ok(())
    } else {
        Err(Refusal::NotErasable(status))
    }
}

/// Cancels an email. A canceled one stays canceled.
///
/// # Errors
/// [`Refusal::TooLate`], [`Refusal::MaybeSent`].
pub fn cancel(record: &EmailRecord, policy: &Policy, now: Timestamp) -> Result<Decision, Refusal> {
    let status = record.status_at(now);
    match status {
        RecordStatus::Canceled if record.cause == Some(Cause::Purged) => {
            // From now on it is canceled by hand, and a restore of its queue leaves it alone. The time moves, so that
            // a restore that was decided earlier is refused.
            let mut next = record.clone();
            next.cause = None;
            next.not_before = now.max(record.not_before.after(Duration::from_millis(1)));
            end(&mut next, RecordStatus::Canceled, now);
            Ok(write(record, next, SideEffect::Nothing))
        }
        RecordStatus::Canceled => Ok(Decision::Forget),
        RecordStatus::Queued if record.maybe_duplicate || record.is_restored(policy.restore_epoch) => {
            Err(Refusal::MaybeSent)
        }
        RecordStatus::Queued => {
            let mut next = record.clone();
            next.cause = None;
            next.detail = None;
            end(&mut next, RecordStatus::Canceled, now);
            Ok(write(record, next, SideEffect::Nothing))
        }
        RecordStatus::Sending
        | RecordStatus::Failing
        | RecordStatus::Uncertain
        | RecordStatus::Sent
        | RecordStatus::Failed
        | RecordStatus::Unknown
        | RecordStatus::Expired => Err(Refusal::TooLate(status)),
    }
}

/// The times that a caller requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Earliest time of sending.
    pub scheduled_at: Timestamp,
    /// Time of expiry. By default the caller's earlier value stays, or else the deployment's default applies.
    pub expires_at: Option<Timestamp>,
}

impl Times {
    /// The time of expiry with these times, and whether the caller set it.
    fn expiry(self, record: &EmailRecord, expires_after: Duration) -> (Timestamp, bool) {
        match self.expires_at {
            Some(given) => (given, true),
            None if record.expires_given => (record.expires_at, true),
            None => (self.scheduled_at.after(expires_after), false),
        }
    }
}

/// Moves a waiting email to another time.
///
/// # Errors
/// [`Refusal::TooLate`], [`Refusal::AfterExpiry`].
pub fn reschedule(
    record: &EmailRecord,
    times: Times,
    expires_after: Duration,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let status = record.status_at(now);
    if status != RecordStatus::Queued {
        return Err(Refusal::TooLate(status));
    }
    let mut next = record.clone();
    next.scheduled_at = Some(times.scheduled_at);
    if let Some(hook) = &mut next.hook {
        hook.reschedule(now);
    }
    (next.expires_at, next.expires_given) = times.expiry(record, expires_after);
    let not_before = times.scheduled_at.max(now);
    if next.expires_at <= not_before {
        return Err(Refusal::AfterExpiry);
    }
    Ok(requeue(record, next, policy, not_before, now))
}

/// Sends an ended email again, with a new budget of attempts. It joins its queue's current generation, so that an
/// earlier purge does not apply.
///
/// # Errors
/// [`Refusal::NotEnded`], [`Refusal::NeedsForce`].
pub fn retry(
    record: &EmailRecord,
    force: bool,
    queue: &Queue,
    expires_after: Duration,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let mut next = restored::flagged(record, policy.restore_epoch);
    let status = record.status_at(now);
    match status {
        RecordStatus::Failed | RecordStatus::Canceled | RecordStatus::Expired => {}
        RecordStatus::Unknown if force => next.maybe_duplicate = true,
        RecordStatus::Unknown => return Err(Refusal::NeedsForce),
        RecordStatus::Queued
        | RecordStatus::Sending
        | RecordStatus::Failing
        | RecordStatus::Uncertain
        | RecordStatus::Sent => {
            return Err(Refusal::NotEnded(status));
        }
    }
    next.attempts = 0;
    next.cause = None;
    next.detail = None;
    next.expires_at = now.after(expires_after);
    next.expires_given = false;
    next.scheduled_at = None;
    next.retried_at = Some(policy.requested_at(now));
    next.generation = Some(queue.generation);
    if let Some(hook) = &mut next.hook {
        hook.begin_turn();
        hook.schedule = None;
    }
    Ok(requeue(record, next, policy, now, now))
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
