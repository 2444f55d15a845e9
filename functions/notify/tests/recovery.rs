//! Recovery jobs.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::time::Duration;

use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::history::Diagnostic;
use domain::delivery::record::recipient_key;
use domain::id::EmailId;
use domain::ports::webhook_events::EmailFacts;
use domain::ports::webhooks::{RecoverJobs, WebhookKey};
use domain::webhook::delivery::DeliveryState;
use domain::webhook::identity::Subject;
use domain::webhook::recovery::{Phase, RecoverJob};
use memory::{ConcurrentWriter, Fault, MemoryBackend, samples};

use crate::common::{accept, add, at, backend, notify, opened, taken, tell, tell_all, types, webhook};

/// Begins a job for the time of the samples.
pub(crate) async fn begin(backend: &MemoryBackend, key: &WebhookKey, all: bool) -> EmailId {
    let (id, now) = (EmailId::from_random([7; 16]), at(10_000));
    backend.state().now_ms = now.as_millis();
    let job = RecoverJob::new(id, key.id, (at(0), at(5_000)), all, now);
    assert!(backend.save_recover_job(&key.tenant, &job, now).await.unwrap());
    id
}

/// Lets `notify` work, and time pass, until the job is done.
pub(crate) async fn finish(backend: &MemoryBackend, key: &WebhookKey, id: EmailId) -> RecoverJob {
    for _ in 0..10 {
        tell_all(backend).await;
        let job = backend.recover_job(&key.tenant, id).await.unwrap().expect("the job");
        if job.phase == Phase::Done {
            return job;
        }
        let now = job.due.after(Duration::from_secs(1));
        backend.state().now_ms = now.as_millis();
        for due in backend
            .due_recover_jobs(now.after(Duration::from_secs(900)), 9)
            .await
            .unwrap()
        {
            assert!(
                backend
                    .wake_recover_job(&due, now.after(Duration::from_secs(901)))
                    .await
                    .unwrap()
            );
        }
    }
    panic!("the job does not end")
}

#[tokio::test]
async fn a_lost_stream_is_recovered_from_records_and_facts() {
    let backend = backend(2);
    let key = add(&backend, webhook(9, &["email.sent", "email.opened"]));
    accept(&backend, 1);
    backend.put_fact(&samples::key(1), &opened()).await.unwrap();
    tell_all(&backend).await;
    let told = backend.state().hooks.payloads.clone();
    backend.state().hooks.payloads.clear();
    backend.state().hooks.deliveries.clear();
    let id = begin(&backend, &key, false).await;
    let job = finish(&backend, &key, id).await;
    assert_eq!((job.events, job.emails), (2, 2));
    let events = |payloads: &std::collections::BTreeMap<_, memory::hooks::HeldPayload>| {
        let payloads = payloads.values();
        payloads.map(|held| held.payload.clone()).collect::<Vec<_>>()
    };
    assert_eq!(events(&backend.state().hooks.payloads), events(&told), "the exact set");
}

/// It was accepted before the webhook existed.
#[tokio::test]
async fn an_email_without_a_hook_gets_one_and_is_told() {
    let backend = backend(1);
    let key = add(&backend, webhook(9, &["email.sent"]));
    backend.state().records.get_mut(&samples::key(1)).unwrap().hook = None;
    accept(&backend, 1);
    assert_eq!(tell_all(&backend).await, 0);
    let id = begin(&backend, &key, false).await;
    finish(&backend, &key, id).await;
    assert_eq!(types(&backend), ["email.sent"]);
    assert!(backend.record(&samples::key(1)).unwrap().hook.is_some());
}

/// Another webhook did not ask for emails of the time before it.
#[tokio::test]
async fn a_recovery_tells_only_its_own_webhook() {
    let backend = backend(1);
    let key = add(&backend, webhook(9, &["email.sent"]));
    add(&backend, webhook(8, &["email.sent", "email.opened"]));
    backend.state().records.get_mut(&samples::key(1)).unwrap().hook = None;
    accept(&backend, 1);
    let id = begin(&backend, &key, false).await;
    finish(&backend, &key, id).await;
    let of = |backend: &MemoryBackend| {
        let state = backend.state();
        let keys = state.hooks.deliveries.keys().map(|(key, _)| key.clone());
        keys.collect::<Vec<_>>()
    };
    assert_eq!(of(&backend), std::slice::from_ref(&key));
    // From now on it has a hook, and everyone is told.
    backend.put_fact(&samples::key(1), &opened()).await.unwrap();
    tell_all(&backend).await;
    assert_eq!(of(&backend).len(), 2);
}

/// `feedback` has read the record before the hook was added, and stores no fact.
#[tokio::test]
async fn a_status_that_arrives_before_the_hook_is_told() {
    for status in [DeliveryStatus::Delivered, DeliveryStatus::Suppressed] {
        let backend = backend(1);
        let events = ["email.sent", "email.delivered", "email.suppressed"];
        let key = add(&backend, webhook(9, &events));
        backend.state().records.get_mut(&samples::key(1)).unwrap().hook = None;
        accept(&backend, 1);
        let id = begin(&backend, &key, false).await;
        let other = backend.clone();
        let feedback: ConcurrentWriter = Box::new(move || {
            let mut state = other.state();
            let record = state.records.get_mut(&samples::key(1)).unwrap();
            let recipient = recipient_key("b@example.com");
            record.delivery_version += 1;
            record.delivery_statuses.insert(recipient.clone(), status);
            if status == DeliveryStatus::Delivered {
                let said = Diagnostic {
                    at: at(3_000),
                    words: String::new(),
                };
                record.diagnostics.insert(recipient, said);
            }
        });
        let meanwhile = backend.with_concurrent_writers(vec![feedback]);
        tell(&notify(&meanwhile), &taken(&backend)).await;
        let job = backend.recover_job(&key.tenant, id).await.unwrap().unwrap();
        assert_eq!(job.phase, Phase::Done);
        let expected: &[&str] = if status == DeliveryStatus::Delivered {
            &["email.delivered", "email.sent"]
        } else {
            &["email.suppressed"]
        };
        assert_eq!(types(&backend), expected);
    }
}

/// Most emails have an event or two. `promote` comes only once a minute.
#[tokio::test]
async fn a_page_needs_no_wake_for_the_next_one() {
    let backend = backend(100);
    let key = add(&backend, webhook(9, &["email.sent"]));
    for n in 1..=100 {
        accept(&backend, n);
    }
    taken(&backend);
    let id = begin(&backend, &key, false).await;
    tell_all(&backend).await;
    let job = backend.recover_job(&key.tenant, id).await.unwrap().unwrap();
    assert_eq!((job.phase, job.emails, job.events), (Phase::Done, 100, 100));
    let state = backend.state();
    let deliveries = state.hooks.deliveries.values();
    let mut slots: Vec<_> = deliveries
        .filter_map(|one| one.delivery.next)
        .map(|next| next.at)
        .collect();
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), 100, "ten a second");
}

/// The run that is killed has stored a payload, and has not looked at the record.
#[tokio::test]
async fn an_email_that_is_erased_beside_a_killed_page_leaves_nothing() {
    for is_webhook_gone in [false, true] {
        let backend = backend(2);
        let key = add(&backend, webhook(9, &["email.sent"]));
        accept(&backend, 1);
        accept(&backend, 2);
        taken(&backend);
        let id = begin(&backend, &key, false).await;
        let changes = taken(&backend);
        backend
            .state()
            .faults_of
            .insert("add_delivery", [Fault::DieAfter].into());
        let dying = backend.clone();
        let killed = tokio::spawn(async move { tell(&notify(&dying), &changes).await });
        assert!(killed.await.is_err(), "the run is killed");
        let written = {
            let state = backend.state();
            let [(_, subject, _)] = &state.hooks.payloads.keys().collect::<Vec<_>>()[..] else {
                panic!("one payload")
            };
            *subject
        };
        // Its erasure has ended before the payload was stored.
        backend
            .state()
            .records
            .retain(|key, _| Subject::Email(key.id) != written);
        if is_webhook_gone {
            backend.state().hooks.settings.clear();
        }
        let job = finish(&backend, &key, id).await;
        assert_eq!(job.emails, u64::from(!is_webhook_gone), "the other one");
        let state = backend.state();
        assert!(state.hooks.payloads.keys().all(|(_, subject, _)| *subject != written));
        assert!(state.hooks.deliveries.values().all(|stored| stored.subject != written));
    }
}

#[tokio::test]
async fn an_email_without_a_hook_and_a_content_is_left_out() {
    let backend = backend(1);
    let key = add(&backend, webhook(9, &["email.sent"]));
    backend.state().records.get_mut(&samples::key(1)).unwrap().hook = None;
    accept(&backend, 1);
    backend.state().bodies.clear();
    let id = begin(&backend, &key, false).await;
    let job = finish(&backend, &key, id).await;
    assert_eq!((job.events, job.emails), (0, 1));
}

#[tokio::test]
async fn an_event_that_failed_is_sent_again() {
    let backend = backend(1);
    let key = add(&backend, webhook(9, &["email.sent"]));
    accept(&backend, 1);
    tell_all(&backend).await;
    {
        let mut state = backend.state();
        state.hooks.tasks.clear();
        for stored in state.hooks.deliveries.values_mut() {
            stored.delivery.state = DeliveryState::Failed;
            stored.delivery.next = None;
        }
    }
    let id = begin(&backend, &key, false).await;
    let job = finish(&backend, &key, id).await;
    assert_eq!(job.events, 1);
    let state = backend.state();
    assert_eq!(state.hooks.tasks.len(), 1);
    assert!(state.hooks.deliveries.values().all(|one| one.delivery.next.is_some()));
}

#[tokio::test]
async fn a_job_of_a_webhook_that_is_gone_ends() {
    let backend = backend(1);
    let key = add(&backend, webhook(9, &["email.sent"]));
    accept(&backend, 1);
    let id = begin(&backend, &key, true).await;
    backend.state().hooks.settings.clear();
    assert_eq!(finish(&backend, &key, id).await.events, 0);
}

#[tokio::test]
async fn a_job_that_fails_does_not_hold_up_the_stream() {
    let backend = backend(1);
    let key = add(&backend, webhook(9, &["email.sent"]));
    accept(&backend, 1);
    tell_all(&backend).await;
    let id = begin(&backend, &key, false).await;
    backend
        .state()
        .faults_of
        .insert("delivery_places", [Fault::Before].into());
    tell_all(&backend).await;
    let job = backend.recover_job(&key.tenant, id).await.unwrap().unwrap();
    assert_eq!(job.version, 0, "it goes on later");
    finish(&backend, &key, id).await;
}
