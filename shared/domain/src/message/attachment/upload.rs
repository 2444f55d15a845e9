//! Uploaded files, and their use by a request.

use super::file_name::FileName;
use super::media_type::{ContentId, MediaType};
use super::{Attachment, Data};
use crate::id::UploadId;
use crate::message::problem::{EmailError, Problem};

/// The message for an invalid id, for another tenant's id, and for a file that is not there yet. All three are equal,
/// so that a caller learns nothing about other tenants.
pub(super) const NO_UPLOAD: &str = "no uploaded file has this id: it is not uploaded yet, or it has expired";

/// The use of an uploaded file by a request. Its values override those of the upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadUse {
    /// The place of the file in the request: `attachments[2]`.
    pub path: String,
    /// Id of the upload.
    pub id: UploadId,
    /// Another file name.
    pub filename: Option<FileName>,
    /// Another media type.
    pub content_type: Option<MediaType>,
    /// Content-ID, which makes the file an image inside the HTML.
    pub content_id: Option<ContentId>,
}

impl UploadUse {
    /// Text that is equal for equal uses.
    pub(crate) fn canonical(&self) -> String {
        let part = |name: &str, text: Option<&str>| text.map(|text| format!(" {name}={text:?}")).unwrap_or_default();
        format!(
            "\n{}: {}{}{}{}",
            self.path,
            self.id,
            part("filename", self.filename.as_ref().map(FileName::as_str)),
            part("content_type", self.content_type.as_ref().map(MediaType::as_str)),
            part("content_id", self.content_id.as_ref().map(ContentId::as_str)),
        )
    }

    /// The error for an id without an upload.
    #[must_use]
    pub fn missing(&self) -> EmailError {
        self.bad(NO_UPLOAD)
    }

    fn bad(&self, why: &'static str) -> EmailError {
        EmailError::at(format!("{}.id", self.path), Problem::Bad(why)).of_attachment()
    }

    /// Combines the use with the upload that was found.
    ///
    /// # Errors
    /// An [`EmailError`] if there is no upload, or one of another size.
    pub fn resolve(&self, found: Option<&Uploaded>) -> Result<Attachment, EmailError> {
        let Some(Uploaded { upload, size }) = found else {
            return Err(self.missing());
        };
        if *size != upload.size {
            return Err(self.bad("the file does not have the size given in POST /attachments; upload it again"));
        }
        Ok(Attachment {
            filename: self.filename.clone().unwrap_or_else(|| upload.filename.clone()),
            content_type: self.content_type.clone().or_else(|| upload.content_type.clone()),
            content_id: self.content_id.clone(),
            data: Data::Uploaded {
                id: self.id,
                size: *size,
            },
        })
    }
}

/// The caller's description of a file before the upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The file's name.
    pub filename: FileName,
    /// The media type of the upload.
    pub content_type: Option<MediaType>,
    /// The size of the upload in bytes.
    pub size: u64,
}

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The description from before the upload.
    pub upload: Upload,
    /// The actual size of the upload in bytes.
    pub size: u64,
}
