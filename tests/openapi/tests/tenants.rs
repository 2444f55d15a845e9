//! No tenant sees another's data, and no key gets more than its permission. The tests cover every described
//! operation, so that they cover a new one automatically.

use std::collections::BTreeSet;

use domain::delivery::suppression::SuppressionId;
use domain::id::{TenantId, UploadId};
use domain::message::attachment::{FileName, Upload, Uploaded};
use domain::tenant::Tenant;
use domain::tenant::key::{ApiKey, Permission};
use memory::MemoryBackend;
use memory::samples::{self, BORN};
use openapi::operation::Operation;
use serde_json::{Value, json};

use crate::caller::Call;
use crate::{backend, calls, webhook_calls};

/// Returns a backend whose data belong to the tenant `main`, with a second tenant `acme`; and the key of `acme`.
pub(crate) fn two_tenants() -> (MemoryBackend, String) {
    let backend = backend::backend();
    let id = TenantId::parse("acme").unwrap();
    let (key, token) = samples::key_of(&id, 201);
    {
        let mut state = backend.state();
        let created_at = BORN;
        let tenant = Tenant {
            id,
            created_at,
            ..Tenant::main()
        };
        state.tenants.insert(tenant.id.clone(), tenant);
        state.keys.insert(key.id, key);
    }
    (backend, format!("Bearer {}", token.as_str()))
}

/// Adds a key of `main` with a smaller permission; returns the header with it.
fn narrow(backend: &MemoryBackend, permission: Permission) -> String {
    let (key, token) = samples::key_of(&TenantId::main(), 202);
    backend.state().keys.insert(key.id, ApiKey { permission, ..key });
    format!("Bearer {}", token.as_str())
}

/// Returns a successful call for every operation, so that each kind of id occurs.
pub(crate) fn good_calls() -> Vec<(Call, Operation)> {
    let operations = openapi::operations();
    let operation = |call: &Call| operations.iter().find(|operation| operation.name == call.name).cloned();
    let good = calls::calls().into_iter().filter(|(_, status)| *status < 300);
    let mut good: Vec<_> = good.map(|(call, _)| (operation(&call).unwrap(), call)).collect();
    // A suppression is found by its id as well as by its address.
    let ada = domain::message::address::EmailAddress::parse("ada@example.com").unwrap();
    let by_id = format!("/suppressions/{}", SuppressionId::of(&TenantId::main(), &ada));
    for name in ["get_suppression", "remove_suppression"] {
        let call = Call::new(name, &by_id);
        good.push((operation(&call).unwrap(), call));
    }
    let tried: BTreeSet<&str> = good.iter().map(|(operation, _)| operation.name).collect();
    assert_eq!(tried.len(), operations.len());
    good.into_iter().map(|(operation, call)| (call, operation)).collect()
}

pub(crate) fn is_of_the_deployer(operation: &Operation) -> bool {
    operation.path.starts_with("/tenants")
}

#[tokio::test]
async fn another_tenants_ids_are_not_found() {
    let mut kinds = BTreeSet::new();
    for (call, operation) in good_calls() {
        // A URL with a token has no key, and therefore no tenant.
        if !operation.path.contains('{') || is_of_the_deployer(&operation) || operation.public {
            continue;
        }
        let (backend, foreign) = two_tenants();
        let (own, _) = call.ask(&backend, &operation).await;
        assert!(own < 300, "{} {}: {own}", operation.name, call.path);
        let (backend, _) = two_tenants();
        let before = format!("{:?}", backend.state().records);
        let (status, answer) = call
            .clone()
            .header("authorization", &foreign)
            .ask(&backend, &operation)
            .await;
        assert_eq!(
            (status, &answer["name"]),
            (404, &"not_found".into()),
            "{} {}",
            operation.name,
            call.path
        );
        let state = backend.state();
        assert_eq!(format!("{:?}", state.records), before, "{}", operation.name);
        assert!(state.keys.values().all(|key| key.revoked.is_none()));
        kinds.insert(operation.path.split('/').nth(1).unwrap().to_owned());
    }
    let all = ["api-keys", "domains", "emails", "queues", "suppressions", "webhooks"];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

#[tokio::test]
async fn another_tenants_ids_in_queries_and_bodies_fail() {
    let (backend, foreign) = two_tenants();
    let operations = openapi::operations();
    let upload = UploadId::of(samples::id(77));
    let upload_of_main = Uploaded {
        upload: Upload {
            filename: FileName::parse("a.pdf").unwrap(),
            content_type: None,
            size: 3,
        },
        size: 3,
    };
    backend
        .state()
        .uploads
        .insert((TenantId::main(), upload), (upload_of_main, b"abc".to_vec()));
    let (email, key) = (samples::id(1), samples::api_key().id);
    let suppression = SuppressionId::of(
        &TenantId::main(),
        &domain::message::address::EmailAddress::parse("ada@example.com").unwrap(),
    );
    let with_upload = json!({
        "from": "a@example.com", "to": "b@example.com", "subject": "S", "text": "T",
        "attachments": [{"id": upload.to_string()}],
    });
    let with_queue = json!({
        "from": "a@example.com", "to": "b@example.com", "subject": "S", "text": "T", "queue": "news",
    });
    for (name, path, query, body, own, theirs) in [
        (
            "list_emails",
            "/emails",
            format!("after={email}"),
            Value::Null,
            200,
            422,
        ),
        (
            "list_emails",
            "/emails",
            format!("before={email}"),
            Value::Null,
            200,
            422,
        ),
        (
            "list_suppressions",
            "/suppressions",
            format!("after={suppression}"),
            Value::Null,
            200,
            422,
        ),
        (
            "list_webhooks",
            "/webhooks",
            format!("after={}", samples::id(webhook_calls::WEBHOOK)),
            Value::Null,
            200,
            422,
        ),
        (
            "list_api_keys",
            "/api-keys",
            format!("after={key}"),
            Value::Null,
            200,
            422,
        ),
        (
            "list_api_keys",
            "/api-keys",
            "tenant=main".to_owned(),
            Value::Null,
            200,
            422,
        ),
        ("send_email", "/emails", String::new(), with_upload, 200, 422),
        ("send_email", "/emails", String::new(), with_queue, 200, 422),
        (
            "create_api_key",
            "/api-keys",
            String::new(),
            json!({"name": "k", "tenant": "main"}),
            201,
            422,
        ),
    ] {
        let operation = operations.iter().find(|operation| operation.name == name).unwrap();
        let mut call = Call::new(name, path);
        call.query = query.leak();
        if !body.is_null() {
            call = call.body(body.to_string());
        }
        let (status, answer) = call
            .clone()
            .header("authorization", &foreign)
            .ask(&backend, operation)
            .await;
        assert_eq!(status, theirs, "{name} {}: {answer}", call.query);
        let (status, answer) = call.ask(&backend, operation).await;
        assert_eq!(status, own, "{name} {}: {answer}", call.query);
    }
    let remove = operations
        .iter()
        .find(|operation| operation.name == "remove_suppressions")
        .unwrap();
    let call = Call::new("remove_suppressions", "/suppressions/batch/remove")
        .body(json!({"ids": [suppression.to_string()]}).to_string());
    for (key, deleted) in [(Some(&foreign), false), (None, true)] {
        let call = key.map_or_else(|| call.clone(), |key| call.clone().header("authorization", key));
        let (_, answer) = call.ask(&backend, remove).await;
        assert_eq!(answer["data"][0]["deleted"], deleted, "{answer}");
    }
}

#[tokio::test]
async fn lists_and_counts_show_no_other_tenant() {
    let (backend, foreign) = two_tenants();
    for (call, operation) in good_calls() {
        if operation.method != "get" || operation.path.contains('{') || is_of_the_deployer(&operation) {
            continue;
        }
        let (status, answer) = call
            .clone()
            .header("authorization", &foreign)
            .ask(&backend, &operation)
            .await;
        assert_eq!(status, 200, "{}", operation.name);
        let text = answer.to_string();
        for secret in [
            "example.com",
            "news",
            "\"full\"",
            "01010101",
            "02020202",
            "\"main\"",
            "sample",
        ] {
            // The description is public.
            assert!(
                operation.name == "describe" || !text.contains(secret),
                "{}: {text}",
                operation.name
            );
        }
    }
}

#[tokio::test]
async fn each_key_may_do_only_what_it_permits() {
    for (call, operation) in good_calls() {
        if operation.public {
            continue;
        }
        let sends = ["send_email", "send_emails", "invite_upload"].contains(&operation.name);
        let of_keys = operation.path.starts_with("/api-keys");
        // A webhook shows every email, and its signing secret.
        let of_webhooks = operation.path.starts_with("/webhooks");
        // Both give access to content that the key may read.
        let of_reading = ["create_preview", "create_console_code"].contains(&operation.name);
        let reads = of_reading || operation.method == "get" && !of_keys && !of_webhooks;
        let deployers = is_of_the_deployer(&operation);
        let (backend, _) = two_tenants();
        let full = format!("Bearer {}", samples::API_KEY);
        let deployer = format!("Bearer {}", samples::DEPLOYER_KEY);
        let sending = narrow(&backend, Permission::SendingAccess);
        let tries = [
            ("full access", full, !deployers),
            ("sending access", sending, sends && !deployers),
            (
                "the deployer's",
                deployer,
                deployers || of_keys || operation.for_operator || operation.for_viewer,
            ),
        ];
        for (name, key, allowed) in tries {
            let (backend, _) = two_tenants();
            narrow(&backend, Permission::SendingAccess);
            gate(&backend, &call, &operation, (name, &key, allowed)).await;
        }
        let (backend, _) = two_tenants();
        let reading = narrow(&backend, Permission::ReadAccess);
        gate(
            &backend,
            &call,
            &operation,
            ("read access", &reading, reads && !deployers),
        )
        .await;
    }
}

async fn gate(backend: &MemoryBackend, call: &Call, operation: &Operation, (name, key, allowed): (&str, &str, bool)) {
    let (status, answer) = call.clone().header("authorization", key).ask(backend, operation).await;
    let restricted = (status, &answer["name"]) == (401, &"restricted_api_key".into());
    assert_eq!(
        !restricted, allowed,
        "{name}: {} answered {status}: {answer}",
        operation.name
    );
    // A refused call has changed nothing and read only the key.
    if restricted {
        assert!(
            backend.state().calls.iter().all(|call| *call == "key"),
            "{name}: {}",
            operation.name
        );
    }
}
