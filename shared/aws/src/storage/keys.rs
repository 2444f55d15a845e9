//! API keys in DynamoDB: one item each, under its own id.
//!
//! **Why not under its tenant:** the key determines the tenant, so that it must be found first. No tenant's
//! name contains a colon, so that no tenant owns these partitions. The index `by_tenant` lists a tenant's keys;
//! a revoked key leaves it.
//! **Lost answers:** each write can be repeated: it recognises its own result.

use domain::id::{KeyId, TenantId};
use domain::limits::KEYS_MAX;
use domain::ports::PortError;
use domain::ports::access::Keys;
use domain::reporting::listing::Start;
use domain::tenant::key::{Actor, ApiKey, KeyChange, Permission};
use domain::tenant::sender::FromDomain;
use domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, ItemError, from_json, sortable};
use crate::storage::mapping::{Bytes, attribute, decode, encode, is_default};
use crate::storage::table::{ConditionOutcome, Expression, Table, keys};

/// Stored form of an API key, without its own key. The domains are JSON.
#[derive(Serialize, Deserialize)]
struct StoredKey {
    tenant: TenantId,
    name: String,
    sha256: Bytes,
    permission: Permission,
    from_domains: String,
    created_at: Timestamp,
    created_by: Actor,
    #[serde(default, skip_serializing_if = "is_default")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_default")]
    last_used_at: Option<Timestamp>,
    /// Time and actor of the revocation; a valid key has neither.
    #[serde(default, skip_serializing_if = "is_default")]
    revoked_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_default")]
    revoked_by: Option<Actor>,
    /// Place in the list, which a revoked key leaves.
    #[serde(default, skip_serializing_if = "is_default")]
    tenant_shard: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    created_sk: Option<String>,
}

fn stored_domains(domains: &[FromDomain]) -> Result<String, PortError> {
    serde_json::to_string(domains).map_err(|error| port("writing a key")(error.into()))
}

/// Returns the item of a key.
pub(crate) fn from_key(key: &ApiKey) -> Result<Item, PortError> {
    const WHAT: &str = "writing a key";
    let stored = StoredKey {
        tenant: key.tenant.clone(),
        name: key.name.clone(),
        sha256: Bytes(key.sha256.to_vec()),
        permission: key.permission,
        from_domains: stored_domains(&key.from_domains)?,
        created_at: key.created_at,
        created_by: key.created_by,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        revoked_at: None,
        revoked_by: None,
        tenant_shard: Some(keys::api_keys_of(&key.tenant)),
        created_sk: Some(sortable(key.created_at, key.id)),
    };
    encode(keys::api_key(key.id), &stored, WHAT)
}

fn to_key(item: &Item) -> Result<ApiKey, ItemError> {
    let stored: StoredKey = decode(item)?;
    let sha256 = <[u8; 32]>::try_from(stored.sha256.0);
    let revoked = match (stored.revoked_at, stored.revoked_by) {
        (None, _) => None,
        (Some(at), Some(by)) => Some((at, by)),
        (Some(_), None) => return Err(ItemError::Missing("revoked_by")),
    };
    Ok(ApiKey {
        id: keys::to_api_key(item)?,
        tenant: stored.tenant,
        name: stored.name,
        sha256: sha256.map_err(|_| ItemError::Malformed("sha256"))?,
        permission: stored.permission,
        from_domains: from_json(&stored.from_domains, "from_domains")?,
        created_at: stored.created_at,
        created_by: stored.created_by,
        expires_at: stored.expires_at,
        revoked,
        last_used_at: stored.last_used_at,
    })
}

impl Table {
    /// Changes a key under a condition; with a tenant, only if the key is one of this tenant. `false` when a condition
    /// fails.
    async fn change_key(
        &self,
        (of, id): (Option<&TenantId>, KeyId),
        change: Expression,
        what: &'static str,
    ) -> Result<bool, PortError> {
        let change = match of {
            None => change,
            Some(tenant) => {
                let condition = format!("{} AND tenant = :tenant", change.condition);
                change.when(condition).with_value(":tenant", tenant.to_string())
            }
        };
        let changed = self.update_if(keys::api_key(id), change, None, what).await?;
        Ok(matches!(changed, ConditionOutcome::Done(_)))
    }
}

impl Keys for Table {
    async fn key(&self, id: KeyId) -> Result<Option<ApiKey>, PortError> {
        const WHAT: &str = "reading an API key";
        let item = self.get_through_door(keys::api_key(id), WHAT).await?;
        let key = item.map(|item| to_key(&item)).transpose();
        key.map_err(|error| port(WHAT)(error.into()))
    }

    fn has_webhooks_as_read(&self, tenant: &TenantId, now: Timestamp) -> bool {
        self.door.as_ref().is_some_and(|door| door.flag(tenant, now))
    }

    async fn keys(&self, tenant: &TenantId) -> Result<Vec<ApiKey>, PortError> {
        const WHAT: &str = "reading the API keys";
        let entries = self
            .entries(keys::api_keys_of(tenant), Start::<KeyId>::Newest, KEYS_MAX, WHAT)
            .await?;
        let ids: Vec<_> = entries
            .iter()
            .filter_map(|entry| keys::to_api_key(entry).ok())
            .collect();
        let items = self
            .get_many(ids.into_iter().map(keys::api_key).collect(), WHAT)
            .await?;
        let mut found = Vec::new();
        for item in items {
            match to_key(&item) {
                Ok(key) if key.revoked.is_none() => found.push(key),
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(pk = attribute::<String>(&item, "pk").ok(), %error, "a stored API key cannot be read");
                }
            }
        }
        found.sort_by_key(|key| std::cmp::Reverse((key.created_at, key.id)));
        Ok(found)
    }

    async fn add_key(&self, key: &ApiKey) -> Result<(), PortError> {
        // The id is random: an existing item is this write, repeated.
        let stored = self.put_if(from_key(key)?, Expression::default(), "storing an API key");
        stored.await.map(drop)
    }

    async fn change(&self, of: Option<&TenantId>, id: KeyId, change: &KeyChange) -> Result<bool, PortError> {
        let KeyChange { name, from_domains } = change;
        let name = name.as_ref().map(|_| "#name = :name");
        let domains = from_domains.as_ref().map(|_| "from_domains = :domains");
        let sets: Vec<_> = name.into_iter().chain(domains).collect();
        let mut update = Expression::update(format!("SET {}", sets.join(", ")))
            .when("attribute_exists(pk) AND attribute_not_exists(revoked_at)");
        if let Some(name) = &change.name {
            update = update.with_name("#name", "name").with_value(":name", name);
        }
        if let Some(domains) = from_domains {
            update = update.with_value(":domains", stored_domains(domains)?);
        }
        self.change_key((of, id), update, "changing an API key").await
    }

    async fn revoke(&self, of: Option<&TenantId>, id: KeyId, by: Actor, now: Timestamp) -> Result<bool, PortError> {
        // A revocation with the same time and actor is this write, repeated.
        let live =
            "attribute_exists(pk) AND (attribute_not_exists(revoked_at) OR (revoked_at = :now AND revoked_by = :by))";
        let change = Expression::update("SET revoked_at = :now, revoked_by = :by REMOVE tenant_shard, created_sk")
            .when(live)
            .with_value(":now", now.as_millis())
            .with_value(":by", by.to_string());
        self.change_key((of, id), change, "revoking an API key").await
    }

    async fn record_use(&self, id: KeyId, hour: Timestamp) -> Result<(), PortError> {
        let change = Expression::update("SET last_used_at = :hour")
            .when("attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at < :hour)")
            .with_value(":hour", hour.as_millis());
        let noted = self.change_key((None, id), change, "storing the last use of an API key");
        noted.await.map(drop)
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
