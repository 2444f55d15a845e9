//! Starts recoveries, and shows their progress. `notify` does the work.
//!
//! **Invariant:** a webhook has one recovery at a time, so that no tenant can fill the time of `notify`. Its id is the
//! webhook's own.
//! **Start reading at** [`WebhooksFunction::recover`].

use domain::api::error::ApiError;
use domain::api::webhook_api::{Only, Recover};
use domain::api::webhook_event_view::{RecoveryStarted, RecoveryView};
use domain::id::EmailId;
use domain::ports::webhooks::RecoverJobs;
use domain::ports::{Clock, Rounds};
use domain::webhook::recovery::{Phase, RecoverJob};
use domain::webhook::settings::{Target, WebhookId};

use crate::owner::Owner;
use crate::sending::check_enabled;
use crate::{Ports, WebhooksError, WebhooksFunction};

/// The sentence about an id of no job.
pub(crate) const NO_JOB: &str =
    "No job of this webhook has this id. The response to the request that started the job has the job's id.";

fn no_job() -> WebhooksError {
    ApiError::not_found(NO_JOB).into()
}

/// The id of the recovery of a webhook.
fn job_of(id: WebhookId) -> Result<EmailId, WebhooksError> {
    // Both ids are UUIDs, so that this never fails.
    EmailId::parse(&id.to_string()).ok_or_else(no_job)
}

impl<P: Ports> WebhooksFunction<P> {
    /// Starts a recovery: it sends the stored events of a period again, and those that are missing.
    ///
    /// # Errors
    /// 404 when the tenant has no webhook with this id. 409 when it is disabled, or has a recovery that is not done. 422
    /// for a period in the future. Or a backend call failed: the recovery may have started.
    pub async fn recover(
        &self,
        owner: &Owner,
        id: WebhookId,
        request: Recover,
    ) -> Result<RecoveryStarted, WebhooksError> {
        let stored = self.stored(&owner.key(id)).await?;
        check_enabled(&stored)?;
        let job = job_of(id)?;
        let mut rounds = Rounds::of("starting a recovery");
        loop {
            rounds.begin()?;
            let now = self.system.now();
            if request.since > now {
                return Err(ApiError::validation("since", "must not be in the future").into());
            }
            let until = request.until.map_or(now, |until| until.min(now));
            let last = self.records.recover_job(owner.tenant(), job).await?;
            if last.as_ref().is_some_and(|last| last.phase != Phase::Done) {
                return Err(ApiError::conflict(format!(
                    "This webhook has a recovery that is not done. See GET /webhooks/{id}/jobs/{job}."
                ))
                .into());
            }
            let is_all = request.only == Only::All;
            let new = RecoverJob::new(job, id, (request.since, until), is_all, now);
            let new = RecoverJob {
                version: last.map_or(0, |last| last.version.saturating_add(1)),
                // The stored events of a webhook that is only pulled are there to be read.
                phase: match stored.webhook.target {
                    Target::Push { .. } => Phase::Events,
                    Target::Pull { .. } => Phase::Emails,
                },
                ..new
            };
            if self.records.save_recover_job(owner.tenant(), &new, now).await? {
                return Ok(RecoveryStarted::new(&new));
            }
        }
    }

    /// Shows a recovery.
    ///
    /// # Errors
    /// 404 when the tenant has no webhook with this id, or the webhook no such job. Or a backend call failed.
    pub async fn recovery(&self, owner: &Owner, id: WebhookId, job: EmailId) -> Result<RecoveryView, WebhooksError> {
        self.stored(&owner.key(id)).await?;
        let found = self.records.recover_job(owner.tenant(), job).await?;
        let own = found.filter(|job| job.webhook == id).ok_or_else(no_job)?;
        Ok(RecoveryView::new(&own))
    }
}
