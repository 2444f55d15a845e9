//! The events of emails.

use domain::delivery::record::EmailRecord;
use domain::delivery::ses_event::Agent;
use domain::ports::webhook_events::EmailFacts;
use domain::webhook::delivery::DeliveryState;
use domain::webhook::fact::FactKind;
use memory::{Fault, samples};
use serde_json::{Value, json};

use crate::common::{
    accept, add, at, backend, bodies, disabled, fact, notify, opened, taken, tell, tell_all, types, webhook,
};

#[tokio::test]
async fn an_acceptance_is_told_with_the_facts_of_its_email() {
    let backend = backend(1);
    let key = add(&backend, webhook(9, &["email.sent"]));
    accept(&backend, 1);
    assert_eq!(tell_all(&backend).await, 1);
    let [body] = &bodies(&backend)[..] else {
        panic!("one payload")
    };
    assert_eq!(body["type"], "email.sent");
    let data = &body["data"];
    assert_eq!(data["email_id"], samples::id(1).to_string());
    assert_eq!(
        (&data["to"], &data["subject"]),
        (&json!(["b@example.com"]), &json!("Hello"))
    );
    assert_eq!((&data["idempotency_key"], &data["attempt"]), (&json!("key"), &json!(1)));
    let state = backend.state();
    let [((of, event), stored)] = &state.hooks.deliveries.iter().collect::<Vec<_>>()[..] else {
        panic!("one delivery")
    };
    assert_eq!((of, stored.delivery.state), (&key, DeliveryState::Pending));
    let [task] = &state.hooks.tasks[..] else {
        panic!("one task")
    };
    assert_eq!((&task.task.event, &task.task.webhook), (event, &key.id));
}

#[tokio::test]
async fn a_change_that_is_told_again_stores_nothing_more() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.sent"]));
    accept(&backend, 1);
    let (changes, notify) = (taken(&backend), notify(&backend));
    tell(&notify, &changes).await;
    let before = (bodies(&backend), backend.state().hooks.deliveries.clone());
    backend.state().now_ms += 1_000;
    tell(&notify, &changes).await;
    assert_eq!((bodies(&backend), backend.state().hooks.deliveries.clone()), before);
    // The first run may have ended before it sent the task.
    assert_eq!(backend.state().hooks.tasks.len(), 2);
}

#[tokio::test]
async fn a_webhook_gets_only_what_it_asks_for() {
    let backend = backend(1);
    add(&backend, webhook(8, &["email.opened"]));
    let wants = add(&backend, webhook(9, &["email.sent", "contact.created"]));
    accept(&backend, 1);
    tell_all(&backend).await;
    let state = backend.state();
    let keys: Vec<_> = state.hooks.deliveries.keys().map(|(key, _)| key.clone()).collect();
    assert_eq!(keys, [wants]);
}

/// An earlier run may have stored events for a webhook that is gone since, so each record is looked at.
#[tokio::test]
async fn a_tenant_without_a_webhook_costs_reads_alone() {
    let backend = backend(2);
    accept(&backend, 1);
    accept(&backend, 2);
    let (changes, notify) = (taken(&backend), notify(&backend));
    backend.state().calls.clear();
    tell(&notify, &changes).await;
    let mut calls = backend.state().calls.clone();
    calls.sort_unstable();
    assert_eq!(calls, ["load", "load", "webhooks_of"], "settings are read once");
}

#[tokio::test]
async fn a_change_that_tells_nothing_costs_no_call() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.sent"]));
    let record = backend.record(&samples::key(1)).expect("the sample");
    let moved = EmailRecord { attempts: 1, ..record };
    backend.state().store_record(moved);
    let (changes, notify) = (taken(&backend), notify(&backend));
    backend.state().calls.clear();
    assert_eq!((changes.len(), tell(&notify, &changes).await.events), (1, 0));
    assert!(backend.state().calls.is_empty());
}

/// A batch holds changes that were written before its settings are read.
#[tokio::test]
async fn a_changed_webhook_gets_the_events_of_the_next_batch() {
    let backend = backend(2);
    let key = add(&backend, webhook(9, &["email.opened"]));
    let notify = notify(&backend);
    accept(&backend, 1);
    tell(&notify, &taken(&backend)).await;
    assert_eq!(types(&backend), Vec::<String>::new());
    let changed = webhook(9, &["email.sent"]);
    if let Some(stored) = backend.state().hooks.settings.get_mut(&key) {
        stored.webhook = changed;
    }
    accept(&backend, 2);
    tell(&notify, &taken(&backend)).await;
    assert_eq!(types(&backend), ["email.sent"]);
}

#[tokio::test]
async fn a_disabled_webhook_keeps_its_events() {
    let backend = backend(1);
    add(&backend, disabled(&webhook(9, &["email.sent"])));
    accept(&backend, 1);
    tell_all(&backend).await;
    let state = backend.state();
    let planned: Vec<_> = state.hooks.deliveries.values().map(|one| one.delivery.next).collect();
    assert_eq!(planned, [None]);
    assert!(state.hooks.tasks.is_empty());
}

#[tokio::test]
async fn a_missing_content_leaves_out_what_only_it_has() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.sent"]));
    accept(&backend, 1);
    backend.state().bodies.clear();
    tell_all(&backend).await;
    let [body] = &bodies(&backend)[..] else {
        panic!("one payload")
    };
    assert_eq!((&body["data"]["to"], body["data"].get("subject")), (&json!([]), None));
}

#[tokio::test]
async fn a_fact_is_told_beside_the_acceptance() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.sent", "email.opened"]));
    accept(&backend, 1);
    backend.put_fact(&samples::key(1), &opened()).await.unwrap();
    assert_eq!(tell_all(&backend).await, 2);
    assert_eq!(types(&backend), ["email.opened", "email.sent"]);
}

#[tokio::test]
async fn an_opening_and_a_click_are_told_with_their_client() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.opened", "email.clicked"]));
    accept(&backend, 1);
    let agent = Agent {
        ip_address: "192.0.2.1".to_owned(),
        user_agent: "Mail/1".to_owned(),
    };
    let clicked = FactKind::Clicked {
        agent: agent.clone(),
        link: "https://shop.example/".to_owned(),
    };
    for kind in [FactKind::Opened(agent), clicked] {
        backend.put_fact(&samples::key(1), &fact(kind)).await.unwrap();
    }
    assert_eq!(tell_all(&backend).await, 2);
    assert_eq!(types(&backend), ["email.clicked", "email.opened"]);
    let time = at(3_000).to_string();
    for body in bodies(&backend) {
        let data = &body["data"];
        assert_eq!(data["to"], json!(["b@example.com"]), "the only recipient");
        let (part, link) = match body["type"].as_str() {
            Some("email.clicked") => (&data["click"], json!("https://shop.example/")),
            _ => (&data["open"], Value::Null),
        };
        let client = (
            &part["ipAddress"],
            &part["userAgent"],
            &part["timestamp"],
            &part["link"],
        );
        assert_eq!(client, (&json!("192.0.2.1"), &json!("Mail/1"), &json!(time), &link));
    }
}

#[tokio::test]
async fn a_failed_call_names_the_first_change_that_is_not_told() {
    for call in ["webhooks_of", "put_payload", "add_delivery", "load"] {
        let backend = backend(2);
        add(&backend, webhook(9, &["email.sent"]));
        accept(&backend, 1);
        accept(&backend, 2);
        let changes = taken(&backend);
        backend
            .state()
            .faults_of
            .insert(call, [Fault::After, Fault::After].into());
        let notify = notify(&backend);
        let report = tell(&notify, &changes).await;
        assert_eq!((report.first_untold, report.failed), (Some(0), 2), "{call}");
        let report = tell(&notify, &changes).await;
        assert_eq!((report.first_untold, report.events), (None, 2), "{call}");
        assert_eq!(bodies(&backend).len(), 2, "{call}");
    }
}

/// The due index has the delivery.
#[tokio::test]
async fn a_task_that_cannot_be_sent_is_no_failure() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.sent"]));
    accept(&backend, 1);
    backend
        .state()
        .faults_of
        .insert("send_deliveries", [Fault::Before].into());
    assert_eq!(tell_all(&backend).await, 1);
    let state = backend.state();
    let planned = state.hooks.deliveries.values().all(|one| one.delivery.next.is_some());
    assert!(planned && state.hooks.tasks.is_empty());
}
