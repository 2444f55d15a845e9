//! Line breaks, inserted into an accepted request: it must be refused, whichever field has them.
//!
//! An engine finds an input that breaks a rule only if all other rules accept it. Here a valid request breaks one
//! rule at a time.

use domain::api::requests::parse_email;
use serde_json::{Map, Value};

use crate::check::{check_eq, violated};
use crate::oracle;

/// Characters that are allowed in no field except the contents.
const POISONS: [char; 5] = ['\n', '\r', '\0', '\u{85}', '\u{7f}'];

/// The fields that become one line each, or one line per entry.
const FIELDS: [&str; 6] = ["from", "to", "cc", "bcc", "reply_to", "subject"];

/// Headers that reach no email, so that their values do no harm.
const DROPPED: [&str; 5] = ["date", "message-id", "mime-version", "return-path", "sender"];

/// Poisons each field of an accepted request, one at a time.
pub(crate) fn everywhere(request: &str) {
    let Ok(Value::Object(fields)) = serde_json::from_str(request) else {
        return;
    };
    // Each input uses one character, so that many inputs use them all.
    let poison = POISONS[request.len() % POISONS.len()];
    for field in FIELDS {
        refused(&fields, field, poison, |value| {
            if let Value::Array(entries) = value {
                entries.last_mut().is_some_and(|entry| poisoned(entry, poison))
            } else {
                poisoned(value, poison)
            }
        });
    }
    refused(&fields, "headers", poison, |headers| {
        let headers = headers.as_object_mut().into_iter().flatten();
        let last = headers
            .filter(|(name, _)| !DROPPED.contains(&name.to_ascii_lowercase().as_str()))
            .last();
        last.is_some_and(|(_, value)| poisoned(value, poison))
    });
    refused(&fields, "headers", poison, |headers| {
        let headers = headers.as_object_mut();
        headers.is_some_and(|headers| headers.insert(format!("X-A{poison}B"), Value::from("1")).is_none())
    });
    for part in ["name", "value"] {
        refused(&fields, "tags", poison, |tags| {
            let last = tags.as_array_mut().and_then(|tags| tags.last_mut()?.get_mut(part));
            last.is_some_and(|value| poisoned(value, poison))
        });
    }
}

/// Inserts the character into the middle of a text, where no trimming reaches it.
fn poisoned(value: &mut Value, poison: char) -> bool {
    let Value::String(text) = value else {
        return false;
    };
    let middle = text.floor_char_boundary(text.len() / 2);
    let (before, behind) = text.split_at(middle);
    // A subject loses line breaks at its ends, and a header loses one before a space.
    if before.trim().is_empty() || behind.trim().is_empty() || behind.starts_with(' ') {
        return false;
    }
    text.insert(middle, poison);
    true
}

fn refused(fields: &Map<String, Value>, field: &str, poison: char, put: impl Fn(&mut Value) -> bool) {
    let mut fields = fields.clone();
    if !fields.get_mut(field).is_some_and(put) {
        return;
    }
    let request = Value::Object(fields).to_string();
    match parse_email(request.as_bytes()) {
        Ok(_) => violated!(Refusal, "{poison:?} is accepted in {field}: {request}"),
        Err(error) => {
            check_eq!(Refusal, error.status(), 422, "{error}");
            oracle::refused(&error, request.as_bytes());
        }
    }
}
