//! Statistics over HTTP, in a backend with counters written by the test.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use crate::common::{ask, read};
use domain::delivery::cause::Cause;
use domain::id::{EmailId, TenantId};
use domain::reporting::tally::counter::{Counter, Figure, Figures, hour_of};
use domain::timestamp::Timestamp;
use memory::MemoryBackend;
use memory::tallies::StoredCounter;
use serde_json::{Value, json};

const EVENT: &str = include_str!("../../../events/reports.json");

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// Returns a backend with these counters, at 18:20.
fn backend(counted: &[(Counter, StoredCounter)]) -> MemoryBackend {
    let backend = MemoryBackend::default();
    {
        let mut state = backend.state();
        state.now_ms = at("2026-11-24T18:20:00Z").as_millis();
        state.tally.counters = counted.iter().cloned().collect();
    }
    backend
}

fn flow(tenant: &str, queue: Option<&str>, when: &str, figures: &[(Figure, i64)]) -> (Counter, StoredCounter) {
    let counter = Counter::Flow {
        tenant: TenantId::parse(tenant).unwrap(),
        queue: queue.map(str::to_owned),
        hour: hour_of(at(when)),
    };
    let figures: Figures = figures.iter().copied().collect();
    let stored = StoredCounter {
        figures,
        ..StoredCounter::default()
    };
    (counter, stored)
}

fn failures(tenant: &str, queue: &str, when: &str, count: i64) -> (Counter, StoredCounter) {
    let counter = Counter::Failures {
        tenant: TenantId::parse(tenant).unwrap(),
        hour: hour_of(at(when)),
        queue: queue.to_owned(),
        cause: Cause::UnverifiedSender,
    };
    let stored = StoredCounter {
        figures: Figures::from([(Figure::Count, count)]),
        latest: Some((at(when), EmailId::from_random([9; 16]))),
        ..StoredCounter::default()
    };
    (counter, stored)
}

async fn get(backend: &MemoryBackend, path: &str, query: &str) -> (u16, Value) {
    let mut event: Value = serde_json::from_str(EVENT).unwrap();
    event["rawPath"] = path.into();
    event["rawQueryString"] = query.into();
    read(&ask(backend, &event).await)
}

fn counted() -> MemoryBackend {
    let sent = |number: i64| {
        [
            (Figure::Sent, number),
            (Figure::SentRecipients, number),
            (Figure::Delivered, number),
        ]
    };
    backend(&[
        flow("main", None, "2026-11-24T18:01:00Z", &sent(5)),
        flow("main", None, "2026-11-23T10:00:00Z", &sent(7)),
        flow("main", None, "2026-11-01T10:00:00Z", &sent(100)),
        flow("main", Some("news"), "2026-11-24T18:01:00Z", &sent(2)),
        flow("other", None, "2026-11-24T18:01:00Z", &sent(1000)),
        failures("main", "default", "2026-11-24T17:01:00Z", 3),
        failures("main", "news", "2026-11-24T17:01:00Z", 1),
        failures("main", "default", "2026-11-01T17:01:00Z", 50),
        failures("other", "default", "2026-11-24T17:01:00Z", 1000),
    ])
}

#[tokio::test]
async fn statistics_show_only_the_callers_emails() {
    let (status, metrics) = get(&counted(), "/emails/metrics", "").await;
    assert_eq!(status, 200, "{metrics}");
    assert_eq!(metrics["totals"]["sent"], 12);
    let names = metrics["totals"].as_object().unwrap();
    assert_eq!((names.len(), names.get("accepted")), (22, None), "Resend's names only");
    let (_, ours) = get(&counted(), "/emails/metrics", "metrics=recipients,sent").await;
    assert_eq!(ours["totals"], json!({"recipients": 12, "sent": 12}));
    assert_eq!(metrics["totals"]["delivery_rate"], 1.0);
    assert_eq!(metrics["start_date"], "2026-11-18T18:00:00.000Z");
    assert_eq!(metrics["end_date"], "2026-11-24T18:20:00.000Z");
    assert_eq!(metrics["failures"], json!([{"cause": "unverified_sender", "count": 4}]));
    assert_eq!(metrics["cost"]["cost_usd"], 0.0012);
    assert_eq!(metrics.get("data"), None);
}

#[tokio::test]
async fn statistics_are_read_by_queue_and_period() {
    let backend = counted();
    let query = "queue=news&metrics=sent&dimensions=period&granularity=hourly&start_date=2026-11-24T17:00:00Z";
    let (_, metrics) = get(&backend, "/emails/metrics", query).await;
    assert_eq!(
        metrics["data"],
        json!([
            {"period": "2026-11-24T17:00:00.000Z", "sent": 0},
            {"period": "2026-11-24T18:00:00.000Z", "sent": 2},
        ])
    );
    assert_eq!(metrics["failures"], json!([{"cause": "unverified_sender", "count": 1}]));
    let (_, metrics) = get(&backend, "/emails/metrics", "since=2026-11-01&until=2026-11-02").await;
    assert_eq!(metrics["totals"]["sent"], 100);
}

#[tokio::test]
async fn failures_name_a_remedy_and_a_retry_call() {
    let backend = counted();
    let (status, failures) = get(&backend, "/failures", "").await;
    assert_eq!(status, 200, "{failures}");
    assert_eq!(failures["data"].as_array().map(Vec::len), Some(2));
    let first = failures["data"].get(0).unwrap();
    assert_eq!((&first["queue"], &first["count"]), (&json!("default"), &json!(3)));
    assert_eq!(first["latest_email_id"], EmailId::from_random([9; 16]).to_string());
    assert_eq!(first["advice"], Cause::UnverifiedSender.advice());
    let retry = json!({"method": "POST", "path": "/queues/default/retry", "body": {"cause": "unverified_sender"}});
    assert_eq!(first["retry"], retry);
    let (_, failures) = get(&backend, "/failures", "queue=news&since=2026-11-24").await;
    assert_eq!(failures["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn bad_queries_are_refused() {
    let backend = counted();
    for (path, query, name) in [
        ("/emails/metrics", "since=2026-01-01", "since"),
        ("/emails/metrics", "start_date=2027-01-01", "start_date"),
        ("/emails/metrics", "granularity=x", "granularity"),
        ("/failures", "since=2026-01-01", "since"),
        ("/failures", "since=2026-11-24&until=2026-11-23", "since"),
        ("/failures", "cause=rejected", "query"),
    ] {
        let (status, error) = get(&backend, path, query).await;
        assert_eq!(
            (status, &error["name"]),
            (422, &json!("validation_error")),
            "{path}?{query}"
        );
        assert!(
            error["message"].as_str().unwrap().starts_with(&format!("{name}: ")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_backend_failure_is_a_500() {
    let backend = counted();
    backend.fail_next(1);
    assert_eq!(get(&backend, "/failures", "").await.0, 500);
}
