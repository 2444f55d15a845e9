//! `promote` in the in-memory backend.

use std::time::Duration;

use domain::delivery::policy::Policy;
use memory::MemoryBackend;
use promote::PromoteFunction;

pub(crate) fn promote(
    backend: &MemoryBackend,
) -> PromoteFunction<
    MemoryBackend,
    MemoryBackend,
    MemoryBackend,
    MemoryBackend,
    MemoryBackend,
    MemoryBackend,
    MemoryBackend,
> {
    let (records, priority_queues, dead_letters) = (backend.clone(), backend.clone(), backend.clone());
    let (evidence, account, system) = (backend.clone(), backend.clone(), backend.clone());
    let policy = Policy::standard();
    PromoteFunction {
        records,
        bodies: backend.clone(),
        priority_queues,
        dead_letters,
        evidence,
        account,
        system,
        policy,
        expires_after: Duration::from_secs(14 * 86_400),
        retention: Duration::from_secs(30 * 86_400),
        most_messages: domain::delivery::priority_queue::MOST_MESSAGES,
    }
}
