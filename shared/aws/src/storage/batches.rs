//! Idempotency keys of batches: one item each, written before the emails of the batch.
//!
//! **Invariant:** an environment of an earlier version cannot read the record of a batch whose email ids depend on its
//! start. Such a record has no attribute `h`. With it, this environment would derive other ids, and send the emails
//! again.

use std::time::Duration;

use domain::delivery::batch::{BatchId, BatchRecord, BatchStart};
use domain::id::TenantId;
use domain::ports::{Batches, PortError};
use domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, ItemError, from_json};
use crate::storage::mapping::{decode, encode, is_default, is_forgotten};
use crate::storage::table::{Table, keys};

/// Stored form of the record of a batch, without its key.
#[derive(Serialize, Deserialize)]
struct StoredBatch {
    /// The hash of a batch of an earlier version.
    #[serde(rename = "h", default, skip_serializing_if = "is_default")]
    earlier_hash: Option<String>,
    /// The hash of a batch whose email ids depend on the time of its start.
    #[serde(rename = "s", default, skip_serializing_if = "is_default")]
    hash: Option<String>,
    /// JSON.
    #[serde(rename = "e")]
    errors: String,
    /// Time of the batch's start. Items of earlier versions have neither this nor the retention.
    #[serde(rename = "b", default, skip_serializing_if = "is_default")]
    begun_at: Option<Timestamp>,
    #[serde(rename = "r", default, skip_serializing_if = "is_default")]
    retention_s: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    ttl: Option<i64>,
}

fn read(item: &Item) -> Result<BatchRecord, ItemError> {
    let stored: StoredBatch = decode(item)?;
    let in_ids = stored.hash.is_some();
    let hash = stored.hash.or(stored.earlier_hash).ok_or(ItemError::Missing("s"))?;
    let begun = match (stored.begun_at, stored.retention_s) {
        (None, _) if in_ids => return Err(ItemError::Missing("b")),
        (None, _) => None,
        (Some(at), Some(secs)) => Some(BatchStart {
            at,
            retention: Duration::from_secs(secs),
            in_ids,
        }),
        (Some(_), None) => return Err(ItemError::Missing("r")),
    };
    Ok(BatchRecord {
        hash,
        errors: from_json(&stored.errors, "e")?,
        begun,
    })
}

impl Batches for Table {
    async fn recall(
        &self,
        tenant: &TenantId,
        batch: &BatchId,
        now: Timestamp,
    ) -> Result<Option<BatchRecord>, PortError> {
        const WHAT: &str = "reading a batch";
        let item = self.get(keys::batch(tenant, batch), WHAT).await?;
        let known = item.filter(|item| !is_forgotten(item, now));
        let record = known.map(|known| read(&known)).transpose();
        record.map_err(|error| port(WHAT)(error.into()))
    }

    async fn remember(
        &self,
        tenant: &TenantId,
        batch: &BatchId,
        record: &BatchRecord,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<BatchRecord, PortError> {
        const WHAT: &str = "storing a batch";
        let errors = serde_json::to_string(&record.errors).map_err(|error| port(WHAT)(error.into()))?;
        let in_ids = record.begun.is_some_and(|begun| begun.in_ids);
        let (hash, earlier_hash) = if in_ids {
            (Some(record.hash.clone()), None)
        } else {
            (None, Some(record.hash.clone()))
        };
        let stored = StoredBatch {
            earlier_hash,
            hash,
            errors,
            begun_at: record.begun.map(|begun| begun.at),
            retention_s: record.begun.map(|begun| begun.retention.as_secs()),
            ttl: Some(keep_until.as_secs()),
        };
        let item = encode(keys::batch(tenant, batch), &stored, WHAT)?;
        match self.put_new(item, now, WHAT).await? {
            None => Ok(record.clone()),
            Some(known) => read(&known).map_err(|error| port(WHAT)(error.into())),
        }
    }

    async fn keep_batch(&self, tenant: &TenantId, batch: &BatchId, keep_until: Timestamp) -> Result<(), PortError> {
        const WHAT: &str = "extending the retention of a batch";
        let kept = self.extend_retention(keys::batch(tenant, batch), keep_until.as_secs(), WHAT);
        kept.await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use domain::message::email::sha256_hex;
    use serde_json::json;

    use super::*;
    use crate::runtime::replay::{CannedResponse, Replay};
    use crate::runtime::telemetry::chain;
    use crate::storage::attributes;
    use crate::storage::records::samples::at;

    const ERRORS: &str = r#"[{"index":3,"message":"to: is no address"}]"#;

    fn key() -> BatchId {
        BatchId::of("order for ada@example.com")
    }

    fn record() -> BatchRecord {
        BatchRecord {
            hash: "ab".repeat(32),
            errors: serde_json::from_str(ERRORS).unwrap(),
            begun: Some(BatchStart {
                at: at(1_999),
                retention: Duration::from_secs(60),
                in_ids: true,
            }),
        }
    }

    async fn remember(replay: &Replay) -> Result<BatchRecord, String> {
        let (tenant, record) = (TenantId::main(), record());
        let remembered = replay
            .table(16)
            .remember(&tenant, &key(), &record, at(9_000), at(1_999))
            .await;
        remembered.map_err(|error| chain(&error))
    }

    #[tokio::test]
    async fn a_batch_is_found_until_it_expires() {
        let hash = json!({"S": "ab".repeat(32)});
        let mut item = json!({"Item": {"e": {"S": ERRORS}, "ttl": {"N": "9"}}});
        let mut without_start = item.clone();
        without_start["Item"]["h"] = hash.clone();
        item["Item"]["b"] = json!({"N": "1999"});
        item["Item"]["r"] = json!({"N": "60"});
        let mut start_not_in_ids = item.clone();
        start_not_in_ids["Item"]["h"] = hash.clone();
        item["Item"]["s"] = hash;
        let earlier = |begun| BatchRecord { begun, ..record() };
        let begun = record().begun.map(|begun| BatchStart { in_ids: false, ..begun });
        for (answer, now, expected) in [
            (item.clone(), at(9_000), Some(record())),
            (without_start, at(9_000), Some(earlier(None))),
            (start_not_in_ids, at(9_000), Some(earlier(begun))),
            (item, at(10_000), None),
            (json!({}), at(0), None),
        ] {
            let replay = Replay::new([CannedResponse::ok(&answer)]);
            let recalled = replay.table(16).recall(&TenantId::main(), &key(), now).await;
            assert_eq!(recalled.unwrap(), expected);
            assert_eq!(replay.only().json()["ConsistentRead"], true);
        }
        let garbage = Replay::new([CannedResponse::ok(&json!({"Item": {"h": {"S": "x"}, "e": {"S": "x"}}}))]);
        let error = garbage.table(16).recall(&TenantId::main(), &key(), at(0)).await;
        assert!(chain(&error.unwrap_err()).starts_with("reading a batch: "));
    }

    #[tokio::test]
    async fn a_batch_is_stored_under_the_hash_of_its_key() {
        let replay = Replay::new([CannedResponse::ok(&json!({}))]);
        assert_eq!(remember(&replay).await, Ok(record()));
        let pk = format!("main#idem-{}", sha256_hex(b"order for ada@example.com"));
        assert_eq!(
            replay.only().json(),
            json!({
                "TableName": "T",
                "Item": {
                    "pk": {"S": pk},
                    "sk": {"S": "batch"},
                    "s": {"S": "ab".repeat(32)},
                    "e": {"S": ERRORS},
                    "b": {"N": "1999"},
                    "r": {"N": "60"},
                    "ttl": {"N": "9"},
                },
                "ConditionExpression": "attribute_not_exists(pk) OR #ttl < :now",
                "ExpressionAttributeNames": {"#ttl": "ttl"},
                "ExpressionAttributeValues": {":now": {"N": "1"}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            })
        );
    }

    fn known(hash: &str, errors: &str) -> CannedResponse {
        let item = Item::from([
            attributes::s("s", hash.to_owned()),
            attributes::s("e", errors.to_owned()),
            attributes::n("b", 1_999),
            attributes::n("r", 60),
        ]);
        CannedResponse::condition_failed(Some(&item))
    }

    #[tokio::test]
    async fn the_earlier_use_of_a_key_is_returned() {
        let other = BatchRecord {
            hash: "other".to_owned(),
            errors: Vec::new(),
            ..record()
        };
        assert_eq!(remember(&Replay::new([known("other", "[]")])).await, Ok(other));
    }

    #[tokio::test]
    async fn retention_is_extended_and_never_shortened() {
        for answer in [
            CannedResponse::ok(&json!({})),
            // A record that is kept for longer already, and a deleted one.
            known("h", "[]"),
            CannedResponse::condition_failed(None),
        ] {
            let replay = Replay::new([answer]);
            let kept = replay.table(16).keep_batch(&TenantId::main(), &key(), at(9_999)).await;
            assert!(kept.is_ok(), "{kept:?}");
            let request = replay.only().json();
            assert_eq!(request["ConditionExpression"], "#ttl < :ttl");
            assert_eq!(request["ExpressionAttributeValues"], json!({":ttl": {"N": "9"}}));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_does_not_duplicate_a_batch() {
        let replay = Replay::new([CannedResponse::Lost, known(&record().hash, ERRORS)]);
        assert_eq!(remember(&replay).await, Ok(record()));
    }

    #[tokio::test]
    async fn garbage_is_an_error() {
        for (answer, says) in [
            (known("other", "secret"), "attribute e is malformed"),
            (
                CannedResponse::condition_failed(Some(&Item::from([attributes::n("s", 1)]))),
                "attribute s is malformed",
            ),
            (
                CannedResponse::condition_failed(Some(&Item::from([attributes::s("e", "[]".to_owned())]))),
                "attribute s is missing",
            ),
            (
                CannedResponse::condition_failed(Some(&Item::from([
                    attributes::s("s", "other".to_owned()),
                    attributes::s("e", "[]".to_owned()),
                ]))),
                "attribute b is missing",
            ),
            (CannedResponse::condition_failed(None), "attribute pk is missing"),
        ] {
            assert_eq!(
                remember(&Replay::new([answer])).await,
                Err(format!("storing a batch: {says}"))
            );
        }
    }
}
