use std::time::Duration;

use serde_json::json;

use super::*;
use crate::delivery::retry::Jitter;
use crate::id::EmailId;
use crate::timestamp::Timestamp;
use crate::webhook::outcome::Outcome;
use crate::webhook::settings::WebhookId;

fn at(secs: u64) -> Timestamp {
    Timestamp::from_millis(1_764_000_000_000).after(Duration::from_secs(secs))
}

fn delivery() -> Delivery {
    Delivery::new(EventId::from_bytes([1; 20]), EventType::Sent, at(1), true, at(2))
}

fn json_of(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn events_and_attempts_have_resends_form() {
    let outcome = Outcome::NoAnswer("The endpoint did not answer within 15 seconds.".to_owned());
    let tried = delivery().after_attempt(&outcome, Jitter::NONE, at(2));
    let id = tried.event.to_string();
    let body = r#"{"type":"email.sent"}"#;
    let view = json_of(WebhookEventView::new(&tried, Some(body)));
    let expected = json!({"object": "webhook_event", "id": id, "type": "email.sent",
        "created_at": at(1).to_string(), "status": "attempting", "next_attempt_at": at(7).to_string(),
        "payload": {"type": "email.sent"}});
    assert_eq!(view, expected);
    let ended = Delivery {
        next: None,
        ..tried.clone()
    };
    let view = json_of(WebhookEventView::new(&ended, None));
    assert_eq!(
        (&view["next_attempt_at"], &view["payload"]),
        (&Value::Null, &Value::Null)
    );
    let sent = json!({"object": "webhook_event", "id": id});
    assert_eq!(json_of(WebhookEventSent::new(&tried.event)), sent);
    let attempts = json_of(WebhookAttempt::all(&tried));
    let expected = json!([{"id": format!("{id}_1"), "http_status_code": 0,
        "response": "The endpoint did not answer within 15 seconds.", "sent_at": at(2).to_string()}]);
    assert_eq!(attempts, expected);
}

#[test]
fn a_pulled_event_has_its_exact_bytes() {
    let plain = json_of(WebhookEventSummary::new(&delivery()));
    let expected = json!({"id": delivery().event.to_string(), "type": "email.sent",
        "created_at": at(1).to_string(), "status": "pending"});
    assert_eq!(plain, expected);
    let header = SignedHeader {
        name: "webhook-id".to_owned(),
        value: "msg_1".to_owned(),
    };
    let body = r#"{"b":1,"a":2}"#;
    let whole = WebhookEventSummary::new(&delivery()).with_payload(body.to_owned(), vec![header]);
    let whole = json_of(whole);
    assert_eq!((&whole["body"], &whole["payload"]["a"]), (&json!(body), &json!(2)));
    assert_eq!(whole["headers"][0]["name"], "webhook-id");
}

#[test]
fn a_page_of_events_says_where_to_go_on() {
    let summary = || vec![WebhookEventSummary::new(&delivery())];
    let last = json_of(WebhookEventPage::new(summary(), None));
    assert_eq!((&last["object"], &last["has_more"]), (&json!("list"), &json!(false)));
    assert_eq!(last.get("next"), None);
    let id = delivery().event;
    let first = json_of(WebhookEventPage::new(summary(), Some(&id)));
    assert_eq!(
        (&first["has_more"], &first["next"]),
        (&json!(true), &json!(id.to_string()))
    );
}

#[test]
fn a_recovery_shows_its_progress() {
    let (id, webhook) = (
        EmailId::from_random([3; 16]),
        WebhookId::of(EmailId::from_random([1; 16])),
    );
    let job = RecoverJob::new(id, webhook, (at(0), at(1)), false, at(2));
    let id = id.to_string();
    assert_eq!(json_of(RecoveryStarted::new(&job)), json!({"id": id}));
    let view = |job: &RecoverJob| json_of(RecoveryView::new(job));
    let expected = json!({"object": "job", "id": id, "done": false, "events": 0, "emails": 0});
    assert_eq!(view(&job), expected);
    let ended = job.after_page(2, 0, None, at(3)).after_page(3, 4, None, at(4));
    let expected = json!({"object": "job", "id": id, "done": true, "events": 5, "emails": 4});
    assert_eq!(view(&ended), expected);
}
