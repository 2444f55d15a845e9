//! The state of the account and the text for scrapers, in the in-memory backend.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

use crate::common::{ask, ask_environment, ask_with, function, read};
use aws::http::auth::TENANT_HEADER;
use aws::runtime::settings::KeySettings;
use domain::api::open_metrics::OPEN_METRICS;
use domain::delivery::breaker::OpenBreaker;
use domain::delivery::cause::Cause;
use domain::delivery::rate::{Micros, Rate};
use domain::delivery::record::Priority;
use domain::id::{QueueKey, QueueName, TenantId};
use domain::queue::Queue;
use domain::reporting::account::{AccountQuota, OldestDue};
use domain::reporting::tally::counter::{Counter, Figure, Figures, hour_of};
use domain::tenant::Tenant;
use domain::tenant::key::Permission;
use domain::timestamp::Timestamp;
use lambda_http::{Body, Response};
use memory::tallies::StoredCounter;
use memory::{Fault, MemoryBackend, samples};
use serde_json::{Value, json};

const EVENT: &str = include_str!("../../../events/reports.json");

fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-24T18:20:00Z").unwrap()
}

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

fn count(backend: &MemoryBackend, counter: Counter, figure: Figure, number: i64) {
    let stored = StoredCounter {
        figures: Figures::from([(figure, number)]),
        ..StoredCounter::default()
    };
    backend.state().tally.counters.insert(counter, stored);
}

/// Returns a backend with two tenants, a named queue of one, and an account whose breaker is open; and the key of
/// `acme`.
fn backend() -> (MemoryBackend, String) {
    let backend = samples::backend(0).unwrap();
    let (key, token) = samples::key_of(&acme(), 201);
    let news = QueueKey {
        tenant: TenantId::main(),
        name: QueueName::parse("news").unwrap(),
    };
    {
        let mut state = backend.state();
        state.now_ms = now().as_millis();
        state.keys.insert(key.id, key);
        let tenant = Tenant {
            id: acme(),
            ..Tenant::main()
        };
        state.tenants.insert(acme(), tenant);
        state.queues.insert(news.clone(), Queue::plain(news, now()));
        state.quota = AccountQuota {
            rate: Rate::from_millis(14_000),
            daily_quota: Some(50_000),
            sent_last_24_hours: 123,
            is_sandbox: false,
            may_send: true,
        };
        state.table_throttles = 4;
        state.account_rate.free_at = Some(Micros::of(now()));
        state.account_rate.open = Some(OpenBreaker {
            cause: Cause::QuotaExceeded,
            until: Timestamp::from_millis(now().as_millis() + 60_000),
            times: 0,
        });
        state.newest_event = Some(Timestamp::from_millis(now().as_millis() - 5_000));
        state.busy_since = [(Priority::Normal, now())].into();
        state.oldest_due = Some(OldestDue {
            due: Timestamp::from_millis(now().as_millis() - 90_000),
            seen_at: now(),
        });
    }
    for (tenant, queue, figure, number) in [
        (TenantId::main(), "default", Figure::Queued, 1),
        (TenantId::main(), "news", Figure::Held, 20),
        (acme(), "default", Figure::Sending, 300),
    ] {
        let queue = queue.to_owned();
        count(&backend, Counter::EmailStatus { tenant, queue }, figure, number);
    }
    for (tenant, accepted) in [(TenantId::main(), 7), (acme(), 9)] {
        let counter = Counter::Flow {
            tenant,
            queue: None,
            hour: hour_of(now()),
        };
        count(&backend, counter, Figure::Accepted, accepted);
    }
    (backend, format!("Bearer {}", token.as_str()))
}

fn event(path: &str, key: &str, tenant: Option<&str>) -> Value {
    let mut event: Value = serde_json::from_str(EVENT).unwrap();
    event["rawPath"] = path.into();
    event["rawQueryString"] = "".into();
    event["headers"]["authorization"] = key.into();
    if let Some(tenant) = tenant {
        event["headers"][TENANT_HEADER] = tenant.into();
    }
    event
}

async fn get(backend: &MemoryBackend, path: &str, key: &str, tenant: Option<&str>) -> Response<Body> {
    ask(backend, &event(path, key, tenant)).await
}

fn deployer() -> String {
    format!("Bearer {}", samples::DEPLOYER_KEY)
}

fn unfinished(queued: u64, sending: u64, held: u64) -> Value {
    json!({"scheduled": 0, "queued": queued, "sending": sending, "retry": 0, "held": held})
}

#[tokio::test]
async fn the_deployer_sees_the_account_and_all_tenants() {
    let (backend, _) = backend();
    let (status, account) = read(&get(&backend, "/account", &deployer(), None).await);
    assert_eq!((status, &account["tenant"]), (200, &Value::Null), "{account}");
    assert_eq!(account["unfinished"], unfinished(1, 300, 20));
    assert_eq!(account["ses"]["sent_last_24_hours"], 123);
    assert_eq!(account["breaker"]["cause"], "quota_exceeded");
    assert_eq!(account["feedback"]["lag_seconds"], 5);
    assert_eq!(account["waiting_since"]["normal"], "2026-11-24T18:20:00.000Z");
    assert_eq!(account["oldest_due_at"], "2026-11-24T18:18:30.000Z");
    assert_eq!(account["table_throttles_last_hour"], 4);
    let (_, of_acme) = read(&get(&backend, "/account", &deployer(), Some("acme")).await);
    assert_eq!(
        (&of_acme["tenant"], &of_acme["unfinished"]),
        (&json!("acme"), &unfinished(0, 300, 0))
    );
    assert_eq!(of_acme["ses"], account["ses"]);
}

#[tokio::test]
async fn a_tenant_sees_only_its_own_emails() {
    let (backend, acmes_key) = backend();
    for (key, tenant, expected) in [
        (samples::bearer(), "main", unfinished(1, 0, 20)),
        (acmes_key, "acme", unfinished(0, 300, 0)),
    ] {
        let (status, account) = read(&get(&backend, "/account", &key, None).await);
        assert_eq!(
            (status, &account["tenant"], &account["unfinished"]),
            (200, &json!(tenant), &expected)
        );
        for of_the_account in [
            "ses",
            "breaker",
            "feedback",
            "waiting_since",
            "oldest_due_at",
            "table_throttles_last_hour",
        ] {
            assert_eq!(account.get(of_the_account), Some(&Value::Null), "{of_the_account}");
        }
    }
    let (status, refused) = read(&get(&backend, "/account", &samples::bearer(), Some("acme")).await);
    assert_eq!((status, &refused["name"]), (401, &json!("restricted_api_key")));
}

#[tokio::test]
async fn the_account_names_the_key_of_the_request() {
    let (backend, acmes_key) = backend();
    let end = Timestamp::from_millis(now().as_millis() + 1_000);
    let (mut reading, token) = samples::key_of(&acme(), 202);
    reading.permission = Permission::ReadAccess;
    reading.expires_at = Some(end);
    backend.state().keys.insert(reading.id, reading);
    let id = |n| samples::key_of(&acme(), n).0.id.to_string();
    let of_acme = |n: u8, permission: &str, expires_at: Value| {
        json!({
            "id": id(n), "name": format!("key {n}"), "permission": permission, "tenant": "acme",
            "from_domains": null, "expires_at": expires_at,
        })
    };
    let of_deployer = json!({"id": null, "name": null, "permission": "deployer", "tenant": null, "from_domains": null, "expires_at": null});
    for (key, tenant, expected) in [
        (acmes_key, None, of_acme(201, "full_access", Value::Null)),
        (
            format!("Bearer {}", token.as_str()),
            None,
            of_acme(202, "read_access", end.to_string().into()),
        ),
        (deployer(), None, of_deployer.clone()),
        (deployer(), Some("acme"), of_deployer),
    ] {
        let (status, account) = read(&get(&backend, "/account", &key, tenant).await);
        assert_eq!((status, &account["key"]), (200, &expected));
    }
}

/// `queue_counts` is two calls to DynamoDB, and each other name is one.
#[tokio::test]
async fn the_account_costs_a_few_reads_and_no_write() {
    let (backend, acmes_key) = backend();
    get(&backend, "/account", &acmes_key, None).await;
    assert_eq!(backend.calls_inside(), ["tenant", "queues", "queue_counts"]);
    backend.state().calls.clear();
    backend.state().tenants.clear();
    get(&backend, "/account", &deployer(), None).await;
    let mut calls = backend.calls_inside();
    calls.sort_unstable();
    let expected = [
        "account_rate",
        "bookmarks",
        "queue_counts",
        "queue_counts",
        "queues",
        "quota",
        "tenants",
        "throttles_of_last_hour",
        "watermark",
    ];
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn a_silent_ses_hides_no_other_figure() {
    let (backend, _) = backend();
    backend.state().faults_of.insert("quota", [Fault::Before].into());
    let (status, account) = read(&get(&backend, "/account", &deployer(), None).await);
    assert_eq!((status, &account["ses"]), (200, &Value::Null), "{account}");
    assert_eq!(account["breaker"]["state"], "open");
}

#[tokio::test]
async fn a_silent_cloudwatch_hides_no_other_figure() {
    let (backend, _) = backend();
    backend
        .state()
        .faults_of
        .insert("throttles_of_last_hour", [Fault::Before].into());
    let (status, account) = read(&get(&backend, "/account", &deployer(), None).await);
    assert_eq!(
        (status, &account["table_throttles_last_hour"]),
        (200, &Value::Null),
        "{account}"
    );
    assert_eq!(account["ses"]["sent_last_24_hours"], 123);
}

/// A console polls, and each call of CloudWatch costs money. A failure is remembered too.
#[tokio::test]
async fn cloudwatch_is_asked_once_a_minute() {
    for (fault, first) in [(None, json!(4)), (Some(Fault::Before), Value::Null)] {
        let (backend, _) = backend();
        let environment = function(&backend);
        let faults = fault.into_iter().collect();
        backend.state().faults_of.insert("throttles_of_last_hour", faults);
        let figure = async |path: &str| {
            let key = KeySettings::of(samples::DEPLOYER_KEY);
            let event = event(path, &deployer(), None);
            ask_environment(&environment, key, &event).await
        };
        let asked = || {
            let calls = backend.calls_inside();
            calls.iter().filter(|call| **call == "throttles_of_last_hour").count()
        };
        for _ in 0..2 {
            let (_, account) = read(&figure("/account").await);
            assert_eq!(account["table_throttles_last_hour"], first);
        }
        figure("/metrics").await;
        backend.state().now_ms += 59_000;
        figure("/account").await;
        assert_eq!(asked(), 1);
        backend.state().now_ms += 1_000;
        let (_, account) = read(&figure("/account").await);
        assert_eq!((asked(), &account["table_throttles_last_hour"]), (2, &json!(4)));
    }
}

#[tokio::test]
async fn a_scraper_gets_the_figures_as_text() {
    let (backend, acmes_key) = backend();
    let text_of = async |key: &str| {
        let response = get(&backend, "/metrics", key, None).await;
        assert_eq!(response.headers().get("content-type").unwrap(), OPEN_METRICS);
        let Body::Text(text) = response.body() else {
            panic!("an answer is text")
        };
        assert!(text.ends_with("\n# EOF\n"), "{text}");
        text.clone()
    };
    let all = text_of(&deployer()).await;
    for line in [
        r#"mailqueue_emails_total{tenant="acme",status="accepted"} 9"#,
        r#"mailqueue_emails_total{tenant="main",status="accepted"} 7"#,
        r#"mailqueue_unfinished_emails{tenant="main",status="held"} 20"#,
        "mailqueue_ses_rate_per_second 14",
        r#"mailqueue_breaker_open{cause="quota_exceeded"} 1"#,
        "mailqueue_feedback_lag_seconds 5",
        "mailqueue_table_throttles_last_hour 4",
    ] {
        assert!(all.lines().any(|found| found == line), "{line}: {all}");
    }
    let of_acme = text_of(&acmes_key).await;
    assert!(of_acme.contains(r#"{tenant="acme",status="accepted"} 9"#), "{of_acme}");
    for hidden in ["main", "ses", "breaker", "feedback", "waiting", "throttles"] {
        assert!(!of_acme.contains(hidden), "{hidden}: {of_acme}");
    }
}

#[tokio::test]
async fn only_the_description_needs_no_key() {
    let (backend, _) = backend();
    for (path, status) in [("/openapi.json", 200), ("/account", 401), ("/usage", 401)] {
        let mut event: Value = serde_json::from_str(EVENT).unwrap();
        event["rawPath"] = path.into();
        event["rawQueryString"] = "".into();
        event["headers"].as_object_mut().unwrap().remove("authorization");
        assert_eq!(read(&ask(&backend, &event).await).0, status, "{path}");
        // A request for the description that bypasses the proxy is refused as well, before any call.
        let proxied = KeySettings {
            origins: vec![KeySettings::of("secret").sha256],
            ..KeySettings::of(samples::DEPLOYER_KEY)
        };
        backend.state().faults = [Fault::DieBefore].into();
        let (status, body) = read(&ask_with(&backend, proxied, &event).await);
        assert_eq!((status, &body["name"]), (403, &json!("validation_error")), "{path}");
        backend.state().faults.clear();
    }
}
