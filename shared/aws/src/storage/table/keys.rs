//! Keys of every item, in one place.
//!
//! **Why in one place:** the roles in `template.yaml` allow writes by the beginning of the partition key
//! (`dynamodb:LeadingKeys`). A new form may need a new rule there. No tenant's name contains a colon or
//! a number sign, so that no two forms collide.
//!
//! | Item | `pk` | `sk` |
//! |---|---|---|
//! | an email's record, or its tombstone | `<tenant>#<id>` | `email` |
//! | an email's content | `<tenant>#<id>` | `body#<hash>` |
//! | a fact of an email, for webhooks | `<tenant>#<id>` | `fact#<number>` |
//! | a queue | `<tenant>#queues` | `queue#<name>` |
//! | a job of a queue | `<tenant>#queues` | `job#<name>#<id>` |
//! | the rate limit of a queue | `<tenant>#queues` | `pace#<name>` |
//! | the account rate | `account#pace` | `account#pace` |
//! | a tenant | `<tenant>#tenant` | `tenant` |
//! | used part of a tenant's quota | `<tenant>#allowance` | `<limit>#<begin>` |
//! | an API key | `key:<id>` | `key` |
//! | a preview of an email | `preview:<hash>` | `preview` |
//! | a code of the console | `code:<hash>` | `code` |
//! | an idempotency key of a batch | `<tenant>#idem-<hash>` | `batch` |
//! | a suppressed address | `<tenant>#suppressed#<id>` | `suppression` |
//! | an address on SES's list | `<tenant>#suppressed#<id>` | `account_list` |
//! | hash prefixes of a tenant's suppressions | `<tenant>#suppressed` | `marks` |
//! | a sending domain | `domains` | `<labels in reverse>` |
//! | the name of a sending domain, by its id | `domains` | `id#<id>` |
//! | the sending domains that were never verified | `domains` | `registry#` |
//! | a tenant's flag of webhooks | `<tenant>#hooks` | `hooks` |
//! | a webhook | `<tenant>#hooks` | `hook#<id>` |
//! | a recovery job of a webhook | `<tenant>#hooks` | `hookjob#<id>` |
//! | the health of an endpoint | `hook:<tenant>#<id>` | `state` |
//! | the permits of slow endpoints | `hook:#slow` | `permits` |
//! | a delivery of an event | `hook:<tenant>#<id>#<shard>` | `event#<event>` |
//! | an event's payload | `event:<tenant>#<subject>` | `<event>` |
//! | a webhook's signing secrets, in the table of secrets | `secret:<tenant>#<id>` | `secret` |
//! | counters | `tally:..` | |
//! | the bookmarks of `promote` | `promote#cursors` | `promote#cursors` |
//! | the newest event of `feedback` | `feedback#newest` | `feedback#newest` |

pub(crate) mod webhooks;

use domain::delivery::batch::BatchId;
use domain::delivery::record::BodyRef;
use domain::delivery::suppression::{Origin, SuppressionId};
use domain::id::{DomainId, EmailId, EmailKey, KeyId, QueueKey, QueueName, TenantId};
use domain::reporting::tally::counter::Level;
use domain::tenant::domains::name::DomainName;
use domain::tenant::quota::Window;
use domain::tenant::temporary::TokenHash;
use domain::timestamp::Timestamp;

use crate::storage::attributes::{Item, ItemError, digits};
use crate::storage::mapping::{attribute, to_value};

/// Sort key of an email's record.
pub(crate) const EMAIL: &str = "email";

/// Beginning of the sort keys of contents.
pub(crate) const BODY: &str = "body#";

/// Beginning of the sort keys of queues.
pub(crate) const QUEUE: &str = "queue#";

/// Beginning of the sort keys of rate limits.
const RATE_LIMIT: &str = "pace#";

/// Beginning of the partition keys of API keys.
const API_KEY: &str = "key:";

/// End of the partition keys of tenants.
const TENANT: &str = "#tenant";

/// End of the partition keys of queues.
const QUEUES: &str = "#queues";

/// Partition of all tenants in the index `by_tenant`.
pub(crate) const TENANTS: &str = "tenants";

/// Partition of waiting jobs in the index `due`.
pub(crate) const JOBS: &str = "job";

/// Partition of the index `due` for queues that `promote` must look at.
pub(crate) const LIMITED: &str = "limited";

/// Partition of all sending domains.
const DOMAINS: &str = "domains";

/// Partition of the index `due` for sending domains that `promote` must look at.
pub(crate) const WAITING_DOMAINS: &str = "domain";

/// Sort key of a suppressed address.
pub(crate) const SUPPRESSION: &str = "suppression";

/// Middle of the partition keys of suppressed addresses.
const SUPPRESSED: &str = "#suppressed#";

/// Sort key of the counts of a queue's waiting emails.
pub(crate) const STANDING: &str = "now";

/// A primary key.
pub(crate) fn of(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    let attribute = |name: &str, value| (name.to_owned(), to_value::<String>(value));
    Item::from([attribute("pk", pk.into()), attribute("sk", sk.into())])
}

/// Reads the partition key of an item.
fn pk(item: &Item) -> Result<String, ItemError> {
    attribute(item, "pk")
}

/// Reads the sort key of an item.
fn sk(item: &Item) -> Result<String, ItemError> {
    attribute(item, "sk")
}

/// The partition key of everything about an email.
pub(crate) fn email_pk(key: &EmailKey) -> String {
    format!("{}#{}", key.tenant, key.id)
}

/// The key of an email's record.
pub(crate) fn email(key: &EmailKey) -> Item {
    of(email_pk(key), EMAIL)
}

/// Reads a partition key of an email.
pub(crate) fn parse_email_pk(pk: &str) -> Option<EmailKey> {
    let (tenant, id) = pk.rsplit_once('#')?;
    Some(EmailKey {
        tenant: TenantId::parse(tenant)?,
        id: EmailId::parse(id)?,
    })
}

/// Reads the email's key of an item, of the table or of an index.
pub(crate) fn to_email(item: &Item) -> Result<EmailKey, ItemError> {
    parse_email_pk(&pk(item)?).ok_or(ItemError::Malformed("pk"))
}

/// The key of an email's content.
pub(crate) fn body(key: &EmailKey, body: &BodyRef) -> Item {
    of(email_pk(key), format!("{BODY}{}", body.sha256))
}

/// The partition key of all queues of a tenant.
pub(crate) fn queues_pk(tenant: &TenantId) -> String {
    format!("{tenant}{QUEUES}")
}

/// The key of a queue.
pub(crate) fn queue(QueueKey { tenant, name }: &QueueKey) -> Item {
    of(queues_pk(tenant), format!("{QUEUE}{name}"))
}

/// Reads a queue's key.
pub(crate) fn to_queue(item: &Item) -> Result<QueueKey, ItemError> {
    queue_after(item, QUEUE)
}

fn queue_after(item: &Item, beginning: &str) -> Result<QueueKey, ItemError> {
    let sk = sk(item)?;
    let name = sk.strip_prefix(beginning);
    let name = name.and_then(|name| QueueName::parse(name).ok());
    Ok(QueueKey {
        tenant: tenant_before(item, QUEUES)?,
        name: name.ok_or(ItemError::Malformed("sk"))?,
    })
}

/// The key of a queue's job.
pub(crate) fn job(QueueKey { tenant, name }: &QueueKey, id: EmailId) -> Item {
    of(queues_pk(tenant), format!("job#{name}#{id}"))
}

/// Reads a job's key.
pub(crate) fn to_job(item: &Item) -> Result<(QueueKey, EmailId), ItemError> {
    let sk = sk(item)?;
    let mut parts = sk.split('#');
    let (Some("job"), Some(name), Some(id), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(ItemError::Malformed("sk"));
    };
    let queue = QueueKey {
        tenant: tenant_before(item, QUEUES)?,
        name: QueueName::parse(name).map_err(|_| ItemError::Malformed("sk"))?,
    };
    Ok((queue, EmailId::parse(id).ok_or(ItemError::Malformed("sk"))?))
}

/// Returns the key of the account rate.
pub(crate) fn account_rate() -> Item {
    const ACCOUNT: &str = "account#pace";
    of(ACCOUNT, ACCOUNT)
}

/// The key of a queue's rate limit.
pub(crate) fn rate_limit(QueueKey { tenant, name }: &QueueKey) -> Item {
    of(queues_pk(tenant), format!("{RATE_LIMIT}{name}"))
}

/// Reads the key of a rate limit.
pub(crate) fn to_rate_limit(item: &Item) -> Result<QueueKey, ItemError> {
    queue_after(item, RATE_LIMIT)
}

/// The key of a tenant.
pub(crate) fn tenant(id: &TenantId) -> Item {
    of(format!("{id}{TENANT}"), "tenant")
}

/// Reads a tenant's key.
pub(crate) fn to_tenant(item: &Item) -> Result<TenantId, ItemError> {
    tenant_before(item, TENANT)
}

fn tenant_before(item: &Item, end: &str) -> Result<TenantId, ItemError> {
    let tenant = pk(item)?.strip_suffix(end).and_then(TenantId::parse);
    tenant.ok_or(ItemError::Malformed("pk"))
}

/// Returns the key of the used part of a tenant's quota.
pub(crate) fn allowance(tenant: &TenantId, window: &Window) -> Item {
    let sk = format!("{}#{}", window.limit.as_str(), digits(window.begins));
    of(format!("{tenant}#allowance"), sk)
}

/// Returns the key of an API key. It is not under its tenant: the API key determines the tenant, so that it
/// must be found first.
pub(crate) fn api_key(id: KeyId) -> Item {
    of(format!("{API_KEY}{id}"), "key")
}

/// Reads an API key's key.
pub(crate) fn to_api_key(item: &Item) -> Result<KeyId, ItemError> {
    let id = pk(item)?.strip_prefix(API_KEY).and_then(KeyId::parse);
    id.ok_or(ItemError::Malformed("pk"))
}

/// The key of a preview. No tenant is in it: the URL of a preview has no API key.
pub(crate) fn preview(hash: &TokenHash) -> Item {
    of(format!("preview:{}", hex(hash)), "preview")
}

/// The key of a code of the console.
pub(crate) fn console_code(hash: &TokenHash) -> Item {
    of(format!("code:{}", hex(hash)), "code")
}

fn hex(hash: &TokenHash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The partition of a tenant's API keys in the index `by_tenant`.
pub(crate) fn api_keys_of(tenant: &TenantId) -> String {
    format!("{tenant}#keys")
}

/// The key of a sending domain.
pub(crate) fn domain(name: &DomainName) -> Item {
    of(DOMAINS, name.reversed())
}

/// Reads the name of a sending domain.
pub(crate) fn to_domain(item: &Item) -> Result<DomainName, ItemError> {
    DomainName::from_reversed(&sk(item)?).map_err(|_| ItemError::Malformed("sk"))
}

/// The partition of all sending domains, and the beginning of the sort keys below one.
pub(crate) fn domains_below(name: &DomainName) -> (String, String) {
    (DOMAINS.to_owned(), format!("{}.", name.reversed()))
}

/// The key under which the id of a sending domain leads to its name. No label of a domain contains a number sign, so
/// this key differs from the keys of all domains.
pub(crate) fn domain_id(id: DomainId) -> Item {
    of(DOMAINS, format!("id#{id}"))
}

/// The key of the registry of sending domains.
pub(crate) fn domain_registry() -> Item {
    of(DOMAINS, "registry#")
}

/// True for the item of the registry of sending domains.
pub(crate) fn is_domain_registry(item: &Item) -> bool {
    domain_registry()
        .iter()
        .all(|(name, value)| item.get(name) == Some(value))
}

/// True for the key of a sending domain. The other items of its partition have a number sign, which no label has.
pub(crate) fn is_domain(key: &Item) -> bool {
    pk(key).is_ok_and(|pk| pk == DOMAINS) && sk(key).is_ok_and(|sk| !sk.contains('#'))
}

/// The partition of a tenant's sending domains in the index `by_tenant`.
pub(crate) fn domains_of(tenant: &TenantId) -> String {
    format!("{tenant}#domains")
}

/// The key of the record of a batch. The caller's key may hold personal data: only its hash is stored.
pub(crate) fn batch(tenant: &TenantId, batch: &BatchId) -> Item {
    of(format!("{tenant}#idem-{batch}"), "batch")
}

/// The key of a suppressed address.
pub(crate) fn suppression(tenant: &TenantId, id: SuppressionId) -> Item {
    of(format!("{tenant}{SUPPRESSED}{id}"), SUPPRESSION)
}

/// Reads the key of a suppressed address.
pub(crate) fn to_suppression(item: &Item) -> Result<(TenantId, SuppressionId), ItemError> {
    let partition = pk(item)?;
    let read = || {
        let (tenant, id) = partition.split_once(SUPPRESSED)?;
        Some((TenantId::parse(tenant)?, SuppressionId::parse(id)?))
    };
    read().ok_or(ItemError::Malformed("pk"))
}

/// The key of an address that SES refused for the list of its account.
pub(crate) fn listed_address(tenant: &TenantId, id: SuppressionId) -> Item {
    of(format!("{tenant}#suppressed#{id}"), "account_list")
}

/// Returns the key of the hash prefixes of a tenant's suppressions.
pub(crate) fn suppression_filter(tenant: &TenantId) -> Item {
    of(format!("{tenant}#suppressed"), "marks")
}

/// The partition of suppressions of an origin in the index `by_tenant`.
pub(crate) fn suppressions_of(tenant: &TenantId, origin: Origin) -> String {
    format!("{tenant}#suppressed#{}", origin.as_str())
}

/// A shard of a tenant's emails in the index `by_tenant`.
pub(crate) fn tenant_shard(tenant: &TenantId, shard: u16) -> String {
    format!("{tenant}#{shard:02}")
}

/// The partition key of the counters of outcomes, of one queue or of all.
pub(crate) fn flow_pk(tenant: &TenantId, queue: Option<&str>) -> String {
    format!("tally:flow#{tenant}#{}", queue.unwrap_or("*"))
}

/// The partition key of the counters of a queue's waiting emails.
pub(crate) fn standing_pk(tenant: &TenantId, queue: &str) -> String {
    format!("tally:now#{tenant}#{queue}")
}

/// The partition key of the counters of failures.
pub(crate) fn failures_pk(tenant: &TenantId) -> String {
    format!("tally:failures#{tenant}")
}

/// Returns the partition key of the changes that were counted for a minute.
pub(crate) fn counted_pk(minute: Timestamp) -> String {
    format!("tally:counted#{}", digits(minute))
}

/// The name of a level in [`stretch_sk`].
pub(crate) const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Minute => "minutes",
        Level::Hour => "hours",
        Level::Day => "days",
    }
}

/// Returns the sort key of a period in which emails are due.
pub(crate) fn stretch_sk(level: Level, begin: Timestamp) -> String {
    format!("{}#{}", level_name(level), digits(begin))
}

/// The key of the bookmarks of `promote`: one item, so that one call reads them.
pub(crate) fn bookmarks() -> Item {
    const CURSORS: &str = "promote#cursors";
    of(CURSORS, CURSORS)
}

/// The key of the newest event of `feedback`.
pub(crate) fn newest_event() -> Item {
    const NEWEST: &str = "feedback#newest";
    of(NEWEST, NEWEST)
}
