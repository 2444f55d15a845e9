//! `send` in the in-memory backend.

use std::time::Duration;

use domain::delivery::policy::Policy;
use domain::ports::Provider;
use memory::MemoryBackend;
use send::queues::QueueCache;
use send::rate_limiter::RateLimiter;
use send::suppression_filter::Suppressed;
use send::{SendFunction, SendSettings, memory};

/// Returns an environment with this provider.
pub(crate) fn sender<P: Provider>(
    backend: &MemoryBackend,
    provider: P,
) -> SendFunction<MemoryBackend, MemoryBackend, MemoryBackend, P, MemoryBackend> {
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
