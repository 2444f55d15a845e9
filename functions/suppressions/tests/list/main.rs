//! Suppressions over HTTP, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

mod account_list;

use aws::http::auth::Authenticator;
use aws::http::{endpoint, gateway};
use aws::runtime::settings::KeySettings;
use domain::delivery::suppression::{Origin, Suppression, SuppressionFilter, SuppressionId};
use domain::id::TenantId;
use domain::message::address::EmailAddress;
use domain::ports::Suppressions;
use domain::timestamp::Timestamp;
use lambda_http::Body;
use memory::{Fault, MemoryBackend, samples};
use serde_json::{Value, json};
use suppressions::SuppressionsFunction;
use workflow::suppressions::add;

const EVENT: &str = include_str!("../../../../events/suppressions.json");

fn function(backend: &MemoryBackend) -> SuppressionsFunction<MemoryBackend> {
    SuppressionsFunction {
        records: backend.clone(),
        system: backend.clone(),
        account_list: backend.clone(),
        releases_complaints: false,
    }
}

async fn answer_to(backend: &MemoryBackend, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    asked_of(&function(backend), method, path, body).await
}

async fn asked_of(
    function: &SuppressionsFunction<MemoryBackend>,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let mut event: Value = serde_json::from_str(EVENT).unwrap();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    event["rawPath"] = path.into();
    event["rawQueryString"] = query.into();
    event["requestContext"]["http"]["method"] = method.into();
    event["body"] = body.map_or(Value::Null, |body| body.to_string().into());
    answer(function, event).await
}

async fn suppress(backend: &MemoryBackend, address: &str) -> (u16, Value) {
    answer_to(backend, "POST", "/suppressions", Some(json!({"email": address}))).await
}

async fn answer(function: &SuppressionsFunction<MemoryBackend>, event: Value) -> (u16, Value) {
    let event = serde_json::from_value(event).expect("an event has API Gateway's form");
    let request = gateway::request(event).expect("a request");
    let authenticator = Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY));
    let response = endpoint::handle(function, &authenticator, request).await;
    let Body::Text(text) = response.body() else {
        panic!("an answer is text")
    };
    let json = serde_json::from_str(text).expect("an answer is JSON");
    (response.status().as_u16(), json)
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn id(text: &str) -> String {
    SuppressionId::of(&TenantId::main(), &address(text)).to_string()
}

fn emails(answer: &Value) -> Vec<&str> {
    let data = answer["data"].as_array().unwrap();
    data.iter().map(|one| one["email"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_golden_event_suppresses_its_address() {
    let backend = MemoryBackend::default();
    let added = answer(&function(&backend), serde_json::from_str(EVENT).unwrap()).await;
    let expected = json!({"object": "suppression", "id": id("ann@example.com")});
    assert_eq!(added, (201, expected));
}

#[tokio::test]
async fn the_deployer_manages_no_suppressions() {
    let backend = MemoryBackend::default();
    let mut event: Value = serde_json::from_str(EVENT).unwrap();
    event["headers"]["authorization"] = format!("Bearer {}", samples::DEPLOYER_KEY).into();
    event["headers"]["x-mailqueue-tenant"] = "main".into();
    let (status, error) = answer(&function(&backend), event).await;
    assert_eq!((status, &error["name"]), (401, &json!("restricted_api_key")));
    assert!(backend.state().suppressions.is_empty());
}

#[tokio::test]
async fn addresses_are_managed_by_id_or_address() {
    let backend = MemoryBackend::default();
    backend.state().now_ms = 1_000;
    let ann = id("ann@example.com");
    for _ in 0..2 {
        let added = suppress(&backend, "Ann@EXAMPLE.com").await;
        assert_eq!(added, (201, json!({"object": "suppression", "id": ann})));
    }
    assert_eq!(
        backend.state().account_rate.settings_version,
        2,
        "senders reload the settings, also after a repetition"
    );
    for name in [&*ann, "ANN@example.com", "ann@example.com"] {
        let shown = answer_to(&backend, "GET", &format!("/suppressions/{name}"), None).await;
        let expected = json!({
            "object": "suppression", "id": ann, "email": "ann@example.com", "origin": "manual", "source_id": null,
            "created_at": "1970-01-01T00:00:01.000Z", "expires_at": null,
        });
        assert_eq!(shown, (200, expected), "{name}");
    }
    for (name, again) in [(&*ann, "Ann@example.com"), ("Ann@example.com", &*ann)] {
        let path = format!("/suppressions/{name}");
        let removed = answer_to(&backend, "DELETE", &path, None).await;
        let expected = json!({"object": "suppression", "id": ann, "deleted": true});
        assert_eq!(removed, (200, expected), "{name}");
        for method in ["DELETE", "GET"] {
            let (status, error) = answer_to(&backend, method, &format!("/suppressions/{again}"), None).await;
            assert_eq!((status, &error["name"]), (404, &json!("not_found")), "{method} {again}");
        }
        suppress(&backend, "ann@example.com").await;
    }
}

#[tokio::test]
async fn many_are_added_and_removed_in_order() {
    let backend = MemoryBackend::default();
    let (a, b, c) = (id("a@example.com"), id("b@example.com"), id("c@example.com"));
    let body = json!({"emails": ["a@example.com", "B@example.com", "A@example.com"]});
    let (status, added) = answer_to(&backend, "POST", "/suppressions/batch/add", Some(body)).await;
    let one = |id: &str| json!({"object": "suppression", "id": id});
    assert_eq!((status, added), (201, json!({"data": [one(&a), one(&b), one(&a)]})));
    assert_eq!(
        backend.state().account_rate.settings_version,
        1,
        "senders reload the settings once"
    );
    let gone = |id: &str, deleted: bool| json!({"object": "suppression", "id": id, "deleted": deleted});
    for (body, expected) in [
        (
            json!({"emails": ["a@example.com", "c@example.com"]}),
            [gone(&a, true), gone(&c, false)],
        ),
        (json!({"ids": [b, a]}), [gone(&b, true), gone(&a, false)]),
    ] {
        let answer = answer_to(&backend, "POST", "/suppressions/batch/remove", Some(body)).await;
        assert_eq!(answer, (200, json!({"data": expected})));
    }
    assert_eq!(
        backend.suppression_filter(&TenantId::main()).await.unwrap(),
        SuppressionFilter::default()
    );
}

#[tokio::test]
async fn a_list_with_a_bad_entry_changes_nothing() {
    let backend = MemoryBackend::default();
    for (path, body, field) in [
        ("/suppressions", json!({"email": "x"}), "email"),
        (
            "/suppressions/batch/add",
            json!({"emails": ["a@example.com", "x"]}),
            "emails[1]",
        ),
        (
            "/suppressions/batch/remove",
            json!({"ids": [id("a@example.com"), "x"]}),
            "ids[1]",
        ),
    ] {
        let (status, error) = answer_to(&backend, "POST", path, Some(body)).await;
        assert_eq!((status, &error["name"]), (422, &json!("validation_error")), "{path}");
        assert!(
            error["message"].as_str().unwrap().starts_with(&format!("{field}: ")),
            "{error}"
        );
    }
    assert!(backend.calls_inside().is_empty());
}

/// Returns three suppressions of each origin, of different times.
async fn filled() -> MemoryBackend {
    let backend = MemoryBackend::default();
    let mut suppressions = Vec::new();
    for n in 0..9_u8 {
        let origin = Origin::ALL[usize::from(n % 3)];
        let manual = Suppression::manual(
            TenantId::main(),
            &address(&format!("a{n}@example.com")),
            Timestamp::from_millis(i64::from(n)),
        );
        suppressions.push(Suppression { origin, ..manual });
    }
    let other = Suppression {
        tenant: TenantId::parse("other").unwrap(),
        ..suppressions[0].clone()
    };
    suppressions.push(other);
    add(&backend, &suppressions, false).await.unwrap();
    backend
}

/// The whole page cannot be read, and then its second entry.
#[tokio::test]
async fn a_garbled_suppression_hides_no_other() {
    let backend = filled().await;
    for (faults, expected) in [
        ([Fault::Garbled, Fault::None, Fault::Garbled], Some(vec![8, 6])),
        ([Fault::Garbled, Fault::Throttled, Fault::None], None),
        ([Fault::Throttled, Fault::None, Fault::None], None),
    ] {
        backend.state().faults_of.insert("suppressions", faults.into());
        let (status, page) = answer_to(&backend, "GET", "/suppressions?limit=3", None).await;
        let expected = expected.map(|numbers| numbers.iter().map(|n| format!("a{n}@example.com")).collect::<Vec<_>>());
        assert_eq!(status == 200, expected.is_some(), "{faults:?}");
        if let Some(expected) = expected {
            assert_eq!(emails(&page), expected, "{faults:?}");
        }
    }
}

#[tokio::test]
async fn the_list_is_paged_newest_first_by_origin() {
    let backend = filled().await;
    let a = |n: u8| format!("a{n}@example.com");
    let (five, seven) = (id(&a(5)), id(&a(7)));
    for (query, expected, has_more) in [
        ("", vec![8, 7, 6, 5, 4, 3, 2, 1, 0], false),
        ("limit=3", vec![8, 7, 6], true),
        ("limit=9", vec![8, 7, 6, 5, 4, 3, 2, 1, 0], false),
        (&format!("limit=3&after={five}"), vec![4, 3, 2], true),
        (&format!("after={five}"), vec![4, 3, 2, 1, 0], false),
        (&format!("limit=2&before={five}"), vec![7, 6], true),
        (&format!("before={five}"), vec![8, 7, 6], false),
        ("origin=bounce", vec![6, 3, 0], false),
        ("origin=complaint&limit=1", vec![7], true),
        (&format!("origin=complaint&after={seven}"), vec![4, 1], false),
        (&format!("origin=manual&after={seven}"), vec![5, 2], false),
    ] {
        let (status, page) = answer_to(&backend, "GET", &format!("/suppressions?{query}"), None).await;
        assert_eq!((status, &page["object"]), (200, &json!("list")), "{query}");
        assert_eq!(
            emails(&page),
            expected.into_iter().map(a).collect::<Vec<_>>(),
            "{query}"
        );
        assert_eq!(page["has_more"], has_more, "{query}");
    }
    let gone = id("nobody@example.com");
    let (status, error) = answer_to(&backend, "GET", &format!("/suppressions?after={gone}"), None).await;
    assert_eq!((status, &error["name"]), (422, &json!("validation_error")));
    assert!(error["message"].as_str().unwrap().starts_with("after: "), "{error}");
}

/// A failure is a 500, and the same request completes it.
#[tokio::test]
async fn a_repetition_completes_a_failed_request() {
    for (what, fault) in [
        ("suppress", Fault::Before),
        ("suppress", Fault::After),
        ("change_account_rate", Fault::Before),
        ("change_account_rate", Fault::After),
    ] {
        let backend = MemoryBackend::default();
        let body = Some(json!({"emails": ["a@example.com", "b@example.com"]}));
        backend.state().faults_of.insert(what, [Fault::None, fault].into());
        if what == "change_account_rate" {
            backend.state().faults_of.insert(what, [fault].into());
        }
        let (status, _) = answer_to(&backend, "POST", "/suppressions/batch/add", body.clone()).await;
        assert_eq!(status, 500, "{what} {fault:?}");
        let version = backend.state().account_rate.settings_version;
        if what == "suppress" {
            assert_eq!(version, 1, "senders reload the settings, because one address was added");
        }
        let (status, _) = answer_to(&backend, "POST", "/suppressions/batch/add", body).await;
        assert_eq!(
            (status, backend.state().suppressions.len()),
            (201, 2),
            "{what} {fault:?}"
        );
        assert!(
            backend.state().account_rate.settings_version > version,
            "{what} {fault:?}"
        );
    }
}

#[tokio::test]
async fn an_ended_suppression_is_not_shown() {
    let backend = MemoryBackend::default();
    backend.state().now_ms = 1_000;
    let suspected = Suppression {
        origin: Origin::Complaint,
        until: Some(Timestamp::from_millis(2_000)),
        ..Suppression::manual(
            TenantId::main(),
            &address("ann@example.com"),
            Timestamp::from_millis(1_000),
        )
    };
    add(&backend, &[suspected], false).await.unwrap();
    let path = "/suppressions/ann@example.com";
    let (status, shown) = answer_to(&backend, "GET", path, None).await;
    assert_eq!(
        (status, &shown["expires_at"]),
        (200, &json!("1970-01-01T00:00:02.000Z"))
    );
    backend.state().now_ms = 2_000;
    assert_eq!(answer_to(&backend, "GET", path, None).await.0, 404);
    assert_eq!(answer_to(&backend, "DELETE", path, None).await.0, 404);
    assert!(emails(&answer_to(&backend, "GET", "/suppressions", None).await.1).is_empty());
}

/// The flag is read before the write, so that the stream's filter takes the change.
#[tokio::test]
async fn a_tenant_with_a_webhook_is_told_of_each_change() {
    for count in [0, 1] {
        let backend = MemoryBackend::default();
        {
            let mut state = backend.state();
            state.hooks.stream = Some(Vec::new());
            let flag = memory::hooks::Flag { count, version: 1 };
            state.hooks.flags.insert(TenantId::main(), flag);
        }
        suppress(&backend, "ann@example.com").await;
        let path = format!("/suppressions/{}", id("ann@example.com"));
        let (status, _) = answer_to(&backend, "DELETE", &path, None).await;
        assert_eq!(status, 200);
        let told = backend.state().hooks.stream.as_ref().map_or(0, Vec::len);
        assert_eq!(told, 2 * count);
    }
}
