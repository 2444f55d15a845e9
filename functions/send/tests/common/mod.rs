//! `send` in the in-memory backend.

use std::marker::PhantomData;
use std::time::Duration;

use domain::delivery::policy::Policy;
use domain::ports::Provider;
use memory::MemoryBackend;
use send::queues::QueueCache;
use send::rate_limiter::RateLimiter;
use send::suppression_filter::Suppressed;
use send::{Ports, SendFunction, SendSettings, memory};

/// The in-memory backend, with another provider.
#[derive(Debug)]
pub(crate) struct With<P>(PhantomData<P>);

impl<P: Provider> Ports for With<P> {
    type Records = MemoryBackend;
    type Bodies = MemoryBackend;
    type DeadLetters = MemoryBackend;
    type Provider = P;
    type System = MemoryBackend;
}

/// Returns an environment with this provider.
pub(crate) fn sender<P: Provider>(backend: &MemoryBackend, provider: P) -> SendFunction<With<P>> {
    SendFunction {
        records: backend.clone(),
        bodies: backend.clone(),
        dead_letters: backend.clone(),
        provider,
        system: backend.clone(),
        with: with(),
        memory: memory(),
        rate_limiter: RateLimiter::default(),
        known: QueueCache::default(),
        suppressed: Suppressed::default(),
    }
}

/// Returns the timings of production.
pub(crate) fn with() -> SendSettings {
    SendSettings {
        policy: Policy::standard(),
        attempt_timeout: Duration::from_secs(10),
    }
}
