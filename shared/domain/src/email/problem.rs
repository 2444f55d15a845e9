//! What is wrong with an email, and where.
//!
//! **Invariant:** a problem holds nothing of the email's content.

use crate::address::AddressError;

/// What is wrong with one field, as a sentence without its path and without its content.
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
        /// What it must be, with its article.
        expected: &'static str,
        /// What it is, with its article.
        found: &'static str,
    },
    /// A field that nobody knows.
    #[error("unknown field{0}")]
    Unknown(&'static str),
    /// A field that is known and not implemented.
    #[error("this field is not supported yet")]
    Unsupported,
    /// A key that an object has twice.
    #[error("is given more than once")]
    Repeated,
    /// More entries than allowed.
    #[error("has {found} entries; at most {max} are allowed")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// More recipients than allowed in `to`, `cc` and `bcc` together.
    #[error("to, cc and bcc have {found} recipients together; at most {max} are allowed")]
    TooManyRecipients {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// More uploads than a batch may use.
    #[error("the batch has {found} attachments by id up to here; at most {max} are allowed")]
    TooManyUploads {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// Longer than allowed.
    #[error("is too long: {found} bytes; at most {max} are allowed")]
    TooLong {
        /// How long it is, in bytes, as it is rendered.
        found: usize,
        /// How long it may be.
        max: usize,
    },
    /// Larger than SES takes.
    #[error("too large: {found} bytes as they are sent; at most {max} are allowed in an email")]
    TooLarge {
        /// How large it is, in bytes of a message.
        found: u64,
        /// How large it may be.
        max: u64,
    },
    /// A number out of its range, or none that is whole.
    #[error("must be a whole number from {min} to {max}")]
    Range {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// A queue that there is not; the names of those that there are.
    #[error("there is no queue of this name; there are {0}")]
    NoQueue(String),
    /// Any other bad value.
    #[error("{0}")]
    Bad(&'static str),
    /// Any of these, of an attachment.
    #[error("{0}")]
    Attachment(Box<Problem>),
}

/// What is wrong with an email, and where: `to[3]: the domain must contain a dot`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct EmailError {
    /// The field's path inside the email; empty for the email itself.
    pub path: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl EmailError {
    /// Puts a problem to its place.
    pub fn at(path: impl Into<String>, problem: Problem) -> Self {
        let path = path.into();
        Self { path, problem }
    }

    /// Says that it is about an attachment.
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
pub(super) fn missing(field: &str) -> EmailError {
    EmailError::at(field, Problem::Missing("this field is required"))
}

/// A value that is not allowed.
pub(super) fn bad(path: impl Into<String>, why: &'static str) -> EmailError {
    EmailError::at(path, Problem::Bad(why))
}
