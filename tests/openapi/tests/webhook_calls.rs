//! Webhooks of the backend, and the calls about them.

use std::time::Duration;

use domain::delivery::retry::Jitter;
use domain::id::{EmailId, TenantId};
use domain::ports::webhook_events::{Deliveries, Payloads, StoredDelivery, StoredPayload};
use domain::ports::webhooks::{RecoverJobs, WebhookKey, WebhookSecrets, Webhooks};
use domain::timestamp::Timestamp;
use domain::webhook::delivery::Delivery;
use domain::webhook::event_type::EventType;
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::outcome::Outcome;
use domain::webhook::recovery::RecoverJob;
use domain::webhook::secret::{Secrets, SigningSecret};
use domain::webhook::settings::{DisabledBy, Target, Webhook, WebhookId};
use futures::FutureExt;
use memory::MemoryBackend;
use memory::samples::{self, BORN};

use crate::caller::Call;

/// The number of the sample that has an event, an attempt and a finished recovery.
pub(crate) const WEBHOOK: u8 = 5;

/// The number of a disabled webhook with an event.
const DISABLED: u8 = 6;

/// The number of a webhook whose secret nobody can decrypt.
const SEALED: u8 = 31;

/// The result of a call that the in-memory backend answers at once.
fn now<T>(call: impl Future<Output = T>) -> T {
    call.now_or_never().expect("no fault delays the call")
}

fn id(number: u8) -> WebhookId {
    WebhookId::of(samples::id(number))
}

fn event(number: u8) -> EventId {
    EventId::from_bytes([number; 20])
}

/// Adds a webhook with its secret.
fn add(backend: &MemoryBackend, tenant: &TenantId, number: u8, created_at: Timestamp) -> Webhook {
    let target = Target::Push {
        endpoint: "https://hook.example.com/".to_owned(),
    };
    let events = vec!["email.sent".to_owned()];
    let webhook = Webhook::new(id(number), tenant.clone(), target, events, created_at);
    let secrets = Secrets::new(SigningSecret::new([number; 24]));
    let job = RecoverJob::of_creation(samples::id(100 + number), &webhook);
    let key = WebhookKey::of(&webhook);
    assert!(now(backend.save_secrets(&key, None, &secrets)).unwrap());
    let list = now(backend.webhooks_of(tenant, BORN)).unwrap();
    assert!(now(backend.add_webhook(&list, &webhook, &job, BORN)).unwrap());
    webhook
}

/// Adds an event with a failed attempt.
fn add_event(backend: &MemoryBackend, webhook: &Webhook, number: u8) {
    let subject = Subject::Email(samples::id(1));
    let payload = StoredPayload {
        event: event(number),
        event_type: EventType::Sent,
        subject,
        born: BORN,
        created_at: BORN,
        body: r#"{"type":"email.sent","data":{"subject":"Hello"}}"#.to_owned(),
    };
    now(backend.put_payload(&webhook.tenant, &payload, &[webhook.id], BORN)).unwrap();
    let key = WebhookKey::of(webhook);
    let delivery = Delivery::new(event(number), EventType::Sent, BORN, true, BORN);
    let before = StoredDelivery { delivery, subject };
    now(backend.add_delivery(&key, &before)).unwrap();
    let failure = Outcome::NoAnswer("The endpoint did not answer within 15 seconds.".to_owned());
    let after = before.delivery.after_attempt(&failure, Jitter::NONE, BORN);
    now(backend.save_delivery(&key, &before, &after)).unwrap();
}

/// Adds webhooks with events to a backend: three of `main`, and as many of the tenant `full` as it may have. Nobody can
/// decrypt the secret of one of the three.
pub(crate) fn add_webhooks(backend: &MemoryBackend) {
    let main = TenantId::main();
    let webhook = add(backend, &main, WEBHOOK, BORN);
    add_event(backend, &webhook, WEBHOOK);
    let job = EmailId::parse(&webhook.id.to_string()).unwrap();
    let job = RecoverJob::new(job, webhook.id, (BORN, BORN), false, BORN);
    assert!(now(backend.save_recover_job(&main, &job, BORN)).unwrap());
    for _ in 0..2 {
        let job = now(backend.recover_job(&main, job.id)).unwrap().unwrap();
        let done = job.after_page(0, 0, None, BORN);
        assert!(now(backend.save_recover_job(&main, &done, BORN)).unwrap());
    }
    let disabled = add(backend, &main, DISABLED, BORN);
    add_event(backend, &disabled, DISABLED);
    let stored = now(backend.webhook(&WebhookKey::of(&disabled), BORN)).unwrap().unwrap();
    let disabled = stored.webhook.disabled(DisabledBy::Gone, BORN).unwrap();
    assert!(now(backend.save_webhook(&stored, &disabled)).unwrap());
    let full = TenantId::parse("full").unwrap();
    for number in 20..30 {
        add(backend, &full, number, BORN.after(Duration::from_secs(number.into())));
    }
    let sealed = add(backend, &main, SEALED, BORN);
    backend.state().hooks.sealed.insert(WebhookKey::of(&sealed));
    backend.state().calls.clear();
}

/// Returns the calls with their expected statuses. The first call of each operation succeeds.
pub(crate) fn calls_of_webhooks(large: &str) -> Vec<(Call, u16)> {
    let call = Call::new;
    let path = |number| format!("/webhooks/{}", id(number));
    let (one, disabled, nobodys) = (path(WEBHOOK), path(DISABLED), path(99));
    let (_, token) = samples::key_of(&TenantId::parse("full").unwrap(), 0);
    let of_full = format!("Bearer {}", token.as_str());
    let new = r#"{"endpoint":"https://later.example.com/","events":["email.sent","contact.created"]}"#;
    let mut calls = vec![
        (call("list_webhooks", "/webhooks"), 200),
        (call("list_webhooks", "/webhooks").query("limit=0"), 422),
        (call("create_webhook", "/webhooks").body(new), 201),
        (
            call("create_webhook", "/webhooks").body(r#"{"events":["email.sent"],"delivery":"pull"}"#),
            201,
        ),
        (
            call("create_webhook", "/webhooks")
                .body(new)
                .header("authorization", &of_full),
            409,
        ),
        (call("create_webhook", "/webhooks").body("{"), 400),
        (call("create_webhook", "/webhooks").body(large), 413),
        (call("create_webhook", "/webhooks").body("{}"), 422),
        (call("get_webhook", &one), 200),
        (call("get_webhook", &disabled), 200),
        (call("get_webhook", &nobodys), 404),
        (call("delete_webhook", &one), 200),
        (call("delete_webhook", &nobodys), 404),
    ];
    calls.extend(calls_of_events(&one, &disabled));
    for (name, rest, status, good, bad) in [
        ("update_webhook", "", 200, r#"{"status":"disabled"}"#, "{}"),
        (
            "rotate_signing_secret",
            "/signing-secret/rotate",
            200,
            "{}",
            r#"{"signing_secret":"x"}"#,
        ),
        (
            "test_webhook",
            "/test",
            200,
            r#"{"type":"email.bounced"}"#,
            r#"{"type":"x"}"#,
        ),
        (
            "recover_webhook",
            "/recover",
            202,
            r#"{"since":"1970-01-01T00:00:00Z","only":"all"}"#,
            "{}",
        ),
    ] {
        calls.extend([
            (call(name, &format!("{one}{rest}")).body(good), status),
            (call(name, &format!("{one}{rest}")).body("{"), 400),
            (call(name, &format!("{nobodys}{rest}")).body(good), 404),
            (call(name, &format!("{one}{rest}")).body(large), 413),
            (call(name, &format!("{one}{rest}")).body(bad), 422),
        ]);
        if ["/test", "/recover"].contains(&rest) {
            calls.push((call(name, &format!("{disabled}{rest}")).body(good), 409));
        }
    }
    for (query, status) in [("", 200), ("include=payload", 409)] {
        let events = call("list_webhook_events", &format!("{}/events", path(SEALED)));
        calls.push((events.query(query), status));
    }
    calls.push((call("get_webhook", &path(SEALED)), 200));
    let sealed = call(
        "rotate_signing_secret",
        &format!("{}/signing-secret/rotate", path(SEALED)),
    );
    calls.push((sealed.body("{}"), 200));
    calls
}

fn calls_of_events(one: &str, disabled: &str) -> Vec<(Call, u16)> {
    let call = Call::new;
    let (events, missing) = (format!("{one}/events"), event(99));
    let stored = format!("{events}/{}", event(WEBHOOK));
    let of_disabled = format!("{disabled}/events/{}", event(DISABLED));
    let (job, nobodys) = (samples::id(WEBHOOK), samples::id(99));
    vec![
        (call("list_webhook_events", &events), 200),
        (
            call("list_webhook_events", &events).query("include=payload&status=attempting"),
            200,
        ),
        (call("list_webhook_events", &events).query("limit=0"), 422),
        (
            call("list_webhook_events", &format!("/webhooks/{}/events", id(99))),
            404,
        ),
        (call("get_webhook_event", &stored), 200),
        (call("get_webhook_event", &format!("{events}/{missing}")), 404),
        (call("replay_webhook_event", &format!("{stored}/replay")), 200),
        (call("replay_webhook_event", &format!("{events}/{missing}/replay")), 404),
        (call("replay_webhook_event", &format!("{of_disabled}/replay")), 409),
        (call("list_webhook_attempts", &format!("{stored}/attempts")), 200),
        (
            call("list_webhook_attempts", &format!("{events}/{missing}/attempts")),
            404,
        ),
        (
            call("list_webhook_attempts", &format!("{stored}/attempts")).query("limit=0"),
            422,
        ),
        (call("get_recovery", &format!("{one}/jobs/{job}")), 200),
        (call("get_recovery", &format!("{one}/jobs/{nobodys}")), 404),
    ]
}
