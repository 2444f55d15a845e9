//! SES's refusals, in the shape that the AWS SDKs read.
//!
//! An exhausted daily quota and an exceeded rate share one name and differ only in their sentence.
//!
//! Source: names, the errors of `SendEmail` in aws-sdk-sesv2 1.145. The rate's status, name and sentence, an answer
//! of SES's API v2 logged in etailors_amazon_ses issue 117. The quota's, Amazon SES developer guide, "Errors related
//! to the sending quotas for your Amazon SES account": both come as one throttling error. Read 2026-11-24. The
//! sentence of a paused account is the one that SES's SMTP interface gives.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SesError {
    /// The HTTP status.
    pub status: StatusCode,
    /// SES's name for the error.
    pub name: &'static str,
    /// SES's sentence.
    pub message: String,
}

impl SesError {
    /// Over the rate per second.
    pub fn throttled() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequestsException",
            "Maximum sending rate exceeded.",
        )
    }

    /// Over the daily quota.
    pub fn quota() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequestsException",
            "Daily message quota exceeded.",
        )
    }

    /// Sending is paused.
    pub fn paused() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "SendingPausedException",
            "Sending paused for this account. For more information, please check the inbox of the \
                email address associated with your AWS account.",
        )
    }

    /// The message itself is rejected.
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MessageRejected", message)
    }

    /// The request is wrong.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequestException", message)
    }

    /// The address is not on the account-wide suppression list.
    pub fn not_suppressed() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NotFoundException",
            "Email address does not exist on your suppression list.",
        )
    }

    /// The identity does not exist.
    pub fn no_identity(name: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NotFoundException",
            format!("Email identity {name} does not exist."),
        )
    }

    /// The operation does not exist.
    pub fn unknown_operation() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "UnknownOperationException",
            "The requested operation is not supported.",
        )
    }

    fn new(status: StatusCode, name: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            name,
            message: message.into(),
        }
    }
}

impl IntoResponse for SesError {
    fn into_response(self) -> Response {
        let header = (
            HeaderName::from_static("x-amzn-errortype"),
            HeaderValue::from_static(self.name),
        );
        (self.status, [header], Json(json!({"message": self.message}))).into_response()
    }
}
