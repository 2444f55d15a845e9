//! Converts a record of the table's stream, from a Lambda event, to a change that may lead to events of webhooks.
//!
//! **Role:** read by `notify`, whose filter of the stream in `template.yaml` lets only such records pass. A record that
//! the filter would leave out does no harm here.
//! **Invariant:** each stream record is read on its own. A tombstone and an expired item are missing items.
//!
//! Source: as [`super::changes`].

use domain::ports::webhook_events::HookChange;
use serde_json::Value;

use crate::storage::attributes::{Item, ItemError};
use crate::storage::changes::{ChangeError, field, item_of};
use crate::storage::mapping::attribute;
use crate::storage::records::item::to_record;
use crate::storage::table::keys::{self, webhooks};
use crate::storage::{domains, email_facts, suppressions};

/// Attribute that only a tombstone has.
const ERASED: &str = "er";

/// Reads a record. `None`: it does not concern webhooks.
///
/// # Errors
/// [`ChangeError`] names the problem, never a value.
pub fn read(stream_record: &Value) -> Result<Option<HookChange>, ChangeError> {
    let stream_record = field(stream_record, "dynamodb");
    let keys = item_of(field(stream_record, "Keys"));
    let image = |name: &str| Some(item_of(field(stream_record, name))).filter(|image| !image.is_empty());
    let (before, after) = (image("OldImage"), image("NewImage"));
    let sk: String = attribute(&keys, "sk")?;
    Ok(if sk == keys::EMAIL {
        Some(HookChange::Email {
            key: keys::to_email(&keys)?,
            before: maybe(before.filter(is_record), to_record)?.map(Box::new),
            after: maybe(after.filter(is_record), to_record)?.map(Box::new),
        })
    } else if sk.starts_with(webhooks::FACT) {
        let key = keys::to_email(&keys)?;
        // A deletion tells nothing.
        maybe(after, email_facts::to_fact)?.map(|fact| HookChange::Fact { key, fact })
    } else if sk.starts_with(webhooks::JOB) {
        let (tenant, id) = webhooks::to_job(&keys)?;
        after.map(|_| HookChange::Job { tenant, id })
    } else if sk == keys::SUPPRESSION {
        let (tenant, id) = keys::to_suppression(&keys)?;
        let entry = |item: &Item| suppressions::to_entry(&tenant, item);
        let (before, after) = (maybe(before, entry)?, maybe(after, entry)?);
        Some(HookChange::Suppression {
            tenant,
            id,
            before,
            after,
        })
    } else if keys::is_domain(&keys) {
        let before = maybe(before, domains::to_domain)?.map(Box::new);
        let after = maybe(after, domains::to_domain)?.map(Box::new);
        let known = after.as_ref().or(before.as_ref());
        known
            .map(|domain| (domain.tenant.clone(), domain.id))
            .map(|(tenant, id)| HookChange::Domain {
                tenant,
                id,
                before,
                after,
            })
    } else {
        None
    })
}

fn is_record(image: &Item) -> bool {
    !image.contains_key(ERASED)
}

/// Reads an image, if there is one.
fn maybe<T>(image: Option<Item>, read: impl Fn(&Item) -> Result<T, ItemError>) -> Result<Option<T>, ItemError> {
    image.map(|image| read(&image)).transpose()
}

#[cfg(test)]
#[path = "hook_changes_tests.rs"]
mod tests;
