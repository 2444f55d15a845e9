//! Files attached to an email: the form of a request, and the form for SES.
//!
//! **Role:** called by [`crate::api`] for requests, and by [`crate::message::email`] for stored bodies.
//! **Invariant:** every [`FileName`], [`MediaType`] and [`ContentId`] can be written into a message's headers as it
//! is: SES builds them from it.
//! **Deliberately absent:** fetching a caller's URL. mailqueue runs inside an AWS account, and must not let a caller
//! reach other services there.
//! **Start reading at** [`AttachmentInput::check`].

mod file_name;
mod input;
mod media_type;
mod suggestion;
mod upload;

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};

pub use file_name::FileName;
pub(crate) use file_name::{FORBIDDEN, has_forbidden_extension};
pub(crate) use input::StoredAttachment;
pub use input::{AttachmentInput, Checked, GivenContent};
pub use media_type::{ContentId, MediaType};
pub(crate) use media_type::{parameter_names, without_name};
pub use upload::{Upload, UploadUse, Uploaded};

use crate::id::UploadId;
use crate::limits;
use crate::message::problem::Problem;

/// Standard base64, with optional padding: some encoders leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The content of a file.
#[derive(Clone, PartialEq, Eq)]
pub enum Data {
    /// Content in the stored email, or loaded already.
    Inline(Vec<u8>),
    /// Content in an object of its own in the bucket.
    Uploaded {
        /// The name of the upload in storage.
        id: UploadId,
        /// The size of the upload in bytes.
        size: u64,
    },
}

/// A checked attachment.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    filename: FileName,
    content_type: Option<MediaType>,
    content_id: Option<ContentId>,
    data: Data,
}

impl Attachment {
    /// The file's name.
    #[must_use]
    pub fn filename(&self) -> &str {
        self.filename.as_str()
    }

    /// The given media type, or the type that the file name suggests.
    #[must_use]
    pub fn content_type(&self) -> &str {
        media_type_of(self.content_type.as_ref(), &self.filename)
    }

    /// The name by which the HTML refers to it. A file without one is attached beside the text.
    #[must_use]
    pub fn content_id(&self) -> Option<&str> {
        self.content_id.as_ref().map(ContentId::as_str)
    }

    /// The content of the file.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The content of the file, without a copy.
    #[must_use]
    pub fn into_data(self) -> Data {
        self.data
    }

    /// The size of the file in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match &self.data {
            Data::Inline(content) => u64::try_from(content.len()).unwrap_or(u64::MAX),
            Data::Uploaded { size, .. } => *size,
        }
    }

    /// Puts the content in place.
    pub fn load(&mut self, content: Vec<u8>) {
        self.data = Data::Inline(content);
    }

    /// Bytes that a sender holds for it before submission.
    pub(crate) fn held(&self) -> usize {
        match &self.data {
            Data::Inline(content) => content.len().div_ceil(3).saturating_mul(4),
            Data::Uploaded { size, .. } => usize::try_from(*size).unwrap_or(usize::MAX),
        }
    }

    /// Bytes that it occupies in a message.
    #[must_use]
    pub fn encoded(&self) -> u64 {
        encoded(self.size())
    }

    /// The JSON that [`crate::message::email::EmailContent::to_body`] writes.
    pub(crate) fn to_json(&self) -> String {
        let field = |name: &str, text: Option<&str>| match text {
            Some(text) => format!(",\"{name}\":{}", serde_json::Value::from(text)),
            None => String::new(),
        };
        let data = match &self.data {
            Data::Inline(content) => format!("\"content\":\"{}\"", BASE64.encode(content)),
            Data::Uploaded { id, size } => format!("\"upload\":\"{id}\",\"size\":{size}"),
        };
        let filename = field("filename", Some(self.filename()));
        let content_type = field("content_type", self.content_type.as_ref().map(MediaType::as_str));
        format!(
            "{{{data}{filename}{content_type}{}}}",
            field("content_id", self.content_id())
        )
    }
}

/// The given media type, or the one that the file name suggests.
fn media_type_of<'a>(given: Option<&'a MediaType>, filename: &FileName) -> &'a str {
    let suggested = || suggestion::media_type(filename.as_str());
    let given = given.map(MediaType::as_str).or_else(suggested);
    given.unwrap_or("application/octet-stream")
}

/// Bytes that a file of `size` bytes occupies in a message: base64 in lines, and its headers.
#[must_use]
pub fn encoded(size: u64) -> u64 {
    let text = size.div_ceil(3).saturating_mul(4);
    let breaks = text.div_ceil(limits::BASE64_LINE).saturating_mul(2);
    text.saturating_add(breaks).saturating_add(limits::ATTACHMENT_HEADERS)
}

/// Checks that SES takes a message of `encoded` bytes.
pub fn fits(encoded: u64) -> Result<(), Problem> {
    let max = limits::MESSAGE_BYTES;
    if encoded <= max {
        return Ok(());
    }
    Err(Problem::TooLarge { found: encoded, max })
}

#[cfg(test)]
#[path = "attachment_tests.rs"]
mod tests;
