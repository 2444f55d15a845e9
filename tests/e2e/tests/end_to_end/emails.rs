//! The emails that the tests send.

use serde_json::{Value, json};

/// A valid sender.
pub(super) const FROM: &str = "shop@mailqueue.example";

/// Returns an address of `name` at a domain that accepts everything.
pub(super) fn address(name: &str) -> String {
    format!("{name}@example.com")
}

/// Returns a small valid email.
pub(super) fn email_to(to: &str) -> Value {
    json!({"from": FROM, "to": to, "subject": "Hello", "text": "Hello!"})
}

/// Returns `email_to` with other values in some fields; null removes a field.
pub(super) fn email_with(to: &str, changes: Value) -> Value {
    let mut email = email_to(to);
    let (Value::Object(fields), Value::Object(changes)) = (&mut email, changes) else {
        panic!("changes are an object");
    };
    fields.extend(changes);
    fields.retain(|_, value| !value.is_null());
    email
}

/// Returns a file that is too large for the table even when compressed, so that the bucket stores it.
pub(super) fn large_file() -> Value {
    let noise: String = (0_u64..9_000)
        .map(|n| format!("{:x}", n.wrapping_mul(n ^ 0x9e37_79b9)))
        .collect();
    json!({"filename": "a.bin", "content": noise.as_bytes()})
}
