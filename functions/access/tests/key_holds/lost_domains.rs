//! Holds of keys and tenants that lose From domains.

use domain::delivery::record::EmailRecord;
use domain::queue::job::Task;
use domain::tenant::sender::FromDomain;
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

use super::{QUEUES, ask, backend, held, key, plant_email, queue, revoke};

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
    let version = backend.state().account_rate.settings_version;
    let (status, answer) = change_tenant(&backend, "hold=true", &["acme.example"]).await;
    let known = BORN.after(std::time::Duration::from_secs(60));
    let expected = json!({"emails": 3, "counted_all": true, "repeat_at": known.to_string()});
    assert_eq!((status, &answer["hold"]), (200, &expected), "{answer}");
    assert_eq!(answer["from_domains"], json!(["acme.example"]));
    assert_eq!(
        backend.state().account_rate.settings_version,
        version + 1,
        "senders reload the settings"
    );
    let jobs: Vec<_> = backend.state().jobs.values().map(|job| job.task.clone()).collect();
    assert_eq!(
        jobs,
        [Task::FollowTenant],
        "the job also covers queues that are created now"
    );
    let mut records: Vec<_> = backend.state().records.values().cloned().collect();
    let covers: Vec<_> = records.iter().map(|record| covered(&backend, record)).collect();
    assert_eq!(covers, [[false; 2], [true; 2], [true; 2], [true; 2]]);

    // An environment that has cached the tenant accepts more emails for a minute; a repeated request counts them.
    let mut late = records.remove(3);
    (late.id, late.born) = (samples::id(5), known);
    assert_eq!(covered(&backend, &late), [true; 2]);
    backend.state().records.insert(late.email_key(), late.clone());
    late.born = known.after(std::time::Duration::from_millis(1));
    assert_eq!(covered(&backend, &late), [false; 2], "the domain was given back");
    let (_, answer) = change_tenant(&backend, "hold=true", &["acme.example"]).await;
    assert_eq!(answer["hold"]["emails"], 4);

    // Neither a hold of a key nor a change without a hold ends this hold.
    assert_eq!(revoke(&backend, samples::DEPLOYER_KEY, 10, "hold=true").await.0, 200);
    let (status, answer) = change_tenant(&backend, "", &["*"]).await;
    assert_eq!((status, answer.get("hold")), (200, None));
    assert_eq!(covered(&backend, &records[2]), [true; 2]);
}

#[tokio::test]
async fn a_release_frees_emails_from_lost_domains() {
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

    // Both flags together replace the hold: one domain comes back, and the other stays held.
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
    assert_eq!(
        answer["from_domains"],
        json!(["a.example"]),
        "the key regains no domain"
    );
    assert_eq!(
        held(&backend),
        [[key("acme", 10)], [key("acme", 10)]],
        "the hold of the key stays"
    );
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
