//! Webhooks over HTTP, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws::http::auth::Authenticator;
use aws::http::{endpoint, gateway};
use aws::runtime::settings::KeySettings;
use domain::id::TenantId;
use domain::ports::PortError;
use domain::ports::webhook_events::{
    Deliveries, DeliveryTaskRequest, DeliveryTasks, Payloads, StoredDelivery, StoredPayload,
};
use domain::ports::webhooks::WebhookKey;
use domain::timestamp::Timestamp;
use domain::webhook::delivery::Delivery;
use domain::webhook::event_type::EventType;
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::settings::WebhookId;
use lambda_http::Body;
use memory::{MemoryBackend, samples};
use outgoing::Policy;
use outgoing::failure::DnsError;
use outgoing::resolve::Resolve;
use serde_json::{Value, json};
use webhooks::{Ports, WebhooksFunction};

/// Time of the tests.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_764_000_000_000);

/// An endpoint that may be called.
pub(crate) const ENDPOINT: &str = "https://hook.example.com/mail";

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A DNS with two names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names;

impl Resolve for Names {
    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, DnsError> {
        match name {
            "hook.example.com" => Ok(vec![[8, 8, 8, 8].into()]),
            "inside.example.com" => Ok(vec![[8, 8, 8, 8].into(), [10, 0, 0, 1].into()]),
            _ => Err(DnsError::NoAddress),
        }
    }
}

/// The queue of deliveries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks {
    pub(crate) sent: Arc<Mutex<Vec<DeliveryTaskRequest>>>,
}

impl DeliveryTasks for Tasks {
    async fn send_deliveries(&self, requests: &[DeliveryTaskRequest]) -> Vec<Result<(), PortError>> {
        self.sent.lock().unwrap().extend_from_slice(requests);
        requests.iter().map(|_| Ok(())).collect()
    }
}

/// The ports of the tests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InMemory;

impl Ports for InMemory {
    type Records = MemoryBackend;
    type Endpoints = MemoryBackend;
    type Tasks = Tasks;
    type System = MemoryBackend;
    type Hosts = Names;
}

/// A backend at [`NOW`], with its queue of deliveries.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) backend: MemoryBackend,
    pub(crate) tasks: Tasks,
    pub(crate) policy: Policy,
}

impl Default for World {
    fn default() -> Self {
        let backend = MemoryBackend::default();
        backend.state().now_ms = NOW.as_millis();
        Self {
            backend,
            tasks: Tasks::default(),
            policy: Policy::Public,
        }
    }
}

impl World {
    fn function(&self) -> WebhooksFunction<InMemory> {
        WebhooksFunction {
            records: self.backend.clone(),
            endpoints: self.backend.clone(),
            tasks: self.tasks.clone(),
            system: self.backend.clone(),
            hosts: Names,
            policy: self.policy,
            region: "us-east-1".to_owned(),
        }
    }

    /// Sends an event of API Gateway; returns the status and the body.
    pub(crate) async fn answer(&self, event: Value) -> (u16, Value) {
        let event = serde_json::from_value(event).expect("an event has API Gateway's form");
        let request = gateway::request(event).expect("a request");
        let authenticator = Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY));
        let response = endpoint::handle(&self.function(), &authenticator, request).await;
        let Body::Text(text) = response.body() else {
            panic!("an answer is text")
        };
        let json = serde_json::from_str(text).expect("an answer is JSON");
        (response.status().as_u16(), json)
    }

    /// Sends a request with an API key.
    pub(crate) async fn ask_as(&self, key: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.answer(samples::event(key, method, path, &body)).await
    }

    /// Sends a request of the tenant `main`.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.ask_as(samples::API_KEY, method, path, body).await
    }

    /// Sends a request that succeeds, and returns its answer.
    pub(crate) async fn must(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert!(status < 300, "{method} {path}: {status} {answer}");
        answer
    }

    /// Creates a webhook; returns its path.
    pub(crate) async fn created(&self) -> String {
        let body = json!({"endpoint": ENDPOINT, "events": ["email.delivered"], "signing_secret": SECRET});
        let webhook = self.must("POST", "/webhooks", body).await;
        format!("/webhooks/{}", webhook["id"].as_str().unwrap())
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, wait: Duration) {
        let millis = i64::try_from(wait.as_millis()).unwrap();
        self.backend.state().now_ms += millis;
    }

    /// Stores an event of a webhook of `main`, with its payload. A larger number is a later event.
    pub(crate) async fn stored(&self, path: &str, number: u8, event_type: EventType) -> Delivery {
        let (event, key) = (event(number), key_of(path));
        let created_at = NOW.after(Duration::from_secs(number.into()));
        let subject = Subject::Email(samples::id(number));
        let payload = StoredPayload {
            event: event.clone(),
            event_type,
            subject,
            born: NOW,
            created_at,
            body: body(number),
        };
        let tenant = TenantId::main();
        self.backend
            .put_payload(&tenant, &payload, &[key.id], NOW)
            .await
            .unwrap();
        let delivery = Delivery::new(event, event_type, created_at, true, created_at);
        let stored = StoredDelivery {
            delivery: delivery.clone(),
            subject,
        };
        assert_eq!(self.backend.add_delivery(&key, &stored).await.unwrap(), None);
        delivery
    }

    /// Changes a stored delivery.
    pub(crate) async fn change(&self, path: &str, number: u8, change: impl FnOnce(&Delivery) -> Delivery) {
        let key = key_of(path);
        let before = self.backend.deliveries(&key, &[event(number)]).await.unwrap().remove(0);
        let after = change(&before.delivery);
        self.backend.save_delivery(&key, &before, &after).await.unwrap();
    }
}

/// The id of a stored event.
pub(crate) fn event(number: u8) -> EventId {
    EventId::from_bytes([number; 20])
}

/// The payload of a stored event.
pub(crate) fn body(number: u8) -> String {
    format!(r#"{{"type":"email.sent","created_at":"x","data":{{"number":{number},"é":"\"</a>"}}}}"#)
}

/// The key of a webhook of `main`.
pub(crate) fn key_of(path: &str) -> WebhookKey {
    WebhookKey {
        tenant: TenantId::main(),
        id: WebhookId::parse(path.trim_start_matches("/webhooks/")).unwrap(),
    }
}

/// A part of each entry of a list.
pub(crate) fn parts<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    let data = list["data"].as_array().unwrap();
    data.iter().map(|entry| entry[name].as_str().unwrap()).collect()
}

/// Checks a refusal: its status, its name, and the beginning of its message.
pub(crate) fn refused((status, answer): (u16, Value), expected: (u16, &str, &str)) {
    let (wanted, name, beginning) = expected;
    assert_eq!((status, &answer["name"]), (wanted, &json!(name)), "{answer}");
    let message = answer["message"].as_str().unwrap();
    assert!(message.starts_with(beginning), "{message}");
}
