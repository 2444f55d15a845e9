//! Queue generation and API key of an accepted record, on which a purge relies.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::common::enqueue;
use domain::api::requests::{EmailRequest, parse_email};
use domain::delivery::record::EmailRecord;
use domain::delivery::retry::Jitter;
use domain::id::{EmailId, QueueKey, QueueName, TenantId};
use domain::ports::{Clock, PortError, Random};
use domain::queue::{BINDS_AFTER, KNOWN_FOR, Queue};
use domain::tenant::temporary::TEMPORARY_BYTES;
use domain::tenant::token::SECRET_BYTES;
use domain::timestamp::Timestamp;
use enqueue::errors::AcceptError;
use enqueue::senders::KnownSenders;
use enqueue::{EnqueueFunction, Ports, Requester};
use memory::{MemoryBackend, samples};

fn news() -> QueueKey {
    QueueKey {
        tenant: TenantId::main(),
        name: QueueName::parse("news").unwrap(),
    }
}

/// Returns a backend with the queue `news`.
fn backend() -> MemoryBackend {
    let backend = samples::backend(0).unwrap();
    let queue = Queue::plain(news(), samples::BORN);
    backend.state().queues.insert(news(), queue);
    backend
}

fn request(queue: &str) -> EmailRequest {
    let body =
        format!(r#"{{"from":"a@example.com","to":"b@example.com","subject":"Hello","text":"Hi","queue":"{queue}"}}"#);
    parse_email(body.as_bytes()).unwrap()
}

fn only_record(backend: &MemoryBackend) -> EmailRecord {
    let state = backend.state();
    assert_eq!(state.records.len(), 1);
    state.records.values().next().unwrap().clone()
}

fn purge(backend: &MemoryBackend) {
    let mut state = backend.state();
    let now = state.now();
    let queue = state.queues.get_mut(&news()).unwrap();
    *queue = queue.after_purge(now);
}

/// Accepts one email for the queue `news`, and returns its record.
async fn accepted<P: Ports>(backend: &MemoryBackend, enqueue: &EnqueueFunction<P>) -> EmailRecord {
    backend.state().records.clear();
    let accepted = enqueue.accept(&TenantId::main(), None, &request("news")).await;
    accepted.expect("accepted");
    only_record(backend)
}

#[tokio::test]
async fn a_record_names_its_key_and_generation() {
    for (queue, generation) in [("news", Some(2)), ("default", None)] {
        let backend = backend();
        purge(&backend);
        purge(&backend);
        let key = samples::api_key().id;
        let by = Requester {
            has_webhooks: false,
            tenant: &TenantId::main(),
            key: Some(key),
        };
        enqueue(&backend)
            .accept(by, None, &request(queue))
            .await
            .expect("accepted");
        let record = only_record(&backend);
        assert_eq!((record.generation, record.key), (generation, Some(key)), "{queue}");
    }
}

#[tokio::test]
async fn no_old_generation_follows_an_answered_purge() {
    let backend = backend();
    let environment = enqueue(&backend);
    assert_eq!(accepted(&backend, &environment).await.generation, Some(0));
    purge(&backend);
    backend.state().now_ms += i64::try_from((KNOWN_FOR - Duration::from_millis(1)).as_millis()).unwrap();
    let record = accepted(&backend, &environment).await;
    assert!(
        !backend.state().queues[&news()].wants(&record),
        "it was accepted before the purge took effect"
    );
    backend.state().now_ms += 1;
    let record = accepted(&backend, &environment).await;
    assert!(KNOWN_FOR < BINDS_AFTER && backend.state().queues[&news()].wants(&record));
}

#[tokio::test]
async fn a_queue_accepts_nothing_once_its_deletion_is_answered() {
    let backend = backend();
    let environment = enqueue(&backend);
    accepted(&backend, &environment).await;
    {
        let mut state = backend.state();
        let queue = state.queues.get_mut(&news()).unwrap();
        *queue = queue.after_deletion();
        state.now_ms += i64::try_from(BINDS_AFTER.as_millis()).unwrap();
        state.records.clear();
    }
    let refused = environment.accept(&TenantId::main(), None, &request("news")).await;
    assert!(matches!(refused, Err(AcceptError::Refused(_))), "{refused:?}");
    assert!(backend.state().records.is_empty());
}

/// A system whose clock advances with each reading.
struct Slow {
    backend: MemoryBackend,
    step: Duration,
    looks: AtomicU64,
}

impl Clock for Slow {
    fn now(&self) -> Timestamp {
        let looks = u32::try_from(self.looks.fetch_add(1, Ordering::Relaxed)).unwrap();
        self.backend.now().after(self.step * looks)
    }
}

impl Random for Slow {
    fn nonce(&self) -> Result<u64, PortError> {
        self.backend.nonce()
    }

    fn jitter(&self) -> Jitter {
        self.backend.jitter()
    }

    fn id(&self) -> Result<EmailId, PortError> {
        self.backend.id()
    }

    fn secret(&self) -> Result<[u8; SECRET_BYTES], PortError> {
        self.backend.secret()
    }

    fn temporary(&self) -> Result<[u8; TEMPORARY_BYTES], PortError> {
        self.backend.temporary()
    }
}

/// Ports in memory, with a slow clock.
#[derive(Debug)]
struct SlowPorts;

impl Ports for SlowPorts {
    type Records = MemoryBackend;
    type Bodies = MemoryBackend;
    type PriorityQueues = MemoryBackend;
    type System = Slow;
}

#[tokio::test]
async fn a_slow_request_is_refused_after_a_purge() {
    type Change = fn(&Queue) -> Queue;
    let changes: [(Change, bool); 3] = [
        (|queue| queue.after_purge(samples::BORN), false),
        (Queue::after_deletion, false),
        (Queue::clone, true),
    ];
    for (change, accepted) in changes {
        for step in [Duration::ZERO, BINDS_AFTER] {
            let backend = backend();
            let EnqueueFunction {
                records,
                bodies,
                priority_queues,
                with,
                queues,
                quota_leases,
                ..
            } = enqueue(&backend);
            let system = Slow {
                backend: backend.clone(),
                step,
                looks: AtomicU64::new(0),
            };
            let slow = EnqueueFunction::<SlowPorts> {
                records,
                bodies,
                priority_queues,
                system,
                with,
                queues,
                quota_leases,
                senders: KnownSenders::default(),
            };
            let tenant = TenantId::main();
            // The environment has cached the earlier queue.
            slow.queues
                .get(&backend, &tenant, &news().name, backend.now())
                .await
                .unwrap();
            {
                let mut state = backend.state();
                let queue = state.queues.get_mut(&news()).unwrap();
                *queue = change(queue);
            }
            let answer = slow.accept(&tenant, None, &request("news")).await;
            let expected = accepted || step.is_zero();
            assert_eq!(answer.is_ok(), expected, "{step:?}: {answer:?}");
            assert!(expected || matches!(answer, Err(AcceptError::Port(_))));
        }
    }
}
