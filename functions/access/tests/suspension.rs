//! Suspension of a tenant: its queues hold the waiting emails until the deployer ends it.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use crate::common::{ask_of, authenticator, read};
use domain::id::{QueueKey, QueueName, TenantId};
use domain::queue::Queue;
use domain::queue::job::{Job, Task};
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

fn queue(name: &str) -> QueueKey {
    QueueKey {
        tenant: TenantId::parse("acme").unwrap(),
        name: QueueName::parse(name).unwrap(),
    }
}

async fn ask(backend: &MemoryBackend, method: &str, path: &str, body: &Value) -> u16 {
    let event = samples::event(samples::DEPLOYER_KEY, method, path, &body.to_string());
    read(&ask_of(backend, &authenticator(), event).await).0
}

/// Returns the tenant `acme` with the queue `news` and the deleted queue `old`.
async fn acme() -> MemoryBackend {
    let backend = MemoryBackend::default();
    backend.state().now_ms = BORN.as_millis();
    let made = json!({"name": "acme", "from_domains": ["acme.example"]});
    assert_eq!(ask(&backend, "POST", "/tenants", &made).await, 201);
    for (name, deleted) in [("news", false), ("old", true)] {
        let queue = Queue {
            version: 4,
            deleted,
            ..Queue::plain(queue(name), BORN)
        };
        backend.state().queues.insert(queue.key.clone(), queue);
    }
    backend
}

async fn suspend(backend: &MemoryBackend, suspended: bool) -> u16 {
    ask(backend, "PATCH", "/tenants/acme", &json!({"suspended": suspended})).await
}

fn is_suspended(backend: &MemoryBackend) -> Vec<bool> {
    let state = backend.state();
    let of = |name| state.queues.get(&queue(name)).is_some_and(|queue| queue.suspended);
    ["default", "news", "old"].map(of).to_vec()
}

fn jobs(backend: &MemoryBackend) -> Vec<Job> {
    let mut jobs: Vec<_> = backend.state().jobs.values().cloned().collect();
    jobs.sort_by_key(|job| job.queue.name.clone());
    jobs
}

#[tokio::test]
async fn a_suspension_holds_every_queue_of_the_tenant() {
    let backend = acme().await;
    let version_before = backend.state().account_rate.settings_version;
    assert_eq!(suspend(&backend, true).await, 200);
    assert_eq!(
        is_suspended(&backend),
        [true; 3],
        "also a queue that was deleted has emails"
    );
    assert_eq!(
        backend.state().account_rate.settings_version,
        version_before + 1,
        "senders reload the settings"
    );
    let begun: Vec<_> = jobs(&backend).into_iter().map(|job| (job.queue, job.task)).collect();
    assert_eq!(begun, [(queue("default"), Task::FollowTenant)]);

    assert_eq!(suspend(&backend, true).await, 200);
    assert_eq!(jobs(&backend).len(), 1, "the tenant is suspended already");

    assert_eq!(suspend(&backend, false).await, 200);
    assert_eq!(is_suspended(&backend), [false; 3]);
    let begun: Vec<_> = jobs(&backend)
        .into_iter()
        .map(|job| (job.queue.name.to_string(), job.task))
        .collect();
    let follows = ("default".to_owned(), Task::FollowTenant);
    let release = |name: &str| (name.to_owned(), Task::Release);
    assert_eq!(begun, [follows.clone(), follows, release("news"), release("old")]);
}

#[tokio::test]
async fn other_changes_do_not_change_the_queues() {
    let backend = acme().await;
    let before = backend.state().queues.clone();
    let change = json!({"daily_cap": 5});
    assert_eq!(ask(&backend, "PATCH", "/tenants/acme", &change).await, 200);
    assert_eq!(backend.state().queues, before);
}

#[tokio::test]
async fn an_interrupted_suspension_is_completed() {
    for suspended in [true, false] {
        for fault in [Fault::Before, Fault::After] {
            // The tenant, its three queues, and the senders, in this order.
            for failed in 0..5 {
                let backend = acme().await;
                if !suspended {
                    assert_eq!(suspend(&backend, true).await, 200);
                }
                let (what, nth) = match failed {
                    0 => ("save_tenant", 0),
                    4 => ("change_account_rate", 0),
                    nth => ("save_queue", nth - 1),
                };
                let mut faults = vec![Fault::None; nth];
                faults.push(fault);
                backend.state().faults_of.insert(what, faults.into());
                assert_eq!(suspend(&backend, suspended).await, 500, "{what} {nth}");
                assert_eq!(suspend(&backend, suspended).await, 200, "{what} {nth}");
                assert_eq!(is_suspended(&backend), [suspended; 3], "{what} {nth} {fault:?}");
            }
        }
    }
}
