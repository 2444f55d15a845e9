//! Tenants in DynamoDB, each in its own partition, and the used part of their quotas.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::id::TenantId;
use domain::ports::PortError;
use domain::ports::access::{QuotaOutcome, Quotas, Tenants};
use domain::reporting::listing::Start;
use domain::tenant::Tenant;
use domain::tenant::quota::Window;
use domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, ItemError, from_json, sortable};
use crate::storage::mapping::{attribute, decode, encode, is_default};
use crate::storage::table::{ConditionOutcome, Expression, Table, keys};

const WRITING: &str = "writing a tenant";

/// Maximum number of listed tenants. Our choice: half a megabyte of the index.
const MOST: usize = 2_000;

/// Stored form of a tenant, or of its tombstone, without its key. The domains are JSON.
#[derive(Serialize, Deserialize)]
struct StoredTenant {
    from_domains: String,
    created_at: Timestamp,
    #[serde(rename = "no")]
    version: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    daily_cap: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    rate: Option<u32>,
    #[serde(default, skip_serializing_if = "is_default")]
    suspended: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    suspended_at: Option<Timestamp>,
    /// Time of the deletion, which only a tombstone has.
    #[serde(default, skip_serializing_if = "is_default")]
    deleted_at: Option<Timestamp>,
    /// Place in the list, which a tombstone has left.
    #[serde(default, skip_serializing_if = "is_default")]
    tenant_shard: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    created_sk: Option<String>,
}

fn stored(tenant: &Tenant) -> Result<StoredTenant, PortError> {
    let domains = serde_json::to_string(&tenant.from_domains);
    Ok(StoredTenant {
        from_domains: domains.map_err(|error| port(WRITING)(error.into()))?,
        created_at: tenant.created_at,
        version: tenant.version,
        daily_cap: tenant.daily_cap,
        rate: tenant.rate,
        suspended: tenant.suspended,
        suspended_at: tenant.suspended_at,
        deleted_at: None,
        tenant_shard: Some(keys::TENANTS.to_owned()),
        created_sk: Some(sortable(tenant.created_at, &tenant.id)),
    })
}

fn from_tenant(tenant: &Tenant) -> Result<Item, PortError> {
    encode(keys::tenant(&tenant.id), &stored(tenant)?, WRITING)
}

/// The item that reserves the name of a deleted tenant permanently. It leaves the list. An earlier version of
/// this program reads it as a suspended tenant, whose keys are void.
fn tombstone(tenant: &Tenant, now: Timestamp) -> Result<Item, PortError> {
    let tombstone = StoredTenant {
        suspended: true,
        version: tenant.version.saturating_add(1),
        deleted_at: Some(now),
        tenant_shard: None,
        created_sk: None,
        ..stored(tenant)?
    };
    encode(keys::tenant(&tenant.id), &tombstone, WRITING)
}

/// Reads a tenant; `None`: its item is a tombstone.
fn to_tenant(item: &Item) -> Result<Option<Tenant>, ItemError> {
    let stored: StoredTenant = decode(item)?;
    if stored.deleted_at.is_some() {
        return Ok(None);
    }
    Ok(Some(Tenant {
        id: keys::to_tenant(item)?,
        from_domains: from_json(&stored.from_domains, "from_domains")?,
        daily_cap: stored.daily_cap,
        rate: stored.rate,
        suspended: stored.suspended,
        suspended_at: stored.suspended_at,
        created_at: stored.created_at,
        version: stored.version,
    }))
}

/// Used part of a quota, as far as it is read: an update expression writes the item.
#[derive(Deserialize)]
struct StoredAllowance {
    drawn: u64,
}

impl Tenants for Table {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, PortError> {
        const WHAT: &str = "reading a tenant";
        let item = self.get_tenant_through_door(id, WHAT).await?;
        let tenant = item.map(|item| to_tenant(&item)).transpose();
        tenant.map(Option::flatten).map_err(|error| port(WHAT)(error.into()))
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, PortError> {
        const WHAT: &str = "reading the tenants";
        let start = Start::<&str>::Newest;
        let entries = self.entries(keys::TENANTS.to_owned(), start, MOST, WHAT).await?;
        let key = |entry: &Item| Some(keys::tenant(&keys::to_tenant(entry).ok()?));
        let items = self.get_many(entries.iter().filter_map(key).collect(), WHAT).await?;
        let mut tenants = Vec::new();
        for item in items {
            match to_tenant(&item) {
                // The list is read without strong consistency: a tenant that was deleted just now is left out.
                Ok(tenant) => tenants.extend(tenant),
                Err(error) => {
                    tracing::error!(pk = attribute::<String>(&item, "pk").ok(), %error, "a stored tenant cannot be read")
                }
            }
        }
        tenants.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(tenants)
    }

    async fn save_tenant(&self, tenant: &Tenant) -> Result<bool, PortError> {
        self.put_version(from_tenant(tenant)?, tenant.version, WRITING).await
    }

    async fn deleted_at(&self, id: &TenantId) -> Result<Option<Timestamp>, PortError> {
        const WHAT: &str = "reading a tenant's tombstone";
        let item = self.get(keys::tenant(id), WHAT).await?;
        let stored = item.map(|item| decode::<StoredTenant>(&item)).transpose();
        let stored = stored.map_err(|error| port(WHAT)(error.into()))?;
        Ok(stored.and_then(|stored| stored.deleted_at))
    }

    async fn delete_tenant(&self, tenant: &Tenant, now: Timestamp) -> Result<bool, PortError> {
        let version = tenant.version.saturating_add(1);
        self.put_version(tombstone(tenant, now)?, version, "deleting a tenant")
            .await
    }
}

impl Quotas for Table {
    async fn lease_quota(&self, tenant: &TenantId, window: &Window, ask: u64) -> Result<QuotaOutcome, PortError> {
        const WHAT: &str = "drawing from a tenant's quota";
        // A day after its end, no clock is so late that it still uses the window.
        let ttl = window.ends().as_secs().saturating_add(86_400);
        let Some(still) = window.most.checked_sub(ask) else {
            return Ok(QuotaOutcome::Refused(0));
        };
        let change = Expression::update("SET #ttl = :ttl ADD drawn :ask")
            .when("attribute_not_exists(drawn) OR drawn <= :still")
            .with_name("#ttl", "ttl")
            .with_value(":ttl", ttl)
            .with_value(":ask", ask)
            .with_value(":still", still);
        let drawn = |item: Option<Item>| {
            let item = item.ok_or(ItemError::Missing("drawn"));
            let stored = item.and_then(|item| decode::<StoredAllowance>(&item));
            let stored = stored.map_err(|error| port(WHAT)(error.into()))?;
            Ok(stored.drawn)
        };
        let (key, returns) = (keys::allowance(tenant, window), Some(ReturnValue::UpdatedNew));
        match self.update_if(key, change, returns, WHAT).await? {
            ConditionOutcome::Done(item) => drawn(item).map(QuotaOutcome::Granted),
            ConditionOutcome::Refused(item) => drawn(item).map(QuotaOutcome::Refused),
        }
    }

    async fn leased_quota(&self, tenant: &TenantId, window: &Window) -> Result<u64, PortError> {
        const WHAT: &str = "reading a tenant's quota";
        let item = self.get(keys::allowance(tenant, window), WHAT).await?;
        let stored = item.map(|item| decode::<StoredAllowance>(&item)).transpose();
        let stored = stored.map_err(|error| port(WHAT)(error.into()))?;
        Ok(stored.map_or(0, |stored| stored.drawn))
    }
}

#[cfg(test)]
#[path = "tenants_tests.rs"]
mod tests;
