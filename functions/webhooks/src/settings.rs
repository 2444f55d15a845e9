//! Settings of the function, and its connection to AWS and DNS.

use std::net::SocketAddr;

use aws::runtime::clients::{Clients, ConnectError};
use aws::runtime::settings::{self, KeySettings, SettingsError, TableSettings};
use aws::runtime::system::System;
use aws::sqs::delivery_tasks::DeliveryQueue;
use aws::storage::records::Table;
use aws::storage::webhook_secrets::SecretTable;
use hickory_resolver::net::NetError;
use outgoing::Policy;
use outgoing::dns::SystemResolver;

use crate::{Ports, WebhooksFunction};

/// The adapters of AWS and DNS.
#[derive(Debug, Clone, Copy)]
pub struct Aws;

impl Ports for Aws {
    type Records = Table;
    type Endpoints = SecretTable;
    type Tasks = DeliveryQueue;
    type System = System;
    type Hosts = SystemResolver;
}

/// Settings of a deployed function.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Table.
    pub table: TableSettings,
    /// Name of the table of signing secrets.
    pub secret_table: String,
    /// Hash of the deployer's key.
    pub key: KeySettings,
    /// URL of the queue of deliveries.
    pub hook_url: String,
    /// The URLs that may be called.
    pub policy: Policy,
    /// KMS key of the signing secrets; `None`: the table's own encryption is enough.
    pub key_arn: Option<String>,
    /// Region of the SES account.
    pub region: String,
    /// DNS server of a local stack.
    pub dns_server: Option<SocketAddr>,
}

impl Settings {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// Every missing or malformed key.
    pub fn from_env() -> Result<Self, SettingsError> {
        settings::from_env(|read| Self {
            table: read.table(),
            secret_table: read.secret_table(),
            key: read.key(),
            hook_url: read.hook_url(),
            policy: read.webhook_targets(),
            key_arn: read.webhook_key_arn(),
            region: read.region(),
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

impl WebhooksFunction<Aws> {
    /// Connects the function to AWS and DNS.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn connect(settings: &Settings) -> Result<Self, StartError> {
        let clients = Clients::connect()?;
        let records = Table::new(clients.dynamodb(), &settings.table);
        records.warm().await;
        Ok(Self {
            endpoints: SecretTable::new(
                records.clone(),
                &settings.secret_table,
                clients.kms(),
                settings.key_arn.clone(),
            ),
            records,
            tasks: DeliveryQueue::new(&clients.sqs(), &settings.hook_url),
            system: System,
            hosts: SystemResolver::connect(settings.dns_server)?,
            policy: settings.policy,
            region: settings.region.clone(),
        })
    }
}
