//! The list of emails over [`crate::State`], in shards, as in the index.

use domain::id::TenantId;
use domain::ports::{Listing, PortError};
use domain::reporting::listing::{Place, Start};

use crate::{Call, MemoryBackend, State};

/// Number of shards of the list.
const SHARDS: u16 = 4;

impl Listing for MemoryBackend {
    async fn places(&self, tenant: &TenantId, start: Start, count: usize) -> Result<Vec<Place>, PortError> {
        let tenant = tenant.clone();
        self.call(Call::reads("places", None), move |state| {
            let shards = (0..SHARDS).flat_map(|shard| start.nearest(shard_places(state, &tenant, shard), count));
            start.nearest(shards, count)
        })
        .await
    }
}

fn shard_places(state: &State, tenant: &TenantId, shard: u16) -> Vec<Place> {
    let records = state
        .records
        .values()
        .filter(|record| record.tenant == *tenant)
        .map(Place::of);
    let forgotten = state.forgotten.iter().copied();
    records
        .chain(forgotten)
        .filter(|place| place.id.shard(SHARDS) == shard)
        .collect()
}
