//! `/faults`: faults on demand.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fake::{Fake, SEND, email, eventually};

#[tokio::test]
async fn refusals_look_like_ses() {
    let fake = Fake::start().await;
    fake.faults(json!([
        {"kind": "throttle", "to": "throttle"}, {"kind": "quota", "to": "quota"},
        {"kind": "pause", "to": "pause"}, {"kind": "reject", "to": "reject"},
    ]))
    .await;
    for (to, status, name, sentence) in [
        (
            "throttle",
            429,
            "TooManyRequestsException",
            "Maximum sending rate exceeded.",
        ),
        (
            "quota",
            429,
            "TooManyRequestsException",
            "Daily message quota exceeded.",
        ),
        (
            "pause",
            400,
            "SendingPausedException",
            "Sending paused for this account.",
        ),
        ("reject", 400, "MessageRejected", "Message content rejected."),
        (
            "bücher",
            400,
            "BadRequestException",
            "Local address contains control or whitespace",
        ),
    ] {
        let (answered, head, body) = fake.send(&email(&format!("{to}@example.com"))).await;
        assert_eq!(answered, status, "{to}");
        let error_type = format!("x-amzn-errortype: {}", name.to_ascii_lowercase());
        assert!(head.contains(&error_type), "{head}");
        assert!(body["message"].as_str().unwrap().starts_with(sentence), "{body}");
    }
    let mut unverified = email("bob@example.com");
    unverified["FromEmailAddress"] = json!("ann@unverified.example");
    assert_eq!(fake.send(&unverified).await.0, 400);
    assert_eq!(fake.kept().await, 0);
    let stats = fake.get("/stats").await;
    assert_eq!(
        stats["requests"]["SendEmail"],
        json!({"TooManyRequestsException": 2, "SendingPausedException": 1, "MessageRejected": 2, "BadRequestException": 1})
    );
    assert_eq!(
        stats["faults"],
        json!({"throttle": 1, "quota": 1, "pause": 1, "reject": 1})
    );
}

#[tokio::test]
async fn a_dropped_connection_returns_no_byte() {
    let fake = Fake::start().await;
    let body = email("bob@example.com").to_string();
    fake.faults(json!([
        {"kind": "drop_before", "count": 1}, {"kind": "drop_after", "count": 1},
        {"kind": "timeout", "count": 1, "delay_ms": 50},
    ]))
    .await;
    for kept in [0, 1, 1] {
        assert_eq!(fake.raw("POST", SEND, &body).await, "");
        assert_eq!(fake.kept().await, kept);
    }
    assert_eq!(fake.send(&email("bob@example.com")).await.0, 200);
    assert_eq!(fake.kept().await, 2);
    assert_eq!(
        fake.get("/stats").await["requests"]["SendEmail"],
        json!({"ok": 1, "drop_before": 1, "drop_after": 1, "timeout": 1})
    );
}

#[tokio::test]
async fn a_delayed_message_is_accepted_late() {
    let fake = Fake::start().await;
    fake.faults(json!([{"kind": "delay", "delay_ms": 200}])).await;
    let start = Instant::now();
    assert_eq!(fake.send(&email("bob@example.com")).await.0, 200);
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_client_that_gives_up_does_not_undo_the_message() {
    let fake = Fake::start().await;
    fake.faults(json!([{"kind": "delay", "delay_ms": 1000}])).await;
    let request = fake
        .ask("POST", SEND, &email("bob@example.com").to_string())
        .await
        .unwrap();
    eventually(async || fake.get("/stats").await["faults"]["delay"] == 1).await;
    drop(request);
    assert_eq!(fake.kept().await, 0);
    eventually(async || fake.kept().await == 1).await;
}

#[tokio::test]
async fn faults_are_answered_replaced_and_removed() {
    let fake = Fake::start().await;
    let first = json!([{"kind": "reject", "count": 2}]);
    let (_, _, answer) = fake.call("PUT", "/faults", &json!({"faults": first})).await;
    let whole = json!({"kind": "reject", "share": 1.0, "count": 2, "delay_ms": null, "to": null});
    assert_eq!(answer, json!({"faults": [whole]}));

    assert_eq!(fake.send(&email("bob@example.com")).await.0, 400);
    assert_eq!(fake.get("/faults").await["faults"][0]["count"], 1);
    fake.faults(json!([{"kind": "throttle", "share": 0}])).await;
    assert_eq!(fake.send(&email("bob@example.com")).await.0, 200);
    fake.faults(json!([{"kind": "throttle", "count": null}])).await;
    assert_eq!(fake.send(&email("bob@example.com")).await.0, 429);
    assert_eq!(fake.call("DELETE", "/faults", &Value::Null).await.0, 204);
    assert_eq!(fake.get("/faults").await, json!({"faults": []}));
    assert_eq!(fake.send(&email("bob@example.com")).await.0, 200);
}
