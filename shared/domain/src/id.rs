//! Names and identifiers of tenants, queues, emails, uploads, keys and attachments.
//!
//! **Invariant:** an id without an idempotency key is random and carries no time. One with a key is derived from
//! `(tenant, key)`, so that the email's record also serves as the record of the key. In a batch the start of the batch
//! is a part too.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::timestamp::Timestamp;

/// The tenant of an email. The tenant is part of every partition key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TenantId(String);

/// A text that is no tenant name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a tenant name")]
pub struct NoTenant;

impl TryFrom<String> for TenantId {
    type Error = NoTenant;

    fn try_from(text: String) -> Result<Self, NoTenant> {
        Self::parse(&text).ok_or(NoTenant)
    }
}

impl From<TenantId> for String {
    fn from(tenant: TenantId) -> Self {
        tenant.0
    }
}

impl TenantId {
    /// The one tenant of a deployment without other tenants.
    #[must_use]
    pub fn main() -> Self {
        Self("main".to_owned())
    }

    /// Reads a tenant's name: `[a-z0-9-]{1,64}`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_name(text).then(|| Self(text.to_owned()))
    }

    /// The stored name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// True for a name of a tenant or a queue.
fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An email's id: a UUID, as Resend's clients expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailId(Uuid);

impl EmailId {
    /// An id from 16 random bytes (UUID version 4).
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// The id of the single email whose request carries `key` (UUID version 8).
    #[must_use]
    pub fn from_key(tenant: &TenantId, key: &str) -> Self {
        Self::from_parts([tenant.as_str(), key, "single"])
    }

    /// The id of item `index` of the batch whose request carries `key`, as earlier versions derived it. The same key
    /// on a single email gives another id, so that neither blocks the other.
    #[must_use]
    pub fn from_batch_key(tenant: &TenantId, key: &str, index: usize) -> Self {
        Self::from_parts([tenant.as_str(), key, &index.to_string()])
    }

    /// The id of item `index` of the batch with `key` that began at this time. A later batch with the same key has
    /// other ids.
    #[must_use]
    pub fn from_begun_batch(tenant: &TenantId, key: &str, begun_at: Timestamp, index: usize) -> Self {
        let item = format!("{index}@{}", begun_at.as_millis());
        Self::from_parts([tenant.as_str(), key, &item])
    }

    fn from_parts(parts: [&str; 3]) -> Self {
        let mut hash = Sha256::new();
        // Lengths first: no two different triples hash the same bytes.
        for part in parts {
            hash.update(part.len().to_string().as_bytes());
            hash.update(b":");
            hash.update(part.as_bytes());
        }
        let mut bytes = [0u8; 16];
        for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Reads the hyphenated form only, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 36 {
            return None;
        }
        Uuid::try_parse(text).ok().map(Self)
    }

    /// The permanent shard of this id, out of `shards`.
    #[must_use]
    pub fn shard(self, shards: u16) -> u16 {
        let [high, low, ..] = *self.0.as_bytes();
        u16::from_be_bytes([high, low]).checked_rem(shards).unwrap_or(0)
    }
}

impl fmt::Display for EmailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

/// The id of an uploaded file: as random as an email's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UploadId(Uuid);

impl UploadId {
    /// An upload id from the bytes of a random email id.
    #[must_use]
    pub fn of(drawn: EmailId) -> Self {
        Self(drawn.0)
    }

    /// Reads the hyphenated form only, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        EmailId::parse(text).map(Self::of)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

/// The id of an API key: as random as an email's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(Uuid);

impl KeyId {
    /// A key id from the bytes of a random email id.
    #[must_use]
    pub fn of(drawn: EmailId) -> Self {
        Self(drawn.0)
    }

    /// Reads the hyphenated form only, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        EmailId::parse(text).map(Self::of)
    }

    /// The 16 bytes, as a record stores them.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// Reads the 16 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The 32 hex digits alone, as in the key itself.
    #[must_use]
    pub fn digits(self) -> String {
        self.0.simple().to_string()
    }

    /// Reads the 32 lower-case hex digits alone.
    #[must_use]
    pub fn from_digits(digits: &str) -> Option<Self> {
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() != 32 || !digits.bytes().all(lower) {
            return None;
        }
        Uuid::try_parse(digits).ok().map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

/// The id of a sending domain: as random as an email's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DomainId(Uuid);

impl DomainId {
    /// A domain's id from the bytes of a random email id.
    #[must_use]
    pub fn of(drawn: EmailId) -> Self {
        Self(drawn.0)
    }

    /// Reads the hyphenated form only, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        EmailId::parse(text).map(Self::of)
    }
}

impl fmt::Display for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

/// The id of an email's file, by its place among the files (UUID version 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttachmentId(EmailId);

impl AttachmentId {
    /// The id of the file at a place.
    #[must_use]
    pub fn at(email: EmailId, place: usize) -> Self {
        Self(EmailId::from_parts([
            &email.to_string(),
            &place.to_string(),
            "attachment",
        ]))
    }

    /// Reads the hyphenated form only, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        EmailId::parse(text).map(Self)
    }
}

impl fmt::Display for AttachmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A queue's name: `[a-z0-9-]{1,64}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct QueueName(String);

impl QueueName {
    /// The queue that always exists.
    pub const DEFAULT: &'static str = "default";

    /// Reads a name.
    ///
    /// # Errors
    /// [`NoQueueName`].
    pub fn parse(text: &str) -> Result<Self, NoQueueName> {
        if is_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoQueueName)
        }
    }

    /// The stored name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for the queue that always exists.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0 == Self::DEFAULT
    }
}

impl Default for QueueName {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl TryFrom<String> for QueueName {
    type Error = NoQueueName;

    fn try_from(text: String) -> Result<Self, NoQueueName> {
        Self::parse(&text)
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<QueueName> for String {
    fn from(name: QueueName) -> Self {
        name.0
    }
}

/// A text that is no queue name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 lower-case letters, digits or dashes")]
pub struct NoQueueName;

/// The key of a queue: its tenant and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The name.
    pub name: QueueName,
}

/// The key of an email: its tenant and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The id.
    pub id: EmailId,
}

#[cfg(test)]
#[path = "id_tests.rs"]
mod tests;
