//! One-time codes of the console, and the keys for which they are exchanged, in the in-memory backend.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use aws::http::auth::{Authenticator, TENANT_HEADER};
use domain::id::TenantId;
use domain::limits::{KEYS_MAX, UNKNOWN_KEYS_PER_SECOND};
use domain::tenant::Tenant;
use domain::tenant::key::{Actor, ApiKey, Permission};
use domain::tenant::sender::FromDomain;
use domain::timestamp::Timestamp;
use futures::future::join_all;
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

use crate::common::{ask_of, authenticator, read};

const MINUTE_MS: i64 = 60_000;
const HOURS_12_MS: i64 = 12 * 3_600_000;
const REFUSED: &str = "code: this code does not exist, was used or has expired. Ask for a new code.";

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// A backend with the tenants `main` and `acme`, and a key of each.
fn backend() -> (MemoryBackend, String) {
    let backend = samples::backend(0).unwrap();
    let (key, token) = samples::key_of(&acme(), 201);
    let tenant = Tenant {
        id: acme(),
        ..Tenant::main()
    };
    {
        let mut state = backend.state();
        state.tenants.insert(acme(), tenant);
        state.keys.insert(key.id, key);
    }
    (backend, token.as_str().to_owned())
}

/// Adds a changed key of `main`; returns its text.
fn add_key(backend: &MemoryBackend, n: u8, change: impl FnOnce(&mut ApiKey)) -> String {
    let (mut key, token) = samples::key_of(&TenantId::main(), n);
    change(&mut key);
    backend.state().keys.insert(key.id, key);
    token.as_str().to_owned()
}

async fn ask(backend: &MemoryBackend, event: Value) -> (u16, Value) {
    read(&ask_of(backend, &authenticator(), event).await)
}

async fn create(backend: &MemoryBackend, key: &str) -> Value {
    let (status, made) = ask(backend, samples::event(key, "POST", "/console-codes", "")).await;
    assert_eq!(status, 201, "{made}");
    made
}

fn exchange_event(body: &str) -> Value {
    let mut event = samples::event("", "POST", "/console-codes/exchange", body);
    event["headers"] = json!({"content-type": "application/json"});
    event
}

/// Exchanges a code, as a page without a key does.
async fn exchange(backend: &MemoryBackend, made: &Value) -> (u16, Value) {
    ask(backend, exchange_event(&json!({"code": made["code"]}).to_string())).await
}

fn refused() -> (u16, Value) {
    (404, json!({"statusCode": 404, "name": "not_found", "message": REFUSED}))
}

fn key_of(backend: &MemoryBackend, answer: &Value) -> ApiKey {
    let state = backend.state();
    let id = answer["id"].as_str().unwrap();
    state
        .keys
        .values()
        .find(|key| key.id.to_string() == id)
        .unwrap()
        .clone()
}

fn later(ms: i64) -> Timestamp {
    Timestamp::from_millis(BORN.as_millis() + ms)
}

#[tokio::test]
async fn a_code_becomes_a_key_with_the_same_rights() {
    let (backend, acmes) = backend();
    let reading = add_key(&backend, 202, |key| {
        key.permission = Permission::ReadAccess;
        key.from_domains = vec![FromDomain::parse("shop.example").unwrap()];
    });
    for (asking, tenant, permission, domains) in [
        (samples::API_KEY, TenantId::main(), Permission::FullAccess, 0),
        (&acmes, acme(), Permission::FullAccess, 0),
        (&reading, TenantId::main(), Permission::ReadAccess, 1),
    ] {
        let made = create(&backend, asking).await;
        assert_eq!(
            made,
            json!({
                "object": "console_code", "code": made["code"], "expires_at": later(MINUTE_MS).to_string(),
                "url": format!("/console/#code={}", made["code"].as_str().unwrap()),
            })
        );
        let (status, answer) = exchange(&backend, &made).await;
        assert_eq!(status, 201, "{answer}");
        assert_eq!(
            answer,
            json!({
                "object": "api_key", "id": answer["id"], "token": answer["token"],
                "expires_at": later(HOURS_12_MS).to_string(),
            })
        );
        let key = key_of(&backend, &answer);
        assert_eq!(
            (&key.tenant, key.permission, key.from_domains.len()),
            (&tenant, permission, domains)
        );
        assert!(matches!(key.created_by, Actor::Key(_)));
        assert_eq!(key.name, format!("Console {BORN}"));
        let token = answer["token"].as_str().unwrap();
        let lists = ask(&backend, samples::event(token, "GET", "/api-keys", "")).await.0;
        assert_eq!(lists, if permission == Permission::FullAccess { 200 } else { 401 });
    }
}

#[tokio::test]
async fn the_url_has_the_host_of_the_request() {
    let (backend, _) = backend();
    let mut event = samples::event(samples::API_KEY, "POST", "/console-codes", "");
    event["headers"]["host"] = "127.0.0.1:8080".into();
    let (_, made) = ask(&backend, event).await;
    let url = format!("http://127.0.0.1:8080/console/#code={}", made["code"].as_str().unwrap());
    assert_eq!(made["url"], url);
}

#[tokio::test]
async fn a_code_works_once_within_a_minute() {
    let (backend, _) = backend();
    let made = create(&backend, samples::API_KEY).await;
    assert_eq!(exchange(&backend, &made).await.0, 201);
    assert_eq!(exchange(&backend, &made).await, refused());
    // The second clock is a second behind the first one; the third one is ahead.
    for (ms, status) in [
        (MINUTE_MS - 1, 201),
        (-1_000, 201),
        (MINUTE_MS, 404),
        (MINUTE_MS + 1_000, 404),
    ] {
        backend.state().now_ms = BORN.as_millis();
        let made = create(&backend, samples::API_KEY).await;
        backend.state().now_ms = BORN.as_millis() + ms;
        assert_eq!(exchange(&backend, &made).await.0, status, "{ms}");
    }
}

#[tokio::test]
async fn of_simultaneous_exchanges_exactly_one_wins() {
    let (backend, _) = backend();
    let made = create(&backend, samples::API_KEY).await;
    let before = backend.state().keys.len();
    let answers = join_all((0..10).map(|_| exchange(&backend, &made))).await;
    let won = answers.iter().filter(|(status, _)| *status == 201).count();
    let lost = answers.iter().filter(|answer| **answer == refused()).count();
    assert_eq!((won, lost), (1, 9));
    assert_eq!(backend.state().keys.len(), before + 1);
}

#[tokio::test]
async fn a_key_that_expires_gives_no_longer_key() {
    let (backend, _) = backend();
    let short = add_key(&backend, 203, |key| key.expires_at = Some(later(3_600_000)));
    let (_, answer) = exchange(&backend, &create(&backend, &short).await).await;
    assert_eq!(answer["expires_at"], later(3_600_000).to_string());
    // A key of the console cannot prolong itself.
    let first = answer["token"].as_str().unwrap().to_owned();
    backend.state().now_ms += 3_000_000;
    let (_, second) = exchange(&backend, &create(&backend, &first).await).await;
    assert_eq!(second["expires_at"], later(3_600_000).to_string());
    backend.state().now_ms += 600_000;
    let late = ask(&backend, samples::event(&first, "POST", "/console-codes", "")).await;
    assert_eq!(late.0, 403, "the key has expired");
}

#[tokio::test]
async fn a_revoked_keys_code_gives_nothing() {
    let (backend, _) = backend();
    let leaked = add_key(&backend, 204, |_| {});
    let made = create(&backend, &leaked).await;
    let id = samples::key_of(&TenantId::main(), 204).0.id;
    let path = format!("/api-keys/{id}?children=true");
    let revoke = samples::event(samples::API_KEY, "DELETE", &path, "");
    assert_eq!(ask(&backend, revoke).await.0, 200);
    let before = backend.state().keys.len();
    assert_eq!(exchange(&backend, &made).await, refused());
    assert_eq!(backend.state().keys.len(), before);
}

/// A response to a leak revokes the console's keys too.
#[tokio::test]
async fn a_key_of_the_console_is_revoked_with_its_maker() {
    let (backend, _) = backend();
    let leaked = add_key(&backend, 205, |_| {});
    let (_, answer) = exchange(&backend, &create(&backend, &leaked).await).await;
    let id = samples::key_of(&TenantId::main(), 205).0.id;
    let revoke = samples::event(samples::API_KEY, "DELETE", &format!("/api-keys/{id}?children=true"), "");
    assert_eq!(ask(&backend, revoke).await.0, 200);
    assert!(key_of(&backend, &answer).revoked.is_some());
}

#[tokio::test]
async fn the_deployer_names_the_tenant_of_its_code() {
    let (backend, _) = backend();
    let acting = |tenant: Option<&str>| {
        let mut event = samples::event(samples::DEPLOYER_KEY, "POST", "/console-codes", "");
        if let Some(tenant) = tenant {
            event["headers"][TENANT_HEADER] = tenant.into();
        }
        event
    };
    let (status, unnamed) = ask(&backend, acting(None)).await;
    assert_eq!(status, 422);
    let message = unnamed["message"].as_str().unwrap();
    assert!(message.contains("name the tenant of the request"), "{message}");
    assert_eq!(ask(&backend, acting(Some("nobody"))).await.0, 404);
    let (_, made) = ask(&backend, acting(Some("acme"))).await;
    let (_, answer) = exchange(&backend, &made).await;
    let key = key_of(&backend, &answer);
    assert_eq!(
        (key.tenant, key.permission, key.created_by),
        (acme(), Permission::FullAccess, Actor::Deployer)
    );
    assert_eq!(key.expires_at, Some(later(HOURS_12_MS)));
}

#[tokio::test]
async fn a_key_that_only_sends_gets_no_code() {
    let (backend, acmes) = backend();
    let sending = add_key(&backend, 206, |key| key.permission = Permission::SendingAccess);
    let (status, refused) = ask(&backend, samples::event(&sending, "POST", "/console-codes", "")).await;
    assert_eq!((status, &refused["name"]), (401, &json!("restricted_api_key")));
    let mut foreign = samples::event(&acmes, "POST", "/console-codes", "");
    foreign["headers"][TENANT_HEADER] = "main".into();
    assert_eq!(ask(&backend, foreign).await.0, 401);
    assert_eq!(backend.state().console_codes.len(), 0);
}

#[tokio::test]
async fn a_wrong_code_is_refused() {
    let (backend, _) = backend();
    let right = create(&backend, samples::API_KEY).await["code"]
        .as_str()
        .unwrap()
        .to_owned();
    for wrong in [
        String::new(),
        "x".to_owned(),
        "0".repeat(64),
        right.to_uppercase(),
        format!(" {right}"),
        format!("{right}0"),
        "\u{0}".repeat(64),
        "\u{e9}".repeat(32),
        samples::API_KEY.to_owned(),
    ] {
        assert_eq!(exchange(&backend, &json!({"code": wrong})).await, refused(), "{wrong}");
    }
    for (body, status) in [
        ("{", 400),
        ("[]", 400),
        ("{}", 422),
        (r#"{"code":null}"#, 422),
        (r#"{"code":1}"#, 422),
        (r#"{"code":"x","tenant":"acme"}"#, 422),
        ("code=x", 400),
    ] {
        assert_eq!(ask(&backend, exchange_event(body)).await.0, status, "{body}");
    }
    let mut form = exchange_event(&format!("code={right}"));
    form["headers"]["content-type"] = "application/x-www-form-urlencoded".into();
    assert_eq!(ask(&backend, form).await.0, 400);
    assert_eq!(
        exchange(&backend, &json!({"code": right})).await.0,
        201,
        "it is still unused"
    );
}

#[tokio::test]
async fn a_network_with_many_wrong_codes_is_slowed_down() {
    let (backend, _) = backend();
    let door: Authenticator = authenticator();
    let wrong = exchange_event(&json!({"code": "0".repeat(64)}).to_string());
    for _ in 0..UNKNOWN_KEYS_PER_SECOND {
        assert_eq!(read(&ask_of(&backend, &door, wrong.clone()).await), refused());
    }
    let calls = backend.calls_inside().len();
    let slowed = ask_of(&backend, &door, wrong).await;
    assert_eq!(slowed.status(), 429);
    assert!(slowed.headers().contains_key("retry-after"));
    assert_eq!(backend.calls_inside().len(), calls, "it costs no call");
}

#[tokio::test]
async fn a_tenant_with_too_many_keys_gets_no_other_one() {
    let (backend, _) = backend();
    for n in 1..KEYS_MAX {
        add_key(&backend, u8::try_from(n).unwrap(), |_| {});
    }
    let (status, full) = exchange(&backend, &create(&backend, samples::API_KEY).await).await;
    assert_eq!(status, 409);
    let message = full["message"].as_str().unwrap();
    assert!(message.contains("Revoke an unused key first"), "{message}");
}

#[tokio::test]
async fn a_failing_table_gives_no_second_key() {
    let (backend, _) = backend();
    let before = backend.state().keys.len();
    for (call, fault, status, again) in [
        ("use_code", Fault::Before, 500, 201),
        ("use_code", Fault::Throttled, 503, 201),
        ("use_code", Fault::Conflict, 503, 201),
        // The answer of the write is lost: the code is used up, and no key exists.
        ("use_code", Fault::After, 500, 404),
        ("add_console_key", Fault::Throttled, 503, 404),
    ] {
        let made = create(&backend, samples::API_KEY).await;
        backend.state().faults_of.insert(call, [fault].into());
        assert_eq!(exchange(&backend, &made).await.0, status, "{call} {fault:?}");
        assert_eq!(exchange(&backend, &made).await.0, again, "{call} {fault:?}");
    }
    assert_eq!(backend.state().keys.len(), before + 3);
    backend.state().faults_of.insert("add_code", [Fault::Throttled].into());
    let (status, _) = ask(&backend, samples::event(samples::API_KEY, "POST", "/console-codes", "")).await;
    assert_eq!(status, 503);
}
