//! Holds that the principal may not make.

use domain::tenant::Tenant;
use domain::tenant::key::ApiKey;
use domain::tenant::sender::FromDomain;
use memory::samples;
use serde_json::json;

use super::{ask, backend, held, is_revoked, key, plant_key, revoke, tenant, text};

#[tokio::test]
async fn only_the_deployer_holds_for_a_tenant() {
    let backend = backend();
    let deployer = samples::DEPLOYER_KEY;
    let keep = || json!({"from_domains": ["acme.example"]});
    for (with, path, change, expected) in [
        (&*text("acme", 10), "/tenants/acme?hold=true", keep(), 401),
        (deployer, "/tenants/acme?hold=true", json!({"rate": 1}), 422),
        (deployer, "/tenants/acme?hold=1", keep(), 422),
        (deployer, "/tenants/acme?holds=true", keep(), 422),
        (deployer, "/tenants/main?hold=true", keep(), 422),
        (deployer, "/tenants/nobody?hold=true", keep(), 404),
    ] {
        let (status, answer) = ask(&backend, with, "PATCH", path, Some(change)).await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
    assert!(backend.state().jobs.is_empty());
    assert_eq!(
        backend.state().tenants[&tenant("acme")].from_domains,
        Tenant::main().from_domains
    );
}

#[tokio::test]
async fn a_key_cannot_grant_domains_it_lacks() {
    let backend = backend();
    let own = vec![FromDomain::parse("acme.example").unwrap()];
    plant_key(&backend, "acme", 10, |key| ApiKey {
        from_domains: own.clone(),
        ..key
    });
    for changed in [10, 11] {
        let path = format!("/api-keys/{}", key("acme", changed));
        for (domains, expected) in [
            (json!(["acme.example"]), 200),
            (json!(["acme.example", "else.example"]), 401),
            (json!(["*"]), 401),
        ] {
            let body = json!({"from_domains": domains});
            let (status, answer) = ask(&backend, &text("acme", 10), "PATCH", &path, Some(body)).await;
            assert_eq!(status, expected, "{domains}: {answer}");
            assert_eq!(backend.state().keys[&key("acme", changed)].from_domains, own);
        }
    }
}

#[tokio::test]
async fn a_key_limited_to_domains_cannot_hold() {
    let backend = backend();
    plant_key(&backend, "acme", 10, |key| ApiKey {
        from_domains: vec![FromDomain::parse("acme.example").unwrap()],
        ..key
    });
    let narrowed = text("acme", 10);
    assert_eq!(revoke(&backend, &narrowed, 12, "hold=true").await.0, 401);
    let path = format!("/api-keys/{}?hold=true", key("acme", 12));
    let change = json!({"from_domains": ["acme.example"]});
    assert_eq!(ask(&backend, &narrowed, "PATCH", &path, Some(change)).await.0, 401);
    assert!(!is_revoked(&backend, 12) && backend.state().keys[&key("acme", 12)].from_domains.is_empty());
    assert_eq!(held(&backend), [vec![], vec![]]);
}

#[tokio::test]
async fn no_key_holds_for_another_tenant() {
    let backend = backend();
    let foreign = text("other", 20);
    for query in ["hold=true", "children=true&hold=true"] {
        assert_eq!(revoke(&backend, &foreign, 10, query).await.0, 404);
    }
    let path = format!("/api-keys/{}?hold=true", key("acme", 10));
    let change = json!({"from_domains": ["acme.example"]});
    assert_eq!(ask(&backend, &foreign, "PATCH", &path, Some(change)).await.0, 404);
    assert!(!is_revoked(&backend, 10));
    assert_eq!(held(&backend), [vec![], vec![]]);
    assert!(backend.state().jobs.is_empty());
    // A hold of the tenant's own key covers no email of another tenant either.
    let own = format!("/api-keys/{}?hold=true", key("other", 20));
    assert_eq!(ask(&backend, &foreign, "DELETE", &own, None).await.0, 200);
    assert_eq!(held(&backend), [vec![], vec![]]);
}

#[tokio::test]
async fn hostile_flags_and_ids_change_nothing() {
    let backend = backend();
    for query in [
        "hold=1",
        "hold=true&hold=true",
        "hold=TRUE",
        "hold",
        "holds=true",
        "hold=true%00",
    ] {
        let (status, answer) = revoke(&backend, samples::DEPLOYER_KEY, 10, query).await;
        assert_eq!(status, 422, "{query}: {answer}");
    }
    let path = format!("/api-keys/{}%00?hold=true", key("acme", 10));
    assert_eq!(ask(&backend, samples::DEPLOYER_KEY, "DELETE", &path, None).await.0, 404);
    assert!(!is_revoked(&backend, 10));
}
