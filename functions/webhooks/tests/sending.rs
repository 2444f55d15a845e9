//! Replays and tests.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::time::Duration;

use domain::delivery::retry::Jitter;
use domain::webhook::event_type::EventType;
use domain::webhook::outcome::{Answer, Outcome};
use memory::Fault;
use serde_json::{Value, json};

use crate::common::{NOW, World, event, key_of, parts, refused};

/// The events of the sent tasks.
fn sent(world: &World) -> Vec<String> {
    let sent = world.tasks.sent.lock().unwrap();
    sent.iter().map(|request| request.task.event.to_string()).collect()
}

#[tokio::test]
async fn a_replay_sends_also_what_the_receiver_has() {
    let world = World::default();
    let path = world.created().await;
    world.stored(&path, 1, EventType::Sent).await;
    let success = Outcome::Answered(Answer {
        status: 200,
        retry_after: None,
        aborts: false,
        body: "ok".to_owned(),
    });
    world
        .change(&path, 1, |before| before.after_attempt(&success, Jitter::NONE, NOW))
        .await;
    let one = format!("{path}/events/{}", event(1));
    assert_eq!(
        world.must("GET", &one, Value::Null).await["next_attempt_at"],
        Value::Null
    );
    world.wait(Duration::from_secs(3_600));
    let replayed = world.must("POST", &format!("{one}/replay"), Value::Null).await;
    assert_eq!(replayed, json!({"object": "webhook_event", "id": event(1).to_string()}));
    assert_eq!(sent(&world), [event(1).to_string()]);
    let shown = world.must("GET", &one, Value::Null).await;
    let now = NOW.after(Duration::from_secs(3_600)).to_string();
    assert_eq!(
        (&shown["status"], &shown["next_attempt_at"]),
        (&json!("attempting"), &json!(now))
    );
    let attempts = world.must("GET", &format!("{one}/attempts"), Value::Null).await;
    assert_eq!(attempts["data"].as_array().unwrap().len(), 1, "the earlier ones stay");
    let sent = world.tasks.sent.lock().unwrap();
    assert_eq!(
        (sent[0].task.webhook, sent[0].delay),
        (key_of(&path).id, Duration::ZERO)
    );
}

#[tokio::test]
async fn a_webhook_that_is_not_called_sends_nothing() {
    let world = World::default();
    let path = world.created().await;
    world.stored(&path, 1, EventType::Sent).await;
    world.must("PATCH", &path, json!({"status": "disabled"})).await;
    let replay = format!("{path}/events/{}/replay", event(1));
    for (path, body) in [
        (replay.clone(), Value::Null),
        (format!("{path}/test"), Value::Null),
        (format!("{path}/recover"), json!({"since": "2020-01-01T00:00:00Z"})),
    ] {
        let answer = world.ask("POST", &path, body).await;
        refused(answer, (409, "validation_error", "This webhook is disabled"));
    }
    assert_eq!(sent(&world), [""; 0]);
    world.must("PATCH", &path, json!({"status": "enabled"})).await;
    assert_eq!(sent(&world), [""; 0], "enabling sends nothing");
    world.must("POST", &replay, Value::Null).await;
    assert_eq!(sent(&world).len(), 1);
}

#[tokio::test]
async fn a_pulled_webhook_keeps_a_test_and_sends_nothing() {
    let world = World::default();
    let body = json!({"events": ["email.sent"], "delivery": "pull"});
    let created = world.must("POST", "/webhooks", body).await;
    let path = format!("/webhooks/{}", created["id"].as_str().unwrap());
    let test = world.must("POST", &format!("{path}/test"), Value::Null).await;
    let list = world
        .must("GET", &format!("{path}/events?include=payload"), Value::Null)
        .await;
    assert_eq!(parts(&list, "id"), [test["id"].as_str().unwrap()]);
    assert_eq!(list["data"][0]["payload"]["type"], "email.delivered");
    assert_eq!(sent(&world), [""; 0]);
    let replay = format!("{path}/events/{}/replay", test["id"].as_str().unwrap());
    let answer = world.ask("POST", &replay, Value::Null).await;
    refused(answer, (409, "validation_error", "This webhook is only pulled"));
}

#[tokio::test]
async fn a_test_of_each_type_is_stored_and_sent() {
    let world = World::default();
    let path = world.created().await;
    for event_type in EventType::ALL {
        let body = json!({"type": event_type.as_str()});
        let test = world.must("POST", &format!("{path}/test"), body).await;
        assert_eq!(test["object"], "webhook_event");
        let id = test["id"].as_str().unwrap().to_owned();
        let shown = world.must("GET", &format!("{path}/events/{id}"), Value::Null).await;
        assert_eq!(
            (&shown["type"], &shown["payload"]["type"]),
            (&json!(event_type.as_str()), &json!(event_type.as_str()))
        );
        assert_eq!(sent(&world).last(), Some(&id), "{event_type:?}");
    }
    let mut all = sent(&world);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), EventType::ALL.len(), "each test is an event of its own");
}

#[tokio::test]
async fn a_bad_test_is_refused() {
    let world = World::default();
    let path = format!("{}/test", world.created().await);
    for (body, status, beginning) in [
        (json!({"type": "contact.created"}), 422, "type: unknown event"),
        (json!({"type": 1}), 422, "type: must be a string"),
        (json!({"event": "x"}), 422, "event: unknown field"),
        (json!([]), 400, "The request body"),
    ] {
        refused(
            world.ask("POST", &path, body).await,
            (status, "validation_error", beginning),
        );
    }
}

/// A lost task must not lose the event: the due index has it.
#[tokio::test]
async fn a_delivery_is_stored_before_its_task_is_sent() {
    for call in ["put_payload", "add_delivery"] {
        let world = World::default();
        let path = world.created().await;
        world.backend.state().faults_of.insert(call, [Fault::Before].into());
        assert_eq!(
            world.ask("POST", &format!("{path}/test"), Value::Null).await.0,
            500,
            "{call}"
        );
        assert_eq!(sent(&world), [""; 0], "{call}");
    }
}
