//! The deployer, acting for a tenant, reads no content and sends nothing.

use std::collections::BTreeSet;

use aws::http::auth::TENANT_HEADER;
use memory::samples;
use openapi::operation::Operation;

use crate::caller::Call;
use crate::tenants::{good_calls, is_of_the_deployer, two_tenants};

/// Texts that occur only in the content of the emails of [`two_tenants`], or in servers' messages about them.
const PLANTED: [&str; 4] = ["example.com", "Hello", "Hi", "a virus"];

/// Returns a successful call for every operation, with the deployer's key and the name of a tenant.
fn calls_for(tenant: &str) -> Vec<(Call, Operation)> {
    let deployer = format!("Bearer {}", samples::DEPLOYER_KEY);
    let acting = |call: Call| call.header("authorization", &deployer).header(TENANT_HEADER, tenant);
    let calls = good_calls().into_iter();
    calls.map(|(call, operation)| (acting(call), operation)).collect()
}

#[tokio::test]
async fn the_deployer_reads_no_content_and_sends_nothing() {
    let mut answered = BTreeSet::new();
    for (call, operation) in calls_for("main") {
        if !operation.for_operator {
            continue;
        }
        // An answer that depends on content would reveal it.
        if call.query.contains("to=") {
            let (status, answer) = call.ask(&two_tenants().0, &operation).await;
            assert_eq!((status, &answer["name"]), (401, &"restricted_api_key".into()));
            continue;
        }
        let (backend, _) = two_tenants();
        let records = backend.state().records.len();
        let (status, answer) = call.ask(&backend, &operation).await;
        assert!(status < 300, "{}: {answer}", operation.name);
        let text = answer.to_string();
        for planted in PLANTED {
            assert!(!text.contains(planted), "{}: {text}", operation.name);
        }
        let state = backend.state();
        assert_eq!(state.records.len(), records, "{}", operation.name);
        assert!(!state.calls.contains(&"load_body"), "{}", operation.name);
        answered.insert(operation.name);
    }
    let expected = [
        "cancel_email",
        "cancel_emails",
        "create_console_code",
        "create_domain",
        "failures",
        "get_domain",
        "get_email",
        "get_job",
        "get_queue",
        "list_domains",
        "list_emails",
        "list_events",
        "list_queues",
        "metrics",
        "pause_queue",
        "purge_queue",
        "resume_queue",
    ];
    assert_eq!(answered.into_iter().collect::<Vec<_>>(), expected);
}

/// With the tenant's own key the planted texts appear: the test above can fail.
#[tokio::test]
async fn the_tenant_reads_the_content() {
    let mut shown = String::new();
    for (call, operation) in good_calls() {
        if operation.for_operator {
            shown.push_str(&call.ask(&two_tenants().0, &operation).await.1.to_string());
        }
    }
    for planted in PLANTED {
        assert!(shown.contains(planted), "{planted}");
    }
}

#[tokio::test]
async fn the_deployer_finds_nothing_of_another_tenant() {
    for (call, operation) in calls_for("acme") {
        if operation.for_operator && operation.path.contains('{') {
            let (backend, _) = two_tenants();
            let (status, answer) = call.ask(&backend, &operation).await;
            assert_eq!(status, 404, "{}: {answer}", operation.name);
        }
    }
}

#[tokio::test]
async fn a_tenants_key_names_no_other_tenant() {
    for (call, operation) in good_calls() {
        // Without a key, no tenant is named: the header changes nothing.
        if operation.public || is_of_the_deployer(&operation) {
            continue;
        }
        for (named, allowed) in [("acme", false), ("No name", false), ("", false), ("main", true)] {
            let (backend, _) = two_tenants();
            let (status, answer) = call
                .clone()
                .header(TENANT_HEADER, named)
                .ask(&backend, &operation)
                .await;
            let refused = (status, &answer["name"]) == (401, &"restricted_api_key".into());
            assert_eq!(!refused, allowed, "{} {named:?}: {status} {answer}", operation.name);
        }
    }
}

#[tokio::test]
async fn a_tenant_in_the_header_is_refused_for_keys_and_tenants() {
    let mut tried = 0;
    for (call, operation) in calls_for("main") {
        if operation.path.starts_with("/api-keys") || is_of_the_deployer(&operation) {
            let (status, answer) = call.ask(&two_tenants().0, &operation).await;
            assert_eq!(status, 422, "{}: {answer}", operation.name);
            let message = answer["message"].as_str().unwrap();
            assert!(message.starts_with("x-mailqueue-tenant: "), "{message}");
            tried += 1;
        }
    }
    assert!(tried >= 8, "{tried}");
}
