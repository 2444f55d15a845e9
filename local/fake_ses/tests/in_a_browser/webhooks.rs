//! The second tab of the inbox shows the events of webhooks, their signatures and headers, and none does any harm.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fake_ses::webhook_inbox::{hmac_sha256, key};
use serde_json::{Value, json};

use crate::browser::{Browser, Signs, Tab, reached};
use crate::canary::Canary;
use crate::fake::Fake;
use crate::hostile::{self, Hostile, Part};

/// The time that each event has; on an unprotected page the corpus does its harm within it.
const CHANCE: Duration = Duration::from_millis(40);

/// The example of Standard Webhooks.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const BODY: &str = r#"{"type":"email.delivered","data":{"to":["bob@example.com"]}}"#;

/// The header with the hostile text.
const HOSTILE: &str = "x-hostile";

/// A reader's actions in the page: opening a row, and looking at the open event and at the whole page.
const READER: &str = r"
    window.open_event = (id) => {
        const rows = [...document.querySelectorAll('.row')];
        rows.find((row) => row.dataset.key.endsWith(` ${id}`)).click();
    };
    window.text_of = (selector) => document.querySelector(`#message ${selector}`)?.textContent;
    window.shown = () => {
        const names = [...document.querySelectorAll('#message .facts-mono dt')];
        const pairs = names.map((name) => [name.textContent, name.nextElementSibling.textContent]);
        const badge = document.querySelector('#message .badge');
        return {
            mark: badge.textContent,
            is_good: badge.classList.contains('badge-good'),
            signature: badge.parentElement.textContent,
            type: text_of('h2'),
            body: text_of('pre'),
            headers: Object.fromEntries(pairs),
        };
    };
    window.page = () => {
        const strange = ['img', 'svg', 'math', 'style', 'form', 'base', 'iframe', 'object', 'embed', 'video', 'audio',
            'template', '[style]', '[onerror]', '[onload]'];
        return {
            title: document.title,
            scripts: document.scripts.length,
            links: document.querySelectorAll('a:not(.row):not(.other):not(#back)').length,
            strangers: document.querySelectorAll('#message, #list').length - 2
                + document.querySelectorAll(strange.join()).length,
        };
    };
";

/// The headers of an event, with the signature of a body.
fn signed(id: &str, body: &str) -> Vec<(&'static str, String)> {
    let now = jiff::Timestamp::now().as_second().to_string();
    let hash = hmac_sha256(&key(SECRET).unwrap(), format!("{id}.{now}.{body}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(hash));
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", now.clone()),
        ("webhook-signature", signature.clone()),
        ("svix-id", id.to_owned()),
        ("svix-timestamp", now),
        ("svix-signature", signature),
    ]
}

/// Opens a tab with the page, and waits until it lists all events.
async fn open_page(browser: &mut Browser, fake: &Fake, events: usize) -> Tab {
    let tab = browser.open().await;
    browser.go(&tab, &format!("http://{}/webhooks", fake.address)).await;
    browser
        .until(&tab, "document.querySelectorAll('.row').length", &json!(events))
        .await;
    browser.value(&tab, READER).await;
    tab
}

/// Opens an event from the list, and waits until it is shown.
async fn open_event(browser: &mut Browser, tab: &Tab, id: &str) {
    browser.value(tab, &format!("open_event('{id}')")).await;
    browser.until(tab, "text_of('bdi')", &json!(id)).await;
}

#[tokio::test]
async fn an_event_shows_its_signature_and_its_headers() {
    let Some(mut browser) = crate::browser("webhooks").await else {
        return;
    };
    let fake = Fake::start().await;
    fake.set_secret(SECRET).await;
    let mut genuine = signed("msg_genuine", BODY);
    genuine.push(("x-shop", "a <b> c".to_owned()));
    fake.receive("", &genuine, BODY).await;
    fake.receive("", &signed("msg_forged", "{}"), BODY).await;
    let tab = open_page(&mut browser, &fake, 2).await;
    let listed = "[...document.querySelectorAll('.row .badge')].map((badge) => badge.className).sort()";
    let badges = json!(["badge badge-bad", "badge badge-good"]);
    assert_eq!(browser.value(&tab, listed).await, badges);

    open_event(&mut browser, &tab, "msg_genuine").await;
    let event = browser.value(&tab, "shown()").await;
    assert_eq!((&event["mark"], &event["is_good"]), (&json!("verified"), &json!(true)));
    assert_eq!(event["type"], "email.delivered");
    let body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, serde_json::from_str::<Value>(BODY).unwrap());
    for (name, value) in &genuine {
        assert_eq!(event["headers"][*name], *value, "{name}");
    }

    open_event(&mut browser, &tab, "msg_forged").await;
    let event = browser.value(&tab, "shown()").await;
    assert_eq!(
        (&event["mark"], &event["is_good"]),
        (&json!("not verified"), &json!(false))
    );
    let signature = event["signature"].as_str().unwrap();
    assert!(signature.contains("no signature fits a known secret"), "{signature}");
    assert_eq!(event["headers"]["webhook-id"], "msg_forged");
    browser.end().await;
}

/// The hostile texts of a message in one.
fn hostile_text(message: &Hostile, port: u16) -> String {
    let parts = match message.part {
        Part::Body(text)
        | Part::Click(text)
        | Part::Link(text)
        | Part::Text(text)
        | Part::Subject(text)
        | Part::EncodedSubject(text)
        | Part::From(text)
        | Part::To(text)
        | Part::Raw(text) => vec![text],
        Part::Picture(text, file) => vec![text, file.content],
        Part::Header(name, value) => vec![name, value],
        Part::Attachment(file) => vec![file.name, file.media_type, file.content],
    };
    let armed: Vec<String> = parts.iter().map(|text| message.armed(text, port)).collect();
    armed.join(" ")
}

/// Tells whether the page shows a text as it is, and a header can have it.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

/// Posts an event whose every part has the hostile text: type, data, box and, if it can have it, a header.
async fn receive_hostile(fake: &Fake, id: &str, text: &str) {
    let data = json!({"to": [text], "email": text, "subject": text, text: text});
    let body = json!({"type": text, "created_at": text, "data": data});
    let mut headers = vec![("webhook-id", id.to_owned()), ("svix-id", id.to_owned())];
    if is_plain(text) {
        headers.push((HOSTILE, text.trim().to_owned()));
    }
    fake.receive(text, &headers, &body.to_string()).await;
}

#[tokio::test]
async fn no_event_runs_a_script_or_fetches() {
    let Some(mut browser) = crate::browser("webhooks-hostile").await else {
        return;
    };
    let canary = Canary::start().await;
    let fake = Fake::start().await;
    let all: Vec<(&'static str, String)> = hostile::all()
        .iter()
        .map(|message| (message.name, hostile_text(message, canary.address.port())))
        .collect();
    for (name, text) in &all {
        receive_hostile(&fake, name, text).await;
    }
    // A body that is no JSON is shown as it came.
    let texts: Vec<&str> = all.iter().map(|(_, text)| text.as_str()).collect();
    let raw = [("webhook-id", "raw".to_owned())];
    fake.receive("", &raw, &texts.join("\n")).await;
    let count = all.len() + 1;
    let harmless = json!({"title": format!("Webhooks ({count})"), "scripts": 1, "links": 0, "strangers": 0});

    let tab = open_page(&mut browser, &fake, count).await;
    let ids = all
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .chain([("raw", "")]);
    for (id, text) in ids {
        open_event(&mut browser, &tab, id).await;
        browser.wait(CHANCE).await;
        assert_eq!(browser.value(&tab, "page()").await, harmless, "{id}");
        assert_eq!(browser.take_signs(), Signs::default(), "{id}");
        if !text.is_empty() && is_plain(text) {
            let event = browser.value(&tab, "shown()").await;
            assert_eq!(event["type"], text, "{id}");
            assert_eq!(event["headers"][HOSTILE], text.trim(), "{id}");
        }
    }

    browser.wait(Duration::from_secs(1)).await;
    assert_eq!(browser.take_signs(), Signs::default());
    let record = browser.end().await;
    assert!(
        record.contains(&format!("http://{}/", fake.address)),
        "the network log is empty"
    );
    let reaching: Vec<&str> = all
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| reached(&record, name))
        .collect();
    assert!(reaching.is_empty(), "these events contacted their hosts: {reaching:?}");
    assert_eq!(canary.heads(), Vec::<String>::new());
    let newest = fake.get("/webhook-inbox/newest").await;
    assert_eq!(newest["count"], json!(count));
}
