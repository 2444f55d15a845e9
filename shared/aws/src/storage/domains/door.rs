//! The registry of sending domains for accepting emails: read together with the API key, so that it costs no call.
//!
//! **Invariant:** the authenticator reads a key at most thirty seconds before it is used, and each read brings the
//! registry. So the registry is as fresh as the key. An older one, after a clock's jump, is read again.

use std::sync::Arc;

use domain::ports::PortError;
use domain::ports::domains::{Domains, Door};
use domain::tenant::domains::Registry;
use domain::timestamp::Timestamp;

use super::to_registry;
use crate::storage::attributes::Item;
use crate::storage::table::door::DoorCell;
use crate::storage::table::{Table, keys};

impl Table {
    /// Returns the same table with a door: it reads the registry of sending domains together with each API key.
    #[must_use]
    pub fn with_door(mut self) -> Self {
        self.door = Some(DoorCell::default());
        self
    }

    /// Reads an item; with a door also the registry, in the same call.
    pub(crate) async fn get_through_door(&self, key: Item, what: &'static str) -> Result<Option<Item>, PortError> {
        let Some(door) = &self.door else {
            return self.get(key, what).await;
        };
        let items = self.get_many(vec![key, keys::domain_registry()], what).await?;
        let (registry, mut others): (Vec<Item>, Vec<Item>) = items.into_iter().partition(keys::is_domain_registry);
        // An unreadable registry must not stop all emails.
        let registry = to_registry(registry.first()).unwrap_or_else(|error| {
            tracing::error!(%error, "the registry of sending domains cannot be read");
            Registry::default()
        });
        door.put(registry);
        Ok(others.pop())
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
