//! The one place that makes a [`PortError`] of an adapter's failure.

use std::error::Error;
use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use domain::ports::{FailureKind, PortError};

/// The codes of a service that is asked too much at once.
/// Source: the API references of DynamoDB, SQS and S3, "Common Errors" and each operation's errors.
const THROTTLED: [&str; 9] = [
    "ProvisionedThroughputExceededException",
    "ProvisionedThroughputExceeded",
    "ThrottlingException",
    "ThrottlingError",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "TooManyRequestsException",
];

/// The codes of a write that met another write of the same item.
const CONFLICT: [&str; 2] = ["TransactionConflict", "TransactionConflictException"];

/// A call that the adapter itself cannot carry out, or an answer that it cannot understand.
pub(crate) fn port(what: &'static str) -> impl Fn(Box<dyn Error + Send + Sync>) -> PortError {
    move |source| PortError {
        what,
        kind: FailureKind::Permanent,
        source,
    }
}

/// A call whose answer did not come to its end.
pub(crate) fn unknown(what: &'static str) -> impl Fn(Box<dyn Error + Send + Sync>) -> PortError {
    move |source| PortError {
        what,
        kind: FailureKind::Unknown,
        source,
    }
}

/// A call that AWS refused or did not answer.
pub(crate) fn failed<E>(what: &'static str) -> impl Fn(SdkError<E, HttpResponse>) -> PortError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    move |error| {
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        let kind = kind_of(is_built(&error), error.code(), status);
        PortError {
            what,
            kind,
            source: Box::new(error),
        }
    }
}

/// Whether the request could be made at all.
fn is_built<E: Debug>(error: &SdkError<E, HttpResponse>) -> bool {
    !matches!(error, SdkError::ConstructionFailure(_))
}

/// How a call failed, by the code and the status of its answer.
pub(crate) fn kind_of(is_built: bool, code: Option<&str>, status: Option<u16>) -> FailureKind {
    match (code, status) {
        _ if !is_built => FailureKind::Permanent,
        (Some(code), _) if THROTTLED.contains(&code) => FailureKind::Throttled,
        (Some(code), _) if CONFLICT.contains(&code) => FailureKind::Conflict,
        // The same transaction is still under way: its outcome is not known yet.
        (Some("TransactionInProgressException"), _) => FailureKind::Unknown,
        // Amazon S3 answers 409 while another request writes the same object.
        (Some("ConditionalRequestConflict" | "OperationAborted"), _) => FailureKind::Conflict,
        (_, Some(400..=499)) => FailureKind::Permanent,
        (_, Some(_) | None) => FailureKind::Unknown,
    }
}
