//! The calls of `notify` are counted: each additional call costs money (docs/COST.md).
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::PortError;
use domain::ports::webhook_events::{DeliveryTaskRequest, DeliveryTasks, EmailFacts, HookChange, StoredFact};
use domain::webhook::fact::EmailFact;
use memory::{MemoryBackend, samples};
use notify::{NotifyFunction, Ports};
use tokio::time::Instant;

use crate::common::{accept, add, at, backend, opened, taken, webhook};

/// The queue of deliveries: the number of tasks in each call.
#[derive(Debug, Clone, Default)]
struct Queue(Arc<Mutex<Vec<usize>>>);

impl DeliveryTasks for Queue {
    async fn send_deliveries(&self, requests: &[DeliveryTaskRequest]) -> Vec<Result<(), PortError>> {
        self.0.lock().unwrap().push(requests.len());
        requests.iter().map(|_| Ok(())).collect()
    }
}

/// The in-memory backend with this queue.
#[derive(Debug)]
struct WithQueue;

impl Ports for WithQueue {
    type Records = MemoryBackend;
    type Bodies = MemoryBackend;
    type Tasks = Queue;
    type System = MemoryBackend;
}

/// Tells changes in a new environment. Returns the calls of the backend in order, and the number of tasks in each call
/// of the queue.
async fn costs(backend: &MemoryBackend, changes: &[HookChange]) -> (Vec<&'static str>, Vec<usize>) {
    let (ports, queue) = (|| backend.clone(), Queue::default());
    let notify: NotifyFunction<WithQueue> =
        NotifyFunction::new(ports(), ports(), queue.clone(), ports(), "us-east-1".to_owned());
    backend.state().calls.clear();
    let report = notify.tell(changes, Instant::now() + Duration::from_secs(60)).await;
    assert_eq!(report.first_untold, None);
    let calls = backend.state().calls.clone();
    let sent = queue.0.lock().unwrap().clone();
    (calls, sent)
}

/// The number of calls by name.
fn counted(calls: &[&'static str]) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for call in calls {
        *counts.entry(*call).or_default() += 1;
    }
    counts
}

/// The first event of an environment reads the webhooks of its tenant. Later ones use the cache.
#[tokio::test]
async fn an_acceptance_takes_two_reads_two_writes_and_one_task() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.sent"]));
    accept(&backend, 1);
    let (calls, sent) = costs(&backend, &taken(&backend)).await;
    assert_eq!(
        calls,
        ["webhooks_of", "load_body", "put_payload", "add_delivery", "load"]
    );
    assert_eq!(sent, [1]);
}

#[tokio::test]
async fn a_fact_takes_one_read_more() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.opened"]));
    accept(&backend, 1);
    taken(&backend);
    backend.put_fact(&samples::key(1), &opened()).await.unwrap();
    let (calls, sent) = costs(&backend, &taken(&backend)).await;
    assert_eq!(
        calls,
        [
            "load",
            "webhooks_of",
            "load_body",
            "put_payload",
            "add_delivery",
            "load"
        ]
    );
    assert_eq!(sent, [1]);
}

#[tokio::test]
async fn a_second_webhook_takes_one_delivery_more() {
    let backend = backend(1);
    add(&backend, webhook(8, &["email.sent"]));
    add(&backend, webhook(9, &["email.sent"]));
    accept(&backend, 1);
    let (calls, sent) = costs(&backend, &taken(&backend)).await;
    assert_eq!(
        calls,
        [
            "webhooks_of",
            "load_body",
            "put_payload",
            "add_delivery",
            "add_delivery",
            "load"
        ]
    );
    assert_eq!(sent, [2]);
}

/// Each email sends its tasks itself, after the look at its record.
#[tokio::test]
async fn ten_emails_of_a_batch_share_only_the_webhooks() {
    let backend = backend(10);
    add(&backend, webhook(9, &["email.sent"]));
    for n in 1..=10 {
        accept(&backend, n);
    }
    let (calls, sent) = costs(&backend, &taken(&backend)).await;
    let each = ["load_body", "put_payload", "add_delivery", "load"].map(|call| (call, 10));
    let expected: BTreeMap<_, _> = each.into_iter().chain([("webhooks_of", 1)]).collect();
    assert_eq!(counted(&calls), expected);
    assert_eq!(sent, [1; 10]);
}

#[tokio::test]
async fn ten_facts_of_an_email_share_all_but_their_writes() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.opened"]));
    accept(&backend, 1);
    taken(&backend);
    for n in 0..10 {
        let fact = EmailFact {
            at: at(3_000 + n),
            ..opened().fact
        };
        let fact = StoredFact { fact, ..opened() };
        backend.put_fact(&samples::key(1), &fact).await.unwrap();
    }
    let (calls, sent) = costs(&backend, &taken(&backend)).await;
    let expected = BTreeMap::from([
        ("webhooks_of", 1),
        ("load", 2),
        ("load_body", 1),
        ("put_payload", 10),
        ("add_delivery", 10),
    ]);
    assert_eq!(counted(&calls), expected);
    assert_eq!(sent, [10]);
}

#[tokio::test]
async fn an_unwanted_event_costs_no_write() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.bounced"]));
    accept(&backend, 1);
    let (calls, sent) = costs(&backend, &taken(&backend)).await;
    // An earlier run may have died between its write, for a webhook that is gone since, and its look at the record.
    assert_eq!((calls, sent), (vec!["webhooks_of", "load"], Vec::new()));
    // A fact alone does not tell its events: they need the record, and that is the look.
    backend.put_fact(&samples::key(1), &opened()).await.unwrap();
    let (calls, sent) = costs(&backend, &taken(&backend)).await;
    assert_eq!((calls, sent), (vec!["load", "webhooks_of"], Vec::new()));
}

/// The filter of the stream takes none of its changes, so that `notify` does not run.
#[tokio::test]
async fn an_email_without_a_hook_costs_nothing() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.sent"]));
    for record in backend.state().records.values_mut() {
        record.hook = None;
    }
    accept(&backend, 1);
    let changes = taken(&backend);
    assert!(changes.is_empty());
    assert_eq!(costs(&backend, &changes).await, (Vec::new(), Vec::new()));
}

/// A write unit has a kilobyte. Key, times, type and webhook of a payload take less than 200 bytes.
#[tokio::test]
async fn an_ordinary_payload_fits_into_one_write_unit() {
    let backend = backend(1);
    add(&backend, webhook(9, &["email.sent", "email.opened"]));
    accept(&backend, 1);
    backend.put_fact(&samples::key(1), &opened()).await.unwrap();
    costs(&backend, &taken(&backend)).await;
    let state = backend.state();
    let sizes: Vec<_> = state
        .hooks
        .payloads
        .values()
        .map(|held| held.payload.body.len())
        .collect();
    assert_eq!(sizes.len(), 2);
    assert!(sizes.iter().all(|size| *size <= 824), "{sizes:?}");
}
