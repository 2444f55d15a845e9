//! `promote` in the in-memory backend.

use std::time::Duration;

use domain::delivery::policy::Policy;
use memory::MemoryBackend;
use promote::PromoteFunction;

pub(crate) fn promote(backend: &MemoryBackend) -> PromoteFunction<MemoryBackend> {
    PromoteFunction {
        records: backend.clone(),
        bodies: backend.clone(),
        priority_queues: backend.clone(),
        dead_letters: backend.clone(),
        delivery_tasks: backend.clone(),
        evidence: backend.clone(),
        account: backend.clone(),
        identities: backend.clone(),
        system: backend.clone(),
        policy: Policy::standard(),
        expires_after: Duration::from_secs(14 * 86_400),
        retention: Duration::from_secs(30 * 86_400),
        most_messages: domain::delivery::priority_queue::MOST_MESSAGES,
    }
}
