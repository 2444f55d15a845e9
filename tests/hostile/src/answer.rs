//! What a request is answered.

use domain::api_error::ApiError;

/// What is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Refused: status, error name, and how the message begins, its path first.
    Refused(u16, &'static str, String),
    /// Accepted, and carried as it is: there is nothing in it that anybody could take for something else.
    Carried,
}

impl Answer {
    /// What is different, when a request was answered so; nothing when it is as expected.
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

/// 422: a value, a type or a field that is wrong.
pub(crate) fn bad(begins: &str) -> Answer {
    Answer::Refused(422, "validation_error", begins.to_owned())
}

/// 422: something is not there.
pub(crate) fn missing(path: &str) -> Answer {
    Answer::Refused(422, "missing_required_field", format!("{path}: "))
}

/// 422: the From is none.
pub(crate) fn bad_from(begins: &str) -> Answer {
    Answer::Refused(422, "invalid_from_address", format!("from: {begins}"))
}

/// 422: an attachment is wrong.
pub(crate) fn bad_file(begins: &str) -> Answer {
    Answer::Refused(422, "invalid_attachment", begins.to_owned())
}

/// 400: it is no request.
pub(crate) fn malformed(begins: &str) -> Answer {
    Answer::Refused(400, "validation_error", format!("The request body {begins}"))
}

/// 413.
pub(crate) fn too_large() -> Answer {
    Answer::Refused(413, "validation_error", "The request body is too large".to_owned())
}

/// 400: the header `Idempotency-Key` is wrong.
pub(crate) fn bad_key() -> Answer {
    Answer::Refused(400, "invalid_idempotency_key", "Idempotency-Key: ".to_owned())
}
