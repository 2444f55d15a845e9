//! One transaction at a time for each queue and environment.
//!
//! **Why:** every transaction that depends on a queue's state checks the queue's item, and DynamoDB lets
//! one transaction at a time have an item. Emails of one batch would only stand in each other's way.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use domain::queue::QueueKey;
use futures::lock::{Mutex, OwnedMutexGuard};

/// Queues that are remembered at most.
const MOST: usize = 1_000;

/// The gates of all queues. Clones are the same gates.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gates(Arc<std::sync::Mutex<HashMap<QueueKey, Arc<Mutex<()>>>>>);

impl Gates {
    /// Waits for a queue's gate, which is open again when the guard is dropped.
    pub(crate) async fn pass(&self, queue: &QueueKey) -> OwnedMutexGuard<()> {
        let gate = {
            let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if gates.len() >= MOST {
                // Who waits at a gate has it in hand; others only meet a conflict.
                gates.clear();
            }
            Arc::clone(gates.entry(queue.clone()).or_default())
        };
        gate.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use domain::id::TenantId;
    use domain::queue::QueueName;

    use super::*;

    #[tokio::test]
    async fn a_queue_lets_one_pass_and_others_do_not_wait() {
        let queue = |name: &str| QueueKey {
            tenant: TenantId::main(),
            name: QueueName::parse(name).unwrap(),
        };
        let gates = Gates::default();
        let first = gates.pass(&queue("news")).await;
        drop(gates.pass(&queue("mail")).await);
        let (again, one) = (gates.clone(), queue("news"));
        let second = async move { drop(again.pass(&one).await) };
        let mut second = std::pin::pin!(second);
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        second.await;
    }
}
