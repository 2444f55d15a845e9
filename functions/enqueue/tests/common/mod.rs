//! The function in a world in memory.

use std::time::Duration;

use domain::cost::Prices;
use enqueue::allowance::Purses;
use enqueue::queues::KnownQueues;
use enqueue::{Accepting, Enqueue};
use world::World;

/// The function over a world.
pub(crate) fn enqueue(world: &World) -> Enqueue<World, World, World, World> {
    Enqueue {
        records: world.clone(),
        bodies: world.clone(),
        priority_queues: world.clone(),
        system: world.clone(),
        with: Accepting {
            guard: Duration::from_secs(900),
            expires_after: Duration::from_secs(14 * 86_400),
            retention: Duration::from_secs(30 * 86_400),
            prices: Prices::standard(),
        },
        queues: KnownQueues::default(),
        purses: Purses::default(),
    }
}
