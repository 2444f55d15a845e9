//! The release of the emails of a held key.

use domain::id::TenantId;
use domain::queue::hold::Hold;
use domain::queue::job::Task;
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};
use workflow::held_emails;

use super::{backend, call, call_as, default_queue, email, held, hold, key, plant};

async fn release(backend: &MemoryBackend, n: u8) -> (u16, Value) {
    call(
        backend,
        samples::API_KEY,
        &format!("/emails/release?key={}", key(n)),
        None,
    )
    .await
}

#[tokio::test]
async fn a_release_ends_the_hold_of_one_key() {
    let (backend, main) = (backend(), TenantId::main());
    for n in 0..5 {
        plant(&backend, email(&main, n, key(1)));
    }
    plant(&backend, email(&main, 9, key(2)));
    hold(&backend, main.clone(), &[key(1), key(2)]);
    let version = backend.state().account_rate.settings_version;
    let (status, answer) = release(&backend, 1).await;
    assert_eq!(
        (status, &answer["released"], &answer["emails"]),
        (202, &json!(true), &json!(5)),
        "{answer}"
    );
    assert_eq!(held(&backend, main.clone()), [key(2)]);
    assert_eq!(
        backend.state().account_rate.settings_version,
        version + 1,
        "senders reload the settings"
    );
    let jobs: Vec<_> = backend.state().jobs.values().cloned().collect();
    let [job] = jobs.as_slice() else {
        panic!("one job: {jobs:?}")
    };
    assert_eq!(
        (&job.task, &job.queue),
        (&Task::FollowTenant, &default_queue(main.clone()))
    );
    assert_eq!(answer["job"], job.id.to_string());

    let (status, answer) = release(&backend, 1).await;
    let nothing = json!({
        "object": "release", "key": key(1).to_string(), "released": false,
        "emails": 0, "counted_all": true, "job": null,
    });
    assert_eq!((status, answer), (202, nothing), "the hold is released already");
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
                "{what} {fault:?}: the job makes the senders reload"
            );
        }
    }
}

#[tokio::test]
async fn releasing_a_key_keeps_the_hold_of_its_tenant() {
    let (backend, main) = (backend(), TenantId::main());
    hold(&backend, main.clone(), &[key(1)]);
    let of_tenant = Hold::of_lost_domains(None, vec![], BORN);
    {
        let mut state = backend.state();
        let default_queue = state.queues.get_mut(&default_queue(main.clone())).unwrap();
        default_queue.holds = default_queue.holds.with(of_tenant).unwrap();
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
