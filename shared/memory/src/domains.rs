//! Sending domains, identities and DNS over [`State`](crate::State).

use std::sync::Arc;

use domain::id::{DomainId, TenantId};
use domain::ports::domains::{Dns, Domains, Door, Identities};
use domain::ports::{PortError, QueueChange};
use domain::tenant::domains::dns::{DnsAnswer, RecordType};
use domain::tenant::domains::identity::{Identity, IdentityCreation, IdentityStatus};
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{Registry, SendingDomain, Verification};
use domain::timestamp::Timestamp;

use crate::queues::change_queue;
use crate::{Call, MemoryBackend};

/// The DKIM tokens of an identity: SES draws them at random.
#[must_use]
pub fn tokens(name: &DomainName) -> Vec<String> {
    let plain = name.as_str().replace('.', "-");
    (1..=3).map(|number| format!("{plain}{number}")).collect()
}

impl Identities for MemoryBackend {
    async fn identity(&self, name: &DomainName) -> Result<Option<Identity>, PortError> {
        let name = name.clone();
        self.call(Call::reads("identity", None), move |state| {
            state.identities.get(&name).cloned()
        })
        .await
    }

    async fn create_identity(&self, name: &DomainName, tenant: &TenantId) -> Result<IdentityCreation, PortError> {
        let (name, tenant) = (name.clone(), tenant.clone());
        self.call(Call::writes("create_identity", None), move |state| {
            if state.identities.contains_key(&name) {
                return IdentityCreation::Existed;
            }
            let identity = Identity {
                status: IdentityStatus::Pending,
                tokens: tokens(&name),
                owner: Some(tenant.clone()),
                ..Identity::default()
            };
            state.identities.insert(name.clone(), identity);
            IdentityCreation::Created
        })
        .await
    }

    async fn adopt_identity(&self, name: &DomainName, tenant: &TenantId) -> Result<(), PortError> {
        let (name, tenant) = (name.clone(), tenant.clone());
        self.call(Call::writes("adopt_identity", None), move |state| {
            if let Some(identity) = state.identities.get_mut(&name) {
                identity.owner = Some(tenant.clone());
            }
        })
        .await
    }

    async fn release_identity(&self, name: &DomainName) -> Result<(), PortError> {
        let name = name.clone();
        self.call(Call::writes("release_identity", None), move |state| {
            if let Some(identity) = state.identities.get_mut(&name) {
                identity.owner = None;
            }
        })
        .await
    }

    async fn set_mail_from(&self, name: &DomainName, mail_from: &str, is_demanded: bool) -> Result<(), PortError> {
        let (name, mail_from) = (name.clone(), mail_from.to_owned());
        self.call(Call::writes("set_mail_from", None), move |state| {
            if let Some(identity) = state.identities.get_mut(&name) {
                identity.mail_from = Some((mail_from.clone(), IdentityStatus::Pending));
                identity.demands_mail_from = is_demanded;
            }
        })
        .await
    }

    async fn delete_identity(&self, name: &DomainName) -> Result<(), PortError> {
        let name = name.clone();
        self.call(Call::writes("delete_identity", None), move |state| {
            state.identities.remove(&name);
        })
        .await
    }
}

impl Dns for MemoryBackend {
    async fn look_up(&self, host: &str, record_type: RecordType) -> DnsAnswer {
        let found = self.state().dns.get(&(host.to_owned(), record_type)).cloned();
        found.unwrap_or_else(|| DnsAnswer::Values(Vec::new()))
    }
}

impl Domains for MemoryBackend {
    async fn registry(&self) -> Result<Registry, PortError> {
        self.call(Call::reads("registry", None), |state| state.registry.clone())
            .await
    }

    async fn domain_named(&self, name: &DomainName) -> Result<Option<SendingDomain>, PortError> {
        let key = name.reversed();
        self.call(Call::reads("domain_named", None), move |state| {
            state.domains.get(&key).cloned()
        })
        .await
    }

    async fn domain(&self, id: DomainId) -> Result<Option<SendingDomain>, PortError> {
        self.call(Call::reads("domain", None), move |state| {
            state.domains.values().find(|domain| domain.id == id).cloned()
        })
        .await
    }

    async fn domains_of(&self, tenant: &TenantId) -> Result<Vec<SendingDomain>, PortError> {
        let tenant = tenant.clone();
        self.call(Call::reads("domains_of", None), move |state| {
            let own = state.domains.values().filter(|domain| domain.tenant == tenant);
            let mut own: Vec<_> = own.cloned().collect();
            own.sort_by_key(|domain| std::cmp::Reverse((domain.created_at, domain.id)));
            own
        })
        .await
    }

    async fn related_domains(&self, name: &DomainName) -> Result<Vec<SendingDomain>, PortError> {
        let (above, key) = (name.above(), name.reversed());
        self.call(Call::reads("related_domains", None), move |state| {
            let below = format!("{key}.");
            let is_related = |(other, domain): &(&String, &SendingDomain)| {
                **other == key || other.starts_with(&below) || above.contains(&domain.name)
            };
            let related = state.domains.iter().filter(is_related);
            related.map(|(_, domain)| domain.clone()).collect()
        })
        .await
    }

    async fn register_domain(&self, domain: &SendingDomain, registry: &Registry) -> Result<bool, PortError> {
        let (domain, version) = (domain.clone(), registry.version);
        self.call(Call::writes("register_domain", None), move |state| {
            let key = domain.name.reversed();
            if state.domains.get(&key) == Some(&domain) {
                return true;
            }
            if state.registry.version != version || state.domains.contains_key(&key) {
                return false;
            }
            state.registry.version += 1;
            if domain.verification == Verification::Never {
                state.registry.unverified.insert(domain.name.to_string());
            }
            state.hooks.tell_domain(None, Some(&domain));
            state.domains.insert(key, domain.clone());
            true
        })
        .await
    }

    async fn save_domain(
        &self,
        before: &SendingDomain,
        domain: &SendingDomain,
        change: Option<&QueueChange>,
    ) -> Result<bool, PortError> {
        let (before, domain, change) = (before.clone(), domain.clone(), change.cloned());
        self.call(Call::writes("save_domain", None), move |state| {
            let key = domain.name.reversed();
            let stored = state.domains.get(&key);
            let Some(stored) = stored.filter(|stored| stored.id == before.id) else {
                return false;
            };
            if *stored == domain {
                return true;
            }
            let stored = stored.clone();
            if stored.version != before.version || !change_queue(state, change.as_ref()) {
                return false;
            }
            state.hooks.tell_domain(Some(&stored), Some(&domain));
            state.domains.insert(key, domain.clone());
            if before.is_first_verified_by(&domain) {
                state.registry.unverified.remove(domain.name.as_str());
            }
            true
        })
        .await
    }

    async fn remove_domain(&self, domain: &SendingDomain, change: Option<&QueueChange>) -> Result<bool, PortError> {
        let (domain, change) = (domain.clone(), change.cloned());
        self.call(Call::writes("remove_domain", None), move |state| {
            let key = domain.name.reversed();
            let stored = state.domains.get(&key);
            let is_other = stored.is_some_and(|stored| (stored.id, stored.version) != (domain.id, domain.version));
            if is_other || !change_queue(state, change.as_ref()) {
                return false;
            }
            let removed = state.domains.remove(&key);
            state.hooks.tell_domain(removed.as_ref(), None);
            state.registry.unverified.remove(domain.name.as_str());
            true
        })
        .await
    }

    async fn due_domains(&self, until: Timestamp, count: usize) -> Result<Vec<DomainName>, PortError> {
        self.call(Call::reads("due_domains", None), move |state| {
            let due = state.domains.values().filter_map(|domain| {
                let at = domain.next_check.filter(|at| *at <= until)?;
                Some((at, domain.name.clone()))
            });
            let mut due: Vec<_> = due.collect();
            due.sort();
            due.into_iter().take(count).map(|(_, name)| name).collect()
        })
        .await
    }
}

/// Not a call of its own: the table reads the registry together with the API key.
impl Door for MemoryBackend {
    async fn recent_registry(&self, _: Timestamp) -> Result<Arc<Registry>, PortError> {
        Ok(Arc::new(self.state().registry.clone()))
    }
}
