//! Files too large for a request: the caller uploads them to the bucket, and each email gets its own copy.
//!
//! **Role:** `manage` creates URLs for uploads and downloads, `enqueue` copies uploads, and `send` reads the copies.
//! **Invariant:** an upload's URL writes one object, once, of the declared size: all of that is signed. The
//! caller's description of the file is stored with the object, in signed headers.
//! **Why a copy for each email:** docs/adr/0012.
//! **Start reading at** [`upload_key`] and [`copy_key`].

use std::time::Duration;

use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::{MetadataDirective, TaggingDirective};
use domain::delivery::record::BodyRef;
use domain::id::{AttachmentId, EmailKey, TenantId, UploadId};
use domain::message::attachment::{Attachment, Data, FileName, MediaType, Upload, Uploaded};
use domain::ports::{Download, Files, Invitation, PortError, Put};
use domain::timestamp::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::runtime::failure::{call_error, port};
use crate::storage::bodies::{BodyStore, KEEP_UNTIL, keep_tag, object_key};

/// Time within which an upload or a download must begin. Our choice: a caller begins at once.
const URL_LIFE: Duration = Duration::from_secs(15 * 60);

/// Prefix of uploads; `template.yaml` has a lifecycle rule for it. No tenant's name contains an underscore, so
/// that no tenant owns this prefix.
const UPLOADS: &str = "_uploads/";

/// Metadata of an upload: the caller's description.
const FILE_NAME: &str = "filename";
const FILE_TYPE: &str = "type";
const FILE_SIZE: &str = "size";

fn upload_key(tenant: &TenantId, id: UploadId) -> String {
    format!("{UPLOADS}{tenant}/{id}")
}

/// Copies share the content's prefix, so that an erasure finds everything under one prefix.
fn copy_key(key: &EmailKey, body: &BodyRef, id: UploadId) -> String {
    format!("{}/{id}", object_key(key, body))
}

/// As [`copy_key`], for a file inside the content.
fn download_key(key: &EmailKey, body: &BodyRef, id: AttachmentId) -> String {
    format!("{}/download/{id}", object_key(key, body))
}

/// Returns the description of an upload; `None` for a foreign object.
fn describe_upload(head: &HeadObjectOutput) -> Option<Uploaded> {
    let metadata = head.metadata()?;
    let filename = percent_decode_str(metadata.get(FILE_NAME)?).decode_utf8().ok()?;
    let content_type = metadata.get(FILE_TYPE).map(|text| MediaType::parse(text)).transpose();
    Some(Uploaded {
        upload: Upload {
            filename: FileName::parse(&filename).ok()?,
            content_type: content_type.ok()?,
            size: metadata.get(FILE_SIZE)?.parse().ok()?,
        },
        size: head.content_length().and_then(|size| u64::try_from(size).ok())?,
    })
}

impl Files for BodyStore {
    async fn invite(&self, tenant: &TenantId, id: UploadId, upload: &Upload) -> Result<Invitation, PortError> {
        const WHAT: &str = "signing an upload";
        let size = i64::try_from(upload.size).map_err(|error| port(WHAT)(error.into()))?;
        let life = PresigningConfig::expires_in(URL_LIFE).map_err(|error| port(WHAT)(error.into()))?;
        let content_type = upload.content_type.as_ref().map(MediaType::as_str);
        let filename = utf8_percent_encode(upload.filename.as_str(), NON_ALPHANUMERIC).to_string();
        let mut put = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(upload_key(tenant, id))
            .if_none_match("*")
            .content_length(size)
            .content_type(content_type.unwrap_or("application/octet-stream"))
            .metadata(FILE_NAME, filename)
            .metadata(FILE_SIZE, upload.size.to_string());
        if let Some(content_type) = content_type {
            put = put.metadata(FILE_TYPE, content_type);
        }
        // The checksum of a future upload is unknown.
        let config =
            aws_sdk_s3::config::Builder::new().request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        let signed = put.customize().config_override(config).presigned(life).await;
        let signed = signed.map_err(|error| port(WHAT)(error.into()))?;
        let headers = signed.headers();
        Ok(Invitation {
            url: signed.uri().to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }

    async fn find_upload(&self, tenant: &TenantId, id: UploadId) -> Result<Option<Uploaded>, PortError> {
        let key = upload_key(tenant, id);
        match self.s3.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(head) => Ok(describe_upload(&head)),
            Err(error) if error.as_service_error().is_some_and(HeadObjectError::is_not_found) => Ok(None),
            Err(error) => Err(call_error("looking for an upload")(error)),
        }
    }

    async fn attach(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Put>, PortError> {
        let copied = self
            .s3
            .copy_object()
            .bucket(&self.bucket)
            .copy_source(format!("{}/{}", self.bucket, upload_key(&key.tenant, id)))
            .key(copy_key(key, body, id))
            .if_none_match("*")
            .metadata_directive(MetadataDirective::Replace)
            .metadata(KEEP_UNTIL, keep_until.to_string())
            .tagging_directive(TaggingDirective::Replace)
            .tagging(keep_tag(keep_until, now))
            .send()
            .await;
        match copied {
            Ok(_) => Ok(Some(Put::New)),
            Err(error) if error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("NoSuchKey") => {
                Ok(None)
            }
            // 409: another request copies the same object concurrently.
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|answer| matches!(answer.status().as_u16(), 409 | 412)) =>
            {
                Ok(Some(Put::There))
            }
            Err(error) => Err(call_error("copying an upload")(error)),
        }
    }

    async fn keep_file(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        self.keep_object(copy_key(key, body, id), keep_until, now).await
    }

    async fn load_file(&self, key: &EmailKey, body: &BodyRef, id: UploadId) -> Result<Option<Vec<u8>>, PortError> {
        self.fetch(copy_key(key, body, id)).await
    }

    async fn download(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: AttachmentId,
        file: &Attachment,
        now: Timestamp,
    ) -> Result<Download, PortError> {
        let object = match file.data() {
            Data::Uploaded { id, .. } => copy_key(key, body, *id),
            Data::Inline(content) => {
                let object = download_key(key, body, id);
                self.put_download(&object, content.clone(), now).await?;
                object
            }
        };
        self.sign_download(&object, file, URL_LIFE, now).await
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
