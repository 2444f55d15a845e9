//! One class of hostile input.

use domain::api_error::ApiError;
use domain::wire::api::{BatchValidation, IdempotencyKey, parse_batch, parse_email};
use domain::wire::attachments::parse_upload;
use domain::wire::suppressions::parse_add;

use crate::answer::Answer;
use crate::rule::Rule;

/// Where a request is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// `POST /emails`.
    Email,
    /// `POST /emails/batch`.
    Batch,
    /// `POST /attachments`.
    Upload,
    /// `POST /suppressions`.
    Suppression,
    /// The header `Idempotency-Key`.
    Key,
    /// The header `x-batch-validation`.
    Validation,
}

impl Door {
    /// Has the real reader read a request.
    ///
    /// # Errors
    /// What the caller is answered.
    pub fn read(self, request: &[u8]) -> Result<(), ApiError> {
        let text = String::from_utf8_lossy(request);
        match self {
            Self::Email => parse_email(request).map(drop),
            Self::Batch => parse_batch(request, BatchValidation::Strict).map(drop),
            Self::Upload => parse_upload(request).map(drop),
            Self::Suppression => parse_add(request).map(drop),
            Self::Key => IdempotencyKey::parse(&text).map(drop),
            Self::Validation => BatchValidation::parse(Some(&text)).map(drop),
        }
    }
}

/// A class: a request, and what it is answered.
#[derive(Debug, Clone)]
pub struct Class {
    /// What it is, in a few words.
    pub name: &'static str,
    /// Where it was seen: an advisory, or a grammar's section.
    pub source: &'static str,
    /// The rule that it is about.
    pub rule: Rule,
    /// Where it is given.
    pub door: Door,
    /// The request.
    pub hostile: Vec<u8>,
    /// What it is answered.
    pub answer: Answer,
    /// What is nearly the same, and accepted; nothing where the request itself is.
    pub twin: Option<Vec<u8>>,
}

impl Class {
    /// The same, given elsewhere.
    #[must_use]
    pub(crate) fn through(self, door: Door) -> Self {
        Self { door, ..self }
    }
}

/// A class that is refused, with what is accepted beside it.
pub(crate) fn refused(
    rule: Rule,
    name: &'static str,
    source: &'static str,
    hostile: impl Into<Vec<u8>>,
    answer: Answer,
    twin: impl Into<Vec<u8>>,
) -> Class {
    Class {
        name,
        source,
        rule,
        door: Door::Email,
        hostile: hostile.into(),
        answer,
        twin: Some(twin.into()),
    }
}

/// A class that is accepted.
pub(crate) fn carried(rule: Rule, name: &'static str, source: &'static str, hostile: impl Into<Vec<u8>>) -> Class {
    Class {
        name,
        source,
        rule,
        door: Door::Email,
        hostile: hostile.into(),
        answer: Answer::Carried,
        twin: None,
    }
}
