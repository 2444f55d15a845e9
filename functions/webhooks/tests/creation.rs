//! New webhooks.

use std::time::Duration;

use domain::id::TenantId;
use domain::ports::webhooks::{RecoverJobs, WebhookFlags, WebhookSecrets, Webhooks};
use domain::webhook::recovery::Phase;
use domain::webhook::secret::SigningSecret;
use memory::{Fault, samples};
use outgoing::Policy;
use serde_json::{Value, json};

use crate::common::{ENDPOINT, NOW, SECRET, World, key_of, refused};

const EVENT: &str = include_str!("../../../events/webhooks.json");

#[tokio::test]
async fn a_new_webhook_has_resends_form() {
    let world = World::default();
    let body = json!({"endpoint": ENDPOINT, "events": ["email.delivered", "email.bounced"]});
    let (status, created) = world.ask("POST", "/webhooks", body).await;
    let (id, secret) = (created["id"].clone(), created["signing_secret"].clone());
    let active_at = NOW.after(Duration::from_secs(60)).to_string();
    let expected = json!({"object": "webhook", "id": id, "signing_secret": secret, "active_at": active_at});
    assert_eq!((status, &created), (201, &expected));
    assert!(SigningSecret::parse(secret.as_str().unwrap()).is_ok());

    let path = format!("/webhooks/{}", id.as_str().unwrap());
    let shown = world.must("GET", &path, Value::Null).await;
    let expected = json!({"object": "webhook", "id": id, "created_at": NOW.to_string(), "status": "enabled",
        "endpoint": ENDPOINT, "events": ["email.delivered", "email.bounced"], "delivery": "push", "state": "ok",
        "signing_secret": secret});
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn the_golden_event_creates_its_webhook() {
    let world = World::default();
    let (status, created) = world.answer(serde_json::from_str(EVENT).unwrap()).await;
    assert_eq!((status, &created["object"]), (201, &json!("webhook")), "{created}");
}

/// Emails that are accepted from now on have the facts for webhooks; those of the first minute are recovered.
#[tokio::test]
async fn a_creation_raises_the_flag_and_plans_a_recovery() {
    let world = World::default();
    let main = TenantId::main();
    assert!(!world.backend.has_webhooks(&main, NOW).await.unwrap());
    let path = world.created().await;
    assert!(world.backend.has_webhooks(&main, NOW).await.unwrap());
    let until = NOW.after(Duration::from_secs(61));
    let due = world.backend.due_recover_jobs(until, 10).await.unwrap();
    let [due] = due.as_slice() else { panic!("{due:?}") };
    let job = world.backend.recover_job(&main, due.id).await.unwrap().unwrap();
    assert_eq!((job.webhook, job.phase), (key_of(&path).id, Phase::Emails));
    let clocks = Duration::from_secs(2);
    assert_eq!(
        (job.since, job.until),
        (NOW.before(clocks), NOW.after(Duration::from_secs(60)))
    );
}

/// An email of the first one's minute may have no hook yet, and may be sent after the second one's creation.
#[tokio::test]
async fn a_second_new_webhook_recovers_the_firsts_minute() {
    let world = World::default();
    world.created().await;
    world.wait(Duration::from_secs(30));
    let second = key_of(&world.created().await).id;
    let later = NOW.after(Duration::from_secs(100));
    let due = world.backend.due_recover_jobs(later, 10).await.unwrap();
    let mut begins = Vec::new();
    for due in due {
        let job = world.backend.recover_job(&due.tenant, due.id).await.unwrap().unwrap();
        begins.extend((job.webhook == second).then_some(job.since));
    }
    assert_eq!(begins, [NOW.before(Duration::from_secs(2))]);
}

#[tokio::test]
async fn a_caller_may_bring_its_secret() {
    let world = World::default();
    let body = json!({"endpoint": ENDPOINT, "events": ["email.sent"], "signing_secret": SECRET});
    assert_eq!(world.must("POST", "/webhooks", body).await["signing_secret"], SECRET);
    let both = world
        .must(
            "POST",
            "/webhooks",
            json!({"endpoint": ENDPOINT, "events": ["email.sent"]}),
        )
        .await;
    assert_ne!(both["signing_secret"], SECRET);
}

#[tokio::test]
async fn a_pulled_webhook_ends_after_a_day() {
    let world = World::default();
    let body = json!({"events": ["email.sent"], "delivery": "pull"});
    let created = world.must("POST", "/webhooks", body).await;
    let path = format!("/webhooks/{}", created["id"].as_str().unwrap());
    let shown = world.must("GET", &path, Value::Null).await;
    let end = NOW.after(Duration::from_secs(86_400)).to_string();
    assert_eq!(
        (&shown["endpoint"], &shown["delivery"], &shown["expires_at"]),
        (&json!("pull"), &json!("pull"), &json!(end))
    );
    let moved = json!({"endpoint": ENDPOINT});
    refused(
        world.ask("PATCH", &path, moved).await,
        (422, "validation_error", "endpoint: this webhook is only pulled"),
    );
    world.wait(Duration::from_secs(86_400));
    assert_eq!(world.ask("GET", &path, Value::Null).await.0, 404);
    assert_eq!(world.must("GET", "/webhooks", Value::Null).await["data"], json!([]));
}

/// Nobody deletes it, because `make listen` was killed. Nothing of it costs the tenant anything afterwards.
#[tokio::test]
async fn a_pulled_webhook_leaves_nothing_behind() {
    let world = World::default();
    let (main, end) = (TenantId::main(), NOW.after(Duration::from_secs(86_400)));
    let body = json!({"events": ["email.sent"], "delivery": "pull"});
    let created = world.must("POST", "/webhooks", body).await;
    let path = format!("/webhooks/{}", created["id"].as_str().unwrap());
    for status in ["disabled", "enabled"] {
        world.must("PATCH", &path, json!({"status": status})).await;
    }
    let before = end.before(Duration::from_millis(1));
    assert!(world.backend.has_webhooks(&main, before).await.unwrap());
    assert!(!world.backend.has_webhooks(&main, end).await.unwrap());
    let stored = world.backend.secrets(&key_of(&path)).await.unwrap().unwrap();
    let secrets = stored.readable().unwrap();
    assert_eq!(secrets.until, Some(end), "its item has this TTL");
    assert!(world.backend.state().hooks.health.is_empty(), "an item without a TTL");
    // One with an endpoint stays.
    world.created().await;
    assert!(world.backend.has_webhooks(&main, end).await.unwrap());
}

#[tokio::test]
async fn notes_name_events_and_hosts_that_do_not_come() {
    let world = World::default();
    let body = json!({"endpoint": "https://later.example.com", "events": ["email.sent", "contact.created"]});
    let created = world.must("POST", "/webhooks", body).await;
    let expected = [
        "events[1]: mailqueue has no contact.created, so that this event never comes.",
        "endpoint: DNS has no address for the host. Check its name, and add an A record.",
    ];
    assert_eq!(created["warnings"], json!(expected));
    let path = format!("/webhooks/{}", created["id"].as_str().unwrap());
    let changed = world
        .must(
            "PATCH",
            &path,
            json!({"endpoint": "https://never.example.com", "events": ["topic.created"]}),
        )
        .await;
    assert_eq!(changed["warnings"].as_array().unwrap().len(), 2, "{changed}");
}

#[tokio::test]
async fn an_endpoint_that_is_never_called_is_refused() {
    let world = World::default();
    let path = world.created().await;
    for (endpoint, beginning, rule) in [
        (
            "http://hook.example.com/",
            "endpoint: The URL does not begin with `https://`",
            "scheme",
        ),
        (
            "https://u:p@hook.example.com/",
            "endpoint: The URL contains `@`",
            "credentials",
        ),
        (
            "https://hook.example.com/#x",
            "endpoint: The URL contains `#`",
            "fragment",
        ),
        ("https://127.0.0.1:9001/", "endpoint: The host is", "loopback"),
        ("https://[::1]/", "endpoint: The host is", "loopback"),
        ("https://169.254.169.254/", "endpoint: The host is", "link_local"),
        ("https://localhost/", "endpoint: The host", "local_name"),
        (
            "https://inside.example.com/",
            "endpoint: The host resolves to a private address",
            "private",
        ),
        (
            "https://hook.example.com:22/",
            "endpoint: The port is not allowed",
            "port",
        ),
    ] {
        let new = json!({"endpoint": endpoint, "events": ["email.sent"]});
        for (method, path, body) in [
            ("POST", "/webhooks", new),
            ("PATCH", path.as_str(), json!({"endpoint": endpoint})),
        ] {
            let (status, answer) = world.ask(method, path, body).await;
            let message = answer["message"].as_str().unwrap().to_owned();
            refused((status, answer), (422, "validation_error", beginning));
            assert!(message.ends_with(&format!("(rule: {rule})")), "{message}");
        }
    }
    let list = world.must("GET", "/webhooks", Value::Null).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_local_stack_may_call_itself() {
    let world = World {
        policy: Policy::Any,
        ..World::default()
    };
    let body = json!({"endpoint": "http://127.0.0.1:8025/webhook-inbox", "events": ["email.sent"]});
    assert_eq!(world.ask("POST", "/webhooks", body).await.0, 201);
}

#[tokio::test]
async fn bad_fields_are_refused_and_store_nothing() {
    let world = World::default();
    let good = json!({"endpoint": ENDPOINT, "events": ["email.sent"]});
    for (field, value, name, beginning) in [
        ("endpoint", Value::Null, "missing_required_field", "endpoint: "),
        ("endpoint", json!(1), "validation_error", "endpoint: must be a string"),
        ("events", Value::Null, "missing_required_field", "events: "),
        (
            "events",
            json!([]),
            "validation_error",
            "events: must name at least one",
        ),
        (
            "events",
            json!(["email.snt"]),
            "validation_error",
            "events[0]: unknown event; did you mean email.sent?",
        ),
        (
            "signing_secret",
            json!("whsec_x"),
            "validation_error",
            "signing_secret: must be whsec_",
        ),
        ("delivery", json!("pull"), "validation_error", "endpoint: leave it out"),
        ("url", json!("x"), "validation_error", "url: unknown field"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        refused(world.ask("POST", "/webhooks", body).await, (422, name, beginning));
    }
    assert_eq!(world.ask("POST", "/webhooks", json!([])).await.0, 400);
    assert!(!world.backend.has_webhooks(&TenantId::main(), NOW).await.unwrap());
    assert_eq!(world.ask("POST", "/webhooks", good).await.0, 201, "the rest is good");
}

#[tokio::test]
async fn a_tenant_has_at_most_ten_webhooks() {
    let world = World::default();
    let body = json!({"endpoint": ENDPOINT, "events": ["email.sent"]});
    let pulled = json!({"events": ["email.sent"], "delivery": "pull"});
    world.must("POST", "/webhooks", pulled).await;
    let mut last = String::new();
    for _ in 1..10 {
        last = world.created().await;
    }
    let full = (
        409,
        "validation_error",
        "This tenant already has the maximum of 10 webhooks",
    );
    refused(world.ask("POST", "/webhooks", body.clone()).await, full);
    world.must("DELETE", &last, Value::Null).await;
    world.must("POST", "/webhooks", body.clone()).await;
    refused(world.ask("POST", "/webhooks", body.clone()).await, full);
    // The one that is only pulled makes room when it ends.
    world.wait(Duration::from_secs(86_400));
    world.must("POST", "/webhooks", body).await;
}

/// A webhook without its secret would send unsigned events.
#[tokio::test]
async fn a_stored_webhook_has_its_secret_after_every_fault() {
    for call in ["webhooks_of", "save_secrets", "add_webhook"] {
        for fault in [Fault::Before, Fault::After] {
            let world = World::default();
            world.backend.state().faults_of.insert(call, [fault].into());
            let body = json!({"endpoint": ENDPOINT, "events": ["email.sent"]});
            assert_eq!(world.ask("POST", "/webhooks", body).await.0, 500, "{call} {fault:?}");
            let stored = world.backend.webhooks_of(&TenantId::main(), NOW).await.unwrap();
            for stored in stored.webhooks {
                let key = domain::ports::webhooks::WebhookKey::of(&stored.webhook);
                assert!(world.backend.secrets(&key).await.unwrap().is_some(), "{call} {fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_request_without_a_key_creates_nothing() {
    let world = World::default();
    let mut event = samples::event("", "POST", "/webhooks", "{}");
    event["headers"].as_object_mut().unwrap().remove("authorization");
    refused(world.answer(event).await, (401, "missing_api_key", "Authorization: "));
}
