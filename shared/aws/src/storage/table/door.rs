//! The last read registry of sending domains, which a table with a door reads together with each API key.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::tenant::domains::Registry;
use domain::timestamp::Timestamp;

use crate::runtime::cache::lock;

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
    /// Stores a registry that was read now.
    pub(crate) fn put(&self, registry: Registry) -> Arc<Registry> {
        let registry = Arc::new(registry);
        *lock(&self.0) = Some(LastRead {
            registry: Arc::clone(&registry),
            since: None,
        });
        registry
    }

    /// Returns the registry unless it is too old.
    pub(crate) fn fresh(&self, now: Timestamp) -> Option<Arc<Registry>> {
        let mut last = lock(&self.0);
        let last = last.as_mut()?;
        let since = *last.since.get_or_insert(now);
        (now.since(since) <= FRESH).then(|| Arc::clone(&last.registry))
    }
}
