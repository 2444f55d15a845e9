//! Conversion of adapter failures to [`PortError`], in one place.

use std::error::Error;
use std::fmt;
use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use domain::ports::{FailureKind, PortError};

/// Codes of an overloaded service.
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

/// Codes of a write that met a concurrent write of the same item.
const CONFLICT: [&str; 2] = ["TransactionConflict", "TransactionConflictException"];

/// Error of a call that the adapter itself cannot carry out, or of an answer that it cannot parse.
pub(crate) fn port(what: &'static str) -> impl Fn(Box<dyn Error + Send + Sync>) -> PortError {
    move |source| PortError {
        what,
        kind: FailureKind::Permanent,
        source,
    }
}

/// Error of a call with an incomplete answer.
pub(crate) fn unknown(what: &'static str) -> impl Fn(Box<dyn Error + Send + Sync>) -> PortError {
    move |source| PortError {
        what,
        kind: FailureKind::Unknown,
        source,
    }
}

/// Error of a call that AWS refused or did not answer.
pub(crate) fn call_error<E>(what: &'static str) -> impl Fn(SdkError<E, HttpResponse>) -> PortError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    move |error| {
        if let Some(part) = MissingPart::of(error.code(), error.message()) {
            return PortError {
                what,
                kind: FailureKind::Incomplete,
                source: Box::new(Incomplete {
                    part,
                    source: Box::new(error),
                }),
            };
        }
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        let kind = kind_of(is_built(&error), error.code(), status);
        PortError {
            what,
            kind,
            source: Box::new(error),
        }
    }
}

/// Part of the deployment that a call did not find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MissingPart {
    Index,
    Table,
    Bucket,
}

impl MissingPart {
    /// Returns the missing part that a refusal names.
    ///
    /// Source: Amazon DynamoDB API Reference, `Query`, and Amazon S3 API Reference, "Error responses". DynamoDB has
    /// no error code for a missing index, so its message is compared.
    fn of(code: Option<&str>, message: Option<&str>) -> Option<Self> {
        const NO_INDEX: &str = "does not have the specified index";
        match code? {
            "ValidationException" if message.is_some_and(|words| words.contains(NO_INDEX)) => Some(Self::Index),
            "ResourceNotFoundException" => Some(Self::Table),
            "NoSuchBucket" => Some(Self::Bucket),
            _ => None,
        }
    }
}

impl fmt::Display for MissingPart {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Index => {
                "the table lacks an index: restore it again with its indexes (docs/OPERATIONS.md, Restore the table)"
            }
            Self::Table => "the table does not exist: check the parameter ExistingTableArn, and restore the table",
            Self::Bucket => "the bucket does not exist: check the parameter ExistingBucketName, and create the bucket",
        })
    }
}

/// Refusal of a call that needs a missing part of the deployment, with the remedy for its operator.
#[derive(Debug, thiserror::Error)]
#[error("{part}")]
struct Incomplete {
    part: MissingPart,
    source: Box<dyn Error + Send + Sync>,
}

/// Whether the request could be built.
fn is_built<E: Debug>(error: &SdkError<E, HttpResponse>) -> bool {
    !matches!(error, SdkError::ConstructionFailure(_))
}

/// Classifies a failed call by the code and the status of its answer.
pub(crate) fn kind_of(is_built: bool, code: Option<&str>, status: Option<u16>) -> FailureKind {
    match (code, status) {
        _ if !is_built => FailureKind::Permanent,
        (Some(code), _) if THROTTLED.contains(&code) => FailureKind::Throttled,
        (Some(code), _) if CONFLICT.contains(&code) => FailureKind::Conflict,
        // The same transaction is still in progress: its outcome is unknown.
        (Some("TransactionInProgressException"), _) => FailureKind::Unknown,
        // Amazon S3 answers 409 while another request writes the same object.
        (Some("ConditionalRequestConflict" | "OperationAborted"), _) => FailureKind::Conflict,
        (_, Some(400..=499)) => FailureKind::Permanent,
        (_, Some(_) | None) => FailureKind::Unknown,
    }
}
