//! Emails by their API key or From domain: released after a hold, and canceled, in the in-memory backend.
//!
//! **Long, because** all its tests share the same keys and emails.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

mod common;

use common::{ask, read};
use domain::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use domain::id::{EmailId, KeyId, QueueKey, QueueName, TenantId};
use domain::queue::hold::{Hold, Holds};
use domain::queue::job::Task;
use domain::queue::{Common, Queue};
use domain::tenant::Tenant;
use domain::tenant::key::{ApiKey, Permission};
use domain::tenant::sender::FromDomain;
use manage::by_key::{CANCELED_MAX, LOOKED_AT_MAX};
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};
use workflow::held_emails;

const GET: &str = include_str!("../../../events/manage.json");

fn key(n: u8) -> KeyId {
    KeyId::from_bytes([n; 16])
}

fn lead(tenant: TenantId) -> QueueKey {
    QueueKey {
        tenant,
        name: QueueName::default(),
    }
}

/// Returns the nth waiting email of a tenant.
fn email(of: &TenantId, n: u16, with: KeyId) -> EmailRecord {
    EmailRecord {
        tenant: of.clone(),
        id: EmailId::from_random((u128::from(n) << 8).to_be_bytes()),
        key: Some(with),
        ..samples::record(1, &samples::email().expect("the sample parses"))
    }
}

fn plant(backend: &MemoryBackend, record: EmailRecord) {
    backend.state().records.insert(record.email_key(), record);
}

fn hold(backend: &MemoryBackend, of: TenantId, keys: &[KeyId]) {
    let with = |holds: Holds, key: &KeyId| holds.with(Hold::of_revoked_key(*key)).unwrap();
    let queue = Queue::plain(lead(of), BORN).with_common(&Common {
        holds: keys.iter().fold(Holds::default(), with),
        ..Common::default()
    });
    backend.state().queues.insert(queue.key.clone(), queue);
}

/// Returns an empty backend, at [`BORN`].
fn backend() -> MemoryBackend {
    samples::backend(0).expect("the samples parse")
}

async fn call(backend: &MemoryBackend, with: &str, path: &str, acting_for: Option<&str>) -> (u16, Value) {
    call_as(backend, with, ("POST", path), acting_for).await
}

async fn call_as(
    backend: &MemoryBackend,
    with: &str,
    (method, path): (&str, &str),
    acting_for: Option<&str>,
) -> (u16, Value) {
    let mut event: Value = serde_json::from_str(GET).unwrap();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    event["rawPath"] = path.into();
    event["rawQueryString"] = query.into();
    event["headers"]["authorization"] = format!("Bearer {with}").into();
    if let Some(tenant) = acting_for {
        event["headers"]["x-mailqueue-tenant"] = tenant.into();
    }
    event["requestContext"]["http"]["method"] = method.into();
    event["requestContext"]["http"]["path"] = path.into();
    read(&ask(backend, &event).await)
}

async fn release(backend: &MemoryBackend, n: u8) -> (u16, Value) {
    call(
        backend,
        samples::API_KEY,
        &format!("/emails/release?key={}", key(n)),
        None,
    )
    .await
}

async fn cancel(backend: &MemoryBackend, n: u8, after: Option<&str>) -> (u16, Value) {
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    let path = format!("/emails/cancel?key={}{after}", key(n));
    call(backend, samples::API_KEY, &path, None).await
}

fn held(backend: &MemoryBackend, tenant: TenantId) -> Vec<KeyId> {
    backend.state().queues[&lead(tenant)].holds.keys()
}

#[tokio::test]
async fn a_release_ends_the_hold_of_one_key() {
    let (backend, main) = (backend(), TenantId::main());
    for n in 0..5 {
        plant(&backend, email(&main, n, key(1)));
    }
    plant(&backend, email(&main, 9, key(2)));
    hold(&backend, main.clone(), &[key(1), key(2)]);
    let told = backend.state().account_rate.settings_version;
    let (status, answer) = release(&backend, 1).await;
    assert_eq!(
        (status, &answer["released"], &answer["emails"]),
        (202, &json!(true), &json!(5)),
        "{answer}"
    );
    assert_eq!(held(&backend, main.clone()), [key(2)]);
    assert_eq!(
        backend.state().account_rate.settings_version,
        told + 1,
        "senders are told"
    );
    let jobs: Vec<_> = backend.state().jobs.values().cloned().collect();
    let [job] = jobs.as_slice() else {
        panic!("one job: {jobs:?}")
    };
    assert_eq!((&job.task, &job.queue), (&Task::FollowTenant, &lead(main.clone())));
    assert_eq!(answer["job"], job.id.to_string());

    let (status, answer) = release(&backend, 1).await;
    let nothing = json!({
        "object": "release", "key": key(1).to_string(), "released": false,
        "emails": 0, "counted_all": true, "job": null,
    });
    assert_eq!((status, answer), (202, nothing), "it is released already");
    assert_eq!(held(&backend, main), [key(2)]);
    assert_eq!(backend.state().jobs.len(), 1);
}

#[tokio::test]
async fn the_count_of_held_emails_is_bounded() {
    let (backend, main) = (backend(), TenantId::main());
    let all = u16::try_from(held_emails::LOOKED_AT_MAX).unwrap() + 10;
    for n in 0..all {
        plant(&backend, email(&main, n, key(1)));
    }
    hold(&backend, main, &[key(1)]);
    let (_, answer) = release(&backend, 1).await;
    let counted = (&answer["emails"], &answer["counted_all"]);
    assert_eq!(counted, (&json!(held_emails::LOOKED_AT_MAX), &json!(false)));
}

#[tokio::test]
async fn an_interrupted_release_is_completed() {
    for what in ["save_queue", "change_account_rate"] {
        for fault in [Fault::Before, Fault::After] {
            let (backend, main) = (backend(), TenantId::main());
            hold(&backend, main.clone(), &[key(1)]);
            backend.state().faults_of.insert(what, [fault].into());
            assert_eq!(release(&backend, 1).await.0, 500, "{what} {fault:?}");
            assert_eq!(release(&backend, 1).await.0, 202, "{what} {fault:?}");
            assert_eq!(held(&backend, main), []);
            let jobs: Vec<_> = backend.state().jobs.values().map(|job| job.task.clone()).collect();
            assert_eq!(
                jobs,
                [Task::FollowTenant],
                "{what} {fault:?}: the job tells the senders"
            );
        }
    }
}

#[tokio::test]
async fn emails_of_a_key_are_canceled_page_by_page() {
    let (backend, main) = (backend(), TenantId::main());
    let all = u16::try_from(CANCELED_MAX).unwrap() + 300;
    for n in 0..all {
        let record = email(&main, n, key(1));
        // One is held, the other waits for its time.
        let due = record.due.map(|due| Due {
            kind: if n % 2 == 0 { DueKind::Held } else { DueKind::Wake },
            ..due
        });
        plant(&backend, EmailRecord { due, ..record });
    }
    plant(&backend, email(&main, 9_000, key(2)));
    let (mut canceled, mut rounds, mut after) = (0, 0, None);
    loop {
        let (status, answer) = cancel(&backend, 1, after.as_deref()).await;
        assert_eq!(status, 200, "{answer}");
        let one = answer["canceled"].as_u64().unwrap();
        assert!(one <= CANCELED_MAX + 250, "{answer}");
        canceled += one;
        rounds += 1;
        assert_eq!(answer["has_more"], !answer["next"].is_null());
        match answer["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!((canceled, rounds), (u64::from(all), 2));
    let of = |status| {
        backend
            .state()
            .records
            .values()
            .filter(|record| record.status == status)
            .count()
    };
    assert_eq!(
        (of(RecordStatus::Canceled), of(RecordStatus::Queued)),
        (usize::from(all), 1),
        "not another key's"
    );
    let (_, again) = cancel(&backend, 1, None).await;
    assert_eq!((&again["canceled"], &again["left"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn emails_of_a_lost_domain_are_listed_and_canceled() {
    let (backend, main) = (backend(), TenantId::main());
    let emails = [
        (1, 1, Some("bad.example")),
        (2, 2, Some("bad.example")),
        (3, 1, Some("sub.bad.example")),
        (4, 1, Some("good.example")),
        (5, 1, None),
    ];
    for (n, with, from) in emails {
        let from_domain = from.map(str::to_owned);
        plant(
            &backend,
            EmailRecord {
                from_domain,
                ..email(&main, n, key(with))
            },
        );
    }
    let of_deployer = async |method: &str, query: &str| {
        let path = match method {
            "GET" => format!("/emails?{query}"),
            _ => format!("/emails/cancel?{query}"),
        };
        call_as(&backend, samples::DEPLOYER_KEY, (method, &path), Some("main")).await
    };
    for (query, expected) in [
        ("from_domain=bad.example".to_owned(), 2),
        ("from_domain=*.bad.example".to_owned(), 1),
        ("from_domain=*".to_owned(), 4),
        ("from_domain=other.example".to_owned(), 0),
        (format!("from_domain=bad.example&key={}", key(2)), 1),
    ] {
        let (status, answer) = of_deployer("GET", &query).await;
        let shown = answer["data"].as_array().map(Vec::len);
        assert_eq!((status, shown), (200, Some(expected)), "{query}: {answer}");
    }
    for (query, canceled) in [
        (format!("from_domain=bad.example&key={}", key(2)), 1),
        ("from_domain=bad.example".to_owned(), 1),
        ("from_domain=*.bad.example".to_owned(), 1),
    ] {
        let (status, answer) = of_deployer("POST", &query).await;
        assert_eq!(
            (status, &answer["canceled"]),
            (200, &json!(canceled)),
            "{query}: {answer}"
        );
    }
    let left: Vec<_> = backend
        .state()
        .records
        .values()
        .filter(|record| record.status == RecordStatus::Queued)
        .map(|record| record.from_domain.clone())
        .collect();
    assert_eq!(left, [Some("good.example".to_owned()), None]);
}

#[tokio::test]
async fn releasing_a_key_keeps_the_hold_of_its_tenant() {
    let (backend, main) = (backend(), TenantId::main());
    hold(&backend, main.clone(), &[key(1)]);
    let of_tenant = Hold::of_lost_domains(None, vec![], BORN);
    {
        let mut state = backend.state();
        let lead = state.queues.get_mut(&lead(main.clone())).unwrap();
        lead.holds = lead.holds.with(of_tenant).unwrap();
    }
    assert_eq!(release(&backend, 1).await.0, 202);
    let queue = call_as(&backend, samples::API_KEY, ("GET", "/queues/default"), None)
        .await
        .1;
    assert_eq!(
        (&queue["held_keys"], &queue["lost_domains_held"]),
        (&json!([]), &json!(true)),
        "{queue}"
    );
}

#[tokio::test]
async fn a_cancellation_reads_a_bounded_number() {
    let (backend, main) = (backend(), TenantId::main());
    let all = u16::try_from(LOOKED_AT_MAX).unwrap() + 10;
    for n in 0..all {
        plant(&backend, email(&main, n, key(2)));
    }
    let (_, answer) = cancel(&backend, 1, None).await;
    assert_eq!((&answer["canceled"], &answer["has_more"]), (&json!(0), &json!(true)));
    let (_, answer) = cancel(&backend, 1, answer["next"].as_str()).await;
    assert_eq!(answer["has_more"], false);
}

#[tokio::test]
async fn an_email_being_sent_is_left() {
    let (backend, main) = (backend(), TenantId::main());
    for (n, status, maybe_duplicate) in [
        (1, RecordStatus::Sending, false),
        (2, RecordStatus::Uncertain, false),
        (3, RecordStatus::Queued, true),
        (4, RecordStatus::Sent, false),
        (5, RecordStatus::Queued, false),
    ] {
        plant(
            &backend,
            EmailRecord {
                status,
                maybe_duplicate,
                ..email(&main, n, key(1))
            },
        );
    }
    let (status, answer) = cancel(&backend, 1, None).await;
    assert_eq!(
        (status, &answer["canceled"], &answer["left"]),
        (200, &json!(1), &json!(3)),
        "{answer}"
    );
}

#[tokio::test]
async fn a_failed_cancellation_is_repeated() {
    for fault in [Fault::Before, Fault::After] {
        let (backend, main) = (backend(), TenantId::main());
        for n in 0..3 {
            plant(&backend, email(&main, n, key(1)));
        }
        backend.state().faults_of.insert("write", [fault].into());
        assert_eq!(cancel(&backend, 1, None).await.0, 500, "{fault:?}");
        assert_eq!(cancel(&backend, 1, None).await.0, 200, "{fault:?}");
        let state = backend.state();
        assert!(
            state
                .records
                .values()
                .all(|record| record.status == RecordStatus::Canceled),
            "{fault:?}"
        );
    }
}

/// Returns the tenant `acme` with a key of this permission and these domains; and the key's text.
fn acme(backend: &MemoryBackend, permission: Permission, domains: &[&str]) -> String {
    let id = TenantId::parse("acme").unwrap();
    let (made, token) = samples::key_of(&id, 6);
    let made = ApiKey {
        permission,
        from_domains: domains
            .iter()
            .map(|domain| FromDomain::parse(domain).unwrap())
            .collect(),
        ..made
    };
    let tenant = Tenant {
        id: id.clone(),
        ..Tenant::main()
    };
    backend.state().tenants.insert(id, tenant);
    backend.state().keys.insert(made.id, made);
    token.as_str().to_owned()
}

#[tokio::test]
async fn actions_by_key_need_full_access_to_the_tenant() {
    let main = TenantId::main();
    for (permission, domains, expected) in [
        (Permission::FullAccess, &[][..], None),
        (Permission::FullAccess, &["example.com"], Some(401)),
        (Permission::SendingAccess, &[], Some(401)),
        (Permission::ReadAccess, &[], Some(401)),
    ] {
        let backend = backend();
        plant(&backend, email(&main, 1, key(1)));
        hold(&backend, main.clone(), &[key(1)]);
        let records_and_queues = || {
            let state = backend.state();
            (state.records.clone(), state.queues.clone())
        };
        let before = records_and_queues();
        let other = acme(&backend, permission, domains);
        for (act, done) in [("release", 202), ("cancel", 200)] {
            let path = format!("/emails/{act}?key={}", key(1));
            let (status, answer) = call(&backend, &other, &path, None).await;
            assert_eq!(status, expected.unwrap_or(done), "{act} {permission:?}: {answer}");
            if expected.is_none() {
                assert!(answer["released"] == false || answer["canceled"] == 0, "{answer}");
            }
        }
        assert_eq!(records_and_queues(), before, "{permission:?}");
    }
}

#[tokio::test]
async fn the_deployer_cancels_by_key_only() {
    let (backend, main) = (backend(), TenantId::main());
    plant(&backend, email(&main, 1, key(1)));
    hold(&backend, main.clone(), &[key(1)]);
    let ask = async |act: &str, tenant: Option<&str>| {
        let path = format!("/emails/{act}?key={}", key(1));
        call(&backend, samples::DEPLOYER_KEY, &path, tenant).await
    };
    assert_eq!(ask("release", Some("main")).await.0, 401, "it would send");
    assert_eq!(held(&backend, main), [key(1)]);
    assert_eq!(ask("cancel", None).await.0, 422, "whose emails?");
    let (status, answer) = ask("cancel", Some("main")).await;
    assert_eq!((status, &answer["canceled"]), (200, &json!(1)), "{answer}");
}

#[tokio::test]
async fn queues_show_held_keys_and_new_ones_copy_them() {
    let (backend, main) = (backend(), TenantId::main());
    hold(&backend, main, &[key(1)]);
    let mut event: Value = serde_json::from_str(GET).unwrap();
    event["rawPath"] = "/queues".into();
    event["requestContext"]["http"]["method"] = "POST".into();
    event["isBase64Encoded"] = false.into();
    event["body"] = json!({"name": "late"}).to_string().into();
    let (status, queue) = read(&ask(&backend, &event).await);
    assert_eq!(
        (status, &queue["held_keys"]),
        (201, &json!([key(1).to_string()])),
        "{queue}"
    );
}
