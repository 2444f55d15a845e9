//! Reads requests about suppressions, and writes the responses, in Resend's form.
//!
//! **Role:** called by `suppressions`; calls [`crate::delivery::suppression`].
//! **Invariant:** as in [`super::requests`], any bytes end in a request or an [`ApiError`] with the field's path and
//! none of its content. A list is checked as a whole before any entry takes effect.
//!
//! Source: Resend's OpenAPI document, version 1.5.0, paths `/suppressions`, and resend-node's `Suppressions`, read
//! 2026-11-24. Resend's Ruby client also drops spaces around an address.

use serde::Serialize;

use super::fields::each_field;
use super::json::{Node, text, texts};
use super::spelling::unknown;
use crate::api::error::ApiError;
use crate::delivery::suppression::{Origin, Suppression, SuppressionId};
use crate::limits;
use crate::message::address::EmailAddress;
use crate::message::problem::{EmailError, Problem};
use crate::message::test_address::is_simulated;

/// The name of a suppression: its id or its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuppressionSelector {
    /// By its id.
    Id(SuppressionId),
    /// By its address.
    Address(EmailAddress),
}

impl SuppressionSelector {
    /// Reads a path segment with its escapes resolved.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = SuppressionId::parse(text).map(Self::Id);
        id.or_else(|| EmailAddress::parse(text.trim()).ok().map(Self::Address))
    }
}

/// Reads the body of `POST /suppressions`.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_add(body: &[u8]) -> Result<EmailAddress, ApiError> {
    let mut email = None;
    each_field(body, |key, path, value| {
        match key {
            "email" => email = text(path, value)?.map(|text| suppressible(path, &text)).transpose()?,
            _ => return Err(unknown(path, key, &["email"])),
        }
        Ok(())
    })?;
    email.ok_or_else(|| ApiError::missing_field("email", "this field is required"))
}

/// Reads the body of `POST /suppressions/batch/add`: its addresses, in their order.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_add_many(body: &[u8]) -> Result<Vec<EmailAddress>, ApiError> {
    let mut emails = None;
    each_field(body, |key, path, value| {
        match key {
            "emails" => emails = many(path, value, suppressible)?,
            _ => return Err(unknown(path, key, &["emails"])),
        }
        Ok(())
    })?;
    emails.ok_or_else(|| ApiError::missing_field("emails", "this field is required"))
}

/// Reads the body of `POST /suppressions/batch/remove`: addresses or ids, in their order.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_remove_many(body: &[u8]) -> Result<Vec<SuppressionSelector>, ApiError> {
    let (mut emails, mut ids) = (None, None);
    each_field(body, |key, path, value| {
        let by_address = |path: &str, text: &str| address(path, text).map(SuppressionSelector::Address);
        match key {
            "emails" => emails = many(path, value, by_address)?,
            "ids" => ids = many(path, value, id)?,
            _ => return Err(unknown(path, key, &["emails", "ids"])),
        }
        Ok(())
    })?;
    match (emails, ids) {
        (Some(which), None) | (None, Some(which)) => Ok(which),
        (None, None) => Err(ApiError::missing_field("emails", "emails or ids is required")),
        (Some(_), Some(_)) => Err(ApiError::validation("ids", "emails and ids cannot be used together")),
    }
}

fn address(path: &str, text: &str) -> Result<EmailAddress, EmailError> {
    EmailAddress::parse(text.trim()).map_err(|error| EmailError::at(path, Problem::Address(error)))
}

/// Reads an address to suppress.
fn suppressible(path: &str, text: &str) -> Result<EmailAddress, EmailError> {
    let address = address(path, text)?;
    if is_simulated(&address) {
        let why =
            "must not be a test address or an address of Amazon SES's mailbox simulator, which are never suppressed";
        return Err(EmailError::at(path, Problem::Bad(why)));
    }
    Ok(address)
}

fn id(path: &str, text: &str) -> Result<SuppressionSelector, EmailError> {
    let id = SuppressionId::parse(text).map(SuppressionSelector::Id);
    id.ok_or_else(|| EmailError::at(path, Problem::Bad("must be the id of a suppression")))
}

fn many<T>(
    path: &str,
    node: Node,
    read: impl Fn(&str, &str) -> Result<T, EmailError>,
) -> Result<Option<Vec<T>>, EmailError> {
    texts(
        path,
        node,
        (limits::SUPPRESSIONS_BATCH, "must have at least one entry"),
        read,
    )
}

/// A suppression.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Suppression"))]
pub struct SuppressionView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "suppression")))]
    object: &'static str,
    id: String,
    email: String,
    origin: Origin,
    source_id: Option<String>,
    created_at: String,
    /// The end of this suppression. A complaint that names several recipients suppresses each of them for
    /// seven days. Null: no end.
    expires_at: Option<String>,
}

impl SuppressionView {
    /// The response for a suppression.
    #[must_use]
    pub fn new(suppression: &Suppression) -> Self {
        Self {
            object: OBJECT,
            id: suppression.id().to_string(),
            email: suppression.address.as_str().to_owned(),
            origin: suppression.origin,
            source_id: suppression.source.map(|id| id.to_string()),
            created_at: suppression.created_at.to_string(),
            expires_at: suppression.until.map(|until| until.to_string()),
        }
    }
}

const OBJECT: &str = "suppression";

/// The response to an added suppression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "SuppressionAdded")
)]
pub struct AddedView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "suppression")))]
    object: &'static str,
    id: String,
}

impl AddedView {
    /// The response for an added suppression.
    #[must_use]
    pub fn new(id: SuppressionId) -> Self {
        Self {
            object: OBJECT,
            id: id.to_string(),
        }
    }
}

/// The response to a removed suppression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "SuppressionRemoved")
)]
pub struct RemovedView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "suppression")))]
    object: &'static str,
    id: String,
    deleted: bool,
    /// The outcome on Amazon SES's account-level suppression list. Present if that list stopped an email to the
    /// address.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_list: Option<AtSes>,
}

/// The outcome for an address on Amazon SES's account-level suppression list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AtSes {
    /// The list no longer has the address.
    Removed,
    /// The list still has the address: the recipient complained, and this deployment does not remove such addresses.
    KeptForComplaint,
}

impl RemovedView {
    /// The response for a removal; `deleted` is true if the address was suppressed.
    #[must_use]
    pub fn new(id: SuppressionId, deleted: bool, account_list: Option<AtSes>) -> Self {
        Self {
            object: OBJECT,
            id: id.to_string(),
            deleted,
            account_list,
        }
    }
}

/// The response to several suppressions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "{T}Many"))]
pub struct ManyView<T> {
    /// One entry for each item, in the order of the request.
    pub data: Vec<T>,
}

/// A page of the list.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "SuppressionPage")
)]
pub struct SuppressionsView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    object: &'static str,
    has_more: bool,
    data: Vec<SuppressionView>,
}

impl SuppressionsView {
    /// A page, newest first. `has_more`: there are more in the direction of reading.
    #[must_use]
    pub fn new(data: Vec<SuppressionView>, has_more: bool) -> Self {
        Self {
            object: "list",
            has_more,
            data,
        }
    }
}

#[cfg(test)]
#[path = "suppressions_tests.rs"]
mod tests;
