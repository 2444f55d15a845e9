//! Settings of the function, and its connection to AWS.

use aws::cloudwatch::CloudWatch;
use aws::runtime::clients::{Clients, ConnectError};
use aws::runtime::settings::{self, KeySettings, SettingsError, TableSettings};
use aws::runtime::system::System;
use aws::ses::account::SesAccount;
use aws::storage::records::Table;
use domain::reporting::cost::Prices;

use crate::throttles::RecentThrottles;
use crate::{Ports, ReportsFunction};

/// The adapters of AWS.
#[derive(Debug, Clone, Copy)]
pub struct Aws;

impl Ports for Aws {
    type Records = Table;
    type Account = SesAccount;
    type Monitoring = CloudWatch;
    type System = System;
}

/// Settings of a deployed function.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Table.
    pub table: TableSettings,
    /// Hash of the deployer's key.
    pub key: KeySettings,
    /// Prices of SES.
    pub prices: Prices,
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
            prices: read.prices(),
        })
    }
}

impl ReportsFunction<Aws> {
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
            account: SesAccount::new(clients.ses(), 1.0),
            monitoring: CloudWatch::new(clients.cloudwatch(), &settings.table.table),
            throttles: RecentThrottles::default(),
            system: System,
            prices: settings.prices,
        })
    }
}
