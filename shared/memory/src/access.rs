//! API keys, tenants and quotas over [`State`](crate::State).

use domain::delivery::record::EmailRecord;
use domain::id::{EmailKey, KeyId, TenantId};
use domain::ports::PortError;
use domain::ports::access::{Keys, QuotaOutcome, Quotas, Tenants, Work};
use domain::tenant::Tenant;
use domain::tenant::key::{Actor, ApiKey, KeyChange};
use domain::tenant::quota::Window;
use domain::timestamp::Timestamp;

use crate::{Call, MemoryBackend};

impl Keys for MemoryBackend {
    async fn key(&self, id: KeyId) -> Result<Option<ApiKey>, PortError> {
        self.call(Call::reads("key", None), move |state| state.keys.get(&id).cloned())
            .await
    }

    /// Not a call of its own: the table reads the flag together with the API key.
    fn has_webhooks_as_read(&self, tenant: &TenantId, now: Timestamp) -> bool {
        self.state().hooks.is_flagged(tenant, now)
    }

    async fn keys(&self, tenant: &TenantId) -> Result<Vec<ApiKey>, PortError> {
        let tenant = tenant.clone();
        self.call(Call::reads("keys", None), move |state| {
            let all = state.keys.values();
            let live = all.filter(|key| key.tenant == tenant && key.revoked.is_none());
            let mut keys: Vec<_> = live.cloned().collect();
            keys.sort_by_key(|key| std::cmp::Reverse((key.created_at, key.id)));
            keys
        })
        .await
    }

    async fn add_key(&self, key: &ApiKey) -> Result<(), PortError> {
        let key = key.clone();
        self.call(Call::writes("add_key", None), move |state| {
            state.keys.insert(key.id, key.clone());
        })
        .await
    }

    async fn change(&self, of: Option<&TenantId>, id: KeyId, change: &KeyChange) -> Result<bool, PortError> {
        let (of, change) = (of.cloned(), change.clone());
        self.call(Call::writes("change_key", None), move |state| {
            let key = state.keys.get_mut(&id).filter(|key| key.revoked.is_none());
            let Some(key) = key.filter(|key| of.as_ref().is_none_or(|tenant| *tenant == key.tenant)) else {
                return false;
            };
            if let Some(name) = &change.name {
                key.name.clone_from(name);
            }
            if let Some(domains) = &change.from_domains {
                key.from_domains.clone_from(domains);
            }
            true
        })
        .await
    }

    async fn revoke(&self, of: Option<&TenantId>, id: KeyId, by: Actor, now: Timestamp) -> Result<bool, PortError> {
        let of = of.cloned();
        self.call(Call::writes("revoke", None), move |state| {
            let Some(key) = state.keys.get_mut(&id) else {
                return false;
            };
            let theirs = of.as_ref().is_some_and(|tenant| *tenant != key.tenant);
            if theirs || key.revoked.is_some_and(|before| before != (now, by)) {
                return false;
            }
            key.revoked = Some((now, by));
            true
        })
        .await
    }

    async fn record_use(&self, id: KeyId, hour: Timestamp) -> Result<(), PortError> {
        self.call(Call::writes("record_use", None), move |state| {
            if let Some(key) = state.keys.get_mut(&id) {
                key.last_used_at = key.last_used_at.max(Some(hour));
            }
        })
        .await
    }
}

impl Tenants for MemoryBackend {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, PortError> {
        let id = id.clone();
        self.call(Call::reads("tenant", None), move |state| {
            state.tenants.get(&id).cloned()
        })
        .await
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, PortError> {
        self.call(Call::reads("tenants", None), |state| {
            let mut tenants: Vec<_> = state.tenants.values().cloned().collect();
            tenants.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
            tenants
        })
        .await
    }

    async fn save_tenant(&self, tenant: &Tenant) -> Result<bool, PortError> {
        let tenant = tenant.clone();
        self.call(Call::writes("save_tenant", None), move |state| {
            if state.deleted_tenants.contains_key(&tenant.id) {
                return false;
            }
            let there = state.tenants.get(&tenant.id);
            if there == Some(&tenant) {
                return true;
            }
            let unchanged = there.map(|there| there.version) == tenant.version.checked_sub(1);
            if unchanged {
                state.tenants.insert(tenant.id.clone(), tenant.clone());
            }
            unchanged
        })
        .await
    }

    async fn deleted_at(&self, id: &TenantId) -> Result<Option<Timestamp>, PortError> {
        let id = id.clone();
        self.call(Call::reads("deleted_at", None), move |state| {
            state.deleted_tenants.get(&id).copied()
        })
        .await
    }

    async fn delete_tenant(&self, tenant: &Tenant, now: Timestamp) -> Result<bool, PortError> {
        self.writer();
        let tenant = tenant.clone();
        self.call(Call::writes("delete_tenant", None), move |state| {
            if state.deleted_tenants.get(&tenant.id) == Some(&now) {
                return true;
            }
            let unchanged = state.tenants.get(&tenant.id).map(|there| there.version) == Some(tenant.version);
            if unchanged {
                state.tenants.remove(&tenant.id);
                state.deleted_tenants.insert(tenant.id.clone(), now);
            }
            unchanged
        })
        .await
    }
}

impl Work for MemoryBackend {
    async fn bare_records(&self, keys: &[EmailKey], _now: Timestamp) -> Result<Vec<Option<EmailRecord>>, PortError> {
        let keys = keys.to_vec();
        self.call(Call::reads("bare_records", None), move |state| {
            let records = keys.iter().filter_map(|key| state.records.get(key));
            records.cloned().map(Some).collect()
        })
        .await
    }

    async fn reviving_jobs(&self, tenant: &TenantId) -> Result<usize, PortError> {
        let tenant = tenant.clone();
        self.call(Call::reads("reviving_jobs", None), move |state| {
            let jobs = state.jobs.values();
            jobs.filter(|job| job.queue.tenant == tenant && !job.done && job.task.revives_ended_emails())
                .count()
        })
        .await
    }
}

impl Quotas for MemoryBackend {
    async fn lease_quota(&self, tenant: &TenantId, window: &Window, ask: u64) -> Result<QuotaOutcome, PortError> {
        let (tenant, window) = (tenant.clone(), *window);
        self.call(Call::writes("lease_quota", None), move |state| {
            let key = (tenant.clone(), window.limit, window.begins);
            let drawn = state.drawn.entry(key).or_default();
            let after = drawn.saturating_add(ask);
            if after > window.most {
                return QuotaOutcome::Refused(*drawn);
            }
            *drawn = after;
            QuotaOutcome::Granted(after)
        })
        .await
    }

    async fn leased_quota(&self, tenant: &TenantId, window: &Window) -> Result<u64, PortError> {
        let key = (tenant.clone(), window.limit, window.begins);
        self.call(Call::reads("leased_quota", None), move |state| {
            state.drawn.get(&key).copied().unwrap_or_default()
        })
        .await
    }
}
