//! Settings of the function, and its connection to AWS and DNS.

use std::net::SocketAddr;

use aws::runtime::clients::{Clients, ConnectError};
use aws::runtime::settings::{self, IdentitySettings, KeySettings, SettingsError, TableSettings};
use aws::runtime::system::System;
use aws::ses::identities::SesIdentities;
use aws::storage::records::Table;
use domain::tenant::domains::Tls;
use hickory_resolver::net::NetError;

use crate::resolver::Resolver;
use crate::{DomainsFunction, Ports};

/// The adapters of AWS and DNS.
#[derive(Debug, Clone, Copy)]
pub struct Aws;

impl Ports for Aws {
    type Records = Table;
    type Identities = SesIdentities;
    type Dns = Resolver;
    type System = System;
}

/// Settings of a deployed function.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Table.
    pub table: TableSettings,
    /// Hash of the deployer's key.
    pub key: KeySettings,
    /// Identities in SES.
    pub identities: IdentitySettings,
    /// Region of the SES account.
    pub region: String,
    /// TLS of the deployment's configuration sets.
    pub tls: Tls,
    /// DNS server of a local stack.
    pub dns_server: Option<SocketAddr>,
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
            identities: read.identities(),
            region: read.region(),
            tls: read.tls(),
            dns_server: read.dns_server(),
        })
    }
}

/// Reason why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The AWS clients cannot be created.
    #[error(transparent)]
    Aws(#[from] ConnectError),
    /// The system's DNS configuration cannot be read.
    #[error("the DNS resolver could not be created")]
    Dns(#[from] NetError),
}

impl DomainsFunction<Aws> {
    /// Connects the function to AWS and DNS.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn connect(settings: &Settings) -> Result<Self, StartError> {
        let clients = Clients::connect()?;
        let records = Table::new(clients.dynamodb(), &settings.table);
        records.warm().await;
        Ok(Self {
            records,
            identities: SesIdentities::new(clients.ses_account(), &settings.identities),
            dns: Resolver::connect(settings.dns_server)?,
            system: System,
            region: settings.region.clone(),
            tls: settings.tls,
        })
    }
}
