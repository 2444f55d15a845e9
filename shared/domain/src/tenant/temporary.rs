//! Temporary tokens: random texts that stand in for an API key for a minute.
//!
//! **Role:** the token of a preview opens one email's content in a browser. The code of the console becomes an API key
//! ([`super::console_code`]).
//! **Invariant:** a token has 256 random bits and exists only in its text, which is shown once. The table stores its
//! hash. Its end is checked at every use, because DynamoDB's TTL deletes late.
//! **Privacy:** `Debug` shows nothing of it.

use std::fmt;

use super::token;
use crate::id::EmailKey;
use crate::limits;
use crate::timestamp::Timestamp;

/// The random bytes of a token. Source: our promise of 256 bits.
pub const TEMPORARY_BYTES: usize = 32;

/// The SHA-256 of a token's text, under which the table stores it.
pub type TokenHash = [u8; 32];

/// The text of a temporary token: 64 lower-case hex digits.
#[derive(Clone, PartialEq, Eq)]
pub struct TemporaryToken(String);

impl TemporaryToken {
    /// The text of a new token.
    #[must_use]
    pub fn new(secret: [u8; TEMPORARY_BYTES]) -> Self {
        Self(secret.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads a token. A text of another form is none, and costs no call.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let fits = text.len() == 2 * TEMPORARY_BYTES && text.bytes().all(is_digit);
        fits.then(|| Self(text.to_owned()))
    }

    /// The text, which is shown once to the creator.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hash that identifies it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        token::hash(self.0.as_bytes())
    }
}

impl fmt::Debug for TemporaryToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TemporaryToken")
    }
}

/// The end of a token that is created at `now`.
#[must_use]
pub fn end(now: Timestamp) -> Timestamp {
    now.after(limits::TEMPORARY_TOKEN_VALID_FOR)
}

/// The permission to read the content of one email without a key, until its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The email.
    pub email: EmailKey,
    /// The end of the permission.
    pub expires_at: Timestamp,
}

impl Preview {
    /// True if it permits reading at `now`.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{EmailId, TenantId};

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = TemporaryToken::new([0xA5; TEMPORARY_BYTES]);
        assert_eq!(token.as_str(), "a5".repeat(32));
        assert_eq!(TemporaryToken::parse(token.as_str()), Some(token.clone()));
        let other = TemporaryToken::new([0xA6; TEMPORARY_BYTES]);
        assert_ne!(token.hash(), other.hash());
    }

    #[test]
    fn a_text_of_another_form_is_no_token() {
        let good = "0123456789abcdef".repeat(4);
        for wrong in [
            "",
            &good[1..],
            &format!("{good}0"),
            &good.to_uppercase(),
            &good.replace('f', "g"),
            &good.replace("01", " 0"),
            &good.replace("01", "\u{e9}"),
            &good.replace("01", ".."),
        ] {
            assert_eq!(TemporaryToken::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_preview_ends_after_a_minute() {
        let created = Timestamp::from_millis(5_000);
        let preview = Preview {
            email: EmailKey {
                tenant: TenantId::main(),
                id: EmailId::from_random([1; 16]),
            },
            expires_at: end(created),
        };
        // The last two readers have clocks that differ from the creator's.
        for (now, is_valid) in [
            (5_000, true),
            (64_999, true),
            (65_000, false),
            (4_000, true),
            (66_000, false),
        ] {
            assert_eq!(preview.is_valid(Timestamp::from_millis(now)), is_valid, "{now}");
        }
    }

    #[test]
    fn debug_does_not_show_the_text() {
        let token = TemporaryToken::new([1; TEMPORARY_BYTES]);
        assert_eq!(format!("{token:?}"), "TemporaryToken");
    }
}
