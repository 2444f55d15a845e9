//! Emails as the tests send them.

use serde_json::{Value, json};

/// A good sender.
pub(super) const FROM: &str = "shop@mailqueue.example";

/// An address of `name` at a domain that takes everything.
pub(super) fn address(name: &str) -> String {
    format!("{name}@example.com")
}

/// A small good email.
pub(super) fn email_to(to: &str) -> Value {
    json!({"from": FROM, "to": to, "subject": "Hello", "text": "Hello!"})
}

/// `email_to`, with other values in some fields; null takes a field away.
pub(super) fn email_with(to: &str, changes: Value) -> Value {
    let mut email = email_to(to);
    let (Value::Object(fields), Value::Object(changes)) = (&mut email, changes) else {
        panic!("changes are an object");
    };
    fields.extend(changes);
    fields.retain(|_, value| !value.is_null());
    email
}

/// A file that is too large for the table, however it is packed, so that it lies in the bucket.
pub(super) fn large_file() -> Value {
    let noise: String = (0_u64..9_000)
        .map(|n| format!("{:x}", n.wrapping_mul(n ^ 0x9e37_79b9)))
        .collect();
    json!({"filename": "a.bin", "content": noise.as_bytes()})
}
