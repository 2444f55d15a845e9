//! Settings of `feedback`, and its ports in AWS.

use std::sync::Mutex;

use aws::runtime::clients::{Clients, ConnectError};
use aws::runtime::settings::{self, SettingsError, TableSettings};
use aws::runtime::system::System;
use aws::storage::records::Table;

use crate::{FeedbackFunction, Ports};

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

/// The ports in AWS.
#[derive(Debug)]
pub struct Aws;

impl Ports for Aws {
    type Records = Table;
    type System = System;
}

impl FeedbackFunction<Aws> {
    /// Connects to AWS, and opens the first connection.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let feedback = Self {
            records: Table::new(Clients::connect()?.dynamodb(), &settings.table),
            system: System,
            progress_stored_at: Mutex::default(),
        };
        feedback.records.warm().await;
        Ok(feedback)
    }
}
