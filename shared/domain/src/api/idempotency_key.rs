//! The key that makes a repeated request safe.
//!
//! **Invariant:** `Debug` hides the key.

use std::fmt;

use super::error::ApiError;
use crate::delivery::batch::BatchId;
use crate::limits;

/// The header `Idempotency-Key`: 1 to 256 characters, none of them a control character.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads the header's value.
    ///
    /// # Errors
    /// 400 `invalid_idempotency_key`.
    pub fn parse(key: &str) -> Result<Self, ApiError> {
        let count = key.chars().count();
        if count == 0 || count > limits::IDEMPOTENCY_KEY_MAX || key.chars().any(char::is_control) {
            return Err(ApiError::invalid_idempotency_key(
                "Idempotency-Key: must be 1 to 256 printable characters",
            ));
        }
        Ok(Self(key.to_owned()))
    }

    /// The name of the batch with this key.
    #[must_use]
    pub fn batch_id(&self) -> BatchId {
        BatchId::of(&self.0)
    }

    /// The key. It may hold personal data: not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(***)")
    }
}
