//! JSON in requests and answers.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;

/// Reads a body.
///
/// # Errors
/// A sentence when the body is not the expected JSON.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("The body cannot be read: {error}."))
}

/// Answers 400 with a sentence.
pub fn refused(sentence: impl Into<String>) -> Response {
    message(StatusCode::BAD_REQUEST, sentence)
}

/// Answers with a sentence.
pub fn message(status: StatusCode, sentence: impl Into<String>) -> Response {
    (status, Json(json!({"message": sentence.into()}))).into_response()
}
