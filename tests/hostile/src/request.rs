//! Requests, made from a good one.

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

/// The good request with these fields in place of its own; null takes one out.
pub(crate) fn with(fields: Value) -> Vec<u8> {
    let mut email = good();
    if let Value::Object(fields) = fields {
        email.extend(fields);
    }
    Value::Object(email).to_string().into_bytes()
}

/// To one recipient, not in a list.
pub(crate) fn to(address: &str) -> Vec<u8> {
    with(json!({ "to": address }))
}

/// From a sender.
pub(crate) fn from(address: &str) -> Vec<u8> {
    with(json!({ "from": address }))
}

/// With a subject.
pub(crate) fn subject(subject: &str) -> Vec<u8> {
    with(json!({ "subject": subject }))
}

/// With one header.
pub(crate) fn header(name: &str, value: &str) -> Vec<u8> {
    with(json!({"headers": {name: value}}))
}

/// With one tag.
pub(crate) fn tag(name: &str, value: &str) -> Vec<u8> {
    with(json!({"tags": [{"name": name, "value": value}]}))
}

/// With one file, some of whose fields are these.
pub(crate) fn file(fields: Value) -> Vec<u8> {
    let mut file = json!({"filename": "a.txt", "content": "aGk="});
    if let (Value::Object(file), Value::Object(fields)) = (&mut file, fields) {
        file.extend(fields);
    }
    with(json!({"attachments": [file]}))
}

/// With a file of this name.
pub(crate) fn file_name(name: &str) -> Vec<u8> {
    file(json!({ "filename": name }))
}

/// With a file of this type.
pub(crate) fn media_type(content_type: &str) -> Vec<u8> {
    file(json!({ "content_type": content_type }))
}

/// The good request as text, in which one part is another.
pub(crate) fn replaced(part: &str, other: &str) -> Vec<u8> {
    let text = Value::Object(good()).to_string();
    text.replacen(part, other, 1).into_bytes()
}

/// The good request with more JSON behind its first brace.
pub(crate) fn begun(more: &str) -> Vec<u8> {
    replaced("{", &format!("{{{more},"))
}

/// So many addresses.
pub(crate) fn addresses(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("u{at}@example.com")).collect()
}
