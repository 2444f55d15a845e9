//! Identities of the account that this deployment did not create.

use domain::id::TenantId;
use domain::ports::domains::Identities;
use domain::tenant::domains::identity::{Identity, IdentityStatus};
use memory::{MemoryBackend, samples};
use serde_json::{Value, json};

use crate::{ask, create, name, request};

fn foreign(backend: &MemoryBackend, domain: &str) {
    let identity = Identity {
        status: IdentityStatus::Verified,
        may_send: true,
        tokens: ["x", "y", "z"].map(str::to_owned).to_vec(),
        ..Identity::default()
    };
    backend.state().identities.insert(name(domain), identity);
}

async fn by_the_deployer(backend: &MemoryBackend, body: Value) -> (u16, Value) {
    let authorization = format!("Bearer {}", samples::DEPLOYER_KEY);
    let headers = [
        ("authorization", authorization.as_str()),
        ("x-mailqueue-tenant", "main"),
    ];
    let (status, text) = request(backend, &headers, ("POST", "/domains"), Some(body)).await;
    (status, serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn a_tenant_gets_no_identity_of_the_account() {
    let backend = MemoryBackend::default();
    foreign(&backend, "example.com");
    let before = backend.state().identities.clone();
    for domain in ["example.com", "mail.example.com", "a.b.example.com"] {
        let (status, error) = create(&backend, domain).await;
        assert_eq!((status, &error["name"]), (409, &json!("validation_error")), "{domain}");
    }
    let (status, _) = ask(
        &backend,
        "POST",
        "/domains",
        Some(json!({"name": "example.com", "adopt": true})),
    )
    .await;
    assert_eq!(status, 401);
    assert_eq!(backend.state().identities, before);
    assert!(backend.state().domains.is_empty() && backend.state().registry.unverified.is_empty());
}

#[tokio::test]
async fn the_deployer_adopts_an_identity_for_a_tenant() {
    let backend = MemoryBackend::default();
    foreign(&backend, "example.com");
    let (status, _) = by_the_deployer(&backend, json!({"name": "example.com"})).await;
    assert_eq!(status, 409, "an adoption is explicit");
    let (status, domain) = by_the_deployer(&backend, json!({"name": "example.com", "adopt": true})).await;
    assert_eq!(
        (status, &domain["status"], &domain["verified"]),
        (201, &json!("verified"), &json!("now"))
    );
    assert!(backend.state().registry.unverified.is_empty());
    let path = format!("/domains/{}", domain["id"].as_str().unwrap());
    assert_eq!(ask(&backend, "GET", &path, None).await.0, 200);

    assert_eq!(ask(&backend, "DELETE", &path, None).await.0, 200);
    let identity = backend.identity(&name("example.com")).await.unwrap().unwrap();
    assert_eq!(identity.owner, None, "the identity stays, without our mark");
}

#[tokio::test]
async fn a_deletion_spares_an_identity_of_others() {
    let backend = MemoryBackend::default();
    let path = crate::created(&backend, "example.com").await;
    crate::at_ses(&backend, "example.com", |identity| {
        identity.owner = TenantId::parse("other")
    });
    assert_eq!(ask(&backend, "DELETE", &path, None).await.0, 200);
    assert!(backend.identity(&name("example.com")).await.unwrap().is_some());
}
