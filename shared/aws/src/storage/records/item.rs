//! Maps a record to an item of the table, and back.
//!
//! Names are short because DynamoDB bills every update by the size of the whole item, including names. An
//! attribute with its default value (`None`, `false`, empty) is absent.
//!
//! | Attribute | Type | Field of the record |
//! |---|---|---|
//! | `pk` | S | `<tenant>#<id>` |
//! | `sk` | S | `email` |
//! | `v` | N | version of this format: 1 |
//! | `b` | N | `born`, in ms, as every time here but `ttl` |
//! | `q` | S | `queue` |
//! | `l` | S | `priority` |
//! | `r` | N | `recipients` |
//! | `h` | S | `body.sha256` |
//! | `p` | S | `body.place` |
//! | `z` | N | `body.bytes` |
//! | `zb` | N | `attachment_bytes` |
//! | `o` | S | `on_uncertain` |
//! | `s` | S | `status` |
//! | `n` | N | `not_before` |
//! | `w` | N | `scheduled_at` |
//! | `x`, `xg` | N, BOOL | `expires_at`, `expires_given` |
//! | `c` | N | `claim_no` |
//! | `a` | N | `attempts` |
//! | `lu`, `ln` | N, N | `lease.until`, `lease.nonce` |
//! | `m` | BOOL | `maybe_duplicate` |
//! | `d` | BOOL | `duplicate` |
//! | `u` | N | `uncertain_since` |
//! | `bk` | B | `batch` |
//! | `e` | S | `cause` |
//! | `t` | S | `detail` |
//! | `sc`, `si`, `sa` | N, S, N | `sent.claim_no`, `sent.message_id`, `sent.at` |
//! | `f` | M of S | `delivery_statuses`, by the recipient's key |
//! | `fn` | N | `delivery_version` |
//! | `da`, `oa`, `ca` | N | `delivered_at`, `opened_at`, `clicked_at` |
//! | `ra` | N | `retried_at` |
//! | `g` | N | `generation` |
//! | `k` | B | `key`, its 16 bytes |
//! | `fd` | S | `from_domain` |
//! | `dh` | S | `dropped_headers`: their names, separated by spaces |
//! | `oc` | L of S | `outcomes`: claim, time, cause and text, separated by spaces |
//! | `dg` | M of S | `diagnostics`, by the recipient's key: time and text |
//! | `ev` | M of S | `facts`, by the recipient's key and the fact, separated by a space: time and text |
//! | `hk`, `hi`, `ht`, `hs`, `hp`, `hl` | B, S, N, S, L of S, L of B | `hook` ([`super::hook`]) |
//! | `due_pk`, `due_sk` | S | `due`: the partition, and its time with the id; the index `due` |
//! | `due_sk` in `wake` | | also priority, recipients, bytes and queue |
//! | `due_sk` in `paced` | | also priority, recipients, bytes and expiry |
//! | `due_sk` in `ended` | | also status and cause |
//! | `tenant_shard`, `created_sk` | S | `<tenant>#NN`, and `born` with the id; the index `by_tenant` |
//! | `ttl` | N | expiry of a finished record, in seconds |
//!
//! Enums are stored by their serde names. **Invariant:** stored data is never trusted: an unreadable record is
//! an [`ItemError`] of that record, and of no other.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::delivery::batch::BatchId;
use domain::delivery::history::{AttemptOutcome, Diagnostic, Fact};
use domain::delivery::index;
use domain::delivery::record::{Acceptance, BodyRef, Due, DueKind, EmailRecord, Lease};
use domain::id::{EmailKey, KeyId, QueueName};
use domain::message::dropped_header::DroppedHeader;
use domain::timestamp::Timestamp;
use serde::de::DeserializeOwned;

use super::hook;
use super::reading::{bytes, flag, from_named_attribute, maybe, number, text, time};
use super::waiting::{ended_sk, rate_limited_sk, wake_sk};
use crate::storage::attributes::{Item, ItemError, b, from_name, n, name, parse_sortable, s, sortable, yes};
use crate::storage::table::keys;

/// Attributes for the delivery statuses of recipients and the replies of mail servers.
#[cfg(test)]
pub(crate) const PAST: [&str; 6] = ["t", "f", "dh", "oc", "dg", "ev"];

/// Attributes of a bare record: everything that a decision reads. The role of `access` may read only these of
/// an email, so that `template.yaml` has the same list. `z` is missing: in a content's item, which lies beside
/// the record, it is the content.
pub(crate) const BARE: [&str; 37] = [
    "pk", "sk", "v", "b", "q", "l", "r", "h", "p", "zb", "o", "s", "n", "w", "x", "xg", "c", "a", "lu", "ln", "m", "d",
    "u", "ra", "e", "sc", "si", "sa", "fn", "due_pk", "due_sk", "g", "k", "fd", "bk", "er", "ttl",
];

/// Version that is written.
pub(super) const VERSION: u32 = 1;

/// Attribute for the size of an email's files.
pub(crate) const ATTACHMENT_BYTES: &str = "zb";

/// Returns the stored item of a record, without its `ttl`.
pub(crate) fn from_record(record: &EmailRecord, shards: u16) -> Item {
    let key = EmailKey {
        tenant: record.tenant.clone(),
        id: record.id,
    };
    let shard = record.id.shard(shards);
    let mut item = keys::email(&key);
    item.extend([
        n("v", VERSION),
        n("b", record.born.as_millis()),
        s("q", record.queue.to_string()),
        s("l", name(&record.priority)),
        n("r", record.recipients),
        s("h", record.body.sha256.clone()),
        s("p", name(&record.body.place)),
        n("z", record.body.bytes),
        s("o", name(&record.on_uncertain)),
        s("s", name(&record.status)),
        n("n", record.not_before.as_millis()),
        n("x", record.expires_at.as_millis()),
        n("c", record.claim_no),
        n("a", record.attempts),
        n("fn", record.delivery_version),
        s("tenant_shard", keys::tenant_shard(&record.tenant, shard)),
        s("created_sk", sortable(record.born, record.id)),
    ]);
    if let Some(lease) = &record.lease {
        item.extend([n("lu", lease.until.as_millis()), n("ln", lease.nonce)]);
    }
    if record.maybe_duplicate {
        item.extend([yes("m")]);
    }
    if record.duplicate {
        item.extend([yes("d")]);
    }
    if record.attachment_bytes > 0 {
        item.extend([n(ATTACHMENT_BYTES, record.attachment_bytes)]);
    }
    if record.expires_given {
        item.extend([yes("xg")]);
    }
    if let Some(batch) = &record.batch {
        item.extend([b("bk", batch.as_bytes())]);
    }
    if let Some(cause) = &record.cause {
        item.extend([s("e", name(cause))]);
    }
    if let Some(detail) = &record.detail {
        item.extend([s("t", detail.clone())]);
    }
    if let Some(sent) = &record.sent {
        item.extend([
            n("sc", sent.claim_no),
            s("si", sent.message_id.clone()),
            n("sa", sent.at.as_millis()),
        ]);
    }
    if !record.delivery_statuses.is_empty() {
        let delivery_statuses = record
            .delivery_statuses
            .iter()
            .map(|(key, delivery_status)| s(key, name(delivery_status)))
            .collect();
        item.extend([("f".to_owned(), AttributeValue::M(delivery_statuses))]);
    }
    if !record.outcomes.is_empty() {
        let outcomes = record
            .outcomes
            .iter()
            .map(outcome_text)
            .map(AttributeValue::S)
            .collect();
        item.extend([("oc".to_owned(), AttributeValue::L(outcomes))]);
    }
    if !record.diagnostics.is_empty() {
        let diagnostics = record
            .diagnostics
            .iter()
            .map(|(key, said)| s(key, said_text(said)))
            .collect();
        item.extend([("dg".to_owned(), AttributeValue::M(diagnostics))]);
    }
    if !record.facts.is_empty() {
        let fact =
            |((key, fact), said): (&(String, Fact), &Diagnostic)| s(&format!("{key} {}", name(fact)), said_text(said));
        let facts = record.facts.iter().map(fact).collect();
        item.extend([("ev".to_owned(), AttributeValue::M(facts))]);
    }
    for (attribute, at) in [
        ("w", record.scheduled_at),
        ("u", record.uncertain_since),
        ("da", record.delivered_at),
        ("oa", record.opened_at),
        ("ca", record.clicked_at),
        ("ra", record.retried_at),
    ] {
        item.extend(at.map(|at| n(attribute, at.as_millis())));
    }
    item.extend(record.generation.map(|generation| n("g", generation)));
    if let Some(key) = record.key {
        item.extend([("k".to_owned(), AttributeValue::B(key.to_bytes().to_vec().into()))]);
    }
    item.extend(record.from_domain.clone().map(|domain| s("fd", domain)));
    if !record.dropped_headers.is_empty() {
        let names: Vec<_> = record.dropped_headers.iter().map(ToString::to_string).collect();
        item.extend([s("dh", names.join(" "))]);
    }
    item.extend(record.hook.iter().flat_map(hook::attributes));
    if let Some(due) = record.due {
        let sort_key = match due.kind {
            DueKind::Wake => wake_sk(due.at, record),
            DueKind::Check | DueKind::Held => sortable(due.at, record.id),
            DueKind::RateLimited => rate_limited_sk(due.at, record),
            DueKind::Ended => ended_sk(due.at, record),
        };
        let shard = index::shard(due.kind, record.id, shards);
        let partition = index::partition(due.kind, &record.queue_key(), shard);
        item.extend([s("due_pk", partition), s("due_sk", sort_key)]);
    }
    item
}

/// Reads a record.
///
/// # Errors
/// [`ItemError`] names the attribute, never its value.
pub(crate) fn to_record(item: &Item) -> Result<EmailRecord, ItemError> {
    let version = number::<u32>(item, "v")?;
    if version != VERSION {
        return Err(ItemError::UnknownVersion(version));
    }
    let EmailKey { tenant, id } = keys::to_email(item)?;
    Ok(EmailRecord {
        tenant,
        id,
        born: time(item, "b")?,
        queue: QueueName::parse(text(item, "q")?).map_err(|_| ItemError::Malformed("q"))?,
        priority: from_named_attribute(item, "l")?,
        recipients: number(item, "r")?,
        body: BodyRef {
            sha256: text(item, "h")?.to_owned(),
            place: from_named_attribute(item, "p")?,
            bytes: number(item, "z")?,
        },
        attachment_bytes: maybe(item, ATTACHMENT_BYTES, number)?.unwrap_or(0),
        on_uncertain: from_named_attribute(item, "o")?,
        status: from_named_attribute(item, "s")?,
        not_before: time(item, "n")?,
        scheduled_at: maybe(item, "w", time)?,
        expires_at: time(item, "x")?,
        expires_given: flag(item, "xg")?,
        claim_no: number(item, "c")?,
        attempts: number(item, "a")?,
        lease: lease(item)?,
        maybe_duplicate: flag(item, "m")?,
        duplicate: flag(item, "d")?,
        uncertain_since: maybe(item, "u", time)?,
        batch: maybe(item, "bk", batch)?,
        cause: maybe(item, "e", from_named_attribute)?,
        detail: maybe(item, "t", text)?.map(str::to_owned),
        sent: sent(item)?,
        due: due(item)?,
        delivery_statuses: maybe(item, "f", delivery_statuses)?.unwrap_or_default(),
        delivery_version: number(item, "fn")?,
        delivered_at: maybe(item, "da", time)?,
        opened_at: maybe(item, "oa", time)?,
        clicked_at: maybe(item, "ca", time)?,
        retried_at: maybe(item, "ra", time)?,
        generation: maybe(item, "g", number)?,
        key: maybe(item, "k", key_id)?,
        from_domain: maybe(item, "fd", text)?.map(str::to_owned),
        dropped_headers: maybe(item, "dh", dropped_headers)?.unwrap_or_default(),
        outcomes: maybe(item, "oc", outcomes)?.unwrap_or_default(),
        diagnostics: maybe(item, "dg", diagnostics)?.unwrap_or_default(),
        facts: facts(&maybe(item, "ev", diagnostics)?.unwrap_or_default()).ok_or(ItemError::Malformed("ev"))?,
        hook: hook::read(item)?,
    })
}

fn dropped_headers(item: &Item, attribute: &'static str) -> Result<Vec<DroppedHeader>, ItemError> {
    let names = text(item, attribute)?.split(' ').map(str::parse);
    names
        .collect::<Result<_, _>>()
        .map_err(|_| ItemError::Malformed(attribute))
}

fn lease(item: &Item) -> Result<Option<Lease>, ItemError> {
    let Some(until) = maybe(item, "lu", time)? else {
        return Ok(None);
    };
    let nonce = number(item, "ln")?;
    Ok(Some(Lease { until, nonce }))
}

fn batch(item: &Item, attribute: &'static str) -> Result<BatchId, ItemError> {
    BatchId::from_bytes(bytes(item, attribute)?).ok_or(ItemError::Malformed(attribute))
}

fn sent(item: &Item) -> Result<Option<Acceptance>, ItemError> {
    let Some(claim_no) = maybe(item, "sc", number)? else {
        return Ok(None);
    };
    Ok(Some(Acceptance {
        claim_no,
        message_id: text(item, "si")?.to_owned(),
        at: time(item, "sa")?,
    }))
}

fn due(item: &Item) -> Result<Option<Due>, ItemError> {
    let Some(partition) = maybe(item, "due_pk", text)? else {
        return Ok(None);
    };
    let kind = index::kind(partition).ok_or(ItemError::Malformed("due_pk"))?;
    let at = parse_sortable(text(item, "due_sk")?).ok_or(ItemError::Malformed("due_sk"))?;
    Ok(Some(Due { kind, at }))
}

fn key_id(item: &Item, attribute: &'static str) -> Result<KeyId, ItemError> {
    let Some(AttributeValue::B(bytes)) = item.get(attribute) else {
        return Err(ItemError::Malformed(attribute));
    };
    let bytes = bytes.as_ref().try_into().map(KeyId::from_bytes);
    bytes.map_err(|_| ItemError::Malformed(attribute))
}

fn delivery_statuses<T: DeserializeOwned>(
    item: &Item,
    attribute: &'static str,
) -> Result<BTreeMap<String, T>, ItemError> {
    let Some(AttributeValue::M(delivery_statuses)) = item.get(attribute) else {
        return Err(ItemError::Malformed(attribute));
    };
    delivery_statuses
        .iter()
        .map(|(key, value)| Some((key.clone(), from_name(value.as_s().ok()?)?)))
        .collect::<Option<_>>()
        .ok_or(ItemError::Malformed(attribute))
}

fn outcome_text(outcome: &AttemptOutcome) -> String {
    let AttemptOutcome {
        claim_no,
        at,
        cause,
        words,
    } = outcome;
    format!("{claim_no} {} {} {words}", at.as_millis(), name(cause))
}

fn said_text(said: &Diagnostic) -> String {
    format!("{} {}", said.at.as_millis(), said.words)
}

fn outcomes(item: &Item, attribute: &'static str) -> Result<Vec<AttemptOutcome>, ItemError> {
    let Some(AttributeValue::L(outcomes)) = item.get(attribute) else {
        return Err(ItemError::Malformed(attribute));
    };
    let outcome = |value: &AttributeValue| {
        let mut parts = value.as_s().ok()?.splitn(4, ' ');
        Some(AttemptOutcome {
            claim_no: parts.next()?.parse().ok()?,
            at: Timestamp::from_millis(parts.next()?.parse().ok()?),
            cause: from_name(parts.next()?)?,
            words: parts.next()?.to_owned(),
        })
    };
    let read = outcomes.iter().map(outcome).collect::<Option<_>>();
    read.ok_or(ItemError::Malformed(attribute))
}

fn diagnostics(item: &Item, attribute: &'static str) -> Result<BTreeMap<String, Diagnostic>, ItemError> {
    let Some(AttributeValue::M(diagnostics)) = item.get(attribute) else {
        return Err(ItemError::Malformed(attribute));
    };
    let said = |(key, value): (&String, &AttributeValue)| {
        let (at, words) = value.as_s().ok()?.split_once(' ')?;
        let at = Timestamp::from_millis(at.parse().ok()?);
        let words = words.to_owned();
        Some((key.clone(), Diagnostic { at, words }))
    };
    let read = diagnostics.iter().map(said).collect::<Option<_>>();
    read.ok_or(ItemError::Malformed(attribute))
}

fn facts(said: &BTreeMap<String, Diagnostic>) -> Option<BTreeMap<(String, Fact), Diagnostic>> {
    let fact = |(key, said): (&String, &Diagnostic)| {
        let (recipient, fact) = key.rsplit_once(' ')?;
        Some(((recipient.to_owned(), from_name(fact)?), said.clone()))
    };
    said.iter().map(fact).collect()
}

/// Returns the written version as the attribute `v`.
pub(crate) fn version() -> AttributeValue {
    AttributeValue::N(VERSION.to_string())
}

#[cfg(test)]
#[path = "item_tests.rs"]
mod tests;
