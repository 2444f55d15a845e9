//! A sender in a world in memory.

use std::time::Duration;

use domain::lifecycle::Policy;
use domain::ports::Provider;
use send::queues::KnownQueues;
use send::rate_limiter::RateLimiter;
use send::suppressed::Suppressed;
use send::{Send, Sending, memory};
use world::World;

/// An environment that gives its emails to this provider.
pub(crate) fn sender<P: Provider>(world: &World, provider: P) -> Send<World, World, World, P, World> {
    Send {
        records: world.clone(),
        bodies: world.clone(),
        dead_letters: world.clone(),
        provider,
        system: world.clone(),
        with: with(),
        memory: memory(),
        rate_limiter: RateLimiter::default(),
        known: KnownQueues::default(),
        suppressed: Suppressed::default(),
    }
}

/// The timings of production.
pub(crate) fn with() -> Sending {
    Sending {
        policy: Policy::standard(),
        attempt_timeout: Duration::from_secs(10),
    }
}
