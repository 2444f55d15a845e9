//! Sending domains, their identities in SES, and DNS.

use std::sync::Arc;

use super::failure::PortError;
use super::queues::QueueChange;
use crate::id::{DomainId, TenantId};
use crate::tenant::domains::dns::{DnsAnswer, RecordType};
use crate::tenant::domains::identity::{Identity, IdentityCreation};
use crate::tenant::domains::name::DomainName;
use crate::tenant::domains::{Registry, SendingDomain};
use crate::timestamp::Timestamp;

/// The identities of the SES account.
///
/// Each call may be repeated. [`Identity::owner`] tells which of them belong to this deployment.
pub trait Identities: Sync {
    /// Reads an identity.
    fn identity(&self, name: &DomainName) -> impl Future<Output = Result<Option<Identity>, PortError>> + Send;

    /// Creates the identity of a tenant's domain, with Easy DKIM.
    fn create_identity(
        &self,
        name: &DomainName,
        tenant: &TenantId,
    ) -> impl Future<Output = Result<IdentityCreation, PortError>> + Send;

    /// Marks an existing identity as a tenant's.
    fn adopt_identity(
        &self,
        name: &DomainName,
        tenant: &TenantId,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Ends the adoption of an identity, which stays in place.
    fn release_identity(&self, name: &DomainName) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Sets the MAIL FROM domain, and starts its verification. Until then SES refuses emails if it is demanded.
    fn set_mail_from(
        &self,
        name: &DomainName,
        mail_from: &str,
        is_demanded: bool,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Deletes an identity; a missing one is no error.
    fn delete_identity(&self, name: &DomainName) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// DNS, as it is now.
pub trait Dns: Sync {
    /// Looks up a host. It never fails: without an answer the record is unknown.
    fn look_up(&self, host: &str, record_type: RecordType) -> impl Future<Output = DnsAnswer> + Send;
}

/// The registered domains. Reads are consistent, except [`Self::domains_of`] and [`Self::due_domains`].
pub trait Domains: Sync {
    /// Reads the registry.
    fn registry(&self) -> impl Future<Output = Result<Registry, PortError>> + Send;

    /// Reads a domain by its name.
    fn domain_named(&self, name: &DomainName) -> impl Future<Output = Result<Option<SendingDomain>, PortError>> + Send;

    /// Reads a domain by its id.
    fn domain(&self, id: DomainId) -> impl Future<Output = Result<Option<SendingDomain>, PortError>> + Send;

    /// The domains of a tenant, newest first. A new domain may be missing.
    fn domains_of(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<SendingDomain>, PortError>> + Send;

    /// The domains that are equal to a name, above or below it.
    fn related_domains(&self, name: &DomainName) -> impl Future<Output = Result<Vec<SendingDomain>, PortError>> + Send;

    /// Registers a domain, if there was no other registration since `registry` was read; `false` if there was.
    fn register_domain(
        &self,
        domain: &SendingDomain,
        registry: &Registry,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Replaces a domain, if it is still at the version of `before`; `false` if it is not. A domain leaves the registry
    /// when it is first verified. The change of a queue is in the same transaction, and is refused with it.
    fn save_domain(
        &self,
        before: &SendingDomain,
        domain: &SendingDomain,
        change: Option<&QueueChange>,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Removes a domain, also from the registry, if it is still at this version or was removed before; `false` if it is
    /// not. The change of a queue is in the same transaction, and is refused with it.
    fn remove_domain(
        &self,
        domain: &SendingDomain,
        change: Option<&QueueChange>,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Up to `count` domains whose next check is due, the longest overdue first.
    fn due_domains(
        &self,
        until: Timestamp,
        count: usize,
    ) -> impl Future<Output = Result<Vec<DomainName>, PortError>> + Send;
}

/// The registry, as `enqueue` reads it for each email: at most 30 seconds old.
pub trait Door: Sync {
    /// The registry, which is usually read together with the API key of the request.
    fn recent_registry(&self, now: Timestamp) -> impl Future<Output = Result<Arc<Registry>, PortError>> + Send;
}
