//! API keys, tenants and quotas.

use super::failure::PortError;
use crate::delivery::record::EmailRecord;
use crate::id::{EmailKey, KeyId, TenantId};
use crate::tenant::Tenant;
use crate::tenant::key::{Actor, ApiKey, KeyChange};
use crate::tenant::quota::Window;
use crate::timestamp::Timestamp;

/// The API keys.
pub trait Keys: Sync {
    /// Reads a key, revoked or not.
    fn key(&self, id: KeyId) -> impl Future<Output = Result<Option<ApiKey>, PortError>> + Send;

    /// True if a tenant has a webhook that has not ended at `now`, as the last read of its key and of the tenant itself
    /// showed. It makes no call: where nobody needs it, it is false.
    fn has_webhooks_as_read(&self, tenant: &TenantId, now: Timestamp) -> bool;

    /// The keys of a tenant that are not revoked, newest first. Reads are not consistent: a new key may be missing.
    fn keys(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<ApiKey>, PortError>> + Send;

    /// Stores a new key.
    fn add_key(&self, key: &ApiKey) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Changes a key; `false` if there is no such key, or if it is revoked. As with [`Self::revoke`], `of` limits it to
    /// one tenant.
    fn change(
        &self,
        of: Option<&TenantId>,
        id: KeyId,
        change: &KeyChange,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Revokes a key for good; `false` if there is no such key, or if it is revoked already. With a tenant in `of`,
    /// only that tenant's keys are found.
    fn revoke(
        &self,
        of: Option<&TenantId>,
        id: KeyId,
        by: Actor,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Stores the hour of a key's last use, unless a later one is stored.
    fn record_use(&self, id: KeyId, hour: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The created tenants; `main` is not among them.
pub trait Tenants: Sync {
    /// Reads a tenant. A deleted one is missing.
    fn tenant(&self, id: &TenantId) -> impl Future<Output = Result<Option<Tenant>, PortError>> + Send;

    /// All of them, newest first. Reads are not consistent.
    fn tenants(&self) -> impl Future<Output = Result<Vec<Tenant>, PortError>> + Send;

    /// Writes a tenant under the number of its last change; `false` if another write came before.
    fn save_tenant(&self, tenant: &Tenant) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// The time at which a tenant of this name was deleted. Its name is never free again.
    fn deleted_at(&self, id: &TenantId) -> impl Future<Output = Result<Option<Timestamp>, PortError>> + Send;

    /// Replaces a tenant by a tombstone, under the number of its last change; `false` if another write came before.
    fn delete_tenant(&self, tenant: &Tenant, now: Timestamp) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// The unfinished work of a tenant.
pub trait Work: Sync {
    /// Reads records consistently, without delivery statuses and servers' messages. A record that this program cannot
    /// read is `None`; a missing one is left out.
    fn bare_records(
        &self,
        keys: &[EmailKey],
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Option<EmailRecord>>, PortError>> + Send;

    /// The number of a tenant's jobs that are not done and revive ended emails
    /// ([`crate::queue::job::Task::revives_ended_emails`]), read consistently. A job that this program cannot read
    /// counts.
    fn reviving_jobs(&self, tenant: &TenantId) -> impl Future<Output = Result<usize, PortError>> + Send;
}

/// The use of a tenant's quotas by all environments.
pub trait Quotas: Sync {
    /// Leases `ask` from a window's counter, if so much is left.
    fn lease_quota(
        &self,
        tenant: &TenantId,
        window: &Window,
        ask: u64,
    ) -> impl Future<Output = Result<QuotaOutcome, PortError>> + Send;

    /// Recipients that all environments have leased from a window. It leases nothing.
    fn leased_quota(&self, tenant: &TenantId, window: &Window) -> impl Future<Output = Result<u64, PortError>> + Send;
}

/// The result of a lease, each with the amount that all environments have leased by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaOutcome {
    /// The amount is leased.
    Granted(u64),
    /// Too little is left, and nothing is leased.
    Refused(u64),
}
