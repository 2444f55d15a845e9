//! API keys and tenants: created, listed, revoked and changed, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

mod tenants;

use aws::http::auth::Authenticator;
use domain::id::TenantId;
use domain::limits::KEYS_MAX;
use domain::tenant::key::{Actor, Permission};
use domain::tenant::token;
use domain::timestamp::Timestamp;
use lambda_http::{Body, Response};
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

use crate::common::{ask_of, authenticator, read};

/// An environment with its cache.
struct Environment {
    backend: MemoryBackend,
    authenticator: Authenticator,
}

fn environment() -> Environment {
    let backend = MemoryBackend::default();
    backend.state().now_ms = BORN.as_millis();
    Environment {
        backend,
        authenticator: authenticator(),
    }
}

impl Environment {
    async fn ask(&self, key: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        read(&self.answer(samples::event(key, method, path, &body)).await)
    }

    /// Answers one of API Gateway's events.
    async fn answer(&self, event: Value) -> Response<Body> {
        ask_of(&self.backend, &self.authenticator, event).await
    }

    async fn deployer(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.ask(samples::DEPLOYER_KEY, method, path, body).await
    }

    /// Creates a key with the key `maker`, and returns the new key.
    async fn make(&self, maker: &str, body: Value) -> String {
        let (status, made) = self.ask(maker, "POST", "/api-keys", &body).await;
        assert_eq!(status, 201, "{made}");
        assert_eq!(made.as_object().unwrap().len(), 2, "{made}");
        let token = made["token"].as_str().unwrap().to_owned();
        let id = token::id_of(token.as_bytes()).expect("it has the form of a key");
        assert_eq!(made["id"], id.to_string());
        token
    }

    fn later(&self, seconds: i64) {
        self.backend.state().now_ms += seconds * 1_000;
    }
}

fn acme() -> Value {
    json!({"name": "acme", "from_domains": ["acme.example"]})
}

/// An event as Lambda delivers it.
#[tokio::test]
async fn the_golden_event_creates_a_key() {
    let it = environment();
    let event = serde_json::from_str(include_str!("../../../../events/access.json")).unwrap();
    let response = it.answer(event).await;
    assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
    let (status, made) = read(&response);
    assert_eq!(status, 201, "{made}");
    let id = token::id_of(made["token"].as_str().unwrap().as_bytes()).unwrap();
    let stored = it.backend.state().keys[&id].clone();
    let allowed = (stored.permission, stored.name, stored.from_domains.len());
    assert_eq!(allowed, (Permission::SendingAccess, "shop".to_owned(), 1));
}

#[tokio::test]
async fn the_deployers_key_creates_the_first_key() {
    let it = environment();
    let first = it.make(samples::DEPLOYER_KEY, json!({"name": "first"})).await;
    let second = it
        .make(
            &first,
            json!({"name": "second", "permission": "read_access", "domain_id": null}),
        )
        .await;
    let id = token::id_of(second.as_bytes()).unwrap();
    let stored = it.backend.state().keys[&id].clone();
    assert_eq!(
        (stored.tenant, stored.permission),
        (TenantId::main(), Permission::ReadAccess)
    );
    assert_eq!(stored.created_by, Actor::Key(token::id_of(first.as_bytes()).unwrap()));
    assert_eq!(stored.sha256, token::hash(second.as_bytes()));
    let renamed = it
        .ask(&first, "PATCH", &format!("/api-keys/{id}"), &json!({"name": "third"}))
        .await;
    assert_eq!(renamed, (200, json!({"object": "api_key", "id": id.to_string()})));
    let (status, list) = it.ask(&first, "GET", "/api-keys", &Value::Null).await;
    assert_eq!(status, 200);
    let names: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["name"].clone())
        .collect();
    assert!(
        names.contains(&"first".into()) && names.contains(&"third".into()),
        "{names:?}"
    );
    let shown = list.to_string();
    assert!(
        !shown.contains(&first) && !shown.contains(&second),
        "a key is shown once"
    );
    // This key may only read; only keys with full access create keys.
    let (status, refused) = it.ask(&second, "GET", "/api-keys", &Value::Null).await;
    assert_eq!((status, &refused["name"]), (401, &"restricted_api_key".into()));
}

#[tokio::test]
async fn a_key_is_rotated_and_revoked_permanently() {
    let it = environment();
    let old = it.make(samples::DEPLOYER_KEY, json!({"name": "shop"})).await;
    let new = it.make(&old, json!({"name": "shop"})).await;
    for key in [&old, &new] {
        assert_eq!(it.ask(key, "GET", "/api-keys", &Value::Null).await.0, 200);
    }
    let id = token::id_of(old.as_bytes()).unwrap();
    let path = format!("/api-keys/{id}");
    let (status, gone) = it.ask(&new, "DELETE", &path, &Value::Null).await;
    assert_eq!((status, &gone["deleted"]), (200, &true.into()));
    it.later(31);
    assert_eq!(it.ask(&old, "GET", "/api-keys", &Value::Null).await.0, 403);
    assert_eq!(it.ask(&new, "GET", "/api-keys", &Value::Null).await.0, 200);
    assert_eq!(it.ask(&new, "DELETE", &path, &Value::Null).await.0, 404);
    let (_, list) = it.ask(&new, "GET", "/api-keys", &Value::Null).await;
    assert!(
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|key| key["id"] != id.to_string())
    );
    let (at, by) = it.backend.state().keys[&id]
        .revoked
        .expect("the record names the revoking key");
    assert_eq!((at, by), (BORN, Actor::Key(token::id_of(new.as_bytes()).unwrap())));
}

#[tokio::test]
async fn a_key_has_no_more_rights_than_its_creator() {
    let it = environment();
    let narrow = json!({"name": "narrow", "from_domains": ["*.example.com", "example.com"], "expires_at": "in 1 hour"});
    let narrow = it.make(samples::DEPLOYER_KEY, narrow).await;
    let end = Some(Timestamp::from_millis(BORN.as_millis() + 3_600_000));
    for (wanted, status) in [
        (
            json!({"name": "k", "from_domains": ["shop.example.com"], "expires_at": "in 5 minutes"}),
            201,
        ),
        (json!({"name": "k"}), 201),
        (
            json!({"name": "k", "from_domains": ["*.example.com", "evil.example"]}),
            401,
        ),
        (json!({"name": "k", "from_domains": ["*"]}), 401),
        (json!({"name": "k", "expires_at": "in 2 hours"}), 401),
        (json!({"name": "k", "expires_at": "2020-01-01T00:00:00Z"}), 422),
        (json!({"name": "k", "tenant": "acme"}), 422),
    ] {
        let (got, answer) = it.ask(&narrow, "POST", "/api-keys", &wanted).await;
        assert_eq!(got, status, "{wanted}: {answer}");
    }
    let id = token::id_of(narrow.as_bytes()).unwrap();
    let state = it.backend.state();
    let children: Vec<_> = state
        .keys
        .values()
        .filter(|key| key.created_by == Actor::Key(id))
        .collect();
    assert_eq!(children.len(), 2);
    assert!(
        children
            .iter()
            .all(|key| !key.from_domains.is_empty() && key.expires_at <= end)
    );
}

#[tokio::test]
async fn the_deployer_manages_keys_of_every_tenant() {
    let it = environment();
    it.deployer("POST", "/tenants", &acme()).await;
    let key = it
        .make(samples::DEPLOYER_KEY, json!({"name": "theirs", "tenant": "acme"}))
        .await;
    let (_, theirs) = it.deployer("GET", "/api-keys?tenant=acme", &Value::Null).await;
    assert_eq!(
        (theirs["data"].as_array().unwrap().len(), &theirs["data"][0]["name"]),
        (1, &"theirs".into())
    );
    let (_, own) = it.deployer("GET", "/api-keys", &Value::Null).await;
    assert!(!own.to_string().contains("theirs"));
    let path = format!("/api-keys/{}", token::id_of(key.as_bytes()).unwrap());
    // Another tenant's key is not found, not even by a revocation.
    assert_eq!(it.ask(samples::API_KEY, "DELETE", &path, &Value::Null).await.0, 404);
    assert_eq!(it.deployer("DELETE", &path, &Value::Null).await.0, 200);
}

#[tokio::test]
async fn keys_are_limited_and_listed_in_pages() {
    let it = environment();
    let mut ids = Vec::new();
    for n in 1..KEYS_MAX {
        it.later(1);
        let key = it.make(samples::API_KEY, json!({"name": format!("key {n}")})).await;
        ids.push(token::id_of(key.as_bytes()).unwrap().to_string());
    }
    let (status, answer) = it
        .ask(samples::API_KEY, "POST", "/api-keys", &json!({"name": "one more"}))
        .await;
    assert_eq!((status, &answer["name"]), (409, &"validation_error".into()), "{answer}");
    ids.reverse();
    ids.push(samples::api_key().id.to_string());
    let (mut found, mut query) = (Vec::new(), "limit=30".to_owned());
    loop {
        let (status, page) = it
            .ask(samples::API_KEY, "GET", &format!("/api-keys?{query}"), &Value::Null)
            .await;
        assert_eq!(status, 200, "{page}");
        let page_ids = page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["id"].as_str().unwrap().to_owned());
        found.extend(page_ids);
        if page["has_more"] == false {
            break;
        }
        query = format!("limit=30&after={}", found.last().unwrap());
    }
    assert_eq!(found, ids);
    let (_, page) = it
        .ask(
            samples::API_KEY,
            "GET",
            &format!("/api-keys?limit=2&before={}", ids[5]),
            &Value::Null,
        )
        .await;
    let before: Vec<_> = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["id"].clone())
        .collect();
    assert_eq!(
        (before, &page["has_more"]),
        (vec![json!(ids[3]), json!(ids[4])], &true.into())
    );
}

#[tokio::test]
async fn a_revocation_with_children_includes_created_keys() {
    for fault in [None, Some(Fault::Before), Some(Fault::After)] {
        let it = environment();
        let leaked = it.make(samples::DEPLOYER_KEY, json!({"name": "leaked"})).await;
        let child = it.make(&leaked, json!({"name": "child"})).await;
        let grandchild = it.make(&child, json!({"name": "grandchild"})).await;
        let other = it.make(samples::DEPLOYER_KEY, json!({"name": "other"})).await;
        let id = |token: &str| token::id_of(token.as_bytes()).unwrap();
        // The key between the two is revoked already. The keys that it created are found all the same.
        let (status, _) = it
            .deployer("DELETE", &format!("/api-keys/{}", id(&child)), &Value::Null)
            .await;
        assert_eq!(status, 200);
        assert!(
            it.backend.state().keys[&id(&grandchild)].revoked.is_none(),
            "without children, no other key is revoked"
        );
        let path = format!("/api-keys/{}?children=true", id(&leaked));
        if let Some(fault) = fault {
            it.backend
                .state()
                .faults_of
                .insert("revoke", [Fault::None, fault].into());
            assert_eq!(it.deployer("DELETE", &path, &Value::Null).await.0, 500);
        }
        assert_eq!(it.deployer("DELETE", &path, &Value::Null).await.0, 200, "{fault:?}");
        let revoked = |token: &str| it.backend.state().keys[&id(token)].revoked.is_some();
        let all = [&leaked, &child, &grandchild, &other].map(|token| revoked(token));
        assert_eq!(all, [true, true, true, false], "{fault:?}");
        assert_eq!(
            it.deployer("DELETE", &path, &Value::Null).await.0,
            200,
            "the keys are revoked already"
        );
    }
}

/// No idempotency key covers the creation of an API key: a repeated request creates a second one.
#[tokio::test]
async fn a_throttled_key_creation_has_no_retry_after() {
    for (method, path, call, is_wanted) in [
        ("POST", "/api-keys", "add_key", false),
        ("GET", "/api-keys", "keys", true),
    ] {
        let it = environment();
        it.backend.state().faults_of.insert(call, [Fault::Throttled].into());
        let body = json!({"name": "shop"}).to_string();
        let mut event = samples::event(samples::DEPLOYER_KEY, method, path, &body);
        event["headers"]["idempotency-key"] = "once".into();
        let response = it.answer(event).await;
        assert_eq!(response.status().as_u16(), 503, "{method} {path}");
        let wanted = response.headers().contains_key("retry-after");
        assert_eq!(wanted, is_wanted, "{method} {path}");
    }
}
