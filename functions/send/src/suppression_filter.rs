//! Removes suppressed recipients from an email before it is submitted.
//!
//! **Role:** between the content and SES, while the email is claimed.
//! **Invariant:** nothing is submitted while the suppressions are unknown: the attempt is given back. An
//! environment caches hash prefixes, valid until a setting changes ([`crate::cache`]). A recipient with a
//! matching prefix is looked up before removal, so that a released address is never removed.
//! **Start reading at** [`Suppressed::leave_out`]. Why this way: docs/adr/0015.

use std::sync::Arc;

use domain::delivery::attempt::Attempt;
use domain::delivery::cause::Cause;
use domain::delivery::record::{EmailRecord, recipient_key};
use domain::delivery::suppression::{SuppressionFilter, SuppressionId};
use domain::id::TenantId;
use domain::lifecycle::leave_out;
use domain::message::address::EmailAddress;
use domain::message::email::EmailContent;
use domain::message::mailbox::Mailbox;
use domain::message::test_address::is_simulated;
use domain::ports::rate_limits::RateLimits;
use domain::ports::{AccountRates, Clock, EmailRecords, FailureKind, PortError, Suppressions};
use domain::timestamp::Timestamp;
use tokio::sync::Mutex;
use workflow::apply::apply;

use crate::cache::SettingsCache;
use crate::rate_limiter::RateLimiter;
use crate::refusal;

/// Cached suppressions of an environment.
#[derive(Debug, Default)]
pub struct Suppressed {
    filters: SettingsCache<TenantId, Arc<SuppressionFilter>>,
    /// Time of the last failed read. The lock is held during a read, so that a batch reads once.
    failed_at: Mutex<Option<Timestamp>>,
}

impl Suppressed {
    /// Returns a tenant's hash prefixes under this settings version, cached or read.
    async fn suppression_filter<R: Suppressions>(
        &self,
        records: &R,
        clock: &impl Clock,
        tenant: &TenantId,
        settings_version: u64,
    ) -> Result<Arc<SuppressionFilter>, PortError> {
        let requested_at = clock.now();
        let mut failed_at = self.failed_at.lock().await;
        if *failed_at >= Some(requested_at) {
            // That failure counts for all emails that waited.
            return Err(PortError {
                kind: FailureKind::Unknown,
                what: "reading the suppression filter",
                source: "another email of the batch failed to read it".into(),
            });
        }
        let read = async { records.suppression_filter(tenant).await.map(Arc::new) };
        let filter = self.filters.get(tenant.clone(), settings_version, read).await;
        if filter.is_err() {
            *failed_at = Some(clock.now());
        }
        filter
    }

    /// Removes an email's suppressed recipients and records them, or ends the attempt because of them. Returns
    /// the record as it is afterwards.
    pub(crate) async fn leave_out<R: EmailRecords + RateLimits + AccountRates + Suppressions>(
        &self,
        rate_limiter: &RateLimiter,
        records: &R,
        clock: &impl Clock,
        claimed: EmailRecord,
        email: EmailContent,
    ) -> (EmailRecord, Result<EmailContent, Attempt>) {
        let suppressed = self
            .suppressed_recipients(rate_limiter, records, clock, &claimed.tenant, &email)
            .await;
        let suppressed = match suppressed {
            Ok(suppressed) => suppressed,
            Err(error) => return (claimed, unknown(&error, "the suppressed recipients could not be read")),
        };
        let left = email.without(&suppressed);
        if left.recipients() == 0 {
            let detail = "every recipient is on the suppression list".to_owned();
            return (claimed, Err(refusal(Cause::Suppressed, detail)));
        }
        let recipients: Vec<_> = suppressed
            .iter()
            .map(|address| recipient_key(address.as_str()))
            .collect();
        let claim_no = claimed.claim_no;
        let decide = |record: &EmailRecord| leave_out(record, claim_no, &recipients);
        match apply(records, claimed.clone(), clock.now(), decide).await {
            Ok((_, record)) => (record, Ok(left)),
            Err(error) => (
                claimed,
                unknown(&error, "the suppressed recipients could not be stored"),
            ),
        }
    }

    /// Returns the suppressed recipients of an email.
    async fn suppressed_recipients<R: AccountRates + Suppressions>(
        &self,
        rate_limiter: &RateLimiter,
        records: &R,
        clock: &impl Clock,
        tenant: &TenantId,
        email: &EmailContent,
    ) -> Result<Vec<EmailAddress>, PortError> {
        let settings_version = rate_limiter.settings_version(records, clock.now()).await?;
        let filter = self
            .suppression_filter(records, clock, tenant, settings_version)
            .await?;
        let lists = [email.to(), email.cc(), email.bcc()].into_iter().flatten();
        let addresses = lists.map(Mailbox::address).filter(|address| !is_simulated(address));
        let known = addresses.map(|address| (SuppressionId::of(tenant, address), address));
        let fitting: Vec<_> = known.filter(|(id, _)| filter.fit(*id)).collect();
        if fitting.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = fitting.iter().map(|(id, _)| *id).collect();
        let suppressions = records.suppressions(tenant, &ids, clock.now()).await?;
        let is_suppressed = |address: &EmailAddress| {
            let address = address.lower_case();
            suppressions.iter().any(|suppression| suppression.address == address)
        };
        let addresses = fitting.into_iter().map(|(_, address)| address);
        Ok(addresses.filter(|address| is_suppressed(address)).cloned().collect())
    }
}

fn unknown(error: &(dyn std::error::Error + 'static), what: &str) -> Result<EmailContent, Attempt> {
    let error = aws::runtime::telemetry::chain(error);
    tracing::warn!(error, "{what}; SQS delivers the email again");
    Err(refusal(Cause::Unreached, what.to_owned()))
}
