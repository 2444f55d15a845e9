//! Previews of emails: a URL without a key for a minute, in the in-memory backend.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::collections::BTreeMap;

use aws::http::auth::TENANT_HEADER;
use domain::delivery::record::RecordStatus;
use domain::id::{EmailId, TenantId, UploadId};
use domain::limits::UNKNOWN_KEYS_PER_SECOND;
use domain::message::email::EmailContent;
use domain::tenant::Tenant;
use domain::tenant::key::Permission;
use domain::timestamp::Timestamp;
use lambda_http::{Body, Response};
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

use crate::common::{ask, ask_with, authenticator, manage, read};

const MINUTE_MS: i64 = 60_000;
const LATE: &str = "This preview does not exist, or it has expired. Ask for a new preview.";
const POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'";

/// A backend with one sent email.
fn backend(content: &Value) -> MemoryBackend {
    let mut stored = json!({"v": 2, "from": "a@example.com", "to": ["b@example.com"], "subject": "S"});
    for (field, value) in content.as_object().unwrap() {
        stored[field] = value.clone();
    }
    let email = EmailContent::from_body(stored.to_string().as_bytes()).unwrap();
    let backend = samples::backend(0).unwrap();
    let mut state = backend.state();
    let mut record = samples::record(1, &email);
    record.status = RecordStatus::Sent;
    record.due = None;
    state.records.insert(samples::key(1), record);
    state.bodies.insert((samples::key(1), email.hash()), email.to_body());
    drop(state);
    backend
}

fn with_html(html: &str) -> MemoryBackend {
    backend(&json!({"html": html}))
}

fn path() -> String {
    format!("/emails/{}/preview", samples::id(1))
}

/// A time after the creation of a preview, as the API writes it.
fn later(ms: i64) -> String {
    Timestamp::from_millis(BORN.as_millis() + ms).to_string()
}

async fn create(backend: &MemoryBackend) -> Value {
    let (status, made) = read(&ask(backend, &samples::event(samples::API_KEY, "POST", &path(), "")).await);
    assert_eq!(status, 200, "{made}");
    made
}

/// A request of a browser, which sends no key.
fn of_browser(path: &str) -> Value {
    let mut event = samples::event("", "GET", path, "");
    event["headers"] = json!({});
    event
}

async fn open(backend: &MemoryBackend, made: &Value) -> Response<Body> {
    let url = made["url"].as_str().unwrap();
    ask(backend, &of_browser(url)).await
}

fn html(response: &Response<Body>) -> String {
    assert_eq!(response.status(), 200, "{:?}", response.body());
    String::from_utf8(response.body().as_ref().to_vec()).unwrap()
}

fn refusal(response: &Response<Body>) -> (u16, Value) {
    let (status, answer) = read(response);
    (status, answer["message"].clone())
}

#[tokio::test]
async fn a_preview_shows_the_html_under_its_own_policy() {
    let hostile = "<script>alert(1)</script><img src=https://evil.example onerror=alert(1)><base href=//evil.example>";
    let backend = with_html(hostile);
    let made = create(&backend).await;
    assert_eq!(made["object"], "preview");
    assert_eq!(made["expires_at"], later(MINUTE_MS));
    let token = made["url"].as_str().unwrap().strip_prefix("/previews/").unwrap();
    assert_eq!(token.len(), 64);
    for _ in 0..2 {
        let response = open(&backend, &made).await;
        let headers: BTreeMap<_, _> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        let expected = BTreeMap::from([
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
        ]);
        assert_eq!(headers, expected);
        assert_eq!(html(&response), hostile);
    }
}

#[tokio::test]
async fn the_url_has_the_host_of_the_request() {
    let backend = with_html("x");
    let mut event = samples::event(samples::API_KEY, "POST", &path(), "");
    event["headers"]["host"] = "mail.example.com".into();
    let (_, made) = read(&ask(&backend, &event).await);
    let url = made["url"].as_str().unwrap();
    assert!(url.starts_with("https://mail.example.com/previews/"), "{url}");
}

#[tokio::test]
async fn own_images_are_put_in_and_a_text_is_escaped() {
    const UPLOAD: &str = "01010101-0101-4101-8101-010101010101";
    let files = json!([
        {"content": "aGk=", "filename": "a.png", "content_id": "near"},
        {"upload": UPLOAD, "size": 2, "filename": "b.png", "content_id": "far"},
        {"upload": "02020202-0202-4202-8202-020202020202", "size": 2, "filename": "c.png", "content_id": "gone"},
    ]);
    let shown = "<img src=cid:near><img src=cid:far><img src=cid:gone>";
    let backend = backend(&json!({"html": shown, "attachments": files}));
    let hash = backend.state().bodies.keys().next().unwrap().1.clone();
    let id = UploadId::of(EmailId::parse(UPLOAD).unwrap());
    backend
        .state()
        .files
        .insert((samples::key(1), hash, id), (b"ho".to_vec(), BORN));
    let response = open(&backend, &create(&backend).await).await;
    let expected = "<img src=data:image/png;base64,aGk=><img src=data:image/png;base64,aG8=><img src=cid:gone>";
    assert_eq!(html(&response), expected);

    let backend = self::backend(&json!({"text": "</pre><script>x</script>"}));
    let page = html(&open(&backend, &create(&backend).await).await);
    assert!(
        page.ends_with("&lt;/pre&gt;&lt;script&gt;x&lt;/script&gt;</pre>"),
        "{page}"
    );
}

#[tokio::test]
async fn a_preview_ends_after_a_minute_although_its_item_stays() {
    let backend = with_html("x");
    let made = create(&backend).await;
    for (ms, status) in [(MINUTE_MS - 1, 200), (MINUTE_MS, 404), (86_400_000, 404)] {
        backend.state().now_ms = BORN.as_millis() + ms;
        assert_eq!(open(&backend, &made).await.status(), status, "{ms}");
        assert_eq!(backend.state().previews.len(), 1, "the TTL is late");
    }
    assert_eq!(refusal(&open(&backend, &made).await), (404, json!(LATE)));
}

/// Another environment's clock may be a second behind or ahead.
#[tokio::test]
async fn clocks_that_differ_shorten_or_lengthen_a_preview_a_little() {
    let backend = with_html("x");
    let made = create(&backend).await;
    for (ms, status) in [(-1_000, 200), (MINUTE_MS - 1_000, 200), (MINUTE_MS + 1_000, 404)] {
        backend.state().now_ms = BORN.as_millis() + ms;
        assert_eq!(open(&backend, &made).await.status(), status, "{ms}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let backend = with_html("x");
    let made = create(&backend).await;
    let right = made["url"].as_str().unwrap();
    for wrong in [
        "/previews/x".to_owned(),
        format!("/previews/{}", "0".repeat(64)),
        right[..right.len() - 1].to_owned(),
        format!("{right}0"),
        right.to_uppercase().replace("/PREVIEWS", "/previews"),
        "/previews/%00".to_owned(),
        "/previews/..".to_owned(),
        format!("/previews/{}", "a".repeat(10_000)),
    ] {
        let answer = refusal(&ask(&backend, &of_browser(&wrong)).await);
        assert_eq!(answer, (404, json!(LATE)), "{wrong}");
    }
    for elsewhere in ["/previews", "/previews/a/b"] {
        let (status, _) = read(&ask(&backend, &of_browser(elsewhere)).await);
        assert_eq!(status, 401, "{elsewhere}");
    }
}

#[tokio::test]
async fn a_network_with_many_wrong_tokens_is_slowed_down() {
    let backend = with_html("x");
    let (authenticator, made) = (authenticator(), create(&backend).await);
    let function = manage(&backend, backend.clone());
    let from = async |address: &str, path: &str| {
        let mut event = of_browser(path);
        event["requestContext"]["http"]["sourceIp"] = address.into();
        ask_with(&function, &authenticator, &event).await
    };
    let wrong = format!("/previews/{}", "0".repeat(64));
    for _ in 0..UNKNOWN_KEYS_PER_SECOND {
        assert_eq!(from("192.0.2.1", &wrong).await.status(), 404);
    }
    let slowed = from("192.0.2.1", &wrong).await;
    assert_eq!(
        (
            slowed.status().as_u16(),
            slowed.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "1")
    );
    let right = made["url"].as_str().unwrap();
    assert_eq!(from("192.0.2.2", right).await.status(), 200, "another network");
    backend.state().now_ms += 1_000;
    assert_eq!(from("192.0.2.1", right).await.status(), 200, "another second");
}

#[tokio::test]
async fn only_a_key_that_may_read_content_gets_a_preview() {
    let backend = with_html("x");
    let acme = TenantId::parse("acme").unwrap();
    let (foreign, of_foreign) = samples::key_of(&acme, 201);
    let (mut sending, of_sending) = samples::key_of(&TenantId::main(), 202);
    sending.permission = Permission::SendingAccess;
    let (mut reading, of_reading) = samples::key_of(&TenantId::main(), 203);
    reading.permission = Permission::ReadAccess;
    {
        let mut state = backend.state();
        let tenant = Tenant {
            id: acme.clone(),
            ..Tenant::main()
        };
        state.tenants.insert(acme, tenant);
        for key in [foreign, sending, reading] {
            state.keys.insert(key.id, key);
        }
    }
    for (key, status) in [
        (of_foreign.as_str(), 404),
        (of_sending.as_str(), 401),
        (of_reading.as_str(), 200),
        (samples::DEPLOYER_KEY, 401),
        ("x", 403),
    ] {
        let answer = ask(&backend, &samples::event(key, "POST", &path(), "")).await;
        assert_eq!(answer.status(), status, "{key}");
    }
    let mut acting = samples::event(samples::DEPLOYER_KEY, "POST", &path(), "");
    acting["headers"][TENANT_HEADER] = "main".into();
    assert_eq!(
        ask(&backend, &acting).await.status(),
        401,
        "the deployer reads no content"
    );
    assert_eq!(backend.state().previews.len(), 1);
}

/// Nothing of a browser's request decides about the tenant: neither a header nor a key.
#[tokio::test]
async fn headers_change_nothing_at_a_url_with_a_token() {
    let backend = with_html("x");
    let made = create(&backend).await;
    for (name, value) in [
        (TENANT_HEADER, "acme"),
        (TENANT_HEADER, "No name"),
        ("authorization", "Bearer x"),
        ("content-type", "multipart/form-data"),
    ] {
        let mut event = of_browser(made["url"].as_str().unwrap());
        event["headers"][name] = value.into();
        assert_eq!(html(&ask(&backend, &event).await), "x", "{name}");
    }
}

#[tokio::test]
async fn an_erased_email_shows_nothing() {
    let backend = with_html("x");
    let made = create(&backend).await;
    let erase = samples::event(samples::API_KEY, "DELETE", &format!("/emails/{}", samples::id(1)), "");
    assert_eq!(ask(&backend, &erase).await.status(), 200);
    assert_eq!(refusal(&open(&backend, &made).await), (404, json!(LATE)));
    let again = ask(&backend, &samples::event(samples::API_KEY, "POST", &path(), "")).await;
    assert_eq!(again.status(), 404);
}

#[tokio::test]
async fn a_deleted_content_shows_nothing() {
    let backend = with_html("x");
    let made = create(&backend).await;
    backend.state().bodies.clear();
    let gone = "The content of this email is deleted. It cannot be shown any more.";
    assert_eq!(refusal(&open(&backend, &made).await), (404, json!(gone)));
    let again = ask(&backend, &samples::event(samples::API_KEY, "POST", &path(), "")).await;
    assert_eq!(refusal(&again), (404, json!(gone)));
}

#[tokio::test]
async fn a_failing_table_hides_nothing() {
    let backend = with_html("x");
    let made = create(&backend).await;
    for (call, fault, status) in [
        ("preview", Fault::Before, 500),
        ("preview", Fault::Throttled, 503),
        ("load", Fault::Throttled, 503),
        ("load_body", Fault::Throttled, 503),
    ] {
        backend.state().faults_of.insert(call, [fault].into());
        let response = open(&backend, &made).await;
        assert_eq!(response.status(), status, "{call} {fault:?}");
        assert_eq!(response.headers().contains_key("retry-after"), status == 503);
        assert_eq!(open(&backend, &made).await.status(), 200, "a repetition shows it");
    }
    for (fault, status) in [
        (Fault::Before, 500),
        (Fault::After, 500),
        (Fault::Conflict, 503),
        (Fault::Throttled, 503),
    ] {
        backend.state().faults_of.insert("add_preview", [fault].into());
        let failed = ask(&backend, &samples::event(samples::API_KEY, "POST", &path(), "")).await;
        assert_eq!(failed.status(), status, "{fault:?}");
        create(&backend).await;
    }
}
