//! Writes the attachments of an email, and the responses with their download URLs.
//!
//! **Invariant:** Resend's fields have Resend's names, order and types.
//! **Start reading at** [`AttachmentView`].
//!
//! Source: resend-python 2.32, `EmailAttachment`, read 2026-11-24; Resend's OpenAPI document, version 1.5.0, schemas
//! `RetrievedAttachment` and `ListAttachmentsResponse`, read 2026-11-29.

use serde::Serialize;

use crate::id::{AttachmentId, EmailId};
use crate::message::attachment::Attachment;
use crate::message::email::EmailContent;
use crate::timestamp::Timestamp;

/// An attachment without its content.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AttachmentView {
    id: String,
    filename: String,
    size: u64,
    content_type: String,
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["inline", "attachment"])))]
    content_disposition: &'static str,
    content_id: Option<String>,
}

impl AttachmentView {
    /// The response for an attachment; `place` is its index in the email, from 0.
    #[must_use]
    pub fn new(email: EmailId, place: usize, file: &Attachment) -> Self {
        Self {
            id: AttachmentId::at(email, place).to_string(),
            filename: file.filename().to_owned(),
            size: file.size(),
            content_type: file.content_type().to_owned(),
            content_disposition: match file.content_id() {
                Some(_) => "inline",
                None => "attachment",
            },
            content_id: file.content_id().map(str::to_owned),
        }
    }

    pub(super) fn all(id: EmailId, email: &EmailContent) -> Vec<Self> {
        let files = email.attachments().iter().enumerate();
        files.map(|(place, file)| Self::new(id, place, file)).collect()
    }
}

/// An attachment with its download URL.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "AttachmentDownload")
)]
pub struct DownloadView {
    #[serde(flatten)]
    file: AttachmentView,
    /// The URL of the content, for a `GET` without a key. It is valid until `expires_at`.
    download_url: String,
    expires_at: String,
}

impl DownloadView {
    /// The response for a file with a URL that is valid until `expires_at`.
    #[must_use]
    pub fn new(file: AttachmentView, download_url: String, expires_at: Timestamp) -> Self {
        Self {
            file,
            download_url,
            expires_at: expires_at.to_string(),
        }
    }
}

/// The response to a request for one attachment.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "RetrievedAttachment")
)]
pub struct RetrievedAttachment {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "attachment")))]
    object: &'static str,
    #[serde(flatten)]
    file: DownloadView,
}

impl From<DownloadView> for RetrievedAttachment {
    fn from(file: DownloadView) -> Self {
        Self {
            object: "attachment",
            file,
        }
    }
}

/// The response to a request for a list of attachments.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "AttachmentPage")
)]
pub struct AttachmentPageView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    object: &'static str,
    has_more: bool,
    data: Vec<DownloadView>,
}

impl AttachmentPageView {
    /// A page, in the order of the email. `has_more`: more files follow in the direction of reading.
    #[must_use]
    pub const fn new(data: Vec<DownloadView>, has_more: bool) -> Self {
        Self {
            object: "list",
            has_more,
            data,
        }
    }
}
