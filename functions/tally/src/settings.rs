//! Settings of `tally`, and its ports in AWS.

use aws::runtime::clients::{Clients, ConnectError};
use aws::runtime::settings::{self, SettingsError, TableSettings};
use aws::runtime::system::System;
use aws::storage::records::Table;

use crate::TallyFunction;

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

impl TallyFunction<Table, System> {
    /// Connects to AWS, and opens the first connection.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let tally = Self {
            counters: Table::new(Clients::connect()?.dynamodb(), &settings.table),
            system: System,
        };
        tally.counters.warm().await;
        Ok(tally)
    }
}
