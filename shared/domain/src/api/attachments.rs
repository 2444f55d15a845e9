//! Reads `attachments` of an email, and the body of `POST /attachments`.
//!
//! **Role:** called by [`super::requests`] and `manage`; calls [`crate::message::attachment`].
//! **Invariant:** as [`super::requests`]; a problem of an attachment is `invalid_attachment`.
//! **Start reading at** [`parse_upload`].
//!
//! Source: resend-node 6.38 and resend-python 2.32, read 2026-11-24. They send a content as base64, as a list of
//! bytes, or (older ones) as Node's `{"type": "Buffer", "data": [...]}`. Laravel sends a calendar as a text.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "JSON has only six types; all wrong types are the same error"
)]

use super::content_ids::ContentIds;
use super::fields::{each_field, to_api};
use super::json::{Node, echo, object, text, wrong_type};
use super::spelling::unknown;
use crate::api::error::ApiError;
use crate::limits;
use crate::message::admission;
use crate::message::attachment::{
    self, Attachment, AttachmentInput, Checked, FileName, GivenContent, MediaType, Upload, UploadUse,
};
use crate::message::problem::{EmailError, Problem};

/// The attachments of an email, in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Attachments {
    /// Attachments with content.
    pub(super) whole: Vec<Attachment>,
    /// Uploaded attachments, each with its place among all.
    pub(super) uploads: Vec<(usize, UploadUse)>,
    /// The Content-IDs of all attachments.
    pub(super) ids: ContentIds,
}

pub(super) fn read(node: Node) -> Result<Attachments, EmailError> {
    read_all(node).map_err(EmailError::of_attachment)
}

fn read_all(node: Node) -> Result<Attachments, EmailError> {
    let nodes = match node {
        Node::Null => return Ok(Attachments::default()),
        Node::Array(nodes) => nodes,
        node => return Err(wrong_type("attachments", "an array of objects", &node)),
    };
    if nodes.len() > limits::ATTACHMENTS_MAX {
        let (found, max) = (nodes.len(), limits::ATTACHMENTS_MAX);
        return Err(EmailError::at("attachments", Problem::TooMany { found, max }));
    }
    let mut all = Attachments::default();
    for (index, node) in nodes.into_iter().enumerate() {
        let path = format!("attachments[{index}]");
        let mut given = given(&path, node)?;
        if let Some(id) = given.content_id.take() {
            let ours = all.ids.admit(&id);
            given.content_id = Some(ours.map_err(|problem| EmailError::at(format!("{path}.content_id"), problem))?);
        }
        let checked = given.check(&path)?;
        let (filename, content_type) = match &checked {
            Checked::Whole(whole) => (Some(whole.filename()), Some(whole.content_type())),
            Checked::Upload(upload) => (
                upload.filename.as_ref().map(FileName::as_str),
                upload.content_type.as_ref().map(MediaType::as_str),
            ),
        };
        admit(filename, content_type).map_err(|(field, problem)| EmailError::at(format!("{path}.{field}"), problem))?;
        match checked {
            Checked::Whole(whole) => all.whole.push(whole),
            Checked::Upload(upload) => all.uploads.push((index, upload)),
        }
    }
    Ok(all)
}

/// Checks the name and type of a new file; returns the bad field with its problem.
fn admit(filename: Option<&str>, content_type: Option<&str>) -> Result<(), (&'static str, Problem)> {
    let filename = filename.map_or(Ok(()), admission::file_name);
    filename.map_err(|problem| ("filename", problem))?;
    let content_type = content_type.map_or(Ok(()), admission::media_type);
    content_type.map_err(|problem| ("content_type", problem))
}

/// Fields of an attachment, as an error suggests them.
const FIELDS: &[&str] = &["filename", "content", "content_type", "content_id", "id", "path"];

fn given(path: &str, node: Node) -> Result<AttachmentInput, EmailError> {
    let mut given = AttachmentInput::default();
    let mut seen = Vec::new();
    for (key, value) in object(path, node)? {
        let path = format!("{path}.{}", echo(&key));
        if seen.contains(&key) {
            return Err(EmailError::at(path, Problem::Repeated));
        }
        match key.as_str() {
            "filename" => given.filename = text(&path, value)?,
            // The Node SDK sends the names of its own options before version 4.1.
            "content_type" | "contentType" => {
                if let Some(kind) = text(&path, value)?
                    && given.content_type.replace(kind).is_some()
                {
                    return Err(EmailError::at(path, Problem::Repeated));
                }
            }
            // The Python and Go SDKs have two names for it, and an email may use both.
            "content_id" | "inline_content_id" | "contentId" => {
                let id = text(&path, value)?;
                let known = given.content_id.take();
                if known.is_some() && id.is_some() && known != id {
                    return Err(EmailError::at(path, Problem::Repeated));
                }
                given.content_id = known.or(id);
            }
            "content" => given.content = content(&path, value)?,
            "id" => given.id = text(&path, value)?,
            "path" => given.path = text(&path, value)?,
            _ => return Err(unknown(&path, &key, FIELDS)),
        }
        seen.push(key);
    }
    let filename = given.filename.as_deref();
    given.content_type = given.content_type.map(|kind| attachment::without_name(&kind, filename));
    Ok(given)
}

fn content(path: &str, node: Node) -> Result<Option<GivenContent>, EmailError> {
    const EXPECTED: &str = "base64 as a string, or an array of bytes";
    match node {
        Node::Null => Ok(None),
        Node::Text(text) => Ok(Some(GivenContent::Text(text))),
        Node::Object(entries) => buffer(path, entries).map(Some),
        node => match bytes(node) {
            Ok(bytes) => Ok(Some(GivenContent::Bytes(bytes))),
            Err(Node::Array(_)) => Err(EmailError::at(path, Problem::Bad(NO_BYTES))),
            Err(node) => Err(wrong_type(path, EXPECTED, &node)),
        },
    }
}

const NO_BYTES: &str = "a list of bytes may contain only whole numbers from 0 to 255";

/// The form that `JSON.stringify` gives to Node's `Buffer`.
fn buffer(path: &str, entries: Vec<(String, Node)>) -> Result<GivenContent, EmailError> {
    let (mut named, mut data) = (false, None);
    let mut seen = Vec::new();
    for (key, value) in entries {
        if seen.contains(&key) {
            return Err(EmailError::at(format!("{path}.{}", echo(&key)), Problem::Repeated));
        }
        match (key.as_str(), value) {
            ("type", Node::Text(name)) => named = name == "Buffer",
            ("data", value) => data = bytes(value).ok(),
            _ => {
                named = false;
                break;
            }
        }
        seen.push(key);
    }
    let data = data.filter(|_| named).map(GivenContent::Bytes);
    let why = "an object must be Node's Buffer: {\"type\": \"Buffer\", \"data\": [bytes]}";
    data.ok_or_else(|| EmailError::at(path, Problem::Bad(why)))
}

fn bytes(node: Node) -> Result<Vec<u8>, Node> {
    match node {
        Node::Bytes(bytes) => Ok(bytes),
        Node::Array(nodes) if nodes.is_empty() => Ok(Vec::new()),
        node => Err(node),
    }
}

/// Checks the number of uploads that a batch uses so far.
pub(super) fn few_enough(found: usize) -> Result<(), EmailError> {
    let max = limits::BATCH_UPLOADS_MAX;
    if found <= max {
        return Ok(());
    }
    let problem = Problem::TooManyUploads { found, max };
    Err(EmailError::at("attachments", problem).of_attachment())
}

/// Reads the body of `POST /attachments`.
///
/// # Errors
/// As [`super::requests::parse_email`]; `invalid_attachment` for a bad value.
pub fn parse_upload(body: &[u8]) -> Result<Upload, ApiError> {
    let (mut filename, mut content_type, mut size) = (None, None, None);
    each_field(body, |key, path, value| {
        match (key, value) {
            ("filename", value) => filename = text(path, value)?,
            ("content_type" | "contentType", value) => {
                if let Some(kind) = text(path, value)?
                    && content_type.replace(kind).is_some()
                {
                    return Err(EmailError::at(path, Problem::Repeated));
                }
            }
            ("size", Node::Null) => {}
            ("size", Node::Number(number)) => {
                size = Some(number.as_u64().unwrap_or_default());
            }
            ("size", node) => return Err(wrong_type(path, "a number", &node)),
            _ => return Err(unknown(path, key, &["filename", "content_type", "size"])),
        }
        Ok(())
    })?;
    let missing = |field: &str| EmailError::at(field, Problem::Missing("this field is required"));
    let bad = |field: &'static str| move |problem| EmailError::at(field, problem).of_attachment();
    let read = || {
        let filename = filename.ok_or_else(|| missing("filename"))?;
        let content_type = content_type.map(|kind| attachment::without_name(&kind, Some(&filename)));
        let filename = FileName::parse(&filename).map_err(bad("filename"))?;
        let content_type = content_type.as_deref().map(MediaType::parse).transpose();
        let content_type = content_type.map_err(bad("content_type"))?;
        admit(Some(filename.as_str()), content_type.as_ref().map(MediaType::as_str))
            .map_err(|(field, problem)| bad(field)(problem))?;
        let size = size.ok_or_else(|| missing("size"))?;
        if size == 0 {
            let why = "must be a whole number of bytes, at least 1";
            return Err(bad("size")(Problem::Bad(why)));
        }
        attachment::fits(attachment::encoded(size)).map_err(bad("size"))?;
        Ok(Upload {
            filename,
            content_type,
            size,
        })
    };
    read().map_err(|error| to_api(None, error))
}

#[cfg(test)]
#[path = "attachments_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "upload_request_tests.rs"]
mod upload_tests;
