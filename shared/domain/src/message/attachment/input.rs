//! An attachment as a request or a stored body gives it, and its checks.

use base64::Engine as _;
use serde::Deserialize;

use super::file_name::FileName;
use super::media_type::{ContentId, MediaType};
use super::upload::{NO_UPLOAD, Upload, UploadUse, Uploaded};
use super::{Attachment, BASE64, Data, media_type_of};
use crate::id::UploadId;
use crate::message::problem::{EmailError, Problem};

/// The given content of a file.
#[derive(Clone, PartialEq, Eq)]
pub enum GivenContent {
    /// Base64, or the text of a calendar.
    Text(String),
    /// An array of numbers.
    Bytes(Vec<u8>),
}

/// An attachment as given: of the right types, but unchecked.
#[derive(Clone, Default)]
pub struct AttachmentInput {
    /// File name. Required, except for an upload, which has its own.
    pub filename: Option<String>,
    /// Media type; derived from the file's name by default.
    pub content_type: Option<String>,
    /// Content-ID, which makes the file an image inside the HTML.
    pub content_id: Option<String>,
    /// Content. Required unless `id` is given.
    pub content: Option<GivenContent>,
    /// Id of an upload.
    pub id: Option<String>,
    /// URL to fetch, which is always refused.
    pub path: Option<String>,
}

impl AttachmentInput {
    /// Checks an attachment as far as possible without I/O.
    ///
    /// # Errors
    /// The first problem, with its path below `path`.
    pub fn check(self, path: &str) -> Result<Checked, EmailError> {
        let at = |field: &str, problem| EmailError::at(format!("{path}.{field}"), problem);
        if self.path.is_some() {
            let why = "URLs are not fetched: send the content, or upload it with POST /attachments and send its id";
            return Err(at("path", Problem::Bad(why)));
        }
        let filename = self.filename.as_deref().map(FileName::parse).transpose();
        let filename = filename.map_err(|problem| at("filename", problem))?;
        let content_type = self.content_type.as_deref().map(MediaType::parse).transpose();
        let content_type = content_type.map_err(|problem| at("content_type", problem))?;
        let content_id = self.content_id.as_deref().map(ContentId::parse).transpose();
        let content_id = content_id.map_err(|problem| at("content_id", problem))?;
        match (self.content, self.id) {
            (Some(_), Some(_)) => Err(at("id", Problem::Bad("content and id cannot be used together"))),
            (None, None) => Err(at(
                "content",
                Problem::Missing("content, or the id of an upload, is required"),
            )),
            (None, Some(id)) => {
                let id = UploadId::parse(&id).ok_or_else(|| at("id", Problem::Bad(NO_UPLOAD)))?;
                Ok(Checked::Upload(UploadUse {
                    path: path.to_owned(),
                    id,
                    filename,
                    content_type,
                    content_id,
                }))
            }
            (Some(content), None) => {
                let missing = Problem::Missing("this field is required");
                let filename = filename.ok_or_else(|| at("filename", missing))?;
                let media_type = media_type_of(content_type.as_ref(), &filename);
                let content = decode(content, media_type).map_err(|problem| at("content", problem))?;
                Ok(Checked::Whole(Attachment {
                    filename,
                    content_type,
                    content_id,
                    data: Data::Inline(content),
                }))
            }
        }
    }
}

/// A checked attachment of a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Checked {
    /// An attachment with its content.
    Whole(Attachment),
    /// A file uploaded before.
    Upload(UploadUse),
}

/// The message for a content that is not base64. Text is never guessed, because some texts are valid base64 (ADR 35).
const NO_BASE64: &str = "must be valid base64; text must be encoded as well, or sent as an array of its bytes";

/// The message for a data URL, the form that browsers' `FileReader` gives to a file.
const DATA_URL: &str = "must be valid base64, not a data URL: drop everything up to the first comma";

/// The start of a calendar. Its colon is no character of base64.
///
/// Source: RFC 5545, 3.4.
const CALENDAR: &str = "BEGIN:VCALENDAR";

/// True for the text of a calendar: Laravel's transports encode every other file.
fn is_calendar(text: &str, media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let start = text.trim_start_matches('\u{feff}').trim_start();
    essence.eq_ignore_ascii_case("text/calendar") && start.starts_with(CALENDAR)
}

pub(super) fn decode(content: GivenContent, media_type: &str) -> Result<Vec<u8>, Problem> {
    let bytes = match content {
        GivenContent::Bytes(bytes) => bytes,
        GivenContent::Text(text) if is_calendar(&text, media_type) => text.into_bytes(),
        GivenContent::Text(mut text) => {
            // Encoders for email wrap the lines.
            if text.bytes().any(|b| b.is_ascii_whitespace()) {
                text.retain(|c| !c.is_ascii_whitespace());
            }
            let is_data_url = text.starts_with("data:");
            let why = if is_data_url { DATA_URL } else { NO_BASE64 };
            BASE64.decode(text).map_err(|_| Problem::Bad(why))?
        }
    };
    if bytes.is_empty() {
        return Err(Problem::Bad("the content is empty"));
    }
    Ok(bytes)
}

/// The stored form of an attachment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredAttachment {
    content: Option<String>,
    upload: Option<UploadId>,
    size: Option<u64>,
    filename: String,
    content_type: Option<String>,
    content_id: Option<String>,
}

impl StoredAttachment {
    /// Reads the JSON of [`Attachment::to_json`].
    pub(crate) fn check(self, path: &str) -> Result<Attachment, EmailError> {
        let uploaded = self.upload.zip(self.size);
        let given = AttachmentInput {
            filename: Some(self.filename),
            content_type: self.content_type,
            content_id: self.content_id,
            content: self.content.map(GivenContent::Text),
            id: uploaded.map(|(id, _)| id.to_string()),
            path: None,
        };
        match (given.check(path)?, uploaded) {
            (Checked::Whole(attachment), _) => Ok(attachment),
            (Checked::Upload(upload), Some((_, size))) => {
                let filename = upload.filename.clone();
                let missing = EmailError::at(path, Problem::Missing("the file name is missing"));
                let content_type = upload.content_type.clone();
                upload.resolve(Some(&Uploaded {
                    upload: Upload {
                        filename: filename.ok_or(missing)?,
                        content_type,
                        size,
                    },
                    size,
                }))
            }
            (Checked::Upload(_), None) => Err(EmailError::at(path, Problem::Bad(NO_UPLOAD))),
        }
    }
}
