//! Contents, files, and the records of batches.

use std::collections::BTreeMap;

use super::failure::PortError;
use crate::delivery::batch::{BatchId, BatchRecord};
use crate::delivery::record::{BodyPlace, BodyRef};
use crate::id::{AttachmentId, EmailKey, TenantId, UploadId};
use crate::message::attachment::{Attachment, Upload, Uploaded};
use crate::timestamp::Timestamp;

/// A packed content, with its cheapest place.
#[derive(Clone, PartialEq, Eq)]
pub struct Packed {
    /// The place.
    pub place: BodyPlace,
    /// The stored bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packed({:?}, {} bytes)", self.place, self.bytes.len())
    }
}

/// The result of storing a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The content is stored now.
    New,
    /// The same content was there, and keeps its retention.
    There,
}

/// The way to upload a file: by `PUT`, with exactly these headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The address, valid for a short time.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
}

/// The way to download a file: by `GET`, without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The address.
    pub url: String,
    /// The end of its validity.
    pub expires_at: Timestamp,
}

/// The uploaded files, which expire by themselves, and the emails' own copies of them. A copy lives as long as its
/// email's content. An upload is written once.
pub trait Files: Sync {
    /// Lets a caller upload the described file. Needs no call.
    fn invite(
        &self,
        tenant: &TenantId,
        id: UploadId,
        upload: &Upload,
    ) -> impl Future<Output = Result<Invitation, PortError>> + Send;

    /// The upload with this id, if there is one.
    fn find_upload(
        &self,
        tenant: &TenantId,
        id: UploadId,
    ) -> impl Future<Output = Result<Option<Uploaded>, PortError>> + Send;

    /// Gives a content its own copy of an upload, as [`Bodies::put`] does with the content. `None` if the upload is
    /// gone.
    fn attach(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Put>, PortError>> + Send;

    /// Extends the retention of a content's copy of an upload, as [`Bodies::extend_retention`] does.
    fn keep_file(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Reads a content's copy of an upload; `None` if it is gone.
    fn load_file(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>> + Send;

    /// Lets a caller download a file of a content. A file inside the content first gets an object of its own, which
    /// expires soon, and which [`Erasing::erase`](super::erasure::Erasing::erase) erases.
    fn download(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: AttachmentId,
        file: &Attachment,
        now: Timestamp,
    ) -> impl Future<Output = Result<Download, PortError>> + Send;
}

/// The contents, written once and named by their hash, and the files beside them.
pub trait Bodies: Files {
    /// Makes a content ready for storage, and chooses its place. Needs no call.
    fn pack(&self, content: &[u8]) -> Result<Packed, PortError>;

    /// Stores a packed content durably under its name, at least until `keep_until`. An existing one stays as it is,
    /// with its retention.
    fn put(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        packed: Packed,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<Put, PortError>> + Send;

    /// Reads all contents of an email in the table, by their hash. It needs no record, so it can run beside the
    /// claim.
    fn load_near(&self, key: &EmailKey) -> impl Future<Output = Result<BTreeMap<String, Vec<u8>>, PortError>> + Send;

    /// Extends the retention of a content to at least `keep_until`. `false` if it is gone.
    fn extend_retention(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Reads a content and unpacks it; `None` if it is gone.
    fn load(&self, key: &EmailKey, body: &BodyRef) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>> + Send;
}

/// The records of batches with an idempotency key. A single email needs none: its own record serves.
pub trait Batches: Sync {
    /// Reads a record. A record past its retention counts as missing.
    fn recall(
        &self,
        tenant: &TenantId,
        batch: &BatchId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<BatchRecord>, PortError>> + Send;

    /// Writes a record, or returns the existing one.
    fn remember(
        &self,
        tenant: &TenantId,
        batch: &BatchId,
        record: &BatchRecord,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<BatchRecord, PortError>> + Send;

    /// Retains a record at least until `keep_until`. A record that is gone stays gone.
    fn keep_batch(
        &self,
        tenant: &TenantId,
        batch: &BatchId,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}
