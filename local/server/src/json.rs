//! JSON in requests and answers.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;

/// Reads a body.
///
/// # Errors
/// An answer 400 when the body is not the expected JSON.
#[expect(clippy::result_large_err, reason = "the error is the answer")]
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Response> {
    serde_json::from_slice(body).map_err(|error| refused(format!("The body cannot be read: {error}.")))
}

/// Answers 400 with a sentence.
pub fn refused(sentence: impl Into<String>) -> Response {
    message(StatusCode::BAD_REQUEST, sentence)
}

/// Answers with a sentence.
pub fn message(status: StatusCode, sentence: impl Into<String>) -> Response {
    (status, Json(json!({"message": sentence.into()}))).into_response()
}
