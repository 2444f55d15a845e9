//! A caller of the API in a world in memory.

use aws::gateway;
use aws::settings::KeySettings;
use lambda_http::{Body, Response};
use manage::{Manage, handler};
use serde_json::Value;
use world::World;

/// Asks with one of API Gateway's events.
pub(crate) async fn ask(world: &World, event: &Value) -> Response<Body> {
    let manage = Manage {
        rows: world.clone(),
        bodies: world.clone(),
        system: world.clone(),
    };
    let key = KeySettings {
        sha256: aws::http::key_hash(b"mq_secret"),
    };
    let event = serde_json::from_value(event.clone()).expect("an event has API Gateway's form");
    handler::handle(&manage, &key, gateway::request(event)).await
}

/// An answer's status and JSON.
pub(crate) fn read(response: &Response<Body>) -> (u16, Value) {
    let Body::Text(text) = response.body() else {
        panic!("an answer is text")
    };
    (
        response.status().as_u16(),
        serde_json::from_str(text).expect("an answer is JSON"),
    )
}
