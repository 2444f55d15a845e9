//! Settings of the function, and its connection to AWS.

use aws::runtime::clients::{Clients, ConnectError};
use aws::runtime::settings::{self, KeySettings, SettingsError, TableSettings};
use aws::runtime::system::System;
use aws::ses::account_list::SesAccountList;
use aws::storage::records::Table;

use crate::{Ports, SuppressionsFunction};

/// The adapters of AWS.
#[derive(Debug, Clone, Copy)]
pub struct Aws;

impl Ports for Aws {
    type Records = Table;
    type System = System;
    type AccountList = SesAccountList;
}

/// Settings of a deployed function.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Table.
    pub table: TableSettings,
    /// Hash of the deployer's key.
    pub key: KeySettings,
    /// Whether removing a suppression also removes the address from the account's list after a complaint.
    pub releases_complaints: bool,
}

impl Settings {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// Lists every missing or malformed setting.
    pub fn from_env() -> Result<Self, SettingsError> {
        settings::from_env(|read| Self {
            table: read.table(),
            key: read.key(),
            releases_complaints: read.releases_complaints(),
        })
    }
}

impl SuppressionsFunction<Aws> {
    /// Connects the function to AWS.
    ///
    /// # Errors
    /// The settings of the AWS clients are incomplete.
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let clients = Clients::connect()?;
        let records = Table::new(clients.dynamodb(), &settings.table);
        records.warm().await;
        Ok(Self {
            records,
            system: System,
            account_list: SesAccountList::new(clients.ses_account()),
            releases_complaints: settings.releases_complaints,
        })
    }
}
