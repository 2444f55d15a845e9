//! Sending domains in DynamoDB: one item each, in one partition, under the labels of its name in reverse.
//!
//! **Why one partition:** the domains below a name are one query, and those above it one read of several items. A
//! request about domains is rare.
//! **Invariant:** a registration is one transaction: the domain, its id, and the registry with the number of the
//! registration. Two registrations at once conflict there, whatever their names.
//! **Lost answers:** each write can be repeated: it recognises its own result.

mod door;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::{DomainId, TenantId};
use domain::limits::SENDING_DOMAINS_MAX;
use domain::ports::domains::Domains;
use domain::ports::{PortError, QueueChange};
use domain::reporting::listing::Start;
use domain::tenant::domains::identity::IdentityStatus;
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{Registry, SendingDomain, Verification};
use domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, ItemError, digits, sortable};
use crate::storage::mapping::{attribute, decode, encode, is_default};
use crate::storage::queues;
use crate::storage::table::{Check, ConditionOutcome, Expression, Query, Table, Transacted, Write, keys};

/// Stored form of a sending domain, without its own key.
#[derive(Serialize, Deserialize)]
struct StoredDomain {
    id: DomainId,
    tenant: TenantId,
    return_path: String,
    #[serde(default, skip_serializing_if = "is_default")]
    adopted: bool,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "is_default")]
    tokens: Vec<String>,
    status: IdentityStatus,
    verification: Verification,
    waits_since: Timestamp,
    #[serde(default, skip_serializing_if = "is_default")]
    next_check: Option<Timestamp>,
    #[serde(rename = "no")]
    version: u64,
    /// Time of the last told change; absent if it is the registration.
    #[serde(default, skip_serializing_if = "is_default")]
    changed_at: Option<Timestamp>,
    /// The filter of the stream for webhooks asks for it.
    #[serde(default, skip_serializing_if = "is_default")]
    hk: bool,
    /// Place in the tenant's list.
    tenant_shard: String,
    created_sk: String,
    /// Place among the domains that wait for their next check.
    #[serde(default, skip_serializing_if = "is_default")]
    due_pk: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    due_sk: Option<String>,
}

/// Stored form of the name of a domain, by its id.
#[derive(Serialize, Deserialize)]
struct StoredName {
    name: DomainName,
}

/// Stored form of the registry, as far as it is read: update expressions write it.
#[derive(Deserialize)]
struct StoredRegistry {
    #[serde(rename = "no")]
    version: u64,
    #[serde(default)]
    names: BTreeSet<String>,
}

fn from_domain(domain: &SendingDomain) -> Result<Item, PortError> {
    let stored = StoredDomain {
        id: domain.id,
        tenant: domain.tenant.clone(),
        return_path: domain.return_path.clone(),
        adopted: domain.is_adopted,
        created_at: domain.created_at,
        tokens: domain.tokens.clone(),
        status: domain.status,
        verification: domain.verification,
        waits_since: domain.waits_since,
        next_check: domain.next_check,
        version: domain.version,
        changed_at: Some(domain.changed_at).filter(|at| *at != domain.created_at),
        hk: domain.is_told,
        tenant_shard: keys::domains_of(&domain.tenant),
        created_sk: sortable(domain.created_at, domain.id),
        due_pk: domain.next_check.map(|_| keys::WAITING_DOMAINS.to_owned()),
        due_sk: domain.next_check.map(|at| sortable(at, domain.id)),
    };
    encode(keys::domain(&domain.name), &stored, "writing a sending domain")
}

/// Reads a sending domain.
pub(crate) fn to_domain(item: &Item) -> Result<SendingDomain, ItemError> {
    let stored: StoredDomain = decode(item)?;
    Ok(SendingDomain {
        id: stored.id,
        tenant: stored.tenant,
        name: keys::to_domain(item)?,
        return_path: stored.return_path,
        is_adopted: stored.adopted,
        created_at: stored.created_at,
        tokens: stored.tokens,
        status: stored.status,
        verification: stored.verification,
        waits_since: stored.waits_since,
        next_check: stored.next_check,
        version: stored.version,
        changed_at: stored.changed_at.unwrap_or(stored.created_at),
        is_told: stored.hk,
    })
}

/// Reads the registry; without an item there was no registration.
fn to_registry(item: Option<&Item>) -> Result<Registry, ItemError> {
    let Some(item) = item else {
        return Ok(Registry::default());
    };
    let stored: StoredRegistry = decode(item)?;
    Ok(Registry {
        version: stored.version,
        unverified: stored.names,
    })
}

/// Returns the change of the registry by which a name joins or leaves it.
fn registry_change(update: &str, domain: &SendingDomain) -> Expression {
    let name = AttributeValue::Ss(vec![domain.name.to_string()]);
    Expression::update(update)
        .with_name("#names", "names")
        .with_attribute(":name", name)
}

fn leaving(domain: &SendingDomain) -> Write {
    Write::Update {
        key: keys::domain_registry(),
        change: registry_change("DELETE #names :name", domain),
    }
}

/// Returns the writes of a queue and its job beside those of a domain.
fn queue_writes(change: Option<&QueueChange>) -> Result<Vec<Write>, PortError> {
    let Some(QueueChange { queue, job }) = change else {
        return Ok(Vec::new());
    };
    let job = job.as_ref().map(queues::job_write).transpose()?;
    Ok(std::iter::once(queues::queue_write(queue)?).chain(job).collect())
}

impl Table {
    async fn read_domains(&self, keys: Vec<Item>, what: &'static str) -> Result<Vec<SendingDomain>, PortError> {
        let items = self.get_many(keys, what).await?;
        read_all(&items, what)
    }
}

/// Reads the domains of items. An unreadable one must not look like a missing one.
fn read_all(items: &[Item], what: &'static str) -> Result<Vec<SendingDomain>, PortError> {
    let domains: Result<_, _> = items.iter().map(to_domain).collect();
    domains.map_err(|error| port(what)(error.into()))
}

impl Domains for Table {
    async fn registry(&self) -> Result<Registry, PortError> {
        const WHAT: &str = "reading the registry of sending domains";
        let item = self.get(keys::domain_registry(), WHAT).await?;
        to_registry(item.as_ref()).map_err(|error| port(WHAT)(error.into()))
    }

    async fn domain_named(&self, name: &DomainName) -> Result<Option<SendingDomain>, PortError> {
        const WHAT: &str = "reading a sending domain";
        let item = self.get(keys::domain(name), WHAT).await?;
        let domain = item.map(|item| to_domain(&item)).transpose();
        domain.map_err(|error| port(WHAT)(error.into()))
    }

    async fn domain(&self, id: DomainId) -> Result<Option<SendingDomain>, PortError> {
        const WHAT: &str = "reading the name of a sending domain";
        let Some(item) = self.get(keys::domain_id(id), WHAT).await? else {
            return Ok(None);
        };
        let StoredName { name } = decode(&item).map_err(|error| port(WHAT)(error.into()))?;
        let domain = self.domain_named(&name).await?;
        Ok(domain.filter(|domain| domain.id == id))
    }

    async fn domains_of(&self, tenant: &TenantId) -> Result<Vec<SendingDomain>, PortError> {
        const WHAT: &str = "reading the sending domains of a tenant";
        let start = Start::<DomainId>::Newest;
        let entries = self
            .entries(keys::domains_of(tenant), start, SENDING_DOMAINS_MAX, WHAT)
            .await?;
        let key = |entry: &Item| Some(keys::domain(&keys::to_domain(entry).ok()?));
        let keys = entries.iter().filter_map(key).collect();
        let mut domains = self.read_domains(keys, WHAT).await?;
        // The index is read without strong consistency: another tenant may have registered the name since.
        domains.retain(|domain| domain.tenant == *tenant);
        domains.sort_by_key(|domain| std::cmp::Reverse((domain.created_at, domain.id)));
        Ok(domains)
    }

    async fn related_domains(&self, name: &DomainName) -> Result<Vec<SendingDomain>, PortError> {
        const WHAT: &str = "reading related sending domains";
        let mut keys = vec![keys::domain(name)];
        keys.extend(name.above().iter().map(keys::domain));
        let (pk, beginning) = keys::domains_below(name);
        let below = Query::beginning(pk, &beginning);
        let below = self.query_pages(below, usize::MAX, WHAT).await?.unwrap_or_default();
        let mut related = self.read_domains(keys, WHAT).await?;
        related.extend(read_all(&below, WHAT)?);
        Ok(related)
    }

    async fn register_domain(&self, domain: &SendingDomain, registry: &Registry) -> Result<bool, PortError> {
        const WHAT: &str = "registering a sending domain";
        const NEW: &str = "attribute_not_exists(pk)";
        let item = from_domain(domain)?;
        let name = StoredName {
            name: domain.name.clone(),
        };
        let change = match domain.verification {
            Verification::Never => registry_change("SET #no = :next ADD #names :name", domain),
            Verification::Now | Verification::Lost => Expression::update("SET #no = :next"),
        };
        let change = change
            .with_name("#no", "no")
            .with_value(":next", registry.version.saturating_add(1));
        let change = match registry.version {
            0 => change.when(NEW),
            last => change.when("#no = :last").with_value(":last", last),
        };
        let writes = vec![
            Write::Put {
                item: item.clone(),
                when: Expression::condition(NEW),
            },
            Write::Put {
                item: encode(keys::domain_id(domain.id), &name, WHAT)?,
                when: Expression::default(),
            },
            Write::Update {
                key: keys::domain_registry(),
                change,
            },
        ];
        Ok(match self.transact(writes, WHAT).await? {
            Transacted::Done => true,
            // Refused by this call's own write, whose answer was lost, or by another registration.
            Transacted::Refused(checks) => checks.first() == Some(&Check::Failed(Some(item))),
        })
    }

    async fn save_domain(
        &self,
        before: &SendingDomain,
        domain: &SendingDomain,
        change: Option<&QueueChange>,
    ) -> Result<bool, PortError> {
        const WHAT: &str = "saving a sending domain";
        let item = from_domain(domain)?;
        let when = Expression::condition("id = :id AND #no = :before")
            .with_name("#no", "no")
            .with_value(":id", before.id)
            .with_value(":before", before.version);
        let is_first_verified = before.is_first_verified_by(domain);
        if !is_first_verified && change.is_none() {
            return Ok(match self.put_if(item.clone(), when, WHAT).await? {
                ConditionOutcome::Done(_) => true,
                ConditionOutcome::Refused(stored) => stored == Some(item),
            });
        }
        let mut writes = vec![Write::Put {
            item: item.clone(),
            when,
        }];
        writes.extend(is_first_verified.then(|| leaving(domain)));
        writes.extend(queue_writes(change)?);
        Ok(match self.transact(writes, WHAT).await? {
            Transacted::Done => true,
            // Refused by this call's own write, whose answer was lost, or by another change of the domain or queue.
            Transacted::Refused(checks) => checks.first() == Some(&Check::Failed(Some(item))),
        })
    }

    async fn remove_domain(&self, domain: &SendingDomain, change: Option<&QueueChange>) -> Result<bool, PortError> {
        let when = Expression::condition("attribute_not_exists(pk) OR (id = :id AND #no = :no)")
            .with_name("#no", "no")
            .with_value(":id", domain.id)
            .with_value(":no", domain.version);
        let mut writes = vec![
            Write::Delete {
                key: keys::domain(&domain.name),
                when,
            },
            Write::Delete {
                key: keys::domain_id(domain.id),
                when: Expression::default(),
            },
            leaving(domain),
        ];
        writes.extend(queue_writes(change)?);
        Ok(match self.transact(writes, "removing a sending domain").await? {
            Transacted::Done => true,
            Transacted::Refused(_) => false,
        })
    }

    async fn due_domains(&self, until: Timestamp, count: usize) -> Result<Vec<DomainName>, PortError> {
        let keys = Expression::condition("due_pk = :pk AND due_sk < :until")
            .with_value(":pk", keys::WAITING_DOMAINS)
            .with_value(":until", format!("{}~", digits(until)));
        let query = Query {
            index: Some("due"),
            limit: Some(i32::try_from(count).unwrap_or(i32::MAX)),
            ..Query::of(keys)
        };
        let page = self.query(query, "reading the waiting sending domains").await?;
        let names = page.items.iter().filter_map(|item| {
            keys::to_domain(item)
                .inspect_err(|error| {
                    let sk = attribute::<String>(item, "sk").ok();
                    tracing::error!(sk, %error, "an entry of the waiting domains cannot be read");
                })
                .ok()
        });
        Ok(names.collect())
    }
}

#[cfg(test)]
#[path = "domains_tests.rs"]
mod tests;
