//! Limits of a tenant: From domains, a daily cap, and a rate over ten seconds.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

mod repetitions;

use std::collections::BTreeMap;

use aws::http::auth::Authenticator;
use aws::http::endpoint;
use aws::runtime::settings::KeySettings;
use domain::id::TenantId;
use domain::tenant::Tenant;
use domain::tenant::key::{ApiKey, Permission};
use domain::tenant::sender::FromDomain;
use enqueue::EnqueueFunction;
use lambda_http::{Body, RequestExt};
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

use crate::common::enqueue;

/// An environment with its cache and its quota leases.
struct Environment {
    enqueue: EnqueueFunction<MemoryBackend>,
    authenticator: Authenticator,
    key: String,
}

struct Answer {
    status: u16,
    name: String,
    message: String,
    headers: BTreeMap<String, String>,
}

impl Answer {
    fn number(&self, header: &str) -> Option<u64> {
        self.headers.get(header)?.parse().ok()
    }
}

/// Returns a backend with the tenant `acme` with these limits, and one of its keys.
fn acme(daily_cap: Option<u64>, rate: Option<u32>) -> (MemoryBackend, String) {
    let (backend, id) = (MemoryBackend::default(), TenantId::parse("acme").unwrap());
    let (key, token) = samples::key_of(&id, 5);
    {
        let mut state = backend.state();
        state.now_ms = BORN.as_millis();
        state.keys.insert(key.id, key);
        let tenant = Tenant {
            id: id.clone(),
            from_domains: vec![FromDomain::parse("acme.example").unwrap()],
            daily_cap,
            rate,
            ..Tenant::main()
        };
        state.tenants.insert(id, tenant);
    }
    (backend, token.as_str().to_owned())
}

fn environment((backend, key): &(MemoryBackend, String)) -> Environment {
    Environment {
        enqueue: enqueue(backend),
        authenticator: Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY)),
        key: key.clone(),
    }
}

fn to(recipients: usize) -> Value {
    let to: Vec<_> = (0..recipients).map(|n| format!("to{n}@example.com")).collect();
    json!({"from": "a@acme.example", "to": to, "subject": "s", "text": "t"})
}

impl Environment {
    async fn post(&self, path: &str, idempotency_key: Option<&str>, body: &Value) -> Answer {
        let mut request = lambda_http::http::Request::post(format!("https://example.com{path}"))
            .header("authorization", format!("Bearer {}", self.key));
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::Text(body.to_string())).unwrap();
        let request = request.with_lambda_context(lambda_http::lambda_runtime::Context::default());
        let response = endpoint::handle(&self.enqueue, &self.authenticator, request).await;
        let json: Value = serde_json::from_slice(response.body().as_ref()).expect("an answer is JSON");
        let text = |value: &lambda_http::http::HeaderValue| value.to_str().unwrap().to_owned();
        Answer {
            status: response.status().as_u16(),
            name: json["name"].as_str().unwrap_or_default().to_owned(),
            message: json["message"].as_str().unwrap_or_default().to_owned(),
            headers: response
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
        }
    }

    async fn send(&self, recipients: usize) -> Answer {
        self.post("/emails", None, &to(recipients)).await
    }

    fn draws(&self) -> usize {
        let state = self.enqueue.records.state();
        state.calls.iter().filter(|call| **call == "lease_quota").count()
    }

    fn later(&self, millis: i64) {
        self.enqueue.records.state().now_ms += millis;
    }
}

#[tokio::test]
async fn a_spent_rate_is_a_429_until_the_window_ends() {
    let it = environment(&acme(None, Some(2)));
    for sent in 1..=20 {
        let answer = it.send(1).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            (answer.number("ratelimit-limit"), answer.number("ratelimit-remaining")),
            (Some(20), Some(20 - sent))
        );
    }
    it.later(4_500);
    let over = it.send(1).await;
    assert_eq!((over.status, over.name.as_str()), (429, "rate_limit_exceeded"));
    // Windows begin at multiples of ten seconds, and `BORN` is 1,000 seconds after 1970 began.
    assert_eq!(
        (over.number("retry-after"), over.number("ratelimit-reset")),
        (Some(6), Some(6))
    );
    assert_eq!(over.number("ratelimit-remaining"), Some(0));
    it.later(5_500);
    assert_eq!(it.send(1).await.status, 200);
}

#[tokio::test]
async fn a_lease_covers_many_requests() {
    let it = environment(&acme(Some(2_000), None));
    for _ in 0..2_000 {
        assert_eq!(it.send(1).await.status, 200);
    }
    assert_eq!(it.draws(), 20);
    for _ in 0..100 {
        assert_eq!(it.send(1).await.status, 429);
    }
    assert_eq!(it.draws(), 20);
    assert_eq!(
        it.enqueue.records.state().records.len(),
        2_000,
        "a refused email is not stored"
    );
}

#[tokio::test]
async fn all_environments_share_the_daily_cap() {
    let shared = acme(Some(60), None);
    let environments = [environment(&shared), environment(&shared), environment(&shared)];
    let mut accepted = 0;
    for _ in 0..40 {
        for it in &environments {
            let answer = it.send(1).await;
            accepted += usize::from(answer.status == 200);
            assert!(answer.status == 200 || answer.name == "daily_quota_exceeded");
        }
    }
    assert_eq!(accepted, 60);
    let over = environments[0].send(1).await;
    assert_eq!(over.number("retry-after"), Some(86_400 - 1_000));
    environments[0].later(86_400_000 - BORN.as_millis());
    assert_eq!(environments[0].send(1).await.status, 200);
}

#[tokio::test]
async fn an_oversized_request_is_no_429() {
    let it = environment(&acme(Some(1_000), Some(1)));
    let too_many = it.send(11).await;
    assert_eq!(
        (too_many.status, too_many.name.as_str(), too_many.number("retry-after")),
        (422, "validation_error", None)
    );
    assert_eq!(it.send(10).await.status, 200);
    assert_eq!(it.send(1).await.status, 429);
    it.later(10_000);
    let batch = Value::from(vec![to(2), to(3)]);
    assert_eq!(
        it.post("/emails/batch", None, &batch)
            .await
            .number("ratelimit-remaining"),
        Some(5)
    );
}

#[tokio::test]
async fn refused_and_repeated_requests_are_not_counted() {
    let it = environment(&acme(None, Some(1)));
    for _ in 0..30 {
        let answer = it.post("/emails", Some("order-1"), &to(4)).await;
        assert_eq!((answer.status, answer.number("ratelimit-remaining")), (200, Some(6)));
    }
    let mut nowhere = to(4);
    nowhere["queue"] = "nowhere".into();
    for _ in 0..30 {
        assert_eq!(it.post("/emails", None, &nowhere).await.status, 422);
        assert_eq!(it.post("/emails?dry_run=true", None, &to(4)).await.status, 200);
    }
    assert_eq!(it.send(6).await.status, 200);
    assert_eq!(it.send(1).await.status, 429);
}

/// A failed call may have stored the email all the same.
#[tokio::test]
async fn a_possibly_accepted_request_is_counted() {
    let it = environment(&acme(None, Some(1)));
    it.enqueue
        .records
        .state()
        .faults_of
        .insert("create", [Fault::After].into());
    assert_eq!(it.send(5).await.status, 500);
    assert_eq!(it.send(5).await.number("ratelimit-remaining"), Some(0));
}

#[tokio::test]
async fn a_daily_refusal_spends_nothing_of_the_rate() {
    let it = environment(&acme(Some(3), Some(1)));
    assert_eq!(it.send(3).await.status, 200);
    for _ in 0..20 {
        assert_eq!(it.send(1).await.name, "daily_quota_exceeded");
    }
}

#[tokio::test]
async fn the_tenant_main_is_unlimited_at_no_cost() {
    let (backend, _) = acme(None, None);
    let it = environment(&(backend, samples::API_KEY.to_owned()));
    for _ in 0..50 {
        let answer = it.send(50).await;
        assert_eq!(answer.status, 200);
        assert!(answer.headers.keys().all(|name| !name.starts_with("ratelimit")));
    }
    let state = it.enqueue.records.state();
    let of_access = ["key", "tenant", "lease_quota", "record_use"];
    let calls: Vec<_> = state.calls.iter().filter(|call| of_access.contains(*call)).collect();
    assert_eq!(
        calls,
        [&"key"],
        "the only call is one read of the key in thirty seconds"
    );
}

#[tokio::test]
async fn no_email_is_accepted_from_a_foreign_domain() {
    let shared = acme(None, None);
    let it = environment(&shared);
    let mut elsewhere = to(1);
    elsewhere["from"] = "Acme <a@example.com>".into();
    let batch = Value::from(vec![to(1), elsewhere.clone()]);
    for (path, body) in [
        ("/emails", &elsewhere),
        ("/emails?dry_run=true", &elsewhere),
        ("/emails/batch", &batch),
    ] {
        let answer = it.post(path, None, body).await;
        assert_eq!(
            (answer.status, answer.name.as_str()),
            (422, "invalid_from_address"),
            "{path}"
        );
    }
    let (key, token) = samples::key_of(&TenantId::parse("acme").unwrap(), 6);
    let narrow = ApiKey {
        permission: Permission::SendingAccess,
        from_domains: vec![FromDomain::parse("news.acme.example").unwrap()],
        ..key
    };
    shared.0.state().keys.insert(narrow.id, narrow);
    let narrow = environment(&(shared.0.clone(), token.as_str().to_owned()));
    let answer = narrow.send(1).await;
    assert_eq!((answer.status, answer.name.as_str()), (401, "restricted_api_key"));
    assert!(shared.0.state().records.is_empty());
}

/// Pairs of a daily cap and a rate. Each has room for one request of two recipients, and not for a second one.
const SPENT_BY_TWO: [(Option<u64>, Option<u32>); 2] = [(Some(3), None), (Some(12), Some(1))];

async fn spent(cap: Option<u64>, rate: Option<u32>) -> Environment {
    let it = environment(&acme(cap, rate));
    let first = it.post("/emails", Some("order-1"), &to(2)).await;
    assert_eq!(first.status, 200);
    let rest = if rate.is_some() { 8 } else { 1 };
    assert_eq!(it.send(rest).await.status, 200);
    it
}

#[tokio::test]
async fn a_refusal_names_the_rest_and_the_request() {
    let it = environment(&acme(Some(5), None));
    it.send(2).await;
    let over = it.send(4).await;
    assert_eq!(
        over.message,
        "This tenant may send to 5 recipients in a day. 3 are left, and the request has 4. The daily limit resets at midnight UTC."
    );
    let it = environment(&acme(None, Some(1)));
    it.send(7).await;
    let over = it.send(4).await;
    assert_eq!(
        over.message,
        "This tenant may send to 10 recipients in ten seconds. 3 are left, and the request has 4. Retry after the time in the header retry-after."
    );
}

#[tokio::test]
async fn a_dry_run_spends_no_quota() {
    for (cap, rate) in SPENT_BY_TWO {
        let it = spent(cap, rate).await;
        let drawn = it.enqueue.records.state().drawn.clone();
        // Another environment without a lease or a cached value.
        let other = environment(&(it.enqueue.records.clone(), it.key.clone()));
        for it in [&it, &other] {
            let real = it.post("/emails", None, &to(2)).await;
            let dry = it.post("/emails?dry_run=true", None, &to(2)).await;
            assert_eq!((dry.status, &dry.name, &dry.message), (429, &real.name, &real.message));
            assert_eq!(dry.number("retry-after"), real.number("retry-after"));
            let replay = it.post("/emails?dry_run=true", Some("order-1"), &to(2)).await;
            assert_eq!(replay.status, 200);
        }
        assert_eq!(it.enqueue.records.state().drawn, drawn);
    }
    let it = environment(&acme(Some(3), None));
    for _ in 0..9 {
        assert_eq!(it.post("/emails?dry_run=true", None, &to(3)).await.status, 200);
    }
    assert_eq!(it.post("/emails?dry_run=true", None, &to(4)).await.status, 422);
    assert_eq!(it.send(3).await.status, 200);
}

/// Even if it is scheduled far ahead.
#[tokio::test]
async fn a_scheduled_email_counts_for_today() {
    let it = environment(&acme(Some(1), None));
    let mut later = to(1);
    later["scheduled_at"] = "in 3 days".into();
    assert_eq!(it.post("/emails", None, &later).await.status, 200);
    assert_eq!(it.send(1).await.status, 429);
    it.later(3 * 86_400_000);
    assert_eq!(it.send(1).await.status, 200);
}
