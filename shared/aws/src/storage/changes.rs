//! Converts a record of the table's stream, from a Lambda event, to a change of an email's record.
//!
//! **Invariant:** each stream record is read on its own, and only for the counted attributes. A newer version's
//! attribute or value is no obstacle while the old ones suffice.
//!
//! Source: AWS Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB", and Amazon DynamoDB
//! API reference, `StreamRecord`, both as of November 2026.

use std::sync::LazyLock;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::delivery::history::Fact;
use domain::delivery::record::RecordStatus;
use domain::reporting::tally::change::{Change, CountedRecord};
use domain::reporting::tally::change_id::{ChangeId, Sequence};
use domain::timestamp::Timestamp;
use serde_json::Value;

use crate::storage::attributes::{self, Item, ItemError};
use crate::storage::mapping::{attribute, known_attributes, maybe_attribute};
use crate::storage::records::item;
use crate::storage::table::keys;

/// Reason why a stream record is no change.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A field is missing that DynamoDB always writes.
    #[error("a record of the stream has no {0}")]
    Missing(&'static str),
    /// The sequence number has not 1 to 64 digits.
    #[error("a record of the stream has a sequence number that is not 1 to 64 digits")]
    Sequence,
    /// The image of an email's record cannot be read.
    #[error("an email record in a record of the stream cannot be read")]
    EmailRecord(#[from] ItemError),
}

/// Returns the position of a record in the stream, for the log.
#[must_use]
pub fn sequence_number(stream_record: &Value) -> &str {
    field(field(stream_record, "dynamodb"), "SequenceNumber")
        .as_str()
        .unwrap_or("none")
}

/// Reads a record. `None`: it does not concern an email's record.
///
/// # Errors
/// [`ChangeError`] names the problem, never a value.
pub fn read(stream_record: &Value) -> Result<Option<Change>, ChangeError> {
    let stream_record = field(stream_record, "dynamodb");
    let keys = item_of(field(stream_record, "Keys"));
    if !attribute::<String>(&keys, "sk").is_ok_and(|sk| sk == keys::EMAIL) {
        return Ok(None);
    }
    let key = keys::to_email(&keys)?;
    let sequence = field(stream_record, "SequenceNumber").as_str();
    let sequence = sequence.ok_or(ChangeError::Missing("sequence number"))?;
    let sequence = Sequence::parse(sequence).ok_or(ChangeError::Sequence)?;
    // Seconds, possibly with a fraction.
    let seconds = field(stream_record, "ApproximateCreationDateTime").to_string();
    let at = millis(&seconds).ok_or(ChangeError::Missing("creation time"))?;
    Ok(Some(Change {
        change_id: ChangeId::new(&key, sequence, at),
        key,
        at,
        before: to_counted_record(&item_of(field(stream_record, "OldImage")))?,
        after: to_counted_record(&item_of(field(stream_record, "NewImage")))?,
    }))
}

/// Returns the value of a field; null when it is missing.
pub(crate) fn field<'a>(stream_record: &'a Value, name: &str) -> &'a Value {
    stream_record.get(name).unwrap_or(&Value::Null)
}

/// Converts seconds since 1970 from a JSON number, which may have an exponent.
fn millis(seconds: &str) -> Option<Timestamp> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    if let Ok(whole) = whole.parse::<i64>()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
        let millis = whole.checked_mul(1000)?.checked_add(fraction.parse().ok()?)?;
        return Some(Timestamp::from_millis(millis));
    }
    let (digits, exponent) = seconds.split_once(['e', 'E'])?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let places = usize::try_from(exponent.parse::<i8>().ok()?).ok()?.checked_add(3)?;
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(places).collect();
    format!("{whole}{digits}").parse().ok().map(Timestamp::from_millis)
}

/// Reads the counted attributes of a record. A tombstone has no status, and is no record.
fn to_counted_record(image: &Item) -> Result<Option<CountedRecord>, ItemError> {
    let Some(status) = maybe_attribute::<RecordStatus>(image, "s")? else {
        return Ok(None);
    };
    // The status implies the place of a record, except for held ones.
    let held = attribute::<String>(image, "due_pk").is_ok_and(|partition| partition.starts_with("held#"));
    Ok(Some(CountedRecord {
        born: attribute(image, "b")?,
        queue: attribute(image, "q")?,
        status,
        cause: attribute(image, "e").ok(),
        not_before: attribute(image, "n")?,
        scheduled: image.contains_key("w"),
        tried: attribute::<u32>(image, "c")? > 0,
        held,
        recipients: attribute(image, "r")?,
        attachment_bytes: maybe_attribute(image, item::ATTACHMENT_BYTES)?.unwrap_or(0),
        delivery_statuses: known_attributes(map(image, "f"), |recipient| Some(recipient.to_owned())),
        facts: map(image, "ev").keys().filter_map(|key| fact(key)).collect(),
        opened_at: maybe_attribute(image, "oa")?,
        clicked_at: maybe_attribute(image, "ca")?,
    }))
}

/// Returns the entries of a map; none if there is no map.
fn map<'a>(image: &'a Item, name: &str) -> &'a Item {
    static NONE: LazyLock<Item> = LazyLock::new(Item::new);
    let map = image.get(name).and_then(|value| value.as_m().ok());
    map.unwrap_or(&NONE)
}

fn fact(key: &str) -> Option<(String, Fact)> {
    let (recipient, fact) = key.rsplit_once(' ')?;
    Some((recipient.to_owned(), attributes::from_name(fact)?))
}

/// Converts an image to an item with the types that records and the other items of the stream have.
pub(crate) fn item_of(image: &Value) -> Item {
    let attribute = |(name, value): (&String, &Value)| Some((name.clone(), value_of(value)?));
    image
        .as_object()
        .map_or_else(Item::new, |image| image.iter().filter_map(attribute).collect())
}

fn value_of(value: &Value) -> Option<AttributeValue> {
    let (kind, value) = value.as_object()?.iter().next()?;
    match kind.as_str() {
        "S" => value.as_str().map(|text| AttributeValue::S(text.to_owned())),
        "N" => value.as_str().map(|digits| AttributeValue::N(digits.to_owned())),
        "BOOL" => value.as_bool().map(AttributeValue::Bool),
        "M" => Some(AttributeValue::M(item_of(value))),
        "B" => {
            let bytes = BASE64_STANDARD.decode(value.as_str()?).ok()?;
            Some(AttributeValue::B(Blob::new(bytes)))
        }
        "L" => {
            let values = value.as_array()?.iter().map(value_of);
            values.collect::<Option<_>>().map(AttributeValue::L)
        }
        "NULL" => Some(AttributeValue::Null(true)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
