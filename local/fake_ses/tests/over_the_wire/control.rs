//! `/account` and `/stats`, and what the routes for tests say to nonsense.

use serde_json::{Value, json};

use crate::fake::{Fake, email};

#[tokio::test]
async fn limits_are_reported_and_enforced() {
    let fake = Fake::start().await;
    let limits = json!({"max_send_rate": 1, "max_24_hour_send": 3});
    assert_eq!(fake.call("PUT", "/account", &limits).await.0, 200);
    // Three recipients: the quota is spent at once, and the rate is owed two seconds.
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
async fn an_operation_that_is_not_there_is_counted_too() {
    let fake = Fake::start().await;
    let (status, head, _) = fake.call("POST", "/v2/email/identities", &Value::Null).await;
    assert_eq!(status, 404);
    assert!(head.contains("x-amzn-errortype: unknownoperationexception"), "{head}");
    assert_eq!(
        fake.get("/stats").await["requests"]["other"],
        json!({"UnknownOperationException": 1})
    );
}

#[tokio::test]
async fn nonsense_from_a_test_is_refused_in_one_sentence_and_changes_nothing() {
    let fake = Fake::start().await;
    fake.faults(json!([{"kind": "reject"}])).await;
    for (path, body) in [
        ("/faults", json!({"faults": [{"kind": "flood"}]})),
        ("/faults", json!({"faults": [{"kind": "throttle", "share": 2}]})),
        ("/faults", json!({"faults": [{"kind": "throttle", "shares": 1}]})),
        ("/faults", json!([])),
        ("/account", json!({"max_send_rate": -1})),
        ("/account", json!({"rate": 1})),
    ] {
        let (status, _, answer) = fake.call("PUT", path, &body).await;
        assert_eq!(status, 400, "{body}");
        assert!(answer["message"].as_str().unwrap().ends_with('.'), "{answer}");
    }
    assert_eq!(fake.get("/faults").await["faults"][0]["kind"], "reject");
}
