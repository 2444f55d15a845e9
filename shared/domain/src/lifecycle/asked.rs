//! What a caller may ask of an email that was accepted: to cancel it, to send it at another
//! time, to send it after all.
//!
//! **Role:** called by `manage`; the writes race with the machine under the same conditions.
//! **Invariant:** pure. Nothing that SES may have accepted is called canceled, and nothing that
//! it may have accepted is sent again unless the caller insists, and then it is marked.
//! **Start reading at** [`cancel`].

use std::time::Duration;

use super::{Decision, Policy, SideEffect, end, requeue, write};
use crate::cause::Cause;
use crate::queue::Queue;
use crate::record::{EmailRecord, Status};
use crate::timestamp::Timestamp;

/// Why an email stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A sender has it, or it has ended.
    #[error("{}", too_late(*.0))]
    TooLate(Status),
    /// It waits to be sent a second time, and the first time may have gone well.
    #[error("Amazon SES may have accepted this email already, so it cannot be called canceled.")]
    MaybeSent,
    /// It would expire before the time asked for.
    #[error("must be before the email's expires_at")]
    AfterExpiry,
    /// There is nothing to be done again.
    #[error("{}", not_ended(*.0))]
    NotEnded(Status),
    /// A second copy must be wanted.
    #[error(
        "Amazon SES may have accepted this email: retry it with {{\"force\": true}} if a second copy does less harm than none."
    )]
    NeedsForce,
    /// It has not ended: what is still to be sent cannot be erased.
    #[error("{}", not_erasable(*.0))]
    NotErasable(Status),
}

fn too_late(status: Status) -> &'static str {
    match status {
        Status::Queued => "This email is waiting to be sent.",
        Status::Sending | Status::Uncertain => "This email is being sent: it is too late.",
        Status::Failing | Status::Failed => "This email has failed: retry it, if it is still wanted.",
        Status::Sent => "This email was sent: it is too late.",
        Status::Unknown => "Amazon SES may have accepted this email: it is too late.",
        Status::Canceled => "This email was canceled: retry it, if it is wanted after all.",
        Status::Expired => "This email expired unsent: retry it, if it is still wanted.",
    }
}

fn not_ended(status: Status) -> &'static str {
    match status {
        Status::Queued => "This email is waiting to be sent; to send it sooner, change its scheduled_at.",
        Status::Sending | Status::Uncertain => "This email is being sent.",
        Status::Failing => "This email is about to fail: retry it in a moment.",
        Status::Sent => "This email was sent; to send it again, send it as a new email.",
        Status::Failed | Status::Unknown | Status::Canceled | Status::Expired => "This email can be retried.",
    }
}

fn not_erasable(status: Status) -> &'static str {
    match status {
        Status::Queued => "This email is waiting to be sent: cancel it before it is erased.",
        Status::Sending | Status::Uncertain | Status::Failing => {
            "This email is being sent: erase it when that has ended."
        }
        Status::Sent | Status::Failed | Status::Unknown | Status::Canceled | Status::Expired => {
            "This email can be erased."
        }
    }
}

/// Whether an email may be erased: only what has ended, for whatever is still to happen to it needs its record.
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

/// Takes an email back. One that was taken back already stays so.
///
/// # Errors
/// [`Refusal::TooLate`], [`Refusal::MaybeSent`].
pub fn cancel(record: &EmailRecord, now: Timestamp) -> Result<Decision, Refusal> {
    let status = record.status_at(now);
    match status {
        Status::Canceled if record.cause == Some(Cause::Purged) => {
            // From now on it is canceled by hand, and stays so when its queue is restored. The time
            // moves, so that a restore that was decided on before is refused.
            let mut next = record.clone();
            next.cause = None;
            next.not_before = now.max(record.not_before.after(Duration::from_millis(1)));
            end(&mut next, Status::Canceled, now);
            Ok(write(record, next, SideEffect::Nothing))
        }
        Status::Canceled => Ok(Decision::Forget),
        Status::Queued if record.maybe_duplicate => Err(Refusal::MaybeSent),
        Status::Queued => {
            let mut next = record.clone();
            next.cause = None;
            next.detail = None;
            end(&mut next, Status::Canceled, now);
            Ok(write(record, next, SideEffect::Nothing))
        }
        Status::Sending
        | Status::Failing
        | Status::Uncertain
        | Status::Sent
        | Status::Failed
        | Status::Unknown
        | Status::Expired => Err(Refusal::TooLate(status)),
    }
}

/// When an email is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Not before this.
    pub scheduled_at: Timestamp,
    /// Not from this on; absent: as before, if the caller had said so, else by the default.
    pub expires_at: Option<Timestamp>,
}

impl Times {
    /// When the email expires if these times are written, and whether the caller said so.
    fn expiry(self, record: &EmailRecord, expires_after: Duration) -> (Timestamp, bool) {
        match self.expires_at {
            Some(given) => (given, true),
            None if record.expires_given => (record.expires_at, true),
            None => (self.scheduled_at.after(expires_after), false),
        }
    }
}

/// Sends an email that still waits at another time.
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
    if status != Status::Queued {
        return Err(Refusal::TooLate(status));
    }
    let mut next = record.clone();
    next.scheduled_at = Some(times.scheduled_at);
    (next.expires_at, next.expires_given) = times.expiry(record, expires_after);
    let not_before = times.scheduled_at.max(now);
    if next.expires_at <= not_before {
        return Err(Refusal::AfterExpiry);
    }
    Ok(requeue(record, next, policy, not_before, now))
}

/// Sends an email after all, with a budget of its own. It belongs to its queue's present generation: an earlier
/// purge does not concern it.
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
    let mut next = record.clone();
    let status = record.status_at(now);
    match status {
        Status::Failed | Status::Canceled | Status::Expired => {}
        Status::Unknown if force => next.maybe_duplicate = true,
        Status::Unknown => return Err(Refusal::NeedsForce),
        Status::Queued | Status::Sending | Status::Failing | Status::Uncertain | Status::Sent => {
            return Err(Refusal::NotEnded(status));
        }
    }
    next.attempts = 0;
    next.cause = None;
    next.detail = None;
    next.expires_at = now.after(expires_after);
    next.expires_given = false;
    next.scheduled_at = None;
    next.retried_at = Some(now);
    next.generation = Some(queue.generation);
    Ok(requeue(record, next, policy, now, now))
}

#[cfg(test)]
#[path = "asked_tests.rs"]
mod tests;
