//! The secret that a webhook and its receiver share.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

/// The beginning of each secret, by which scanners know it.
const PREFIX: &str = "whsec_";

/// Bytes of a new secret: 192 bits, the least that the specification allows.
const NEW_BYTES: usize = 24;

/// Bytes of the longest secret, which is also one block of SHA-256.
const MAX_BYTES: usize = 64;

/// A secret that cannot be used. The texts never quote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The prefix is missing.
    #[error("A signing secret begins with `whsec_`. Copy the whole secret.")]
    Prefix,
    /// The rest is not base64.
    #[error(
        "After `whsec_`, a signing secret is base64: letters, digits, `+` and `/`, with `=` at its end if needed. Copy the whole secret, without spaces."
    )]
    Base64,
    /// The number of bytes is not allowed.
    #[error("A signing secret has 24 to 64 bytes, and this one has {0}. Omit it to get a new one.")]
    Length(usize),
}

/// The system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes: {0}")]
pub struct RandomError(#[from] getrandom::Error);

/// A secret of 24 to 64 bytes. `Debug` does not show it, and comparing takes the same time for each content.
///
/// Source: Standard Webhooks 1.0.0, table "Signature scheme".
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl Secret {
    /// Makes a secret of 24 random bytes.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn generate() -> Result<Self, RandomError> {
        let mut bytes = vec![0; NEW_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads a secret in its usual form, `whsec_` and base64 of 24 to 64 bytes.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SecretError::Base64)?;
        if !(NEW_BYTES..=MAX_BYTES).contains(&bytes.len()) {
            return Err(SecretError::Length(bytes.len()));
        }
        Ok(Self(bytes))
    }

    /// Returns the secret in its usual form. Only an answer to its owner and the stored item contain it.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// Returns the secret as a key of HMAC-SHA256, which fills a key up to a block with zeros (RFC 2104, section 2).
    pub(super) fn block(&self) -> [u8; MAX_BYTES] {
        let mut block = [0; MAX_BYTES];
        for (to, from) in block.iter_mut().zip(&self.0) {
            *to = *from;
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(bytes: usize) -> String {
        format!("whsec_{}", STANDARD.encode(vec![7; bytes]))
    }

    #[test]
    fn a_new_secret_is_random_and_read_again() {
        let (first, second) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        assert_ne!(first, second);
        let shown = first.expose();
        assert_eq!(shown.len(), 38);
        assert_eq!(Secret::parse(&shown), Ok(first));
    }

    #[test]
    fn secrets_of_24_to_64_bytes_are_read_and_shown_unchanged() {
        for bytes in 0..100 {
            let text = encoded(bytes);
            let expected = if (24..=64).contains(&bytes) {
                Ok(text.clone())
            } else {
                Err(SecretError::Length(bytes))
            };
            assert_eq!(Secret::parse(&text).map(|secret| secret.expose()), expected);
        }
    }

    #[test]
    fn a_malformed_secret_gets_a_helpful_error() {
        let good = encoded(25);
        let bare = good.trim_start_matches(PREFIX);
        let cases = [
            ("", SecretError::Prefix),
            (bare, SecretError::Prefix),
            (&format!("WHSEC_{bare}"), SecretError::Prefix),
            (&format!("whsk_{bare}"), SecretError::Prefix),
            ("whsec_", SecretError::Length(0)),
            (&format!("{good} "), SecretError::Base64),
            (&format!("{good}\n"), SecretError::Base64),
            (good.trim_end_matches('='), SecretError::Base64),
            (&format!("whsec_-_{}", bare.get(2..).unwrap()), SecretError::Base64),
            // The last character has bits that no byte uses.
            (
                &format!("{}B==", good.get(..good.len() - 3).unwrap()),
                SecretError::Base64,
            ),
        ];
        for (text, error) in cases {
            assert_eq!(Secret::parse(text), Err(error), "{text:?}");
            assert!(error.to_string().ends_with('.'));
        }
    }

    #[test]
    fn debug_and_errors_never_show_a_secret() {
        let secret = Secret::generate().unwrap();
        assert_eq!(format!("{secret:?}"), "Secret");
        let error = Secret::parse("whsec_c2VjcmV0").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("c2VjcmV0"), "{error}");
    }
}
