//! Access to the adapters' mappings without a backend: the stored forms of a record and a content, and the
//! request to SES.
//!
//! **Role:** called by the fuzz targets (`tests/fuzz`) and by no deployed code.
//! **Invariant:** translates nothing itself; every function here only calls the code of the adapters.
//! **Start reading at** [`to_record`].

use std::collections::HashMap;
use std::io;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::operation::send_email::SendEmailInput;
use domain::delivery::record::EmailRecord;
use domain::lifecycle::Condition;
use domain::message::email::EmailContent;
use domain::ports::DueEmail;
use domain::timestamp::Timestamp;

use crate::runtime::settings::SesSettings;
use crate::ses::Ses;
use crate::storage::attributes::ItemError;
use crate::storage::records::{expression, item, waiting};
use crate::storage::{bodies, mapping};

/// An item as the SDK represents it.
pub type Item = HashMap<String, AttributeValue>;

/// Reads a record as every load does.
///
/// # Errors
/// [`ItemError`] names the attribute, never its value.
pub fn to_record(item: &Item) -> Result<EmailRecord, ItemError> {
    item::to_record(item)
}

/// Returns the stored item of a record, without its `ttl`.
#[must_use]
pub fn from_record(record: &EmailRecord, shards: u16) -> Item {
    item::from_record(record, shards)
}

/// Reads an entry of the index's part `wake`.
///
/// # Errors
/// [`ItemError`] names the attribute, never its value.
pub fn to_due_email(item: &Item) -> Result<DueEmail, ItemError> {
    waiting::to_due_email(item)
}

/// Whether the item has expired.
#[must_use]
pub fn is_forgotten(item: &Item, now: Timestamp) -> bool {
    mapping::is_forgotten(item, now)
}

/// An update as sent to DynamoDB: its expression, and the values of its placeholders.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// `SET #a = :a REMOVE #b`; empty when nothing differs.
    pub expression: String,
    /// Attribute of each `#name`.
    pub names: HashMap<String, String>,
    /// Value of each `:name`.
    pub values: Item,
}

/// Returns the write that turns one record into another.
#[must_use]
pub fn update(before: &EmailRecord, after: &EmailRecord, condition: Condition, shards: u16, ttl: i64) -> Update {
    let update = expression::transition(before, after, condition, shards, ttl);
    Update {
        expression: update.update,
        names: update.names,
        values: update.values,
    }
}

/// Unpacks a stored content.
///
/// # Errors
/// The input was not packed by this program, or exceeds the largest stored content.
pub fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    bodies::unpack(packed)
}

/// Returns the request to SES for an email. `client` is never used to call it.
///
/// # Errors
/// The SDK finds that a required field is missing.
pub fn given_to_ses(
    client: &Client,
    claimed: &EmailRecord,
    email: &EmailContent,
) -> Result<SendEmailInput, BuildError> {
    let settings = SesSettings {
        configuration_set: "mailqueue-events".to_owned(),
        tracked_configuration_set: "mailqueue-events-tracked".to_owned(),
        tracks_by_default: false,
        tenant_prefix: None,
        attempt_timeout: std::time::Duration::from_secs(10),
    };
    let request = Ses::new(client.clone(), &settings).request(claimed, email.clone())?;
    request.as_input().clone().build()
}
