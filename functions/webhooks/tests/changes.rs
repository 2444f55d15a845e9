//! Changes, deletions and rotations.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::time::Duration;

use domain::id::TenantId;
use domain::ports::webhooks::{EndpointHealth, WebhookFlags, WebhookSecrets, Webhooks};
use domain::webhook::health::{Calls, Health};
use domain::webhook::secret::{Secrets, SigningSecret};
use domain::webhook::settings::DisabledBy;
use memory::Fault;
use serde_json::{Value, json};

use crate::common::{ENDPOINT, NOW, SECRET, World, key_of, refused};

const OTHER: &str = "https://hook.example.com/other";

async fn secrets(world: &World, path: &str) -> Secrets {
    let stored = world.backend.secrets(&key_of(path)).await.unwrap().unwrap();
    stored.readable().unwrap()
}

/// Lets the endpoint of a webhook fail several times.
async fn fail(world: &World, path: &str) {
    let calls = Calls {
        failures: 6,
        ..Calls::default()
    };
    let before = world.backend.health(&key_of(path)).await.unwrap();
    let (after, _) = before.after_calls(0, calls, NOW);
    world
        .backend
        .change_health(&key_of(path), &before, &after)
        .await
        .unwrap();
}

async fn failures(world: &World, path: &str) -> u32 {
    world.backend.health(&key_of(path)).await.unwrap().failures
}

#[tokio::test]
async fn a_change_is_shown_and_answers_in_resends_form() {
    let world = World::default();
    let path = world.created().await;
    let change = json!({"endpoint": OTHER, "events": ["email.opened"], "status": "disabled"});
    let changed = world.must("PATCH", &path, change).await;
    assert_eq!(
        changed,
        json!({"object": "webhook", "id": key_of(&path).id.to_string()})
    );
    let shown = world.must("GET", &path, Value::Null).await;
    assert_eq!(
        (
            &shown["endpoint"],
            &shown["events"],
            &shown["status"],
            &shown["disabled_by"]
        ),
        (
            &json!(OTHER),
            &json!(["email.opened"]),
            &json!("disabled"),
            &json!("caller")
        )
    );
    assert_eq!(shown["signing_secret"], SECRET);
}

/// Resend's Python SDK repeats the id in the body.
#[tokio::test]
async fn a_repeated_id_must_be_that_of_the_path() {
    let world = World::default();
    let path = world.created().await;
    let id = key_of(&path).id.to_string();
    world
        .must("PATCH", &path, json!({"webhook_id": id, "events": ["email.sent"]}))
        .await;
    let other = json!({"webhook_id": "00000000-0000-4000-8000-000000000000", "events": ["email.sent"]});
    refused(
        world.ask("PATCH", &path, other).await,
        (422, "validation_error", "webhook_id: must equal the id in the path"),
    );
}

#[tokio::test]
async fn bad_changes_are_refused() {
    let world = World::default();
    let path = world.created().await;
    for (body, name, beginning) in [
        (json!({}), "missing_required_field", "endpoint: give an endpoint"),
        (
            json!({"status": "on"}),
            "validation_error",
            "status: must be enabled or disabled",
        ),
        (json!({"events": ["x"]}), "validation_error", "events[0]: unknown event"),
        (
            json!({"signing_secret": SECRET}),
            "validation_error",
            "signing_secret: unknown field",
        ),
    ] {
        refused(world.ask("PATCH", &path, body).await, (422, name, beginning));
    }
    assert_eq!(world.ask("PATCH", &path, json!("x")).await.0, 400);
    let nobody = "/webhooks/00000000-0000-4000-8000-000000000000";
    let missing = (404, "not_found", "No webhook has this id. See GET /webhooks.");
    refused(world.ask("PATCH", nobody, json!({"status": "enabled"})).await, missing);
    refused(world.ask("GET", nobody, Value::Null).await, missing);
    refused(world.ask("DELETE", nobody, Value::Null).await, missing);
}

#[tokio::test]
async fn a_new_endpoint_starts_without_failures() {
    let world = World::default();
    let path = world.created().await;
    fail(&world, &path).await;
    let shown = world.must("GET", &path, Value::Null).await;
    let end = NOW.after(Duration::from_secs(5 * 86_400)).to_string();
    assert_eq!(
        (&shown["state"], &shown["failing_since"], &shown["disables_at"]),
        (&json!("failing"), &json!(NOW.to_string()), &json!(end))
    );
    world.must("PATCH", &path, json!({"events": ["email.sent"]})).await;
    assert_eq!(failures(&world, &path).await, 6, "the same endpoint");
    world.must("PATCH", &path, json!({"endpoint": OTHER})).await;
    assert_eq!(world.backend.health(&key_of(&path)).await.unwrap(), Health::default());
    let shown = world.must("GET", &path, Value::Null).await;
    assert_eq!((&shown["state"], shown.get("disables_at")), (&json!("ok"), None));
}

/// A crash between the two writes must not leave the failures of another endpoint.
#[tokio::test]
async fn a_repeated_change_forgets_the_failures_too() {
    for (call, fault) in [
        ("reset_health", Fault::Before),
        ("save_webhook", Fault::Before),
        ("save_webhook", Fault::After),
    ] {
        let world = World::default();
        let path = world.created().await;
        fail(&world, &path).await;
        world.backend.state().faults_of.insert(call, [fault].into());
        assert_eq!(
            world.ask("PATCH", &path, json!({"endpoint": OTHER})).await.0,
            500,
            "{call}"
        );
        world.must("PATCH", &path, json!({"endpoint": OTHER})).await;
        assert_eq!(failures(&world, &path).await, 0, "{call} {fault:?}");
    }
}

#[tokio::test]
async fn an_enabled_webhook_starts_without_failures() {
    let world = World::default();
    let path = world.created().await;
    fail(&world, &path).await;
    let stored = world.backend.webhook(&key_of(&path), NOW).await.unwrap().unwrap();
    let disabled = stored.webhook.disabled(DisabledBy::Failures, NOW).unwrap();
    assert!(world.backend.save_webhook(&stored, &disabled).await.unwrap());
    let shown = world.must("GET", &path, Value::Null).await;
    assert_eq!(
        (&shown["status"], &shown["disabled_by"]),
        (&json!("disabled"), &json!("failures"))
    );
    world.must("PATCH", &path, json!({"status": "enabled"})).await;
    assert_eq!(failures(&world, &path).await, 0);
    assert_eq!(world.must("GET", &path, Value::Null).await["status"], "enabled");
}

#[tokio::test]
async fn a_deletion_removes_webhook_secret_and_flag() {
    let world = World::default();
    let path = world.created().await;
    let deleted = world.must("DELETE", &path, Value::Null).await;
    let expected = json!({"object": "webhook", "id": key_of(&path).id.to_string(), "deleted": true});
    assert_eq!(deleted, expected);
    assert_eq!(world.backend.secrets(&key_of(&path)).await.unwrap(), None);
    assert!(!world.backend.has_webhooks(&TenantId::main(), NOW).await.unwrap());
    assert_eq!(world.ask("DELETE", &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_deletion_leaves_the_flag_for_other_webhooks() {
    let world = World::default();
    let (first, second) = (world.created().await, world.created().await);
    world.must("DELETE", &first, Value::Null).await;
    assert!(world.backend.has_webhooks(&TenantId::main(), NOW).await.unwrap());
    assert_eq!(world.ask("GET", &second, Value::Null).await.0, 200);
}

#[tokio::test]
async fn a_rotation_keeps_the_earlier_secret_for_a_day() {
    let world = World::default();
    let path = world.created().await;
    let rotate = format!("{path}/signing-secret/rotate");
    let rotated = world.must("POST", &rotate, Value::Null).await;
    let new = rotated["signing_secret"].as_str().unwrap().to_owned();
    let expected = json!({"object": "webhook", "id": key_of(&path).id.to_string(), "signing_secret": new});
    assert_eq!(rotated, expected);
    assert_ne!(new, SECRET);
    assert_eq!(world.must("GET", &path, Value::Null).await["signing_secret"], new);
    let secrets = secrets(&world, &path).await;
    let valid: Vec<_> = secrets.valid_at(NOW).map(SigningSecret::to_text).collect();
    assert_eq!(valid, [new, SECRET.to_owned()]);
    let day = NOW.after(Duration::from_secs(86_400));
    assert_eq!(secrets.valid_at(day).count(), 1);
}

#[tokio::test]
async fn a_rotation_may_bring_its_secret_and_be_repeated() {
    let world = World::default();
    let path = world.created().await;
    let rotate = format!("{path}/signing-secret/rotate");
    let given = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for _ in 0..2 {
        let rotated = world.must("POST", &rotate, json!({"signing_secret": given})).await;
        assert_eq!(rotated["signing_secret"], given);
    }
    let secrets = secrets(&world, &path).await;
    let (earlier, _) = secrets.previous.unwrap();
    assert_eq!(earlier.to_text(), SECRET);
    refused(
        world.ask("POST", &rotate, json!({"signing_secret": "x"})).await,
        (422, "validation_error", "signing_secret: must be whsec_"),
    );
    refused(
        world.ask("POST", &rotate, json!({"secret": given})).await,
        (422, "validation_error", "secret: unknown field"),
    );
}

/// The deployment has another KMS key, and may not use the earlier one.
#[tokio::test]
async fn a_rotation_replaces_an_unreadable_secret() {
    let world = World::default();
    let path = world.created().await;
    world.backend.state().hooks.sealed.insert(key_of(&path));
    let shown = world.must("GET", &path, Value::Null).await;
    assert_eq!(
        (&shown["endpoint"], shown.get("signing_secret")),
        (&json!(ENDPOINT), None)
    );
    let says = shown["signing_secret_error"].as_str().unwrap();
    assert!(says.contains("/signing-secret/rotate"), "{says}");

    let rotated = world
        .must("POST", &format!("{path}/signing-secret/rotate"), Value::Null)
        .await;
    let warning = rotated["warnings"][0].as_str().unwrap();
    assert!(warning.contains("does not sign any longer"), "{warning}");
    let secrets = secrets(&world, &path).await;
    assert_eq!(
        (secrets.current.to_text().as_str(), secrets.previous),
        (rotated["signing_secret"].as_str().unwrap(), None)
    );
    let shown = world.must("GET", &path, Value::Null).await;
    assert_eq!(
        (&shown["signing_secret"], shown.get("signing_secret_error")),
        (&rotated["signing_secret"], None)
    );
}

/// The table of secrets was lost, or the stack has a new one.
#[tokio::test]
async fn a_rotation_replaces_a_missing_secret() {
    let world = World::default();
    let path = world.created().await;
    world.backend.state().hooks.secrets.clear();
    let shown = world.must("GET", &path, Value::Null).await;
    assert!(shown["signing_secret_error"].as_str().unwrap().contains("is missing"));
    let rotate = format!("{path}/signing-secret/rotate");
    let rotated = world.must("POST", &rotate, Value::Null).await;
    let warning = rotated["warnings"][0].as_str().unwrap();
    assert!(warning.contains("was missing"), "{warning}");
    let shown = world.must("GET", &path, Value::Null).await;
    assert_eq!(shown["signing_secret"], rotated["signing_secret"]);

    world.must("DELETE", &path, Value::Null).await;
    let gone = world.ask("POST", &rotate, Value::Null).await;
    refused(gone, (404, "not_found", "No webhook has this id"));
    assert!(world.backend.state().hooks.secrets.is_empty());
}

/// Otherwise the secret would stay after its webhook, which nothing deletes.
#[tokio::test]
async fn a_replaced_secret_ends_with_its_webhook() {
    let world = World::default();
    let body = json!({"events": ["email.sent"], "delivery": "pull"});
    let created = world.must("POST", "/webhooks", body).await;
    let path = format!("/webhooks/{}", created["id"].as_str().unwrap());
    let end = secrets(&world, &path).await.until;
    assert!(end.is_some());
    for is_readable in [true, false] {
        if !is_readable {
            world.backend.state().hooks.sealed.insert(key_of(&path));
        }
        let rotate = format!("{path}/signing-secret/rotate");
        world.must("POST", &rotate, Value::Null).await;
        assert_eq!(secrets(&world, &path).await.until, end, "{is_readable}");
    }
}

#[tokio::test]
async fn an_unreadable_secret_hinders_no_other_request() {
    let world = World::default();
    let path = world.created().await;
    world.backend.state().hooks.sealed.insert(key_of(&path));
    let events = format!("{path}/events");
    for (method, path, body) in [
        ("GET", "/webhooks", Value::Null),
        ("GET", &events, Value::Null),
        ("PATCH", &path, json!({"endpoint": OTHER})),
        ("PATCH", &path, json!({"status": "disabled"})),
    ] {
        world.must(method, path, body).await;
    }
    refused(
        world
            .ask("GET", &format!("{events}?include=payload"), Value::Null)
            .await,
        (
            409,
            "validation_error",
            "The signing secret of this webhook is missing or cannot be decrypted",
        ),
    );
    world.must("DELETE", &path, Value::Null).await;
    assert!(world.backend.state().hooks.sealed.is_empty());
}
