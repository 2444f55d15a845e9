//! Golden events of the HTTP API, valid and hostile, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use crate::common::{ask, read};
use aws::http::auth::Authenticator;
use aws::runtime::settings::KeySettings;
use domain::delivery::cause::Cause;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::{QueueName, TenantId};
use memory::{Fault, MemoryBackend, samples};
use serde_json::Value;

const ONE: &str = include_str!("../../../events/manage.json");
const LIST: &str = include_str!("../../../events/manage_list.json");

/// Returns a golden event with one value replaced.
fn changed(golden: &str, pointer: &str, value: &str) -> Value {
    let mut event: Value = serde_json::from_str(golden).unwrap();
    *event.pointer_mut(pointer).expect("a golden event has this") = value.into();
    event
}

fn event_of(method: &str, path: &str) -> Value {
    let mut event = changed(ONE, "/rawPath", path);
    event["requestContext"]["http"]["method"] = method.into();
    event
}

#[tokio::test]
async fn an_email_is_shown_with_its_content() {
    let backend = samples::backend(2).unwrap();
    let response = ask(&backend, &changed(ONE, "/version", "2.0")).await;
    assert_eq!(response.headers().get("content-type").unwrap(), "application/json");
    let (status, email) = read(&response);
    assert_eq!(status, 200);
    for (field, value) in [
        ("object", "email"),
        ("id", "01010101-0101-4101-8101-010101010101"),
        ("from", "a@example.com"),
        ("subject", "Hello"),
        ("text", "Hi"),
        ("created_at", "1970-01-01T00:16:40.000Z"),
        ("last_event", "queued"),
        ("status", "queued"),
        ("queue", "default"),
    ] {
        assert_eq!(email[field], value, "{field}");
    }
    assert_eq!(backend.calls_inside(), ["load", "queue", "load_body"]);
}

#[tokio::test]
async fn a_list_is_shown_without_contents() {
    let backend = samples::backend(3).unwrap();
    let (status, page) = read(&ask(&backend, &changed(LIST, "/version", "2.0")).await);
    assert_eq!(
        (status, &page["object"], &page["has_more"]),
        (200, &"list".into(), &true.into())
    );
    let items = page["data"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(
        (&items[0]["to"][0], &items[0]["subject"]),
        (&"b@example.com".into(), &"Hello".into())
    );
    assert_eq!((items[0].get("text"), items[0].get("html")), (None, None));
}

#[tokio::test]
async fn another_tenants_email_is_a_404() {
    let backend = samples::backend(1).unwrap();
    samples::store_for(&backend, TenantId::parse("other").unwrap(), 7).unwrap();
    for path in [
        format!("/emails/{}", samples::id(9)),
        format!("/emails/{}", samples::id(7)),
        format!("/emails/{}/send", samples::id(1)),
        "/emails/1".to_owned(),
        "/".to_owned(),
        String::new(),
        "/queue".to_owned(),
        "/emails/../../etc/passwd".to_owned(),
        "/emails/%00%ff".to_owned(),
        "/emails/\u{0}\r\n\"<>\\^`{|}é😀?limit=1#x".to_owned(),
        "//evil.example/emails".to_owned(),
        "/emails/x".repeat(1_000),
    ] {
        let (status, body) = read(&ask(&backend, &event_of("GET", &path)).await);
        assert_eq!((status, &body["name"]), (404, &"not_found".into()), "{path}");
        assert_eq!(body["statusCode"], 404);
    }
}

#[tokio::test]
async fn a_known_path_names_its_methods() {
    let backend = samples::backend(1).unwrap();
    let one = format!("/emails/{}", samples::id(1));
    let (cancel, retry) = (format!("{one}/cancel"), format!("{one}/retry"));
    for (method, path, allow) in [
        ("DELETE", "/emails", "GET, POST"),
        ("GET", "/emails/batch", "POST"),
        ("POST", one.as_str(), "GET, PATCH, DELETE"),
        ("BREW", one.as_str(), "GET, PATCH, DELETE"),
        ("GET", cancel.as_str(), "POST"),
        ("DELETE", cancel.as_str(), "POST"),
        ("PATCH", retry.as_str(), "POST"),
    ] {
        let response = ask(&backend, &event_of(method, path)).await;
        let (status, body) = read(&response);
        assert_eq!(
            (status, &body["name"]),
            (405, &"method_not_allowed".into()),
            "{method} {path}"
        );
        assert_eq!(response.headers().get("allow").unwrap(), allow);
    }
    assert!(backend.calls_inside().is_empty());
}

#[tokio::test]
async fn nothing_is_revealed_without_a_key() {
    let backend = samples::backend(1).unwrap();
    let one = format!("/emails/{}", samples::id(1));
    let (cancel, retry) = (format!("{one}/cancel"), format!("{one}/retry"));
    for (authorization, status, name) in [
        ("", 401, "missing_api_key"),
        ("mq_secret", 401, "missing_api_key"),
        ("Bearer x", 403, "invalid_api_key"),
    ] {
        for (method, path) in [
            ("GET", one.as_str()),
            ("PATCH", one.as_str()),
            ("POST", cancel.as_str()),
            ("POST", retry.as_str()),
            ("GET", "/emails"),
            ("DELETE", "/emails"),
            ("GET", "/\u{0}"),
        ] {
            let mut event = event_of(method, path);
            event["headers"]["authorization"] = authorization.into();
            let response = ask(&backend, &event).await;
            let (got, body) = read(&response);
            assert_eq!(
                (got, &body["name"]),
                (status, &name.into()),
                "{authorization} {method} {path}"
            );
            assert_eq!(response.headers().get("allow"), None);
        }
    }
    assert!(backend.calls_inside().is_empty());
}

#[tokio::test]
async fn a_bad_query_is_a_422_with_its_parameter() {
    let backend = samples::backend(1).unwrap();
    for (query, path) in [
        ("limit=0", "limit: "),
        ("after=\"<x>\" \u{7f}é", "after: "),
        ("before=%", "before: "),
        ("color=blue", "query: "),
        ("%", "query: "),
    ] {
        let (status, body) = read(&ask(&backend, &changed(LIST, "/rawQueryString", query)).await);
        assert_eq!((status, &body["name"]), (422, &"validation_error".into()), "{query}");
        assert!(body["message"].as_str().unwrap().starts_with(path), "{query}: {body}");
    }
    assert!(backend.calls_inside().is_empty());
}

#[tokio::test]
async fn an_email_without_its_content_is_still_shown() {
    let backend = samples::backend(1).unwrap();
    let record = backend.record(&samples::key(1)).unwrap();
    let failed = EmailRecord {
        status: RecordStatus::Failed,
        cause: Some(Cause::BodyMissing),
        ..record.clone()
    };
    backend.state().records.insert(samples::key(1), failed);
    for content in [None, Some(&b"{\"v\":99}"[..])] {
        let name = (samples::key(1), record.body.sha256.clone());
        match content {
            None => backend.state().bodies.remove(&name),
            Some(content) => backend.state().bodies.insert(name, content.to_vec()),
        };
        let (status, email) = read(&ask(&backend, &changed(ONE, "/version", "2.0")).await);
        assert_eq!(
            (status, &email["text"], &email["from"]),
            (200, &Value::Null, &"".into())
        );
        assert_eq!(
            (&email["status"], &email["cause"]),
            (&"failed".into(), &"body_missing".into())
        );
    }
}

#[tokio::test]
async fn an_internal_failure_is_a_500_without_its_cause() {
    // The record; the content, which must not be reported as gone; the list; its records.
    for (golden, good_calls) in [(ONE, 0), (ONE, 1), (LIST, 0), (LIST, 1)] {
        let backend = samples::backend(1).unwrap();
        backend.state().faults = [vec![Fault::None; good_calls], vec![Fault::Before]].concat().into();
        let (status, body) = read(&ask(&backend, &changed(golden, "/version", "2.0")).await);
        assert_eq!(
            (status, &body["name"]),
            (500, &"internal_server_error".into()),
            "call {good_calls}"
        );
        assert!(!body.to_string().contains("is down"), "{body}");
    }
}

#[tokio::test]
async fn an_unreadable_content_hides_no_other_email() {
    let backend: MemoryBackend = samples::backend(3).unwrap();
    let hash = samples::email().unwrap().hash();
    backend
        .state()
        .bodies
        .insert((samples::key(2), hash), b"garbage".to_vec());
    // The first content, which is that of the third email.
    backend.state().faults_of.insert("load_body", [Fault::Before].into());
    let (status, page) = read(&ask(&backend, &changed(LIST, "/rawQueryString", "")).await);
    assert_eq!(status, 200);
    let shown: Vec<_> = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["subject"].as_str().unwrap())
        .collect();
    assert_eq!(shown, ["", "", "Hello"]);
}

#[tokio::test]
async fn a_request_that_bypasses_the_proxy_is_refused() {
    let backend: MemoryBackend = samples::backend(1).unwrap();
    let manage = crate::common::manage(&backend, backend.clone());
    let origins = ["old", "new"].map(|secret| KeySettings::of(secret).sha256).to_vec();
    let authenticator = Authenticator::new(KeySettings {
        origins,
        ..KeySettings::of(samples::DEPLOYER_KEY)
    });
    for path in ["/emails", "/nothing"] {
        for (secret, passes) in [
            (None, false),
            (Some("other"), false),
            (Some("old"), true),
            (Some("new"), true),
        ] {
            let mut event = event_of("GET", path);
            if let Some(secret) = secret {
                event["headers"]["x-mailqueue-origin"] = secret.into();
            }
            if !passes {
                // No call is made, and no key is looked up.
                backend.state().faults = [Fault::DieBefore].into();
            }
            let response = crate::common::ask_with(&manage, &authenticator, &event).await;
            backend.state().faults.clear();
            let (status, body) = read(&response);
            let is_refused = status == 403 && body["name"] == "validation_error";
            assert_eq!(is_refused, !passes, "{path} {secret:?}: {body}");
        }
    }
}

#[tokio::test]
async fn a_garbled_queue_hides_no_email() {
    let backend: MemoryBackend = samples::backend(3).unwrap();
    let mut records: Vec<_> = backend.state().records.values().cloned().collect();
    for record in &mut records[..2] {
        record.queue = QueueName::parse("news").unwrap();
        backend.state().store_record(record.clone());
    }
    let list = changed(LIST, "/rawQueryString", "");
    let one = event_of("GET", &format!("/emails/{}", records[0].id));
    for (fault, expected) in [(Fault::Garbled, 200), (Fault::Throttled, 503)] {
        for event in [&list, &one] {
            backend.state().faults_of.insert("queue", [fault].into());
            let (status, body) = read(&ask(&backend, event).await);
            assert_eq!(status, expected, "{fault:?}: {body}");
            let page = body["data"].as_array().map(Vec::len);
            assert!(status != 200 || page.is_none_or(|emails| emails == 3), "{body}");
        }
    }
}

#[tokio::test]
async fn a_path_of_another_function_is_redirected() {
    let mut event = event_of("POST", "//emails/");
    event["rawQueryString"] = "dry_run=true".into();
    let response = ask(&MemoryBackend::default(), &event).await;
    assert_eq!(response.headers().get("location").unwrap(), "/emails?dry_run=true");
    assert_eq!(response.status(), 307);
    // An SDK that does not follow raises an error, because this is no JSON.
    let kind = response.headers().get("content-type").unwrap();
    assert_eq!(kind, "text/plain; charset=utf-8");
    // A location never names another host.
    for path in [
        "//evil.example/emails",
        "/\\evil.example/api-keys/",
        "///api-keys@evil.example/",
    ] {
        let response = ask(&MemoryBackend::default(), &event_of("POST", path)).await;
        assert_eq!(
            (response.status().as_u16(), response.headers().get("location")),
            (404, None),
            "{path}"
        );
    }
    // A caller without a key learns nothing.
    event["headers"]["authorization"] = "".into();
    assert_eq!(ask(&MemoryBackend::default(), &event).await.status(), 401);
}

#[tokio::test]
async fn an_error_names_the_nearest_path() {
    for (path, begins) in [
        (
            "/v1/emails",
            "The API has no path /v1/emails. The nearest path is /emails. ",
        ),
        ("/emials", "The API has no path /emials. The nearest path is /emails. "),
        ("/emails/abc", "No email has this id. "),
        ("/ann@example.com", "Not found. "),
    ] {
        let (status, body) = read(&ask(&MemoryBackend::default(), &event_of("GET", path)).await);
        let message = body["message"].as_str().unwrap();
        assert!(status == 404 && message.starts_with(begins), "{message}");
    }
}
