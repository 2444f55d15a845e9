//! `/account`, `/stats`, and the refusal of bad bodies on the routes for tests.

use serde_json::{Value, json};

use crate::fake::{Fake, email};

#[tokio::test]
async fn limits_are_reported_and_enforced() {
    let fake = Fake::start().await;
    let limits = json!({"max_send_rate": 1, "max_24_hour_send": 3});
    assert_eq!(fake.call("PUT", "/account", &limits).await.0, 200);
    // Three recipients spend the quota at once, and leave a debt of two seconds in the rate.
    assert_eq!(fake.send(&email("bob@example.com")).await.0, 200);
    let (status, _, refusal) = fake.send(&email("bob@example.com")).await;
    assert_eq!(
        (status, refusal["message"].as_str()),
        (429, Some("Daily message quota exceeded."))
    );
    assert_eq!(
        fake.get("/v2/email/account").await["SendQuota"],
        json!({"Max24HourSend": 3.0, "MaxSendRate": 1.0, "SentLast24Hours": 3.0})
    );
    fake.call("PUT", "/account", &json!({"max_send_rate": 0.001})).await;
    assert_eq!(fake.send(&email("bob@example.com")).await.0, 200);
    let (status, _, refusal) = fake.send(&email("bob@example.com")).await;
    assert_eq!(
        (status, refusal["message"].as_str()),
        (429, Some("Maximum sending rate exceeded."))
    );
    let requests = &fake.get("/stats").await["requests"];
    assert_eq!(requests["GetAccount"], json!({"ok": 1}));
    assert_eq!(requests["SendEmail"], json!({"ok": 2, "TooManyRequestsException": 2}));
}

#[tokio::test]
async fn an_unknown_operation_is_counted() {
    let fake = Fake::start().await;
    let (status, head, _) = fake.call("POST", "/v2/email/templates", &Value::Null).await;
    assert_eq!(status, 404);
    assert!(head.contains("x-amzn-errortype: unknownoperationexception"), "{head}");
    assert_eq!(
        fake.get("/stats").await["requests"]["other"],
        json!({"UnknownOperationException": 1})
    );
}

#[tokio::test]
async fn a_bad_body_is_refused_and_changes_nothing() {
    let fake = Fake::start().await;
    fake.faults(json!([{"kind": "reject"}])).await;
    for (path, body) in [
        ("/faults", json!({"faults": [{"kind": "flood"}]})),
        ("/faults", json!({"faults": [{"kind": "throttle", "share": 2}]})),
        ("/faults", json!({"faults": [{"kind": "throttle", "shares": 1}]})),
        ("/faults", json!([])),
        ("/account", json!({"max_send_rate": -1})),
        ("/account", json!({"rate": 1})),
        ("/account", json!({"suppressed_reasons": ["SPAM"]})),
        ("/configuration-set", json!({"suppressed_reasons": "BOUNCE"})),
        ("/identities", json!([{"name": "example.com"}])),
    ] {
        let (status, _, answer) = fake.call("PUT", path, &body).await;
        assert_eq!(status, 400, "{body}");
        assert!(answer["message"].as_str().unwrap().ends_with('.'), "{answer}");
    }
    assert_eq!(fake.get("/faults").await["faults"][0]["kind"], "reject");
}

#[tokio::test]
async fn the_account_wide_list_is_configured_and_shown() {
    let fake = Fake::start().await;
    let bounces = json!([{"kind": "bounce", "to": "bob"}]);
    for (account, configuration_set, listed) in [
        (json!(["BOUNCE"]), json!([]), json!([])),
        (json!([]), Value::Null, json!([])),
        (json!(["COMPLAINT"]), Value::Null, json!([])),
        (json!([]), json!(["BOUNCE"]), json!(["bob@example.com"])),
        (json!(["BOUNCE"]), Value::Null, json!(["bob@example.com"])),
    ] {
        let account = json!({"suppressed_reasons": account});
        assert_eq!(fake.call("PUT", "/account", &account).await.0, 200);
        let set = json!({"suppressed_reasons": configuration_set});
        assert_eq!(fake.call("PUT", "/configuration-set", &set).await.0, 200);
        assert_eq!(fake.get("/configuration-set").await, set);
        fake.faults(bounces.clone()).await;
        assert_eq!(fake.send(&email("bob@example.com")).await.0, 200);
        assert_eq!(fake.get("/suppressed").await, listed, "{account} {set}");
        let deleted = fake.call("DELETE", "/suppressed/bob@example.com", &Value::Null).await;
        assert_eq!(deleted.0, if listed == json!([]) { 404 } else { 204 });
    }
}
