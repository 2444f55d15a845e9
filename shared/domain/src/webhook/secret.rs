//! The signing secrets of a webhook, and the time for which an earlier one is valid.
//!
//! **Invariant:** after a rotation both secrets sign for a day, so that a receiver can change its own in peace.
//! **Privacy:** `Debug` shows nothing of a secret.
//!
//! Source: Standard Webhooks, specification 1.0.0, "Symmetric" and "Secret rotation".

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::limits;
use crate::timestamp::Timestamp;

/// Beginning of a secret's text.
const PREFIX: &str = "whsec_";

/// Random bytes of a new secret. Source: Standard Webhooks, "Signature scheme": at least 24.
pub const SECRET_BYTES: usize = 24;

/// Time for which the earlier secret signs too.
pub const BOTH_VALID: Duration = Duration::from_secs(86_400);

/// A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

/// A text that is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be whsec_ followed by 24 to 64 bytes in base64")]
pub struct NoSecret;

impl SigningSecret {
    /// A secret from random bytes.
    #[must_use]
    pub fn new(random: [u8; SECRET_BYTES]) -> Self {
        Self(random.to_vec())
    }

    /// Reads a secret's bytes.
    ///
    /// # Errors
    /// [`NoSecret`] if they are too few or too many.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, NoSecret> {
        if limits::SIGNING_SECRET_BYTES.contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(NoSecret)
        }
    }

    /// Reads a secret's text.
    ///
    /// # Errors
    /// [`NoSecret`].
    pub fn parse(text: &str) -> Result<Self, NoSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NoSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NoSecret)?;
        Self::from_bytes(bytes)
    }

    /// The text, which receivers configure.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The bytes, which are the key of the signature.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret")
    }
}

/// The secrets of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The newest secret.
    pub current: SigningSecret,
    /// The secret before it, and its end.
    pub previous: Option<(SigningSecret, Timestamp)>,
    /// The end of a webhook that is only pulled, in whole seconds. Its secrets are deleted then.
    pub until: Option<Timestamp>,
}

impl Secrets {
    /// The secret of a new webhook.
    #[must_use]
    pub const fn new(current: SigningSecret) -> Self {
        Self {
            current,
            previous: None,
            until: None,
        }
    }

    /// The secrets of a webhook that ends then, or never.
    #[must_use]
    pub fn ending_at(self, until: Option<Timestamp>) -> Self {
        let until = until.map(|until| Timestamp::from_millis(until.as_secs().saturating_mul(1_000)));
        Self { until, ..self }
    }

    /// The secrets after a rotation. The same secret again, from a repeated request, changes nothing.
    #[must_use]
    pub fn rotated(&self, next: SigningSecret, now: Timestamp) -> Self {
        if next == self.current {
            return self.clone();
        }
        Self {
            current: next,
            previous: Some((self.current.clone(), now.after(BOTH_VALID))),
            until: self.until,
        }
    }

    /// The secrets that sign at `now`, the newest first.
    pub fn valid_at(&self, now: Timestamp) -> impl Iterator<Item = &SigningSecret> {
        let previous = self.previous.as_ref().filter(|(_, until)| *until > now);
        std::iter::once(&self.current).chain(previous.map(|(secret, _)| secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    fn secret(byte: u8) -> SigningSecret {
        SigningSecret::new([byte; SECRET_BYTES])
    }

    #[test]
    fn a_secret_has_the_form_of_standard_webhooks() {
        let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_eq!(SigningSecret::parse(text).unwrap().to_text(), text);
        assert_eq!(SigningSecret::parse(&secret(7).to_text()), Ok(secret(7)));
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![1; bytes]));
        assert!(SigningSecret::parse(&of(24)).is_ok() && SigningSecret::parse(&of(64)).is_ok());
        let short = text.replace("whsec_", "");
        for bad in ["", "whsec_", "whsec_????", &of(23), &of(65), &short] {
            assert_eq!(SigningSecret::parse(bad), Err(NoSecret), "{bad}");
        }
    }

    #[test]
    fn both_secrets_sign_for_a_day_after_a_rotation() {
        let secrets = Secrets::new(secret(1)).rotated(secret(2), at(0));
        let valid = |secs| secrets.valid_at(at(secs)).cloned().collect::<Vec<_>>();
        assert_eq!(valid(0), [secret(2), secret(1)]);
        assert_eq!(valid(86_399), [secret(2), secret(1)]);
        assert_eq!(valid(86_400), [secret(2)]);
    }

    #[test]
    fn at_most_two_secrets_sign() {
        let secrets = Secrets::new(secret(1))
            .rotated(secret(2), at(0))
            .rotated(secret(3), at(1));
        assert_eq!(
            secrets.valid_at(at(2)).cloned().collect::<Vec<_>>(),
            [secret(3), secret(2)]
        );
        let again = secrets.rotated(secret(3), at(500));
        assert_eq!(again, secrets, "a repeated request does not end the earlier secret");
    }

    #[test]
    fn a_rotation_keeps_the_end_of_a_webhook() {
        let until = Timestamp::from_millis(90_000_999);
        let secrets = Secrets::new(secret(1)).ending_at(Some(until));
        assert_eq!(secrets.until, Some(at(90_000)), "whole seconds");
        assert_eq!(secrets.rotated(secret(2), at(0)).until, secrets.until);
    }

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        assert_eq!(format!("{:?}", secret(65)), "SigningSecret");
    }
}
