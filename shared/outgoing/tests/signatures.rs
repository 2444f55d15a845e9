//! The reference library of Standard Webhooks verifies the signatures.
#![expect(clippy::unwrap_used, reason = "the helpers beside the tests may fail a test too")]

use hyper::HeaderMap;
use jiff::Timestamp;
use outgoing::signature::{Secret, Signed, sign};
use standardwebhooks::Webhook;

const BODY: &[u8] = br#"{"type":"email.sent","data":{"subject":"Gr\u00fc\u00dfe"}}"#;

fn now_secs() -> u64 {
    Timestamp::now().as_second().try_into().unwrap()
}

fn verify(secret: &Secret, signed: &Signed, body: &[u8]) -> bool {
    let mut headers = HeaderMap::new();
    for (name, value) in signed.headers() {
        headers.insert(name, value.parse().unwrap());
    }
    Webhook::new(&secret.expose()).unwrap().verify(body, &headers).is_ok()
}

#[test]
fn the_reference_library_verifies_a_signature() {
    let secret = Secret::generate().unwrap();
    let signed = sign("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", now_secs(), BODY, &secret, &[]).unwrap();
    assert!(verify(&secret, &signed, BODY));
    assert!(!verify(&secret, &signed, b"{}"));
    assert!(!verify(&Secret::generate().unwrap(), &signed, BODY));
}

#[test]
fn a_rotation_verifies_with_both_secrets() {
    let (new, old) = (Secret::generate().unwrap(), Secret::generate().unwrap());
    let signed = sign("msg_1", now_secs(), BODY, &new, std::slice::from_ref(&old)).unwrap();
    assert!(verify(&new, &signed, BODY) && verify(&old, &signed, BODY));
    assert!(!verify(&Secret::generate().unwrap(), &signed, BODY));
}

#[test]
fn secrets_of_each_allowed_length_verify() {
    for bytes in 24..=64_u8 {
        let text = format!("whsec_{}", base64_of(&(0..bytes).collect::<Vec<_>>()));
        let secret = Secret::parse(&text).unwrap();
        let signed = sign("msg_1", now_secs(), BODY, &secret, &[]).unwrap();
        assert!(verify(&secret, &signed, BODY), "{bytes}");
    }
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
