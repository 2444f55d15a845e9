//! Settings of the function.

use aws::runtime::settings::{self, SettingsError};

/// Settings of a deployed function.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// SHA-256 of each valid secret of a proxy in front of the API; empty without a proxy.
    pub origins: Vec<[u8; 32]>,
}

impl Settings {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// Lists every missing or malformed setting.
    pub fn from_env() -> Result<Self, SettingsError> {
        settings::from_env(|read| Self {
            origins: read.origins(),
        })
    }
}
