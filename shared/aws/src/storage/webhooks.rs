//! Webhooks in DynamoDB: a tenant's flag and settings, in one partition.
//!
//! **Invariant:** a webhook joins or leaves the list in one transaction with the flag, under the number of the list's
//! last change. So the flag is never lower than the number of webhooks. It counts those with an endpoint, and knows the
//! end of the latest pulled one, because nothing is written when that one ends.
//! **Role of the flag:** it comes with each API key, so that `enqueue` knows whether an email needs the facts for
//! webhooks.
//! **Lost answers:** each write recognises its own result.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::TenantId;
use domain::ports::PortError;
use domain::ports::webhooks::{StoredWebhook, WebhookFlags, WebhookKey, WebhookList, Webhooks};
use domain::timestamp::Timestamp;
use domain::webhook::recovery::RecoverJob;
use domain::webhook::settings::{Webhook, WebhookId};
use serde::{Deserialize, Serialize};

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, ItemError, from_json};
use crate::storage::mapping::{attribute, decode, encode, is_default};
use crate::storage::recover_jobs::from_recover_job;
use crate::storage::table::keys::webhooks as keys;
use crate::storage::table::{Check, ConditionOutcome, Expression, Query, Table, Transacted, Write};

/// Stored form of a tenant's flag, without its key.
#[derive(Default, Serialize, Deserialize)]
struct StoredFlag {
    /// Number of webhooks with an endpoint.
    n: u32,
    /// Number of changes.
    v: u64,
    /// End of the latest webhook that is only pulled.
    #[serde(rename = "pu", default, skip_serializing_if = "is_default")]
    pulled_until: Option<Timestamp>,
}

/// Stored form of settings, without their key.
#[derive(Serialize, Deserialize)]
struct StoredSettings {
    /// The settings as JSON, with their format version.
    j: String,
    #[serde(rename = "no")]
    version: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    ttl: Option<i64>,
}

/// The time until which a flag is raised if it does not change.
pub(crate) const FOR_EVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// Returns the time until which the flag's item says that the tenant has a webhook. Without an item it has none.
pub(crate) fn raised_until(flag: Option<&Item>) -> Result<Option<Timestamp>, ItemError> {
    let flag = to_flag(flag)?;
    Ok(if flag.n > 0 { Some(FOR_EVER) } else { flag.pulled_until })
}

fn to_flag(item: Option<&Item>) -> Result<StoredFlag, ItemError> {
    item.map_or_else(|| Ok(StoredFlag::default()), decode)
}

fn to_json(webhook: &Webhook, what: &'static str) -> Result<String, PortError> {
    serde_json::to_string(webhook).map_err(|error| port(what)(error.into()))
}

fn from_webhook(webhook: &Webhook, what: &'static str) -> Result<Item, PortError> {
    let stored = StoredSettings {
        j: to_json(webhook, what)?,
        version: 1,
        ttl: webhook.ends_at().map(Timestamp::as_secs),
    };
    encode(keys::settings(&WebhookKey::of(webhook)), &stored, what)
}

/// Reads settings; `None` for those of an ended webhook.
pub(crate) fn to_webhook(item: &Item, now: Timestamp) -> Result<Option<StoredWebhook>, ItemError> {
    let stored: StoredSettings = decode(item)?;
    let webhook: Webhook = from_json(&stored.j, "j")?;
    if webhook.v != Webhook::VERSION {
        return Err(ItemError::UnknownVersion(webhook.v.into()));
    }
    let version = stored.version;
    Ok((!webhook.has_ended(now)).then_some(StoredWebhook { webhook, version }))
}

/// Returns the write of a flag for these webhooks and the unreadable ones of a list, over the flag of that list.
fn flag_write<'a>(
    tenant: &TenantId,
    list: &WebhookList,
    webhooks: impl Iterator<Item = &'a Webhook> + Clone,
    what: &'static str,
) -> Result<Write, PortError> {
    let pushed = webhooks.clone().filter(|webhook| webhook.ends_at().is_none());
    // An unreadable one may have an endpoint: a flag that is too low would lose its events.
    let count = pushed.count().saturating_add(list.unreadable);
    let stored = StoredFlag {
        n: u32::try_from(count).unwrap_or(u32::MAX),
        v: list.version.saturating_add(1),
        pulled_until: webhooks.filter_map(Webhook::ends_at).max(),
    };
    let when = match list.version {
        0 => Expression::condition("attribute_not_exists(pk)"),
        seen => Expression::condition("#v = :seen")
            .with_name("#v", "v")
            .with_value(":seen", seen),
    };
    Ok(Write::Put {
        item: encode(keys::flag(tenant), &stored, what)?,
        when,
    })
}

impl WebhookFlags for Table {
    async fn has_webhooks(&self, tenant: &TenantId, now: Timestamp) -> Result<bool, PortError> {
        const WHAT: &str = "reading the flag of a tenant's webhooks";
        let flag = self.get(keys::flag(tenant), WHAT).await?;
        let until = raised_until(flag.as_ref()).map_err(|error| port(WHAT)(error.into()))?;
        Ok(until.is_some_and(|until| until > now))
    }
}

impl Webhooks for Table {
    async fn webhooks_of(&self, tenant: &TenantId, now: Timestamp) -> Result<WebhookList, PortError> {
        const WHAT: &str = "reading the webhooks of a tenant";
        let unreadable = |error: ItemError| port(WHAT)(error.into());
        // The flag first: a change of the list between the two reads refuses the write that follows.
        let flag = self.get(keys::flag(tenant), WHAT).await?;
        let Some(flag) = flag.as_ref() else {
            return Ok(WebhookList::default());
        };
        let version = to_flag(Some(flag)).map_err(unreadable)?.v;
        let query = Query::beginning(keys::hooks_pk(tenant), keys::SETTINGS);
        let items = self.query_pages(query, usize::MAX, WHAT).await?.unwrap_or_default();
        let mut list = WebhookList {
            version,
            ..WebhookList::default()
        };
        for item in &items {
            match to_webhook(item, now) {
                Ok(webhook) => list.webhooks.extend(webhook),
                // It must not look like a missing one, and it must not stop the others.
                Err(error) => {
                    list.unreadable = list.unreadable.saturating_add(1);
                    let sk = attribute::<String>(item, "sk").ok();
                    tracing::error!(%tenant, sk, %error, "a webhook cannot be read");
                }
            }
        }
        let newest = |stored: &StoredWebhook| std::cmp::Reverse((stored.webhook.created_at, stored.webhook.id));
        list.webhooks.sort_by_key(newest);
        Ok(list)
    }

    async fn webhook(&self, key: &WebhookKey, now: Timestamp) -> Result<Option<StoredWebhook>, PortError> {
        const WHAT: &str = "reading a webhook";
        let item = self.get(keys::settings(key), WHAT).await?;
        let webhook = item.map(|item| to_webhook(&item, now)).transpose();
        webhook.map(Option::flatten).map_err(|error| port(WHAT)(error.into()))
    }

    async fn add_webhook(
        &self,
        list: &WebhookList,
        webhook: &Webhook,
        job: &RecoverJob,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        const WHAT: &str = "storing a webhook";
        let tenant = &webhook.tenant;
        let new = || Expression::condition("attribute_not_exists(pk)");
        let settings = from_webhook(webhook, WHAT)?;
        let others = list.webhooks.iter().map(|stored| &stored.webhook);
        let writes = vec![
            flag_write(tenant, list, others.chain([webhook]), WHAT)?,
            Write::Put {
                item: settings.clone(),
                when: new(),
            },
            Write::Put {
                item: from_recover_job(tenant, job, now, WHAT)?,
                when: new(),
            },
        ];
        Ok(match self.transact(writes, WHAT).await? {
            Transacted::Done => true,
            // Its own write, whose answer was lost; or another change of the list.
            Transacted::Refused(checks) => checks.get(1) == Some(&Check::Failed(Some(settings))),
        })
    }

    async fn save_webhook(&self, before: &StoredWebhook, webhook: &Webhook) -> Result<bool, PortError> {
        const WHAT: &str = "changing a webhook";
        let (json, version) = (to_json(webhook, WHAT)?, before.version.saturating_add(1));
        let change = Expression::update("SET #j = :j, #no = :next")
            .when("#no = :seen")
            .with_name("#j", "j")
            .with_name("#no", "no")
            .with_value(":j", &json)
            .with_value(":next", version)
            .with_value(":seen", before.version);
        let key = keys::settings(&WebhookKey::of(webhook));
        Ok(match self.update_if(key, change, None, WHAT).await? {
            ConditionOutcome::Done(_) => true,
            ConditionOutcome::Refused(stored) => stored.is_some_and(|stored| {
                let is = |name: &str, value: AttributeValue| stored.get(name) == Some(&value);
                is("j", AttributeValue::S(json)) && is("no", AttributeValue::N(version.to_string()))
            }),
        })
    }

    /// Leaves the secrets to [`SecretTable`](crate::storage::webhook_secrets::SecretTable).
    async fn remove_webhook(&self, list: &WebhookList, id: WebhookId, tenant: &TenantId) -> Result<bool, PortError> {
        let key = WebhookKey {
            tenant: tenant.clone(),
            id,
        };
        Ok(self.transact(removal(list, &key)?, REMOVING).await? == Transacted::Done)
    }
}

pub(crate) const REMOVING: &str = "removing a webhook";

/// Returns the writes that remove the settings and the health of a webhook, and that lower the flag of its tenant.
pub(crate) fn removal(list: &WebhookList, key: &WebhookKey) -> Result<Vec<Write>, PortError> {
    let others = list.webhooks.iter().filter(|stored| stored.webhook.id != key.id);
    let delete = |key: Item| Write::Delete {
        key,
        when: Expression::default(),
    };
    Ok(vec![
        flag_write(&key.tenant, list, others.map(|stored| &stored.webhook), REMOVING)?,
        delete(keys::settings(key)),
        delete(keys::health(key)),
    ])
}

#[cfg(test)]
#[path = "webhooks_tests.rs"]
mod tests;
