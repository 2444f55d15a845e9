//! One transaction at a time per queue and environment.
//!
//! **Why:** every transaction that depends on a queue's state checks the queue's item, and DynamoDB allows one
//! transaction at a time per item. Concurrent emails of one batch would only conflict.

use std::collections::HashMap;
use std::sync::Arc;

use domain::id::QueueKey;
use futures::lock::{Mutex, OwnedMutexGuard};

use crate::runtime::cache::lock;

/// Maximum number of queues with a gate.
const MOST: usize = 1_000;

/// Gates of all queues. Clones share the same gates.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gates(Arc<std::sync::Mutex<HashMap<QueueKey, Arc<Mutex<()>>>>>);

impl Gates {
    /// Waits for a queue's gate, which opens again when the guard is dropped.
    pub(crate) async fn pass(&self, queue: &QueueKey) -> OwnedMutexGuard<()> {
        let gate = {
            let mut gates = lock(&self.0);
            if gates.len() >= MOST {
                // Waiting callers keep their gates. A caller with a new gate for the same queue at worst meets a
                // conflict.
                gates.clear();
            }
            Arc::clone(gates.entry(queue.clone()).or_default())
        };
        gate.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use domain::id::{QueueName, TenantId};

    use super::*;

    #[tokio::test]
    async fn each_queue_admits_one_transaction_at_a_time() {
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
