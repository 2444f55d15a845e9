//! Reports that a person requests for an accepted message.

use serde_json::{Value, json};

use crate::events::Sns;
use crate::fake::{Fake, email, eventually};

/// Sends one email, and returns the path of its message. Its own four events are published by then.
async fn sent(fake: &Fake, sns: &Sns) -> String {
    let (_, _, answer) = fake.send(&email("bob@example.com")).await;
    eventually(async || sns.events().len() == 4).await;
    format!("/messages/{}", answer["MessageId"].as_str().unwrap())
}

#[tokio::test]
async fn reports_are_published_as_ses_sends_them() {
    let sns = Sns::start(0).await;
    let fake = Fake::start_with(Some(sns.settings())).await;
    let path = sent(&fake, &sns).await;
    let bob = json!({"recipient": "BOB@example.com"});
    let all = json!(["bob@example.com", "cc@example.com", "bcc@example.com"]);
    for (action, body, published, recipients) in [
        ("bounce", &bob, 1, json!(["bob@example.com"])),
        ("complaint", &Value::Null, 1, all.clone()),
        ("open", &Value::Null, 1, all.clone()),
        ("bounce", &json!({}), 3, all.clone()),
    ] {
        let (status, _, answer) = fake.call("POST", &format!("{path}/{action}"), body).await;
        assert_eq!(status, 202, "{action}: {answer}");
        assert_eq!(
            answer,
            json!({"published": published, "recipients": recipients}),
            "{action}"
        );
    }
    eventually(async || sns.events().len() == 10).await;
    let events = sns.events();
    let of_kind = |kind: &str| -> Vec<&Value> {
        let found = events.iter().filter(|event| event["eventType"] == kind);
        found.collect()
    };
    let bounces = of_kind("Bounce");
    assert_eq!(bounces.len(), 4);
    for bounce in &bounces {
        assert_eq!(bounce["bounce"]["bounceType"], "Permanent");
        assert_eq!(bounce["mail"]["tags"]["mq_id"], json!(["7"]));
    }
    let mut ids: Vec<String> = bounces
        .iter()
        .map(|bounce| bounce["bounce"]["feedbackId"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4, "each bounce has an id of its own");
    let [complaint] = of_kind("Complaint")[..] else {
        panic!("no complaint")
    };
    assert_eq!(
        complaint["complaint"]["complainedRecipients"].as_array().unwrap().len(),
        3
    );
    let [open] = of_kind("Open")[..] else { panic!("no open") };
    assert!(open["open"]["timestamp"].as_str().unwrap() >= open["mail"]["timestamp"].as_str().unwrap());
    // As SES does, the account's list takes the addresses.
    let mut listed: Vec<Value> = fake.get("/suppressed").await.as_array().unwrap().clone();
    listed.sort_by_key(Value::to_string);
    assert_eq!(
        json!(listed),
        json!(["bcc@example.com", "bob@example.com", "cc@example.com"])
    );
}

#[tokio::test]
async fn a_report_that_nobody_would_get_is_refused() {
    let fake = Fake::start().await;
    let (_, _, answer) = fake.send(&email("bob@example.com")).await;
    let id = answer["MessageId"].as_str().unwrap();
    let (status, _, body) = fake.call("POST", &format!("/messages/{id}/bounce"), &Value::Null).await;
    assert_eq!(
        (status, &body["message"]),
        (409, &json!("No SNS topic is set, so no program would get the event."))
    );

    let sns = Sns::start(0).await;
    let fake = Fake::start_with(Some(sns.settings())).await;
    let mut silent = email("bob@example.com");
    silent["ConfigurationSetName"].take();
    let (_, _, answer) = fake.send(&silent).await;
    let id = answer["MessageId"].as_str().unwrap();
    for action in ["bounce", "complaint", "open"] {
        let (status, _, body) = fake
            .call("POST", &format!("/messages/{id}/{action}"), &Value::Null)
            .await;
        assert_eq!(status, 409, "{action}");
        assert!(
            body["message"]
                .as_str()
                .unwrap()
                .contains("without a configuration set"),
            "{body}"
        );
    }
    assert_eq!(fake.get("/suppressed").await, json!([]));
}

#[tokio::test]
async fn a_wrong_report_changes_nothing() {
    let sns = Sns::start(0).await;
    let fake = Fake::start_with(Some(sns.settings())).await;
    let path = sent(&fake, &sns).await;
    for (path, body, status) in [
        (format!("{path}/bounce"), r#"{"recipient": "eve@example.com"}"#, "400"),
        (format!("{path}/bounce"), r#"{"to": "bob@example.com"}"#, "400"),
        (format!("{path}/open"), "{", "400"),
        ("/messages/none/complaint".to_owned(), "", "404"),
        (format!("{path}/delivery"), "", "404"),
    ] {
        let answer = fake.raw("POST", &path, body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
    }
    assert_eq!(fake.get("/suppressed").await, json!([]));
    eventually(async || fake.get("/stats").await["events"]["waiting"] == 0).await;
    assert_eq!(sns.events().len(), 4);
}
