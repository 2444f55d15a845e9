//! The batches' idempotency keys: one item for each, written before the batch's emails.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use domain::email::sha256_hex;
use domain::id::TenantId;
use domain::ports::{BatchRecord, Batches, PortError};
use domain::timestamp::Timestamp;
use domain::wire::api::IdempotencyKey;

use crate::failure::port;
use crate::rows::item::{self, Item};
use crate::rows::{ItemError, Table};

/// The sort key.
const BATCH: &str = "batch";

/// The partition key. The caller's key may hold anything, and personal data: only its hash is
/// stored. No email's id looks like it.
fn pk(tenant: &TenantId, key: &IdempotencyKey) -> String {
    format!("{tenant}#idem-{}", sha256_hex(key.as_str().as_bytes()))
}

fn read(item: &Item) -> Result<BatchRecord, ItemError> {
    Ok(BatchRecord {
        hash: item::text(item, "h")?.to_owned(),
        errors: serde_json::from_str(item::text(item, "e")?).map_err(|_| ItemError::Malformed("e"))?,
    })
}

impl Batches for Table {
    async fn remember(
        &self,
        tenant: &TenantId,
        key: &IdempotencyKey,
        record: &BatchRecord,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<BatchRecord, PortError> {
        const WHAT: &str = "remembering a batch";
        let errors = serde_json::to_string(&record.errors).map_err(|error| port(WHAT)(error.into()))?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(Item::from([
                item::s("pk", pk(tenant, key)),
                item::s("sk", BATCH.to_owned()),
                item::s("h", record.hash.clone()),
                item::s("e", errors),
                item::n("ttl", keep_until.as_secs()),
            ])))
            .condition_expression("attribute_not_exists(pk) OR #ttl < :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", AttributeValue::N(now.as_secs().to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let known = match put.send().await {
            Ok(_) => return Ok(record.clone()),
            Err(SdkError::ServiceError(failed)) => match failed.into_err() {
                PutItemError::ConditionalCheckFailedException(refused) => refused.item,
                other => return Err(port(WHAT)(other.into())),
            },
            Err(error) => return Err(port(WHAT)(error.into())),
        };
        let known = known.as_ref().ok_or(ItemError::Missing("pk")).and_then(read);
        known.map_err(|error| port(WHAT)(error.into()))
    }
}
