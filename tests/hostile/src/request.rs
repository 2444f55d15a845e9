//! Requests, derived from a valid one.

use serde_json::{Map, Value, json};

fn good() -> Map<String, Value> {
    let good = json!({
        "from": "Ada <ada@example.com>",
        "to": ["bob@example.com"],
        "subject": "Hi",
        "text": "Hello",
    });
    good.as_object().cloned().unwrap_or_default()
}

/// Returns the valid request with these fields replaced; null removes a field.
pub(crate) fn with(fields: Value) -> Vec<u8> {
    let mut email = good();
    if let Value::Object(fields) = fields {
        email.extend(fields);
    }
    Value::Object(email).to_string().into_bytes()
}

/// A request to one recipient, without a list.
pub(crate) fn to(address: &str) -> Vec<u8> {
    with(json!({ "to": address }))
}

/// A request with this sender.
pub(crate) fn from(address: &str) -> Vec<u8> {
    with(json!({ "from": address }))
}

/// A request with this subject.
pub(crate) fn subject(subject: &str) -> Vec<u8> {
    with(json!({ "subject": subject }))
}

/// A request with one header.
pub(crate) fn header(name: &str, value: &str) -> Vec<u8> {
    with(json!({"headers": {name: value}}))
}

/// A request with one tag.
pub(crate) fn tag(name: &str, value: &str) -> Vec<u8> {
    with(json!({"tags": [{"name": name, "value": value}]}))
}

/// A request with one file, in which these fields are replaced.
pub(crate) fn file(fields: Value) -> Vec<u8> {
    let mut file = json!({"filename": "a.txt", "content": "aGk="});
    if let (Value::Object(file), Value::Object(fields)) = (&mut file, fields) {
        file.extend(fields);
    }
    with(json!({"attachments": [file]}))
}

/// A request with a file of this name.
pub(crate) fn file_name(name: &str) -> Vec<u8> {
    file(json!({ "filename": name }))
}

/// A request with a file of this type.
pub(crate) fn media_type(content_type: &str) -> Vec<u8> {
    file(json!({ "content_type": content_type }))
}

/// The valid request as text, with one part replaced.
pub(crate) fn replaced(part: &str, other: &str) -> Vec<u8> {
    let text = Value::Object(good()).to_string();
    text.replacen(part, other, 1).into_bytes()
}

/// The valid request with more JSON after its first brace.
pub(crate) fn begun(more: &str) -> Vec<u8> {
    replaced("{", &format!("{{{more},"))
}

/// Returns `count` addresses.
pub(crate) fn addresses(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("u{at}@example.com")).collect()
}
