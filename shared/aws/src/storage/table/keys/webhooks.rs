//! Keys of the items of webhooks, and of the facts of emails.
//!
//! **Invariant:** the partitions `hook:` and `event:` have a colon before the tenant's name, so that roles can be limited
//! to them, and no tenant owns one. Secrets are in a table of their own.

use domain::delivery::suppression::SuppressionId;
use domain::id::{DomainId, EmailId, EmailKey, TenantId};
use domain::ports::webhooks::WebhookKey;
use domain::webhook::event_type::EventType;
use domain::webhook::fact::FactNumber;
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::settings::WebhookId;

use super::{email_pk, of, pk, sk, tenant_before};
use crate::storage::attributes::{Item, ItemError};

/// Beginning of the sort keys of facts.
pub(crate) const FACT: &str = "fact#";

/// Beginning of the sort keys of settings.
pub(crate) const SETTINGS: &str = "hook#";

/// Beginning of the sort keys of recovery jobs.
pub(crate) const JOB: &str = "hookjob#";

/// Partition of the index `due` for recovery jobs.
pub(crate) const DUE_JOBS: &str = "hookjob";

/// End of the partition keys of a tenant's flag, settings and jobs.
const HOOKS: &str = "#hooks";

/// Sort key of a tenant's flag.
const FLAG: &str = "hooks";

/// Beginning of the partition keys of health and deliveries.
const HOOK: &str = "hook:";

/// Beginning of the sort keys of deliveries.
const EVENT: &str = "event#";

/// The partition key of a tenant's flag, settings and jobs.
pub(crate) fn hooks_pk(tenant: &TenantId) -> String {
    format!("{tenant}{HOOKS}")
}

/// The key of a tenant's flag.
pub(crate) fn flag(tenant: &TenantId) -> Item {
    of(hooks_pk(tenant), FLAG)
}

/// Reads the key of a tenant's flag; `None` for any other item.
pub(crate) fn to_flag(item: &Item) -> Option<TenantId> {
    let is_flag = sk(item).is_ok_and(|sk| sk == FLAG);
    is_flag.then(|| tenant_before(item, HOOKS).ok()).flatten()
}

/// The key of a webhook's settings.
pub(crate) fn settings(WebhookKey { tenant, id }: &WebhookKey) -> Item {
    of(hooks_pk(tenant), format!("{SETTINGS}{id}"))
}

/// The key of a recovery job.
pub(crate) fn job(tenant: &TenantId, id: EmailId) -> Item {
    of(hooks_pk(tenant), format!("{JOB}{id}"))
}

/// Reads the key of a recovery job.
pub(crate) fn to_job(item: &Item) -> Result<(TenantId, EmailId), ItemError> {
    let id = sk(item)?.strip_prefix(JOB).and_then(EmailId::parse);
    Ok((tenant_before(item, HOOKS)?, id.ok_or(ItemError::Malformed("sk"))?))
}

/// The key of an endpoint's health.
pub(crate) fn health(WebhookKey { tenant, id }: &WebhookKey) -> Item {
    of(format!("{HOOK}{tenant}#{id}"), "state")
}

/// The key of the permits that all slow endpoints share. A tenant has a name, so its webhooks have no such partition.
pub(crate) fn slow_permits() -> Item {
    of(format!("{HOOK}#slow"), "permits")
}

/// The key of a webhook's secrets.
pub(crate) fn secrets(WebhookKey { tenant, id }: &WebhookKey) -> Item {
    of(format!("secret:{tenant}#{id}"), "secret")
}

/// A shard of a webhook's deliveries, in the table and in the index `by_tenant`.
pub(crate) fn deliveries_pk(WebhookKey { tenant, id }: &WebhookKey, shard: u8) -> String {
    format!("{HOOK}{tenant}#{id}#{shard}")
}

/// The key of a delivery.
pub(crate) fn delivery(key: &WebhookKey, event: &EventId) -> Item {
    of(deliveries_pk(key, event.shard()), format!("{EVENT}{event}"))
}

/// Reads the key of a delivery.
pub(crate) fn to_delivery(item: &Item) -> Result<(WebhookKey, EventId), ItemError> {
    let partition = pk(item)?;
    let read = || {
        let mut parts = partition.strip_prefix(HOOK)?.split('#');
        let (tenant, id) = (parts.next()?, parts.next()?);
        Some(WebhookKey {
            tenant: TenantId::parse(tenant)?,
            id: WebhookId::parse(id)?,
        })
    };
    let key = read().ok_or(ItemError::Malformed("pk"))?;
    let sort_key = sk(item)?;
    let event = sort_key
        .strip_prefix(EVENT)
        .and_then(|event| EventId::parse(event).ok());
    Ok((key, event.ok_or(ItemError::Malformed("sk"))?))
}

/// Partition of the index `due` for deliveries of a shard.
pub(crate) fn due_deliveries(shard: u8) -> String {
    format!("hookdue#{shard:02}")
}

/// The partition key of the payloads about a subject.
pub(crate) fn payloads_pk(tenant: &TenantId, subject: Subject) -> String {
    format!("event:{tenant}#{subject}")
}

/// The key of a payload.
pub(crate) fn payload(tenant: &TenantId, subject: Subject, event: &EventId) -> Item {
    of(payloads_pk(tenant, subject), event.as_str())
}

/// Reads the event of a payload's key, and the text of its subject.
pub(crate) fn to_payload(item: &Item) -> Result<(EventId, String), ItemError> {
    let event = EventId::parse(&sk(item)?).map_err(|_| ItemError::Malformed("sk"))?;
    let partition = pk(item)?;
    let (_, subject) = partition.rsplit_once('#').ok_or(ItemError::Malformed("pk"))?;
    Ok((event, subject.to_owned()))
}

/// Reads the subject of an event of this type.
pub(crate) fn parse_subject(event_type: EventType, text: &str) -> Option<Subject> {
    match event_type {
        EventType::Scheduled
        | EventType::Sent
        | EventType::Delivered
        | EventType::DeliveryDelayed
        | EventType::Bounced
        | EventType::Complained
        | EventType::Opened
        | EventType::Clicked
        | EventType::Failed
        | EventType::Suppressed
        | EventType::Canceled
        | EventType::Expired => EmailId::parse(text).map(Subject::Email),
        EventType::SuppressionAdded | EventType::SuppressionRemoved => {
            SuppressionId::parse(text).map(Subject::Suppression)
        }
        EventType::DomainCreated | EventType::DomainUpdated | EventType::DomainDeleted => {
            DomainId::parse(text).map(Subject::Domain)
        }
    }
}

/// The key of a fact.
pub(crate) fn fact(key: &EmailKey, number: FactNumber) -> Item {
    of(email_pk(key), format!("{FACT}{number}"))
}
