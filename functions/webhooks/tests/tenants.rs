//! Webhooks of several tenants, and the rights of keys.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use domain::id::TenantId;
use domain::ports::webhooks::Webhooks;
use domain::tenant::Tenant;
use domain::tenant::key::{ApiKey, Permission};
use domain::tenant::sender::FromDomain;
use domain::webhook::event_type::EventType;
use memory::samples;
use serde_json::{Value, json};

use crate::common::{ENDPOINT, NOW, World, event, refused};

/// Adds a key of a tenant; returns its text.
fn key(world: &World, tenant: &str, number: u8, change: impl FnOnce(ApiKey) -> ApiKey) -> String {
    let id = TenantId::parse(tenant).unwrap();
    let (key, token) = samples::key_of(&id, number);
    let mut state = world.backend.state();
    if id != TenantId::main() {
        let tenant = Tenant {
            id: id.clone(),
            ..Tenant::main()
        };
        state.tenants.insert(id, tenant);
    }
    state.keys.insert(key.id, change(key));
    token.as_str().to_owned()
}

/// Every route with a webhook of `main`, and the bodies that it accepts.
fn calls(path: &str) -> Vec<(&'static str, String, Value)> {
    let stored = format!("{path}/events/{}", event(1));
    let change = json!({"status": "disabled"});
    let since = json!({"since": "2020-01-01T00:00:00Z"});
    vec![
        ("GET", path.to_owned(), Value::Null),
        ("PATCH", path.to_owned(), change),
        ("DELETE", path.to_owned(), Value::Null),
        ("POST", format!("{path}/signing-secret/rotate"), Value::Null),
        ("POST", format!("{path}/test"), Value::Null),
        ("POST", format!("{path}/recover"), since),
        ("GET", format!("{path}/events"), Value::Null),
        ("GET", stored.clone(), Value::Null),
        ("GET", format!("{stored}/attempts"), Value::Null),
        ("POST", format!("{stored}/replay"), Value::Null),
        (
            "GET",
            format!("{path}/jobs/{}", path.replace("/webhooks/", "")),
            Value::Null,
        ),
    ]
}

/// The routes that name no webhook.
fn plain_calls() -> Vec<(&'static str, String, Value)> {
    let new = json!({"endpoint": ENDPOINT, "events": ["email.sent"]});
    vec![
        ("GET", "/webhooks".to_owned(), Value::Null),
        ("POST", "/webhooks".to_owned(), new),
    ]
}

/// A world with a webhook of `main` that has an event and a job.
async fn world() -> (World, String) {
    let world = World::default();
    let path = world.created().await;
    world.stored(&path, 1, EventType::Sent).await;
    let since = json!({"since": "2020-01-01T00:00:00Z"});
    world.must("POST", &format!("{path}/recover"), since).await;
    (world, path)
}

#[tokio::test]
async fn webhooks_are_hidden_from_other_tenants() {
    let (world, path) = world().await;
    let other = key(&world, "other", 9, |key| key);
    let before = world.backend.webhooks_of(&TenantId::main(), NOW).await.unwrap();
    for (method, path, body) in calls(&path) {
        let (status, answer) = world.ask_as(&other, method, &path, body).await;
        assert_eq!((status, &answer["name"]), (404, &json!("not_found")), "{method} {path}");
    }
    let (_, list) = world.ask_as(&other, "GET", "/webhooks", Value::Null).await;
    assert_eq!(list["data"], json!([]));
    let id = path.replace("/webhooks/", "");
    let after = world
        .ask_as(&other, "GET", &format!("/webhooks?after={id}"), Value::Null)
        .await;
    refused(after, (422, "validation_error", "after: no webhook has this id"));
    assert_eq!(world.backend.webhooks_of(&TenantId::main(), NOW).await.unwrap(), before);
}

#[tokio::test]
async fn tenants_count_their_webhooks_apart() {
    let world = World::default();
    let other = key(&world, "other", 9, |key| key);
    for _ in 0..10 {
        world.created().await;
    }
    let body = json!({"endpoint": ENDPOINT, "events": ["email.sent"]});
    assert_eq!(world.ask_as(&other, "POST", "/webhooks", body).await.0, 201);
}

/// A webhook shows every email, and its secret.
#[tokio::test]
async fn only_a_key_with_full_access_to_all_emails_may() {
    let (world, path) = world().await;
    let reading = key(&world, "main", 21, |key| ApiKey {
        permission: Permission::ReadAccess,
        ..key
    });
    let sending = key(&world, "main", 22, |key| ApiKey {
        permission: Permission::SendingAccess,
        ..key
    });
    let narrow = key(&world, "main", 23, |key| ApiKey {
        from_domains: vec![FromDomain::parse("shop.example").unwrap()],
        ..key
    });
    let before = world.backend.webhooks_of(&TenantId::main(), NOW).await.unwrap();
    for (method, path, body) in calls(&path).into_iter().chain(plain_calls()) {
        for (key, beginning) in [
            (reading.as_str(), "This API key may only read."),
            (&sending, "This API key may only send emails."),
            (
                &narrow,
                "This API key is limited to some From domains, and a webhook covers all emails",
            ),
            (samples::DEPLOYER_KEY, "The deployer's key cannot"),
        ] {
            let answer = world.ask_as(key, method, &path, body.clone()).await;
            refused(answer, (401, "restricted_api_key", beginning));
        }
    }
    assert_eq!(world.backend.webhooks_of(&TenantId::main(), NOW).await.unwrap(), before);
}

/// The calls of the other tests are good: a key with full access may make each of them.
#[tokio::test]
async fn a_key_with_full_access_may_call_every_route() {
    let count = calls("").len() + plain_calls().len();
    for place in 0..count {
        let (world, path) = world().await;
        let mut all = calls(&path);
        all.extend(plain_calls());
        let (method, path, body) = all.swap_remove(place);
        let (status, answer) = world.ask(method, &path, body).await;
        // The world has a recovery that is not done.
        let is_good = if path.ends_with("/recover") {
            status == 409
        } else {
            status < 300
        };
        assert!(is_good, "{method} {path}: {status} {answer}");
    }
}
