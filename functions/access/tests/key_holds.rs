//! Holds of keys that are revoked, and of keys and tenants that lose From domains, in the in-memory backend.
//!
//! **Long, because** all its tests use the same two tenants.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

use access::AccessFunction;
use aws::http::auth::Authenticator;
use aws::http::{endpoint, gateway};
use aws::runtime::settings::KeySettings;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::{KeyId, QueueKey, QueueName, TenantId};
use domain::queue::Queue;
use domain::queue::job::Task;
use domain::tenant::Tenant;
use domain::tenant::key::{Actor, ApiKey};
use domain::tenant::sender::FromDomain;
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

const QUEUES: [&str; 2] = ["default", "news"];

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn queue(name: &str) -> QueueKey {
    QueueKey {
        tenant: tenant("acme"),
        name: QueueName::parse(name).unwrap(),
    }
}

/// Returns the nth key of a tenant.
fn key(of: &str, n: u8) -> KeyId {
    samples::key_of(&tenant(of), n).0.id
}

fn plant_key(backend: &MemoryBackend, of: &str, n: u8, change: impl FnOnce(ApiKey) -> ApiKey) {
    let (key, _) = samples::key_of(&tenant(of), n);
    backend.state().keys.insert(key.id, change(key));
}

fn plant_email(backend: &MemoryBackend, n: u8, with: KeyId, from: &str) {
    let record = EmailRecord {
        tenant: tenant("acme"),
        key: Some(with),
        from_domain: Some(from.to_owned()),
        ..samples::record(n, &samples::email().expect("the sample parses"))
    };
    backend.state().records.insert(record.email_key(), record);
}

/// Returns the tenants `acme` and `other`. `acme` has a queue `news` and three keys: 10 created 11, and 12 is
/// independent.
fn backend() -> MemoryBackend {
    let backend = MemoryBackend::default();
    backend.state().now_ms = BORN.as_millis();
    for name in ["acme", "other"] {
        let made = Tenant {
            id: tenant(name),
            created_at: BORN,
            ..Tenant::main()
        };
        backend.state().tenants.insert(made.id.clone(), made);
    }
    plant_key(&backend, "acme", 10, |key| key);
    let made_by = Actor::Key(key("acme", 10));
    plant_key(&backend, "acme", 11, |key| ApiKey {
        created_by: made_by,
        ..key
    });
    plant_key(&backend, "acme", 12, |key| key);
    plant_key(&backend, "other", 20, |key| key);
    let news = Queue::plain(queue("news"), BORN);
    backend.state().queues.insert(news.key.clone(), news);
    backend
}

fn text(of: &str, n: u8) -> String {
    samples::key_of(&tenant(of), n).1.as_str().to_owned()
}

async fn ask(backend: &MemoryBackend, with: &str, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let event = json!({
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"authorization": format!("Bearer {with}")},
        "body": body.map(|body| body.to_string()),
        "requestContext": {"http": {"method": method}},
    });
    let access = AccessFunction::<MemoryBackend> {
        records: backend.clone(),
        system: backend.clone(),
    };
    let authenticator = Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY));
    let event = serde_json::from_value(event).expect("an event has API Gateway's form");
    let request = gateway::request(event).expect("a request");
    let response = endpoint::handle(&access, &authenticator, request).await;
    let json = serde_json::from_slice(response.body().as_ref()).expect("an answer is JSON");
    (response.status().as_u16(), json)
}

async fn revoke(backend: &MemoryBackend, with: &str, n: u8, query: &str) -> (u16, Value) {
    let path = format!("/api-keys/{}?{query}", key("acme", n));
    ask(backend, with, "DELETE", &path, None).await
}

fn held(backend: &MemoryBackend) -> Vec<Vec<KeyId>> {
    let state = backend.state();
    let of = |name| state.queues.get(&queue(name)).map(|queue| queue.holds.keys());
    QUEUES.map(of).into_iter().map(Option::unwrap_or_default).collect()
}

fn is_revoked(backend: &MemoryBackend, n: u8) -> bool {
    backend.state().keys[&key("acme", n)].revoked.is_some()
}

#[tokio::test]
async fn a_revoked_key_holds_its_emails() {
    let backend = backend();
    for n in 1..=3 {
        plant_email(&backend, n, key("acme", 10), "acme.example");
    }
    plant_email(&backend, 4, key("acme", 12), "acme.example");
    let sent = EmailRecord {
        status: RecordStatus::Sent,
        due: None,
        ..backend.state().records.values().next().unwrap().clone()
    };
    backend.state().records.insert(sent.email_key(), sent);
    let told = backend.state().account_rate.settings_version;
    let (status, answer) = revoke(&backend, samples::DEPLOYER_KEY, 10, "hold=true").await;
    assert_eq!(status, 200, "{answer}");
    let id = key("acme", 10);
    let expected = json!({"keys": [id.to_string()], "emails": 2, "counted_all": true, "repeat_at": null});
    assert_eq!(answer["hold"], expected);
    assert!(is_revoked(&backend, 10) && !is_revoked(&backend, 11));
    assert_eq!(held(&backend), [[id], [id]], "in every queue of the tenant");
    assert_eq!(
        backend.state().account_rate.settings_version,
        told + 1,
        "senders are told"
    );
    let jobs: Vec<_> = backend
        .state()
        .jobs
        .values()
        .map(|job| (job.queue.clone(), job.task.clone()))
        .collect();
    assert_eq!(
        jobs,
        [(queue("default"), Task::FollowTenant)],
        "also queues that are made now"
    );

    // The key is revoked already, and stays held.
    let (status, answer) = revoke(&backend, samples::DEPLOYER_KEY, 10, "hold=true").await;
    assert_eq!((status, &answer["hold"]), (200, &expected));
    assert_eq!(backend.state().jobs.len(), 1, "nothing was left to do");
    backend.state().now_ms += 1_000;
    assert_eq!(revoke(&backend, samples::DEPLOYER_KEY, 10, "").await.0, 404);
}

#[tokio::test]
async fn a_revocation_without_hold_holds_nothing() {
    let backend = backend();
    let (status, answer) = revoke(&backend, samples::DEPLOYER_KEY, 10, "children=true&hold=false").await;
    assert_eq!((status, answer.get("hold")), (200, None));
    assert_eq!(held(&backend), [vec![], vec![]]);
    assert!(backend.state().jobs.is_empty());
}

#[tokio::test]
async fn a_hold_with_children_is_repeated_later() {
    let backend = backend();
    let deployer = samples::DEPLOYER_KEY;
    let (status, answer) = revoke(&backend, deployer, 10, "children=true&hold=true").await;
    assert_eq!(status, 200, "{answer}");
    let [parent, child, late] = [10, 11, 13].map(|n| key("acme", n));
    assert_eq!(answer["hold"]["keys"], json!([parent.to_string(), child.to_string()]));
    let repeat_at = BORN.after(std::time::Duration::from_secs(60));
    assert_eq!(answer["hold"]["repeat_at"], repeat_at.to_string());
    // An environment with the cached key has created another one meanwhile.
    plant_key(&backend, "acme", 13, |key| ApiKey {
        created_by: Actor::Key(parent),
        ..key
    });
    let (_, answer) = revoke(&backend, deployer, 10, "children=true&hold=true").await;
    assert_eq!(answer["hold"]["keys"], json!([parent.to_string(), late.to_string()]));
    let mut all = [parent, child, late];
    all.sort_unstable();
    assert_eq!(held(&backend), [all, all]);
    assert!([10, 11, 13].iter().all(|n| is_revoked(&backend, *n)) && !is_revoked(&backend, 12));
}

#[tokio::test]
async fn an_interrupted_hold_is_completed() {
    // The key, the two queues, the senders, and the child, in this order.
    let steps = [
        ("revoke", 0),
        ("save_queue", 0),
        ("save_queue", 1),
        ("change_account_rate", 0),
        ("revoke", 1),
    ];
    for (what, nth) in steps {
        for fault in [Fault::Before, Fault::After] {
            let backend = backend();
            let mut faults = vec![Fault::None; nth];
            faults.push(fault);
            backend.state().faults_of.insert(what, faults.into());
            let query = "children=true&hold=true";
            let (status, _) = revoke(&backend, samples::DEPLOYER_KEY, 10, query).await;
            assert_eq!(status, 500, "{what} {nth} {fault:?}");
            assert_eq!(
                revoke(&backend, samples::DEPLOYER_KEY, 10, query).await.0,
                200,
                "{what} {nth}"
            );
            let mut both = [key("acme", 10), key("acme", 11)];
            both.sort_unstable();
            assert_eq!(held(&backend), [both, both], "{what} {nth} {fault:?}");
            assert!(
                is_revoked(&backend, 10) && is_revoked(&backend, 11),
                "{what} {nth} {fault:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_lost_domain_holds_its_emails() {
    let backend = backend();
    for (n, from) in [(1, "acme.example"), (2, "bad.example"), (3, "sub.bad.example")] {
        plant_email(&backend, n, key("acme", 10), from);
    }
    let path = format!("/api-keys/{}?hold=true", key("acme", 10));
    let change = json!({"from_domains": ["acme.example"]});
    let (status, answer) = ask(&backend, samples::DEPLOYER_KEY, "PATCH", &path, Some(change.clone())).await;
    assert_eq!((status, &answer["hold"]["emails"]), (200, &json!(2)), "{answer}");
    let stored = backend.state().keys[&key("acme", 10)].clone();
    assert_eq!(stored.from_domains, [FromDomain::parse("acme.example").unwrap()]);
    assert!(stored.revoked.is_none());
    let holds = backend.state().queues[&queue("news")].holds.clone();
    let records: Vec<_> = backend
        .state()
        .records
        .values()
        .map(|record| (record.id, holds.cover(record)))
        .collect();
    assert_eq!(
        records,
        [(samples::id(1), false), (samples::id(2), true), (samples::id(3), true)]
    );

    // A repetition leaves one hold. A change without a hold or without domains holds nothing more.
    ask(&backend, samples::DEPLOYER_KEY, "PATCH", &path, Some(change)).await;
    let name = ask(
        &backend,
        samples::DEPLOYER_KEY,
        "PATCH",
        &path,
        Some(json!({"name": "shop"})),
    )
    .await;
    assert_eq!((name.0, &name.1["name"]), (422, &json!("missing_required_field")));
    let path = format!("/api-keys/{}", key("acme", 12));
    let change = json!({"name": "shop", "from_domains": ["acme.example"]});
    let (status, answer) = ask(&backend, samples::DEPLOYER_KEY, "PATCH", &path, Some(change)).await;
    assert_eq!((status, answer.get("hold")), (200, None));
    assert_eq!(held(&backend), [[key("acme", 10)], [key("acme", 10)]]);
    assert_eq!(backend.state().keys[&key("acme", 12)].name, "shop");
}

/// Changes the From domains of the tenant `acme`.
async fn change_tenant(backend: &MemoryBackend, query: &str, domains: &[&str]) -> (u16, Value) {
    let (path, change) = (format!("/tenants/acme?{query}"), json!({"from_domains": domains}));
    ask(backend, samples::DEPLOYER_KEY, "PATCH", &path, Some(change)).await
}

fn covered(backend: &MemoryBackend, record: &EmailRecord) -> Vec<bool> {
    let state = backend.state();
    let of = |name| state.queues[&queue(name)].holds.cover(record);
    QUEUES.map(of).to_vec()
}

#[tokio::test]
async fn a_tenants_lost_domain_holds_emails_of_all_keys() {
    let backend = backend();
    for (n, with, from) in [
        (1, 10, "acme.example"),
        (2, 10, "bad.example"),
        (3, 11, "sub.bad.example"),
        (4, 12, "bad.example"),
    ] {
        plant_email(&backend, n, key("acme", with), from);
    }
    let told = backend.state().account_rate.settings_version;
    let (status, answer) = change_tenant(&backend, "hold=true", &["acme.example"]).await;
    let known = BORN.after(std::time::Duration::from_secs(60));
    let expected = json!({"emails": 3, "counted_all": true, "repeat_at": known.to_string()});
    assert_eq!((status, &answer["hold"]), (200, &expected), "{answer}");
    assert_eq!(answer["from_domains"], json!(["acme.example"]));
    assert_eq!(
        backend.state().account_rate.settings_version,
        told + 1,
        "senders are told"
    );
    let jobs: Vec<_> = backend.state().jobs.values().map(|job| job.task.clone()).collect();
    assert_eq!(jobs, [Task::FollowTenant], "also queues that are made now");
    let mut records: Vec<_> = backend.state().records.values().cloned().collect();
    let covers: Vec<_> = records.iter().map(|record| covered(&backend, record)).collect();
    assert_eq!(covers, [[false; 2], [true; 2], [true; 2], [true; 2]]);

    // An environment with the cached tenant accepts more for a minute; the request counts them when it is repeated.
    let mut late = records.remove(3);
    (late.id, late.born) = (samples::id(5), known);
    assert_eq!(covered(&backend, &late), [true; 2]);
    backend.state().records.insert(late.email_key(), late.clone());
    late.born = known.after(std::time::Duration::from_millis(1));
    assert_eq!(covered(&backend, &late), [false; 2], "the domain was given back");
    let (_, answer) = change_tenant(&backend, "hold=true", &["acme.example"]).await;
    assert_eq!(answer["hold"]["emails"], 4);

    // Another hold adds to it, also one of a key, and a change without a hold leaves it.
    assert_eq!(revoke(&backend, samples::DEPLOYER_KEY, 10, "hold=true").await.0, 200);
    let (status, answer) = change_tenant(&backend, "", &["*"]).await;
    assert_eq!((status, answer.get("hold")), (200, None));
    assert_eq!(covered(&backend, &records[2]), [true; 2]);
}

#[tokio::test]
async fn a_release_lets_emails_of_lost_domains_go() {
    let backend = backend();
    for (n, from) in [(1, "a.example"), (2, "b.example")] {
        plant_email(&backend, n, key("acme", 12), from);
    }
    let records: Vec<_> = backend.state().records.values().cloned().collect();
    let holds = |backend: &MemoryBackend| {
        records
            .iter()
            .map(|record| covered(backend, record)[1])
            .collect::<Vec<_>>()
    };
    assert_eq!(revoke(&backend, samples::DEPLOYER_KEY, 10, "hold=true").await.0, 200);
    assert_eq!(
        change_tenant(&backend, "hold=true", &["c.example"]).await.1["hold"]["emails"],
        2
    );
    assert_eq!(holds(&backend), [true, true]);

    // Both together replace the hold: one domain comes back, and the other stays held.
    let (_, answer) = change_tenant(&backend, "hold=true&release=true", &["a.example"]).await;
    assert_eq!(
        (&answer["hold"]["emails"], holds(&backend)),
        (&json!(1), vec![false, true])
    );
    let path = "/tenants/acme?release=true";
    let (status, answer) = ask(&backend, samples::DEPLOYER_KEY, "PATCH", path, Some(json!({}))).await;
    assert_eq!(
        (status, answer.get("hold"), holds(&backend)),
        (200, None, vec![false, false])
    );
    assert_eq!(answer["from_domains"], json!(["a.example"]), "it gets no domain back");
    assert_eq!(held(&backend), [[key("acme", 10)], [key("acme", 10)]], "keys stay held");
    let releases = backend
        .state()
        .jobs
        .values()
        .filter(|job| job.task == Task::Release)
        .count();
    assert_eq!(releases, 2, "the queue news releases its emails twice");
}

#[tokio::test]
async fn an_interrupted_hold_of_a_tenant_is_completed() {
    // The tenant, the two queues, and the senders, in this order.
    for (what, nth) in [
        ("save_tenant", 0),
        ("save_queue", 0),
        ("save_queue", 1),
        ("change_account_rate", 0),
    ] {
        for fault in [Fault::Before, Fault::After] {
            let backend = backend();
            plant_email(&backend, 1, key("acme", 10), "bad.example");
            let mut faults = vec![Fault::None; nth];
            faults.push(fault);
            backend.state().faults_of.insert(what, faults.into());
            let change = async || change_tenant(&backend, "hold=true", &["acme.example"]).await;
            assert_eq!(change().await.0, 500, "{what} {nth} {fault:?}");
            let (status, answer) = change().await;
            assert_eq!(
                (status, &answer["hold"]["emails"]),
                (200, &json!(1)),
                "{what} {nth} {fault:?}"
            );
            let record = backend.state().records.values().next().unwrap().clone();
            assert_eq!(covered(&backend, &record), [true; 2], "{what} {nth} {fault:?}");
        }
    }
}

#[tokio::test]
async fn only_the_deployer_holds_for_a_tenant() {
    let backend = backend();
    let deployer = samples::DEPLOYER_KEY;
    let keep = || json!({"from_domains": ["acme.example"]});
    for (with, path, change, expected) in [
        (&*text("acme", 10), "/tenants/acme?hold=true", keep(), 401),
        (deployer, "/tenants/acme?hold=true", json!({"rate": 1}), 422),
        (deployer, "/tenants/acme?hold=1", keep(), 422),
        (deployer, "/tenants/acme?holds=true", keep(), 422),
        (deployer, "/tenants/main?hold=true", keep(), 422),
        (deployer, "/tenants/nobody?hold=true", keep(), 404),
    ] {
        let (status, answer) = ask(&backend, with, "PATCH", path, Some(change)).await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
    assert!(backend.state().jobs.is_empty());
    assert_eq!(
        backend.state().tenants[&tenant("acme")].from_domains,
        Tenant::main().from_domains
    );
}

#[tokio::test]
async fn a_key_gets_no_domain_that_its_changer_lacks() {
    let backend = backend();
    let own = vec![FromDomain::parse("acme.example").unwrap()];
    plant_key(&backend, "acme", 10, |key| ApiKey {
        from_domains: own.clone(),
        ..key
    });
    for changed in [10, 11] {
        let path = format!("/api-keys/{}", key("acme", changed));
        for (domains, expected) in [
            (json!(["acme.example"]), 200),
            (json!(["acme.example", "else.example"]), 401),
            (json!(["*"]), 401),
        ] {
            let body = json!({"from_domains": domains});
            let (status, answer) = ask(&backend, &text("acme", 10), "PATCH", &path, Some(body)).await;
            assert_eq!(status, expected, "{domains}: {answer}");
            assert_eq!(backend.state().keys[&key("acme", changed)].from_domains, own);
        }
    }
}

#[tokio::test]
async fn a_narrowed_key_holds_nothing() {
    let backend = backend();
    plant_key(&backend, "acme", 10, |key| ApiKey {
        from_domains: vec![FromDomain::parse("acme.example").unwrap()],
        ..key
    });
    let narrowed = text("acme", 10);
    assert_eq!(revoke(&backend, &narrowed, 12, "hold=true").await.0, 401);
    let path = format!("/api-keys/{}?hold=true", key("acme", 12));
    let change = json!({"from_domains": ["acme.example"]});
    assert_eq!(ask(&backend, &narrowed, "PATCH", &path, Some(change)).await.0, 401);
    assert!(!is_revoked(&backend, 12) && backend.state().keys[&key("acme", 12)].from_domains.is_empty());
    assert_eq!(held(&backend), [vec![], vec![]]);
}

#[tokio::test]
async fn nobody_holds_for_another_tenant() {
    let backend = backend();
    let foreign = text("other", 20);
    for query in ["hold=true", "children=true&hold=true"] {
        assert_eq!(revoke(&backend, &foreign, 10, query).await.0, 404);
    }
    let path = format!("/api-keys/{}?hold=true", key("acme", 10));
    let change = json!({"from_domains": ["acme.example"]});
    assert_eq!(ask(&backend, &foreign, "PATCH", &path, Some(change)).await.0, 404);
    assert!(!is_revoked(&backend, 10));
    assert_eq!(held(&backend), [vec![], vec![]]);
    assert!(backend.state().jobs.is_empty());
    // Its own key holds no emails of others either.
    let own = format!("/api-keys/{}?hold=true", key("other", 20));
    assert_eq!(ask(&backend, &foreign, "DELETE", &own, None).await.0, 200);
    assert_eq!(held(&backend), [vec![], vec![]]);
}

#[tokio::test]
async fn hostile_flags_and_ids_change_nothing() {
    let backend = backend();
    for query in [
        "hold=1",
        "hold=true&hold=true",
        "hold=TRUE",
        "hold",
        "holds=true",
        "hold=true%00",
    ] {
        let (status, answer) = revoke(&backend, samples::DEPLOYER_KEY, 10, query).await;
        assert_eq!(status, 422, "{query}: {answer}");
    }
    let path = format!("/api-keys/{}%00?hold=true", key("acme", 10));
    assert_eq!(ask(&backend, samples::DEPLOYER_KEY, "DELETE", &path, None).await.0, 404);
    assert!(!is_revoked(&backend, 10));
}
