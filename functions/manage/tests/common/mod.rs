//! A client of the API in the in-memory backend.
#![expect(clippy::expect_used, clippy::panic, reason = "a failing test panics with its reason")]

use std::marker::PhantomData;
use std::time::Duration;

use aws::http::auth::Authenticator;
use aws::http::{endpoint, gateway};
use aws::runtime::settings::KeySettings;
use domain::delivery::policy::Policy;
use domain::ports::Bodies;
use domain::ports::erasure::Erasing;
use lambda_http::{Body, Response};
use manage::{ManageFunction, ManageSettings, Ports};
use memory::{MemoryBackend, samples};
use serde_json::Value;

/// Ports in memory, with contents that a test may replace.
#[derive(Debug)]
pub(crate) struct WithBodies<B>(PhantomData<B>);

impl<B: Bodies + Erasing + 'static> Ports for WithBodies<B> {
    type Records = MemoryBackend;
    type Bodies = B;
    type PriorityQueues = MemoryBackend;
    type System = MemoryBackend;
}

/// Returns the function over a backend, with contents that a test may replace.
pub(crate) fn manage<B: Bodies + Erasing + 'static>(
    backend: &MemoryBackend,
    bodies: B,
) -> ManageFunction<WithBodies<B>> {
    ManageFunction {
        records: backend.clone(),
        bodies,
        priority_queues: backend.clone(),
        system: backend.clone(),
        with: ManageSettings {
            policy: Policy::standard(),
            expires_after: Duration::from_secs(14 * 86_400),
            retention: Duration::from_secs(30 * 86_400),
            region: "us-east-1".to_owned(),
            binds_after: Duration::ZERO,
        },
    }
}

/// Returns the authenticator of a new environment.
pub(crate) fn authenticator() -> Authenticator {
    Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY))
}

/// Sends one of API Gateway's events.
pub(crate) async fn ask(backend: &MemoryBackend, event: &Value) -> Response<Body> {
    ask_of(&manage(backend, backend.clone()), event).await
}

/// Sends an event to a function that the test has built.
pub(crate) async fn ask_of<P: Ports>(manage: &ManageFunction<P>, event: &Value) -> Response<Body> {
    ask_with(manage, &authenticator(), event).await
}

/// Sends an event to an environment with this authenticator.
pub(crate) async fn ask_with<P: Ports>(
    manage: &ManageFunction<P>,
    authenticator: &Authenticator,
    event: &Value,
) -> Response<Body> {
    let event = serde_json::from_value(event.clone()).expect("an event has API Gateway's form");
    let request = gateway::request(event).expect("a request");
    endpoint::handle(manage, authenticator, request).await
}

/// Returns a response's status and JSON.
pub(crate) fn read(response: &Response<Body>) -> (u16, Value) {
    let Body::Text(text) = response.body() else {
        panic!("an answer is text")
    };
    (
        response.status().as_u16(),
        serde_json::from_str(text).expect("an answer is JSON"),
    )
}
