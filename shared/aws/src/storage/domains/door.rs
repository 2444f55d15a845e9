//! The registry of sending domains for accepting emails: read together with the API key, so that it costs no call.
//!
//! **Invariant:** the authenticator reads a key at most thirty seconds before it is used, and each read brings the
//! registry. So the registry is as fresh as the key. An older one, after a clock's jump, is read again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::PortError;
use domain::ports::domains::{Domains, Door};
use domain::tenant::domains::Registry;
use domain::timestamp::Timestamp;

use super::to_registry;
use crate::runtime::cache::lock;
use crate::runtime::failure::port;
use crate::storage::attributes::Item;
use crate::storage::table::{Table, keys};

/// Longest use of a registry, as of a cached key.
const FRESH: Duration = Duration::from_secs(30);

/// The last read registry, with the time of its first use.
#[derive(Debug, Clone, Default)]
pub(crate) struct DoorCell(Arc<Mutex<Option<LastRead>>>);

#[derive(Debug)]
struct LastRead {
    registry: Arc<Registry>,
    /// Time of the first use, right after the read.
    since: Option<Timestamp>,
}

impl DoorCell {
    fn put(&self, registry: Registry) -> Arc<Registry> {
        let registry = Arc::new(registry);
        *lock(&self.0) = Some(LastRead {
            registry: Arc::clone(&registry),
            since: None,
        });
        registry
    }

    fn fresh(&self, now: Timestamp) -> Option<Arc<Registry>> {
        let mut last = lock(&self.0);
        let last = last.as_mut()?;
        let since = *last.since.get_or_insert(now);
        (now.since(since) <= FRESH).then(|| Arc::clone(&last.registry))
    }
}

impl Table {
    /// Reads an item; with a door also the registry, in the same call.
    pub(crate) async fn get_through_door(&self, key: Item, what: &'static str) -> Result<Option<Item>, PortError> {
        let Some(door) = &self.door else {
            return self.get(key, what).await;
        };
        let items = self.get_many(vec![key, keys::domain_registry()], what).await?;
        let (registry, mut others): (Vec<Item>, Vec<Item>) = items.into_iter().partition(keys::is_domain_registry);
        let registry = to_registry(registry.first());
        door.put(registry.map_err(|error| port(what)(error.into()))?);
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
