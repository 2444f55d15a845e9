//! Domains of several tenants, and the rights of keys.

use domain::id::TenantId;
use domain::tenant::Tenant;
use domain::tenant::key::Permission;
use domain::tenant::sender::FromDomain;
use memory::{Fault, MemoryBackend, samples};
use serde_json::{Value, json};

use crate::{created, request};

/// Creates a tenant with a key, and returns the value of its `Authorization` header.
fn tenant(backend: &MemoryBackend, name: &str, number: u8, from_domains: &[&str]) -> String {
    let id = TenantId::parse(name).unwrap();
    let from_domains = from_domains
        .iter()
        .map(|text| FromDomain::parse(text).unwrap())
        .collect();
    let (key, token) = samples::key_of(&id, number);
    let mut state = backend.state();
    let tenant = Tenant {
        id: id.clone(),
        from_domains,
        ..Tenant::main()
    };
    state.tenants.insert(id, tenant);
    state.keys.insert(key.id, key);
    format!("Bearer {}", token.as_str())
}

async fn asks(
    backend: &MemoryBackend,
    authorization: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let (status, text) = request(backend, &[("authorization", authorization)], (method, path), body).await;
    (status, serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn related_domains_have_one_tenant() {
    let backend = MemoryBackend::default();
    let other = tenant(&backend, "other", 9, &["*"]);
    created(&backend, "mail.example.com").await;
    for name in ["mail.example.com", "example.com", "a.mail.example.com"] {
        let (status, error) = asks(&backend, &other, "POST", "/domains", Some(json!({"name": name}))).await;
        assert_eq!((status, &error["name"]), (409, &json!("validation_error")), "{name}");
    }
    let (status, _) = asks(
        &backend,
        &other,
        "POST",
        "/domains",
        Some(json!({"name": "shop.example.com"})),
    )
    .await;
    assert_eq!(status, 201, "a sibling is not related");
}

#[tokio::test]
async fn a_domain_is_hidden_from_other_tenants() {
    let backend = MemoryBackend::default();
    let other = tenant(&backend, "other", 9, &["*"]);
    let path = created(&backend, "example.com").await;
    for (method, path) in [
        ("GET", path.clone()),
        ("DELETE", path.clone()),
        ("POST", format!("{path}/verify")),
    ] {
        assert_eq!(
            asks(&backend, &other, method, &path, None).await.0,
            404,
            "{method} {path}"
        );
    }
    let (_, list) = asks(&backend, &other, "GET", "/domains", None).await;
    assert_eq!(list["data"], json!([]));
}

#[tokio::test]
async fn from_domains_limit_the_registered_names() {
    let backend = MemoryBackend::default();
    let other = tenant(&backend, "other", 9, &["shop.example.com"]);
    for (name, expected) in [("example.com", 401), ("shop.example.com", 201)] {
        let (status, _) = asks(&backend, &other, "POST", "/domains", Some(json!({"name": name}))).await;
        assert_eq!(status, expected, "{name}");
    }
}

#[tokio::test]
async fn only_full_access_changes_domains() {
    let backend = MemoryBackend::default();
    let path = created(&backend, "example.com").await;
    for (permission, reads) in [(Permission::ReadAccess, 200), (Permission::SendingAccess, 401)] {
        let (mut key, token) = samples::key_of(&TenantId::main(), 9);
        key.permission = permission;
        backend.state().keys.insert(key.id, key);
        let authorization = format!("Bearer {}", token.as_str());
        assert_eq!(asks(&backend, &authorization, "GET", "/domains", None).await.0, reads);
        for (method, path, body) in [
            ("POST", "/domains".to_owned(), Some(json!({"name": "other.example"}))),
            ("PATCH", path.clone(), Some(json!({}))),
            ("DELETE", path.clone(), None),
            ("POST", format!("{path}/verify"), None),
        ] {
            assert_eq!(
                asks(&backend, &authorization, method, &path, body).await.0,
                401,
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_concurrent_registration_is_seen() {
    let backend = MemoryBackend::default();
    backend
        .state()
        .faults_of
        .insert("register_domain", [Fault::Repeated].into());
    created(&backend, "example.com").await;
    // The first registration raised the version, so a write that expects the old version is refused.
    let registry = backend.state().registry.clone();
    assert_eq!(registry.version, 1);
    let stale = domain::tenant::domains::Registry::default();
    let domain = backend.state().domains.values().next().unwrap().clone();
    let other = domain::tenant::domains::SendingDomain {
        name: crate::name("other.example"),
        ..domain
    };
    let registered = domain::ports::domains::Domains::register_domain(&backend, &other, &stale).await;
    assert!(!registered.unwrap());
}
