//! Erasure of an email while its events are stored.

use domain::ports::webhook_events::{EmailFacts, EventErasure, Payloads};
use memory::{ConcurrentWriter, MemoryBackend, samples};

use crate::common::{accept, add, backend, notify, opened, taken, tell, webhook};

fn is_clean(backend: &MemoryBackend) -> bool {
    let state = backend.state();
    state.hooks.payloads.is_empty() && state.hooks.deliveries.is_empty() && state.hooks.facts.is_empty()
}

/// An erasure that acts before a payload is stored.
fn erasing(backend: &MemoryBackend) -> MemoryBackend {
    let other = backend.clone();
    let writer: ConcurrentWriter = Box::new(move || {
        let mut state = other.state();
        state.records.remove(&samples::key(1));
        state.hooks.facts.clear();
        state.hooks.payloads.clear();
        state.hooks.deliveries.clear();
    });
    backend.with_concurrent_writers(vec![writer])
}

#[tokio::test]
async fn an_email_that_is_erased_meanwhile_leaves_no_event() {
    for with_fact in [false, true] {
        let backend = backend(1);
        add(&backend, webhook(9, &["email.sent", "email.opened"]));
        accept(&backend, 1);
        if with_fact {
            backend.put_fact(&samples::key(1), &opened()).await.unwrap();
        }
        let changes = taken(&backend);
        let report = tell(&notify(&erasing(&backend)), &changes).await;
        assert_eq!((report.first_untold, report.events), (None, 0));
        assert!(is_clean(&backend), "with a fact: {with_fact}");
        assert!(backend.state().hooks.tasks.is_empty());
    }
}

/// An earlier run stored events and died before it looked at the record.
#[tokio::test]
async fn a_fact_without_its_record_is_erased_with_its_events() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.sent", "email.opened"]));
    accept(&backend, 1);
    backend.put_fact(&samples::key(1), &opened()).await.unwrap();
    let changes = taken(&backend);
    let notify = notify(&backend);
    tell(&notify, &changes).await;
    assert!(!is_clean(&backend));
    backend.state().records.remove(&samples::key(1));
    let report = tell(&notify, &changes).await;
    assert_eq!(report.first_untold, None);
    assert!(is_clean(&backend));
}

/// The run before gave up a write, which arrives after the erasure.
#[tokio::test]
async fn a_payload_that_arrives_after_the_erasure_is_refused() {
    for with_fact in [false, true] {
        let backend = backend(1);
        add(&backend, webhook(9, &["email.sent", "email.opened"]));
        accept(&backend, 1);
        if with_fact {
            taken(&backend);
            backend.put_fact(&samples::key(1), &opened()).await.unwrap();
        }
        let changes = taken(&backend);
        tell(&notify(&backend), &changes).await;
        let underway: Vec<_> = {
            let mut state = backend.state();
            state.records.remove(&samples::key(1));
            std::mem::take(&mut state.hooks.payloads).into_values().collect()
        };
        assert_eq!(underway.len(), 1);
        tell(&notify(&backend), &changes).await;
        let tenant = samples::key(1).tenant;
        for held in underway {
            let webhooks: Vec<_> = held.webhooks.into_iter().collect();
            let put = backend.put_payload(&tenant, &held.payload, &webhooks, held.stored_at);
            assert_eq!(put.await.unwrap(), None, "with a fact: {with_fact}");
        }
        assert!(is_clean(&backend), "with a fact: {with_fact}");
    }
}

/// An earlier run stored events for several webhooks, and died before it looked at the record. Since then the email was
/// erased, and some of the webhooks were deleted.
#[tokio::test]
async fn events_for_deleted_webhooks_are_erased_too() {
    for left in [&[9][..], &[]] {
        let backend = backend(1);
        for id in [8, 9] {
            add(&backend, webhook(id, &["email.sent"]));
        }
        accept(&backend, 1);
        let changes = taken(&backend);
        tell(&notify(&backend), &changes).await;
        {
            let mut state = backend.state();
            assert_eq!(state.hooks.deliveries.len(), 2);
            let left: Vec<_> = left.iter().map(|id| webhook(*id, &[]).id).collect();
            state.hooks.settings.retain(|key, _| left.contains(&key.id));
            state.records.remove(&samples::key(1));
        }
        let report = tell(&notify(&backend), &changes).await;
        assert_eq!((report.first_untold, report.events), (None, 0));
        assert!(is_clean(&backend), "left: {left:?}");
    }
}

#[tokio::test]
async fn an_erasure_leaves_the_events_of_others() {
    let backend = backend(2);
    add(&backend, webhook(9, &["email.sent"]));
    accept(&backend, 1);
    accept(&backend, 2);
    let changes = taken(&backend);
    tell(&notify(&backend), &changes).await;
    backend.erase_events(&samples::key(1), None).await.unwrap();
    let state = backend.state();
    assert_eq!((state.hooks.payloads.len(), state.hooks.deliveries.len()), (1, 1));
}
