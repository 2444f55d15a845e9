//! Reads the bodies of `POST /emails` and `POST /emails/batch`, and of a reschedule and a retry.
//!
//! **Role:** called by `enqueue` and `manage`; calls [`crate::message::email`].
//! **Invariant:** any bytes end in a request or an [`ApiError`], never in a panic, and in bounded memory. An error
//! has the path of its field and none of its content.
//! **Start reading at** [`parse_email`]. Fields are read by hand, not by derive. Each kind of mistake has its own
//! status and name (Resend's), and a repeated key is a mistake.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "JSON has only six types; all wrong types are the same error"
)]

use std::collections::BTreeMap;

use super::attachments::{self, Attachments};
use super::fields::{
    addresses, content, each_field, optional_addresses, priority, queue, sender, tags, to_api, tracking, when,
};
use super::headers::{self, Headers, Warning};
use super::json::{Element, Node, echo, object, read_json, read_text, text, wrong_type};
use super::source;
use super::spelling::unknown;
use super::times::{SendOptions, TimeInput};
use crate::api::error::ApiError;
use crate::delivery::batch::ItemError;
use crate::delivery::record::OnUncertain;
use crate::id::UploadId;
use crate::limits;
use crate::message::admission;
use crate::message::attachment::{UploadUse, Uploaded};
use crate::message::dropped_header::DroppedHeader;
use crate::message::email::{Draft, EmailContent, sha256_hex};
use crate::message::problem::{EmailError, Problem};

/// The request of `POST /emails`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailRequest {
    /// The email itself.
    pub email: EmailContent,
    /// Time of sending, and other options.
    pub options: SendOptions,
    /// The uploaded files, each with its place among all files; the email does not contain them yet.
    pub uploads: Vec<(usize, UploadUse)>,
    /// Headers of the request that no email gets. They are not part of its identity.
    pub dropped_headers: Vec<DroppedHeader>,
    /// Parts of the request that have no effect. They are not part of its identity.
    pub warnings: Vec<Warning>,
}

impl EmailRequest {
    /// The email with its uploaded files, after all were found.
    ///
    /// # Errors
    /// An upload was not found, or has another size; or all files together are too large.
    pub fn resolve(&self, found: &BTreeMap<UploadId, Uploaded>) -> Result<EmailContent, EmailError> {
        let mut attachments = self.email.attachments().to_vec();
        for (index, upload) in &self.uploads {
            let attachment = upload.resolve(found.get(&upload.id))?;
            attachments.insert((*index).min(attachments.len()), attachment);
        }
        self.email.clone().with_attachments(attachments)
    }

    /// The identity of a request, and the name of the stored content: SHA-256 over the email and its options, in
    /// lower-case hex. `content` is [`EmailContent::to_body`].
    ///
    /// The options are part of it. Otherwise another request with the same key could change an accepted email, or
    /// shorten the retention of its content.
    #[must_use]
    pub fn hash_with(&self, content: &[u8]) -> String {
        let mut options = self.options.canonical();
        options.extend(self.uploads.iter().map(|(_, upload)| upload.canonical()));
        sha256_hex(&[content, options.as_bytes()].concat())
    }

    /// Like [`EmailRequest::hash_with`], for callers without the content.
    #[must_use]
    pub fn hash(&self) -> String {
        self.hash_with(&self.email.to_body())
    }
}

/// The reaction of a batch to a bad item: the header `x-batch-validation`.
///
/// Source: Resend's API reference, "Send batch emails".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BatchValidation {
    /// The whole batch is refused.
    #[default]
    Strict,
    /// The good items are accepted, the bad ones reported.
    Permissive,
}

impl BatchValidation {
    /// Reads the header; absent means strict.
    ///
    /// # Errors
    /// 422 `validation_error` for any other value.
    pub fn parse(header: Option<&str>) -> Result<Self, ApiError> {
        match header.map(str::trim) {
            None => Ok(Self::Strict),
            Some(value) if value.eq_ignore_ascii_case("strict") => Ok(Self::Strict),
            Some(value) if value.eq_ignore_ascii_case("permissive") => Ok(Self::Permissive),
            Some(_) => Err(ApiError::validation(
                "x-batch-validation",
                "must be strict or permissive",
            )),
        }
    }

    /// The report about a bad item, unless it is an error of the whole batch.
    ///
    /// # Errors
    /// The response to the whole batch, if it is strict.
    pub fn bad_item(self, index: usize, error: EmailError) -> Result<ItemError, ApiError> {
        match self {
            Self::Strict => Err(to_api(Some(index), error)),
            Self::Permissive => Ok(ItemError {
                index,
                message: to_api(None, error).message().to_owned(),
            }),
        }
    }
}

/// A good item of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchItem {
    /// The index of the item in the request, starting at 0.
    pub index: usize,
    /// The request of the item.
    pub request: EmailRequest,
}

/// The request of `POST /emails/batch`; both lists are ordered by index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRequest {
    /// The good items. May be empty when the batch is permissive.
    pub items: Vec<BatchItem>,
    /// The bad items. Empty when the batch is strict.
    pub errors: Vec<ItemError>,
    /// The reaction to a bad item.
    pub validation: BatchValidation,
}

impl BatchRequest {
    /// The identity of a batch: SHA-256 over every item's hash or error, in order.
    #[must_use]
    pub fn hash(&self) -> String {
        let items = self.items.iter().map(|item| (item.index, item.request.hash()));
        let mut parts: Vec<(usize, String)> = items.collect();
        let hash = |error: &ItemError| format!("!{}", sha256_hex(error.message.as_bytes()));
        parts.extend(self.errors.iter().map(|error| (error.index, hash(error))));
        parts.sort();
        let parts: Vec<String> = parts.into_iter().map(|(_, part)| part).collect();
        sha256_hex(parts.join("\n").as_bytes())
    }
}

/// Reads the body of `POST /emails`.
///
/// # Errors
/// 413 if it is too large, 400 if it is not a JSON object, else 422 with the first problem's path.
pub fn parse_email(body: &[u8]) -> Result<EmailRequest, ApiError> {
    match read_json(body)? {
        node @ Node::Object(_) => read_email(node).map_err(|error| to_api(None, error)),
        node => Err(ApiError::malformed(format!(
            "The request body must be a JSON object, not {}.",
            node.kind()
        ))),
    }
}

/// Reads the body of `POST /emails/batch`.
///
/// # Errors
/// As [`parse_email`], with paths like `[2].to[3]`; problems of single items only if the batch is strict.
pub fn parse_batch(body: &[u8], validation: BatchValidation) -> Result<BatchRequest, ApiError> {
    let text = source::text(body)?;
    let nodes: Vec<Element<'_>> = match (read_text(&text), validation) {
        (Ok(Node::Array(nodes)), _) => nodes.into_iter().map(Element::Read).collect(),
        (Ok(node), _) => {
            let kind = node.kind();
            return Err(ApiError::malformed(format!(
                "The request body must be a JSON array of emails, not {kind}."
            )));
        }
        // One element may be too deep, or have a number out of range: its neighbours are read.
        (Err(error), BatchValidation::Permissive) if error.status() == 400 => {
            let texts = source::elements(&text).ok_or(error)?;
            texts.into_iter().map(Element::Text).collect()
        }
        (Err(error), _) => return Err(error),
    };
    if nodes.is_empty() || nodes.len() > limits::BATCH_MAX {
        let (found, max) = (nodes.len(), limits::BATCH_MAX);
        return Err(ApiError::validation(
            "",
            format!("A batch must contain 1 to {max} emails; this one contains {found}."),
        ));
    }
    let mut batch = BatchRequest {
        items: Vec::with_capacity(nodes.len()),
        errors: Vec::new(),
        validation,
    };
    let mut uploads = 0;
    for (index, element) in nodes.into_iter().enumerate() {
        let read = element.node().and_then(read_email).and_then(|request| {
            let all = uploads + request.uploads.len();
            attachments::few_enough(all)?;
            uploads = all;
            Ok(request)
        });
        match read {
            Ok(request) => batch.items.push(BatchItem { index, request }),
            Err(error) => batch.errors.push(validation.bad_item(index, error)?),
        }
    }
    Ok(batch)
}

/// Fields that the API knows and this version does not support, each with a remedy: refused, never ignored.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("expires_in_seconds", "use expires_at"),
    ("react", "send the rendered html"),
    (
        "template",
        "send html or text. A version after 0.2 may support templates",
    ),
    ("topic_id", "remove it. A version after 0.2 may support topics"),
];

/// Fields of an email, as an error suggests them.
const FIELDS: &[&str] = &[
    "from",
    "to",
    "cc",
    "bcc",
    "reply_to",
    "subject",
    "html",
    "text",
    "headers",
    "tags",
    "attachments",
    "scheduled_at",
    "expires_at",
    "on_uncertain",
    "queue",
    "priority",
    "tracking",
];

fn read_email(node: Node) -> Result<EmailRequest, EmailError> {
    let (mut draft, mut options) = (Draft::default(), SendOptions::default());
    let (mut files, mut headers) = (Attachments::default(), Headers::default());
    let mut seen = Vec::new();
    for (key, value) in object("", node)? {
        let path = echo(&key);
        if seen.contains(&key) {
            return Err(EmailError::at(path, Problem::Repeated));
        }
        match key.as_str() {
            "from" => draft.from = sender(&path, value)?,
            "to" => draft.to = addresses(&path, value)?,
            "cc" => draft.cc = optional_addresses(&path, value)?,
            "bcc" => draft.bcc = optional_addresses(&path, value)?,
            // The Node SDK sends its own names in a batch before version 4.1.2.
            "reply_to" | "replyTo" => {
                let given = optional_addresses(&path, value)?;
                if !given.is_empty() && !std::mem::replace(&mut draft.reply_to, given).is_empty() {
                    return Err(EmailError::at(path, Problem::Repeated));
                }
            }
            "subject" => draft.subject = text(&path, value)?,
            "html" => draft.html = content(&path, value)?,
            "text" => draft.text = content(&path, value)?,
            "headers" => headers = headers::read(value)?,
            "tags" => draft.tags = tags(value)?,
            "attachments" => files = attachments::read(value)?,
            "scheduled_at" | "scheduledAt" => {
                if let Some(given) = when(&path, value)?
                    && options.scheduled_at.replace(given).is_some()
                {
                    return Err(EmailError::at(path, Problem::Repeated));
                }
            }
            "expires_at" => options.expires_at = when(&path, value)?,
            "on_uncertain" => options.on_uncertain = on_uncertain(&path, value)?,
            "queue" => options.queue = queue(&path, value)?,
            "priority" => options.priority = priority(&path, value)?,
            "tracking" => draft.tracking = tracking(&path, &value)?,
            known => match UNSUPPORTED.iter().find(|(field, _)| *field == known) {
                // Some SDKs send null or an empty list for an option that is not set: that is no use of the field.
                Some(_) if value.is_none() => {}
                Some((_, remedy)) => return Err(EmailError::at(path, Problem::Unsupported(remedy))),
                None => return Err(unknown(&path, &key, FIELDS)),
            },
        }
        seen.push(key);
    }
    draft.html = draft.html.map(|html| files.ids.rewrite(html));
    draft.attachments = files.whole;
    draft.headers = std::mem::take(&mut headers.kept);
    headers.fill(&mut draft.reply_to);
    let email = admission::email(draft)?;
    headers.agree(&email)?;
    Ok(EmailRequest {
        email,
        options,
        uploads: files.uploads,
        dropped_headers: headers.dropped,
        warnings: headers.warnings,
    })
}

fn on_uncertain(path: &str, node: Node) -> Result<OnUncertain, EmailError> {
    match text(path, node)?.as_deref() {
        None | Some("resend") => Ok(OnUncertain::Resend),
        Some("hold") => Ok(OnUncertain::Hold),
        Some(_) => Err(EmailError::at(path, Problem::Bad("must be resend or hold"))),
    }
}

/// The request of `PATCH /emails/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RescheduleRequest {
    /// The email's id again, as Resend's Python SDK sends it.
    pub id: Option<String>,
    /// The email's id again, as Resend's Ruby SDK sends it.
    pub email_id: Option<String>,
    /// The new time of sending.
    pub scheduled_at: TimeInput,
    /// The new time of expiry, if given.
    pub expires_at: Option<TimeInput>,
}

/// Reads the body of `PATCH /emails/{id}`.
///
/// # Errors
/// As [`parse_email`].
pub fn parse_reschedule(body: &[u8]) -> Result<RescheduleRequest, ApiError> {
    let (mut id, mut email_id) = (None, None);
    let (mut scheduled_at, mut expires_at) = (None, None);
    each_field(body, |key, path, value| {
        match key {
            "id" => id = text(path, value)?,
            "email_id" => email_id = text(path, value)?,
            "scheduled_at" => scheduled_at = when(path, value)?,
            "expires_at" => expires_at = when(path, value)?,
            _ => return Err(unknown(path, key, &["scheduled_at", "expires_at"])),
        }
        Ok(())
    })?;
    let missing = EmailError::at("scheduled_at", Problem::Missing("this field is required"));
    Ok(RescheduleRequest {
        id,
        email_id,
        scheduled_at: scheduled_at.ok_or(missing).map_err(|error| to_api(None, error))?,
        expires_at,
    })
}

/// Reads the body of `POST /emails/{id}/retry`: true if a second copy is acceptable. A missing body counts as an
/// empty one.
///
/// # Errors
/// As [`parse_email`].
pub fn parse_retry(body: &[u8]) -> Result<bool, ApiError> {
    let mut force = false;
    if body.is_empty() {
        return Ok(force);
    }
    each_field(body, |key, path, value| {
        match (key, value) {
            ("force", Node::Bool(given)) => force = given,
            ("force", Node::Null) => {}
            ("force", node) => return Err(wrong_type(path, "a boolean", &node)),
            _ => return Err(unknown(path, key, &["force"])),
        }
        Ok(())
    })?;
    Ok(force)
}

#[cfg(test)]
#[path = "requests_refused_tests.rs"]
mod refused_tests;
#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
