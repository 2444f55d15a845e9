//! The facts that webhooks need of an accepted email.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use aws::http::auth::Authenticator;
use aws::http::{endpoint, gateway};
use aws::runtime::settings::KeySettings;
use domain::delivery::hook::Hook;
use domain::id::TenantId;
use memory::hooks::Flag;
use memory::{MemoryBackend, samples};
use serde_json::{Value, json};

const EVENT: &str = include_str!("../../../events/enqueue.json");

/// Sends a request with the idempotency key `order-1`.
async fn post(backend: &MemoryBackend, path: &str, body: Value) -> u16 {
    let mut event: Value = serde_json::from_str(EVENT).unwrap();
    let fields = event.as_object_mut().unwrap();
    fields.insert("rawPath".to_owned(), path.into());
    fields.insert("body".to_owned(), body.to_string().into());
    let headers = fields.get_mut("headers").and_then(Value::as_object_mut).unwrap();
    headers.insert("idempotency-key".to_owned(), "order-1".into());
    let request = gateway::request(serde_json::from_value(event).unwrap()).unwrap();
    let authenticator = Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY));
    let response = endpoint::handle(&crate::common::enqueue(backend), &authenticator, request).await;
    response.status().as_u16()
}

fn with_webhooks(count: usize) -> MemoryBackend {
    let backend = MemoryBackend::default();
    let flag = Flag { count, version: 1 };
    backend.state().hooks.flags.insert(TenantId::main(), flag);
    backend
}

fn hooks(backend: &MemoryBackend) -> Vec<Option<Hook>> {
    let state = backend.state();
    state.records.values().map(|record| record.hook.clone()).collect()
}

fn email() -> Value {
    json!({
        "from": "shop@example.com", "to": ["Ann@example.org", "bob@example.org"], "cc": "ann@example.org",
        "bcc": "eve@example.org", "subject": "Hello", "text": "Hello",
    })
}

#[tokio::test]
async fn an_email_names_its_recipients_and_its_key() {
    let backend = with_webhooks(1);
    assert_eq!(post(&backend, "/emails", email()).await, 200);
    let recipients = ["ann@example.org", "bob@example.org", "eve@example.org"];
    let expected = Hook::new(recipients, Some("order-1".to_owned()));
    assert_eq!(hooks(&backend), [Some(expected)]);
}

#[tokio::test]
async fn each_email_of_a_batch_has_its_own_recipients() {
    let backend = with_webhooks(1);
    let second = json!({"from": "shop@example.com", "to": "zoe@example.org", "subject": "Hi", "text": "Hi"});
    assert_eq!(post(&backend, "/emails/batch", json!([email(), second])).await, 200);
    let counts: Vec<_> = hooks(&backend)
        .into_iter()
        .flatten()
        .map(|hook| hook.recipients.len())
        .collect();
    assert_eq!(counts.iter().sum::<usize>(), 4);
    let keys: Vec<_> = hooks(&backend)
        .into_iter()
        .flatten()
        .map(|hook| hook.idempotency_key)
        .collect();
    assert_eq!(keys, [Some("order-1".to_owned()), Some("order-1".to_owned())]);
}

/// The flag comes with the key.
#[tokio::test]
async fn a_tenant_without_a_webhook_pays_nothing() {
    let (without, with) = (with_webhooks(0), with_webhooks(1));
    for backend in [&without, &with] {
        assert_eq!(post(backend, "/emails", email()).await, 200);
    }
    assert_eq!(hooks(&without), [None]);
    assert_eq!(
        without.state().calls,
        with.state().calls,
        "no call more, with a webhook neither"
    );
}
