//! `notify` in the in-memory backend.
#![expect(clippy::expect_used, reason = "a failing test panics with its reason")]

use std::time::Duration;

use domain::delivery::hook::Hook;
use domain::delivery::record::{Acceptance, EmailRecord, RecordStatus};
use domain::delivery::ses_event::Agent;
use domain::id::{EmailId, EmailKey, TenantId};
use domain::ports::webhook_events::{HookChange, StoredFact};
use domain::ports::webhooks::{StoredWebhook, WebhookKey};
use domain::timestamp::Timestamp;
use domain::webhook::fact::{EmailFact, FactKind};
use domain::webhook::settings::{DisabledBy, Target, Webhook, WebhookId};
use memory::hooks::Flag;
use memory::samples::{self, BORN};
use memory::{MemoryBackend, samples::backend as plain_backend};
use notify::{NotifyFunction, Report};
use serde_json::Value;
use tokio::time::Instant;

pub(crate) fn at(millis: u64) -> Timestamp {
    BORN.after(Duration::from_millis(millis))
}

pub(crate) fn webhook(n: u8, events: &[&str]) -> Webhook {
    let endpoint = format!("https://example.com/{n}");
    let id = WebhookId::of(EmailId::from_random([n; 16]));
    let events = events.iter().map(|event| (*event).to_owned()).collect();
    Webhook::new(id, TenantId::main(), Target::Push { endpoint }, events, BORN)
}

/// Adds a webhook to a backend.
pub(crate) fn add(backend: &MemoryBackend, webhook: Webhook) -> WebhookKey {
    let key = WebhookKey::of(&webhook);
    let mut state = backend.state();
    let flag = Flag { count: 1, version: 1 };
    state.hooks.flags.insert(webhook.tenant.clone(), flag);
    let stored = StoredWebhook { webhook, version: 1 };
    state.hooks.settings.insert(key.clone(), stored);
    key
}

/// A backend with samples that have hooks, and with its stream on.
pub(crate) fn backend(count: u8) -> MemoryBackend {
    let backend = plain_backend(count).expect("the samples parse");
    {
        let mut state = backend.state();
        for record in state.records.values_mut() {
            record.hook = Some(Hook::new(["b@example.com"], Some("key".to_owned())));
        }
        state.hooks.stream = Some(Vec::new());
    }
    backend
}

/// Lets SES accept the `n`th sample.
pub(crate) fn accept(backend: &MemoryBackend, n: u8) -> EmailRecord {
    accept_of(backend, &samples::key(n))
}

/// Lets SES accept an email of any tenant.
pub(crate) fn accept_of(backend: &MemoryBackend, key: &EmailKey) -> EmailRecord {
    let record = backend.record(key).expect("the sample");
    let sent = EmailRecord {
        status: RecordStatus::Sent,
        claim_no: 1,
        due: None,
        sent: Some(Acceptance {
            claim_no: 1,
            message_id: "ses".to_owned(),
            at: at(2_000),
        }),
        ..record
    };
    backend.state().store_record(sent.clone());
    sent
}

/// A fact of an accepted sample.
pub(crate) fn fact(kind: FactKind) -> StoredFact {
    StoredFact {
        born: BORN,
        fact: EmailFact {
            v: EmailFact::VERSION,
            claim_no: 1,
            message_id: "ses".to_owned(),
            at: at(3_000),
            kind,
        },
    }
}

pub(crate) fn opened() -> StoredFact {
    fact(FactKind::Opened(Agent::default()))
}

pub(crate) fn disabled(webhook: &Webhook) -> Webhook {
    webhook.disabled(DisabledBy::Caller, at(1)).expect("it is enabled")
}

pub(crate) fn notify(backend: &MemoryBackend) -> NotifyFunction<MemoryBackend> {
    let ports = || backend.clone();
    NotifyFunction::new(ports(), ports(), ports(), ports(), "us-east-1".to_owned())
}

/// Takes the changes of the stream so far.
pub(crate) fn taken(backend: &MemoryBackend) -> Vec<HookChange> {
    backend.state().hooks.stream.replace(Vec::new()).unwrap_or_default()
}

pub(crate) async fn tell(notify: &NotifyFunction<MemoryBackend>, changes: &[HookChange]) -> Report {
    notify.tell(changes, Instant::now() + Duration::from_secs(60)).await
}

/// Tells all changes of the stream, including changes that `notify` makes itself.
pub(crate) async fn tell_all(backend: &MemoryBackend) -> usize {
    let (notify, mut events) = (notify(backend), 0);
    loop {
        let changes = taken(backend);
        if changes.is_empty() {
            return events;
        }
        let report = tell(&notify, &changes).await;
        assert_eq!(report.first_untold, None);
        events += report.events;
    }
}

/// The stored payloads.
pub(crate) fn bodies(backend: &MemoryBackend) -> Vec<Value> {
    let state = backend.state();
    let bodies = state.hooks.payloads.values();
    bodies
        .map(|held| serde_json::from_str(&held.payload.body).expect("a payload is JSON"))
        .collect()
}

pub(crate) fn types(backend: &MemoryBackend) -> Vec<String> {
    let mut types: Vec<_> = bodies(backend)
        .iter()
        .map(|body| body.get("type").and_then(Value::as_str).expect("a type").to_owned())
        .collect();
    types.sort();
    types
}
