//! Holds of revoked keys.

use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::queue::job::Task;
use domain::tenant::key::{Actor, ApiKey};
use memory::Fault;
use memory::samples::{self, BORN};
use serde_json::json;

use super::{backend, held, is_revoked, key, plant_email, plant_key, queue, revoke};

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
    let version = backend.state().account_rate.settings_version;
    let (status, answer) = revoke(&backend, samples::DEPLOYER_KEY, 10, "hold=true").await;
    assert_eq!(status, 200, "{answer}");
    let id = key("acme", 10);
    let expected = json!({"keys": [id.to_string()], "emails": 2, "counted_all": true, "repeat_at": null});
    assert_eq!(answer["hold"], expected);
    assert!(is_revoked(&backend, 10) && !is_revoked(&backend, 11));
    assert_eq!(held(&backend), [[id], [id]], "in every queue of the tenant");
    assert_eq!(
        backend.state().account_rate.settings_version,
        version + 1,
        "senders reload the settings"
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
        "the job also covers queues that are created now"
    );

    // The key is revoked already, and its hold stays.
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
