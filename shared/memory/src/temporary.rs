//! Previews and codes of the console over [`State`](crate::State).

use domain::id::KeyId;
use domain::ports::PortError;
use domain::ports::temporary::{ConsoleCodes, Previews};
use domain::tenant::console_code::ConsoleCode;
use domain::tenant::key::ApiKey;
use domain::tenant::temporary::{Preview, TokenHash};
use domain::timestamp::Timestamp;

use crate::{Call, MemoryBackend};

impl Previews for MemoryBackend {
    async fn add_preview(&self, hash: TokenHash, preview: &Preview) -> Result<(), PortError> {
        let preview = preview.clone();
        self.call(Call::writes("add_preview", None), move |state| {
            state.previews.insert(hash, preview.clone());
        })
        .await
    }

    async fn preview(&self, hash: TokenHash, now: Timestamp) -> Result<Option<Preview>, PortError> {
        self.call(Call::reads("preview", None), move |state| {
            let preview = state.previews.get(&hash);
            preview.filter(|preview| preview.is_valid(now)).cloned()
        })
        .await
    }
}

impl ConsoleCodes for MemoryBackend {
    async fn add_code(&self, hash: TokenHash, code: &ConsoleCode) -> Result<(), PortError> {
        let code = code.clone();
        self.call(Call::writes("add_code", None), move |state| {
            state.console_codes.insert(hash, (code.clone(), None));
        })
        .await
    }

    async fn use_code(&self, hash: TokenHash, id: KeyId, now: Timestamp) -> Result<Option<ConsoleCode>, PortError> {
        self.call(Call::writes("use_code", None), move |state| {
            let (code, used_by) = state.console_codes.get_mut(&hash)?;
            if !code.is_valid(now) || used_by.is_some_and(|by| by != id) {
                return None;
            }
            *used_by = Some(id);
            Some(code.clone())
        })
        .await
    }

    async fn add_console_key(&self, key: &ApiKey) -> Result<(), PortError> {
        let key = key.clone();
        self.call(Call::writes("add_console_key", None), move |state| {
            state.keys.insert(key.id, key.clone());
        })
        .await
    }
}
