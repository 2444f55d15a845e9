//! Registers, verifies and deletes sending domains.
//!
//! **Invariant:** a registration is one transaction. It is refused if another registration came after its read, so that
//! two tenants never get related domains. An identity of the account without our mark stays as it is, unless the
//! deployer adopts it.
//! **After a crash** between table and SES: the stored domain has no tokens. A repeated registration finds it and
//! completes it, and so does a verification.
//! **Start reading at** [`DomainsFunction::register`].

use domain::api::domain_api::NewDomain;
use domain::api::domain_view::{DomainChanged, DomainDeleted, DomainView};
use domain::api::error::ApiError;
use domain::id::{DomainId, TenantId};
use domain::limits;
use domain::ports::domains::{Domains, Identities};
use domain::ports::webhooks::WebhookFlags;
use domain::ports::{Clock, PortError, Random, Rounds};
use domain::tenant::domains::identity::{Identity, IdentityCreation, IdentityStatus};
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{Registry, SendingDomain, Taken, Verification, check_free};
use workflow::domains::{Observed, Wait, observe, remove};

use crate::{DomainsError, DomainsFunction, Ports};

/// The party that registers a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registrar {
    /// A tenant, for itself.
    Tenant,
    /// The deployer, for a tenant. It may adopt identities, and register names below the identities of others in the
    /// account.
    Deployer,
}

fn of_another_tenant() -> ApiError {
    ApiError::conflict("name: this domain, or one above or below it, belongs to another tenant")
}

fn of_the_account(name: &DomainName) -> ApiError {
    ApiError::conflict(format!(
        "name: Amazon SES has the identity {name}, which this deployment did not create. The deployer can adopt it with \"adopt\": true"
    ))
}

fn too_many(owner: &str, most: usize, domains: &str) -> ApiError {
    ApiError::conflict(format!(
        "name: {owner} already has the maximum of {most} {domains}; delete one first"
    ))
}

fn is_of(identity: &Identity, tenant: &TenantId) -> bool {
    identity.owner.as_ref() == Some(tenant)
}

impl<P: Ports> DomainsFunction<P> {
    /// Registers a domain of a tenant, and creates its identity. Returns its id and the domain.
    ///
    /// # Errors
    /// 401 when a tenant wants to adopt an identity. 409 when the domain is registered, or related to a domain of another
    /// tenant, or has an identity that is not ours. 422 for another region. Or a backend call failed: the same request
    /// completes the registration.
    pub async fn register(
        &self,
        tenant: &TenantId,
        registrar: Registrar,
        new: NewDomain,
    ) -> Result<(String, DomainView), DomainsError> {
        if new.adopt && registrar == Registrar::Tenant {
            let message = "adopt: only the deployer's key may adopt an identity of Amazon SES.";
            return Err(ApiError::restricted_api_key(message).into());
        }
        if new.region.as_ref().is_some_and(|region| *region != self.region) {
            let problem = format!("must be {}, the region of this deployment", self.region);
            return Err(ApiError::validation("region", problem).into());
        }
        let domain = self.reserve(tenant, registrar, new).await?;
        let Some(Observed { domain, identity }) = self.complete(&domain, Wait::Continued).await? else {
            let name = domain.name.clone();
            remove(&self.records, domain, self.system.now()).await?;
            return Err(of_the_account(&name).into());
        };
        // No lookup: DNS servers would remember for a while that the records are missing.
        let view = self.view(&domain, identity.as_ref(), None);
        Ok((domain.id.to_string(), view))
    }

    /// Stores a domain before its identity exists, or finds one that an interrupted registration stored.
    async fn reserve(
        &self,
        tenant: &TenantId,
        registrar: Registrar,
        new: NewDomain,
    ) -> Result<SendingDomain, DomainsError> {
        let mut rounds = Rounds::of("registering a sending domain");
        loop {
            rounds.begin()?;
            let registry = self.records.registry().await?;
            let related = self.records.related_domains(&new.name).await?;
            match check_free(tenant, &new.name, &related) {
                Ok(()) => {}
                Err(Taken::Another) => return Err(of_another_tenant().into()),
                Err(Taken::Own(id)) => {
                    let begun = related.into_iter().find(|own| own.id == id && own.tokens.is_empty());
                    let message = format!("name: this domain is registered already; its id is {id}");
                    return begun.ok_or_else(|| ApiError::conflict(message).into());
                }
            }
            self.check_room(tenant, &registry).await?;
            let existing = self.identities.identity(&new.name).await?;
            // An identity that sends already goes on sending: its name never counts as unverified.
            let verification = match &existing {
                Some(identity) if identity.may_send => Verification::Now,
                Some(_) | None => Verification::Never,
            };
            let is_foreign = existing.is_some_and(|identity| !is_of(&identity, tenant));
            if is_foreign && !new.adopt {
                return Err(of_the_account(&new.name).into());
            }
            if registrar == Registrar::Tenant {
                self.check_above(tenant, &new.name, &related).await?;
            }
            let id = DomainId::of(self.system.id()?);
            let (name, return_path) = (new.name.clone(), new.return_path.clone());
            let now = self.system.now();
            let domain = SendingDomain {
                is_adopted: is_foreign,
                verification,
                is_told: self.records.has_webhooks(tenant, now).await?,
                ..SendingDomain::new(id, tenant.clone(), name, return_path, now)
            };
            if self.records.register_domain(&domain, &registry).await? {
                return Ok(domain);
            }
        }
    }

    async fn check_room(&self, tenant: &TenantId, registry: &Registry) -> Result<(), DomainsError> {
        if registry.unverified.len() >= limits::UNVERIFIED_DOMAINS_MAX {
            return Err(too_many(
                "this deployment",
                limits::UNVERIFIED_DOMAINS_MAX,
                "domains that were never verified",
            )
            .into());
        }
        if self.records.domains_of(tenant).await?.len() >= limits::SENDING_DOMAINS_MAX {
            return Err(too_many("this tenant", limits::SENDING_DOMAINS_MAX, "domains").into());
        }
        Ok(())
    }

    /// Checks that no domain above this name has an identity of others. SES would use the new identity for this name
    /// instead of theirs, and refuse their emails.
    async fn check_above(
        &self,
        tenant: &TenantId,
        name: &DomainName,
        related: &[SendingDomain],
    ) -> Result<(), DomainsError> {
        let is_own = |above: &DomainName| related.iter().any(|own| own.name == *above);
        for above in name.above().iter().filter(|above| !is_own(above)) {
            let identity = self.identities.identity(above).await?;
            if identity.is_some_and(|identity| !is_of(&identity, tenant)) {
                let message = format!(
                    "name: Amazon SES has the identity {above} for a parent of this domain, and this deployment did not create it. Ask the deployer to register this domain"
                );
                return Err(ApiError::conflict(message).into());
            }
        }
        Ok(())
    }

    /// Makes sure that a domain has an identity with a MAIL FROM domain, and stores SES's answer. Returns `None` when
    /// the identity is not the tenant's, or the domain was removed.
    async fn complete(&self, domain: &SendingDomain, wait: Wait) -> Result<Option<Observed>, PortError> {
        let (name, tenant) = (&domain.name, &domain.tenant);
        let mut identity = self.identities.identity(name).await?;
        let has_failed = |identity: &Identity| identity.status == IdentityStatus::Failed && is_of(identity, tenant);
        if !domain.is_adopted && identity.as_ref().is_some_and(has_failed) {
            // SES verifies a failed identity only after it is deleted and created again.
            self.identities.delete_identity(name).await?;
            identity = None;
        }
        if identity.is_none() {
            let creation = self.identities.create_identity(name, tenant).await?;
            if creation == IdentityCreation::Existed {
                identity = self.identities.identity(name).await?;
            }
        }
        if identity.as_ref().is_some_and(|identity| !is_of(identity, tenant)) {
            if !domain.is_adopted {
                return Ok(None);
            }
            self.identities.adopt_identity(name, tenant).await?;
        }
        let is_demanded = identity.as_ref().is_some_and(|identity| identity.demands_mail_from);
        match identity.and_then(|identity| identity.mail_from) {
            None => {
                let mail_from = domain.mail_from();
                self.identities.set_mail_from(name, &mail_from, false).await?;
            }
            // SES verifies a failed MAIL FROM domain again after it is set again.
            Some((mail_from, IdentityStatus::Failed)) => {
                self.identities.set_mail_from(name, &mail_from, is_demanded).await?;
            }
            Some(_) => {}
        }
        observe(&self.records, &self.identities, domain.clone(), wait, self.system.now()).await
    }

    /// Starts the verification of a domain again, and stores SES's answer.
    ///
    /// # Errors
    /// 404 when the tenant has no domain with this id. 409 when its identity is not ours. Or a backend call failed.
    pub async fn verify(&self, tenant: &TenantId, id: DomainId) -> Result<DomainChanged, DomainsError> {
        let domain = self.domain_of(tenant, id).await?;
        match self.complete(&domain, Wait::Restarted).await? {
            Some(_) => Ok(DomainChanged::new(id)),
            None => Err(of_the_account(&domain.name).into()),
        }
    }

    /// Deletes a domain, and its identity unless it was adopted.
    ///
    /// # Errors
    /// 404 when the tenant has no domain with this id. Or a backend call failed: the same request completes the deletion.
    pub async fn delete(&self, tenant: &TenantId, id: DomainId) -> Result<DomainDeleted, DomainsError> {
        let domain = self.domain_of(tenant, id).await?;
        let identity = self.identities.identity(&domain.name).await?;
        if identity.is_some_and(|identity| is_of(&identity, tenant)) {
            if domain.is_adopted {
                self.identities.release_identity(&domain.name).await?;
            } else {
                self.identities.delete_identity(&domain.name).await?;
            }
        }
        remove(&self.records, domain, self.system.now()).await?;
        Ok(DomainDeleted::new(id))
    }
}
