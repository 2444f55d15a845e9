//! A client of the API in the in-memory backend.
#![expect(clippy::expect_used, reason = "a failing test panics with its reason")]

use access::AccessFunction;
use aws::http::auth::Authenticator;
use aws::http::{endpoint, gateway};
use aws::runtime::settings::KeySettings;
use lambda_http::{Body, Response};
use memory::{MemoryBackend, samples};
use serde_json::Value;

/// Returns the authenticator of a new environment.
pub(crate) fn authenticator() -> Authenticator {
    Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY))
}

/// Sends one of API Gateway's events.
pub(crate) async fn ask_of(backend: &MemoryBackend, authenticator: &Authenticator, event: Value) -> Response<Body> {
    let event = serde_json::from_value(event).expect("an event has API Gateway's form");
    let request = gateway::request(event).expect("a request");
    let access = AccessFunction::<MemoryBackend> {
        records: backend.clone(),
        system: backend.clone(),
    };
    endpoint::handle(&access, authenticator, request).await
}

/// Returns a response's status and JSON.
pub(crate) fn read(response: &Response<Body>) -> (u16, Value) {
    let json = serde_json::from_slice(response.body().as_ref()).expect("an answer is JSON");
    (response.status().as_u16(), json)
}
