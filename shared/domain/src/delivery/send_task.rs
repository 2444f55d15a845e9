//! The message in a priority queue: a send task. Any send task for a due record is as good as another.

use serde::{Deserialize, Serialize};

use crate::delivery::record::EmailRecord;
use crate::id::{EmailId, QueueName, TenantId};
use crate::timestamp::Timestamp;

/// A report that an email may be due. It proves nothing and carries no content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendTask {
    /// Format version; [`SendTask::VERSION`] is written.
    pub v: u8,
    /// The tenant of the email.
    pub tenant: TenantId,
    /// The id of the email.
    pub id: EmailId,
    /// Number of recipients, for the rate limiter before the record is read.
    pub recipients: u32,
    /// Size of the content in bytes, for the memory budget of a batch.
    pub bytes: u64,
    /// The queue of the email, which may be paused or have its own rate limit; absent for `default`.
    #[serde(default, skip_serializing_if = "QueueName::is_default")]
    pub queue: QueueName,
    /// The slot of its queue's rate limit, in milliseconds since 1970; absent if the queue has no rate limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Timestamp>,
}

/// The reason why a message in a priority queue is not a send task.
#[derive(Debug, thiserror::Error)]
pub enum SendTaskError {
    /// Not JSON, or not of this form.
    #[error("not a send task")]
    Malformed(#[from] serde_json::Error),
    /// From a newer deployment, still in flight after a rollback.
    #[error("send task of unknown version {0}")]
    UnknownVersion(u8),
}

impl SendTask {
    /// The version that is written.
    pub const VERSION: u8 = 1;

    /// The send task of an email without a slot.
    #[must_use]
    pub fn of(record: &EmailRecord) -> Self {
        Self {
            v: Self::VERSION,
            tenant: record.tenant.clone(),
            id: record.id,
            recipients: record.recipients,
            bytes: record.body.bytes,
            queue: record.queue.clone(),
            slot: None,
        }
    }

    /// The send task with this slot, or without one.
    #[must_use]
    pub fn at_slot(self, slot: Option<Timestamp>) -> Self {
        Self { slot, ..self }
    }

    /// The message's body. Nothing in it needs JSON's escapes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self {
            v,
            tenant,
            id,
            recipients,
            bytes,
            queue,
            slot,
        } = self;
        let queue = if queue.is_default() {
            String::new()
        } else {
            format!(r#","queue":"{queue}""#)
        };
        let slot = slot.map_or_else(String::new, |slot| format!(r#","slot":{}"#, slot.as_millis()));
        format!(r#"{{"v":{v},"tenant":"{tenant}","id":"{id}","recipients":{recipients},"bytes":{bytes}{queue}{slot}}}"#)
    }

    /// Reads a message's body.
    ///
    /// # Errors
    /// [`SendTaskError`] if it is not a send task of a known version.
    pub fn parse(body: &str) -> Result<Self, SendTaskError> {
        let send_task: Self = serde_json::from_str(body)?;
        if send_task.v == Self::VERSION {
            Ok(send_task)
        } else {
            Err(SendTaskError::UnknownVersion(send_task.v))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_does_not_change() {
        let golden =
            r#"{"v":1,"tenant":"main","id":"00000000-0000-4000-8000-000000000000","recipients":1,"bytes":2048}"#;
        let send_task = SendTask {
            v: 1,
            tenant: TenantId::main(),
            id: EmailId::from_random([0; 16]),
            recipients: 1,
            bytes: 2048,
            queue: QueueName::default(),
            slot: None,
        };
        assert_eq!(send_task.to_json(), golden);
        assert_eq!(serde_json::to_string(&send_task).ok().as_deref(), Some(golden));
        assert_eq!(SendTask::parse(golden).ok(), Some(send_task.clone()));
        let golden = golden.replace('}', r#","queue":"news"}"#);
        let of_news = SendTask {
            queue: QueueName::parse("news").unwrap(),
            ..send_task
        };
        assert_eq!(of_news.to_json(), golden);
        assert_eq!(serde_json::to_string(&of_news).ok(), Some(golden.clone()));
        assert_eq!(SendTask::parse(&golden).ok(), Some(of_news.clone()));
        let golden = golden.replace('}', r#","slot":1795512600000}"#);
        let with_slot = of_news.at_slot(Some(Timestamp::from_millis(1_795_512_600_000)));
        assert_eq!(with_slot.to_json(), golden);
        assert_eq!(serde_json::to_string(&with_slot).ok(), Some(golden.clone()));
        assert_eq!(SendTask::parse(&golden).ok(), Some(with_slot));
    }

    #[test]
    fn other_messages_are_no_send_tasks() {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            "\u{0}",
            r#"{"v":1,"tenant":"main","id":"x","recipients":1,"bytes":1}"#,
        ] {
            assert!(
                matches!(SendTask::parse(body), Err(SendTaskError::Malformed(_))),
                "{body}"
            );
        }
        let newer = r#"{"v":2,"tenant":"main","id":"00000000-0000-4000-8000-000000000000","recipients":1,"bytes":1}"#;
        assert!(matches!(SendTask::parse(newer), Err(SendTaskError::UnknownVersion(2))));
    }
}
