//! Dry runs, in the in-memory backend: checked as for acceptance, and without a trace.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::time::Duration;

use crate::common::enqueue;
use aws::http::auth::Authenticator;
use aws::http::endpoint;
use aws::runtime::settings::KeySettings;
use domain::delivery::rate::{Micros, Rate};
use domain::delivery::record::Priority;
use domain::delivery::suppression::Suppression;
use domain::id::{QueueKey, QueueName, TenantId};
use domain::message::address::EmailAddress;
use domain::ports::Suppressions;
use domain::queue::{Pause, Queue};
use lambda_http::http::Request;
use lambda_http::{Body, RequestExt, Response};
use memory::MemoryBackend;
use memory::samples::{self, BORN};
use serde_json::{Value, json};

/// Posts a body to a path, with an idempotency key if one is given.
async fn post(backend: &MemoryBackend, path: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request = Request::post(format!("https://example.com{path}"))
        .header("authorization", format!("Bearer {}", samples::API_KEY))
        .header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let request = request.body(Body::Text(body.to_string())).unwrap();
    let request = request.with_lambda_context(lambda_http::lambda_runtime::Context::default());
    let authenticator = Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY));
    read(&endpoint::handle(&enqueue(backend), &authenticator, request).await)
}

fn read(response: &Response<Body>) -> (u16, Value) {
    let Body::Text(text) = response.body() else {
        panic!("an answer is text")
    };
    let json = serde_json::from_str(text).expect("an answer is JSON");
    (response.status().as_u16(), json)
}

async fn tried(backend: &MemoryBackend, body: &Value) -> Value {
    let (status, shown) = post(backend, "/emails?dry_run=true", None, body).await;
    assert_eq!(status, 200, "{shown}");
    shown
}

fn email(more: Value) -> Value {
    let mut email = json!({"from": "Shop <shop@example.com>", "to": "b@example.com", "subject": "s", "text": "t"});
    if let (Some(email), Value::Object(more)) = (email.as_object_mut(), more) {
        email.extend(more);
    }
    email
}

fn queue(name: &str) -> Queue {
    let (tenant, name) = (TenantId::main(), QueueName::parse(name).unwrap());
    Queue::plain(QueueKey { tenant, name }, BORN)
}

async fn suppress(backend: &MemoryBackend, address: &str) {
    let address = EmailAddress::parse(address).unwrap();
    let suppression = Suppression::manual(TenantId::main(), &address, BORN);
    backend.suppress(&suppression, false).await.unwrap();
}

#[tokio::test]
async fn a_dry_run_shows_the_parsed_email() {
    let backend = samples::backend(0).unwrap();
    backend.state().queues.insert(queue("news").key, queue("news"));
    let shown = tried(
        &backend,
        &email(json!({
            "to": ["Ada <ADA@BÜCHER.example>", "b@example.com"],
            "bcc": "c@example.com",
            "reply_to": "help@example.com",
            "scheduled_at": "in 1 hour",
            "queue": "news",
            "priority": "low",
            "attachments": [{"filename": "a.txt", "content": "aGFsbG8="}],
        })),
    )
    .await;
    let hour = BORN.after(Duration::from_secs(3600));
    let expected = json!({
        "object": "dry_run",
        "replays": null,
        "from": {"address": "shop@example.com", "name": "Shop"},
        "to": [
            {"address": "ADA@xn--bcher-kva.example", "name": "Ada"},
            {"address": "b@example.com", "name": null},
        ],
        "cc": [],
        "bcc": [{"address": "c@example.com", "name": null}],
        "reply_to": [{"address": "help@example.com", "name": null}],
        "suppressed": [],
        "bytes": shown["bytes"],
        "attachments": [{"filename": "a.txt", "content_type": "text/plain", "size": 5}],
        "queue": "news",
        "priority": "low",
        "scheduled_at": hour.to_string(),
        "expires_at": hour.after(Duration::from_secs(14 * 86_400)).to_string(),
        "would_send_at": hour.to_string(),
        "waits_for": "scheduled_at",
        "ahead": 0,
        "cause": null,
        "advice": null,
        "warnings": [],
        // Three recipients at 0.10 $ for a thousand, and 15 bytes at 0.12 $ for a gigabyte.
        "cost_usd": 0.000_300_001,
    });
    assert_eq!(shown, expected);
    // A file counts with two kilobytes of headers, as in the size check.
    assert!(
        shown["bytes"]
            .as_u64()
            .is_some_and(|bytes| (2_100..2_300).contains(&bytes)),
        "{shown}"
    );
}

#[tokio::test]
async fn a_dry_run_stores_and_enqueues_nothing() {
    let backend = samples::backend(0).unwrap();
    for (path, key) in [("/emails?dry_run=true", None), ("/emails?dry_run=true", Some("a"))] {
        let (status, _) = post(&backend, path, key, &email(json!({}))).await;
        assert_eq!(status, 200);
    }
    let state = backend.state();
    assert!(state.records.is_empty() && state.bodies.is_empty() && state.send_tasks.is_empty());
    let reads = [
        "load",
        "tombstone",
        "account_rate",
        "queue",
        "queues",
        "queue_counts",
        "suppressions",
    ];
    drop(state);
    let calls = backend.calls_inside();
    let unknown: Vec<_> = calls.iter().filter(|call| !reads.contains(call)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[tokio::test]
async fn a_dry_run_is_refused_with_the_same_message() {
    let nowhere = "00000000-0000-4000-8000-000000000000";
    for change in [
        json!({"to": "nobody"}),
        json!({"from": null}),
        json!({"queue": "none-such"}),
        json!({"scheduled_at": "in 9 years"}),
        json!({"attachments": [{"id": nowhere}]}),
        json!({"unknown": 1}),
    ] {
        let backend = samples::backend(0).unwrap();
        let real = post(&backend, "/emails", None, &email(change.clone())).await;
        let dry = post(&backend, "/emails?dry_run=true", None, &email(change.clone())).await;
        assert_eq!(real.0, 422, "{change}: {real:?}");
        assert_eq!(dry, real, "{change}");
    }
    let backend = samples::backend(0).unwrap();
    let batch = json!([email(json!({}))]);
    let (status, shown) = post(&backend, "/emails/batch?dry_run=true", None, &batch).await;
    assert_eq!(status, 422);
    assert!(shown["message"].as_str().unwrap().starts_with("dry_run: "), "{shown}");
    // With a misspelled parameter, the email must not be sent.
    let (status, shown) = post(&backend, "/emails?dryrun=true", None, &email(json!({}))).await;
    assert_eq!((status, backend.state().records.len()), (422, 0), "{shown}");
}

#[tokio::test]
async fn a_used_key_shows_its_email() {
    let backend = samples::backend(0).unwrap();
    let body = email(json!({"scheduled_at": BORN.after(Duration::from_secs(60)).to_string()}));
    let (_, accepted) = post(&backend, "/emails", Some("a"), &body).await;
    // Also long after its scheduled time.
    backend.state().now_ms += 3_600_000;
    let (status, shown) = post(&backend, "/emails?dry_run=true", Some("a"), &body).await;
    assert_eq!((status, &shown["replays"]), (200, &accepted["id"]));
    let other = email(json!({"subject": "another"}));
    let (status, shown) = post(&backend, "/emails?dry_run=true", Some("a"), &other).await;
    assert_eq!((status, &shown["name"]), (409, &"invalid_idempotent_request".into()));
}

#[tokio::test]
async fn dropped_headers_are_reported() {
    let backend = samples::backend(0).unwrap();
    let headers = json!({"Date": "today", "Reply-To": "help@example.com", "X-A": 1});
    let shown = tried(&backend, &email(json!({ "headers": headers }))).await;
    let message = "The value of this header is not sent: mailqueue, Amazon SES or the receiver sets it.";
    assert_eq!(shown["warnings"], json!([{"path": "headers.Date", "message": message}]));
    assert_eq!(
        shown["reply_to"],
        json!([{"address": "help@example.com", "name": null}])
    );
}

#[tokio::test]
async fn suppressed_recipients_cost_nothing() {
    let backend = samples::backend(0).unwrap();
    suppress(&backend, "gone@example.com").await;
    let shown = tried(&backend, &email(json!({"cc": ["GONE@example.com", "c@example.com"]}))).await;
    assert_eq!(shown["suppressed"], json!(["GONE@example.com"]));
    assert_eq!((&shown["cause"], &shown["cost_usd"]), (&Value::Null, &0.0002.into()));
    let shown = tried(&backend, &email(json!({"to": "gone@example.com"}))).await;
    assert_eq!(
        (&shown["cause"], &shown["cost_usd"]),
        (&"suppressed".into(), &0.0.into())
    );
    assert!(shown["advice"].is_string());
}

#[tokio::test]
async fn a_dry_run_estimates_the_time_of_sending() {
    let backend = samples::backend(0).unwrap();
    let shown = tried(&backend, &email(json!({}))).await;
    assert_eq!(
        (&shown["would_send_at"], &shown["waits_for"]),
        (&BORN.to_string().into(), &Value::Null)
    );

    backend.state().account_rate.rate = Rate::from_millis(2_000);
    backend.state().account_rate.free_at = Some(Micros::of(BORN.after(Duration::from_secs(4))));
    let shown = tried(&backend, &email(json!({}))).await;
    let later = |seconds| BORN.after(Duration::from_secs(seconds)).to_string();
    assert_eq!(
        (&shown["would_send_at"], &shown["waits_for"]),
        (&later(4).into(), &"account_rate".into())
    );

    // The default queue can be paused too, and is read as well.
    let mut paused = queue("default");
    paused.priority = Priority::Normal;
    let (since, reason, until) = (BORN, None, None);
    paused.paused = Some(Pause { since, reason, until });
    backend.state().queues.insert(paused.key.clone(), paused);
    let shown = tried(&backend, &email(json!({}))).await;
    assert_eq!(
        (&shown["would_send_at"], &shown["waits_for"]),
        (&Value::Null, &"queue_paused".into())
    );
}

#[tokio::test]
async fn a_dry_run_reports_a_missed_deadline() {
    let backend = samples::backend(0).unwrap();
    backend.state().account_rate.rate = Rate::from_millis(2_000);
    backend.state().account_rate.free_at = Some(Micros::of(BORN.after(Duration::from_secs(900))));
    let shown = tried(&backend, &email(json!({"expires_at": "in 10 minutes"}))).await;
    assert_eq!((&shown["cause"], &shown["cost_usd"]), (&"expired".into(), &0.0.into()));
}
