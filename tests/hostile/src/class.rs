//! One class of hostile input.

use domain::api::access_api::parse_code;
use domain::api::attachments::parse_upload;
use domain::api::domain_api;
use domain::api::error::ApiError;
use domain::api::idempotency_key::IdempotencyKey;
use domain::api::preview::parse_token;
use domain::api::requests::{BatchValidation, parse_batch, parse_email};
use domain::api::suppressions::parse_add;
use domain::api::webhook_api;
use domain::tenant::domains::Tls;

use crate::answer::Expectation;
use crate::rule::Rule;

/// The reader of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /emails`.
    Email,
    /// `POST /emails/batch`.
    Batch,
    /// `POST /attachments`.
    Upload,
    /// `POST /suppressions`.
    Suppression,
    /// `POST /domains`.
    Domain,
    /// `POST /webhooks`.
    Webhook,
    /// `POST /console-codes/exchange`.
    ConsoleCode,
    /// The token in `GET /previews/{token}`.
    Preview,
    /// The header `Idempotency-Key`.
    Key,
    /// The header `x-batch-validation`.
    Validation,
}

impl Endpoint {
    /// Passes a request to the real reader.
    ///
    /// # Errors
    /// The refusal.
    pub fn read(self, request: &[u8]) -> Result<(), ApiError> {
        let text = String::from_utf8_lossy(request);
        match self {
            Self::Email => parse_email(request).map(drop),
            Self::Batch => parse_batch(request, BatchValidation::Strict).map(drop),
            Self::Upload => parse_upload(request).map(drop),
            Self::Suppression => parse_add(request).map(drop),
            Self::Domain => domain_api::parse_create(request, Tls::Opportunistic).map(drop),
            Self::Webhook => webhook_api::parse_create(request).map(drop),
            Self::ConsoleCode => parse_code(request).map(drop),
            Self::Preview => parse_token(&text).map(drop),
            Self::Key => IdempotencyKey::parse(&text).map(drop),
            Self::Validation => BatchValidation::parse(Some(&text)).map(drop),
        }
    }
}

/// A class: a request and its expected answer.
#[derive(Debug, Clone)]
pub struct Class {
    /// The description, in a few words.
    pub name: &'static str,
    /// The source: an advisory, or a section of a grammar.
    pub source: &'static str,
    /// The rule that the class tests.
    pub rule: Rule,
    /// The reader of the request.
    pub door: Endpoint,
    /// The request.
    pub hostile: Vec<u8>,
    /// The expected answer.
    pub answer: Expectation,
    /// A nearly identical request that is accepted; `None` if the request itself is accepted.
    pub twin: Option<Vec<u8>>,
}

impl Class {
    /// Returns the same class for another reader.
    #[must_use]
    pub(crate) fn through(self, door: Endpoint) -> Self {
        Self { door, ..self }
    }
}

/// Creates a class that is refused, with its accepted twin.
pub(crate) fn refused(
    rule: Rule,
    name: &'static str,
    source: &'static str,
    hostile: impl Into<Vec<u8>>,
    answer: Expectation,
    twin: impl Into<Vec<u8>>,
) -> Class {
    Class {
        name,
        source,
        rule,
        door: Endpoint::Email,
        hostile: hostile.into(),
        answer,
        twin: Some(twin.into()),
    }
}

/// Creates a class that is accepted.
pub(crate) fn carried(rule: Rule, name: &'static str, source: &'static str, hostile: impl Into<Vec<u8>>) -> Class {
    Class {
        name,
        source,
        rule,
        door: Endpoint::Email,
        hostile: hostile.into(),
        answer: Expectation::Carried,
        twin: None,
    }
}
