//! A partly stored batch: the response names the stored emails, and tells the caller how to continue.
//!
//! **Invariant:** pure. It is never a refusal: a caller who gets a refusal believes that nothing was accepted.
//! **Start reading at** [`all_of`].

use domain::api::error::ApiError;
use domain::api::requests::BatchItem;
use domain::id::EmailId;

use crate::AcceptError;
use crate::persistence::Stored;

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
        if self.has_key {
            return answer(format!(
                "Some emails of the batch may be accepted.{why} Repeat the request with the same Idempotency-Key. This completes the batch and sends no email twice."
            ));
        }
        if self.stored.is_empty() {
            return answer(format!(
                "Some emails of the batch may be accepted.{why} Check GET /emails before you repeat the request."
            ));
        }
        let told: Vec<_> = self
            .stored
            .iter()
            .map(|(index, id)| format!("[{index}] {id}"))
            .collect();
        answer(format!(
            "Some emails of the batch are accepted.{why} Do not repeat these: {}. Others may be accepted too. Check GET /emails before you repeat them.",
            told.join(", ")
        ))
    }
}

/// Returns all emails of a batch, or the refusal of a batch without any stored email, or
/// [`AcceptError::Broken`].
pub(crate) fn all_of(
    has_key: bool,
    begun_before: bool,
    items: &[&BatchItem],
    results: Vec<Result<Stored, AcceptError>>,
) -> Result<Vec<Stored>, AcceptError> {
    let (mut stored, mut indexes, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for (item, result) in items.iter().zip(results) {
        match result {
            Ok(one) => {
                indexes.push((item.index, one.record.id));
                stored.push(one);
            }
            Err(error) => failures.push(error),
        }
    }
    let nothing_is_stored =
        !begun_before && stored.is_empty() && failures.iter().all(|error| matches!(error, AcceptError::Refused(_)));
    let Some(source) = failures.into_iter().next() else {
        return Ok(stored);
    };
    if nothing_is_stored {
        return Err(source);
    }
    Err(AcceptError::Broken(Box::new(Broken {
        stored: indexes,
        begun_before,
        has_key,
        source,
    })))
}
