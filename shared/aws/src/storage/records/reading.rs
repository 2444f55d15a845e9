//! Attributes of an email's own record, read by hand: update expressions compare and change them one by one.
//!
//! **Invariant:** stored data is never trusted. All other items are read by [`crate::storage::mapping`].

use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::timestamp::Timestamp;
use serde::de::DeserializeOwned;

use crate::storage::attributes::{Item, ItemError, from_name};

/// Reads a string.
pub(super) fn text<'a>(item: &'a Item, attribute: &'static str) -> Result<&'a str, ItemError> {
    match item.get(attribute) {
        Some(AttributeValue::S(text)) => Ok(text),
        Some(_) => Err(ItemError::Malformed(attribute)),
        None => Err(ItemError::Missing(attribute)),
    }
}

/// Reads a binary value.
pub(super) fn bytes<'a>(item: &'a Item, attribute: &'static str) -> Result<&'a [u8], ItemError> {
    match item.get(attribute) {
        Some(AttributeValue::B(bytes)) => Ok(bytes.as_ref()),
        Some(_) => Err(ItemError::Malformed(attribute)),
        None => Err(ItemError::Missing(attribute)),
    }
}

pub(super) fn number<T: FromStr>(item: &Item, attribute: &'static str) -> Result<T, ItemError> {
    match item.get(attribute) {
        Some(AttributeValue::N(digits)) => digits.parse().map_err(|_| ItemError::Malformed(attribute)),
        Some(_) => Err(ItemError::Malformed(attribute)),
        None => Err(ItemError::Missing(attribute)),
    }
}

pub(super) fn time(item: &Item, attribute: &'static str) -> Result<Timestamp, ItemError> {
    number(item, attribute).map(Timestamp::from_millis)
}

pub(super) fn flag(item: &Item, attribute: &'static str) -> Result<bool, ItemError> {
    match item.get(attribute) {
        Some(AttributeValue::Bool(flag)) => Ok(*flag),
        Some(_) => Err(ItemError::Malformed(attribute)),
        None => Ok(false),
    }
}

pub(super) fn from_named_attribute<T: DeserializeOwned>(item: &Item, attribute: &'static str) -> Result<T, ItemError> {
    from_name(text(item, attribute)?).ok_or(ItemError::Malformed(attribute))
}

pub(super) fn maybe<'a, T>(
    item: &'a Item,
    attribute: &'static str,
    read: impl FnOnce(&'a Item, &'static str) -> Result<T, ItemError>,
) -> Result<Option<T>, ItemError> {
    match item.get(attribute) {
        Some(_) => read(item, attribute).map(Some),
        None => Ok(None),
    }
}
