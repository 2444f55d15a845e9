//! The permissions that these commands need, and the holds that queues show.

use domain::id::TenantId;
use domain::tenant::Tenant;
use domain::tenant::key::{ApiKey, Permission};
use domain::tenant::sender::FromDomain;
use memory::MemoryBackend;
use memory::samples;
use serde_json::json;

use super::{backend, call, email, held, hold, key, plant};
use crate::common::{ask, read};

/// Returns the tenant `acme` with a key of this permission and these domains; and the key's text.
fn acme(backend: &MemoryBackend, permission: Permission, domains: &[&str]) -> String {
    let id = TenantId::parse("acme").unwrap();
    let (made, token) = samples::key_of(&id, 6);
    let made = ApiKey {
        permission,
        from_domains: domains
            .iter()
            .map(|domain| FromDomain::parse(domain).unwrap())
            .collect(),
        ..made
    };
    let tenant = Tenant {
        id: id.clone(),
        ..Tenant::main()
    };
    backend.state().tenants.insert(id, tenant);
    backend.state().keys.insert(made.id, made);
    token.as_str().to_owned()
}

#[tokio::test]
async fn actions_by_key_need_full_access_to_the_tenant() {
    let main = TenantId::main();
    for (permission, domains, expected) in [
        (Permission::FullAccess, &[][..], None),
        (Permission::FullAccess, &["example.com"], Some(401)),
        (Permission::SendingAccess, &[], Some(401)),
        (Permission::ReadAccess, &[], Some(401)),
    ] {
        let backend = backend();
        plant(&backend, email(&main, 1, key(1)));
        hold(&backend, main.clone(), &[key(1)]);
        let records_and_queues = || {
            let state = backend.state();
            (state.records.clone(), state.queues.clone())
        };
        let before = records_and_queues();
        let other = acme(&backend, permission, domains);
        for (act, done) in [("release", 202), ("cancel", 200)] {
            let path = format!("/emails/{act}?key={}", key(1));
            let (status, answer) = call(&backend, &other, &path, None).await;
            assert_eq!(status, expected.unwrap_or(done), "{act} {permission:?}: {answer}");
            if expected.is_none() {
                assert!(answer["released"] == false || answer["canceled"] == 0, "{answer}");
            }
        }
        assert_eq!(records_and_queues(), before, "{permission:?}");
    }
}

#[tokio::test]
async fn the_deployer_cancels_by_key_only() {
    let (backend, main) = (backend(), TenantId::main());
    plant(&backend, email(&main, 1, key(1)));
    hold(&backend, main.clone(), &[key(1)]);
    let ask = async |act: &str, tenant: Option<&str>| {
        let path = format!("/emails/{act}?key={}", key(1));
        call(&backend, samples::DEPLOYER_KEY, &path, tenant).await
    };
    assert_eq!(ask("release", Some("main")).await.0, 401, "a release would send emails");
    assert_eq!(held(&backend, main), [key(1)]);
    assert_eq!(ask("cancel", None).await.0, 422, "the tenant is missing");
    let (status, answer) = ask("cancel", Some("main")).await;
    assert_eq!((status, &answer["canceled"]), (200, &json!(1)), "{answer}");
}

#[tokio::test]
async fn queues_show_held_keys_and_new_ones_copy_them() {
    let (backend, main) = (backend(), TenantId::main());
    hold(&backend, main, &[key(1)]);
    let late = json!({"name": "late"}).to_string();
    let event = samples::event(samples::API_KEY, "POST", "/queues", &late);
    let (status, queue) = read(&ask(&backend, &event).await);
    assert_eq!(
        (status, &queue["held_keys"]),
        (201, &json!([key(1).to_string()])),
        "{queue}"
    );
}
