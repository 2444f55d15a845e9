//! What a record says of the queue and the key that it was accepted with, and what a purge can rely on.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::enqueue;
use domain::access::token::SECRET_BYTES;
use domain::id::{EmailId, TenantId};
use domain::ports::{Clock, PortError, Random};
use domain::queue::{BINDS_AFTER, KNOWN_FOR, Queue, QueueKey, QueueName};
use domain::record::EmailRecord;
use domain::retry::Jitter;
use domain::timestamp::Timestamp;
use domain::wire::api::{EmailRequest, parse_email};
use enqueue::{AcceptError, By, Enqueue};
use world::{World, samples};

fn news() -> QueueKey {
    QueueKey {
        tenant: TenantId::main(),
        name: QueueName::parse("news").unwrap(),
    }
}

/// A world with the queue `news`.
fn world() -> World {
    let world = samples::world(0).unwrap();
    let queue = Queue::plain(news(), samples::BORN);
    world.state().queues.insert(news(), queue);
    world
}

fn request(queue: &str) -> EmailRequest {
    let body =
        format!(r#"{{"from":"a@example.com","to":"b@example.com","subject":"Hello","text":"Hi","queue":"{queue}"}}"#);
    parse_email(body.as_bytes()).unwrap()
}

fn only_record(world: &World) -> EmailRecord {
    let state = world.state();
    assert_eq!(state.records.len(), 1);
    state.records.values().next().unwrap().clone()
}

fn purge(world: &World) {
    let mut state = world.state();
    let now = state.now();
    let queue = state.queues.get_mut(&news()).unwrap();
    *queue = queue.purged(now);
}

/// Accepts one email for the queue `news`; its record.
async fn accepted<S: Clock + Random>(world: &World, enqueue: &Enqueue<World, World, World, S>) -> EmailRecord {
    world.state().records.clear();
    let accepted = enqueue.accept(&TenantId::main(), None, &request("news")).await;
    accepted.expect("accepted");
    only_record(world)
}

#[tokio::test]
async fn a_record_names_its_key_and_the_generation_of_its_queue() {
    for (queue, generation) in [("news", Some(2)), ("default", None)] {
        let world = world();
        purge(&world);
        purge(&world);
        let key = samples::api_key().id;
        let by = By {
            tenant: &TenantId::main(),
            key: Some(key),
        };
        enqueue(&world)
            .accept(by, None, &request(queue))
            .await
            .expect("accepted");
        let record = only_record(&world);
        assert_eq!((record.generation, record.key), (generation, Some(key)), "{queue}");
    }
}

#[tokio::test]
async fn no_email_has_an_old_generation_when_a_purge_is_answered() {
    let world = world();
    let environment = enqueue(&world);
    assert_eq!(accepted(&world, &environment).await.generation, Some(0));
    purge(&world);
    world.state().now_ms += i64::try_from((KNOWN_FOR - Duration::from_millis(1)).as_millis()).unwrap();
    let record = accepted(&world, &environment).await;
    assert!(
        !world.state().queues[&news()].wants(&record),
        "it was accepted beside the purge"
    );
    world.state().now_ms += 1;
    let record = accepted(&world, &environment).await;
    assert!(KNOWN_FOR < BINDS_AFTER && world.state().queues[&news()].wants(&record));
}

#[tokio::test]
async fn a_deleted_queue_accepts_nothing_when_that_is_answered() {
    let world = world();
    let environment = enqueue(&world);
    accepted(&world, &environment).await;
    {
        let mut state = world.state();
        let queue = state.queues.get_mut(&news()).unwrap();
        *queue = queue.deleted();
        state.now_ms += i64::try_from(BINDS_AFTER.as_millis()).unwrap();
        state.records.clear();
    }
    let refused = environment.accept(&TenantId::main(), None, &request("news")).await;
    assert!(matches!(refused, Err(AcceptError::Refused(_))), "{refused:?}");
    assert!(world.state().records.is_empty());
}

/// A system whose clock goes on by so much with each look at it.
struct Slow {
    world: World,
    step: Duration,
    looks: AtomicU64,
}

impl Clock for Slow {
    fn now(&self) -> Timestamp {
        let looks = u32::try_from(self.looks.fetch_add(1, Ordering::Relaxed)).unwrap();
        self.world.now().after(self.step * looks)
    }
}

impl Random for Slow {
    fn nonce(&self) -> Result<u64, PortError> {
        self.world.nonce()
    }

    fn jitter(&self) -> Jitter {
        self.world.jitter()
    }

    fn id(&self) -> Result<EmailId, PortError> {
        self.world.id()
    }

    fn secret(&self) -> Result<[u8; SECRET_BYTES], PortError> {
        self.world.secret()
    }
}

#[tokio::test]
async fn a_slow_request_is_not_accepted_behind_a_purge() {
    type Change = fn(&Queue) -> Queue;
    let changes: [(Change, bool); 3] = [
        (|queue| queue.purged(samples::BORN), false),
        (Queue::deleted, false),
        (Queue::clone, true),
    ];
    for (change, accepted) in changes {
        for step in [Duration::ZERO, BINDS_AFTER] {
            let world = world();
            let Enqueue {
                records,
                bodies,
                priority_queues,
                with,
                queues,
                purses,
                ..
            } = enqueue(&world);
            let system = Slow {
                world: world.clone(),
                step,
                looks: AtomicU64::new(0),
            };
            let slow = Enqueue {
                records,
                bodies,
                priority_queues,
                system,
                with,
                queues,
                purses,
            };
            let tenant = TenantId::main();
            // The environment knows the queue as it was.
            slow.queues
                .get(&world, &tenant, &news().name, world.now())
                .await
                .unwrap();
            {
                let mut state = world.state();
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
