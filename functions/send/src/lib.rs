//! Sends emails through SES: claims the record, submits once, records the outcome.
//!
//! **Role:** consumes the three priority queues, all messages of a batch concurrently.
//! **Invariant:** each call of SES needs a permit of the account rate and a claim, and each claim allows one
//! call. A lost answer makes the email `uncertain`; this function never retries it. A send task proves nothing;
//! the record decides.
//! **After a crash** between claim and outcome: `promote` finds the expired lease.
//! **Start reading at** [`SendFunction::process`]; [`handler`] is SQS.

pub mod cache;
pub mod full_queues;
pub mod handler;
pub mod queues;
pub mod rate_limiter;
pub mod refused_senders;
pub mod settings;
pub mod suppression_filter;

use std::time::Duration;

use domain::delivery::attempt::Attempt;
use domain::delivery::cause::Cause;
use domain::delivery::dead_letter_message::DeadLetterMessage;
use domain::delivery::policy::Policy;
use domain::delivery::record::{EmailRecord, Priority};
use domain::delivery::send_task::SendTask;
use domain::id::EmailKey;
use domain::lifecycle::{SideEffect, record_attempt};
use domain::limits;
use domain::message::attachment::Data;
use domain::message::email::{BodyError, EmailContent};
use domain::ports::domains::Domains;
use domain::ports::rate_limits::RateLimits;
use domain::ports::{
    AccountRates, Bodies, Claimed, Clock, DeadLetters, EmailRecords, FailureKind, Files, PortError, Provider, Queues,
    Random, Suppressions,
};
use domain::queue::Queue;
use domain::timestamp::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use workflow::apply::{ApplyError, apply};

use crate::queues::QueueCache;
use crate::rate_limiter::{Permit, RateLimiter};
use crate::suppression_filter::Suppressed;

/// Largest unpacked content that is looked up together with the claim. Larger contents are rarely in the table, and
/// a failed claim would waste the read.
const NEAR_BYTES: u64 = 64 * 1024;

/// Kilobytes of contents that an environment processes concurrently. Each content exists up to five times: as received,
/// packed, unpacked, parsed, and as sent to SES. That makes 160 MB of the function's 256. A generated text adds at most
/// two copies of a small content.
const MEMORY_KB: u32 = 32 * 1024;

/// Delay of an email that found no memory. Our choice: other large emails of its batch are being sent.
const NO_MEMORY: Duration = Duration::from_secs(5);

/// Time for claiming and recording besides the attempt itself, with a margin.
const RECORDING: Duration = Duration::from_secs(2);

/// Outcome of a send task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskOutcome {
    /// The message is acknowledged.
    Done,
    /// The message returns to the queue, and is visible again after this delay.
    Later(Duration),
}

/// Reason why a send task must be delivered again.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The record could not be claimed or read. Nothing was submitted.
    #[error("an email could not be claimed")]
    Claim(#[from] PortError),
    /// The outcome could not be written. SES's answer is not lost: SES's event repeats it, and the lease expires.
    #[error("the outcome of an attempt could not be recorded")]
    Record(#[from] ApplyError),
}

/// Timings of sending.
#[derive(Debug, Clone)]
pub struct SendSettings {
    /// Timings of the state machine.
    pub policy: Policy,
    /// Timeout of SES for a small email.
    pub attempt_timeout: Duration,
}

impl SendSettings {
    /// Returns the attempt's timeout: one more second per megabyte. A forged size in a message cannot exceed
    /// the timeout of the largest email.
    #[must_use]
    pub fn timeout(&self, bytes: u64) -> Duration {
        self.attempt_timeout
            .saturating_add(Duration::from_secs(bytes.min(limits::MESSAGE_BYTES) / 1_000_000))
    }
}

/// The ports of this function.
pub trait Ports {
    /// Records, queues, rate limits, suppressions, sending domains, and the account rate.
    type Records: EmailRecords + RateLimits + AccountRates + Queues + Suppressions + Domains;
    /// Contents.
    type Bodies: Bodies;
    /// Dead-letter queue for emails that failed permanently.
    type DeadLetters: DeadLetters;
    /// SES.
    type Provider: Provider;
    /// Clock and randomness.
    type System: Clock + Random;
}

/// A backend that is every port, such as the in-memory backend.
impl<T> Ports for T
where
    T: EmailRecords + RateLimits + AccountRates + Queues + Suppressions + Domains,
    T: Bodies + DeadLetters + Provider + Clock + Random,
{
    type Records = T;
    type Bodies = T;
    type DeadLetters = T;
    type Provider = T;
    type System = T;
}

/// The function, its ports, its settings and its caches.
#[derive(Debug)]
pub struct SendFunction<P: Ports> {
    /// See [`Ports::Records`].
    pub records: P::Records,
    /// See [`Ports::Bodies`].
    pub bodies: P::Bodies,
    /// See [`Ports::DeadLetters`].
    pub dead_letters: P::DeadLetters,
    /// See [`Ports::Provider`].
    pub provider: P::Provider,
    /// See [`Ports::System`].
    pub system: P::System,
    /// Timings.
    pub with: SendSettings,
    /// Free memory for contents, in kilobytes.
    pub memory: Semaphore,
    /// Cached state of the account rate.
    pub rate_limiter: RateLimiter,
    /// Cached queues.
    pub known: QueueCache,
    /// Cached suppressions.
    pub suppressed: Suppressed,
}

/// Returns the memory of a new environment.
#[must_use]
pub fn memory() -> Semaphore {
    Semaphore::new(usize::try_from(MEMORY_KB).unwrap_or(usize::MAX))
}

impl<P: Ports> SendFunction<P> {
    /// Requests permits for a batch of send tasks that has this much time. An email that would not be done in time is
    /// delivered again. All emails are, if the account rate does not answer in time.
    pub async fn reserve(&self, priority: Priority, send_tasks: &[SendTask], time: Duration) -> Vec<Permit> {
        // A forged number in a message cannot reserve the rate for years.
        let most = u32::try_from(limits::RECIPIENTS_MAX).unwrap_or(u32::MAX);
        let recipients: Vec<_> = send_tasks
            .iter()
            .map(|send_task| send_task.recipients.clamp(1, most))
            .collect();
        let longest = send_tasks
            .iter()
            .map(|send_task| self.with.timeout(send_task.bytes))
            .max();
        let patience = time.saturating_sub(longest.unwrap_or_default() + RECORDING);
        self.permits(priority, send_tasks, &recipients, patience).await
    }

    /// Carries out one send task with its permit before `end`. An email that finds no memory in time is
    /// delivered again, unclaimed.
    ///
    /// # Errors
    /// See [`TaskError`]: the send task must be delivered again.
    pub async fn process(&self, send_task: SendTask, permit: Permit, end: Instant) -> Result<TaskOutcome, TaskError> {
        let base = self.with.policy.retry.no_permit;
        match permit {
            Permit::Later(wait) => return Ok(TaskOutcome::Later(wait)),
            Permit::At(time) | Permit::InTurn(time) => {
                tokio::time::sleep(time.since(self.system.now())).await;
                // An earlier email of the batch may have opened the breaker.
                if let Some(wait) = self.rate_limiter.shut(base, self.system.now()) {
                    return Ok(TaskOutcome::Later(wait));
                }
            }
            Permit::Probe(_) | Permit::NoSlot | Permit::Unreserved => {}
        }
        let (bytes, slot) = (send_task.bytes, send_task.slot);
        let key = EmailKey {
            tenant: send_task.tenant.clone(),
            id: send_task.id,
        };
        // Before the claim, so that no lease runs while large emails are sent.
        let Some(_memory) = self.memory_for(bytes, end).await else {
            return Ok(TaskOutcome::Later(NO_MEMORY));
        };
        let (nonce, now) = (self.system.nonce()?, self.system.now());
        let queue = self.queue(&send_task, now).await?;
        if let Some(outcome) = self.queue_outcome(&key, &queue, (slot, permit), now).await? {
            self.cancel_probe(permit, now).await;
            return Ok(outcome);
        }
        let claim = self.records.claim(&key, nonce, &self.with.policy, now);
        let near = async {
            if bytes <= NEAR_BYTES {
                self.bodies.load_near(&key).await.ok()
            } else {
                None
            }
        };
        let (claimed, near) = futures::future::join(claim, near).await;
        match claimed? {
            Claimed::Granted(record) => {
                let Some(record) = self.drop_if_unwanted(*record, queue.clone(), now).await? else {
                    self.cancel_probe(permit, now).await;
                    return Ok(TaskOutcome::Done);
                };
                let content = near.and_then(|mut contents| contents.remove(&record.body.sha256));
                self.deliver(&key, record, content, permit, &queue).await
            }
            Claimed::Refused(record) => {
                self.cancel_probe(permit, now).await;
                match record {
                    Some(record) => self.apply_disposition(*record, &queue, now).await,
                    None => Ok(TaskOutcome::Done),
                }
            }
        }
    }

    /// Gives up a probe that will not call SES.
    async fn cancel_probe(&self, permit: Permit, now: Timestamp) {
        if let Permit::Probe(open) = permit
            && let Err(error) = self.rate_limiter.cancel_probe(&self.records, open, now).await
        {
            let error = aws::runtime::telemetry::chain(&error);
            tracing::warn!(
                error,
                "an unused probe could not be returned; the next probe starts on schedule"
            );
        }
    }

    /// Waits for memory for a content of this size; `None` when it comes too late for an attempt. Memory that
    /// is free at once takes no time from the attempt that the permit was reserved for.
    async fn memory_for(&self, bytes: u64, end: Instant) -> Option<SemaphorePermit<'_>> {
        let kilobytes = u32::try_from(bytes / 1000).unwrap_or(MEMORY_KB).clamp(1, MEMORY_KB);
        if let Ok(memory) = self.memory.try_acquire_many(kilobytes) {
            return Some(memory);
        }
        let latest = end.checked_sub(self.with.timeout(bytes) + RECORDING)?;
        let memory = tokio::time::timeout_at(latest, self.memory.acquire_many(kilobytes)).await;
        memory.ok()?.ok()
    }

    async fn deliver(
        &self,
        key: &EmailKey,
        claimed: EmailRecord,
        near: Option<Vec<u8>>,
        permit: Permit,
        queue: &Queue,
    ) -> Result<TaskOutcome, TaskError> {
        let policy = queue.policy(&self.with.policy);
        let claim_no = claimed.claim_no;
        let (claimed, attempt) = self.attempt(key, claimed, near).await;
        // The rate limiter gets SES's unchanged answer: a refusal because of the sender proves that SES works.
        let outcome = self.without_lost_domain(&claimed, attempt.clone()).await;
        let (now, jitter) = (self.system.now(), self.system.jitter());
        let decide = |record: &EmailRecord| record_attempt(record, claim_no, outcome.clone(), &policy, jitter, now);
        let (recorded, reported) = futures::future::join(
            apply(&self.records, claimed, now, decide),
            self.rate_limiter
                .report(&self.records, permit, &attempt, self.with.policy.retry.no_permit, now),
        )
        .await;
        if let Err(error) = reported {
            let error = aws::runtime::telemetry::chain(&error);
            tracing::warn!(error, "the breaker could not be set; the next attempt does it");
        }
        let (side_effect, record) = recorded?;
        Ok(self.apply_side_effect(&record, side_effect).await)
    }

    async fn attempt(&self, key: &EmailKey, claimed: EmailRecord, near: Option<Vec<u8>>) -> (EmailRecord, Attempt) {
        let content = match near {
            Some(content) => Ok(Some(content)),
            None => self.bodies.load(key, &claimed.body).await,
        };
        let attempt = match content {
            Ok(Some(content)) => match EmailContent::from_body(&content) {
                Ok(email) => {
                    drop(content);
                    let leaving =
                        self.suppressed
                            .leave_out(&self.rate_limiter, &self.records, &self.system, claimed, email);
                    let (claimed, email) = leaving.await;
                    let timeout = self.with.timeout(claimed.body.bytes);
                    let attempt = match email {
                        Ok(mut email) => match self.load_files(key, &claimed, &mut email).await {
                            Ok(()) => self.provider.submit(&claimed, email.with_simulator(), timeout).await,
                            Err(attempt) => attempt,
                        },
                        Err(attempt) => attempt,
                    };
                    return (claimed, attempt);
                }
                // Written by a newer deployment before a roll-back: the next roll-forward reads it.
                Err(error @ BodyError::Version(_)) => refusal(Cause::Unreached, error.to_string()),
                Err(error @ (BodyError::Json(_) | BodyError::Invalid(_))) => {
                    refusal(Cause::BodyMissing, error.to_string())
                }
            },
            Ok(None) => refusal(Cause::BodyMissing, "the stored content no longer exists".to_owned()),
            Err(error) => unreadable("the stored content", key, &error),
        };
        (claimed, attempt)
    }

    /// Loads the email's uploaded files one after another.
    async fn load_files(&self, key: &EmailKey, claimed: &EmailRecord, email: &mut EmailContent) -> Result<(), Attempt> {
        for file in email.attachments_mut() {
            let Data::Uploaded { id, .. } = *file.data() else {
                continue;
            };
            match self.bodies.load_file(key, &claimed.body, id).await {
                Ok(Some(content)) => file.load(content),
                Ok(None) => {
                    return Err(refusal(Cause::BodyMissing, "a stored file no longer exists".to_owned()));
                }
                Err(error) => return Err(unreadable("a stored file", key, &error)),
            }
        }
        Ok(())
    }

    pub(crate) async fn apply_side_effect(&self, record: &EmailRecord, side_effect: SideEffect) -> TaskOutcome {
        match side_effect {
            SideEffect::Nothing => TaskOutcome::Done,
            SideEffect::EnqueueTask { delay } => TaskOutcome::Later(delay),
            SideEffect::DeadLetter => {
                // The record is `failing`, so that `promote` repeats a failed message.
                for error in self
                    .dead_letters
                    .move_to_dead_letter(&[DeadLetterMessage::of(record)])
                    .await
                    .into_iter()
                    .filter_map(Result::err)
                {
                    let error = aws::runtime::telemetry::chain(&error);
                    tracing::warn!(id = %record.id, error, "an email could not be dead-lettered yet; promote tries again");
                }
                TaskOutcome::Done
            }
        }
    }
}

/// Refuses an attempt because `what` could not be read. The email shows the need for an operator, and the log the error.
fn unreadable(what: &str, key: &EmailKey, error: &PortError) -> Attempt {
    tracing::warn!(
        id = %key.id,
        error = aws::runtime::telemetry::chain(error),
        "{what} could not be read; the email is tried again"
    );
    let reason = match error.kind {
        FailureKind::Incomplete => ", because the table or the bucket is missing",
        FailureKind::Conflict | FailureKind::Throttled | FailureKind::Unknown | FailureKind::Permanent => "",
    };
    refusal(Cause::Unreached, format!("{what} could not be read{reason}"))
}

fn refusal(cause: Cause, detail: String) -> Attempt {
    Attempt::NotAccepted { cause, detail }
}
