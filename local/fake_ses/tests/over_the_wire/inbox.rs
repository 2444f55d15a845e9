//! The list and the actions of the inbox's page.

use serde_json::{Value, json};

use crate::fake::{Fake, email};

/// Sends to these recipients, and returns the ids.
async fn sent(fake: &Fake, recipients: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for to in recipients {
        let mut message = email(to);
        message["EmailTags"] = json!([{"Name": "kind", "Value": to.split('@').next()}]);
        let (_, _, answer) = fake.send(&message).await;
        ids.push(answer["MessageId"].as_str().unwrap().to_owned());
    }
    ids
}

fn recipients(messages: &Value) -> Vec<&str> {
    let messages = messages.as_array().unwrap().iter();
    messages.map(|message| message["to"][0].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_list_and_the_messages_take_the_same_filter() {
    let fake = Fake::start().await;
    sent(&fake, &["ann@example.org", "bob@example.org", "eve@example.org"]).await;
    let all = ["eve@example.org", "bob@example.org", "ann@example.org"];
    for (query, expected) in [
        ("", &all[..]),
        ("?", &all),
        ("?q=", &all),
        ("?q=gr%C3%BC", &all),
        ("?q=BOB", &["bob@example.org"]),
        ("?recipient=ann%40", &["ann@example.org"]),
        ("?recipient=ann@example.com", &[]),
        ("?tag=kind", &all),
        ("?tag=kind:eve", &["eve@example.org"]),
        ("?tag=kind:eve&recipient=ann", &[]),
    ] {
        let messages = fake.get(&format!("/messages{query}")).await;
        assert_eq!(recipients(&messages), expected, "{query}");
        let summaries = fake.get(&format!("/inbox/summaries{query}")).await;
        assert_eq!(recipients(&summaries["messages"]), expected, "{query}");
        assert_eq!(
            (&summaries["count"], &summaries["matching"]),
            (&json!(3), &json!(expected.len()))
        );
    }
    for path in ["/messages?to=ann", "/messages?q=a&q=b", "/inbox/summaries?limit=1"] {
        let (status, _, body) = fake.call("GET", path, &Value::Null).await;
        assert_eq!(status, 400, "{path}");
        assert!(
            body["message"].as_str().unwrap().starts_with("The parameter "),
            "{body}"
        );
    }
}

#[tokio::test]
async fn one_message_is_deleted_and_the_others_stay() {
    let fake = Fake::start().await;
    let ids = sent(&fake, &["ann@example.org", "bob@example.org"]).await;
    let before = fake.get("/inbox/summaries").await["revision"].clone();
    let path = format!("/messages/{}", ids[0]);
    assert_eq!(fake.call("DELETE", &path, &Value::Null).await.0, 204);
    for method in ["GET", "DELETE"] {
        assert_eq!(fake.call(method, &path, &Value::Null).await.0, 404, "{method}");
    }
    assert_eq!(recipients(&fake.get("/messages").await), ["bob@example.org"]);
    assert_ne!(fake.get("/inbox/summaries").await["revision"], before);
}

#[tokio::test]
async fn a_message_is_downloaded_as_a_file() {
    let fake = Fake::start().await;
    let mut message = email("bob@example.org");
    message["Content"]["Simple"]["Subject"]["Data"] = json!("Grüße; \"x\"");
    let (_, _, answer) = fake.send(&message).await;
    let id = answer["MessageId"].as_str().unwrap();
    let file = fake.raw("GET", &format!("/messages/{id}/raw"), "").await;
    let (head, content) = file.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: message/rfc822"), "{head}");
    assert!(
        head.contains("content-disposition: attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe%3B%20%22x%22.eml"),
        "{head}"
    );
    assert!(
        content.starts_with("From: Ann <ann@example.com>\r\nTo: bob@example.org\r\n"),
        "{content}"
    );
    assert!(content.contains("\r\nX-Email-Id: 7\r\n") && !content.contains("bcc@example.com"));
    assert!(
        fake.raw("GET", "/messages/none/raw", "")
            .await
            .starts_with("HTTP/1.1 404")
    );
}

#[tokio::test]
async fn shared_modules_are_served_with_their_types() {
    let fake = Fake::start().await;
    for (path, media_type) in [
        ("/inbox/list.js", "text/javascript"),
        ("/console-kit/kit/dom.js", "text/javascript"),
        ("/console-kit/parts/timeline.js", "text/javascript"),
        ("/console-kit/style.css", "text/css"),
    ] {
        let answer = fake.raw("GET", path, "").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}");
        assert!(
            answer.contains(&format!("content-type: {media_type}; charset=utf-8")),
            "{path}"
        );
    }
    for path in [
        "/inbox/none.js",
        "/console-kit/kit/session.js",
        "/console-kit/../settings.rs",
    ] {
        assert!(fake.raw("GET", path, "").await.starts_with("HTTP/1.1 404"), "{path}");
    }
}
