//! Errors of acceptance, and the answer to a partly stored batch.
//!
//! **Invariant:** pure. The answer to a partly stored batch is never a refusal: a caller who gets a refusal believes
//! that nothing was accepted.

use aws::http::answer::Failure;
use domain::api::error::ApiError;
use domain::id::EmailId;
use domain::ports::PortError;

use crate::quota::QuotaExceeded;

/// Reason why an email was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// This request stored nothing. The error names the reason, and usually the remedy.
    #[error("refused: {0}")]
    Refused(#[from] ApiError),
    /// The request would exceed a limit of the tenant.
    #[error("a limit of the tenant is exceeded")]
    QuotaExceeded(QuotaExceeded),
    /// A part of the batch may be stored.
    #[error("a batch was interrupted")]
    Broken(#[source] Box<Broken>),
    /// A backend call failed: the caller may repeat the request with the same key.
    #[error("an email could not be stored")]
    Port(#[from] PortError),
}

impl Failure for AcceptError {
    fn refusal(&self) -> Option<&ApiError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::QuotaExceeded(_) | Self::Broken(_) | Self::Port(_) => None,
        }
    }
}

/// A batch of which a part may be stored.
#[derive(Debug, thiserror::Error)]
#[error("{} emails of the batch are stored, and others are not", stored.len())]
pub struct Broken {
    /// The emails that are stored, with their places in the request.
    pub stored: Vec<(usize, EmailId)>,
    /// An earlier request of the same batch was charged to the tenant's limits.
    pub begun_before: bool,
    /// The request has an idempotency key.
    pub has_key: bool,
    /// The first failure.
    #[source]
    pub source: AcceptError,
}

impl Broken {
    /// Returns the error for the caller: 503 if a service was overloaded, else 500.
    #[must_use]
    pub fn error(&self, is_overload: bool) -> ApiError {
        let answer: fn(String) -> ApiError = if is_overload {
            ApiError::overloaded_with
        } else {
            ApiError::internal_with
        };
        let why = match &self.source {
            AcceptError::Refused(refusal) => format!(" {}.", refusal.message().trim_end_matches('.')),
            AcceptError::QuotaExceeded(_) | AcceptError::Broken(_) | AcceptError::Port(_) => String::new(),
        };
        if self.has_key && !matches!(self.source, AcceptError::Refused(_)) {
            return answer(format!(
                "Some emails of the batch may already be stored.{why} Repeat the request with the same Idempotency-Key. This completes the batch and sends no email twice."
            ));
        }
        if self.stored.is_empty() {
            return answer(format!(
                "Some emails of the batch may already be stored.{why} Check GET /emails before you repeat the request."
            ));
        }
        let stored: Vec<_> = self
            .stored
            .iter()
            .map(|(index, id)| format!("[{index}] {id}"))
            .collect();
        // A repetition with the same key would meet the same refusal.
        let key = if self.has_key {
            " with another Idempotency-Key"
        } else {
            ""
        };
        answer(format!(
            "Some emails of the batch are stored.{why} Do not repeat these: {}. Others may be stored too: check GET /emails. Then send the missing ones{key}.",
            stored.join(", ")
        ))
    }
}

/// Returns the error for a repeated batch whose emails may have expired. It is no refusal: after a refusal, the caller
/// would send the whole batch with another key.
pub(crate) fn forgotten() -> ApiError {
    ApiError::internal_with(
        "This batch was accepted so long ago that some of its emails are already deleted. Nothing is stored or sent again, because each email may have been sent. Do not repeat the batch with another Idempotency-Key.",
    )
}

/// Returns the error for a key of another request.
pub(crate) fn other_request() -> ApiError {
    ApiError::invalid_idempotent_request(
        "Idempotency-Key: was already used for a different request; repeat that request, or use a new key.",
    )
}
