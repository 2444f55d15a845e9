//! Adds a hook to a record of an email that was accepted without one.
//!
//! **Role:** for a recovery of events of the time before a webhook.
//! **Invariant:** a hook is added once, to the record that the caller read: by its birth, and by the count of its
//! delivery statuses. The count rises, so that the write of a function that read the record without a hook is refused,
//! and decided again: `feedback` stores facts, and `send` keeps the recipients that it leaves out.

use domain::delivery::hook::Hook;
use domain::delivery::record::EmailRecord;
use domain::ports::PortError;
use domain::ports::webhook_events::HookStamps;

use super::{Table, hook};
use crate::storage::table::{ConditionOutcome, Expression, keys};

/// Attribute of the birth.
const BORN: &str = "b";

/// Attribute of the count of writes of the delivery statuses.
const DELIVERY_VERSION: &str = "fn";

impl HookStamps for Table {
    async fn stamp_hook(&self, record: &EmailRecord, hook: &Hook) -> Result<bool, PortError> {
        const WHAT: &str = "adding a hook to an email record";
        let attributes = hook::attributes(hook);
        let mut sets = vec!["#version = :next".to_owned()];
        // A tombstone has no birth.
        let mut change = Expression::condition("#born = :born AND #version = :seen AND attribute_not_exists(#keys)")
            .with_name("#born", BORN)
            .with_name("#version", DELIVERY_VERSION)
            .with_name("#keys", hook::RECIPIENTS)
            .with_value(":born", record.born.as_millis())
            .with_value(":seen", record.delivery_version)
            .with_value(":next", record.delivery_version.saturating_add(1));
        for (place, (name, value)) in attributes.iter().enumerate() {
            sets.push(format!("#h{place} = :h{place}"));
            change = change
                .with_name(format!("#h{place}"), name)
                .with_attribute(format!(":h{place}"), value.clone());
        }
        change.update = format!("SET {}", sets.join(", "));
        match self
            .update_if(keys::email(&record.email_key()), change, None, WHAT)
            .await?
        {
            ConditionOutcome::Done(_) => Ok(true),
            // Its own write, whose answer was lost; or another one.
            ConditionOutcome::Refused(stored) => Ok(stored.is_some_and(|stored| {
                let is_same_birth = stored.get(BORN).is_some_and(|born| {
                    born.as_n()
                        .is_ok_and(|born| *born == record.born.as_millis().to_string())
                });
                is_same_birth && attributes.iter().all(|(name, value)| stored.get(name) == Some(value))
            })),
        }
    }
}

#[cfg(test)]
#[path = "stamping_tests.rs"]
mod tests;
