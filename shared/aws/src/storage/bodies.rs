//! Contents of emails: a DynamoDB item while that is cheaper, an S3 object above.
//!
//! **Role:** `enqueue` writes contents, `send` and `manage` read them, and `manage` extends their retention.
//! **Invariant:** a content is named by the hash of its request. A conflicting request cannot change it, and a
//! repeated one cannot shorten its retention. This module does not validate a content that it reads:
//! [`domain::message::email::EmailContent::from_body`] does.
//! **Start reading at** [`TABLE_MAX`].

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{MetadataDirective, TaggingDirective};
use domain::delivery::record::{BodyPlace, BodyRef};
use domain::id::EmailKey;
use domain::limits;
use domain::ports::{Bodies, Packed, PortError, Put, Rounds};
use domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::runtime::failure::{call_error, port, unknown};
use crate::runtime::settings::BucketSettings;
use crate::storage::mapping::{Bytes, attribute, decode, encode, is_default};
use crate::storage::table::keys;
use crate::storage::table::{Query, Table};

/// Maximum size of a packed content in the table, in bytes.
///
/// Cost of a million contents of n KB, in us-east-1 and in dollars, kept for 44 days:
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

/// Days after which the bucket deletes an object, selected by the value of its tag `keep`. `template.yaml` has
/// one lifecycle rule for each. The longest covers an email that is scheduled ten years ahead, and its
/// retention.
pub const KEEP_DAYS: [u16; 8] = [2, 8, 32, 64, 128, 512, 2048, 8192];

/// Metadata with the earliest end of an object's retention, which its tag alone does not show.
pub(crate) const KEEP_UNTIL: &str = "keep-until";

/// Default level of zstd: 3. Higher levels cost a small function more time than they save money.
const LEVEL: i32 = 3;

/// Maximum size of an unpacked content: twice the largest request, for JSON's escapes.
const UNPACKED_MAX: usize = 2 * limits::REQUEST_BYTES;

/// Maximum number of contents that are read together with a record. An email has one. A request that was
/// refused because of its key has left another, and many of those must not fill the memory. A content beyond
/// the maximum is read by its name.
const NEAR_MAX: i32 = 4;

/// Age from which S3's timestamp distinguishes an object from a later copy. S3 has whole seconds, and clocks
/// differ by one.
const TOLD_APART: Duration = Duration::from_secs(3);

/// Stored form of a content, without its key.
#[derive(Serialize, Deserialize)]
struct StoredContent {
    /// Packed content.
    #[serde(rename = "z")]
    packed: Bytes,
    #[serde(default, skip_serializing_if = "is_default")]
    ttl: Option<i64>,
}

/// Table and bucket.
#[derive(Debug, Clone)]
pub struct BodyStore {
    pub(crate) table: Table,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) bucket: String,
}

impl BodyStore {
    /// Creates the store of a table and a bucket.
    #[must_use]
    pub fn new(table: Table, s3: aws_sdk_s3::Client, settings: &BucketSettings) -> Self {
        Self {
            table,
            s3,
            bucket: settings.bucket.clone(),
        }
    }
}

/// Prefix of all objects of an email in the bucket.
pub(crate) fn prefix(key: &EmailKey) -> String {
    format!("{}/{}/", key.tenant, key.id)
}

pub(crate) fn object_key(key: &EmailKey, body: &BodyRef) -> String {
    format!("{}{}", prefix(key), body.sha256)
}

/// Returns the shortest sufficient time of [`KEEP_DAYS`].
fn keep_days(keep_until: Timestamp, now: Timestamp) -> u16 {
    let days = keep_until.since(now).as_secs().div_ceil(86_400);
    let [.., longest] = KEEP_DAYS;
    KEEP_DAYS
        .into_iter()
        .find(|kept| u64::from(*kept) >= days)
        .unwrap_or(longest)
}

/// Returns the tag for an object's retention from now on.
pub(crate) fn keep_tag(keep_until: Timestamp, now: Timestamp) -> String {
    format!("keep={}d", keep_days(keep_until, now))
}

pub(crate) fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
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
    ) -> Result<Put, PortError> {
        match packed.place {
            BodyPlace::Table => {
                const WHAT: &str = "storing a content in the table";
                let stored = StoredContent {
                    packed: Bytes(packed.bytes),
                    ttl: Some(keep_until.as_secs()),
                };
                let item = encode(keys::body(key, body), &stored, WHAT)?;
                // An existing content with a longer retention stays.
                let there = self.table.put_new(item, keep_until, WHAT).await?;
                Ok(if there.is_some() { Put::There } else { Put::New })
            }
            BodyPlace::Bucket => self.put_object(key, body, packed.bytes, keep_until, now).await,
        }
    }

    async fn extend_retention(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        match body.place {
            BodyPlace::Table => {
                const WHAT: &str = "extending the retention of a content in the table";
                self.table
                    .extend_retention(keys::body(key, body), keep_until.as_secs(), WHAT)
                    .await
            }
            BodyPlace::Bucket => self.keep_object(object_key(key, body), keep_until, now).await,
        }
    }

    async fn load_near(&self, key: &EmailKey) -> Result<BTreeMap<String, Vec<u8>>, PortError> {
        const WHAT: &str = "reading the contents of the table";
        let query = Query {
            limit: Some(NEAR_MAX),
            ..Query::beginning(keys::email_pk(key), keys::BODY)
        };
        let items = self.table.query(query, WHAT).await?.items;
        let mut contents = BTreeMap::new();
        for item in items {
            let sk: Option<String> = attribute(&item, "sk").ok();
            let hash = sk.and_then(|sk| sk.strip_prefix(keys::BODY).map(str::to_owned));
            if let (Some(hash), Ok(stored)) = (hash, decode::<StoredContent>(&item)) {
                // A content that cannot be unpacked is reported when it is read by its name.
                contents.extend(unpack(&stored.packed.0).ok().map(|content| (hash, content)));
            }
        }
        Ok(contents)
    }

    async fn load(&self, key: &EmailKey, body: &BodyRef) -> Result<Option<Vec<u8>>, PortError> {
        let packed = match body.place {
            BodyPlace::Table => {
                let item = self
                    .table
                    .get(keys::body(key, body), "reading a content of the table")
                    .await?;
                let stored = item.and_then(|item| decode::<StoredContent>(&item).ok());
                stored.map(|stored| stored.packed.0)
            }
            BodyPlace::Bucket => self.fetch(object_key(key, body)).await?,
        };
        let unpacked = packed.map(|packed| unpack(&packed)).transpose();
        unpacked.map_err(|error| port("unpacking a content")(error.into()))
    }
}

impl BodyStore {
    /// Stores an object unless its name exists.
    async fn put_object(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        content: Vec<u8>,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<Put, PortError> {
        let stored = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(object_key(key, body))
            .if_none_match("*")
            .tagging(keep_tag(keep_until, now))
            .metadata(KEEP_UNTIL, keep_until.to_string())
            .body(ByteStream::from(content))
            .send()
            .await;
        match stored {
            Ok(_) => Ok(Put::New),
            // 409: another request stores the same object concurrently.
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|answer| matches!(answer.status().as_u16(), 409 | 412)) =>
            {
                Ok(Put::There)
            }
            Err(error) => Err(call_error("storing a content in the bucket")(error)),
        }
    }

    /// Copies an object onto itself if it would expire too early, which restarts its retention.
    ///
    /// The copy is conditional on the object that was read: another writer may have extended it since.
    pub(crate) async fn keep_object(
        &self,
        object: String,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        const WHAT: &str = "extending the retention of a content in the bucket";
        let began = Instant::now();
        let mut rounds = Rounds::of(WHAT);
        loop {
            rounds.begin()?;
            let head = match self.s3.head_object().bucket(&self.bucket).key(&object).send().await {
                Ok(head) => head,
                Err(error) if error.as_service_error().is_some_and(HeadObjectError::is_not_found) => return Ok(false),
                Err(error) => return Err(call_error(WHAT)(error)),
            };
            let kept_until = head.metadata().and_then(|metadata| metadata.get(KEEP_UNTIL));
            if kept_until.and_then(|text| Timestamp::parse_rfc3339(text)) >= Some(keep_until) {
                return Ok(true);
            }
            let modified = head.last_modified().copied();
            let age = modified
                .and_then(|modified| modified.to_millis().ok())
                .map(|modified| now.after(began.elapsed()).since(Timestamp::from_millis(modified)));
            if let Some(too_young) = age
                .and_then(|age| TOLD_APART.checked_sub(age))
                .filter(|wait| !wait.is_zero())
            {
                tokio::time::sleep(too_young).await;
                continue;
            }
            let copied = self
                .s3
                .copy_object()
                .bucket(&self.bucket)
                .copy_source(format!("{}/{object}", self.bucket))
                .set_copy_source_if_unmodified_since(modified)
                .key(&object)
                .metadata_directive(MetadataDirective::Replace)
                .metadata(KEEP_UNTIL, keep_until.to_string())
                .tagging_directive(TaggingDirective::Replace)
                .tagging(keep_tag(keep_until, now))
                .send()
                .await;
            let error = match copied {
                Ok(_) => return Ok(true),
                Err(error) => error,
            };
            match error.as_service_error().and_then(ProvideErrorMetadata::code) {
                Some("NoSuchKey") => return Ok(false),
                // Another writer was faster.
                Some("PreconditionFailed") => {}
                Some(_) | None => return Err(call_error(WHAT)(error)),
            }
        }
    }

    pub(crate) async fn fetch(&self, object: String) -> Result<Option<Vec<u8>>, PortError> {
        const WHAT: &str = "reading a content of the bucket";
        let answer = match self.s3.get_object().bucket(&self.bucket).key(object).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
            Err(error) => return Err(call_error(WHAT)(error)),
        };
        let content = answer
            .body
            .collect()
            .await
            .map_err(|error| unknown(WHAT)(error.into()))?;
        Ok(Some(content.into_bytes().to_vec()))
    }
}

#[cfg(test)]
#[path = "bodies_tests.rs"]
mod tests;
