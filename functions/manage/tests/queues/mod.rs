//! Named queues: created, changed, paused, purged, restored, retried, deleted.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing test panics with its reason"
)]

mod bad_input;

use domain::delivery::cause::Cause;
use domain::delivery::rate::Rate;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::{QueueKey, QueueName, TenantId};
use domain::queue::job::Task;
use memory::{Fault, MemoryBackend, samples};
use serde_json::{Value, json};

use crate::common::{ask, read};

fn backend() -> MemoryBackend {
    samples::backend(3).unwrap()
}

fn key(name: &str) -> QueueKey {
    QueueKey {
        tenant: TenantId::main(),
        name: QueueName::parse(name).unwrap(),
    }
}

async fn call(backend: &MemoryBackend, method: &str, path: &str, body: &str) -> (u16, Value) {
    read(&ask(backend, &samples::event(samples::API_KEY, method, path, body)).await)
}

async fn make(backend: &MemoryBackend, name: &str) {
    let (status, made) = call(backend, "POST", "/queues", &json!({"name": name}).to_string()).await;
    assert_eq!((status, made["name"].as_str()), (201, Some(name)));
}

#[tokio::test]
async fn a_queue_is_created_changed_and_deleted() {
    let backend = backend();
    let settings = json!({
        "name": "news", "priority": "low", "rate_per_second": 5, "retry_waits_seconds": [7, 70],
        "default_expires_in_seconds": 3600,
    });
    let (status, made) = call(&backend, "POST", "/queues", &settings.to_string()).await;
    assert_eq!(status, 201);
    for (field, value) in settings.as_object().unwrap() {
        assert_eq!(&made[field], value);
    }
    assert_eq!(
        (made["object"].as_str(), made["paused"].as_bool()),
        (Some("queue"), Some(false))
    );
    assert_eq!(
        backend.state().rate_limits[&key("news")].rate,
        domain::delivery::rate::Rate::from_millis(5_000)
    );

    let (status, taken) = call(&backend, "POST", "/queues", &settings.to_string()).await;
    assert_eq!((status, taken["name"].as_str()), (409, Some("validation_error")));
    let (status, shown) = call(&backend, "GET", "/queues/news", "").await;
    assert_eq!((status, &shown), (200, &made));
    let change = r#"{"rate_per_second": null, "priority": "high"}"#;
    let (status, changed) = call(&backend, "PATCH", "/queues/news", change).await;
    assert_eq!(
        (status, &changed["rate_per_second"], &changed["priority"]),
        (200, &Value::Null, &json!("high"))
    );
    assert_eq!(
        changed["retry_waits_seconds"],
        json!([7, 70]),
        "an omitted setting stays unchanged"
    );

    let (status, list) = call(&backend, "GET", "/queues", "").await;
    let names: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|queue| queue["name"].as_str().unwrap())
        .collect();
    assert_eq!((status, names), (200, vec!["default", "news"]));

    let (status, gone) = call(&backend, "DELETE", "/queues/news?cancel=true", "").await;
    assert_eq!(
        (status, gone),
        (200, json!({"object": "queue", "name": "news", "deleted": true}))
    );
    assert_eq!(call(&backend, "GET", "/queues/news", "").await.0, 404);
    assert_eq!(call(&backend, "DELETE", "/queues/news?cancel=true", "").await.0, 404);
    make(&backend, "news").await;
}

#[tokio::test]
async fn a_changed_rate_reaches_the_rate_limit() {
    let backend = backend();
    make(&backend, "news").await;
    for (body, rate) in [
        (r#"{"rate_per_second": 5}"#, Some(5)),
        (r#"{"rate_per_second": 9}"#, Some(9)),
        (r#"{"priority": "low"}"#, Some(9)),
        (r#"{"rate_per_second": null}"#, None),
    ] {
        let (status, changed) = call(&backend, "PATCH", "/queues/news", body).await;
        assert_eq!((status, changed["rate_per_second"].as_u64()), (200, rate), "{body}");
        let limit = backend.state().rate_limits[&key("news")].rate;
        assert_eq!(limit.map(Rate::as_millis), rate.map(|rate| rate * 1_000), "{body}");
    }
}

#[tokio::test]
async fn the_default_queue_exists_with_fixed_settings() {
    let backend = backend();
    let (status, shown) = call(&backend, "GET", "/queues/default", "").await;
    assert_eq!((status, shown["name"].as_str()), (200, Some("default")));
    for (method, path, body, message) in [
        (
            "DELETE",
            "/queues/default?cancel=true",
            "",
            "name: the default queue cannot be deleted",
        ),
        (
            "PATCH",
            "/queues/default",
            r#"{"priority":"high"}"#,
            "priority: cannot be changed for the default queue: create another queue with this setting",
        ),
    ] {
        let (status, refused) = call(&backend, method, path, body).await;
        assert_eq!((status, refused["message"].as_str()), (422, Some(message)));
    }
    let (status, _) = call(&backend, "POST", "/queues", r#"{"name":"default"}"#).await;
    assert_eq!(status, 409);
    let (status, changed) = call(&backend, "PATCH", "/queues/default", r#"{"rate_per_second": 3}"#).await;
    assert_eq!((status, changed["rate_per_second"].as_u64()), (200, Some(3)));
}

#[tokio::test]
async fn a_pause_has_a_reason_and_reaches_the_senders() {
    let backend = backend();
    make(&backend, "news").await;
    let version = backend.state().account_rate.settings_version;
    let pause = r#"{"reason": "wrong price", "until": "in 1 hour"}"#;
    let (status, paused) = call(&backend, "POST", "/queues/news/pause", pause).await;
    assert_eq!(
        (status, &paused["paused"], &paused["pause_reason"]),
        (200, &json!(true), &json!("wrong price"))
    );
    assert_eq!(backend.state().account_rate.settings_version, version + 1);
    let jobs: Vec<_> = backend.state().jobs.values().cloned().collect();
    assert_eq!(jobs.len(), 1, "the queue resumes by itself");
    assert_eq!(
        (&jobs[0].task, jobs[0].due),
        (
            &Task::Release,
            backend.state().queues[&key("news")]
                .paused
                .as_ref()
                .unwrap()
                .until
                .unwrap()
        )
    );

    let (status, resumed) = call(&backend, "POST", "/queues/news/resume", "").await;
    assert_eq!((status, &resumed["paused"]), (200, &json!(false)));
    assert_eq!(backend.state().jobs.len(), 2);
}

#[tokio::test]
async fn a_purge_and_its_end_are_seen_at_once() {
    let backend = backend();
    let email = format!("/emails/{}", samples::key(1).id);
    let status_of = |answer: Value| (answer["status"].clone(), answer["cause"].clone());
    assert_eq!(
        status_of(call(&backend, "GET", &email, "").await.1),
        (json!("queued"), Value::Null)
    );

    let (status, begun) = call(&backend, "POST", "/queues/default/purge", "").await;
    assert_eq!((status, begun["before"].is_string()), (202, true));
    assert_eq!(
        status_of(call(&backend, "GET", &email, "").await.1),
        (json!("canceled"), json!("purged"))
    );
    let list = call(&backend, "GET", "/emails", "").await.1;
    assert!(
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["status"] == "canceled")
    );
    let job = format!("/queues/default/jobs/{}", begun["id"].as_str().unwrap());
    let (status, shown) = call(&backend, "GET", &job, "").await;
    assert_eq!(
        (status, &shown["done"], &shown["emails"]),
        (200, &json!(false), &json!(0))
    );

    let (status, _) = call(&backend, "POST", "/queues/default/restore", "").await;
    assert_eq!(status, 202);
    assert_eq!(
        status_of(call(&backend, "GET", &email, "").await.1),
        (json!("queued"), Value::Null)
    );
}

#[tokio::test]
async fn a_purged_email_can_be_retried() {
    let backend = backend();
    call(&backend, "POST", "/queues/default/purge", "").await;
    backend.state().now_ms += 1;
    let retry = format!("/emails/{}/retry", samples::key(1).id);
    let (status, _) = call(&backend, "POST", &retry, "").await;
    assert_eq!(status, 200);
    let record = backend.record(&samples::key(1)).unwrap();
    assert_eq!((record.status, record.cause), (RecordStatus::Queued, None));
    let purged = backend.state().queues[&key("default")].purged_before.unwrap();
    assert!(record.born <= purged);
    let shown = call(&backend, "GET", &format!("/emails/{}", samples::key(1).id), "")
        .await
        .1;
    assert_eq!(shown["status"], "queued", "requested after the purge: {shown}");
}

#[tokio::test]
async fn a_retry_by_cause_is_a_job() {
    let backend = backend();
    let retry = r#"{"cause": "rejected", "since": "1970-01-01T00:00:00Z"}"#;
    let (status, begun) = call(&backend, "POST", "/queues/default/retry", retry).await;
    assert_eq!((status, begun["object"].as_str()), (202, Some("job")));
    let task = backend.state().jobs.values().next().unwrap().task.clone();
    assert!(matches!(
        task,
        Task::Retry {
            cause: Some(Cause::Rejected),
            since: Some(_),
            scope,
        } if scope.is_unlimited()
    ));
}

#[tokio::test]
async fn a_lost_write_is_made_once() {
    for what in ["save_queue", "change_account_rate"] {
        let backend = backend();
        backend.state().faults_of.insert(what, [Fault::After].into());
        let (status, _) = call(&backend, "POST", "/queues/default/pause", "").await;
        assert_eq!(status, 500, "{what}");
        assert_eq!(call(&backend, "POST", "/queues/default/pause", "").await.0, 200);
        let paused: Vec<EmailRecord> = backend.state().records.values().cloned().collect();
        assert!(backend.state().queues[&key("default")].is_paused(paused[0].born));
    }
}
