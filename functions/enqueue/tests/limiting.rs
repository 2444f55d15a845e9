//! What a tenant may: from where it sends, how much in a day and in ten seconds.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

mod common;

use std::collections::BTreeMap;

use aws::access::Door;
use aws::settings::KeySettings;
use common::enqueue;
use domain::access::key::{ApiKey, Permission};
use domain::access::sender::FromDomain;
use domain::access::tenant::Tenant;
use domain::id::TenantId;
use enqueue::{Enqueue, handler};
use lambda_http::{Body, RequestExt};
use serde_json::{Value, json};
use world::samples::{self, BORN};
use world::{Fault, World};

/// An environment, which remembers what it has read and drawn.
struct Environment {
    enqueue: Enqueue<World, World, World, World>,
    door: Door,
    key: String,
}

struct Answer {
    status: u16,
    name: String,
    headers: BTreeMap<String, String>,
}

impl Answer {
    fn number(&self, header: &str) -> Option<u64> {
        self.headers.get(header)?.parse().ok()
    }
}

/// A world with the tenant `acme`, which has such limits, and a key of it.
fn acme(daily_cap: Option<u64>, rate: Option<u32>) -> (World, String) {
    let (world, id) = (World::default(), TenantId::parse("acme").unwrap());
    let (key, token) = samples::key_of(&id, 5);
    {
        let mut state = world.state();
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
    (world, token.as_str().to_owned())
}

fn environment((world, key): &(World, String)) -> Environment {
    Environment {
        enqueue: enqueue(world),
        door: Door::new(KeySettings::of(samples::DEPLOYER_KEY)),
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
        let response = handler::handle(&self.enqueue, &self.door, request).await;
        let json: Value = serde_json::from_slice(response.body().as_ref()).expect("an answer is JSON");
        let text = |value: &lambda_http::http::HeaderValue| value.to_str().unwrap().to_owned();
        Answer {
            status: response.status().as_u16(),
            name: json["name"].as_str().unwrap_or_default().to_owned(),
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
        let state = self.enqueue.rows.state();
        state.calls.iter().filter(|call| **call == "draw").count()
    }

    fn later(&self, millis: i64) {
        self.enqueue.rows.state().now_ms += millis;
    }
}

#[tokio::test]
async fn beyond_the_rate_it_is_429_until_the_window_ends() {
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
    // The window of ten seconds began with a whole one: BORN is 1,000 seconds after 1970.
    assert_eq!(
        (over.number("retry-after"), over.number("ratelimit-reset")),
        (Some(6), Some(6))
    );
    assert_eq!(over.number("ratelimit-remaining"), Some(0));
    it.later(5_500);
    assert_eq!(it.send(1).await.status, 200);
}

#[tokio::test]
async fn a_block_is_drawn_and_not_each_request_and_a_spent_window_costs_no_call() {
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
        it.enqueue.rows.state().rows.len(),
        2_000,
        "what is refused is not stored"
    );
}

#[tokio::test]
async fn the_cap_is_shared_by_all_environments_and_begins_anew_at_midnight() {
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
async fn every_recipient_counts_and_a_request_that_can_never_fit_is_no_429() {
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
async fn what_is_refused_or_was_accepted_before_is_not_counted() {
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

/// A call that failed may have been stored all the same.
#[tokio::test]
async fn what_may_have_been_accepted_is_counted() {
    let it = environment(&acme(None, Some(1)));
    it.enqueue
        .rows
        .state()
        .faults_of
        .insert("create", [Fault::After].into());
    assert_eq!(it.send(5).await.status, 500);
    assert_eq!(it.send(5).await.number("ratelimit-remaining"), Some(0));
}

#[tokio::test]
async fn a_tenant_refused_for_the_day_has_spent_nothing_of_its_rate() {
    let it = environment(&acme(Some(3), Some(1)));
    assert_eq!(it.send(3).await.status, 200);
    for _ in 0..20 {
        assert_eq!(it.send(1).await.name, "daily_quota_exceeded");
    }
}

#[tokio::test]
async fn the_tenant_main_has_no_limits_no_headers_and_costs_no_call() {
    let (world, _) = acme(None, None);
    let it = environment(&(world, samples::API_KEY.to_owned()));
    for _ in 0..50 {
        let answer = it.send(50).await;
        assert_eq!(answer.status, 200);
        assert!(answer.headers.keys().all(|name| !name.starts_with("ratelimit")));
    }
    let state = it.enqueue.rows.state();
    let of_access = ["key", "tenant", "draw", "note_use"];
    let calls: Vec<_> = state.calls.iter().filter(|call| of_access.contains(*call)).collect();
    assert_eq!(calls, [&"key"], "a key is read once in thirty seconds, and that is all");
}

#[tokio::test]
async fn nobody_sends_from_a_domain_that_is_not_theirs() {
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
    assert!(shared.0.state().rows.is_empty());
}
