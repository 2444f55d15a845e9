//! The messages that the fake SES accepted, and its counters.

use domain::timestamp::Timestamp;
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;

use crate::wait::eventually;

/// The header that every email carries.
const ID_HEADER: &str = "X-Email-Id";

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pair {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// An attached file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct File {
    /// The name of the file.
    pub filename: String,
    /// The media type of the file.
    pub content_type: Option<String>,
    /// The name by which the HTML refers to the file.
    pub content_id: Option<String>,
    /// The size of the file in bytes.
    pub size: usize,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// A message that SES accepted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// The From, as submitted.
    pub from: String,
    /// The recipients.
    pub to: Vec<String>,
    /// The recipients of copies.
    pub cc: Vec<String>,
    /// The hidden recipients.
    pub bcc: Vec<String>,
    /// The addresses for replies.
    pub reply_to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The text part.
    pub text: Option<String>,
    /// The HTML part.
    pub html: Option<String>,
    /// The headers.
    pub headers: Vec<Pair>,
    /// The tags.
    pub tags: Vec<Pair>,
    /// The files.
    pub attachments: Vec<File>,
    /// The time of acceptance: RFC 3339 with milliseconds.
    pub received_at: String,
}

impl Message {
    /// Returns the id of the email.
    ///
    /// # Panics
    /// When the message does not carry exactly one id.
    #[must_use]
    pub fn email_id(&self) -> &str {
        let mut ids = self.headers.iter().filter(|header| header.name == ID_HEADER);
        match (ids.next(), ids.next()) {
            (Some(id), None) => &id.value,
            _ => panic!("not exactly one {ID_HEADER} in {:?}", self.headers),
        }
    }

    /// Returns the time of acceptance, in milliseconds since 1970.
    ///
    /// # Panics
    /// When the time is unreadable.
    #[must_use]
    pub fn received_ms(&self) -> i64 {
        let at = Timestamp::parse_rfc3339(&self.received_at);
        at.expect("a message has its time").as_millis()
    }

    /// Returns the value of a tag.
    ///
    /// # Panics
    /// When there is no such tag.
    #[must_use]
    pub fn tag(&self, name: &str) -> &str {
        let found = self.tags.iter().find(|tag| tag.name == name);
        found.map_or_else(|| panic!("no tag {name} in {:?}", self.tags), |tag| tag.value.as_str())
    }

    fn is_to(&self, part: &str) -> bool {
        self.to
            .iter()
            .chain(&self.cc)
            .chain(&self.bcc)
            .any(|recipient| recipient.contains(part))
    }
}

/// The inbox of the fake SES.
#[derive(Debug, Clone)]
pub struct Inbox {
    http: Client,
    url: String,
}

impl Inbox {
    pub(crate) fn new(http: Client, url: String) -> Self {
        Self { http, url }
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, path: &str) -> T {
        let request = self.http.get(format!("{}{path}", self.url)).send().await;
        request
            .expect("the fake SES answers")
            .json()
            .await
            .expect("the fake SES answers JSON")
    }

    /// Returns the messages with a recipient that contains `part`, newest first.
    pub async fn to(&self, part: &str) -> Vec<Message> {
        let mut messages: Vec<Message> = self.read("/messages").await;
        messages.retain(|message| message.is_to(part));
        messages
    }

    /// Returns the only message to such a recipient.
    ///
    /// # Panics
    /// When there is none, or more than one.
    pub async fn only(&self, part: &str) -> Message {
        let mut messages = self.to(part).await;
        let count = messages.len();
        match (messages.pop(), count) {
            (Some(message), 1) => message,
            _ => panic!("{count} messages to {part}, not 1"),
        }
    }

    /// Waits for `count` messages to such recipients.
    pub async fn wait_for(&self, part: &str, count: usize) -> Vec<Message> {
        eventually(&format!("{count} messages to {part}"), || async {
            let messages = self.to(part).await;
            let found = messages.len();
            if found >= count {
                Ok(messages)
            } else {
                Err(format!("{found} messages"))
            }
        })
        .await
    }

    /// Returns the number of times that a kind of fault has happened since the stack's start.
    pub async fn strikes(&self, kind: &str) -> u64 {
        let stats: Value = self.read("/stats").await;
        stats
            .pointer(&format!("/faults/{kind}"))
            .and_then(Value::as_u64)
            .unwrap_or(0)
    }
}
