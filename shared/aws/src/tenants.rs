//! The tenants in DynamoDB, each in a partition of its own, and what was drawn of their limits.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use domain::access::allowance::Window;
use domain::access::tenant::Tenant;
use domain::id::TenantId;
use domain::listing::Start;
use domain::ports::PortError;
use domain::ports::access::{Allowances, Drawn, Tenants};

use crate::attributes::{self, Item, ItemError, maybe, n, number, s, text, time};
use crate::failure::port;
use crate::rows::Table;

/// The sort key.
const TENANT: &str = "tenant";

/// The partition of all tenants in the index `by_tenant`. No shard of the emails looks like it.
const TENANTS: &str = "tenants";

/// Tenants that are listed at most. Our choice: half a megabyte of the index.
const MOST: usize = 2_000;

fn pk(tenant: &TenantId) -> String {
    format!("{tenant}#tenant")
}

fn from_tenant(tenant: &Tenant) -> Result<Item, PortError> {
    let domains = serde_json::to_string(&tenant.from_domains);
    let mut item = Item::from([
        s("pk", pk(&tenant.id)),
        s("sk", TENANT.to_owned()),
        s(
            "from_domains",
            domains.map_err(|error| port("writing a tenant")(error.into()))?,
        ),
        n("created_at", tenant.created_at.as_millis()),
        n("no", tenant.no),
        s("tenant_shard", TENANTS.to_owned()),
        s("created_sk", attributes::sortable(tenant.created_at, &tenant.id)),
    ]);
    item.extend(tenant.daily_cap.map(|cap| n("daily_cap", cap)));
    item.extend(tenant.rate.map(|rate| n("rate", rate)));
    item.extend(tenant.suspended.then(|| attributes::yes("suspended")));
    Ok(item)
}

fn id_of(item: &Item) -> Result<TenantId, ItemError> {
    let id = text(item, "pk")?.strip_suffix("#tenant").and_then(TenantId::parse);
    id.ok_or(ItemError::Malformed("pk"))
}

fn to_tenant(item: &Item) -> Result<Tenant, ItemError> {
    Ok(Tenant {
        id: id_of(item)?,
        from_domains: attributes::json(item, "from_domains")?,
        daily_cap: maybe(item, "daily_cap", number)?,
        rate: maybe(item, "rate", number)?,
        suspended: attributes::flag(item, "suspended")?,
        created_at: time(item, "created_at")?,
        no: number(item, "no")?,
    })
}

impl Tenants for Table {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, PortError> {
        const WHAT: &str = "reading a tenant";
        let item = self.get(pk(id), TENANT.to_owned(), WHAT).await?;
        let tenant = item.map(|item| to_tenant(&item)).transpose();
        tenant.map_err(|error| port(WHAT)(error.into()))
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, PortError> {
        const WHAT: &str = "reading the tenants";
        let start = Start::<&str>::Newest;
        let entries = self.entries(TENANTS.to_owned(), start, MOST, WHAT).await?;
        let key = |entry: &Item| {
            Some(Item::from([
                s("pk", pk(&id_of(entry).ok()?)),
                s("sk", TENANT.to_owned()),
            ]))
        };
        let items = self.get_many(entries.iter().filter_map(key).collect(), WHAT).await?;
        let mut tenants = Vec::new();
        for item in items {
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
}

impl Allowances for Table {
    async fn draw(&self, tenant: &TenantId, window: &Window, ask: u64) -> Result<Drawn, PortError> {
        const WHAT: &str = "drawing from a tenant's allowance";
        let sk = format!("{}#{}", window.limit.as_str(), attributes::digits(window.begins));
        // A day after its end nobody draws from it, whatever the clocks say.
        let ttl = window.ends().as_secs().saturating_add(86_400);
        let still = window.most.checked_sub(ask);
        let Some(still) = still else {
            return Ok(Drawn::Refused(0));
        };
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(format!("{tenant}#allowance")))
            .key("sk", AttributeValue::S(sk))
            .update_expression("SET #ttl = :ttl ADD drawn :ask")
            .condition_expression("attribute_not_exists(drawn) OR drawn <= :still")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", AttributeValue::N(ttl.to_string()))
            .expression_attribute_values(":ask", AttributeValue::N(ask.to_string()))
            .expression_attribute_values(":still", AttributeValue::N(still.to_string()))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let drawn = |item: Option<&Item>| {
            let item = item.ok_or(ItemError::Missing("drawn"));
            let drawn = item.and_then(|item| number(item, "drawn"));
            drawn.map_err(|error| port(WHAT)(error.into()))
        };
        match answer {
            Ok(answer) => drawn(answer.attributes()).map(Drawn::Granted),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    drawn(refused.item()).map(Drawn::Refused)
                }
                Some(_) | None => Err(port(WHAT)(error.into())),
            },
        }
    }
}

#[cfg(test)]
#[path = "tenants_tests.rs"]
mod tests;
