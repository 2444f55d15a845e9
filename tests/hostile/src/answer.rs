//! The answer to a request.

use domain::api::error::ApiError;

/// The expected answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// A refusal: the status, the error name, and the beginning of the message, which starts with the path.
    Refused(u16, &'static str, String),
    /// An acceptance. The message carries the content unchanged, so that no receiver can misread it.
    Carried,
}

impl Expectation {
    /// Returns the difference from the actual answer; `None` when there is none.
    #[must_use]
    pub fn differs(&self, given: Option<&ApiError>) -> Option<String> {
        match (self, given) {
            (Self::Carried, None) => None,
            (Self::Carried, Some(error)) => Some(format!("it is refused: {}", error.body())),
            (Self::Refused(..), None) => Some("it is accepted".to_owned()),
            (Self::Refused(status, name, begins), Some(error)) => {
                let same = (error.status(), error.name().as_str()) == (*status, *name);
                let same = same && error.message().starts_with(begins);
                (!same).then(|| format!("it is answered {}, not {status} {name} {begins}", error.body()))
            }
        }
    }
}

/// 422: a wrong value, type or field.
pub(crate) fn bad(begins: &str) -> Expectation {
    Expectation::Refused(422, "validation_error", begins.to_owned())
}

/// 422: a missing field.
pub(crate) fn missing(path: &str) -> Expectation {
    Expectation::Refused(422, "missing_required_field", format!("{path}: "))
}

/// 422: an invalid sender.
pub(crate) fn bad_from(begins: &str) -> Expectation {
    Expectation::Refused(422, "invalid_from_address", format!("from: {begins}"))
}

/// 422: an invalid attachment.
pub(crate) fn bad_file(begins: &str) -> Expectation {
    Expectation::Refused(422, "invalid_attachment", begins.to_owned())
}

/// 400: a body that is not a request.
pub(crate) fn malformed(begins: &str) -> Expectation {
    Expectation::Refused(400, "validation_error", format!("The request body {begins}"))
}

/// 413: a body that is too large.
pub(crate) fn too_large() -> Expectation {
    Expectation::Refused(413, "validation_error", "The request body is too large".to_owned())
}

/// 400: an invalid `Idempotency-Key` header.
pub(crate) fn bad_key() -> Expectation {
    Expectation::Refused(400, "invalid_idempotency_key", "Idempotency-Key: ".to_owned())
}

/// 404: no stored object has this token.
pub(crate) fn not_found(begins: &str) -> Expectation {
    Expectation::Refused(404, "not_found", begins.to_owned())
}
