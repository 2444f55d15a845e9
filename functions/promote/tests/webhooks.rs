//! Deliveries of webhooks in the due index, and recoveries that wait.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::delivery::record::{Due, DueKind, EmailRecord};
use domain::id::{EmailId, TenantId};
use domain::ports::webhook_events::{Deliveries, DeliveryTaskRequest, DeliveryTasks, StoredDelivery};
use domain::ports::webhooks::{RecoverJobs, WebhookKey};
use domain::ports::{FailureKind, PortError};
use domain::timestamp::Timestamp;
use domain::webhook::delivery::{Delivery, NextAttempt};
use domain::webhook::event_type::EventType;
use domain::webhook::identity::{EventId, SHARDS, Subject};
use domain::webhook::recovery::RecoverJob;
use domain::webhook::settings::WebhookId;
use memory::{Fault, MemoryBackend, samples};
use promote::{Ports, PromoteFunction, Promoted};

use crate::common::promote;

/// The queue of deliveries.
#[derive(Debug, Clone, Default)]
struct Queue {
    sent: Arc<Mutex<Vec<DeliveryTaskRequest>>>,
    is_down: Arc<Mutex<bool>>,
}

impl DeliveryTasks for Queue {
    async fn send_deliveries(&self, requests: &[DeliveryTaskRequest]) -> Vec<Result<(), PortError>> {
        let is_down = *self.is_down.lock().unwrap();
        let down = || PortError {
            what: "sending tasks",
            kind: FailureKind::Unknown,
            source: "the queue is down".into(),
        };
        if !is_down {
            self.sent.lock().unwrap().extend(requests.iter().cloned());
        }
        requests
            .iter()
            .map(|_| if is_down { Err(down()) } else { Ok(()) })
            .collect()
    }
}

/// The in-memory backend with this queue.
#[derive(Debug)]
struct WithQueue;

impl Ports for WithQueue {
    type Records = MemoryBackend;
    type Bodies = MemoryBackend;
    type PriorityQueues = MemoryBackend;
    type DeadLetters = MemoryBackend;
    type DeliveryTasks = Queue;
    type Evidence = MemoryBackend;
    type Account = MemoryBackend;
    type Identities = MemoryBackend;
    type System = MemoryBackend;
}

#[derive(Debug, Default)]
struct World {
    backend: MemoryBackend,
    queue: Queue,
}

impl World {
    async fn try_at(&self, secs: i64) -> Result<Promoted, PortError> {
        self.backend.state().now_ms = secs * 1_000;
        let plain = promote(&self.backend);
        let promote: PromoteFunction<WithQueue> = PromoteFunction {
            records: plain.records,
            bodies: plain.bodies,
            priority_queues: plain.priority_queues,
            dead_letters: plain.dead_letters,
            delivery_tasks: self.queue.clone(),
            evidence: plain.evidence,
            account: plain.account,
            identities: plain.identities,
            system: plain.system,
            policy: plain.policy,
            expires_after: plain.expires_after,
            retention: plain.retention,
            most_messages: plain.most_messages,
        };
        promote.run(Instant::now() + Duration::from_secs(30)).await
    }

    /// Runs at a time; returns the number of tasks that were sent.
    async fn run_at(&self, secs: i64) -> usize {
        let before = self.queue.sent.lock().unwrap().len();
        let promoted = self.try_at(secs).await.unwrap();
        let sent = self.queue.sent.lock().unwrap().len() - before;
        assert_eq!(promoted.deliveries, sent);
        sent
    }

    /// Stores a delivery whose entry is due at a time.
    async fn delivery(&self, n: u16, due: Timestamp) -> EventId {
        self.delivery_of(&key(), n, due).await
    }

    async fn delivery_of(&self, key: &WebhookKey, n: u16, due: Timestamp) -> EventId {
        let event = event(n);
        let born = Timestamp::from_millis(0);
        let delivery = Delivery {
            next: Some(NextAttempt { at: due, check: due }),
            ..Delivery::new(event.clone(), EventType::Sent, born, true, born)
        };
        let subject = Subject::Email(EmailId::from_random([1; 16]));
        let stored = StoredDelivery { delivery, subject };
        assert_eq!(self.backend.add_delivery(key, &stored).await.unwrap(), None);
        event
    }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1_000)
}

/// A webhook of another tenant, whose entries stand behind those of [`key`].
fn other_key() -> WebhookKey {
    WebhookKey {
        tenant: TenantId::parse("other").unwrap(),
        id: WebhookId::of(EmailId::from_random([9; 16])),
    }
}

fn key() -> WebhookKey {
    WebhookKey {
        tenant: TenantId::main(),
        id: WebhookId::of(EmailId::from_random([7; 16])),
    }
}

fn event(n: u16) -> EventId {
    let mut bytes = [0; 20];
    // The end of an id decides about its shard.
    for (byte, of_number) in bytes.iter_mut().rev().zip(n.to_le_bytes()) {
        *byte = of_number;
    }
    EventId::from_bytes(bytes)
}

#[tokio::test]
async fn a_due_delivery_gets_one_task_per_guard_interval() {
    let world = World::default();
    let event = world.delivery(1, at(60)).await;
    let minutes = async |minutes: std::ops::Range<i64>| {
        let mut sent = Vec::new();
        for minute in minutes {
            if world.run_at(minute * 60).await > 0 {
                sent.push(minute);
            }
        }
        sent
    };
    // A lost task is sent again, and `deliver` moves the entry of one that arrives.
    assert_eq!(minutes(0..40).await, [1, 16, 31]);
    let sent = world.queue.sent.lock().unwrap().clone();
    assert!(
        sent.iter()
            .all(|request| request.task.event == event && request.delay.is_zero())
    );
    let stored = world.backend.deliveries(&key(), &[event]).await.unwrap();
    let delivery = &stored.first().unwrap().delivery;
    let next = delivery.next.unwrap();
    assert_eq!((next.at, next.check), (at(60), at(46 * 60)));
    assert_eq!(delivery.version, 3, "an attempt that read it before decides again");
}

#[tokio::test]
async fn a_webhook_has_a_bounded_part_of_each_run() {
    let world = World::default();
    let mut shards = [0_usize; SHARDS as usize];
    for n in 0..2_000 {
        let event = world.delivery(n, at(60)).await;
        shards[usize::from(event.shard())] += 1;
    }
    assert!(shards.iter().all(|count| *count >= 200), "{shards:?}");
    assert_eq!([world.run_at(60).await, world.run_at(120).await], [400, 400]);
}

/// Stores 50,000 deliveries of a dead endpoint, 100 for each of 500 minutes.
async fn dead_endpoint() -> World {
    let world = World::default();
    for n in 0..50_000 {
        world.delivery(n, at(60 * i64::from(n / 100 + 1))).await;
    }
    world
}

#[tokio::test]
async fn a_dead_endpoint_delays_no_other_tenant() {
    let world = dead_endpoint().await;
    let event = world.delivery_of(&other_key(), 1, at(60 * 501)).await;
    world.backend.state().calls.clear();
    assert!(world.run_at(60 * 501).await <= 401);
    let sent = world.queue.sent.lock().unwrap().clone();
    let of_other: Vec<_> = sent
        .iter()
        .filter(|request| request.task.webhook == other_key().id)
        .collect();
    assert_eq!(of_other.len(), 1, "in the first run");
    assert!(of_other.iter().all(|request| request.task.event == event));
    let calls = world.backend.state().calls.clone();
    let reads = calls.iter().filter(|call| **call == "due_deliveries").count();
    assert!(reads <= 4 * 81, "{reads} reads");
}

/// The emails of a run are enqueued before it looks at webhooks, however many events wait for a dead endpoint.
#[tokio::test]
async fn a_dead_endpoint_delays_no_email() {
    let world = dead_endpoint().await;
    let due = at(60 * 501);
    let email = EmailRecord {
        not_before: due,
        due: Some(Due {
            kind: DueKind::Wake,
            at: due,
        }),
        ..samples::record(1, &samples::email().unwrap())
    };
    world.backend.state().records.insert(email.email_key(), email);
    world.backend.state().calls.clear();
    assert!(world.run_at(60 * 501).await > 0);
    let state = world.backend.state();
    assert_eq!(state.send_tasks.len(), 1, "the email is enqueued");
    let first = |name| state.calls.iter().position(|call| *call == name);
    let (enqueued, webhooks) = (first("enqueue").unwrap(), first("due_deliveries").unwrap());
    assert!(enqueued < webhooks, "{enqueued} < {webhooks}");
}

/// No run of `promote` was made for hours: the other tenant's entry is in the middle of those of the dead endpoint. Each
/// run reads on where the last one stopped, 80 minutes of the dead endpoint's entries further.
#[tokio::test]
async fn an_old_entry_is_found_in_a_bounded_number_of_runs() {
    let world = dead_endpoint().await;
    world.delivery_of(&other_key(), 1, at(60 * 250)).await;
    let mut runs = 0;
    let is_sent = || {
        let sent = world.queue.sent.lock().unwrap();
        sent.iter().any(|request| request.task.webhook == other_key().id)
    };
    while !is_sent() {
        world.run_at(60 * (501 + runs)).await;
        runs += 1;
        assert!(runs <= 5, "not found in {runs} runs");
    }
}

/// Every webhook gets its share before any gets more.
#[tokio::test]
async fn the_share_of_each_webhook_comes_first() {
    let world = World::default();
    for n in 0..2_000 {
        world.delivery(n, at(60)).await;
    }
    for n in (0..2_000).step_by(19) {
        world.delivery_of(&other_key(), n, at(60)).await;
    }
    world.run_at(60).await;
    let sent = world.queue.sent.lock().unwrap().clone();
    let of_other = sent.iter().filter(|request| request.task.webhook == other_key().id);
    assert!(of_other.count() >= 80, "a hundred, as far as the shards are even");
}

/// Emails may fill a run.
#[tokio::test]
async fn a_run_without_time_still_wakes_recoveries() {
    let world = World::default();
    let (tenant, id) = (TenantId::main(), EmailId::from_random([3; 16]));
    let job = RecoverJob {
        due: at(60),
        ..RecoverJob::new(id, key().id, (at(0), at(60)), false, at(0))
    };
    assert!(world.backend.save_recover_job(&tenant, &job, at(0)).await.unwrap());
    world.delivery(1, at(60)).await;
    world.backend.state().now_ms = 60_000;
    let promoted = promote(&world.backend).run(Instant::now()).await.unwrap();
    assert!(promoted.unfinished && promoted.deliveries == 0);
    let waiting = world.backend.due_recover_jobs(at(60), 10).await.unwrap();
    assert!(waiting.is_empty(), "{waiting:?}");
}

#[tokio::test]
async fn a_task_that_cannot_be_sent_is_sent_later() {
    let world = World::default();
    world.delivery(1, at(60)).await;
    *world.queue.is_down.lock().unwrap() = true;
    let promoted = world.try_at(60).await.unwrap();
    assert_eq!((promoted.deliveries, promoted.failed), (0, 1));
    *world.queue.is_down.lock().unwrap() = false;
    assert_eq!(world.run_at(120).await, 0);
    assert_eq!(world.run_at(60 + 900).await, 1);
}

#[tokio::test]
async fn an_entry_that_cannot_be_moved_sends_no_task() {
    let world = World::default();
    world.delivery(1, at(60)).await;
    for fault in [Fault::Before, Fault::Throttled] {
        world.backend.state().faults_of.insert("guard_delivery", [fault].into());
        let promoted = world.try_at(60).await.unwrap();
        assert_eq!((promoted.deliveries, promoted.failed), (0, 1), "{fault:?}");
    }
    assert_eq!(world.run_at(120).await, 1);
}

/// One unreadable shard does not stop the others, and the alarm for failed runs fires.
#[tokio::test]
async fn an_unreadable_index_fails_the_run_after_its_work() {
    let world = World::default();
    for n in 0..40 {
        world.delivery(n, at(60)).await;
    }
    world
        .backend
        .state()
        .faults_of
        .insert("due_deliveries", [Fault::Before].into());
    assert!(world.try_at(60).await.is_err());
    let sent = world.queue.sent.lock().unwrap().len();
    assert!((1..40).contains(&sent), "{sent}");
    assert_eq!(world.run_at(120).await, 40 - sent);
}

#[tokio::test]
async fn a_recovery_is_woken_when_it_is_due() {
    let world = World::default();
    let (tenant, id) = (TenantId::main(), EmailId::from_random([3; 16]));
    let job = RecoverJob {
        due: at(60),
        ..RecoverJob::new(id, key().id, (at(0), at(60)), false, at(0))
    };
    assert!(world.backend.save_recover_job(&tenant, &job, at(0)).await.unwrap());
    let waits = async |until| !world.backend.due_recover_jobs(until, 10).await.unwrap().is_empty();
    world.try_at(59).await.unwrap();
    assert!(waits(at(60)).await, "not before its time");
    world.try_at(60).await.unwrap();
    assert!(!waits(at(60 + 899)).await && waits(at(60 + 900)).await, "it is guarded");
    let stored = world.backend.recover_job(&tenant, id).await.unwrap();
    assert_eq!(stored, Some(job), "waking changes nothing of the job");
}

#[tokio::test]
async fn nothing_due_costs_five_reads() {
    let world = World::default();
    world.delivery(1, at(3_600)).await;
    world.backend.state().calls.clear();
    world.try_at(60).await.unwrap();
    let calls = world.backend.state().calls.clone();
    let of_webhooks = calls
        .iter()
        .filter(|call| call.contains("deliver") || call.contains("recover"));
    let expected = ["due_recover_jobs"].into_iter().chain(["due_deliveries"; 4]);
    assert_eq!(of_webhooks.copied().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}
