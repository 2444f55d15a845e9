//! Signatures of webhooks.
//!
//! **Invariant:** pure. The signed bytes are `{id}.{timestamp}.{body}`; an id has no dot, so no two requests have the
//! same signed bytes.
//! **Start reading at** [`sign`].
//!
//! Source: Standard Webhooks 1.0.0, "Verifying webhook authenticity", read 2026-11-29. Resend and Svix sign in the same
//! way, and their clients read the headers `svix-*`.

mod secret;

pub use secret::{RandomError, Secret, SecretError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Characters of the longest id.
const MAX_ID: usize = 128;

/// An id that cannot be signed. Only a fault of mailqueue gives one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event's id has 1 to 128 letters, digits, `-` and `_`")]
pub struct IdError;

/// A signed request, apart from its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    id: String,
    timestamp: String,
    signature: String,
}

/// Signs one attempt.
///
/// `timestamp_secs` is the time of the attempt in seconds since 1970-01-01, UTC: receivers refuse a request that is
/// more than five minutes old. `older` are the secrets that are still valid after a rotation, newest first.
///
/// # Errors
/// [`IdError`] for an id with a dot or another unusual character.
pub fn sign(id: &str, timestamp_secs: u64, body: &[u8], newest: &Secret, older: &[Secret]) -> Result<Signed, IdError> {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(is_usual) {
        return Err(IdError);
    }
    let timestamp = timestamp_secs.to_string();
    let one = |secret: &Secret| {
        let mut mac = Hmac::<Sha256>::new(&secret.block().into());
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    let all: Vec<String> = std::iter::once(newest).chain(older).map(one).collect();
    Ok(Signed {
        id: id.to_owned(),
        timestamp,
        signature: all.join(" "),
    })
}

impl Signed {
    /// Returns the signatures, one for each secret, separated by spaces: `v1,<base64> v1,<base64>`.
    #[must_use]
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// Returns the headers of both families: those of Standard Webhooks, and those that clients of Resend and Svix read.
    #[must_use]
    pub fn headers(&self) -> [(&'static str, String); 6] {
        [
            ("webhook-id", self.id.clone()),
            ("webhook-timestamp", self.timestamp.clone()),
            ("webhook-signature", self.signature.clone()),
            ("svix-id", self.id.clone()),
            ("svix-timestamp", self.timestamp.clone()),
            ("svix-signature", self.signature.clone()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of the reference libraries of Standard Webhooks: secret, id, timestamp, body, signature. The first is in
    /// the library for Rust, the second in those for Go, Python, PHP, C# and others. Read 2026-11-29.
    const VECTORS: [(&str, &str, u64, &str, &str); 2] = [
        (
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1_649_367_553,
            r#"{"email":"test@example.com","username":"test_user"}"#,
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ];

    #[test]
    fn published_vectors_are_signed_alike() {
        for (secret, id, timestamp, body, signature) in VECTORS {
            let secret = Secret::parse(secret).unwrap();
            let signed = sign(id, timestamp, body.as_bytes(), &secret, &[]).unwrap();
            assert_eq!(signed.signature(), signature, "{id}");
        }
    }

    #[test]
    fn a_rotation_signs_with_each_secret_newest_first() {
        let (new, old) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        let alone = |secret| sign("msg_1", 5, b"{}", secret, &[]).unwrap();
        let both = sign("msg_1", 5, b"{}", &new, std::slice::from_ref(&old)).unwrap();
        let expected = format!("{} {}", alone(&new).signature(), alone(&old).signature());
        assert_eq!(both.signature(), expected);
    }

    #[test]
    fn both_families_of_headers_are_equal() {
        let secret = Secret::generate().unwrap();
        let signed = sign("msg_1", 1_674_087_231, b"{}", &secret, &[]).unwrap();
        let headers = signed.headers();
        let values = |family: &str| -> Vec<(String, String)> {
            let part = |(name, value): &(&str, String)| Some((name.strip_prefix(family)?.to_owned(), value.clone()));
            headers.iter().filter_map(part).collect()
        };
        assert_eq!(values("webhook-"), values("svix-"));
        let expected = [
            ("id", "msg_1"),
            ("timestamp", "1674087231"),
            ("signature", signed.signature()),
        ];
        assert_eq!(
            values("svix-"),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn every_part_changes_the_signature() {
        let secret = Secret::generate().unwrap();
        let signature =
            |id, timestamp, body: &[u8]| sign(id, timestamp, body, &secret, &[]).unwrap().signature().to_owned();
        let first = signature("msg_1", 12, b"3");
        for other in [
            signature("msg_2", 12, b"3"),
            signature("msg_1", 13, b"3"),
            signature("msg_1", 12, b"4"),
            signature("msg_1", 1, b"2.3"),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn an_unusual_id_is_not_signed() {
        let secret = Secret::generate().unwrap();
        for id in ["", "a.b", "a b", "a\r\nb", "ä", &"a".repeat(129)] {
            assert_eq!(sign(id, 1, b"", &secret, &[]), Err(IdError), "{id:?}");
        }
    }
}
