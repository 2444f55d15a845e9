//! The messages of the lanes and of the dead-letter queue.

use arbitrary::{Result, Unstructured};
use domain::timestamp::Timestamp;
use domain::wire::hand_over::HandOver;
use domain::wire::wake_up::{WakeUp, WakeUpError};
use serde_json::Value;

use crate::given::records;

/// Reads the bytes as a message, and writes and reads one that is made of them.
pub(crate) fn run(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        read_wake_up(text);
        read_hand_over(text);
    }
    // Too few bytes for a record: nothing to be seen.
    if let Ok(made) = made(&mut Unstructured::new(data)) {
        let (wake_up, hand_over) = made;
        assert_eq!(
            WakeUp::parse(&wake_up.to_json()).ok(),
            Some(wake_up.clone()),
            "as it was written"
        );
        assert_eq!(
            HandOver::parse(&hand_over.to_json()),
            Some(hand_over.clone()),
            "as it was written"
        );
        for version in [0, 2, u8::MAX] {
            let newer = WakeUp {
                v: version,
                ..wake_up.clone()
            };
            let found = WakeUp::parse(&newer.to_json());
            assert!(
                matches!(found, Err(WakeUpError::UnknownVersion(v)) if v == version),
                "version {version}"
            );
            let newer = HandOver {
                v: version,
                ..hand_over.clone()
            };
            assert_eq!(HandOver::parse(&newer.to_json()), None, "version {version}");
        }
    }
}

fn made(u: &mut Unstructured<'_>) -> Result<(WakeUp, HandOver)> {
    let record = records::any(u)?;
    let slot = u.arbitrary::<Option<i64>>()?.map(Timestamp::from_millis);
    Ok((WakeUp::of(&record).at_slot(slot), HandOver::of(&record)))
}

fn read_wake_up(text: &str) {
    if let Ok(wake_up) = WakeUp::parse(text) {
        assert_eq!(
            WakeUp::parse(&wake_up.to_json()).ok(),
            Some(wake_up.clone()),
            "read again"
        );
        let WakeUp {
            v,
            tenant,
            id,
            recipients,
            bytes,
            queue,
            slot,
        } = wake_up;
        let said = said(text, &["v", "tenant", "id", "recipients", "bytes", "queue", "slot"]);
        let at = said.get("slot").and_then(Value::as_i64);
        assert_eq!(at, slot.map(Timestamp::as_millis));
        let named = said.get("queue").map_or(Some("default"), Value::as_str);
        assert_eq!(named, Some(queue.as_str()));
        assert_eq!((number(&said, "v"), v), (Some(1), 1), "only this version");
        assert_eq!(said.get("tenant").and_then(Value::as_str), Some(tenant.as_str()));
        same_id(&said, &id.to_string());
        assert_eq!(number(&said, "recipients"), Some(u64::from(recipients)));
        assert_eq!(number(&said, "bytes"), Some(bytes));
    }
}

fn read_hand_over(text: &str) {
    if let Some(hand_over) = HandOver::parse(text) {
        assert_eq!(
            HandOver::parse(&hand_over.to_json()).as_ref(),
            Some(&hand_over),
            "read again"
        );
        let HandOver {
            v,
            tenant,
            id,
            claim_no,
            queue,
        } = hand_over;
        let said = said(text, &["v", "tenant", "id", "claim_no", "queue"]);
        let named = said.get("queue").map_or(Some("default"), Value::as_str);
        assert_eq!(named, Some(queue.as_str()));
        assert_eq!((number(&said, "v"), v), (Some(1), 1), "only this version");
        assert_eq!(said.get("tenant").and_then(Value::as_str), Some(tenant.as_str()));
        same_id(&said, &id.to_string());
        assert_eq!(number(&said, "claim_no"), Some(u64::from(claim_no)));
    }
}

/// What the text says, read without a form. Where the fields are not named they are in order: an array
/// is as good as an object, and as harmless.
fn said(text: &str, fields: &[&str]) -> Value {
    let said = serde_json::from_str(text).unwrap_or_default();
    if let Value::Array(values) = said {
        let optional = fields
            .iter()
            .filter(|field| matches!(**field, "queue" | "slot"))
            .count();
        assert!(
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

fn same_id(said: &Value, id: &str) {
    let given = said.get("id").and_then(Value::as_str).unwrap_or_default();
    let digits = given.to_ascii_lowercase().replace(['-', '{', '}'], "");
    assert_eq!(digits.trim_start_matches("urn:uuid:"), id.replace('-', ""));
}
