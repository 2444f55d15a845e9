//! Emails by their API key or From domain: released after a hold, and canceled, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

mod cancellations;
mod permissions;
mod releases;
mod restored;

use domain::delivery::record::EmailRecord;
use domain::id::{EmailId, KeyId, QueueKey, QueueName, TenantId};
use domain::queue::hold::{Hold, Holds};
use domain::queue::{Common, Queue};
use memory::MemoryBackend;
use memory::samples::{self, BORN};
use serde_json::Value;

use crate::common::{ask, read};

fn key(n: u8) -> KeyId {
    KeyId::from_bytes([n; 16])
}

fn default_queue(tenant: TenantId) -> QueueKey {
    QueueKey {
        tenant,
        name: QueueName::default(),
    }
}

/// Returns the nth waiting email of a tenant.
fn email(of: &TenantId, n: u16, with: KeyId) -> EmailRecord {
    EmailRecord {
        tenant: of.clone(),
        id: EmailId::from_random((u128::from(n) << 8).to_be_bytes()),
        key: Some(with),
        ..samples::record(1, &samples::email().expect("the sample parses"))
    }
}

fn plant(backend: &MemoryBackend, record: EmailRecord) {
    backend.state().records.insert(record.email_key(), record);
}

fn hold(backend: &MemoryBackend, of: TenantId, keys: &[KeyId]) {
    let with = |holds: Holds, key: &KeyId| holds.with(Hold::of_revoked_key(*key)).unwrap();
    let queue = Queue::plain(default_queue(of), BORN).with_common(&Common {
        holds: keys.iter().fold(Holds::default(), with),
        ..Common::default()
    });
    backend.state().queues.insert(queue.key.clone(), queue);
}

/// Returns an empty backend, at [`BORN`].
fn backend() -> MemoryBackend {
    samples::backend(0).expect("the samples parse")
}

async fn call(backend: &MemoryBackend, with: &str, path: &str, acting_for: Option<&str>) -> (u16, Value) {
    call_as(backend, with, ("POST", path), acting_for).await
}

async fn call_as(
    backend: &MemoryBackend,
    with: &str,
    (method, path): (&str, &str),
    acting_for: Option<&str>,
) -> (u16, Value) {
    let mut event = samples::event(with, method, path, "");
    if let Some(tenant) = acting_for {
        event["headers"]["x-mailqueue-tenant"] = tenant.into();
    }
    read(&ask(backend, &event).await)
}

async fn cancel(backend: &MemoryBackend, n: u8, after: Option<&str>) -> (u16, Value) {
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    let path = format!("/emails/cancel?key={}{after}", key(n));
    call(backend, samples::API_KEY, &path, None).await
}

fn held(backend: &MemoryBackend, tenant: TenantId) -> Vec<KeyId> {
    backend.state().queues[&default_queue(tenant)].holds.keys()
}
