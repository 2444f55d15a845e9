//! Invocations that end in the middle of their work, in time that passes as in production.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::collections::BTreeSet;
use std::time::Duration;

use domain::delivery::hook::Hook;
use domain::id::EmailId;
use domain::ports::webhooks::{RecoverJobs, WebhookKey};
use domain::timestamp::Timestamp;
use domain::webhook::identity::EventId;
use domain::webhook::recovery::{Phase, RecoverJob};
use domain::webhook::telling::recovered;
use memory::MemoryBackend;
use memory::fault_model::{FaultModel, Odds};
use tokio::time::Instant;

use crate::common::{accept, add, at, backend, notify, taken, tell_all, webhook};
use crate::recovery::begin;

const RECIPIENTS: usize = 50;

/// A backend with accepted emails to 50 recipients, whose calls take up to `delay_ms` each way.
fn slow(emails: u8, delay_ms: u64) -> MemoryBackend {
    let backend = backend(emails);
    let addresses: Vec<String> = (0..RECIPIENTS).map(|n| format!("r{n}@example.com")).collect();
    for record in backend.state().records.values_mut() {
        record.hook = Some(Hook::new(addresses.iter().map(String::as_str), None));
    }
    for n in 1..=emails {
        accept(&backend, n);
    }
    let odds = Odds {
        delay_ms,
        ..Odds::default()
    };
    backend.state().fault_model = Some(FaultModel::new(1, odds, at(10_000)));
    backend
}

/// The events that follow from the records.
fn expected(backend: &MemoryBackend) -> BTreeSet<EventId> {
    let state = backend.state();
    let records = state.records.values();
    let tellings = records.flat_map(|record| recovered(record, &[]));
    tellings.map(|telling| telling.id).collect()
}

/// Checks that each event is stored once for each of these webhooks, and no other one.
fn assert_stored(backend: &MemoryBackend, webhooks: &[WebhookKey]) {
    let expected = expected(backend);
    let state = backend.state();
    let stored: BTreeSet<_> = state.hooks.payloads.keys().map(|(_, _, event)| event.clone()).collect();
    assert_eq!(stored.len(), state.hooks.payloads.len());
    assert!(stored == expected, "{} of {} events", stored.len(), expected.len());
    for key in webhooks {
        let own = state.hooks.deliveries.keys().filter(|(of, _)| of == key);
        let own: BTreeSet<_> = own.map(|(_, event)| event.clone()).collect();
        assert!(own == expected, "{} of {} deliveries", own.len(), expected.len());
    }
    assert_eq!(state.hooks.deliveries.len(), webhooks.len() * expected.len());
}

/// The largest batch: 100 records with 50 recipients each, for ten webhooks.
#[tokio::test(start_paused = true)]
async fn the_largest_batch_goes_on_after_a_timeout() {
    let backend = slow(100, 80);
    let webhooks: Vec<_> = (1..=10).map(|id| add(&backend, webhook(id, &["email.sent"]))).collect();
    let (mut changes, mut timeouts) = (taken(&backend), 0);
    assert_eq!(changes.len(), 100);
    let notify = notify(&backend);
    loop {
        let report = notify.tell(&changes, Instant::now() + Duration::from_secs(50)).await;
        let Some(first) = report.first_untold else {
            break;
        };
        assert!(first > 0, "each invocation gets on");
        changes.drain(..first);
        timeouts += 1;
    }
    assert!(timeouts > 0, "the batch has a timeout");
    assert_stored(&backend, &webhooks);
}

async fn job_of(backend: &MemoryBackend, key: &WebhookKey, id: EmailId) -> RecoverJob {
    backend.recover_job(&key.tenant, id).await.unwrap().unwrap()
}

/// A page of emails that needs more time than a run, and more events than a minute.
#[tokio::test(start_paused = true)]
async fn a_recovery_of_large_emails_ends() {
    let backend = slow(30, 40);
    let key = add(&backend, webhook(9, &["email.sent"]));
    taken(&backend);
    let id = begin(&backend, &key, false).await;
    let (began, mut runs) = (Instant::now(), 0);
    while job_of(&backend, &key, id).await.phase != Phase::Done {
        runs += 1;
        assert!(runs < 10, "1,500 events need three minutes");
        tell_all(&backend).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let now: Timestamp = backend.state().now();
        for due in backend.due_recover_jobs(now, 9).await.unwrap() {
            let check = now.after(Duration::from_secs(900));
            assert!(backend.wake_recover_job(&due, check).await.unwrap());
        }
    }
    assert!(began.elapsed() > Duration::from_secs(120), "600 events a minute");
    let job = job_of(&backend, &key, id).await;
    assert_eq!((job.emails, job.events), (30, 1_500));
    assert_stored(&backend, &[key]);
}
