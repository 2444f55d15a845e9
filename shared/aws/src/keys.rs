//! The API keys in DynamoDB: one item for each, under its own id.
//!
//! **Why not under its tenant:** the key says who the tenant is, so that it must be found before that is known.
//! No tenant's name has a colon: these partitions are nobody's. The list of a tenant's keys is in the index
//! `by_tenant`; what is revoked leaves it.
//! **Lost answers:** each write can be repeated: it finds what it was to write.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::access::key::{ApiKey, Maker};
use domain::id::{KeyId, TenantId};
use domain::limits::KEYS_MAX;
use domain::listing::Start;
use domain::ports::PortError;
use domain::ports::access::Keys;
use domain::timestamp::Timestamp;

use crate::attributes::{self, Item, ItemError, maybe, n, named, s, text, time};
use crate::failure::port;
use crate::rows::Table;

/// The sort key.
const KEY: &str = "key";

/// What the partition keys of all API keys begin with; `template.yaml` has a rule for it.
const KEYS: &str = "key:";

fn pk(id: KeyId) -> String {
    format!("{KEYS}{id}")
}

fn primary_key(id: KeyId) -> Item {
    Item::from([s("pk", pk(id)), s("sk", KEY.to_owned())])
}

/// The partition of a tenant's keys in the index `by_tenant`. No shard of the emails looks like it.
fn partition(tenant: &TenantId) -> String {
    format!("{tenant}#keys")
}

fn from_key(key: &ApiKey) -> Result<Item, PortError> {
    let domains = serde_json::to_string(&key.from_domains).map_err(|error| port("writing a key")(error.into()))?;
    let mut item = primary_key(key.id);
    item.extend([
        s("tenant", key.tenant.to_string()),
        s("name", key.name.clone()),
        ("sha256".to_owned(), AttributeValue::B(key.sha256.to_vec().into())),
        s("permission", attributes::name(&key.permission)),
        s("from_domains", domains),
        n("created_at", key.created_at.as_millis()),
        s("created_by", key.created_by.to_string()),
        s("tenant_shard", partition(&key.tenant)),
        s("created_sk", attributes::sortable(key.created_at, key.id)),
    ]);
    item.extend(key.expires_at.map(|at| n("expires_at", at.as_millis())));
    item.extend(key.last_used_at.map(|at| n("last_used_at", at.as_millis())));
    Ok(item)
}

fn id_of(item: &Item) -> Result<KeyId, ItemError> {
    let id = text(item, "pk")?.strip_prefix(KEYS).and_then(KeyId::parse);
    id.ok_or(ItemError::Malformed("pk"))
}

fn to_key(item: &Item) -> Result<ApiKey, ItemError> {
    let sha256 = match item.get("sha256") {
        Some(AttributeValue::B(hash)) => hash.as_ref().try_into().ok(),
        Some(_) | None => None,
    };
    let revoked = match maybe(item, "revoked_at", time)? {
        None => None,
        Some(at) => Some((at, named(item, "revoked_by")?)),
    };
    Ok(ApiKey {
        id: id_of(item)?,
        tenant: TenantId::parse(text(item, "tenant")?).ok_or(ItemError::Malformed("tenant"))?,
        name: text(item, "name")?.to_owned(),
        sha256: sha256.ok_or(ItemError::Malformed("sha256"))?,
        permission: named(item, "permission")?,
        from_domains: attributes::json(item, "from_domains")?,
        created_at: time(item, "created_at")?,
        created_by: named(item, "created_by")?,
        expires_at: maybe(item, "expires_at", time)?,
        revoked,
        last_used_at: maybe(item, "last_used_at", time)?,
    })
}

/// Under a condition; if the key is a tenant's, where one is named.
fn if_of(of: Option<&TenantId>, condition: &str, update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
    match of {
        None => update.condition_expression(condition),
        Some(tenant) => update
            .condition_expression(format!("{condition} AND tenant = :tenant"))
            .expression_attribute_values(":tenant", AttributeValue::S(tenant.to_string())),
    }
}

impl Table {
    fn change_key(&self, id: KeyId) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(primary_key(id)))
    }
}

/// `false` when the write's condition did not hold.
fn written<T, R>(answer: Result<T, SdkError<UpdateItemError, R>>, what: &'static str) -> Result<bool, PortError>
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match answer {
        Ok(_) => Ok(true),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
            Some(_) | None => Err(port(what)(error.into())),
        },
    }
}

impl Keys for Table {
    async fn key(&self, id: KeyId) -> Result<Option<ApiKey>, PortError> {
        const WHAT: &str = "reading an API key";
        let item = self.get(pk(id), KEY.to_owned(), WHAT).await?;
        let key = item.map(|item| to_key(&item)).transpose();
        key.map_err(|error| port(WHAT)(error.into()))
    }

    async fn keys(&self, tenant: &TenantId) -> Result<Vec<ApiKey>, PortError> {
        const WHAT: &str = "reading the API keys";
        let entries = self
            .entries(partition(tenant), Start::<KeyId>::Newest, KEYS_MAX, WHAT)
            .await?;
        let ids: Vec<_> = entries.iter().filter_map(|entry| id_of(entry).ok()).collect();
        let items = self.get_many(ids.into_iter().map(primary_key).collect(), WHAT).await?;
        let mut keys = Vec::new();
        for item in items {
            match to_key(&item) {
                Ok(key) if key.revoked.is_none() => keys.push(key),
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(pk = text(&item, "pk").ok(), %error, "a stored API key cannot be read");
                }
            }
        }
        keys.sort_by_key(|key| std::cmp::Reverse((key.created_at, key.id)));
        Ok(keys)
    }

    async fn add_key(&self, key: &ApiKey) -> Result<(), PortError> {
        // Its id is random: what is there is its own write, repeated.
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(from_key(key)?))
            .send()
            .await
            .map(drop)
            .map_err(|error| port("storing an API key")(error.into()))
    }

    async fn rename(&self, of: Option<&TenantId>, id: KeyId, name: &str) -> Result<bool, PortError> {
        let update = self
            .change_key(id)
            .update_expression("SET #name = :name")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", AttributeValue::S(name.to_owned()));
        let live = "attribute_exists(pk) AND attribute_not_exists(revoked_at)";
        written(if_of(of, live, update).send().await, "renaming an API key")
    }

    async fn revoke(&self, of: Option<&TenantId>, id: KeyId, by: Maker, now: Timestamp) -> Result<bool, PortError> {
        let update = self
            .change_key(id)
            .update_expression("SET revoked_at = :now, revoked_by = :by REMOVE tenant_shard, created_sk")
            .expression_attribute_values(":now", AttributeValue::N(now.as_millis().to_string()))
            .expression_attribute_values(":by", AttributeValue::S(by.to_string()));
        // Revoked in this moment by this one: its own write, repeated.
        let live =
            "attribute_exists(pk) AND (attribute_not_exists(revoked_at) OR (revoked_at = :now AND revoked_by = :by))";
        written(if_of(of, live, update).send().await, "revoking an API key")
    }

    async fn note_use(&self, id: KeyId, hour: Timestamp) -> Result<(), PortError> {
        let update = self
            .change_key(id)
            .update_expression("SET last_used_at = :hour")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at < :hour)",
            )
            .expression_attribute_values(":hour", AttributeValue::N(hour.as_millis().to_string()));
        written(update.send().await, "noting the use of an API key").map(drop)
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
