//! Keys, tenants and allowances in the world.

use super::{EmailKey, PortError};
use crate::access::allowance::Window;
use crate::access::key::{ApiKey, KeyChange, Maker};
use crate::access::tenant::Tenant;
use crate::id::{KeyId, TenantId};
use crate::record::EmailRecord;
use crate::timestamp::Timestamp;

/// The API keys.
pub trait Keys: Sync {
    /// Reads a key, revoked or not.
    fn key(&self, id: KeyId) -> impl Future<Output = Result<Option<ApiKey>, PortError>> + Send;

    /// The keys of a tenant that are not revoked, newest first. Read without consistency: one that was made
    /// this moment may not be there yet.
    fn keys(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<ApiKey>, PortError>> + Send;

    /// Stores a new key.
    fn add_key(&self, key: &ApiKey) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Changes a key; `false` when there is none that is not revoked. As [`Self::revoke`].
    fn change(
        &self,
        of: Option<&TenantId>,
        id: KeyId,
        change: &KeyChange,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Revokes a key for good; `false` when there is none that is not revoked. Who asks for a tenant finds
    /// that one's keys only.
    fn revoke(
        &self,
        of: Option<&TenantId>,
        id: KeyId,
        by: Maker,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Notes the hour of a key's last use, unless a later one is noted.
    fn note_use(&self, id: KeyId, hour: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The tenants that were made; `main` is none of them.
pub trait Tenants: Sync {
    /// Reads a tenant. One that was deleted is not there.
    fn tenant(&self, id: &TenantId) -> impl Future<Output = Result<Option<Tenant>, PortError>> + Send;

    /// All of them, newest first. Read without consistency.
    fn tenants(&self) -> impl Future<Output = Result<Vec<Tenant>, PortError>> + Send;

    /// Writes a tenant under the number of its last change; `false` when another write came before.
    fn save_tenant(&self, tenant: &Tenant) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// The time at which a tenant of this name was deleted. Its name is never free again.
    fn deleted_at(&self, id: &TenantId) -> impl Future<Output = Result<Option<Timestamp>, PortError>> + Send;

    /// Replaces a tenant by a tombstone, under the number of its last change; `false` when another write came before.
    fn delete_tenant(&self, tenant: &Tenant, now: Timestamp) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// The work of a tenant, for the question whether any is unfinished.
pub trait Work: Sync {
    /// Reads records without addresses' fates and servers' words, with what was last written. A record that this
    /// program cannot read is `None`; one that is gone is left out.
    fn bare_records(
        &self,
        keys: &[EmailKey],
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Option<EmailRecord>>, PortError>> + Send;

    /// The number of a tenant's jobs that are not done and revive ended emails ([`crate::queue::job::Task::revives`]),
    /// with what was last written. A job that this program cannot read counts.
    fn reviving_jobs(&self, tenant: &TenantId) -> impl Future<Output = Result<usize, PortError>> + Send;
}

/// What all environments have drawn of a tenant's limits.
pub trait Allowances: Sync {
    /// Draws so much of a window's counter, if it is there.
    fn draw(
        &self,
        tenant: &TenantId,
        window: &Window,
        ask: u64,
    ) -> impl Future<Output = Result<Drawn, PortError>> + Send;

    /// Recipients that all environments have drawn of a window. Draws nothing.
    fn drawn(&self, tenant: &TenantId, window: &Window) -> impl Future<Output = Result<u64, PortError>> + Send;
}

/// How a drawing ended; each with what all have drawn by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// It was drawn.
    Granted(u64),
    /// Less is left, and nothing was drawn.
    Refused(u64),
}
