//! A client of the API in the in-memory backend.
#![expect(clippy::expect_used, clippy::panic, reason = "a failing test panics with its reason")]

use aws::http::auth::Authenticator;
use aws::http::{endpoint, gateway};
use aws::runtime::settings::KeySettings;
use domain::reporting::cost::Prices;
use lambda_http::{Body, Response};
use memory::{MemoryBackend, samples};
use reports::ReportsFunction;
use reports::throttles::RecentThrottles;
use serde_json::Value;

/// Sends one of API Gateway's events.
pub(crate) async fn ask(backend: &MemoryBackend, event: &Value) -> Response<Body> {
    ask_with(backend, KeySettings::of(samples::DEPLOYER_KEY), event).await
}

/// Sends one of API Gateway's events to a function with these settings.
pub(crate) async fn ask_with(backend: &MemoryBackend, key: KeySettings, event: &Value) -> Response<Body> {
    ask_environment(&function(backend), key, event).await
}

/// Returns a new environment of the function.
pub(crate) fn function(backend: &MemoryBackend) -> ReportsFunction<MemoryBackend> {
    ReportsFunction {
        records: backend.clone(),
        account: backend.clone(),
        monitoring: backend.clone(),
        throttles: RecentThrottles::default(),
        system: backend.clone(),
        prices: Prices::standard(),
    }
}

/// Sends one of API Gateway's events to an environment.
pub(crate) async fn ask_environment(
    function: &ReportsFunction<MemoryBackend>,
    key: KeySettings,
    event: &Value,
) -> Response<Body> {
    let event = serde_json::from_value(event.clone()).expect("an event has API Gateway's form");
    let request = gateway::request(event).expect("a request");
    endpoint::handle(function, &Authenticator::new(key), request).await
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
