//! A canary: a word in every text field of emails that are delivered, of emails that fail, and of refused requests.
//! No error answer here contains it. After all tests `local/check-logs` searches the functions' logs for it, and for
//! every address and key.

use e2e::{Stack, eventually, unique};
use reqwest::Method;
use serde_json::{Value, json};

use super::emails::FROM;

/// Returns a word that differs from those of other runs.
fn canary() -> String {
    format!("canaryX{}", unique("x"))
}

fn email(word: &str, to: &str) -> Value {
    json!({
        "from": format!("{word} <{FROM}>"), "to": [format!("{word} <{to}>")], "subject": word, "text": word,
        "html": format!("<p>{word}</p>"), "headers": {"X-Word": word}, "tags": [{"name": "word", "value": word}],
        "attachments": [{"filename": format!("{word}.txt"), "content": "Y2FuYXJ5"}],
    })
}

#[tokio::test]
async fn email_content_appears_in_no_error_and_no_log() {
    let stack = Stack::shared().await;
    let word = canary();
    let to = format!("{word}@example.com");

    // Delivered, bounced with a diagnostic, and rejected by SES with a message that repeats the address.
    let good = email(&word, &to);
    let delivered = stack.api.post_once("/emails", &word, &good).await.id();
    stack.api.wait_for_delivery(&delivered).await;
    let bounced = stack
        .api
        .send(&email(&word, &format!("bounce+{word}@simulator.amazonses.com")))
        .await;
    stack.api.wait_for(&bounced, &json!({"last_event": "bounced"})).await;
    let rejected = format!("rejected-{word}@example.com");
    let rejects = stack.faults.strike(&rejected, &[("reject", None)]).await;
    let failed = stack.api.send(&email(&word, &rejected)).await;
    stack.api.wait_for(&failed, &json!({"status": "failed"})).await;
    rejects.lift().await;

    // Refused by the API, with the word in each field that can be wrong.
    let mut refusals = Vec::new();
    for (field, value) in [
        ("from", json!(format!("{word}@@{word}"))),
        ("to", json!([format!("{word} {word}@example.com")])),
        ("cc", json!(format!("{word}@localhost"))),
        ("reply_to", json!(format!("<{word}"))),
        ("subject", json!(format!("{word}\n{word}"))),
        ("html", json!([word])),
        ("headers", json!({"Bcc": word})),
        ("headers", json!({"X-Word": format!("{word}\r\n{word}")})),
        ("tags", json!([{"name": "a b", "value": word}])),
        (
            "attachments",
            json!([{"filename": format!("{word}\n"), "content": word}]),
        ),
        ("attachments", json!([{"filename": "a", "content": format!("{word}!")}])),
        (
            "attachments",
            json!([{"filename": "a", "path": format!("https://{word}.example")}]),
        ),
        ("scheduled_at", json!(word)),
        ("queue", json!(word)),
        ("priority", json!(word)),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        refusals.push((field, stack.api.post("/emails", &bad).await));
    }
    let key = stack.api.post_once("/emails", &word, &email(&word, FROM)).await;
    refusals.push(("Idempotency-Key", key));
    let broken = stack
        .api
        .request(Method::POST, "/emails")
        .body(format!("{{\"subject\": \"{word}"));
    refusals.push(("JSON", stack.api.answer(broken).await));
    let wrong_key = format!("mq_{word}");
    refusals.push(("key", stack.api.with_key(&wrong_key).get("/emails").await));
    let query = stack.api.get(&format!("/emails?to={word}&from={word}@@")).await;
    refusals.push(("query", query));
    let path = stack.api.get(&format!("/suppressions/{word}@nobody.example")).await;
    refusals.push(("path", path));
    for (field, answer) in &refusals {
        assert!((400..500).contains(&answer.status), "{field}: {answer:?}");
        assert!(!answer.body.to_string().contains(&word), "{field}: {answer:?}");
    }

    // Looked up and removed by routes that have the address in their path.
    let added = stack.api.post("/suppressions", &json!({"email": to})).await;
    assert_eq!(added.status, 201, "{added:?}");
    assert_eq!(stack.api.get(&format!("/suppressions/{to}")).await.status, 200);
    assert_eq!(stack.api.delete(&format!("/suppressions/{to}")).await.status, 200);
    eventually("the rejected email to be erased", || async {
        let answer = stack.api.delete(&format!("/emails/{failed}")).await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(format!("{answer:?}"))
        }
    })
    .await;
}
