//! Holds of keys that are revoked, and of keys and tenants that lose From domains, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

mod lost_domains;
mod refusals;
mod revocations;

use domain::delivery::record::EmailRecord;
use domain::id::{KeyId, QueueKey, QueueName, TenantId};
use domain::queue::Queue;
use domain::tenant::Tenant;
use domain::tenant::key::{Actor, ApiKey};
use memory::MemoryBackend;
use memory::samples::{self, BORN};
use serde_json::Value;

use crate::common::{ask_of, authenticator, read};

const QUEUES: [&str; 2] = ["default", "news"];

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn queue(name: &str) -> QueueKey {
    QueueKey {
        tenant: tenant("acme"),
        name: QueueName::parse(name).unwrap(),
    }
}

/// Returns the nth key of a tenant.
fn key(of: &str, n: u8) -> KeyId {
    samples::key_of(&tenant(of), n).0.id
}

fn plant_key(backend: &MemoryBackend, of: &str, n: u8, change: impl FnOnce(ApiKey) -> ApiKey) {
    let (key, _) = samples::key_of(&tenant(of), n);
    backend.state().keys.insert(key.id, change(key));
}

fn plant_email(backend: &MemoryBackend, n: u8, with: KeyId, from: &str) {
    let record = EmailRecord {
        tenant: tenant("acme"),
        key: Some(with),
        from_domain: Some(from.to_owned()),
        ..samples::record(n, &samples::email().expect("the sample parses"))
    };
    backend.state().records.insert(record.email_key(), record);
}

/// Returns the tenants `acme` and `other`. `acme` has a queue `news` and three keys: 10 created 11, and 12 is
/// independent.
fn backend() -> MemoryBackend {
    let backend = MemoryBackend::default();
    backend.state().now_ms = BORN.as_millis();
    for name in ["acme", "other"] {
        let made = Tenant {
            id: tenant(name),
            created_at: BORN,
            ..Tenant::main()
        };
        backend.state().tenants.insert(made.id.clone(), made);
    }
    plant_key(&backend, "acme", 10, |key| key);
    let made_by = Actor::Key(key("acme", 10));
    plant_key(&backend, "acme", 11, |key| ApiKey {
        created_by: made_by,
        ..key
    });
    plant_key(&backend, "acme", 12, |key| key);
    plant_key(&backend, "other", 20, |key| key);
    let news = Queue::plain(queue("news"), BORN);
    backend.state().queues.insert(news.key.clone(), news);
    backend
}

fn text(of: &str, n: u8) -> String {
    samples::key_of(&tenant(of), n).1.as_str().to_owned()
}

async fn ask(backend: &MemoryBackend, with: &str, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let event = samples::event(with, method, path, &body);
    read(&ask_of(backend, &authenticator(), event).await)
}

async fn revoke(backend: &MemoryBackend, with: &str, n: u8, query: &str) -> (u16, Value) {
    let path = format!("/api-keys/{}?{query}", key("acme", n));
    ask(backend, with, "DELETE", &path, None).await
}

fn held(backend: &MemoryBackend) -> Vec<Vec<KeyId>> {
    let state = backend.state();
    let of = |name| state.queues.get(&queue(name)).map(|queue| queue.holds.keys());
    QUEUES.map(of).into_iter().map(Option::unwrap_or_default).collect()
}

fn is_revoked(backend: &MemoryBackend, n: u8) -> bool {
    backend.state().keys[&key("acme", n)].revoked.is_some()
}
