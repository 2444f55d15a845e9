//! Golden events of the HTTP API, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use crate::common::enqueue;
use aws::http::auth::Authenticator;
use aws::http::endpoint;
use aws::runtime::settings::KeySettings;
use domain::id::{EmailId, KeyId};
use domain::tenant::token::Token;
use lambda_http::request::from_str;
use lambda_http::{Body, Request, RequestExt};
use memory::{Fault, MemoryBackend, samples};
use serde_json::{Value, json};

const SINGLE: &str = include_str!("../../../events/enqueue.json");
const BATCH: &str = include_str!("../../../events/enqueue_batch.json");

async fn answer(backend: &MemoryBackend, event: &str) -> (u16, Value, Option<String>) {
    let authenticator = Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY));
    let request: Request = from_str(event).expect("the golden event parses");
    let request = request.with_lambda_context(lambda_http::lambda_runtime::Context::default());
    let response = endpoint::handle(&enqueue(backend), &authenticator, request).await;
    let replayed = response
        .headers()
        .get("idempotent-replayed")
        .map(|value| value.to_str().unwrap().to_owned());
    let Body::Text(text) = response.body() else {
        panic!("an answer is text")
    };
    (
        response.status().as_u16(),
        serde_json::from_str(text).expect("an answer is JSON"),
        replayed,
    )
}

#[tokio::test]
async fn a_repeated_email_is_reported_as_such() {
    let backend = MemoryBackend::default();
    let (status, first, replayed) = answer(&backend, SINGLE).await;
    assert_eq!((status, replayed), (200, None));
    assert_eq!(first["id"].as_str().map(str::len), Some(36));
    let again = answer(&backend, SINGLE).await;
    assert_eq!(again, (200, first, Some("true".to_owned())));
}

#[tokio::test]
async fn one_bad_item_is_refused_alone() {
    let backend = MemoryBackend::default();
    let (status, body, _) = answer(&backend, BATCH).await;
    assert_eq!((status, body["data"].as_array().map(Vec::len)), (200, Some(9)));
    assert_eq!(body["errors"][0]["index"], 4);
    assert!(
        body["errors"][0]["message"].as_str().unwrap().starts_with("to: "),
        "{body}"
    );
    assert_eq!(backend.state().records.len(), 9);
}

#[tokio::test]
async fn a_refusal_is_typed_and_stores_nothing() {
    for (change, status, name) in [
        (("Bearer ", ""), 401, "missing_api_key"),
        (("5a0b3aa3d0", "5a0b3aa3d1"), 403, "invalid_api_key"),
        (("order-1", ""), 400, "invalid_idempotency_key"),
        (("{\\\"from", "{{\\\"from"), 400, "validation_error"),
        (("\\\"subject\\\"", "\\\"topic\\\""), 422, "validation_error"),
        (("a@example.com", "a"), 422, "invalid_from_address"),
        (
            ("\"rawPath\": \"/emails\"", "\"rawPath\": \"/emails/x\""),
            404,
            "not_found",
        ),
    ] {
        let backend = MemoryBackend::default();
        let event = SINGLE.replace(change.0, change.1);
        assert_ne!(event, SINGLE, "{change:?} changes something");
        let (got, body, _) = answer(&backend, &event).await;
        assert_eq!((got, body["name"].as_str()), (status, Some(name)), "{change:?}: {body}");
        assert_eq!(body["statusCode"], status);
        assert!(backend.calls_inside().is_empty(), "{change:?}");
    }
}

#[tokio::test]
async fn a_base64_body_is_decoded() {
    let encoded = "eyJmcm9tIjoiYUBleGFtcGxlLmNvbSIsInRvIjoiYkBleGFtcGxlLmNvbSIsInN1YmplY3QiOiJTIiwidGV4dCI6IlQifQ==";
    let mut event: Value = serde_json::from_str(SINGLE).unwrap();
    event["body"] = encoded.into();
    event["isBase64Encoded"] = true.into();
    assert_eq!(answer(&MemoryBackend::default(), &event.to_string()).await.0, 200);
    // "/w==" is the byte 0xFF: no UTF-8, no JSON.
    event["body"] = "/w==".into();
    assert_eq!(answer(&MemoryBackend::default(), &event.to_string()).await.0, 400);
}

#[tokio::test]
async fn an_internal_failure_is_a_500_without_its_cause() {
    let backend = MemoryBackend::default();
    backend.fail_next(1);
    let (status, body, _) = answer(&backend, SINGLE).await;
    assert_eq!((status, body["name"].as_str()), (500, Some("internal_server_error")));
    assert!(!body["message"].as_str().unwrap().contains("is down"), "{body}");
}

/// Returns the status, the body and whether there is a `Retry-After`, while a call of the table is throttled.
async fn throttled(call: &'static str, faults: Vec<Fault>, event: &str) -> (u16, Value, bool) {
    let backend = MemoryBackend::default();
    backend.state().faults_of.insert(call, faults.into());
    let authenticator = Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY));
    let request: Request = from_str(event).expect("the golden event parses");
    let request = request.with_lambda_context(lambda_http::lambda_runtime::Context::default());
    let response = endpoint::handle(&enqueue(&backend), &authenticator, request).await;
    let Body::Text(text) = response.body() else {
        panic!("an answer is text")
    };
    let body = serde_json::from_str(text).expect("an answer is JSON");
    (
        response.status().as_u16(),
        body,
        response.headers().contains_key("retry-after"),
    )
}

#[tokio::test]
async fn a_throttled_table_is_a_503_with_retry_after() {
    for (call, event, repeat) in [
        ("create", SINGLE.to_owned(), true),
        ("create", without_key(SINGLE), false),
        // The key is looked up first: nothing is stored.
        ("key", SINGLE.to_owned(), true),
        ("key", without_key(SINGLE), true),
    ] {
        let (status, body, repeats) = throttled(call, vec![Fault::Throttled], &event).await;
        let name = body["name"].as_str();
        assert_eq!((status, name), (503, Some("internal_server_error")), "{call}");
        assert_eq!(body["statusCode"], 503);
        assert_eq!(repeats, repeat, "{call}");
    }
}

#[tokio::test]
async fn a_throttled_batch_names_the_stored_emails() {
    let faults = || vec![Fault::None, Fault::Throttled];
    let (status, body, repeats) = throttled("create", faults(), &without_key(BATCH)).await;
    let message = body["message"].as_str().unwrap();
    assert_eq!((status, repeats), (503, false));
    assert!(message.contains("Do not repeat these: [0] "), "{message}");
    let (status, body, repeats) = throttled("create", faults(), &with_key(BATCH)).await;
    assert_eq!((status, repeats), (503, true), "{body}");
}

/// Returns a golden event without its idempotency key.
fn without_key(event: &str) -> String {
    let mut event: Value = serde_json::from_str(event).unwrap();
    event["headers"].as_object_mut().unwrap().remove("idempotency-key");
    event.to_string()
}

/// Returns a golden event with an idempotency key.
fn with_key(event: &str) -> String {
    let mut event: Value = serde_json::from_str(event).unwrap();
    event["headers"]["idempotency-key"] = "batch-1".into();
    event.to_string()
}

#[tokio::test]
async fn a_late_repetition_is_reported_as_such() {
    let options = r#"\"text\":\"Hi\",\"scheduled_at\":\"1970-01-01T00:05:00Z\""#;
    let event = SINGLE.replace(r#"\"text\":\"Hi\""#, options);
    assert_ne!(event, SINGLE);
    let backend = MemoryBackend::default();
    let (status, first, replayed) = answer(&backend, &event).await;
    assert_eq!((status, replayed), (200, None));
    backend.state().now_ms = 3_600_000;
    let again = answer(&backend, &event).await;
    assert_eq!(again, (200, first, Some("true".to_owned())));
    // With another key it is another request, and comes too late.
    let (status, body, _) = answer(&backend, &event.replace("order-1", "order-3")).await;
    assert_eq!((status, body["name"].as_str()), (422, Some("validation_error")));
    assert_eq!(body["message"], "scheduled_at: is in the past");
    assert_eq!(backend.state().records.len(), 1);
}

#[tokio::test]
async fn an_impossible_time_is_named_with_its_index() {
    // The sixth item; the fifth is bad for another reason.
    let options = r#"\"b6@example.com\",\"expires_at\":\"1969-12-31T00:00:00Z\""#;
    let permissive = BATCH.replace(r#"\"b6@example.com\""#, options);
    assert_ne!(permissive, BATCH);
    let backend = MemoryBackend::default();
    let (status, body, _) = answer(&backend, &permissive).await;
    assert_eq!((status, body["data"].as_array().map(Vec::len)), (200, Some(8)));
    assert_eq!(body["errors"][0]["index"], 4);
    let second = json!({"index": 5, "message": "expires_at: is in the past"});
    assert_eq!((&body["errors"][1], &body["errors"][2]), (&second, &Value::Null));

    let strict = permissive
        .replace("\"permissive\"", "\"strict\"")
        .replace("not an address", "b5@example.com");
    let backend = MemoryBackend::default();
    let (status, body, _) = answer(&backend, &strict).await;
    assert_eq!((status, body["name"].as_str()), (422, Some("validation_error")));
    assert_eq!(body["message"], "[5].expires_at: is in the past");
    let state = backend.state();
    assert!(state.records.is_empty() && state.bodies.is_empty() && state.batches.is_empty());
}

#[tokio::test]
async fn a_form_is_refused_with_the_right_type() {
    let form = "application/x-www-form-urlencoded";
    for (kind, body, status) in [
        (form, "from=a%40example.com&to=b%40example.com", 400),
        ("Multipart/Form-Data; boundary=x", "--x\r\n", 400),
        // curl sends JSON under the type of a form.
        (form, " {}", 422),
        ("text/plain", "{}", 422),
    ] {
        let mut event: Value = serde_json::from_str(SINGLE).unwrap();
        event["headers"]["content-type"] = kind.into();
        event["body"] = body.into();
        let (got, answer, _) = answer(&MemoryBackend::default(), &event.to_string()).await;
        assert_eq!(got, status, "{kind}: {answer}");
        let says = answer["message"].as_str().unwrap();
        assert_eq!(says.contains("is a form; send JSON"), status == 400, "{says}");
    }
}

#[tokio::test]
async fn many_unknown_keys_are_throttled() {
    let authenticator = Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY));
    let (backend, mut last) = (MemoryBackend::default(), None);
    for guess in 0..21_u8 {
        let id = KeyId::of(EmailId::from_random([guess; 16]));
        let mut event: Value = serde_json::from_str(SINGLE).unwrap();
        event["headers"]["authorization"] = format!("Bearer {}", Token::new(id, [7; 24]).as_str()).into();
        let request: Request = from_str(&event.to_string()).unwrap();
        let response = endpoint::handle(&enqueue(&backend), &authenticator, request).await;
        last = Some((
            response.status().as_u16(),
            response.headers().get("retry-after").cloned(),
        ));
    }
    assert_eq!(last, Some((429, Some("1".parse().unwrap()))));
}
