//! Hashes of requests that an earlier version accepted.
//!
//! **Invariant:** a repeated request has the hash of its first one, also after an upgrade. A reader that changes the
//! hash of an accepted request turns its repetition into a 409, and orphans its stored content.
//!
//! Source: `golden_hashes.json` has requests with the hashes that the code of commit b1156e8 (2026-11-28) gave them. It
//! never changes.

use serde_json::{Map, Value};

use super::requests::{BatchValidation, parse_batch, parse_email};

fn hash(request: &Value) -> String {
    let batch = |emails: &Value, validation| parse_batch(emails.to_string().as_bytes(), validation).unwrap().hash();
    match request.get("permissive") {
        Some(emails) => batch(emails, BatchValidation::Permissive),
        None if request.is_array() => batch(request, BatchValidation::Strict),
        None => parse_email(request.to_string().as_bytes()).unwrap().hash(),
    }
}

#[test]
fn accepted_requests_keep_their_hashes() {
    let golden: Map<String, Value> = serde_json::from_str(include_str!("golden_hashes.json")).unwrap();
    assert!(golden.len() >= 20);
    for (name, entry) in golden {
        assert_eq!(hash(&entry["request"]), entry["hash"], "{name}");
    }
}
