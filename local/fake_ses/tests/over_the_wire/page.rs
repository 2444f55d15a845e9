//! The inbox page, judged by its HTTP answers.

use serde_json::{Value, json};

use crate::fake::{Fake, SEND, email};

#[tokio::test]
async fn the_page_may_run_only_its_own_script() {
    let fake = Fake::start().await;
    for path in ["/", "/inbox.css", "/inbox.js", "/webhooks", "/webhooks.js"] {
        let answer = fake.raw("GET", path, "").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(
            answer.contains("content-security-policy: default-src 'none'; script-src 'self';"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let fake = Fake::start().await;
    let (_, _, answer) = fake.send(&email("bob@example.com")).await;
    let id = answer["MessageId"].as_str().unwrap();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/inbox.css"),
        ("GET", "/inbox.js"),
        ("GET", "/inbox/summaries"),
        ("GET", "/webhook-inbox"),
        ("GET", "/webhook-inbox/newest"),
        ("POST", "/webhook-inbox"),
        ("GET", "/messages"),
        ("GET", &format!("/messages/{id}")),
        ("GET", &format!("/messages/{id}/html")),
        ("GET", &format!("/messages/{id}/attachments/0")),
        ("GET", &format!("/messages/{id}/raw")),
        ("GET", &format!("/messages/{id}/email")),
        ("POST", &format!("/messages/{id}/bounce")),
        ("GET", "/messages?q=x"),
        ("GET", "/messages?wrong=x"),
        ("GET", "/inbox/list.js"),
        ("GET", "/console-kit/kit/dom.js"),
        ("GET", "/console-kit/none"),
        ("GET", "/messages/none"),
        ("GET", "/stats"),
        ("GET", "/none"),
        ("POST", "/v2/email/outbound-emails"),
        ("PUT", "/faults"),
        ("POST", "/"),
        ("DELETE", "/messages"),
    ] {
        let (_, head, _) = fake.call(method, path, &Value::Null).await;
        for said in [
            "content-security-policy: ",
            "base-uri 'none'; form-action 'none'; frame-ancestors '",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "x-dns-prefetch-control: off",
            "cross-origin-resource-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(head.contains(said), "{method} {path} lacks {said}: {head}");
        }
        assert_eq!(head.matches("content-security-policy:").count(), 1, "{head}");
        let scripts = head.contains("script-src") || head.contains("allow-scripts");
        assert_eq!(
            scripts,
            ["/", "/inbox.css", "/inbox.js"].contains(&path) && method == "GET",
            "{head}"
        );
    }
}

#[tokio::test]
async fn another_sites_page_is_refused_and_changes_nothing() {
    let fake = Fake::start().await;
    let (_, _, answer) = fake.send(&email("bob@example.com")).await;
    let id = answer["MessageId"].as_str().unwrap();
    for (header, status) in [
        ("Sec-Fetch-Site: cross-site", "403"),
        ("Sec-Fetch-Site: same-site", "403"),
        ("Origin: http://evil.example", "403"),
        ("Origin: null", "403"),
        ("Host: evil.example", "421"),
    ] {
        for (method, path) in [
            ("DELETE", "/messages"),
            ("DELETE", &format!("/messages/{id}")),
            ("POST", &format!("/messages/{id}/bounce")),
            ("GET", &format!("/messages/{id}/email")),
            ("PUT", "/faults"),
            ("POST", SEND),
            ("GET", "/messages"),
        ] {
            let answer = fake.raw_with(header, method, path, "{}").await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{header}: {answer}");
        }
    }
    assert_eq!(fake.kept().await, 1);
}

#[tokio::test]
async fn a_messages_html_is_sandboxed_with_its_pictures() {
    let fake = Fake::start().await;
    let (_, _, answer) = fake.send(&email("bob@example.com")).await;
    let id = answer["MessageId"].as_str().unwrap();
    let html = fake.raw("GET", &format!("/messages/{id}/html"), "").await;
    assert!(
        html.contains(
            "content-security-policy: sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'"
        ),
        "{html}"
    );
    assert!(html.contains("data:image/png;base64,aGk="), "{html}");
}

#[tokio::test]
async fn a_file_is_always_a_download() {
    let fake = Fake::start().await;
    let mut hostile = email("bob@example.com");
    hostile["Content"]["Simple"]["Attachments"] =
        json!([{"RawContent": "aGk=", "FileName": "x.html", "ContentType": "text/html"}]);
    let (_, _, answer) = fake.send(&hostile).await;
    let id = answer["MessageId"].as_str().unwrap();
    let file = fake.raw("GET", &format!("/messages/{id}/attachments/0"), "").await;
    assert!(
        file.contains("content-disposition: attachment; filename*=UTF-8''x.html"),
        "{file}"
    );
    assert!(file.contains("content-type: application/octet-stream"), "{file}");
    assert!(file.ends_with("\r\n\r\nhi"), "{file}");
    for path in [
        format!("/messages/{id}/attachments/1"),
        "/messages/none/attachments/0".to_owned(),
        "/messages/none/html".to_owned(),
    ] {
        assert!(fake.raw("GET", &path, "").await.starts_with("HTTP/1.1 404"), "{path}");
    }
}

#[tokio::test]
async fn the_list_reports_its_changes() {
    let fake = Fake::start().await;
    let before = fake.get("/inbox/summaries").await;
    assert_eq!((&before["count"], &before["messages"]), (&json!(0), &json!([])));
    fake.send(&email("bob@example.com")).await;
    let after = fake.get("/inbox/summaries").await;
    assert_ne!(before["revision"], after["revision"]);
    let summary = &after["messages"][0];
    assert_eq!(
        (&summary["from"], &summary["subject"], &summary["attachments"]),
        (&json!("Ann <ann@example.com>"), &json!("Grüße"), &json!(1))
    );
}
