//! The routes that tests steer and look with.
//!
//! **Invariant:** a bad request changes nothing and is answered 400 with one sentence.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::account::Limits;
use crate::app::App;
use crate::faults::FaultPlan;

/// `GET /messages`: all of them, newest first.
pub async fn list_messages(State(app): State<Arc<App>>) -> Response {
    let messages = app.mailbox().newest_first();
    Json(messages.iter().map(AsRef::as_ref).collect::<Vec<_>>()).into_response()
}

/// `GET /messages/{id}`: one.
pub async fn get_message(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let found = app.mailbox().get(&id);
    match found {
        Some(message) => Json(message.as_ref()).into_response(),
        None => not_found(),
    }
}

/// `DELETE /messages`.
pub async fn delete_messages(State(app): State<Arc<App>>) -> StatusCode {
    app.mailbox().clear();
    StatusCode::NO_CONTENT
}

/// `PUT /faults`: replaces them all.
pub async fn put_faults(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let plan: FaultPlan = match read(&body) {
        Ok(plan) => plan,
        Err(sentence) => return bad_request(&sentence),
    };
    if let Err(sentence) = plan.check() {
        return bad_request(&sentence);
    }
    app.faults().0 = plan.clone();
    Json(plan).into_response()
}

/// `GET /faults`: with what is left of their counts.
pub async fn get_faults(State(app): State<Arc<App>>) -> Response {
    let plan = app.faults().0.clone();
    Json(plan).into_response()
}

/// `DELETE /faults`.
pub async fn delete_faults(State(app): State<Arc<App>>) -> StatusCode {
    app.faults().0 = FaultPlan::default();
    StatusCode::NO_CONTENT
}

/// `PUT /account`: replaces both limits.
pub async fn put_account(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let limits: Limits = match read(&body) {
        Ok(limits) => limits,
        Err(sentence) => return bad_request(&sentence),
    };
    if let Err(sentence) = limits.check() {
        return bad_request(&sentence);
    }
    app.account().set(limits.clone());
    Json(limits).into_response()
}

/// `GET /stats`.
pub async fn get_stats(State(app): State<Arc<App>>) -> Response {
    let stats = app.stats().clone();
    let events = app.events.as_ref().map(|publisher| publisher.progress());
    Json(json!({"requests": stats.requests, "faults": stats.faults, "events": events})).into_response()
}

/// The answer for what does not exist.
pub fn not_found() -> Response {
    (
        StatusCode::NOT_FOUND,
        Json(json!({"message": "There is no such message or attachment."})),
    )
        .into_response()
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("The body cannot be read: {error}."))
}

fn bad_request(sentence: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"message": sentence}))).into_response()
}
