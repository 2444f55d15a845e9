//! The tenants in DynamoDB, each in a partition of its own, and what was drawn of their limits.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::access::allowance::Window;
use domain::access::tenant::Tenant;
use domain::id::TenantId;
use domain::listing::Start;
use domain::ports::PortError;
use domain::ports::access::{Allowances, Drawn, Tenants};
use domain::timestamp::Timestamp;

use crate::attributes::{self, Item, ItemError, maybe, n, number, s, text, time};
use crate::failure::port;
use crate::table::{Expression, Outcome, Table, keys};

/// The attribute of a tombstone.
const DELETED_AT: &str = "deleted_at";

/// Tenants that are listed at most. Our choice: half a megabyte of the index.
const MOST: usize = 2_000;

fn from_tenant(tenant: &Tenant) -> Result<Item, PortError> {
    let domains = serde_json::to_string(&tenant.from_domains);
    let mut item = keys::tenant(&tenant.id);
    item.extend([
        s(
            "from_domains",
            domains.map_err(|error| port("writing a tenant")(error.into()))?,
        ),
        n("created_at", tenant.created_at.as_millis()),
        n("no", tenant.no),
        s("tenant_shard", keys::TENANTS.to_owned()),
        s("created_sk", attributes::sortable(tenant.created_at, &tenant.id)),
    ]);
    item.extend(tenant.daily_cap.map(|cap| n("daily_cap", cap)));
    item.extend(tenant.rate.map(|rate| n("rate", rate)));
    item.extend(tenant.suspended.then(|| attributes::yes("suspended")));
    item.extend(tenant.suspended_at.map(|at| n("suspended_at", at.as_millis())));
    Ok(item)
}

/// The item that keeps the name of a deleted tenant for good. It leaves the list. An earlier version of this program
/// reads it as a suspended tenant, whose keys are good for nothing.
fn tombstone(tenant: &Tenant, now: Timestamp) -> Result<Item, PortError> {
    let mut item = from_tenant(&Tenant {
        suspended: true,
        no: tenant.no.saturating_add(1),
        ..tenant.clone()
    })?;
    item.remove("tenant_shard");
    item.remove("created_sk");
    item.extend([n(DELETED_AT, now.as_millis())]);
    Ok(item)
}

fn to_tenant(item: &Item) -> Result<Tenant, ItemError> {
    Ok(Tenant {
        id: keys::to_tenant(item)?,
        from_domains: attributes::json(item, "from_domains")?,
        daily_cap: maybe(item, "daily_cap", number)?,
        rate: maybe(item, "rate", number)?,
        suspended: attributes::flag(item, "suspended")?,
        suspended_at: maybe(item, "suspended_at", time)?,
        created_at: time(item, "created_at")?,
        no: number(item, "no")?,
    })
}

impl Tenants for Table {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, PortError> {
        const WHAT: &str = "reading a tenant";
        let item = self.get(keys::tenant(id), WHAT).await?;
        let live = item.filter(|item| !item.contains_key(DELETED_AT));
        let tenant = live.map(|item| to_tenant(&item)).transpose();
        tenant.map_err(|error| port(WHAT)(error.into()))
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, PortError> {
        const WHAT: &str = "reading the tenants";
        let start = Start::<&str>::Newest;
        let entries = self.entries(keys::TENANTS.to_owned(), start, MOST, WHAT).await?;
        let key = |entry: &Item| Some(keys::tenant(&keys::to_tenant(entry).ok()?));
        let items = self.get_many(entries.iter().filter_map(key).collect(), WHAT).await?;
        let mut tenants = Vec::new();
        // The list is read without consistency: one that was deleted this moment is left out.
        for item in items.into_iter().filter(|item| !item.contains_key(DELETED_AT)) {
            match to_tenant(&item) {
                Ok(tenant) => tenants.push(tenant),
                Err(error) => tracing::error!(pk = text(&item, "pk").ok(), %error, "a stored tenant cannot be read"),
            }
        }
        tenants.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(tenants)
    }

    async fn save_tenant(&self, tenant: &Tenant) -> Result<bool, PortError> {
        self.put_numbered(from_tenant(tenant)?, tenant.no, "writing a tenant")
            .await
    }

    async fn deleted_at(&self, id: &TenantId) -> Result<Option<Timestamp>, PortError> {
        const WHAT: &str = "reading a tenant's tombstone";
        let item = self.get(keys::tenant(id), WHAT).await?;
        let at = item.map(|item| maybe(&item, DELETED_AT, time)).transpose();
        at.map(Option::flatten).map_err(|error| port(WHAT)(error.into()))
    }

    async fn delete_tenant(&self, tenant: &Tenant, now: Timestamp) -> Result<bool, PortError> {
        let no = tenant.no.saturating_add(1);
        self.put_numbered(tombstone(tenant, now)?, no, "deleting a tenant")
            .await
    }
}

impl Allowances for Table {
    async fn draw(&self, tenant: &TenantId, window: &Window, ask: u64) -> Result<Drawn, PortError> {
        const WHAT: &str = "drawing from a tenant's allowance";
        // A day after its end nobody draws from it, whatever the clocks say.
        let ttl = window.ends().as_secs().saturating_add(86_400);
        let Some(still) = window.most.checked_sub(ask) else {
            return Ok(Drawn::Refused(0));
        };
        let change = Expression::update("SET #ttl = :ttl ADD drawn :ask")
            .when("attribute_not_exists(drawn) OR drawn <= :still")
            .with_name("#ttl", "ttl")
            .with_number(":ttl", ttl)
            .with_number(":ask", ask)
            .with_number(":still", still);
        let drawn = |item: Option<Item>| {
            let item = item.ok_or(ItemError::Missing("drawn"));
            let drawn = item.and_then(|item| number(&item, "drawn"));
            drawn.map_err(|error| port(WHAT)(error.into()))
        };
        let (key, returns) = (keys::allowance(tenant, window), Some(ReturnValue::UpdatedNew));
        match self.update_if(key, change, returns, WHAT).await? {
            Outcome::Done(item) => drawn(item).map(Drawn::Granted),
            Outcome::Refused(item) => drawn(item).map(Drawn::Refused),
        }
    }

    async fn drawn(&self, tenant: &TenantId, window: &Window) -> Result<u64, PortError> {
        const WHAT: &str = "reading a tenant's allowance";
        let item = self.get(keys::allowance(tenant, window), WHAT).await?;
        let drawn = item.map(|item| number(&item, "drawn")).transpose();
        drawn
            .map(Option::unwrap_or_default)
            .map_err(|error| port(WHAT)(error.into()))
    }
}

#[cfg(test)]
#[path = "tenants_tests.rs"]
mod tests;
