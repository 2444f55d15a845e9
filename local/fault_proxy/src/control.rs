//! The routes by which tests control and inspect the proxy. They are below a path that no AWS call can have: the name
//! of a bucket begins with a letter or a digit.
//!
//! | Route | |
//! |---|---|
//! | `PUT /_fault_proxy/faults` | `{"faults": [rule, ..]}` replaces all rules; answers 200 with them |
//! | `POST /_fault_proxy/faults` | adds a rule; answers 200 with it and its id |
//! | `GET /_fault_proxy/faults` | the active rules, each with the number of calls that it struck |
//! | `DELETE /_fault_proxy/faults` | removes all rules (204) |
//! | `DELETE /_fault_proxy/faults/{id}` | removes one rule (204) |
//! | `GET /_fault_proxy/calls` | the latest 10,000 ended calls, oldest first |
//! | `GET /_fault_proxy/calls/open` | the open calls |
//! | `GET /_fault_proxy/calls/{number}` | one call |
//! | `GET /_fault_proxy/stats` | counters: calls and their permissions, by caller; faults by kind |
//!
//! **Invariant:** a bad request changes nothing; the answer is 400 with one sentence.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, put};
use axum::{Json, Router};
use local_server::json::{read, refused};

use crate::plan::{Plan, Rule};
use crate::proxy::Proxy;

/// The path of the routes.
pub const PATH: &str = "/_fault_proxy/";

/// All routes.
pub fn routes(proxy: Arc<Proxy>) -> Router {
    let below = Router::new()
        .route(
            "/faults",
            put(put_faults).post(post_fault).get(get_faults).delete(delete_faults),
        )
        .route("/faults/{id}", delete(delete_fault))
        .route("/calls", get(list_ended))
        .route("/calls/open", get(open))
        .route("/calls/{number}", get(one))
        .route("/stats", get(stats));
    Router::new().nest("/_fault_proxy", below).with_state(proxy)
}

async fn put_faults(State(proxy): State<Arc<Proxy>>, body: Bytes) -> Response {
    let read = read::<Plan>(&body).and_then(|plan| plan.check().map(|()| plan));
    read.map_or_else(refused, |plan| Json(proxy.put(plan)).into_response())
}

async fn post_fault(State(proxy): State<Arc<Proxy>>, body: Bytes) -> Response {
    let read = read::<Rule>(&body).and_then(|rule| {
        let faults = vec![rule.clone()];
        Plan { faults }.check().map(|()| rule)
    });
    read.map_or_else(refused, |rule| Json(proxy.add(rule)).into_response())
}

async fn get_faults(State(proxy): State<Arc<Proxy>>) -> Response {
    Json(proxy.plan()).into_response()
}

async fn delete_faults(State(proxy): State<Arc<Proxy>>) -> StatusCode {
    proxy.put(Plan::default());
    StatusCode::NO_CONTENT
}

async fn delete_fault(State(proxy): State<Arc<Proxy>>, Path(id): Path<u64>) -> StatusCode {
    proxy.remove(id);
    StatusCode::NO_CONTENT
}

async fn list_ended(State(proxy): State<Arc<Proxy>>) -> Response {
    Json(proxy.record().ended_calls()).into_response()
}

async fn open(State(proxy): State<Arc<Proxy>>) -> Response {
    Json(proxy.record().open()).into_response()
}

async fn one(State(proxy): State<Arc<Proxy>>, Path(number): Path<u64>) -> Response {
    let found = proxy.record().entry(number);
    match found {
        Some(entry) => Json(entry).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn stats(State(proxy): State<Arc<Proxy>>) -> Response {
    Json(proxy.record().stats()).into_response()
}
