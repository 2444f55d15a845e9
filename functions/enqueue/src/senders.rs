//! Refuses a From of a domain that SES cannot send for, instead of an email that fails later.
//!
//! **Invariant:** the check of an accepted email costs no call: the registry of sending domains is read together with
//! the API key. A domain is read only for the refusal. With `requires_domains`, each From domain is read once in thirty
//! seconds. A domain that lost its verification is accepted: its emails may still be sent.
//! **Start reading at** [`EnqueueFunction::check_domain`]. Why this way: docs/adr/0046.

use std::time::Duration;

use aws::runtime::cache::Cached;
use domain::api::error::ApiError;
use domain::id::TenantId;
use domain::ports::domains::{Domains, Door};
use domain::ports::{Clock, PortError};
use domain::tenant::domains::dns::{RecordType, wanted};
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{SendingDomain, Verification};
use domain::timestamp::Timestamp;

use crate::errors::AcceptError;
use crate::{EnqueueFunction, Ports};

/// Longest use of a read domain, as of an API key.
const FRESH: Duration = Duration::from_secs(30);

/// Whether From domains are registered, by tenant and name.
#[derive(Debug, Default)]
pub struct KnownSenders(Cached<(TenantId, String), bool>);

impl<P: Ports> EnqueueFunction<P> {
    /// Checks that SES sends, or sent, for the domain of a From. `path` is the field that holds the address.
    ///
    /// # Errors
    /// 403 when the domain is registered and was never verified. With `requires_domains` also when the tenant has not
    /// registered it, or a domain above it. Or a backend call failed.
    pub(crate) async fn check_domain(&self, tenant: &TenantId, path: &str, domain: &str) -> Result<(), AcceptError> {
        let now = self.system.now();
        if self.records.recent_registry(now).await?.unverified.contains(domain) {
            return Err(AcceptError::Refused(self.unverified(tenant, path, domain).await?));
        }
        if self.with.requires_domains && !self.is_registered(tenant, domain, now).await? {
            let problem =
                format!("The {domain} domain is not registered. Please, add and verify it with POST /domains.");
            return Err(AcceptError::Refused(ApiError::unverified_domain(path, problem)));
        }
        Ok(())
    }

    /// Returns the error for a domain that was never verified. Only its owner sees its records.
    async fn unverified(&self, tenant: &TenantId, path: &str, domain: &str) -> Result<ApiError, PortError> {
        let stored = match DomainName::parse(domain) {
            Ok(name) => self.records.domain_named(&name).await?,
            Err(_) => None,
        };
        let owned = stored.filter(|stored| stored.tenant == *tenant);
        let remedy = owned.as_ref().map(remedy).unwrap_or_default();
        let problem = format!("The {domain} domain is not verified.{remedy}");
        Ok(ApiError::unverified_domain(path, problem))
    }

    async fn is_registered(&self, tenant: &TenantId, domain: &str, now: Timestamp) -> Result<bool, PortError> {
        let key = (tenant.clone(), domain.to_owned());
        if let Some(known) = self.senders.0.fresh(&key, now, FRESH) {
            return Ok(known);
        }
        let is_registered = match DomainName::parse(domain) {
            Ok(name) => self.finds_verified(tenant, name).await?,
            Err(_) => false,
        };
        self.senders.0.put(key, now, is_registered);
        Ok(is_registered)
    }

    /// Whether the tenant has a domain of this name, or above it, that is or was verified.
    async fn finds_verified(&self, tenant: &TenantId, name: DomainName) -> Result<bool, PortError> {
        let above = name.above();
        for name in std::iter::once(name).chain(above) {
            if let Some(found) = self.records.domain_named(&name).await? {
                return Ok(found.tenant == *tenant && found.verification != Verification::Never);
            }
        }
        Ok(false)
    }
}

/// Returns the next step of a domain's owner. SES verifies a domain by its DKIM records. The message names all of them,
/// because only a look at DNS tells which are missing.
fn remedy(domain: &SendingDomain) -> String {
    let id = domain.id;
    // The region concerns no DKIM record.
    let records: Vec<_> = wanted(domain, None, "")
        .into_iter()
        .filter(|record| record.record_type == RecordType::Cname)
        .map(|record| format!("{} with the value {}", record.host, record.value))
        .collect();
    if records.is_empty() {
        return format!(" Please, complete its verification with POST /domains/{id}/verify.");
    }
    format!(
        " Please, add these CNAME records: {}. GET /domains/{id} shows those that are missing.",
        records.join(", ")
    )
}
