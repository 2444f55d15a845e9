//! Items, their sort keys, and the attributes that are written by hand.
//!
//! **Invariant:** stored data is never trusted. An unreadable attribute is an [`ItemError`], which names the
//! attribute and never its value. [`crate::storage::mapping`] reads and writes all items but the record of an email.

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::timestamp::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An item as the SDK represents it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Latest time that 15 digits can order: the year 33,658.
const LATEST: i64 = 999_999_999_999_999;

/// Reason why an item cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// A required attribute is missing.
    #[error("attribute {0} is missing")]
    Missing(&'static str),
    /// An attribute has another type, or a value that the field does not allow.
    #[error("attribute {0} is malformed")]
    Malformed(&'static str),
    /// The item is from a newer deployment.
    #[error("item of unknown version {0}")]
    UnknownVersion(u32),
}

/// Sort key that orders by time: 15 digits, then the id.
pub(crate) fn sortable(at: Timestamp, id: impl Display) -> String {
    format!("{}#{id}", digits(at))
}

/// The 15 digits that order a time.
pub(crate) fn digits(at: Timestamp) -> String {
    format!("{:015}", at.as_millis().clamp(0, LATEST))
}

/// Reads the time of a sort key.
pub(crate) fn parse_sortable(sortable: &str) -> Option<Timestamp> {
    let (millis, _) = sortable.split_once('#')?;
    if millis.len() != 15 || !millis.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    millis.parse().ok().map(Timestamp::from_millis)
}

/// A string attribute.
pub(crate) fn s(attribute: &str, value: String) -> (String, AttributeValue) {
    (attribute.to_owned(), AttributeValue::S(value))
}

/// A number attribute.
pub(crate) fn n(attribute: &str, value: impl ToString) -> (String, AttributeValue) {
    (attribute.to_owned(), AttributeValue::N(value.to_string()))
}

/// A binary attribute.
pub(crate) fn b(attribute: &str, value: &[u8]) -> (String, AttributeValue) {
    (attribute.to_owned(), AttributeValue::B(Blob::new(value)))
}

pub(crate) fn yes(attribute: &str) -> (String, AttributeValue) {
    (attribute.to_owned(), AttributeValue::Bool(true))
}

/// Reads the JSON of an attribute.
pub(crate) fn from_json<T: DeserializeOwned>(json: &str, attribute: &'static str) -> Result<T, ItemError> {
    serde_json::from_str(json).map_err(|_| ItemError::Malformed(attribute))
}

/// Serde name of an enum's value. An enum that is stored by name has no fields, so that a name always exists.
pub(crate) fn name<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(_) | Err(_) => String::new(),
    }
}

pub(crate) fn from_name<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::from(name)).ok()
}

#[cfg(test)]
mod tests {
    use domain::id::EmailId;

    use super::*;

    #[test]
    fn sort_keys_order_by_time() {
        let id = EmailId::from_random([1; 16]);
        let times = [i64::MIN, 0, 9, 10, 1_700_000_000_000, LATEST, i64::MAX];
        assert!(times.map(|ms| sortable(Timestamp::from_millis(ms), id)).is_sorted());
        let at = Timestamp::from_millis(12);
        assert_eq!(parse_sortable(&sortable(at, id)), Some(at));
        for bad in ["", "12#x", "00000000000001x#", "000000000000012", "-00000000000012#x"] {
            assert_eq!(parse_sortable(bad), None, "{bad}");
        }
    }
}
