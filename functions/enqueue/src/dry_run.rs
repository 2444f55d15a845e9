//! `POST /emails?dry_run=true`: checks an email as for acceptance, and stores nothing.
//!
//! **Invariant:** read-only. A dry run is refused exactly when the real request would be, with the same
//! message. This includes the tenant's limits, unless the same request was accepted before.
//! **Start reading at** [`EnqueueFunction::try_out`].

use aws::http::query;
use domain::api::dry_run_view::{DryRunView, Tried};
use domain::api::error::ApiError;
use domain::api::fields::to_api;
use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::EmailRequest;
use domain::delivery::suppression::SuppressionId;
use domain::id::{EmailId, QueueKey, QueueName, TenantId};
use domain::message::address::EmailAddress;
use domain::message::email::EmailContent;
use domain::message::problem::EmailError;
use domain::message::test_address::is_simulated;
use domain::ports::rate_limits::RateLimits;
use domain::ports::{AccountRates, Clock, Counts, PortError, Queues, Suppressions};
use domain::queue::Queue;
use domain::reporting::forecast::{Forecast, ForecastRequest, QueueLoad, Situation, forecast};
use domain::tenant::Tenant;
use domain::timestamp::Timestamp;
use futures::stream::{StreamExt, TryStreamExt, iter};

use crate::acceptance::recipients;
use crate::errors::AcceptError;
use crate::quota::QuotaDecision;
use crate::{EnqueueFunction, Ports, queues};

/// Number of queues whose emails are counted concurrently.
const AT_ONCE: usize = 10;

/// Whether the query requests a dry run.
///
/// # Errors
/// 422 for any other parameter: a misspelled dry run must not send an email.
pub fn is_dry_run(query: &str) -> Result<bool, ApiError> {
    query::flag(query, "dry_run")
}

impl<P: Ports> EnqueueFunction<P> {
    /// Returns the expected outcome of an email.
    ///
    /// # Errors
    /// As [`EnqueueFunction::accept`].
    pub async fn try_out(
        &self,
        limits: &Tenant,
        key: Option<&IdempotencyKey>,
        request: &EmailRequest,
    ) -> Result<DryRunView, AcceptError> {
        let (tenant, now) = (&limits.id, self.system.now());
        let replays = self.replays(tenant, key, request, now).await?;
        // An accepted request gets its response again, even after its scheduled time or without its queue or its
        // uploads.
        let is_known = replays.is_some();
        if !is_known {
            let wanted = recipients([request]);
            let would = self.quota_leases.would_take(&self.records, limits, wanted, now).await?;
            if let QuotaDecision::Exceeded(exceeded) = would {
                return Err(AcceptError::QuotaExceeded(exceeded));
            }
        }
        let key = QueueKey {
            tenant: tenant.clone(),
            name: request.options.queue.clone(),
        };
        let queue = match self.records.queue(&key).await?.filter(|queue| !queue.deleted) {
            Some(queue) => queue,
            None if key.name.is_default() || is_known => Queue::plain(key, now),
            None => return Err(refused(queues::no_queue(&self.records, tenant).await?)),
        };
        let expires_after = self.expires_after(&queue);
        let wanted = match request.options.resolve(expires_after, now) {
            Ok(wanted) => wanted,
            Err(_) if is_known => request.options.resolve_late(expires_after, now),
            Err(error) => return Err(refused(error)),
        };
        let found = self.find_uploads(tenant, [request]).await?;
        let email = match request.resolve(&found) {
            Ok(email) => email,
            Err(_) if is_known => request.email.clone(),
            Err(error) => return Err(refused(error)),
        };
        let email = &email;
        let priority = request.options.priority.unwrap_or(queue.priority);
        let not_before = wanted.scheduled_at;
        let (suppressed, forecast) = futures::future::try_join(
            self.suppressed(tenant, email, now),
            self.forecast_slot(tenant, &queue, ForecastRequest { priority, not_before }, now),
        )
        .await?;
        let tried = Tried {
            email,
            replays,
            suppressed: &suppressed,
            queue: queue.key.name.as_str(),
            priority,
            wanted,
            forecast,
            warnings: &request.warnings,
        };
        Ok(DryRunView::new(&tried, &self.with.prices))
    }

    /// Returns the email that an earlier identical request created.
    async fn replays(
        &self,
        tenant: &TenantId,
        key: Option<&IdempotencyKey>,
        request: &EmailRequest,
        now: Timestamp,
    ) -> Result<Option<EmailId>, AcceptError> {
        let Some(key) = key else { return Ok(None) };
        let id = EmailId::from_key(tenant, key.as_str());
        Ok(self.is_known(tenant, id, request, now).await?.then_some(id))
    }

    async fn suppressed(
        &self,
        tenant: &TenantId,
        email: &EmailContent,
        now: Timestamp,
    ) -> Result<Vec<EmailAddress>, PortError> {
        let recipients = || [email.to(), email.cc(), email.bcc()].into_iter().flatten();
        let ids: Vec<_> = recipients()
            .map(|mailbox| SuppressionId::of(tenant, mailbox.address()))
            .collect();
        let found = self.records.suppressions(tenant, &ids, now).await?;
        let is_found = |address: &EmailAddress| {
            let address = address.lower_case();
            found.iter().any(|suppression| suppression.address == address)
        };
        let addresses = recipients().map(|mailbox| mailbox.address());
        let is_left_out = |address: &&EmailAddress| !is_simulated(address) && is_found(address);
        Ok(addresses.filter(is_left_out).cloned().collect())
    }

    async fn forecast_slot(
        &self,
        tenant: &TenantId,
        queue: &Queue,
        requested: ForecastRequest,
        now: Timestamp,
    ) -> Result<Forecast, PortError> {
        let account = self.records.account_rate().await?;
        let queue_free_at = match queue.rate_per_second {
            Some(_) => self.records.rate_limit(&queue.key).await?.free_at,
            None => None,
        };
        let mut all = self.records.queues(tenant).await?;
        if !all.iter().any(|queue| queue.key.name.is_default()) {
            let (tenant, name) = (tenant.clone(), QueueName::default());
            all.push(Queue::plain(QueueKey { tenant, name }, now));
        }
        // A paused queue delays no other queue.
        all.retain(|other| !other.is_paused(now));
        let due = |other: Queue| async move {
            let counts = self.records.queue_counts(tenant, other.key.name.as_str(), now).await?;
            Ok::<_, PortError>((other, counts.queued))
        };
        let due: Vec<_> = all.into_iter().map(due).collect();
        let due: Vec<(Queue, u64)> = iter(due).buffered(AT_ONCE).try_collect().await?;
        let own = due.iter().find(|(other, _)| other.key == queue.key);
        let others: Vec<_> = due
            .iter()
            .map(|(other, due)| QueueLoad {
                priority: other.priority,
                due: *due,
            })
            .collect();
        let situation = Situation {
            queue,
            queue_free_at,
            queue_due: own.map_or(0, |(_, due)| *due),
            account,
            queues: &others,
        };
        Ok(forecast(&situation, requested, now))
    }
}

fn refused(error: EmailError) -> AcceptError {
    AcceptError::Refused(to_api(None, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_has_one_spelling() {
        for (query, expected) in [
            ("", Ok(false)),
            ("dry_run=true", Ok(true)),
            ("dry_run=false", Ok(false)),
            ("dry_run", Err("dry_run")),
            ("dry_run=1", Err("dry_run")),
            ("dry_run=True", Err("dry_run")),
            ("dry_run=true&dry_run=true", Err("dry_run")),
            ("dryrun=true", Err("query")),
            ("%", Err("query")),
        ] {
            let parsed = is_dry_run(query).map_err(|error| error.message().to_owned());
            match expected {
                Ok(expected) => assert_eq!(parsed, Ok(expected), "{query:?}"),
                Err(field) => assert!(
                    parsed.is_err_and(|parsed| parsed.starts_with(&format!("{field}: "))),
                    "{query:?}"
                ),
            }
        }
    }
}
