//! The last read registry of sending domains, and the last read flags of webhooks: a table with a door reads them
//! together with each API key and each tenant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::id::TenantId;
use domain::tenant::domains::Registry;
use domain::timestamp::Timestamp;

use crate::runtime::cache::lock;

/// Longest use of a registry, as of a cached key.
const FRESH: Duration = Duration::from_secs(30);

/// Most tenants whose flag is kept. The authenticator asks right after a read.
const FLAGS_MAX: usize = 1_000;

/// The last read registry, with the time of its first use, and the flags of tenants.
#[derive(Debug, Clone, Default)]
pub(crate) struct DoorCell {
    last: Arc<Mutex<Option<LastRead>>>,
    flags: Arc<Mutex<HashMap<TenantId, Option<Timestamp>>>>,
}

#[derive(Debug)]
struct LastRead {
    registry: Arc<Registry>,
    /// Time of the first use, right after the read.
    since: Option<Timestamp>,
}

impl DoorCell {
    /// Stores a registry that was read now.
    pub(crate) fn put(&self, registry: Registry) -> Arc<Registry> {
        let registry = Arc::new(registry);
        *lock(&self.last) = Some(LastRead {
            registry: Arc::clone(&registry),
            since: None,
        });
        registry
    }

    /// Stores the time until which a tenant has a webhook.
    pub(crate) fn put_flag(&self, tenant: TenantId, until: Option<Timestamp>) {
        let mut flags = lock(&self.flags);
        if flags.len() >= FLAGS_MAX {
            flags.clear();
        }
        flags.insert(tenant, until);
    }

    /// Returns whether a tenant has a webhook at `now`, as the last read showed.
    pub(crate) fn flag(&self, tenant: &TenantId, now: Timestamp) -> bool {
        let until = lock(&self.flags).get(tenant).copied().flatten();
        until.is_some_and(|until| until > now)
    }

    /// Returns the registry unless it is too old.
    pub(crate) fn fresh(&self, now: Timestamp) -> Option<Arc<Registry>> {
        let mut last = lock(&self.last);
        let last = last.as_mut()?;
        let since = *last.since.get_or_insert(now);
        (now.since(since) <= FRESH).then(|| Arc::clone(&last.registry))
    }
}
