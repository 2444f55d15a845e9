//! The error of a refused API request.
//!
//! **Role:** created by the parsers and the use cases; turned into a response by the HTTP layer.
//! **Invariant:** a name and its status belong together, so only the constructors create errors. A message never
//! repeats an address, a subject or a body.
//! **Start reading at** [`ApiError`].

use std::fmt;

use serde::Serialize;
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// The complete list of error names.
///
/// Every official SDK raises an error for each of them.
///
/// Source: Resend's API reference, "Errors", and tests/interop/error_names.json.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Display, EnumString, IntoStaticStr, VariantArray)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ErrorName {
    /// The input is malformed, unknown, unsupported or too large, or it has a wrong type or value. With 403:
    /// the domain of the From is not verified, or the request bypassed the proxy in front of the API. With 409: the
    /// present state does not allow the request; the message says why.
    ValidationError,
    /// A required field is missing.
    MissingRequiredField,
    /// The From address is invalid, or the tenant may not send from its domain.
    InvalidFromAddress,
    /// An attachment is invalid.
    InvalidAttachment,
    /// The idempotency key is empty, too long or not printable.
    InvalidIdempotencyKey,
    /// The idempotency key belongs to a different request.
    InvalidIdempotentRequest,
    /// The resource does not exist, or it belongs to another tenant.
    NotFound,
    /// The path does not support the method.
    MethodNotAllowed,
    /// The request has no API key.
    MissingApiKey,
    /// The API key is unknown, revoked or expired, or its tenant is suspended.
    InvalidApiKey,
    /// The API key has no permission for the request.
    RestrictedApiKey,
    /// The request exceeds a rate limit.
    RateLimitExceeded,
    /// The request exceeds a daily limit.
    DailyQuotaExceeded,
    /// An internal error, or 503 while a service is overloaded. An email request with an idempotency key can be
    /// repeated safely. Any other request may have taken effect.
    InternalServerError,
}

impl ErrorName {
    /// The name in the response.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An error response: `{"statusCode", "name", "message"}`.
///
/// Source: Resend's API reference, "Errors".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Error"))]
#[error("{message}")]
pub struct ApiError {
    #[serde(rename = "statusCode")]
    status: u16,
    name: ErrorName,
    message: String,
}

impl ApiError {
    fn new(status: u16, name: ErrorName, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, name, message }
    }

    /// 400: the body is not JSON, or not the expected object or array.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, ErrorName::ValidationError, message)
    }

    /// 422: an unknown or unsupported field, a wrong type, a bad value.
    pub fn validation(path: &str, problem: impl fmt::Display) -> Self {
        Self::new(422, ErrorName::ValidationError, at(path, problem))
    }

    /// 422: a required field is missing.
    pub fn missing_field(path: &str, problem: impl fmt::Display) -> Self {
        Self::new(422, ErrorName::MissingRequiredField, at(path, problem))
    }

    /// 422: an invalid From, or one that the tenant may not use.
    pub fn invalid_from(path: &str, problem: impl fmt::Display) -> Self {
        Self::new(422, ErrorName::InvalidFromAddress, at(path, problem))
    }

    /// 422: a bad attachment.
    pub fn invalid_attachment(path: &str, problem: impl fmt::Display) -> Self {
        Self::new(422, ErrorName::InvalidAttachment, at(path, problem))
    }

    /// 403: the domain of the From is not verified (Resend's choice of status and name).
    pub fn unverified_domain(path: &str, problem: impl fmt::Display) -> Self {
        Self::new(403, ErrorName::ValidationError, at(path, problem))
    }

    /// 413: the request is too large.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(413, ErrorName::ValidationError, message)
    }

    /// 400: an idempotency key that is empty, too long or not printable.
    pub fn invalid_idempotency_key(message: impl Into<String>) -> Self {
        Self::new(400, ErrorName::InvalidIdempotencyKey, message)
    }

    /// 409: the idempotency key belongs to another request.
    pub fn invalid_idempotent_request(message: impl Into<String>) -> Self {
        Self::new(409, ErrorName::InvalidIdempotentRequest, message)
    }

    /// 404: there is no such email, queue or route, or it belongs to another tenant.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, ErrorName::NotFound, message)
    }

    /// 405: the route exists, but not for this method.
    pub fn method_not_allowed(message: impl Into<String>) -> Self {
        Self::new(405, ErrorName::MethodNotAllowed, message)
    }

    /// 409: the present state does not allow the request. No official SDK has a name for it.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, ErrorName::ValidationError, message)
    }

    /// 401: no API key.
    pub fn missing_api_key(message: impl Into<String>) -> Self {
        Self::new(401, ErrorName::MissingApiKey, message)
    }

    /// 403: the API key is not valid, or its tenant is suspended (Resend's choice of status).
    pub fn invalid_api_key(message: impl Into<String>) -> Self {
        Self::new(403, ErrorName::InvalidApiKey, message)
    }

    /// 403: the request bypassed the proxy in front of the API.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, ErrorName::ValidationError, message)
    }

    /// 401: the API key does not have the permission (Resend's choice of status).
    pub fn restricted_api_key(message: impl Into<String>) -> Self {
        Self::new(401, ErrorName::RestrictedApiKey, message)
    }

    /// 429: over a rate limit. The caller adds `retry-after` and `ratelimit-*`.
    pub fn rate_limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(429, ErrorName::RateLimitExceeded, message)
    }

    /// 429: over a daily quota. The caller adds `retry-after` and `ratelimit-*`.
    pub fn daily_quota_exceeded(message: impl Into<String>) -> Self {
        Self::new(429, ErrorName::DailyQuotaExceeded, message)
    }

    /// 500: a failure on our side. The message does not name the cause: that belongs into the log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            500,
            ErrorName::InternalServerError,
            "An internal error occurred. An email request with an Idempotency-Key can be repeated safely. Any other request may have taken effect: check before you repeat it.",
        )
    }

    /// 500 like [`Self::internal`], with a message of its own.
    pub fn internal_with(message: impl Into<String>) -> Self {
        Self::new(500, ErrorName::InternalServerError, message)
    }

    /// 500: the deployment lacks its table, an index or its bucket. The log has the part and the remedy.
    #[must_use]
    pub fn incomplete() -> Self {
        Self::internal_with(
            "A part of this deployment's storage is missing, so a repetition fails too. Ask its operator: `make doctor` names the missing part.",
        )
    }

    /// 503: a service is overloaded, and the call had no effect there.
    ///
    /// Every official SDK of Resend knows this name: the PHP SDK treats an unknown name as success.
    #[must_use]
    pub fn overloaded() -> Self {
        Self::overloaded_with(
            "The service is overloaded. An email request with an Idempotency-Key can be repeated safely. Any other request may have taken effect: check before you repeat it.",
        )
    }

    /// 503 like [`Self::overloaded`], with a message of its own.
    pub fn overloaded_with(message: impl Into<String>) -> Self {
        Self::new(503, ErrorName::InternalServerError, message)
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> ErrorName {
        self.name
    }

    /// The message, with the field's path first if it has one.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The response's body, as JSON.
    #[must_use]
    pub fn body(&self) -> String {
        // Written by hand, because this cannot fail. A `Value` prints as JSON.
        format!(
            r#"{{"statusCode":{},"name":"{}","message":{}}}"#,
            self.status,
            self.name,
            serde_json::Value::from(self.message.as_str()),
        )
    }
}

fn at(path: &str, problem: impl fmt::Display) -> String {
    if path.is_empty() {
        problem.to_string()
    } else {
        format!("{path}: {problem}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_status_and_name() {
        for (error, status, name) in [
            (ApiError::malformed("x"), 400, "validation_error"),
            (ApiError::missing_field("a", "x"), 422, "missing_required_field"),
            (ApiError::validation("a", "x"), 422, "validation_error"),
            (ApiError::invalid_from("a", "x"), 422, "invalid_from_address"),
            (ApiError::invalid_attachment("a", "x"), 422, "invalid_attachment"),
            (ApiError::unverified_domain("a", "x"), 403, "validation_error"),
            (ApiError::too_large("x"), 413, "validation_error"),
            (ApiError::invalid_idempotency_key("x"), 400, "invalid_idempotency_key"),
            (
                ApiError::invalid_idempotent_request("x"),
                409,
                "invalid_idempotent_request",
            ),
            (ApiError::not_found("x"), 404, "not_found"),
            (ApiError::method_not_allowed("x"), 405, "method_not_allowed"),
            (ApiError::conflict("x"), 409, "validation_error"),
            (ApiError::missing_api_key("x"), 401, "missing_api_key"),
            (ApiError::invalid_api_key("x"), 403, "invalid_api_key"),
            (ApiError::restricted_api_key("x"), 401, "restricted_api_key"),
            (ApiError::rate_limit_exceeded("x"), 429, "rate_limit_exceeded"),
            (ApiError::daily_quota_exceeded("x"), 429, "daily_quota_exceeded"),
            (ApiError::internal(), 500, "internal_server_error"),
            (ApiError::internal_with("x"), 500, "internal_server_error"),
            (ApiError::overloaded(), 503, "internal_server_error"),
            (ApiError::overloaded_with("x"), 503, "internal_server_error"),
        ] {
            assert_eq!((error.status(), error.name().as_str()), (status, name));
            // `body`, `Serialize` and `as_str` agree.
            assert_eq!(serde_json::to_string(&error).unwrap(), error.body());
        }
    }

    #[test]
    fn the_message_begins_with_the_path() {
        let error = ApiError::validation("to[3]", "say \"hi\"\n");
        assert_eq!(
            error.body(),
            r#"{"statusCode":422,"name":"validation_error","message":"to[3]: say \"hi\"\n"}"#
        );
    }
}
