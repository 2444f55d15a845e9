//! The dead-letter message: it moves an email that failed for good through the dead-letter queue.

use serde::{Deserialize, Serialize};

use crate::delivery::record::EmailRecord;
use crate::id::{EmailId, QueueName, TenantId};

/// A report that an email was given up. It proves nothing: the record decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterMessage {
    /// Format version; [`DeadLetterMessage::VERSION`] is written.
    pub v: u8,
    /// The tenant of the email.
    pub tenant: TenantId,
    /// The id of the email.
    pub id: EmailId,
    /// Number of the claim that gave up.
    pub claim_no: u32,
    /// The email's queue, for the message's fair-queue group; absent for `default`.
    #[serde(default, skip_serializing_if = "QueueName::is_default")]
    pub queue: QueueName,
}

impl DeadLetterMessage {
    /// The version that is written.
    pub const VERSION: u8 = 1;

    /// The dead-letter message of an email.
    #[must_use]
    pub fn of(record: &EmailRecord) -> Self {
        Self {
            v: Self::VERSION,
            tenant: record.tenant.clone(),
            id: record.id,
            claim_no: record.claim_no,
            queue: record.queue.clone(),
        }
    }

    /// The message's body. Nothing in it needs JSON's escapes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self {
            v,
            tenant,
            id,
            claim_no,
            queue,
        } = self;
        let queue = if queue.is_default() {
            String::new()
        } else {
            format!(r#","queue":"{queue}""#)
        };
        format!(r#"{{"v":{v},"tenant":"{tenant}","id":"{id}","claim_no":{claim_no}{queue}}}"#)
    }

    /// Reads a message's body; `None` for any other message in the queue.
    #[must_use]
    pub fn parse(body: &str) -> Option<Self> {
        serde_json::from_str(body)
            .ok()
            .filter(|message: &Self| message.v == Self::VERSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_does_not_change() {
        let golden = r#"{"v":1,"tenant":"main","id":"00000000-0000-4000-8000-000000000000","claim_no":2}"#;
        let dead_letter_message = DeadLetterMessage {
            v: 1,
            tenant: TenantId::main(),
            id: EmailId::from_random([0; 16]),
            claim_no: 2,
            queue: QueueName::default(),
        };
        assert_eq!(dead_letter_message.to_json(), golden);
        assert_eq!(DeadLetterMessage::parse(golden), Some(dead_letter_message.clone()));
        let of_news = DeadLetterMessage {
            queue: QueueName::parse("news").unwrap(),
            ..dead_letter_message
        };
        assert_eq!(of_news.to_json(), golden.replace('}', r#","queue":"news"}"#));
        assert_eq!(DeadLetterMessage::parse(&of_news.to_json()), Some(of_news));
        for other in ["", "{}", "[1]", "not json", &golden.replace(r#""v":1"#, r#""v":2"#)] {
            assert_eq!(DeadLetterMessage::parse(other), None, "{other}");
        }
    }
}
