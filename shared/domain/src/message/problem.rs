//! A problem with an email, and its place.
//!
//! **Invariant:** a problem holds nothing of the email's content.

use crate::message::address::AddressError;

/// A problem with one field, as a sentence without its path and without its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The From is not an address.
    #[error("{0}")]
    From(AddressError),
    /// Another field is not an address.
    #[error("{0}")]
    Address(AddressError),
    /// A required field is absent.
    #[error("{0}")]
    Missing(&'static str),
    /// A JSON value of another type.
    #[error("must be {expected}, not {found}")]
    WrongType {
        /// The expected type, with its article.
        expected: &'static str,
        /// The found type, with its article.
        found: &'static str,
    },
    /// An email of a batch that could not be read, with a whole sentence about the reason.
    #[error("{0}")]
    Json(String),
    /// A field that no version knows.
    #[error("unknown field")]
    Unknown,
    /// A field that no version knows, with the field that was probably meant.
    #[error("unknown field; did you mean {0}?")]
    Misspelt(&'static str),
    /// A known field that is not implemented, with a remedy.
    #[error("this field is not supported; {0}")]
    Unsupported(&'static str),
    /// A key that an object has twice.
    #[error("is given more than once")]
    Repeated,
    /// More entries than allowed.
    #[error("has {found} entries; at most {max} are allowed")]
    TooMany {
        /// The number of entries.
        found: usize,
        /// The most that are allowed.
        max: usize,
    },
    /// More recipients than allowed in `to`, `cc` and `bcc` together.
    #[error("to, cc and bcc have {found} recipients together; at most {max} are allowed")]
    TooManyRecipients {
        /// The number of recipients.
        found: usize,
        /// The most that are allowed.
        max: usize,
    },
    /// More uploads than a batch may use.
    #[error("the emails up to this one have {found} attachments by id; at most {max} are allowed in a batch")]
    TooManyUploads {
        /// The number of uploads.
        found: usize,
        /// The most that are allowed.
        max: usize,
    },
    /// Longer than allowed.
    #[error("is too long: {found} bytes; at most {max} are allowed")]
    TooLong {
        /// The length as rendered, in bytes.
        found: usize,
        /// The greatest length that is allowed.
        max: usize,
    },
    /// Larger than SES takes.
    #[error("too large: {found} bytes when encoded; at most {max} are allowed in an email")]
    TooLarge {
        /// The size in a message, in bytes.
        found: u64,
        /// The greatest size that is allowed.
        max: u64,
    },
    /// A number out of its range, or not a whole number.
    #[error("must be a whole number from {min} to {max}")]
    Range {
        /// The least that is allowed.
        min: i64,
        /// The most that is allowed.
        max: i64,
    },
    /// An unknown queue, with the names of the known ones.
    #[error("no queue has this name; the queues are {0}")]
    NoQueue(String),
    /// Any other bad value.
    #[error("{0}")]
    Bad(&'static str),
    /// A problem of an attachment.
    #[error("{0}")]
    Attachment(Box<Problem>),
}

/// A problem with an email, and its place: `to[3]: the domain must contain a dot`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct EmailError {
    /// The field's path inside the email; empty for the email itself.
    pub path: String,
    /// The problem.
    pub problem: Problem,
}

impl EmailError {
    /// Creates a problem with its place.
    pub fn at(path: impl Into<String>, problem: Problem) -> Self {
        let path = path.into();
        Self { path, problem }
    }

    /// Marks the problem as one of an attachment.
    #[must_use]
    pub fn of_attachment(self) -> Self {
        if matches!(self.problem, Problem::Attachment(_)) {
            return self;
        }
        let problem = Problem::Attachment(Box::new(self.problem));
        Self { problem, ..self }
    }
}

/// A required field that is absent.
pub(crate) fn missing(field: &str) -> EmailError {
    EmailError::at(field, Problem::Missing("this field is required"))
}

/// A value that is not allowed.
pub(crate) fn bad(path: impl Into<String>, why: &'static str) -> EmailError {
    EmailError::at(path, Problem::Bad(why))
}
