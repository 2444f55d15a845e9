//! Between the inbox and other sites: a link leads away and nothing leads back, and another site's
//! page neither reads nor changes anything here.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::canary::Canary;
use crate::fake::Fake;
use crate::inbox::{click_message, open_inbox, open_message};

/// Longer than anything takes here, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What another site's page may try; answers with what it got to read.
const TRIES: &str = r#"
    window.tries = async (target) => {
        const email = JSON.stringify({
            FromEmailAddress: "a@example.com", Destination: { ToAddresses: ["b@example.com"] },
            Content: { Simple: { Subject: { Data: "Forged" }, Body: { Text: { Data: "a" } } } },
        });
        const element = (tag, source) => new Promise((done) => {
            const made = document.createElement(tag);
            made.onload = () => done(`${tag} loaded`);
            made.onerror = () => done(null);
            made.src = target + source;
            document.body.append(made);
        });
        const read = (path, options) => fetch(target + path, options)
            .then((answer) => answer.text()).then((text) => text || null, () => null);
        const form = document.createElement("form");
        form.action = `${target}/v2/email/outbound-emails`;
        [form.method, form.enctype, form.target] = ["post", "text/plain", "frame"];
        const field = document.createElement("input");
        [field.name, field.value] = [email.slice(0, -1) + ', "a": "', '"}'];
        form.append(field);
        document.body.append(form);
        form.submit();
        return Promise.all([
            read("/messages"),
            read("/messages", { mode: "no-cors" }),
            read("/messages", { method: "DELETE" }),
            read("/faults", { method: "PUT", body: '{"faults": [{"kind": "reject"}]}' }),
            read("/v2/email/outbound-emails", { method: "POST", body: email }),
            read("/v2/email/outbound-emails", { method: "POST", body: email, mode: "no-cors" }),
            element("script", "/inbox.js"),
            element("img", "/messages"),
        ]);
    };
"#;

fn email(html: &str) -> Value {
    json!({
        "FromEmailAddress": "ann@example.com",
        "Destination": {"ToAddresses": ["bob@example.com"]},
        "Content": {"Simple": {"Subject": {"Data": "Private"}, "Body": {"Html": {"Data": html}}}},
    })
}

#[tokio::test]
async fn a_link_opens_a_tab_that_knows_nothing_of_the_inbox() {
    let Some(mut browser) = crate::browser("link").await else {
        return;
    };
    let canary = Canary::start().await;
    let fake = Fake::start().await;
    let url = format!("http://link.localhost:{}/", canary.address.port());
    let html = format!(r#"<a style="position:fixed;inset:0" rel=opener href={url}>a</a>"#);
    let id = fake.send(&email(&html)).await;
    let tab = open_inbox(&mut browser, &fake, 1).await;
    open_message(&mut browser, &tab, &id, "Private").await;
    click_message(&mut browser, &tab).await;
    browser.wait_for(|signs| !signs.popups.is_empty()).await;
    let opened = browser.newest();
    browser.until(&opened, "document.title", &json!("Outside")).await;
    assert_eq!(browser.value(&opened, "location.href").await, url);
    assert_eq!(
        browser.value(&opened, "[opener, document.referrer]").await,
        json!([null, ""])
    );
    let heads = canary.heads();
    let asked = heads.iter().find(|head| head.starts_with("GET / ")).unwrap();
    assert!(!asked.to_ascii_lowercase().contains("\nreferer:"), "{asked}");
    assert_eq!(browser.value(&tab, "location.hash").await, format!("#{id}"));
    browser.end().await;
}

#[tokio::test]
async fn another_sites_page_reads_and_changes_nothing() {
    let Some(mut browser) = crate::browser("site").await else {
        return;
    };
    let canary = Canary::start().await;
    let fake = Fake::start().await;
    fake.send(&email("a")).await;
    let page = Router::new().route("/", get(async || Html("<body><iframe name=frame></iframe>")));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let site = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, page).await });

    // One on this machine, as of something that is being developed here, and one of another name.
    for host in ["127.0.0.1", "site.localhost"] {
        let tab = browser.open().await;
        browser.go(&tab, &format!("http://{host}:{}/", site.port())).await;
        browser.value(&tab, TRIES).await;
        let read = browser.value(&tab, &format!("tries('http://{}')", fake.address)).await;
        assert_eq!(read, json!(vec![Value::Null; 8]), "{host}");
        // The same reaches a server that takes no care.
        browser
            .value(&tab, &format!("tries('http://{}')", canary.address))
            .await;
    }
    let count = |start: &str| canary.heads().iter().filter(|head| head.starts_with(start)).count();
    // Two of each page by script; of the forms, one at least: a page that is left may not send its own off.
    let is_form = |head: &String| head.starts_with("POST ") && head.contains("Sec-Fetch-Mode: navigate");
    let deadline = Instant::now() + PATIENCE;
    while !canary.heads().iter().any(is_form) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(canary.heads().iter().any(is_form), "{:?}", canary.heads());
    assert!(count("POST /v2/email/outbound-emails") >= 5, "{:?}", canary.heads());
    assert_eq!(fake.kept().await, 1);
    assert_eq!(fake.get("/faults").await, json!({"faults": []}));
    browser.end().await;
}

#[tokio::test]
async fn a_name_that_only_leads_here_is_shown_nothing() {
    let Some(mut browser) = crate::browser("name").await else {
        return;
    };
    let fake = Fake::start().await;
    fake.send(&email("a")).await;
    let tab = browser.open().await;
    for path in ["", "messages", "inbox.js"] {
        let url = format!("http://elsewhere.localhost:{}/{path}", fake.address.port());
        browser.go(&tab, &url).await;
        let shown = browser.value(&tab, "document.body.textContent").await;
        assert!(
            shown.as_str().unwrap().contains("this request's Host is another"),
            "{shown}"
        );
    }
    browser.end().await;
}
