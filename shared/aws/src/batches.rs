//! The batches' idempotency keys: one item for each, written before the batch's emails.

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
        let item = Item::from([
            item::s("pk", pk(tenant, key)),
            item::s("sk", BATCH.to_owned()),
            item::s("h", record.hash.clone()),
            item::s("e", errors),
            item::n("ttl", keep_until.as_secs()),
        ]);
        match self.put_new(item, now, WHAT).await? {
            None => Ok(record.clone()),
            Some(known) => read(&known).map_err(|error| port(WHAT)(error.into())),
        }
    }
}
