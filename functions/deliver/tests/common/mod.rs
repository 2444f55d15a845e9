//! `deliver` in the in-memory backend, with receivers that a test controls.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

pub(crate) mod logs;
pub(crate) mod receivers;

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deliver::{DeliverFunction, EndpointTasks, Execution, Ports, Task, Worked};
use domain::delivery::retry::Jitter;
use domain::id::{EmailId, TenantId};
use domain::ports::webhook_events::{
    Deliveries, DeliveryTaskRequest, DeliveryTasks, Payloads, StoredDelivery, StoredPayload,
};
use domain::ports::webhooks::{EndpointHealth, HealthChange, WebhookKey, WebhookSecrets, Webhooks};
use domain::ports::{Clock, FailureKind, PortError, Random};
use domain::tenant::temporary::TEMPORARY_BYTES;
use domain::tenant::token::SECRET_BYTES as TOKEN_BYTES;
use domain::timestamp::Timestamp;
use domain::webhook::delivery::Delivery;
use domain::webhook::event_type::EventType;
use domain::webhook::health::Health;
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::permits::CallPermits;
use domain::webhook::recovery::RecoverJob;
use domain::webhook::secret::{SECRET_BYTES, Secrets, SigningSecret};
use domain::webhook::settings::{Status, Target, Webhook, WebhookId};
use memory::MemoryBackend;
use tokio::time::Instant;

use self::receivers::Receivers;

/// The beginning of each test.
const BEGIN_MS: i64 = 1_764_000_000_000;

/// The time of an invocation.
pub(crate) const TIME: Duration = Duration::from_secs(58);

/// The queue of deliveries: the tasks that were sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct SentTasks {
    sent: Arc<Mutex<Vec<DeliveryTaskRequest>>>,
    is_down: Arc<Mutex<bool>>,
}

impl DeliveryTasks for SentTasks {
    async fn send_deliveries(&self, requests: &[DeliveryTaskRequest]) -> Vec<Result<(), PortError>> {
        let is_down = *self.is_down.lock().unwrap();
        let send = |request: &DeliveryTaskRequest| {
            if is_down {
                return Err(PortError {
                    what: "sending tasks",
                    kind: FailureKind::Unknown,
                    source: "the queue is down".into(),
                });
            }
            self.sent.lock().unwrap().push(request.clone());
            Ok(())
        };
        requests.iter().map(send).collect()
    }
}

/// The clock and the randomness of the backend, with the longest jitter.
#[derive(Debug)]
pub(crate) struct Late(pub(crate) MemoryBackend);

impl Clock for Late {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

impl Random for Late {
    fn nonce(&self) -> Result<u64, PortError> {
        self.0.nonce()
    }

    fn jitter(&self) -> Jitter {
        Jitter::from_random(1_000)
    }

    fn id(&self) -> Result<EmailId, PortError> {
        self.0.id()
    }

    fn secret(&self) -> Result<[u8; TOKEN_BYTES], PortError> {
        self.0.secret()
    }

    fn temporary(&self) -> Result<[u8; TEMPORARY_BYTES], PortError> {
        self.0.temporary()
    }
}

/// The ports of the tests.
#[derive(Debug)]
pub(crate) struct Fakes<S = MemoryBackend>(PhantomData<S>);

impl<S: Clock + Random> Ports for Fakes<S> {
    type Endpoints = MemoryBackend;
    type Events = MemoryBackend;
    type Tasks = SentTasks;
    type Calls = Receivers;
    type System = S;
}

/// The backend, the receivers and the queue of a test.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) backend: MemoryBackend,
    pub(crate) receivers: Receivers,
    tasks: SentTasks,
    permits: usize,
}

impl World {
    pub(crate) fn new() -> Self {
        let backend = MemoryBackend::default();
        backend.state().now_ms = BEGIN_MS;
        Self {
            backend,
            receivers: Receivers::default(),
            tasks: SentTasks::default(),
            permits: 1,
        }
    }

    pub(crate) fn with_permits(permits: usize) -> Self {
        Self { permits, ..Self::new() }
    }

    /// An execution of the function.
    pub(crate) fn deliver(&self) -> DeliverFunction<Fakes> {
        self.deliver_with(self.backend.clone())
    }

    /// An execution with this clock and randomness.
    pub(crate) fn deliver_with<S: Clock + Random>(&self, system: S) -> DeliverFunction<Fakes<S>> {
        DeliverFunction {
            endpoints: self.backend.clone(),
            events: self.backend.clone(),
            tasks: self.tasks.clone(),
            calls: self.receivers.clone(),
            system,
            permits: self.permits,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.backend.state().now()
    }

    /// Sets the time, in seconds after the beginning.
    pub(crate) fn set_time(&self, secs: i64) {
        self.backend.state().now_ms = BEGIN_MS + secs * 1000;
    }

    pub(crate) fn break_queue(&self) {
        *self.tasks.is_down.lock().unwrap() = true;
    }

    /// Creates the `n`th webhook.
    pub(crate) async fn webhook(&self, n: u8) -> WebhookKey {
        self.webhook_of(key(n), n).await
    }

    /// Creates a webhook of another tenant, with the `n`th endpoint.
    pub(crate) async fn webhook_of_another(&self, n: u8) -> WebhookKey {
        let tenant = TenantId::parse("other").unwrap();
        self.webhook_of(WebhookKey { tenant, ..key(n) }, n).await
    }

    async fn webhook_of(&self, key: WebhookKey, n: u8) -> WebhookKey {
        let now = self.now();
        let target = Target::Push { endpoint: endpoint(n) };
        let events = vec![EventType::Sent.as_str().to_owned()];
        let webhook = Webhook::new(key.id, key.tenant.clone(), target, events, now);
        let secrets = Secrets::new(secret(n));
        assert!(self.backend.save_secrets(&key, None, &secrets).await.unwrap());
        let list = self.backend.webhooks_of(&key.tenant, now).await.unwrap();
        let job = RecoverJob::of_creation(EmailId::from_random([n ^ 128; 16]), &webhook);
        assert!(self.backend.add_webhook(&list, &webhook, &job, now).await.unwrap());
        key
    }

    /// Stores the `n`th event for a webhook, due now.
    pub(crate) async fn event(&self, key: &WebhookKey, n: u8) -> EventId {
        let now = self.now();
        let payload = StoredPayload {
            event: event(n),
            event_type: EventType::Sent,
            subject: subject(n),
            born: now,
            created_at: now,
            body: body(n),
        };
        let stored = self.backend.put_payload(&key.tenant, &payload, &[key.id], now).await;
        assert_eq!(stored.unwrap(), Some(payload));
        self.delivery_without_payload(key, n).await
    }

    /// Stores the delivery of the `n`th event, due now.
    pub(crate) async fn delivery_without_payload(&self, key: &WebhookKey, n: u8) -> EventId {
        let now = self.now();
        let stored = StoredDelivery {
            delivery: Delivery::new(event(n), EventType::Sent, now, true, now),
            subject: subject(n),
        };
        assert_eq!(self.backend.add_delivery(key, &stored).await.unwrap(), None);
        event(n)
    }

    /// Stores events 1 to `count` for a webhook.
    pub(crate) async fn events(&self, key: &WebhookKey, count: u8) -> Vec<EventId> {
        let mut events = Vec::new();
        for n in 1..=count {
            events.push(self.event(key, n).await);
        }
        events
    }

    /// Works off the tasks of these events, with all the time of an invocation.
    pub(crate) async fn work_off(&self, key: &WebhookKey, events: &[EventId]) -> Worked {
        self.work_off_received(key, events, 1).await
    }

    /// Works off the tasks of these events, whose messages were received so often.
    pub(crate) async fn work_off_received(&self, key: &WebhookKey, events: &[EventId], receives: u32) -> Worked {
        let tasks = tasks(key, events, receives);
        self.execute(&tasks, Instant::now() + TIME).await.unwrap()
    }

    /// Works off the tasks of one webhook in an execution until `end`.
    pub(crate) async fn execute(&self, tasks: &EndpointTasks, end: Instant) -> Result<Worked, PortError> {
        let (deliver, execution) = (self.deliver(), Execution::new(end));
        let worked = deliver.work_off(tasks, &execution).await;
        deliver.end(execution).await;
        worked
    }

    pub(crate) async fn stored(&self, key: &WebhookKey, event: &EventId) -> StoredDelivery {
        let stored = self.backend.deliveries(key, std::slice::from_ref(event)).await.unwrap();
        stored.into_iter().next().unwrap()
    }

    pub(crate) async fn delivery(&self, key: &WebhookKey, event: &EventId) -> Delivery {
        self.stored(key, event).await.delivery
    }

    /// The number of these events whose payload is stored; events 1, 2, ... in order.
    pub(crate) async fn payloads(&self, key: &WebhookKey, events: &[EventId]) -> usize {
        let places: Vec<_> = (1..).map(subject).zip(events.iter().cloned()).collect();
        self.backend.payloads(&key.tenant, &places).await.unwrap().len()
    }

    pub(crate) async fn health(&self, key: &WebhookKey) -> Health {
        self.backend.health(key).await.unwrap()
    }

    /// The number of permits of the endpoint that are taken.
    pub(crate) async fn permits_of(&self, key: &WebhookKey) -> usize {
        self.health(key).await.permits.0.iter().flatten().count()
    }

    /// True if nobody holds a permit of the endpoint, or one for slow endpoints.
    pub(crate) async fn is_free(&self, key: &WebhookKey) -> bool {
        let slow_permits = self.backend.state().hooks.slow_permits;
        self.permits_of(key).await == 0 && slow_permits == CallPermits::default()
    }

    pub(crate) async fn set_health(&self, key: &WebhookKey, health: &Health) {
        let before = self.health(key).await;
        let changed = self.backend.change_health(key, &before, health).await.unwrap();
        assert_eq!(changed, HealthChange::Done);
    }

    pub(crate) async fn status(&self, key: &WebhookKey) -> Status {
        let stored = self.backend.webhook(key, self.now()).await.unwrap();
        stored.unwrap().webhook.status
    }

    /// The delays of the tasks that were sent, in seconds.
    pub(crate) fn delays(&self) -> Vec<u64> {
        let sent = self.tasks.sent.lock().unwrap();
        sent.iter().map(|request| request.delay.as_secs()).collect()
    }
}

/// The tasks of events whose messages were received so often.
pub(crate) fn tasks(key: &WebhookKey, events: &[EventId], receives: u32) -> EndpointTasks {
    let task = |event: &EventId| Task {
        event: event.clone(),
        receives,
    };
    EndpointTasks {
        key: key.clone(),
        tasks: events.iter().map(task).collect(),
    }
}

/// The key of the `n`th webhook.
pub(crate) fn key(n: u8) -> WebhookKey {
    WebhookKey {
        tenant: TenantId::main(),
        id: WebhookId::of(EmailId::from_random([n; 16])),
    }
}

/// The endpoint of the `n`th webhook.
pub(crate) fn endpoint(n: u8) -> String {
    format!("https://hooks-{n}.example.com/in")
}

pub(crate) fn secret(n: u8) -> SigningSecret {
    SigningSecret::new([n; SECRET_BYTES])
}

/// The id of the `n`th event.
pub(crate) fn event(n: u8) -> EventId {
    EventId::from_bytes([n; 20])
}

/// The payload of the `n`th event.
pub(crate) fn body(n: u8) -> String {
    format!(r#"{{"type":"email.sent","data":{{"n":{n},"subject":"ü"}}}}"#)
}

fn subject(n: u8) -> Subject {
    Subject::Email(EmailId::from_random([n; 16]))
}
