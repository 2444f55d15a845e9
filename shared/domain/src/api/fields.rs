//! Readers of fields that several requests share.
//!
//! **Invariant:** an error has the path of its field and none of its content.
//!
//! A JSON null means that the field is absent: some SDKs send unset options as null.
//! Source: resend-node and resend-python, which send these fields in this spelling.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "JSON has only six types; all wrong types are the same error"
)]

use super::json::{Node, echo, object, read_json, text, text_or_number, wrong_type};
use super::spelling::unknown;
use super::times::TimeInput;
use crate::api::error::ApiError;
use crate::delivery::record::Priority;
use crate::id::QueueName;
use crate::message::email::Addresses;
use crate::message::problem::{EmailError, Problem};

/// Reads an object's fields, and refuses repeated ones.
pub(super) fn each_field(
    body: &[u8],
    mut read: impl FnMut(&str, &str, Node) -> Result<(), EmailError>,
) -> Result<(), ApiError> {
    let entries = match read_json(body)? {
        Node::Object(entries) => entries,
        node => {
            let kind = node.kind();
            return Err(ApiError::malformed(format!(
                "The request body must be a JSON object, not {kind}."
            )));
        }
    };
    let mut seen = Vec::new();
    for (key, value) in entries {
        let path = echo(&key);
        let result = if seen.contains(&key) {
            Err(EmailError::at(path, Problem::Repeated))
        } else {
            read(&key, &path, value)
        };
        result.map_err(|error| to_api(None, error))?;
        seen.push(key);
    }
    Ok(())
}

/// The response for a bad field of a batch item or of a single request.
#[must_use]
pub fn to_api(index: Option<usize>, error: EmailError) -> ApiError {
    let EmailError { path, problem } = error;
    let path = match index {
        None => path,
        Some(index) if path.is_empty() => format!("[{index}]"),
        Some(index) => format!("[{index}].{path}"),
    };
    match problem {
        Problem::Attachment(_) => ApiError::invalid_attachment(&path, problem),
        Problem::From(_) => ApiError::invalid_from(&path, problem),
        Problem::Json(_) => ApiError::malformed(problem.to_string()),
        Problem::Missing(_) => ApiError::missing_field(&path, problem),
        Problem::Address(_)
        | Problem::WrongType { .. }
        | Problem::Unknown
        | Problem::Misspelt(_)
        | Problem::Unsupported(_)
        | Problem::Repeated
        | Problem::TooMany { .. }
        | Problem::TooManyRecipients { .. }
        | Problem::TooManyUploads { .. }
        | Problem::TooLong { .. }
        | Problem::TooLarge { .. }
        | Problem::Range { .. }
        | Problem::NoQueue(_)
        | Problem::Bad(_) => ApiError::validation(&path, problem),
    }
}

/// Reads HTML or a text, without NUL: HTML parsers drop it, and SES takes none.
///
/// Source: HTML standard, "Tokenization"; React 18 leaves NUL at the edges of its chunks (react-email, issue 1785).
pub(super) fn content(path: &str, node: Node) -> Result<Option<String>, EmailError> {
    let content = text(path, node)?;
    Ok(content.map(|mut content| {
        content.retain(|c| c != '\0');
        content
    }))
}

/// Reads a time, or a wait from now on.
pub(super) fn when(path: &str, node: Node) -> Result<Option<TimeInput>, EmailError> {
    text(path, node)?.map(|text| TimeInput::parse(path, &text)).transpose()
}

/// The grammar of a queue's name, as an error message.
pub(super) const QUEUE_NAME: &str = "must be 1 to 64 lower-case letters, digits or dashes";

pub(super) fn priority(path: &str, node: Node) -> Result<Option<Priority>, EmailError> {
    let Some(priority) = text(path, node)? else {
        return Ok(None);
    };
    let bad = |_| EmailError::at(path, Problem::Bad("must be high, normal or low"));
    priority.parse().map(Some).map_err(bad)
}

/// Reads a queue's name; the default queue without one.
pub(super) fn queue(path: &str, node: Node) -> Result<QueueName, EmailError> {
    let Some(name) = text(path, node)? else {
        return Ok(QueueName::default());
    };
    QueueName::parse(&name).map_err(|_| EmailError::at(path, Problem::Bad(QUEUE_NAME)))
}

/// Reads a choice about tracking: a boolean, or nothing.
pub(super) fn tracking(path: &str, node: &Node) -> Result<Option<bool>, EmailError> {
    match node {
        Node::Null => Ok(None),
        Node::Bool(given) => Ok(Some(*given)),
        node => Err(wrong_type(path, "a boolean", node)),
    }
}

pub(super) fn tags(node: Node) -> Result<Vec<(String, String)>, EmailError> {
    let nodes = match node {
        Node::Null => return Ok(Vec::new()),
        Node::Array(nodes) => nodes,
        node => return Err(wrong_type("tags", "an array of {name, value}", &node)),
    };
    let mut tags = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        let path = format!("tags[{index}]");
        let (mut name, mut value) = (None, None);
        for (key, node) in object(&path, node)? {
            let path = format!("{path}.{}", echo(&key));
            let slot = match key.as_str() {
                "name" => &mut name,
                "value" => &mut value,
                _ => return Err(unknown(&path, &key, &["name", "value"])),
            };
            if slot.is_some() {
                return Err(EmailError::at(path, Problem::Repeated));
            }
            *slot = match key.as_str() {
                "value" => text_or_number(&path, node)?,
                _ => text(&path, node)?,
            };
        }
        let required = |part: &str, text: Option<String>| {
            let missing = Problem::Missing("this field is required");
            text.ok_or_else(|| EmailError::at(format!("{path}.{part}"), missing))
        };
        tags.push((required("name", name)?, required("value", value)?));
    }
    Ok(tags)
}

pub(super) fn addresses(path: &str, node: Node) -> Result<Addresses, EmailError> {
    let nodes = match node {
        Node::Null => return Ok(Addresses::Absent),
        Node::Text(text) => return Ok(Addresses::One(text)),
        Node::Array(nodes) => nodes,
        node @ Node::Object(_) => return Err(wrong_type(path, MAILBOX, &node)),
        node => return Err(wrong_type(path, "a string or an array of strings", &node)),
    };
    let texts = nodes.into_iter().enumerate().map(|(index, node)| {
        let path = format!("{path}[{index}]");
        match node {
            Node::Text(text) => Ok(text),
            node @ Node::Object(_) => Err(wrong_type(&path, MAILBOX, &node)),
            node => Err(wrong_type(&path, "a string", &node)),
        }
    });
    Ok(Addresses::Many(texts.collect::<Result<_, _>>()?))
}

/// The form of an address, for callers who send `{email, name}`.
const MAILBOX: &str = "a string such as \"Ada <ada@example.com>\"";

/// Addresses of a field that may be missing. A null entry counts as a blank one, which names nobody.
pub(super) fn optional_addresses(path: &str, node: Node) -> Result<Addresses, EmailError> {
    let text = |node| match node {
        Node::Null => Node::Text(String::new()),
        node => node,
    };
    let node = match node {
        Node::Array(nodes) => Node::Array(nodes.into_iter().map(text).collect()),
        node => node,
    };
    addresses(path, node)
}

/// The text of one address.
pub(super) fn sender(path: &str, node: Node) -> Result<Option<String>, EmailError> {
    match node {
        node @ Node::Object(_) => Err(wrong_type(path, MAILBOX, &node)),
        node => text(path, node),
    }
}
