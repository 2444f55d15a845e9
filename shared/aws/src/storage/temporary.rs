//! Previews and codes of the console in DynamoDB: one item each, under the hash of its temporary token.
//!
//! **Invariant:** no item has a token, so that a copy of the table opens nothing. The end is an attribute beside the
//! TTL, because DynamoDB deletes late.
//! **Lost answers:** the key of an item is random, so an existing one is this write, repeated. A code that is used up
//! names the key that it became: the repeated call recognises its own use.

use std::time::Duration;

use aws_sdk_dynamodb::types::ReturnValue;
use domain::id::{EmailId, EmailKey, KeyId, TenantId};
use domain::ports::PortError;
use domain::ports::temporary::{ConsoleCodes, Previews};
use domain::tenant::console_code::ConsoleCode;
use domain::tenant::key::{Actor, ApiKey};
use domain::tenant::temporary::{Preview, TokenHash};
use domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use crate::runtime::failure::port;
use crate::storage::keys::from_key;
use crate::storage::mapping::{decode, encode, to_value};
use crate::storage::table::{ConditionOutcome, Expression, Table, keys};

/// Duration for which an expired key of the console stays: a response to a leak can still hold its emails.
const EXPIRED_KEY_STAYS: Duration = Duration::from_secs(86_400);

/// Stored form of a preview, without its key.
#[derive(Serialize, Deserialize)]
struct StoredPreview {
    tenant: TenantId,
    email: EmailId,
    expires_at: Timestamp,
    ttl: i64,
}

/// Stored form of a code that is not used up, without its key.
#[derive(Serialize, Deserialize)]
struct StoredCode {
    tenant: TenantId,
    asked_by: Actor,
    expires_at: Timestamp,
    ttl: i64,
}

impl Previews for Table {
    async fn add_preview(&self, hash: TokenHash, preview: &Preview) -> Result<(), PortError> {
        const WHAT: &str = "storing a preview";
        let stored = StoredPreview {
            tenant: preview.email.tenant.clone(),
            email: preview.email.id,
            expires_at: preview.expires_at,
            ttl: preview.expires_at.as_secs(),
        };
        let item = encode(keys::preview(&hash), &stored, WHAT)?;
        self.put_if(item, Expression::default(), WHAT).await.map(drop)
    }

    async fn preview(&self, hash: TokenHash, now: Timestamp) -> Result<Option<Preview>, PortError> {
        const WHAT: &str = "reading a preview";
        let Some(item) = self.get(keys::preview(&hash), WHAT).await? else {
            return Ok(None);
        };
        let stored: StoredPreview = decode(&item).map_err(|error| port(WHAT)(error.into()))?;
        let preview = Preview {
            email: EmailKey {
                tenant: stored.tenant,
                id: stored.email,
            },
            expires_at: stored.expires_at,
        };
        Ok(Some(preview).filter(|preview| preview.is_valid(now)))
    }
}

impl ConsoleCodes for Table {
    async fn add_code(&self, hash: TokenHash, code: &ConsoleCode) -> Result<(), PortError> {
        const WHAT: &str = "storing a code of the console";
        let stored = StoredCode {
            tenant: code.tenant.clone(),
            asked_by: code.asked_by,
            expires_at: code.expires_at,
            ttl: code.expires_at.as_secs(),
        };
        let item = encode(keys::console_code(&hash), &stored, WHAT)?;
        self.put_if(item, Expression::default(), WHAT).await.map(drop)
    }

    async fn use_code(&self, hash: TokenHash, id: KeyId, now: Timestamp) -> Result<Option<ConsoleCode>, PortError> {
        const WHAT: &str = "using a code of the console";
        let change = Expression::update("SET used_by = :key")
            .when("expires_at > :now AND (attribute_not_exists(used_by) OR used_by = :key)")
            .with_value(":now", now.as_millis())
            .with_value(":key", id.to_string());
        let key = keys::console_code(&hash);
        let used = self.update_if(key, change, Some(ReturnValue::AllNew), WHAT).await?;
        let ConditionOutcome::Done(Some(item)) = used else {
            return Ok(None);
        };
        let stored: StoredCode = decode(&item).map_err(|error| port(WHAT)(error.into()))?;
        Ok(Some(ConsoleCode {
            tenant: stored.tenant,
            asked_by: stored.asked_by,
            expires_at: stored.expires_at,
        }))
    }

    async fn add_console_key(&self, key: &ApiKey) -> Result<(), PortError> {
        let mut item = from_key(key)?;
        if let Some(end) = key.expires_at {
            item.insert("ttl".to_owned(), to_value(end.after(EXPIRED_KEY_STAYS).as_secs()));
        }
        let stored = self.put_if(item, Expression::default(), "storing an API key of the console");
        stored.await.map(drop)
    }
}

#[cfg(test)]
#[path = "temporary_tests.rs"]
mod tests;
