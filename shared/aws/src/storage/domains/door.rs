//! The registry of sending domains and the flags of webhooks, for accepting emails: read together with the API key and
//! its tenant, so that they cost no call.
//!
//! **Invariant:** the authenticator reads a key at most thirty seconds before it is used, and each read brings the
//! registry. So the registry is as fresh as the key. An older one, after a clock's jump, is read again. The authenticator
//! keeps the flag with the key, for the same time.

use std::sync::Arc;

use domain::id::TenantId;
use domain::ports::PortError;
use domain::ports::domains::{Domains, Door};
use domain::tenant::domains::Registry;
use domain::timestamp::Timestamp;

use super::to_registry;
use crate::storage::attributes::Item;
use crate::storage::table::door::DoorCell;
use crate::storage::table::{Table, keys};
use crate::storage::webhooks::{FOR_EVER, raised_until};

impl Table {
    /// Returns the same table with a door: it reads the registry of sending domains together with each API key.
    #[must_use]
    pub fn with_door(mut self) -> Self {
        self.door = Some(DoorCell::default());
        self
    }

    /// Reads an item; with a door also the registry and the flag of the tenant `main`, in the same call.
    pub(crate) async fn get_through_door(&self, key: Item, what: &'static str) -> Result<Option<Item>, PortError> {
        let Some(door) = &self.door else {
            return self.get(key, what).await;
        };
        let main = TenantId::main();
        let keys = vec![key, keys::domain_registry(), keys::webhooks::flag(&main)];
        let items = door.keep_flag(&main, self.get_many(keys, what).await?);
        let (registry, mut others): (Vec<Item>, Vec<Item>) = items.into_iter().partition(keys::is_domain_registry);
        // An unreadable registry must not stop all emails.
        let registry = to_registry(registry.first()).unwrap_or_else(|error| {
            tracing::error!(%error, "the registry of sending domains cannot be read");
            Registry::default()
        });
        door.put(registry);
        Ok(others.pop())
    }

    /// Reads a tenant's item; with a door also its flag, in the same call.
    pub(crate) async fn get_tenant_through_door(
        &self,
        tenant: &TenantId,
        what: &'static str,
    ) -> Result<Option<Item>, PortError> {
        let Some(door) = &self.door else {
            return self.get(keys::tenant(tenant), what).await;
        };
        let keys = vec![keys::tenant(tenant), keys::webhooks::flag(tenant)];
        Ok(door.keep_flag(tenant, self.get_many(keys, what).await?).pop())
    }
}

impl DoorCell {
    /// Takes the flag of a tenant out of the items of a read, and stores it.
    fn keep_flag(&self, tenant: &TenantId, items: Vec<Item>) -> Vec<Item> {
        let is_flag = |item: &Item| keys::webhooks::to_flag(item).as_ref() == Some(tenant);
        let (flag, others): (Vec<Item>, Vec<Item>) = items.into_iter().partition(is_flag);
        // An unreadable flag must not lose events: it counts as raised.
        let until = raised_until(flag.first()).unwrap_or_else(|error| {
            tracing::error!(%error, "the flag of a tenant's webhooks cannot be read");
            Some(FOR_EVER)
        });
        self.put_flag(tenant.clone(), until);
        others
    }
}

impl Door for Table {
    async fn recent_registry(&self, now: Timestamp) -> Result<Arc<Registry>, PortError> {
        if let Some(registry) = self.door.as_ref().and_then(|door| door.fresh(now)) {
            return Ok(registry);
        }
        let registry = self.registry().await?;
        Ok(match &self.door {
            Some(door) => door.put(registry),
            None => Arc::new(registry),
        })
    }
}
