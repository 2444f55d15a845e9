//! The messages of the priority queues and of the dead-letter queue.

use arbitrary::{Result, Unstructured};
use domain::delivery::dead_letter_message::DeadLetterMessage;
use domain::delivery::send_task::{SendTask, SendTaskError};
use domain::id::{EmailId, QueueName, TenantId};
use domain::timestamp::Timestamp;
use serde_json::Value;

use crate::check::{check, check_eq};
use crate::generators::records;

/// Reads the bytes as a message, and writes and reads a message derived from them.
pub(crate) fn run(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        read_send_task(text);
        read_dead_letter_message(text);
    }
    // Too few bytes for a record: there is nothing to check.
    if let Ok(made) = made(&mut Unstructured::new(data)) {
        let (send_task, dead_letter_message) = made;
        check_eq!(
            Refusal,
            SendTask::parse(&send_task.to_json()).ok(),
            Some(send_task.clone()),
            "as it was written"
        );
        check_eq!(
            Refusal,
            DeadLetterMessage::parse(&dead_letter_message.to_json()),
            Some(dead_letter_message.clone()),
            "as it was written"
        );
        for version in [0, 2, u8::MAX] {
            let newer = SendTask {
                v: version,
                ..send_task.clone()
            };
            let found = SendTask::parse(&newer.to_json());
            check!(
                Refusal,
                matches!(found, Err(SendTaskError::UnknownVersion(v)) if v == version),
                "version {version}"
            );
            let newer = DeadLetterMessage {
                v: version,
                ..dead_letter_message.clone()
            };
            check_eq!(
                Refusal,
                DeadLetterMessage::parse(&newer.to_json()),
                None,
                "version {version}"
            );
        }
    }
}

fn made(u: &mut Unstructured<'_>) -> Result<(SendTask, DeadLetterMessage)> {
    let record = records::any(u)?;
    let slot = u.arbitrary::<Option<i64>>()?.map(Timestamp::from_millis);
    Ok((SendTask::of(&record).at_slot(slot), DeadLetterMessage::of(&record)))
}

fn read_send_task(text: &str) {
    if let Ok(send_task) = SendTask::parse(text) {
        check_eq!(
            Refusal,
            SendTask::parse(&send_task.to_json()).ok(),
            Some(send_task.clone()),
            "read again"
        );
        let SendTask {
            v,
            tenant,
            id,
            recipients,
            bytes,
            queue,
            slot,
        } = send_task;
        let said = said(text, &["v", "tenant", "id", "recipients", "bytes", "queue", "slot"]);
        let at = said.get("slot").and_then(Value::as_i64);
        check_eq!(Refusal, at, slot.map(Timestamp::as_millis));
        same_version(&said, v);
        same_email(&said, (&tenant, id), &queue);
        check_eq!(Refusal, number(&said, "recipients"), Some(u64::from(recipients)));
        check_eq!(Refusal, number(&said, "bytes"), Some(bytes));
    }
}

fn read_dead_letter_message(text: &str) {
    if let Some(dead_letter_message) = DeadLetterMessage::parse(text) {
        check_eq!(
            Refusal,
            DeadLetterMessage::parse(&dead_letter_message.to_json()).as_ref(),
            Some(&dead_letter_message),
            "read again"
        );
        let DeadLetterMessage {
            v,
            tenant,
            id,
            claim_no,
            queue,
        } = dead_letter_message;
        let said = said(text, &["v", "tenant", "id", "claim_no", "queue"]);
        same_version(&said, v);
        same_email(&said, (&tenant, id), &queue);
        check_eq!(Refusal, number(&said, "claim_no"), Some(u64::from(claim_no)));
    }
}

/// Returns the fields of the text, read without a schema. An array has its fields in order: it is as valid as an
/// object, and as harmless.
fn said(text: &str, fields: &[&str]) -> Value {
    let said = serde_json::from_str(text).unwrap_or_default();
    if let Value::Array(values) = said {
        let optional = fields
            .iter()
            .filter(|field| matches!(**field, "queue" | "slot"))
            .count();
        check!(
            Refusal,
            (fields.len() - optional..=fields.len()).contains(&values.len()),
            "every field"
        );
        let fields = fields.iter().map(|field| (*field).to_owned());
        return Value::Object(fields.zip(values).collect());
    }
    said
}

fn number(said: &Value, field: &str) -> Option<u64> {
    said.get(field).and_then(Value::as_u64)
}

fn same_version(said: &Value, v: u8) {
    check_eq!(Refusal, (number(said, "v"), v), (Some(1), 1), "only this version");
}

fn same_email(said: &Value, (tenant, id): (&TenantId, EmailId), queue: &QueueName) {
    let text = |field: &str| said.get(field).and_then(Value::as_str);
    check_eq!(Refusal, text("tenant"), Some(tenant.as_str()));
    let digits = text("id")
        .unwrap_or_default()
        .to_ascii_lowercase()
        .replace(['-', '{', '}'], "");
    let id = id.to_string().replace('-', "");
    check_eq!(Refusal, digits.trim_start_matches("urn:uuid:"), id);
    let named = said.get("queue").map_or(Some("default"), Value::as_str);
    check_eq!(Refusal, named, Some(queue.as_str()));
}
