//! Commands on an accepted email: cancel, reschedule, retry.
//!
//! **Invariant:** these writes race with every other change of the email, and each loses to a claim. A 200
//! means that the change is written.
//! **After a crash** that follows the write: `promote` finds the email in the due index, and enqueues its send task.
//! **Start reading at** [`ManageFunction::cancel`].

use std::time::Duration;

use aws::http::auth::{ActsFor, TenantPrincipal};
use domain::api::error::ApiError;
use domain::api::fields::to_api;
use domain::api::requests::RescheduleRequest;
use domain::delivery::record::EmailRecord;
use domain::delivery::send_task::SendTask;
use domain::id::{EmailId, EmailKey};
use domain::lifecycle::commands::{self, Refusal, Times};
use domain::lifecycle::queue_control::reconcile;
use domain::lifecycle::{Decision, SideEffect};
use domain::ports::{Batches, Bodies, Clock, EmailRecords, PortError, PriorityQueues, Queues, SendTaskRequest};
use domain::queue::{Disposition, Queue};
use domain::timestamp::Timestamp;
use serde::Serialize;
use workflow::apply::{Applied, Before, Precondition, apply, try_apply, try_apply_after};
use workflow::retention;

use crate::{ManageError, ManageFunction, Ports};

/// Effect of a command on an email, as far as From domains matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandEffect {
    /// The email is canceled or erased: the limits of the key apply.
    Ends,
    /// The email is sent: the limits of the tenant apply too.
    Sends,
}

/// The response to a completed change of an email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EmailDone"))]
pub struct CommandResponse {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "email")))]
    object: &'static str,
    id: String,
}

impl<P: Ports> ManageFunction<P> {
    /// Cancels an email that is not being sent yet.
    ///
    /// # Errors
    /// 404 when no email has this id. 409 when it is too late. Or a backend call failed.
    pub async fn cancel(&self, caller: &TenantPrincipal, id: EmailId) -> Result<CommandResponse, ManageError> {
        let now = self.system.now();
        let record = self.record(caller, id, now).await?;
        self.check_from(caller, &record, CommandEffect::Ends).await?;
        self.carry_out(record, now, |record| commands::cancel(record, &self.with.policy, now))
            .await
    }

    /// Reschedules an email that is not being sent yet.
    ///
    /// # Errors
    /// 404 when no email has this id. 409 when it is too late or its content is gone. 422 when the time is
    /// impossible. Or a backend call failed.
    pub async fn reschedule(
        &self,
        caller: &TenantPrincipal,
        id: EmailId,
        request: RescheduleRequest,
    ) -> Result<CommandResponse, ManageError> {
        for (field, given) in [("id", &request.id), ("email_id", &request.email_id)] {
            if given.as_deref().is_some_and(|given| EmailId::parse(given) != Some(id)) {
                let error = ApiError::validation(field, "must equal the id in the path");
                return Err(ManageError::Refused(error));
            }
        }
        let now = self.system.now();
        let bad_time = |error| ManageError::Refused(to_api(None, error));
        let scheduled_at = request.scheduled_at.schedule("scheduled_at", now).map_err(bad_time)?;
        let due = scheduled_at.max(now);
        let expires_at = request.expires_at.map(|when| when.expiry("expires_at", due, now));
        let times = Times {
            scheduled_at,
            expires_at: expires_at.transpose().map_err(bad_time)?,
        };
        let (record, queue) = self.record_and_queue(caller, id, now).await?;
        self.check_from(caller, &record, CommandEffect::Sends).await?;
        let queue = queue.unwrap_or_else(|| Queue::plain(record.queue_key(), now));
        let policy = queue.policy(&self.with.policy);
        let decide = |record: &EmailRecord| commands::reschedule(record, times, self.with.expires_after, &policy, now);
        self.carry_out_with_content(record, now, decide).await
    }

    /// Sends an email that ended unsent; with `force` also an email that may have been sent.
    ///
    /// # Errors
    /// 404 when no email has this id. 409 when it has not ended, was sent, needs `force`, or has lost its
    /// content. Or a backend call failed.
    pub async fn retry(
        &self,
        caller: &TenantPrincipal,
        id: EmailId,
        force: bool,
    ) -> Result<CommandResponse, ManageError> {
        let now = self.system.now();
        let (record, queue) = self.record_and_queue(caller, id, now).await?;
        self.check_from(caller, &record, CommandEffect::Sends).await?;
        let queue = queue.unwrap_or_else(|| Queue::plain(record.queue_key(), now));
        let (expires_after, policy) = (self.with.expires_after, queue.policy(&self.with.policy));
        let decide = |record: &EmailRecord| commands::retry(record, force, &queue, expires_after, &policy, now);
        self.carry_out_with_content(record, now, decide).await
    }

    pub(crate) async fn record(
        &self,
        caller: &dyn ActsFor,
        id: EmailId,
        now: Timestamp,
    ) -> Result<EmailRecord, ManageError> {
        let (record, _) = self.record_and_queue(caller, id, now).await?;
        Ok(record)
    }

    /// Returns the record of an email after a purge of its queue is applied to it, and the queue; `None` when the queue
    /// was never changed.
    async fn record_and_queue(
        &self,
        caller: &dyn ActsFor,
        id: EmailId,
        now: Timestamp,
    ) -> Result<(EmailRecord, Option<Queue>), ManageError> {
        let key = EmailKey {
            tenant: caller.tenant().clone(),
            id,
        };
        let record = self.records.load(&key, now).await?.ok_or_else(not_there)?;
        // A purged email has ended, although its record does not say so yet. The end is written now.
        let Some(queue) = self.records.queue(&record.queue_key()).await? else {
            return Ok((record, None));
        };
        let queue = queue.restored_at(self.with.policy.restore_epoch);
        if queue.disposition(&record, now) != Disposition::Drop {
            return Ok((record, Some(queue)));
        }
        let decide = |record: &EmailRecord| reconcile(record, &queue, now).unwrap_or(Decision::Forget);
        let (_, record) = apply(&self.records, record, now, decide).await?;
        Ok((record, Some(queue)))
    }

    /// Checks whether a caller may act on an email with this sender. The content is read only when a limit
    /// applies.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when the key may not. 422 `invalid_from_address` when the tenant may no longer
    /// send from there. Or a backend call failed.
    pub(crate) async fn check_from(
        &self,
        caller: &TenantPrincipal,
        record: &EmailRecord,
        touch: CommandEffect,
    ) -> Result<(), ManageError> {
        let is_limited = match touch {
            CommandEffect::Ends => caller.is_narrowed(),
            CommandEffect::Sends => !caller.scope().is_unlimited(),
        };
        if !is_limited {
            return Ok(());
        }
        match self.content(caller, record).await? {
            Some(email) => {
                let from = email.from().address();
                let checked = match touch {
                    CommandEffect::Ends => caller.check_key_from("from", from),
                    CommandEffect::Sends => caller.check_from("from", from),
                };
                Ok(checked?)
            }
            None if caller.is_narrowed() => Err(ApiError::restricted_api_key(
                "The content of this email is deleted, so its From domain cannot be checked. Use an API key that is not limited to From domains.",
            )
            .into()),
            None => Ok(()),
        }
    }

    /// Carries out a decision that sends the email. Every attempt extends the retention of the email's content before
    /// the record is written: a queued email must have its content.
    async fn carry_out_with_content(
        &self,
        record: EmailRecord,
        now: Timestamp,
        decide: impl Fn(&EmailRecord) -> Result<Decision, Refusal> + Send + Sync,
    ) -> Result<CommandResponse, ManageError> {
        let decide = |record: &EmailRecord| decide(record).map_err(Some);
        let kept = RetentionExtension {
            records: &self.records,
            bodies: &self.bodies,
            retention: self.with.retention,
            now,
        };
        let applied = try_apply_after(&self.records, record, now, decide, &kept).await?;
        self.apply_side_effect(applied, |refusal| refusal.map_or_else(content_gone, refusal_response))
            .await
    }

    pub(crate) async fn carry_out(
        &self,
        record: EmailRecord,
        now: Timestamp,
        decide: impl Fn(&EmailRecord) -> Result<Decision, Refusal> + Send + Sync,
    ) -> Result<CommandResponse, ManageError> {
        let applied = try_apply(&self.records, record, now, decide).await?;
        self.apply_side_effect(applied, refusal_response).await
    }

    /// Enqueues emails. A failure delays an email, and loses none.
    pub(crate) async fn enqueue(&self, requests: &[SendTaskRequest]) {
        for (request, result) in requests.iter().zip(self.priority_queues.enqueue(requests).await) {
            if let Err(error) = result {
                let error = aws::runtime::telemetry::chain(&error);
                let id = request.send_task.id;
                tracing::warn!(%id, error, "a send task could not be enqueued; promote finds the email in the due index");
            }
        }
    }

    /// Enqueues an email if the decision demands it, and returns the result.
    async fn apply_side_effect<E>(
        &self,
        applied: Applied<E>,
        refused: impl FnOnce(E) -> ManageError,
    ) -> Result<CommandResponse, ManageError> {
        let (side_effect, record) = match applied {
            Applied::Done(side_effect, record) => (side_effect, record),
            Applied::Refused(refusal) => return Err(refused(refusal)),
            Applied::Gone => return Err(not_there()),
        };
        if let SideEffect::EnqueueTask { delay } = side_effect {
            let request = SendTaskRequest {
                priority: record.priority,
                send_task: SendTask::of(&record),
                delay,
            };
            self.enqueue(&[request]).await;
        }
        Ok(CommandResponse {
            object: "email",
            id: record.id.to_string(),
        })
    }
}

/// Message for an id that no email has.
pub(crate) const NO_SUCH_EMAIL: &str = "No email has this id. See GET /emails.";

pub(crate) fn not_there() -> ManageError {
    ManageError::Refused(ApiError::not_found(NO_SUCH_EMAIL))
}

/// Extends the retention of an email's content before its record is written.
struct RetentionExtension<'a, R, B> {
    records: &'a R,
    bodies: &'a B,
    retention: Duration,
    now: Timestamp,
}

/// A refusal with [`None`] means that the content is gone.
impl<R: Batches, B: Bodies> Before<Option<Refusal>> for RetentionExtension<'_, R, B> {
    async fn prepare(&self, record: &EmailRecord) -> Result<Precondition<Option<Refusal>>, PortError> {
        let kept = retention::extend_retention(self.records, self.bodies, record, self.retention, self.now).await?;
        Ok(if kept {
            Precondition::Holds
        } else {
            Precondition::Refused(None)
        })
    }
}

fn content_gone() -> ManageError {
    ManageError::Refused(ApiError::conflict(
        "The content of this email is deleted. Send it as a new email.",
    ))
}

pub(crate) fn refusal_response(refusal: Refusal) -> ManageError {
    ManageError::Refused(match refusal {
        Refusal::AfterExpiry => ApiError::validation("scheduled_at", refusal),
        Refusal::TooLate(_)
        | Refusal::MaybeSent
        | Refusal::NotEnded(_)
        | Refusal::NeedsForce
        | Refusal::NotErasable(_) => ApiError::conflict(refusal.to_string()),
    })
}
