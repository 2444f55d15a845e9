use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::id::{EmailId, TenantId};
use crate::webhook::settings::WebhookId;

fn at(secs: u64) -> Timestamp {
    Timestamp::from_millis(1_764_000_000_000).after(Duration::from_secs(secs))
}

fn webhook() -> Webhook {
    let id = WebhookId::of(EmailId::from_random([1; 16]));
    let endpoint = "https://example.com/hook".to_owned();
    let events = vec!["email.sent".to_owned()];
    Webhook::new(id, TenantId::main(), Target::Push { endpoint }, events, at(0))
}

fn secret() -> SigningSecret {
    SigningSecret::new([7; 24])
}

fn json_of(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn answers_about_a_webhook_have_resends_form() {
    let (webhook, id) = (webhook(), webhook().id.to_string());
    let created = json_of(WebhookCreated::new(&webhook, &secret(), Vec::new()));
    let expected = json!({"object": "webhook", "id": id, "signing_secret": secret().to_text(),
        "active_at": at(60).to_string()});
    assert_eq!(created, expected);
    assert_eq!(
        json_of(WebhookChanged::new(&webhook, Vec::new())),
        json!({"object": "webhook", "id": id})
    );
    let deleted = json!({"object": "webhook", "id": id, "deleted": true});
    assert_eq!(json_of(WebhookDeleted::new(&webhook)), deleted);
    let rotated = json!({"object": "webhook", "id": id, "signing_secret": secret().to_text()});
    assert_eq!(json_of(SecretRotated::new(&webhook, &secret())), rotated);
    let view = json_of(WebhookView::new(&webhook, &Health::default(), Some(&secret())));
    let expected = json!({"object": "webhook", "id": id, "created_at": at(0).to_string(), "status": "enabled",
        "endpoint": "https://example.com/hook", "events": ["email.sent"], "delivery": "push", "state": "ok",
        "signing_secret": secret().to_text()});
    assert_eq!(view, expected);
}

#[test]
fn a_secret_that_cannot_be_decrypted_is_missing() {
    let view = json_of(WebhookView::new(&webhook(), &Health::default(), None));
    assert_eq!(view.get("signing_secret"), None);
    let says = view["signing_secret_error"].as_str().unwrap();
    assert!(says.contains("cannot be decrypted") && says.contains("/signing-secret/rotate"));
    let rotated = json_of(SecretRotated::new(&webhook(), &secret()).with_lost_secret());
    assert_eq!(rotated["signing_secret"], secret().to_text());
    let [warning] = rotated["warnings"].as_array().unwrap().as_slice() else {
        panic!("one warning")
    };
    assert!(warning.as_str().unwrap().contains("does not sign any longer"));
}

#[test]
fn a_list_shows_no_secret() {
    let summary = WebhookSummary::new(&webhook(), &Health::default());
    let list = json_of(WebhookPage::new(vec![summary], false));
    assert_eq!((&list["object"], &list["has_more"]), (&json!("list"), &json!(false)));
    assert_eq!(list["data"][0].get("signing_secret"), None);
    assert!(!list.to_string().contains("whsec_"));
}

#[test]
fn a_failing_webhook_says_when_it_ends() {
    let failing = Health {
        failures: 5,
        failing_since: Some(at(0)),
        ..Health::default()
    };
    let view = json_of(WebhookSummary::new(&webhook(), &failing));
    assert_eq!(
        (&view["status"], &view["state"]),
        (&json!("enabled"), &json!("failing"))
    );
    assert_eq!(view["disables_at"], at(5 * 86_400).to_string());
    let disabled = webhook().disabled(DisabledBy::Failures, at(9)).unwrap();
    let view = json_of(WebhookSummary::new(&disabled, &failing));
    assert_eq!(
        (&view["status"], &view["disabled_by"]),
        (&json!("disabled"), &json!("failures"))
    );
    let few = Health { failures: 4, ..failing };
    let view = json_of(WebhookSummary::new(&webhook(), &few));
    assert_eq!((&view["state"], view.get("failing_since")), (&json!("ok"), None));
}
