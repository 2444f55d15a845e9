//! Settings of `deliver`, and its ports in AWS and on the internet.

use std::error::Error;
use std::net::SocketAddr;

use aws::runtime::clients::{Clients, ConnectError, Service};
use aws::runtime::settings::{self, SettingsError, TableSettings};
use aws::runtime::system::System;
use aws::sqs::delivery_tasks::DeliveryQueue;
use aws::storage::records::Table;
use aws::storage::webhook_secrets::SecretTable;
use outgoing::dns::SystemResolver;
use outgoing::{Caller, Policy};

use crate::calls::GuardedCalls;
use crate::{DeliverFunction, Ports, permits_of};

/// Settings of the function.
#[derive(Debug, Clone)]
pub struct Settings {
    table: TableSettings,
    secret_table: String,
    hook_url: String,
    concurrency: usize,
    targets: Policy,
    key_arn: Option<String>,
    dns_server: Option<SocketAddr>,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// Some settings are missing or malformed.
    pub fn from_env() -> Result<Self, SettingsError> {
        settings::from_env(|read| Self {
            table: read.table(),
            secret_table: read.secret_table(),
            hook_url: read.hook_url(),
            concurrency: read.deliver_concurrency(),
            targets: read.webhook_targets(),
            key_arn: read.webhook_key_arn(),
            dns_server: read.dns_server(),
        })
    }
}

/// The ports in AWS, and the guarded client.
#[derive(Debug)]
pub struct Aws;

impl Ports for Aws {
    type Endpoints = SecretTable;
    type Events = Table;
    type Tasks = DeliveryQueue;
    type Calls = GuardedCalls;
    type System = System;
}

/// Reason why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The AWS clients cannot be created.
    #[error(transparent)]
    Aws(#[from] ConnectError),
    /// The system's DNS configuration cannot be read, or TLS cannot be set up.
    #[error("the client of outgoing calls could not be created")]
    Calls(#[source] Box<dyn Error + Send + Sync>),
}

impl DeliverFunction<Aws> {
    /// Connects to AWS, and opens the first connections. Returns the function and the source of its messages.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn connect(settings: &Settings) -> Result<(Self, DeliveryQueue), StartError> {
        let clients = Clients::connect()?;
        let table = Table::new(clients.dynamodb(), &settings.table);
        let queue = DeliveryQueue::new(&clients.sqs(), &settings.hook_url);
        let resolver = SystemResolver::connect(settings.dns_server).map_err(|error| StartError::Calls(error.into()))?;
        let caller = Caller::new(resolver).map_err(|error| StartError::Calls(error.into()))?;
        let deliver = Self {
            endpoints: SecretTable::new(
                table.clone(),
                &settings.secret_table,
                clients.kms(),
                settings.key_arn.clone(),
            ),
            events: table,
            tasks: queue.clone(),
            calls: GuardedCalls::new(caller, settings.targets),
            system: System,
            permits: permits_of(settings.concurrency),
        };
        futures::future::join(deliver.events.warm(), clients.warm(&[Service::Sqs])).await;
        Ok((deliver, queue))
    }
}
