//! Facts of emails for webhooks in DynamoDB: one item for each of SES's events, beside the record.
//!
//! **Invariant:** `feedback` writes a fact before the record. The stream's filter takes its creation only, so that a
//! repeated event changes nothing.
//! **Retention:** about that of the record, counted from the event.

use domain::id::EmailKey;
use domain::ports::PortError;
use domain::ports::webhook_events::{EmailFacts, StoredFact};
use domain::timestamp::Timestamp;
use domain::webhook::fact::{EmailFact, FactNumber};
use serde::{Deserialize, Serialize};

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, ItemError};
use crate::storage::mapping::{attribute, decode, encode};
use crate::storage::table::keys::{self, webhooks};
use crate::storage::table::{Expression, Query, Table};

/// Stored form of a fact, without its key.
#[derive(Serialize, Deserialize)]
struct StoredItem {
    /// Birth of the email.
    b: Timestamp,
    /// The fact as JSON, with its format version.
    j: String,
    ttl: i64,
}

/// Reads a fact.
pub(crate) fn to_fact(item: &Item) -> Result<StoredFact, ItemError> {
    let stored: StoredItem = decode(item)?;
    Ok(StoredFact {
        born: stored.b,
        fact: EmailFact::from_json(&stored.j).ok_or(ItemError::Malformed("j"))?,
    })
}

impl EmailFacts for Table {
    async fn put_fact(&self, key: &EmailKey, fact: &StoredFact) -> Result<(), PortError> {
        const WHAT: &str = "storing a fact of an email";
        let stored = StoredItem {
            b: fact.born,
            j: fact.fact.to_json().map_err(|error| port(WHAT)(error.into()))?,
            ttl: fact.fact.at.after(self.retention).as_secs(),
        };
        let item = encode(webhooks::fact(key, fact.fact.number()), &stored, WHAT)?;
        let new = Expression::condition("attribute_not_exists(pk)");
        // The same fact is stored already, or now.
        self.put_if(item, new, WHAT).await.map(drop)
    }

    async fn delete_fact(&self, key: &EmailKey, number: FactNumber) -> Result<(), PortError> {
        self.delete(webhooks::fact(key, number), "deleting a fact of an email")
            .await
    }

    async fn facts_of(&self, key: &EmailKey, born: Timestamp) -> Result<Vec<EmailFact>, PortError> {
        const WHAT: &str = "reading the facts of an email";
        let query = Query::beginning(keys::email_pk(key), webhooks::FACT);
        let items = self.query_pages(query, usize::MAX, WHAT).await?.unwrap_or_default();
        let facts = items.iter().filter_map(|item| match to_fact(item) {
            Ok(stored) => (stored.born == born).then_some(stored.fact),
            Err(error) => {
                let sk = attribute::<String>(item, "sk").ok();
                tracing::error!(id = %key.id, sk, %error, "a fact of an email cannot be read");
                None
            }
        });
        Ok(facts.collect())
    }
}

#[cfg(test)]
#[path = "email_facts_tests.rs"]
mod tests;
