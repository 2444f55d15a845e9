//! `/messages`: accepted messages, whole.

use fake_ses::settings::Settings;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::fake::{Fake, email};

#[tokio::test]
async fn an_accepted_message_is_kept_whole() {
    let fake = Fake::start().await;
    let (status, _, answer) = fake.send(&email("bob@example.com")).await;
    assert_eq!(status, 200);
    let id = answer["MessageId"].as_str().unwrap();
    assert_eq!((id.len(), id.get(..4)), (60, Some("0100")), "{id}");

    let mut message = fake.get("/messages").await[0].take();
    let received_at = message["received_at"].take();
    let received_at = received_at.as_str().unwrap();
    assert!(received_at.parse::<Timestamp>().is_ok(), "{received_at}");
    assert_eq!(received_at.len(), "2026-11-24T03:00:00.000Z".len(), "{received_at}");
    let expected = json!({
        "id": id,
        "from": "Ann <ann@example.com>",
        "to": ["bob@example.com"],
        "cc": ["cc@example.com"],
        "bcc": ["bcc@example.com"],
        "reply_to": ["reply@example.com"],
        "subject": "Grüße",
        "text": "Hello",
        "html": "<p>Hello</p><img src='cid:pic'>",
        "headers": [{"name": "X-Email-Id", "value": "7"}],
        "tags": [{"name": "mq_id", "value": "7"}],
        "attachments": [{
            "filename": "a \".png",
            "content_type": "image/png",
            "content_id": "<pic>",
            "size": 2,
            "sha256": "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4",
        }],
        "received_at": null,
    });
    assert_eq!(message, expected);
    assert_eq!(fake.get(&format!("/messages/{id}")).await["id"], id);
}

#[tokio::test]
async fn a_missing_body_is_null() {
    let fake = Fake::start().await;
    let mut text = email("bob@example.com");
    text["Content"]["Simple"]["Body"] = json!({"Text": {"Data": "Hello"}});
    let mut html = email("bob@example.com");
    html["Content"]["Simple"]["Body"] = json!({"Html": {"Data": "<p>"}});
    assert_eq!(fake.send(&text).await.0, 200);
    assert_eq!(fake.send(&html).await.0, 200);
    let messages = fake.get("/messages").await;
    assert_eq!(
        (&messages[0]["text"], &messages[0]["html"]),
        (&Value::Null, &json!("<p>"))
    );
    assert_eq!(
        (&messages[1]["text"], &messages[1]["html"]),
        (&json!("Hello"), &Value::Null)
    );
}

#[tokio::test]
async fn messages_come_newest_first_without_pages() {
    let fake = Fake::start().await;
    let sent = 1_050;
    for number in 0..sent {
        assert_eq!(fake.send(&email(&format!("{number}@example.com"))).await.0, 200);
    }
    let messages = fake.get("/messages").await;
    let seen: Vec<&str> = messages
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|message| message["to"][0].as_str())
        .collect();
    let expected: Vec<String> = (0..sent).rev().map(|number| format!("{number}@example.com")).collect();
    assert_eq!(seen, expected);

    let id = messages[0]["id"].as_str().unwrap();
    assert_eq!(fake.call("DELETE", "/messages", &Value::Null).await.0, 204);
    assert_eq!(fake.kept().await, 0);
    let gone = fake.call("GET", &format!("/messages/{id}"), &Value::Null).await;
    assert_eq!(gone.0, 404);
}

#[tokio::test]
async fn a_port_in_use_is_reported_in_one_sentence() {
    let fake = Fake::start().await;
    let port = fake.port();
    let settings = Settings {
        port,
        region: String::new(),
        seed: None,
        verified: vec!["example.com".to_owned()],
        dns: None,
        events: None,
        api: None,
    };
    let error = fake_ses::bind(settings).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("Port {port} on 127.0.0.1 is in use; set INBOX_PORT to another one.")
    );
}
