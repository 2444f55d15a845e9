//! Files attached to an email: the form of a request, and the form for SES.
//!
//! **Role:** called by [`crate::api`] for requests, and by [`crate::message::email`] for stored bodies.
//! **Invariant:** every [`FileName`], [`MediaType`] and [`ContentId`] can be written into a message's headers as it
//! is: SES builds them from it.
//! **Deliberately absent:** fetching a caller's URL. A queue inside an account must not let a caller reach other
//! places in it.
//! **Start reading at** [`AttachmentInput::check`].

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use crate::id::UploadId;
use crate::limits;
use crate::message::problem::{EmailError, Problem};

/// Standard base64, with optional padding: some encoders leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The file extensions that SES refuses.
///
/// Source: Amazon SES Developer Guide, "Amazon SES unsupported attachment types", read 2026-11-24.
const FORBIDDEN_EXTENSIONS: &[&str] = &[
    "ade", "adp", "app", "asp", "bas", "bat", "cer", "chm", "cmd", "com", "cpl", "crt", "csh", "der", "exe", "fxp",
    "gadget", "hlp", "hta", "inf", "ins", "isp", "its", "js", "jse", "ksh", "lib", "lnk", "mad", "maf", "mag", "mam",
    "maq", "mar", "mas", "mat", "mau", "mav", "maw", "mda", "mdb", "mde", "mdt", "mdw", "mdz", "msc", "msh", "msh1",
    "msh2", "mshxml", "msh1xml", "msh2xml", "msi", "msp", "mst", "ops", "pcd", "pif", "plg", "prf", "prg", "reg",
    "scf", "scr", "sct", "shb", "shs", "sys", "ps1", "ps1xml", "ps2", "ps2xml", "psc1", "psc2", "tmp", "url", "vb",
    "vbe", "vbs", "vps", "vsmacros", "vss", "vst", "vsw", "vxd", "ws", "wsc", "wsf", "wsh", "xnk",
];

/// The name of a file: any Unicode except control characters, and no extension that SES refuses.
#[derive(Clone, PartialEq, Eq)]
pub struct FileName(String);

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileName(***)")
    }
}

impl FileName {
    /// Reads a file's name.
    ///
    /// # Errors
    /// [`Problem`] when it is blank, too long, or SES refuses it.
    pub fn parse(name: &str) -> Result<Self, Problem> {
        if name.trim().is_empty() {
            return Err(Problem::Bad("the file name is empty"));
        }
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if name.chars().any(breaks) {
            return Err(Problem::Bad("control characters such as line breaks are not allowed"));
        }
        if name.len() > limits::FILE_NAME_MAX {
            let (found, max) = (name.len(), limits::FILE_NAME_MAX);
            return Err(Problem::TooLong { found, max });
        }
        if has_forbidden_extension(name) {
            return Err(Problem::Bad(FORBIDDEN));
        }
        Ok(Self(name.to_owned()))
    }

    /// The given name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The message for a name that SES refuses.
pub(crate) const FORBIDDEN: &str = "Amazon SES refuses files with this extension";

/// True if SES refuses a file of this name.
pub(crate) fn has_forbidden_extension(name: &str) -> bool {
    // Windows ignores dots and spaces at the end, and so may SES.
    let shown = name.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    let extension = shown.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    extension.is_some_and(|end| FORBIDDEN_EXTENSIONS.contains(&end.as_str()))
}

/// A media type, with parameters or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType(String);

impl MediaType {
    /// Reads a media type.
    ///
    /// # Errors
    /// [`Problem`] when it is no media type, is too long, or cannot be the type of a file in base64.
    ///
    /// Source: RFC 6838, 4.2 (names); RFC 2045, 5.1 (parameters) and 6.4 (permitted encodings).
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > limits::MEDIA_TYPE_MAX {
            let (found, max) = (text.len(), limits::MEDIA_TYPE_MAX);
            return Err(Problem::TooLong { found, max });
        }
        let (essence, parameters) = text.split_once(';').map_or((text, None), |(a, b)| (a, Some(b)));
        let names = essence.trim_end_matches([' ', '\t']).split_once('/');
        let good = names.is_some_and(|(kind, subtype)| is_media_name(kind) && is_media_name(subtype));
        if !good || parameters.is_some_and(|parameters| parameter_names(parameters).is_none()) {
            return Err(Problem::Bad("must be a media type such as application/pdf"));
        }
        if names.is_some_and(|(kind, _)| kind.eq_ignore_ascii_case("multipart")) {
            return Err(Problem::Bad("a file cannot have a multipart type"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The given type.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// RFC 6838's `restricted-name`.
fn is_media_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
    name.len() <= limits::MEDIA_NAME_MAX
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && name.bytes().all(allowed)
}

/// The names of RFC 2045's `parameter`s, which follow the first semicolon; `None` if the text has another form.
pub(crate) fn parameter_names(mut rest: &str) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let name = token(rest);
        let value = rest.get(name.len()..).and_then(|rest| rest.strip_prefix('='))?;
        let length = value_length(value).filter(|_| !name.is_empty())?;
        names.push(name);
        rest = value.get(length..).unwrap_or_default().trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return Some(names);
        }
        rest = rest.strip_prefix(';')?;
    }
}

/// The `token` at the start of a text; empty without one.
fn token(text: &str) -> &str {
    let ends = |c: char| !c.is_ascii_graphic() || "()<>@,;:\\\"/[]?=".contains(c);
    text.split(ends).next().unwrap_or_default()
}

/// Length of the `token` or `quoted-string` at the start of a text.
fn value_length(text: &str) -> Option<usize> {
    let Some(quoted) = text.strip_prefix('"') else {
        return Some(token(text).len()).filter(|length| *length > 0);
    };
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if !c.is_ascii() || c.is_ascii_control() => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + "\"\"".len()),
            _ => {}
        }
    }
    None
}

/// The name by which an HTML text refers to a file (`cid:`); without the angle brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentId(String);

impl ContentId {
    /// Reads a Content-ID, in angle brackets or without.
    ///
    /// # Errors
    /// [`Problem`] when it is empty, too long, or has characters outside the grammar.
    ///
    /// Source: RFC 5322, 3.6.4 (`dot-atom-text`). An id without `@` is accepted too, as Resend accepts it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let inner = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        let id = inner.unwrap_or(text);
        if id.len() > limits::CONTENT_ID_MAX {
            let (found, max) = (id.len(), limits::CONTENT_ID_MAX);
            return Err(Problem::TooLong { found, max });
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
        let is_dot_atom = |part: &str| {
            part.split('.')
                .all(|atom| !atom.is_empty() && atom.bytes().all(allowed))
        };
        let (left, right) = id.split_once('@').map_or((id, None), |(a, b)| (a, Some(b)));
        if is_dot_atom(left) && right.is_none_or(is_dot_atom) {
            Ok(Self(id.to_owned()))
        } else {
            Err(Problem::Bad("must be an id such as logo or logo@example.com"))
        }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The given content of a file.
#[derive(Clone, PartialEq, Eq)]
pub enum GivenContent {
    /// A base64 text.
    Base64(String),
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
    /// Makes the file an image inside the HTML.
    pub content_id: Option<String>,
    /// Content. Required unless `id` is given.
    pub content: Option<GivenContent>,
    /// Id of an upload.
    pub id: Option<String>,
    /// URL to fetch, which is always refused.
    pub path: Option<String>,
}

/// A checked attachment of a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Checked {
    /// An attachment with its content.
    Whole(Attachment),
    /// A file uploaded before.
    Upload(UploadUse),
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
                let content = decode(content).map_err(|problem| at("content", problem))?;
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

/// The message for an invalid id, for another tenant's id, and for a file that is not there yet. All three are equal,
/// so that a caller learns nothing about other tenants.
const NO_UPLOAD: &str = "no uploaded file has this id: it is not uploaded yet, or it has expired";

fn decode(content: GivenContent) -> Result<Vec<u8>, Problem> {
    let bytes = match content {
        GivenContent::Bytes(bytes) => bytes,
        GivenContent::Base64(mut text) => {
            // Encoders for email wrap the lines.
            if text.bytes().any(|b| b.is_ascii_whitespace()) {
                text.retain(|c| !c.is_ascii_whitespace());
            }
            let decoded = BASE64.decode(text);
            decoded.map_err(|_| Problem::Bad("must be valid base64"))?
        }
    };
    if bytes.is_empty() {
        return Err(Problem::Bad("the content is empty"));
    }
    Ok(bytes)
}

/// The content of a file.
#[derive(Clone, PartialEq, Eq)]
pub enum Data {
    /// Content in the stored email, or loaded already.
    Inline(Vec<u8>),
    /// Content in an object of its own in the bucket.
    Uploaded {
        /// Its name there.
        id: UploadId,
        /// Its size in bytes.
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
        match &self.content_type {
            Some(given) => given.as_str(),
            None => mime_guess::from_path(self.filename())
                .first_raw()
                .unwrap_or("application/octet-stream"),
        }
    }

    /// The name by which the HTML refers to it. A file without one is attached beside the text.
    #[must_use]
    pub fn content_id(&self) -> Option<&str> {
        self.content_id.as_ref().map(ContentId::as_str)
    }

    /// Its content.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Its content, without a copy.
    #[must_use]
    pub fn into_data(self) -> Data {
        self.data
    }

    /// Its size in bytes.
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

/// The use of an uploaded file by a request. Its values override those of the upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadUse {
    /// Its place in the request: `attachments[2]`.
    pub path: String,
    /// Id of the upload.
    pub id: UploadId,
    /// Another file name.
    pub filename: Option<FileName>,
    /// Another media type.
    pub content_type: Option<MediaType>,
    /// Makes the file an image inside the HTML.
    pub content_id: Option<ContentId>,
}

/// The caller's description of a file before the upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The file's name.
    pub filename: FileName,
    /// Its media type.
    pub content_type: Option<MediaType>,
    /// Its size in bytes.
    pub size: u64,
}

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The description from before the upload.
    pub upload: Upload,
    /// Its actual size in bytes.
    pub size: u64,
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
            return Err(self.bad("the size of the uploaded file differs from the size in the request"));
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

/// The stored form of an attachment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stored {
    content: Option<String>,
    upload: Option<UploadId>,
    size: Option<u64>,
    filename: String,
    content_type: Option<String>,
    content_id: Option<String>,
}

impl Stored {
    /// Reads the JSON of [`Attachment::to_json`].
    pub(crate) fn check(self, path: &str) -> Result<Attachment, EmailError> {
        let uploaded = self.upload.zip(self.size);
        let given = AttachmentInput {
            filename: Some(self.filename),
            content_type: self.content_type,
            content_id: self.content_id,
            content: self.content.map(GivenContent::Base64),
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

#[cfg(test)]
#[path = "attachment_tests.rs"]
mod tests;
