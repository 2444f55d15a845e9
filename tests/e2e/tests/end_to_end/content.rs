//! Valid email of every kind arrives whole.

use std::collections::HashSet;

use e2e::{Stack, unique};
use serde_json::{Value, json};

use super::emails::{address, email_to, email_with};

#[tokio::test]
async fn text_in_all_scripts_arrives_whole() {
    let stack = Stack::shared().await;
    let name = unique("unicode");
    let email = json!({
        "from": "Grüße <gruss@bücher.example>",
        "to": [format!("日本語 <{name}@例え.example>"), format!("\"Last, First\" <{name}@example.com>")],
        "cc": format!("Émile <cc-{name}@example.com>"),
        "bcc": [format!("bcc-{name}@example.com")],
        "reply_to": ["Hilfe <hilfe@BÜCHER.example>", "help@mailqueue.example"],
        "subject": "Ваш заказ № 4711 ✓ 🦀",
        "html": "<p>Dziękuję! 🦀\u{2028}</p>\r\n",
        "text": "ありがとう\n\n.\n..\n\tEnde",
        "headers": {"X-Order": "4711", "x-note": "Grüße", "List-Unsubscribe": "<https://mailqueue.example/u?a=1&b=2>", "List-Help": "<https://bücher.example/für>"},
        "tags": [{"name": "kind", "value": "order"}, {"name": "Shop-Id_1", "value": "DE-7"}],
    });
    let id = stack.api.send(&email).await;
    let shown = stack.api.wait_for_delivery(&id).await;
    for field in ["subject", "html", "text", "tags"] {
        assert_eq!(shown[field], email[field], "{field}");
    }

    let message = stack.inbox.only(&format!("cc-{name}@")).await;
    assert_eq!(message.email_id(), id);
    assert_eq!(message.from, "=?UTF-8?B?R3LDvMOfZQ==?= <gruss@xn--bcher-kva.example>");
    assert_eq!(
        message.to,
        [
            format!("=?UTF-8?B?5pel5pys6Kqe?= <{name}@xn--r8jz45g.example>"),
            format!("\"Last, First\" <{name}@example.com>")
        ]
    );
    assert_eq!(message.cc, [format!("=?UTF-8?B?w4ltaWxl?= <cc-{name}@example.com>")]);
    assert_eq!(message.bcc, [format!("bcc-{name}@example.com")]);
    assert_eq!(
        message.reply_to,
        ["Hilfe <hilfe@xn--bcher-kva.example>", "help@mailqueue.example"]
    );
    assert_eq!(message.subject, email["subject"]);
    assert_eq!(message.html.map(Value::from), Some(email["html"].clone()));
    assert_eq!(message.text.map(Value::from), Some(email["text"].clone()));
    let header = |name: &str| {
        message
            .headers
            .iter()
            .find(|header| header.name == name)
            .map(|header| header.value.as_str())
    };
    assert_eq!(header("X-Order"), Some("4711"));
    assert_eq!(header("x-note"), Some("=?UTF-8?B?R3LDvMOfZQ==?="));
    assert_eq!(
        header("List-Unsubscribe"),
        Some("<https://mailqueue.example/u?a=1&b=2>")
    );
    assert_eq!(header("List-Help"), Some("<https://xn--bcher-kva.example/f%C3%BCr>"));
}

#[tokio::test]
async fn html_alone_gets_a_text_part_unless_text_is_empty() {
    let stack = Stack::shared().await;
    for (text, arrived) in [(Value::Null, Some("Your code is 123456.")), (json!(""), None)] {
        let name = unique("html-only");
        let options = json!({"html": "<p>Your code is <b>123456</b>.</p>", "text": &text});
        let id = stack.api.send(&email_with(&address(&name), options)).await;
        let shown = stack.api.wait_for_delivery(&id).await;
        assert_eq!(shown["text"], text);
        let message = stack.inbox.only(&name).await;
        assert_eq!(message.text.as_deref(), arrived);
    }
}

#[tokio::test]
async fn an_email_exactly_at_the_limits_arrives() {
    let stack = Stack::shared().await;
    let name = unique("limits");
    let recipients: Vec<String> = (0..50).map(|at| address(&format!("{name}-{at}"))).collect();
    let headers: serde_json::Map<String, Value> =
        (0..14).map(|at| (format!("X-{at}"), json!("x".repeat(870)))).collect();
    let tags: Vec<Value> = (0..46)
        .map(|at| json!({"name": format!("tag{at}"), "value": "x".repeat(256)}))
        .collect();
    let email = json!({
        "from": format!("{}@example.com", "f".repeat(64)),
        "to": recipients[..48],
        "cc": recipients[48],
        "bcc": recipients[49],
        "subject": "s".repeat(989),
        "text": "Hello",
        "headers": headers,
        "tags": tags,
    });
    let id = stack.api.send(&email).await;
    stack.api.wait_for_delivery(&id).await;
    let message = stack.inbox.only(&name).await;
    assert_eq!(message.to.len() + message.cc.len() + message.bcc.len(), 50);
    assert_eq!(
        (message.headers.len(), message.tags.len()),
        (15, 50),
        "including our own headers and tags"
    );
}

#[tokio::test]
async fn absent_null_and_empty_options_are_equal() {
    let stack = Stack::shared().await;
    let name = unique("options");
    let options = json!({"cc": null, "bcc": [], "reply_to": null, "html": null, "headers": [], "tags": [], "attachments": [], "scheduled_at": null});
    let Value::Object(mut email) = email_to(&address(&name)) else {
        panic!("an email is an object")
    };
    let Value::Object(options) = options else {
        panic!("options are an object")
    };
    let plain = stack
        .api
        .post_once("/emails", &name, &Value::Object(email.clone()))
        .await;
    email.extend(options);
    let again = stack.api.post_once("/emails", &name, &Value::Object(email)).await;
    assert!(again.replayed, "it is the same request");
    assert_eq!(plain.id(), again.id());
}

#[tokio::test]
async fn large_content_arrives_whole_and_is_readable() {
    // The first is too large for the table, the second almost too large for a request.
    for bytes in [200_000, 3_900_000] {
        let stack = Stack::shared().await;
        let name = unique("large");
        let (html, text) = (noise(bytes / 2, 1), noise(bytes / 2, 2));
        let id = stack
            .api
            .send(&email_with(&address(&name), json!({"html": html, "text": text})))
            .await;
        let shown = stack.api.wait_for_delivery(&id).await;
        let message = stack.inbox.only(&name).await;
        // `assert_eq` would print the megabytes.
        assert!(
            message.html.is_some_and(|arrived| arrived == html),
            "{bytes} bytes: the HTML differs"
        );
        assert!(
            message.text.is_some_and(|arrived| arrived == text),
            "{bytes} bytes: the text differs"
        );
        assert!(
            shown["html"] == html && shown["text"] == text,
            "{bytes} bytes: the content in the API differs"
        );
    }
}

/// Incompressible text: `SplitMix64` in hex.
pub(super) fn noise(bytes: usize, seed: u64) -> String {
    let mut state = seed;
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        text.push_str(&format!("{:016x}", mixed ^ (mixed >> 31)));
    }
    text.truncate(bytes);
    text
}

#[tokio::test]
async fn each_email_of_a_full_batch_arrives_once() {
    let stack = Stack::shared().await;
    let name = unique("full");
    let batch: Vec<Value> = (0..500)
        .map(|at| {
            email_with(
                &address(&format!("{name}-{at}")),
                json!({"subject": format!("Number {at}")}),
            )
        })
        .collect();
    let ids = stack.api.send_batch(&batch).await;
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 500);

    stack.inbox.wait_for(&name, 500).await;
    for (at, id) in ids.iter().enumerate().step_by(50) {
        let email = stack.api.wait_for_delivery(id).await;
        assert_eq!(
            email["subject"],
            format!("Number {at}"),
            "ids are in the request's order"
        );
    }
    let messages = stack.inbox.to(&name).await;
    assert_eq!(messages.len(), 500);
    let sent: HashSet<&str> = messages.iter().map(e2e::Message::email_id).collect();
    assert_eq!(sent, ids.iter().map(String::as_str).collect::<HashSet<_>>());
}
