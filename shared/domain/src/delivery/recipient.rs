//! The name of a recipient in a record, without the address.

use std::fmt;

use sha2::{Digest, Sha256};

/// A recipient's name in a record, without the address: 12 hex digits of its SHA-256, as [`without_quotes`].
#[must_use]
pub fn recipient_key(address: &str) -> String {
    let hash = Sha256::digest(without_quotes(address).as_bytes());
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// An address in lower case, without quotes and backslashes: SES may show `"ann..b"@example.org` without its quotes.
#[must_use]
pub fn without_quotes(address: &str) -> String {
    address.trim().to_ascii_lowercase().replace(['"', '\\'], "")
}

/// A recipient's name in a record, as six bytes: [`recipient_key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecipientKey([u8; 6]);

impl RecipientKey {
    /// The key of an address.
    #[must_use]
    pub fn of(address: &str) -> Self {
        Self::parse(&recipient_key(address)).unwrap_or(Self([0; 6]))
    }

    /// Reads the 12 lower-case hex digits.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() != 12 || !digits.bytes().all(lower) {
            return None;
        }
        let number = u64::from_str_radix(digits, 16).ok()?;
        let [_, _, key @ ..] = number.to_be_bytes();
        Some(Self(key))
    }

    /// The six bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 6] {
        self.0
    }

    /// Reads the six bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipients_key_is_the_one_of_the_record() {
        let key = RecipientKey::of("Ann@Example.org");
        assert_eq!(key.to_string(), recipient_key("ann@example.org"));
        assert_eq!(RecipientKey::parse(&key.to_string()), Some(key));
        assert_eq!(RecipientKey::from_bytes(key.to_bytes()), key);
        for bad in ["", "0123456789a", "0123456789AB", "0123456789abc", "+12345678901"] {
            assert_eq!(RecipientKey::parse(bad), None, "{bad}");
        }
    }
}
