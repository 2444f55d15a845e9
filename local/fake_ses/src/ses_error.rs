//! SES's refusals, in the shape that the AWS SDKs read.
//!
//! An exhausted daily quota and an exceeded rate share one name and differ only in their sentence.
//!
//! Sources, read 2026-11-24: the errors of `SendEmail` in aws-sdk-sesv2 1.145 have these names. Issue 117 of
//! etailors_amazon_ses shows an answer of SES's API v2 with the status, name and sentence of an exceeded rate. The
//! Amazon SES developer guide, "Errors related to the sending quotas for your Amazon SES account", has those of a spent
//! quota, and names one throttling error for both. SES's SMTP interface gives the sentence of a paused account.

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

    /// Something else does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFoundException", message)
    }

    /// The identity exists already.
    pub fn identity_exists(name: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "AlreadyExistsException",
            format!("Email identity {name} already exist."),
        )
    }

    /// The account has too many identities.
    pub fn too_many_identities() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "LimitExceededException",
            "The account has reached the maximum number of identities.",
        )
    }

    /// The configuration set does not exist.
    pub fn no_configuration_set(name: &str) -> Self {
        Self::not_found(format!("Configuration set <{name}> does not exist."))
    }

    /// An operation on identities is called too often.
    pub fn called_too_often() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequestsException",
            "Rate exceeded",
        )
    }

    /// Another change of the identity is in progress.
    pub fn concurrent_modification() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "ConcurrentModificationException",
            "The resource is being modified by another operation or thread.",
        )
    }

    /// The behavior for a missing MX record is none of SES's.
    pub fn unknown_behavior() -> Self {
        Self::bad_request(
            "1 validation error detected: Value at 'behaviorOnMxFailure' failed to satisfy constraint: \
                Member must satisfy enum value set: [REJECT_MESSAGE, USE_DEFAULT_VALUE]",
        )
    }

    /// No identity allows the sender.
    pub fn unverified(from: &str, region: &str) -> Self {
        let region = region.to_ascii_uppercase();
        Self::rejected(format!(
            "Email address is not verified. The following identities failed the check in region {region}: {from}"
        ))
    }

    /// The identity demands its MAIL FROM domain, which is not verified.
    pub fn mail_from_unverified(domain: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "MailFromDomainNotVerifiedException",
            format!("MAIL FROM domain <{domain}> is not verified."),
        )
    }

    /// The SES tenant does not exist. The sentence is ours.
    pub fn no_tenant(name: &str) -> Self {
        Self::not_found(format!("Tenant {name} does not exist."))
    }

    /// An SES tenant may not use a resource. The sentence is ours.
    pub fn not_associated(resource: &str, tenant: &str) -> Self {
        Self::bad_request(format!("{resource} is not associated with the tenant {tenant}."))
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
