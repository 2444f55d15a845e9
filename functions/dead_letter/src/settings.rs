//! Settings of `dead_letter`, and its ports in AWS.

use aws::runtime::clients::{Clients, ConnectError};
use aws::runtime::settings::{self, SettingsError, TableSettings};
use aws::storage::records::Table;

/// Settings of the function.
#[derive(Debug, Clone)]
pub struct Settings {
    table: TableSettings,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// Some settings are missing or malformed.
    pub fn from_env() -> Result<Self, SettingsError> {
        settings::from_env(|read| Self { table: read.table() })
    }
}

/// Connects to AWS, and opens the first connection.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect(settings: &Settings) -> Result<Table, ConnectError> {
    let records = Table::new(Clients::connect()?.dynamodb(), &settings.table);
    records.warm().await;
    Ok(records)
}
