//! Previews and codes of the console, under the hashes of their temporary tokens.

use super::failure::PortError;
use crate::id::KeyId;
use crate::tenant::console_code::ConsoleCode;
use crate::tenant::key::ApiKey;
use crate::tenant::temporary::{Preview, TokenHash};
use crate::timestamp::Timestamp;

/// The previews.
pub trait Previews: Sync {
    /// Stores a new preview.
    fn add_preview(&self, hash: TokenHash, preview: &Preview) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Reads a preview. One past its end counts as missing.
    fn preview(
        &self,
        hash: TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Preview>, PortError>> + Send;
}

/// The codes of the console.
pub trait ConsoleCodes: Sync {
    /// Stores a new code.
    fn add_code(&self, hash: TokenHash, code: &ConsoleCode) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Uses a code up for the key with this id, and returns it. `None` if there is no such code, if its end has come,
    /// or if it is used up for another key. Of several callers, exactly one gets the code.
    fn use_code(
        &self,
        hash: TokenHash,
        id: KeyId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<ConsoleCode>, PortError>> + Send;

    /// Stores a key of the console, which vanishes some time after its expiry.
    fn add_console_key(&self, key: &ApiKey) -> impl Future<Output = Result<(), PortError>> + Send;
}
