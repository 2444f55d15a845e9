//! The release and the cancellation of the emails of a restored table.

use domain::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use domain::id::{QueueName, TenantId};
use manage::bulk::CHANGED_MAX;
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

use super::{backend, email, key, plant};
use crate::common::{ask_of, manage, read};

/// Calls a function whose table was restored at [`BORN`].
async fn call_restored(backend: &MemoryBackend, with: &str, path: &str) -> (u16, Value) {
    let mut function = manage(backend, backend.clone());
    function.with.policy.restore_epoch = Some(BORN);
    let mut event = samples::event(with, "POST", path, "");
    if with == samples::DEPLOYER_KEY {
        event["headers"]["x-mailqueue-tenant"] = "main".into();
    }
    read(&ask_of(&function, &event).await)
}

async fn call(backend: &MemoryBackend, path: &str) -> (u16, Value) {
    call_restored(backend, samples::API_KEY, path).await
}

/// Plants a held email, and returns its record.
fn plant_held(backend: &MemoryBackend, n: u16, change: impl FnOnce(&mut EmailRecord)) -> EmailRecord {
    let mut record = email(&TenantId::main(), n, key(1));
    let (kind, at) = (DueKind::Held, record.not_before);
    record.due = Some(Due { kind, at });
    change(&mut record);
    plant(backend, record.clone());
    record
}

fn stored(backend: &MemoryBackend, record: &EmailRecord) -> EmailRecord {
    backend.record(&record.email_key()).unwrap()
}

#[tokio::test]
async fn a_release_sends_restored_emails_with_their_flag() {
    let backend = backend();
    let held = plant_held(&backend, 1, |_| {});
    let day = std::time::Duration::from_secs(86_400);
    let later = plant_held(&backend, 2, |record| {
        record.not_before = BORN.after(day);
        record.expires_at = BORN.after(day * 2);
    });
    let sending = plant_held(&backend, 3, |record| record.status = RecordStatus::Sending);
    let new = plant_held(&backend, 4, |record| {
        record.born = BORN.after(std::time::Duration::from_secs(1))
    });
    let (status, answer) = call(&backend, "/emails/release?restored=true").await;
    let expected = json!({
        "object": "release", "emails": 2, "left": 1, "failed": 0, "has_more": false, "next": null,
    });
    assert_eq!((status, answer), (202, expected));
    let enqueued: Vec<_> = backend
        .state()
        .send_tasks
        .iter()
        .map(|task| task.send_task.id)
        .collect();
    assert_eq!(enqueued, [held.id], "the other one waits for its time");
    for record in [&held, &later] {
        let record = stored(&backend, record);
        assert!(record.maybe_duplicate && !record.is_restored(Some(BORN)));
    }
    assert_eq!([stored(&backend, &sending), stored(&backend, &new)], [sending, new]);
    let (_, again) = call(&backend, "/emails/release?restored=true").await;
    assert_eq!((&again["emails"], &again["left"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn a_queue_is_released_alone() {
    let backend = backend();
    let news = plant_held(&backend, 1, |record| record.queue = QueueName::parse("news").unwrap());
    let other = plant_held(&backend, 2, |_| {});
    let (_, answer) = call(&backend, "/emails/release?restored=true&queue=news").await;
    assert_eq!(answer["emails"], 1, "{answer}");
    assert!(!stored(&backend, &news).is_restored(Some(BORN)));
    assert_eq!(stored(&backend, &other), other);
}

#[tokio::test]
async fn a_cancellation_ends_restored_emails_as_unknown() {
    let backend = backend();
    let all = u16::try_from(CHANGED_MAX).unwrap() + 300;
    for n in 0..all {
        plant_held(&backend, n, |_| {});
    }
    let (mut canceled, mut path) = (0, "/emails/cancel?restored=true".to_owned());
    loop {
        let (status, answer) = call_restored(&backend, samples::DEPLOYER_KEY, &path).await;
        assert_eq!(status, 200, "{answer}");
        canceled += answer["canceled"].as_u64().unwrap();
        match answer["next"].as_str() {
            Some(next) => path = format!("/emails/cancel?restored=true&after={next}"),
            None => break,
        }
    }
    assert_eq!(canceled, u64::from(all));
    let state = backend.state();
    let ended = state
        .records
        .values()
        .all(|record| record.status == RecordStatus::Unknown && record.maybe_duplicate);
    assert!(ended && state.send_tasks.is_empty());
}

#[tokio::test]
async fn only_the_tenant_releases_restored_emails() {
    let backend = backend();
    let held = plant_held(&backend, 1, |_| {});
    let (status, answer) = call_restored(&backend, samples::DEPLOYER_KEY, "/emails/release?restored=true").await;
    assert_eq!(status, 401, "{answer}");
    assert_eq!(stored(&backend, &held), held);
}

#[tokio::test]
async fn a_restored_email_cannot_be_canceled_alone() {
    let backend = backend();
    let held = plant_held(&backend, 1, |_| {});
    let (status, answer) = call(&backend, &format!("/emails/{}/cancel", held.id)).await;
    assert_eq!(status, 409, "{answer}");
    assert_eq!(stored(&backend, &held), held);
}

#[tokio::test]
async fn a_failed_release_is_reported_and_repeated() {
    let backend = backend();
    let held = plant_held(&backend, 1, |_| {});
    backend.state().faults_of.insert("write", [Fault::Before].into());
    let (_, answer) = call(&backend, "/emails/release?restored=true").await;
    assert_eq!(
        (&answer["emails"], &answer["failed"]),
        (&json!(0), &json!(1)),
        "{answer}"
    );
    let (_, answer) = call(&backend, "/emails/release?restored=true").await;
    assert_eq!(answer["emails"], 1, "{answer}");
    assert!(stored(&backend, &held).maybe_duplicate);
}

#[tokio::test]
async fn without_an_epoch_nothing_is_restored() {
    let backend = backend();
    let held = plant_held(&backend, 1, |_| {});
    let event = samples::event(samples::API_KEY, "POST", "/emails/release?restored=true", "");
    let (status, answer) = read(&ask_of(&manage(&backend, backend.clone()), &event).await);
    assert_eq!((status, &answer["emails"]), (202, &json!(0)));
    assert_eq!(stored(&backend, &held), held);
}
