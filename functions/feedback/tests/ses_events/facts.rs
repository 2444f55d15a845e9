//! Facts of emails for webhooks.

use domain::delivery::hook::Hook;
use domain::delivery::record::RecordStatus;
use domain::delivery::ses_event::SesEvent;
use domain::webhook::fact::FactKind;
use memory::hooks::Flag;
use memory::{ConcurrentWriter, Fault, MemoryBackend, samples};

use crate::{backend, bounce, delivery, event, feedback, heard, parsed, send};

fn hooked() -> MemoryBackend {
    let backend = backend(1);
    backend.state().now_ms = 1_100_000;
    for record in backend.state().records.values_mut() {
        record.hook = Some(Hook::new(["b@example.com"], None));
    }
    backend
}

fn facts(backend: &MemoryBackend) -> usize {
    backend.state().hooks.facts.len()
}

#[tokio::test]
async fn an_email_without_a_hook_costs_no_call_more() {
    let backend = backend(1);
    heard(&backend, &delivery()).await.expect("heard");
    assert_eq!(backend.state().calls, ["load", "write", "write"]);
    assert_eq!(facts(&backend), 0);
}

#[tokio::test]
async fn a_fact_is_stored_before_the_record() {
    let backend = hooked();
    heard(&backend, &delivery()).await.expect("heard");
    assert_eq!(backend.state().calls, ["load", "put_fact", "write", "write"]);
    let state = backend.state();
    let [stored] = &state.hooks.facts.values().collect::<Vec<_>>()[..] else {
        panic!("one fact")
    };
    assert_eq!(stored.born, samples::BORN);
    assert!(matches!(stored.fact.kind, FactKind::Recipients { .. }));
}

/// A delivery and nine openings, of one email.
fn ten_events() -> Vec<SesEvent> {
    let opening = |second| {
        let part = format!(r#""open":{{"timestamp":"1970-01-01T00:17:0{second}.000Z"}},"#);
        event("Open", &part, 1_000_000)
    };
    let openings = (0..9).map(opening);
    std::iter::once(delivery())
        .chain(openings)
        .map(|message| parsed(&message))
        .collect()
}

/// The calls of a batch with [`ten_events`]: each additional call costs money (docs/COST.md).
async fn calls_of_ten_events(backend: &MemoryBackend) -> Vec<&'static str> {
    backend.state().now_ms = 1_100_000;
    let handled = feedback(backend).handle(&samples::key(1), &ten_events()).await;
    handled.expect("heard");
    backend.state().calls.clone()
}

#[tokio::test]
async fn ten_events_in_one_batch_take_ten_writes_more() {
    let (plain, hooked) = (backend(1), hooked());
    let others = calls_of_ten_events(&plain).await;
    let calls = calls_of_ten_events(&hooked).await;
    let (of_facts, rest): (Vec<_>, Vec<_>) = calls.into_iter().partition(|call| *call == "put_fact");
    assert_eq!((of_facts.len(), rest), (10, others));
    assert_eq!((facts(&plain), facts(&hooked)), (0, 10));
}

#[tokio::test]
async fn a_failed_write_keeps_the_fact_for_the_next_delivery() {
    let backend = hooked();
    backend.state().faults_of.insert("write", [Fault::Before].into());
    assert!(heard(&backend, &delivery()).await.is_err());
    assert_eq!(facts(&backend), 1);
    heard(&backend, &delivery()).await.expect("heard");
    assert_eq!(facts(&backend), 1, "the same event is the same fact");
}

#[tokio::test]
async fn events_that_tell_nothing_store_no_fact() {
    let backend = hooked();
    let of_another_birth = delivery().replace("\"1000000\"", "\"5\"");
    for other in [send(), of_another_birth] {
        heard(&backend, &other).await.expect("heard");
    }
    assert_eq!(facts(&backend), 0);
}

/// The record is gone when the decision is written, or when nothing needs a write.
#[tokio::test]
async fn a_fact_of_an_erased_email_does_not_stay() {
    for is_known in [false, true] {
        let backend = hooked();
        if is_known {
            heard(&backend, &delivery()).await.expect("heard");
            backend.state().hooks.facts.clear();
        }
        let other = backend.clone();
        let erasure: ConcurrentWriter = Box::new(move || {
            other.state().records.remove(&samples::key(1));
        });
        // It acts before the fact is stored, and so it cannot see it.
        let meanwhile = backend.with_concurrent_writers(vec![erasure]);
        let events = [parsed(&delivery())];
        feedback(&meanwhile)
            .handle(&samples::key(1), &events)
            .await
            .expect("heard");
        assert_eq!(facts(&backend), 0, "known before: {is_known}");
    }
}

/// The first invocation dies after it stored the fact of an erased email.
#[tokio::test]
async fn a_repeated_event_of_an_erased_email_deletes_its_fact() {
    let backend = hooked();
    let other = backend.clone();
    let erasure: ConcurrentWriter = Box::new(move || {
        other.state().records.remove(&samples::key(1));
    });
    let meanwhile = backend.with_concurrent_writers(vec![erasure]);
    backend.state().faults_of.insert("delete_fact", [Fault::Before].into());
    let events = [parsed(&delivery())];
    let died = feedback(&meanwhile).handle(&samples::key(1), &events).await;
    assert!(died.is_err());
    assert_eq!(facts(&backend), 1);
    heard(&backend, &delivery()).await.expect("heard");
    assert_eq!(facts(&backend), 0);
}

/// A recovery adds the hook after the record was read, and reads the record before its next write.
#[tokio::test]
async fn a_hook_that_is_added_meanwhile_gets_the_fact() {
    for is_erased in [false, true] {
        let backend = backend(1);
        backend.state().now_ms = 1_100_000;
        heard(&backend, &send()).await.expect("heard");
        let other = backend.clone();
        let recovery: ConcurrentWriter = Box::new(move || {
            let mut state = other.state();
            let record = state.records.get_mut(&samples::key(1)).expect("the record");
            record.hook = Some(Hook::new(["b@example.com"], None));
            record.delivery_version += 1;
        });
        let other = backend.clone();
        let nothing: ConcurrentWriter = Box::new(|| {});
        let erasure: ConcurrentWriter = Box::new(move || {
            other.state().records.remove(&samples::key(1));
        });
        let mut writers = vec![recovery, nothing];
        if is_erased {
            // Before the fact is stored.
            writers.push(erasure);
        }
        let meanwhile = backend.with_concurrent_writers(writers);
        let events = [parsed(&delivery())];
        feedback(&meanwhile)
            .handle(&samples::key(1), &events)
            .await
            .expect("heard");
        assert_eq!(facts(&backend), usize::from(!is_erased));
        if !is_erased {
            let record = backend.record(&samples::key(1)).expect("the record");
            assert!(record.hook.is_some() && record.delivered_at.is_some());
        }
    }
}

/// The email may be older than the first webhook, so that its record has no hook; or its record is gone.
#[tokio::test]
async fn a_suppression_is_marked_for_a_tenant_with_a_webhook() {
    for (is_hooked, has_webhook, is_there) in [
        (true, true, true),
        (false, true, true),
        (false, false, true),
        (false, true, false),
        (false, false, false),
    ] {
        let backend = if is_hooked { hooked() } else { backend(1) };
        backend.state().now_ms = 1_100_000;
        backend.state().hooks.stream = Some(Vec::new());
        let flag = Flag {
            count: usize::from(has_webhook),
            version: 1,
        };
        backend.state().hooks.flags.insert(samples::key(1).tenant, flag);
        if !is_there {
            backend.state().records.clear();
        }
        heard(&backend, &bounce()).await.expect("heard");
        let state = backend.state();
        let flags = state.calls.iter().filter(|call| **call == "has_webhooks");
        assert_eq!(flags.count(), usize::from(!is_hooked), "one read, without a hook");
        let told = state.hooks.stream.iter().flatten();
        let told =
            told.filter(|change| matches!(change, domain::ports::webhook_events::HookChange::Suppression { .. }));
        assert_eq!(
            told.count(),
            usize::from(has_webhook),
            "{is_hooked} {has_webhook} {is_there}"
        );
    }
}

#[tokio::test]
async fn a_hook_does_not_change_what_is_recorded() {
    let (plain, hooked) = (backend(1), hooked());
    for backend in [&plain, &hooked] {
        for message in [send(), delivery()] {
            heard(backend, &message).await.expect("heard");
        }
    }
    let of = |backend: &MemoryBackend| backend.record(&samples::key(1)).expect("the record");
    assert_eq!(of(&hooked).status, RecordStatus::Sent);
    assert_eq!(of(&hooked).delivery_statuses, of(&plain).delivery_statuses);
}
