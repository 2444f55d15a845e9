//! Limits of From domains: neither a narrowed key (limited to some From domains) nor a tenant that lost a domain acts
//! on emails from elsewhere.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use crate::common::{ask, read};
use domain::delivery::cause::Cause;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::TenantId;
use domain::queue::job::Task;
use domain::tenant::Tenant;
use domain::tenant::key::ApiKey;
use domain::tenant::sender::FromDomain;
use memory::{MemoryBackend, samples};
use serde_json::{Value, json};

/// Returns the tenant `acme` with these domains, one email from `example.com` in this status, and a key with
/// these domains.
fn acme(tenant: &[&str], key: &[&str], status: RecordStatus) -> (MemoryBackend, String) {
    let backend = samples::backend(0).unwrap();
    let domains =
        |list: &[&str]| -> Vec<FromDomain> { list.iter().map(|domain| FromDomain::parse(domain).unwrap()).collect() };
    let id = TenantId::parse("acme").unwrap();
    let (made, token) = samples::key_of(&id, 6);
    let made = ApiKey {
        from_domains: domains(key),
        ..made
    };
    let email = samples::email().unwrap();
    let record = EmailRecord {
        tenant: id.clone(),
        status,
        key: Some(made.id),
        cause: (status == RecordStatus::Failed).then_some(Cause::Rejected),
        ..samples::record(1, &email)
    };
    {
        let mut state = backend.state();
        let tenant = Tenant {
            id: id.clone(),
            from_domains: domains(tenant),
            ..Tenant::main()
        };
        state.tenants.insert(id, tenant);
        state.keys.insert(made.id, made);
        state.bodies.insert((record.email_key(), email.hash()), email.to_body());
        state.records.insert(record.email_key(), record);
    }
    (backend, token.as_str().to_owned())
}

async fn call(backend: &MemoryBackend, key: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    read(&ask(backend, &samples::event(key, method, path, body)).await)
}

/// Returns the four commands on one email: method, path suffix, body, and a status that allows it.
fn acts() -> [(&'static str, &'static str, String, RecordStatus); 4] {
    let later = json!({"scheduled_at": "1970-01-01T01:00:00Z"}).to_string();
    [
        ("POST", "/cancel", String::new(), RecordStatus::Queued),
        ("PATCH", "", later, RecordStatus::Queued),
        ("POST", "/retry", String::new(), RecordStatus::Failed),
        ("DELETE", "", String::new(), RecordStatus::Failed),
    ]
}

async fn act_on_it(
    backend: &MemoryBackend,
    key: &str,
    (method, act, body, _): &(&str, &str, String, RecordStatus),
) -> (u16, Value) {
    call(backend, key, method, &format!("/emails/{}{act}", samples::id(1)), body).await
}

fn the_email(backend: &MemoryBackend) -> EmailRecord {
    backend.state().records.values().next().unwrap().clone()
}

#[tokio::test]
async fn a_narrowed_key_acts_only_on_its_domains() {
    for act in acts() {
        let (backend, key) = acme(&["*"], &["news.example"], act.3);
        let before = the_email(&backend);
        let (status, error) = act_on_it(&backend, &key, &act).await;
        assert_eq!(
            (status, error["name"].as_str()),
            (401, Some("restricted_api_key")),
            "{act:?}"
        );
        assert_eq!(the_email(&backend), before, "{act:?}");

        let (backend, key) = acme(&["*"], &["example.com"], act.3);
        assert_eq!(act_on_it(&backend, &key, &act).await.0, 200, "{act:?}");
    }
}

#[tokio::test]
async fn a_narrowed_key_cannot_act_on_an_email_of_unknown_sender() {
    for act in acts() {
        let (backend, key) = acme(&["*"], &["example.com"], act.3);
        backend.state().bodies.clear();
        let (status, error) = act_on_it(&backend, &key, &act).await;
        assert_eq!(
            (status, error["name"].as_str()),
            (401, Some("restricted_api_key")),
            "{act:?}"
        );
    }
}

#[tokio::test]
async fn a_tenant_sends_from_no_lost_domain() {
    for act in acts() {
        let (backend, key) = acme(&["other.example"], &[], act.3);
        let (status, error) = act_on_it(&backend, &key, &act).await;
        // A command that sends nothing is allowed: the email is the tenant's own.
        let expected = match act.1 {
            "/retry" => (422, Some("invalid_from_address")),
            "" if act.0 == "PATCH" => (422, Some("invalid_from_address")),
            _ => (200, None),
        };
        assert_eq!((status, error["name"].as_str()), expected, "{act:?}");
    }
}

#[tokio::test]
async fn a_narrowed_key_does_not_purge_or_restore() {
    let (backend, key) = acme(&["*"], &["example.com"], RecordStatus::Queued);
    for (method, path) in [
        ("POST", "/queues/default/purge"),
        ("POST", "/queues/default/restore"),
        ("DELETE", "/queues/news?cancel=true"),
    ] {
        let (status, error) = call(&backend, &key, method, path, "").await;
        assert_eq!(
            (status, error["name"].as_str()),
            (401, Some("restricted_api_key")),
            "{path}"
        );
    }
    assert!(backend.state().queues.is_empty() && backend.state().jobs.is_empty());
}

#[tokio::test]
async fn a_narrowed_key_retries_only_its_domains() {
    let (backend, key) = acme(&["*"], &["news.example"], RecordStatus::Failed);
    assert_eq!(call(&backend, &key, "POST", "/queues/default/retry", "{}").await.0, 202);
    let task = backend.state().jobs.values().next().unwrap().task.clone();
    let Task::Retry { scope, .. } = task else {
        panic!("another job: {task:?}")
    };
    assert!(scope.covers("news.example") && !scope.covers("example.com"));
}

/// A key without limits pays nothing for the limits of other keys.
#[tokio::test]
async fn an_unlimited_key_reads_no_content_to_cancel() {
    let (backend, key) = acme(&["*"], &[], RecordStatus::Queued);
    assert_eq!(act_on_it(&backend, &key, &acts()[0]).await.0, 200);
    assert!(
        !backend.calls_inside().contains(&"load_body"),
        "{:?}",
        backend.calls_inside()
    );
}

#[tokio::test]
async fn emails_are_listed_by_their_key() {
    let (backend, key) = acme(&["*"], &[], RecordStatus::Queued);
    let own = the_email(&backend).key.unwrap();
    for (request, found) in [(own, 1), (samples::api_key().id, 0)] {
        let (status, list) = call(&backend, &key, "GET", &format!("/emails?key={request}"), "").await;
        assert_eq!(
            (status, list["data"].as_array().unwrap().len()),
            (200, found),
            "{request}"
        );
    }
    let (status, error) = call(&backend, &key, "GET", "/emails?key=shop", "").await;
    assert_eq!((status, error["name"].as_str()), (422, Some("validation_error")));
}
