//! The function in the in-memory backend.

use std::time::Duration;

use domain::reporting::cost::Prices;
use enqueue::queues::QueueCache;
use enqueue::quota::QuotaLeases;
use enqueue::{EnqueueFunction, EnqueueSettings};
use memory::MemoryBackend;

/// The function over a backend.
pub(crate) fn enqueue(backend: &MemoryBackend) -> EnqueueFunction<MemoryBackend> {
    EnqueueFunction {
        records: backend.clone(),
        bodies: backend.clone(),
        priority_queues: backend.clone(),
        system: backend.clone(),
        with: EnqueueSettings {
            guard: Duration::from_secs(900),
            expires_after: Duration::from_secs(14 * 86_400),
            retention: Duration::from_secs(30 * 86_400),
            prices: Prices::standard(),
            requires_domains: false,
        },
        queues: QueueCache::default(),
        quota_leases: QuotaLeases::default(),
        senders: enqueue::senders::KnownSenders::default(),
    }
}
