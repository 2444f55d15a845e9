//! The text of an API key, `mq_<id>_<secret><checksum>`, and of the deployer's key, `deployer_<48 hex digits>`.
//!
//! **Invariant:** the secret has 192 random bits and exists only in this text, which is shown once. The table stores
//! its hash. A text with a wrong checksum is no key. A typing mistake or a guess therefore costs no call, and
//! scanners for leaked keys recognise one without asking us.
//! **Privacy:** `Debug` shows nothing of it.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::id::KeyId;

/// The prefix of every key.
const PREFIX: &str = "mq_";

/// The prefix of the deployer's key.
const DEPLOYER_PREFIX: &[u8] = b"deployer_";

/// The random bytes of a secret. Source: our promise of 192 bits.
pub const SECRET_BYTES: usize = 24;

/// Hex digits of the secret, and of its checksum.
const SECRET_DIGITS: usize = 2 * SECRET_BYTES;
const CHECKSUM_DIGITS: usize = 8;

/// The text of a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The text of a new key.
    #[must_use]
    pub fn new(id: KeyId, secret: [u8; SECRET_BYTES]) -> Self {
        let mut text = format!("{PREFIX}{}_", id.digits());
        for byte in secret {
            text.push_str(&format!("{byte:02x}"));
        }
        let checksum = checksum(&text);
        Self(text + &checksum)
    }

    /// The text, which is shown once to the creator.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hash that identifies it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        hash(self.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// The hash that identifies a key: SHA-256 of its text.
#[must_use]
pub fn hash(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// True if a text has the form of the deployer's key: `deployer_` and 48 lower-case hex digits.
///
/// A SHA-256 hash in hex never has this form, so a key deployed in place of its hash authenticates nobody.
#[must_use]
pub fn is_deployers(key: &[u8]) -> bool {
    let hex = |digit: &u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit);
    key.strip_prefix(DEPLOYER_PREFIX)
        .is_some_and(|secret| secret.len() == SECRET_DIGITS && secret.iter().all(hex))
}

/// The id in a text with the form of a key. Only the hash proves that it is a key.
#[must_use]
pub fn id_of(key: &[u8]) -> Option<KeyId> {
    let text = std::str::from_utf8(key).ok()?;
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    if secret.len() != SECRET_DIGITS + CHECKSUM_DIGITS {
        return None;
    }
    let (said, given) = text.split_at_checked(text.len().saturating_sub(CHECKSUM_DIGITS))?;
    (checksum(said) == given).then(|| KeyId::from_digits(id)).flatten()
}

/// The first 32 bits of the SHA-256 of the text before the checksum.
fn checksum(said: &str) -> String {
    let [a, b, c, d, ..] = hash(said.as_bytes());
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::EmailId;

    fn id() -> KeyId {
        KeyId::of(EmailId::from_random([7; 16]))
    }

    fn token() -> String {
        Token::new(id(), [0xA5; SECRET_BYTES]).as_str().to_owned()
    }

    #[test]
    fn a_key_is_found_by_its_id() {
        let token = token();
        assert_eq!(id_of(token.as_bytes()), Some(id()));
        let secret = "a5".repeat(SECRET_BYTES);
        assert!(token.starts_with(&format!("mq_07070707070747078707070707070707_{secret}")));
        assert_eq!(token.len(), 3 + 32 + 1 + 48 + 8);
        // A double click selects it, and a shell and a URL take it as it is.
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    }

    #[test]
    fn a_mistyped_key_is_no_key() {
        let token = token();
        for place in 0..token.len() {
            let mut wrong = token.clone().into_bytes();
            wrong[place] = if wrong[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(id_of(&wrong), None, "{place}");
        }
        for wrong in [
            "",
            "mq_",
            "mq__",
            "mq_secret",
            &token[..token.len() - 1],
            &format!("{token}0"),
            &format!(" {token}"),
            &token.to_uppercase(),
            &token.replace("mq_", "re_"),
        ] {
            assert_eq!(id_of(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(id_of(&[0xFF; 92]), None);
    }

    #[test]
    fn a_hash_is_never_a_deployers_key() {
        let secret = "0123456789abcdef".repeat(3);
        let key = format!("deployer_{secret}");
        assert!(is_deployers(key.as_bytes()));
        let as_hash: String = hash(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        for wrong in [
            "",
            "deployer_",
            "deployer",
            &as_hash,
            &secret,
            &format!("{key}0"),
            &key[..key.len() - 1],
            &format!(" {key}"),
            &key.to_uppercase(),
            &key.replace('f', "g"),
            &key.replace("deployer_", "deployer-"),
        ] {
            assert!(!is_deployers(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn debug_does_not_show_the_text() {
        assert_eq!(format!("{:?}", Token::new(id(), [1; SECRET_BYTES])), "Token");
    }
}
