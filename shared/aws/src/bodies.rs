//! The contents: a DynamoDB item while that is cheaper, an S3 object above.
//!
//! **Role:** called by `enqueue`, which writes them, and by `send` and `manage`, which read.
//! **Invariant:** a content is written once, named by the hash of what it says, so that a
//! repeated or a conflicting request can overwrite nothing. What comes back is checked
//! against nothing here: [`domain::email::Email::from_body`] does that.
//! **Start reading at** [`TABLE_MAX`].

use std::collections::BTreeMap;
use std::io;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::{Blob, ByteStream};
use domain::limits;
use domain::ports::{Bodies, EmailKey, Packed, PortError};
use domain::row::{BodyPlace, BodyRef};
use domain::timestamp::Timestamp;

use crate::failure::port;
use crate::rows::{Table, item};
use crate::settings::BucketSettings;

/// Packed contents up to this many bytes go to the table.
///
/// Of a million contents of n KB, in us-east-1 and in dollars, kept for 44 days:
///
/// | | Table | Bucket |
/// |---|---|---|
/// | write | 0.625 n | 5.00 |
/// | read once, consistently | 0.125 n / 4 | 0.40 |
/// | storage | 0.25 n x 1.45 | 0.023 n x 1.45 |
///
/// 1.02 n = 5.40 + 0.03 n, so n = 5.4 KB. Rounded down, for the item's key and name.
/// Source: Amazon DynamoDB pricing (on-demand) and Amazon S3 pricing (Standard).
pub const TABLE_MAX: usize = 5 * 1024;

/// Days after which the bucket deletes an object: the value of its tag `keep` says which.
/// `template.yaml` has one lifecycle rule for each. The longest covers an email scheduled for
/// ten years ahead, and its retention.
pub const KEEP_DAYS: [u16; 8] = [2, 8, 32, 64, 128, 512, 2048, 8192];

/// zstd's own default level: 3. Higher ones cost a small function more time than money.
const LEVEL: i32 = 3;

/// What is stored of a content is never unpacked to more than this: twice the largest request,
/// for JSON's escapes.
const UNPACKED_MAX: usize = 2 * limits::REQUEST_BYTES;

/// Contents that are read beside a row. An email has one; a request that was refused for its
/// key's sake has left another, and no number of those may fill the memory. One that is not
/// among them is read by its name.
const NEAR_MAX: i32 = 4;

/// How the sort keys of contents begin.
const BODY: &str = "body#";

/// The attribute of an item that holds the content.
const CONTENT: &str = "z";

/// Both places.
#[derive(Debug, Clone)]
pub struct BodyStore {
    table: Table,
    s3: aws_sdk_s3::Client,
    bucket: String,
}

impl BodyStore {
    /// Puts a table and a bucket together.
    #[must_use]
    pub fn new(table: Table, s3: aws_sdk_s3::Client, settings: &BucketSettings) -> Self {
        Self {
            table,
            s3,
            bucket: settings.bucket.clone(),
        }
    }
}

fn sort_key(body: &BodyRef) -> String {
    format!("{BODY}{}", body.sha256)
}

fn object_key(key: &EmailKey, body: &BodyRef) -> String {
    format!("{}/{}/{}", key.tenant, key.id, body.sha256)
}

/// The shortest time of [`KEEP_DAYS`] that is long enough.
fn keep_days(keep_until: Timestamp, now: Timestamp) -> u16 {
    let days = keep_until.since(now).as_secs().div_ceil(86_400);
    let [.., longest] = KEEP_DAYS;
    KEEP_DAYS
        .into_iter()
        .find(|kept| u64::from(*kept) >= days)
        .unwrap_or(longest)
}

fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::decompress(packed, UNPACKED_MAX)
}

impl Bodies for BodyStore {
    fn pack(&self, content: &[u8]) -> Result<Packed, PortError> {
        let bytes =
            zstd::bulk::compress(content, LEVEL).map_err(|error| port("compressing a content")(error.into()))?;
        let place = if bytes.len() <= TABLE_MAX {
            BodyPlace::Table
        } else {
            BodyPlace::Bucket
        };
        Ok(Packed { place, bytes })
    }

    async fn put(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        packed: Packed,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<(), PortError> {
        match packed.place {
            BodyPlace::Table => {
                let item = [
                    item::s("pk", item::pk(key)),
                    item::s("sk", sort_key(body)),
                    (CONTENT.to_owned(), AttributeValue::B(Blob::new(packed.bytes))),
                    item::n("ttl", keep_until.as_secs()),
                ];
                self.table.put(item.into(), "storing a content in the table").await
            }
            BodyPlace::Bucket => {
                let stored = self
                    .s3
                    .put_object()
                    .bucket(&self.bucket)
                    .key(object_key(key, body))
                    .tagging(format!("keep={}d", keep_days(keep_until, now)))
                    .body(ByteStream::from(packed.bytes))
                    .send()
                    .await;
                stored
                    .map(drop)
                    .map_err(|error| port("storing a content in the bucket")(error.into()))
            }
        }
    }

    async fn load_near(&self, key: &EmailKey) -> Result<BTreeMap<String, Vec<u8>>, PortError> {
        const WHAT: &str = "reading the contents of the table";
        let items = self.table.beginning_with(item::pk(key), BODY, NEAR_MAX, WHAT).await?;
        let mut contents = BTreeMap::new();
        for mut item in items {
            let hash = item::text(&item, "sk")
                .ok()
                .and_then(|sk| sk.strip_prefix(BODY))
                .map(str::to_owned);
            if let (Some(hash), Some(AttributeValue::B(packed))) = (hash, item.remove(CONTENT)) {
                // One that cannot be unpacked is missed when it is asked for, by its name.
                contents.extend(unpack(packed.as_ref()).ok().map(|content| (hash, content)));
            }
        }
        Ok(contents)
    }

    async fn load(&self, key: &EmailKey, body: &BodyRef) -> Result<Option<Vec<u8>>, PortError> {
        let packed = match body.place {
            BodyPlace::Table => {
                let item = self
                    .table
                    .get(item::pk(key), sort_key(body), "reading a content of the table")
                    .await?;
                match item.and_then(|mut item| item.remove(CONTENT)) {
                    Some(AttributeValue::B(content)) => Some(content.into_inner()),
                    Some(_) | None => None,
                }
            }
            BodyPlace::Bucket => self.fetch(object_key(key, body)).await?,
        };
        let unpacked = packed.map(|packed| unpack(&packed)).transpose();
        unpacked.map_err(|error| port("unpacking a content")(error.into()))
    }
}

impl BodyStore {
    async fn fetch(&self, object: String) -> Result<Option<Vec<u8>>, PortError> {
        const WHAT: &str = "reading a content of the bucket";
        let answer = match self.s3.get_object().bucket(&self.bucket).key(object).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
            Err(error) => return Err(port(WHAT)(error.into())),
        };
        let content = answer.body.collect().await.map_err(|error| port(WHAT)(error.into()))?;
        Ok(Some(content.into_bytes().to_vec()))
    }
}

#[cfg(test)]
#[path = "bodies_tests.rs"]
mod tests;
