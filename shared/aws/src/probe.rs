//! What lies behind the adapters, for who looks at it without a backend: how a record and a content
//! are stored, and what SES is given.
//!
//! **Role:** called by the fuzz targets (`tests/fuzz`) and by nothing that is deployed.
//! **Invariant:** translates nothing itself; every function here is the adapters' own.
//! **Start reading at** [`to_record`].

use std::collections::HashMap;
use std::io;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::operation::send_email::SendEmailInput;
use domain::email::EmailContent;
use domain::lifecycle::Condition;
use domain::ports::DueEmail;
use domain::record::EmailRecord;
use domain::timestamp::Timestamp;

use crate::attributes::{self, ItemError};
use crate::bodies;
use crate::records::{expression, item, waiting};
use crate::ses::Ses;
use crate::settings::SesSettings;

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// Reads a record, as every load does.
///
/// # Errors
/// [`ItemError`] names the attribute, never its value.
pub fn to_record(item: &Item) -> Result<EmailRecord, ItemError> {
    item::to_record(item)
}

/// The item that a record is stored as, without its `ttl`.
#[must_use]
pub fn from_record(record: &EmailRecord, shards: u16) -> Item {
    item::from_record(record, shards)
}

/// Reads an entry of the index's part `wake`.
///
/// # Errors
/// [`ItemError`] names the attribute, never its value.
pub fn to_coming(item: &Item) -> Result<DueEmail, ItemError> {
    waiting::to_coming(item)
}

/// Whether the item's time is over.
#[must_use]
pub fn is_forgotten(item: &Item, now: Timestamp) -> bool {
    attributes::is_forgotten(item, now)
}

/// An update as DynamoDB is asked for it: its expression, and what the placeholders stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// `SET #a = :a REMOVE #b`; empty where nothing differs.
    pub expression: String,
    /// The attribute behind each `#name`.
    pub names: HashMap<String, String>,
    /// The value behind each `:name`.
    pub values: Item,
}

/// The write that makes one record of another.
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
/// When it is not what was packed, or more than is ever stored.
pub fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    bodies::unpack(packed)
}

/// What SES is asked to do with an email. `client` is never used to call it.
///
/// # Errors
/// When the SDK finds that something is missing.
pub fn given_to_ses(
    client: &Client,
    claimed: &EmailRecord,
    email: &EmailContent,
) -> Result<SendEmailInput, BuildError> {
    let settings = SesSettings {
        configuration_set: "mailqueue-events".to_owned(),
        attempt_timeout: std::time::Duration::from_secs(10),
    };
    let request = Ses::new(client.clone(), &settings).request(claimed, email.clone())?;
    request.as_input().clone().build()
}
