//! Settings of the function, and its connection to AWS.

use aws::runtime::clients::{Clients, ConnectError};
use aws::runtime::settings::{self, BucketSettings, KeySettings, PriorityQueueSettings, SettingsError, TableSettings};
use aws::runtime::system::System;
use aws::sqs::priority_queues::SqsPriorityQueues;
use aws::storage::bodies::BodyStore;
use aws::storage::records::Table;
use domain::queue::BINDS_AFTER;

use crate::{ManageFunction, ManageSettings, Ports};

/// The adapters of AWS.
#[derive(Debug, Clone, Copy)]
pub struct Aws;

impl Ports for Aws {
    type Records = Table;
    type Bodies = BodyStore;
    type PriorityQueues = SqsPriorityQueues;
    type System = System;
}

/// Settings of a deployed function.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Table.
    pub table: TableSettings,
    /// Bucket of contents.
    pub bucket: BucketSettings,
    /// Queues of send tasks.
    pub priority_queues: PriorityQueueSettings,
    /// Hash of the deployer's key.
    pub key: KeySettings,
    /// Settings of the use cases.
    pub function: ManageSettings,
}

impl Settings {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// Lists every missing or malformed setting.
    pub fn from_env() -> Result<Self, SettingsError> {
        settings::from_env(|read| {
            let table = read.table();
            let function = ManageSettings {
                policy: read.policy(),
                expires_after: read.expires(),
                retention: table.retention,
                region: read.region(),
                binds_after: BINDS_AFTER,
            };
            Self {
                table,
                bucket: read.bucket(),
                priority_queues: read.priority_queues(),
                key: read.key(),
                function,
            }
        })
    }
}

impl ManageFunction<Aws> {
    /// Connects the function to AWS.
    ///
    /// # Errors
    /// The settings of the AWS clients are incomplete.
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let clients = Clients::connect()?;
        let records = Table::new(clients.dynamodb(), &settings.table);
        records.warm().await;
        Ok(Self {
            bodies: BodyStore::new(records.clone(), clients.s3(), &settings.bucket),
            records,
            priority_queues: SqsPriorityQueues::new(&clients.sqs(), &settings.priority_queues),
            system: System,
            with: settings.function.clone(),
        })
    }
}
