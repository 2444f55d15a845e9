//! All accepted messages, whole, in memory, in the order of acceptance.
//!
//! **Invariant:** only [`Mailbox::remove`] and [`Mailbox::clear`] remove a message.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// A name and a value: a header or a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// An attachment; its content is not part of the JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// The file's name.
    pub filename: String,
    /// The media type, as submitted.
    pub content_type: Option<String>,
    /// The Content-ID, for `cid:` references.
    pub content_id: Option<String>,
    /// The decoded size in bytes.
    pub size: usize,
    /// SHA-256 of the decoded bytes, in hex.
    pub sha256: String,
    /// The decoded bytes.
    #[serde(skip)]
    pub content: Vec<u8>,
}

impl Attachment {
    /// Creates an attachment with the size and hash of its content.
    pub fn new(filename: String, content_type: Option<String>, content_id: Option<String>, content: Vec<u8>) -> Self {
        let sha256 = Sha256::digest(&content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            filename,
            content_type,
            content_id,
            size: content.len(),
            sha256,
            content,
        }
    }
}

/// A client's submission.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Submission {
    /// The From, as submitted.
    pub from: String,
    /// The visible recipients.
    pub to: Vec<String>,
    /// The recipients of copies.
    pub cc: Vec<String>,
    /// The hidden recipients.
    pub bcc: Vec<String>,
    /// The addresses for replies.
    pub reply_to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The plain body.
    pub text: Option<String>,
    /// The HTML body.
    pub html: Option<String>,
    /// The custom headers, or all headers of a raw message.
    pub headers: Vec<Pair>,
    /// SES's message tags.
    pub tags: Vec<Pair>,
    /// The attachments.
    pub attachments: Vec<Attachment>,
    /// The configuration set, which switches events on.
    #[serde(skip)]
    pub configuration_set: Option<String>,
    /// The SES tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The bytes of a raw message.
    #[serde(skip)]
    pub raw: Option<Vec<u8>>,
}

impl Submission {
    /// All recipients, in the order to, cc, bcc.
    pub fn recipients(&self) -> Vec<&str> {
        self.to
            .iter()
            .chain(&self.cc)
            .chain(&self.bcc)
            .map(String::as_str)
            .collect()
    }
}

/// An accepted message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// SES's message id.
    pub id: String,
    /// The submission.
    #[serde(flatten)]
    pub submission: Submission,
    /// The time of acceptance: RFC 3339, UTC, milliseconds.
    pub received_at: String,
}

/// The accepted messages.
#[derive(Debug, Default)]
pub struct Mailbox {
    messages: Vec<Arc<Message>>,
    by_id: HashMap<String, Arc<Message>>,
    revision: u64,
}

impl Mailbox {
    /// Adds a message.
    pub fn add(&mut self, message: Arc<Message>) {
        self.by_id.insert(message.id.clone(), Arc::clone(&message));
        self.messages.push(message);
        self.revision += 1;
    }

    /// Every message, newest first.
    pub fn newest_first(&self) -> Vec<Arc<Message>> {
        self.messages.iter().rev().map(Arc::clone).collect()
    }

    /// The number of messages.
    pub fn count(&self) -> usize {
        self.messages.len()
    }

    /// The revision, which increases with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// One message.
    pub fn get(&self, id: &str) -> Option<Arc<Message>> {
        self.by_id.get(id).map(Arc::clone)
    }

    /// Removes one message, and tells whether it existed.
    pub fn remove(&mut self, id: &str) -> bool {
        if self.by_id.remove(id).is_none() {
            return false;
        }
        self.messages.retain(|message| message.id != id);
        self.revision += 1;
        true
    }

    /// Removes all messages.
    pub fn clear(&mut self) {
        self.messages.clear();
        self.by_id.clear();
        self.revision += 1;
    }
}
