//! The clock and randomness.

use super::failure::PortError;
use crate::delivery::retry::Jitter;
use crate::id::EmailId;
use crate::tenant::temporary::TEMPORARY_BYTES;
use crate::tenant::token::SECRET_BYTES;
use crate::timestamp::Timestamp;

/// The clock.
pub trait Clock: Sync {
    /// The time by this machine's clock, which may be off by a second.
    fn now(&self) -> Timestamp;
}

/// Randomness.
pub trait Random: Sync {
    /// A number that tells one claim from another.
    ///
    /// # Errors
    /// The system has no randomness: a claim must not go without a nonce.
    fn nonce(&self) -> Result<u64, PortError>;

    /// Spreads retries after a common failure.
    fn jitter(&self) -> Jitter;

    /// A new id.
    ///
    /// # Errors
    /// The system has no randomness: an id must not be made up.
    fn id(&self) -> Result<EmailId, PortError>;

    /// A new secret of an API key.
    ///
    /// # Errors
    /// The system has no randomness: a secret must not be guessable.
    fn secret(&self) -> Result<[u8; SECRET_BYTES], PortError>;

    /// A new temporary token.
    ///
    /// # Errors
    /// The system has no randomness: a token must not be guessable.
    fn temporary(&self) -> Result<[u8; TEMPORARY_BYTES], PortError>;
}
