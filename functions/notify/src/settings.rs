//! Settings of `notify`, and its ports in AWS.

use aws::runtime::clients::{Clients, ConnectError, Service};
use aws::runtime::settings::{self, BucketSettings, SettingsError, TableSettings};
use aws::runtime::system::System;
use aws::sqs::delivery_tasks::DeliveryQueue;
use aws::storage::bodies::BodyStore;
use aws::storage::records::Table;

use crate::{NotifyFunction, Ports};

/// Settings of the function.
#[derive(Debug, Clone)]
pub struct Settings {
    table: TableSettings,
    bucket: BucketSettings,
    hook_url: String,
    region: String,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// Some settings are missing or malformed.
    pub fn from_env() -> Result<Self, SettingsError> {
        settings::from_env(|read| Self {
            table: read.table(),
            bucket: read.bucket(),
            hook_url: read.hook_url(),
            region: read.region(),
        })
    }
}

/// The ports in AWS.
#[derive(Debug)]
pub struct Aws;

impl Ports for Aws {
    type Records = Table;
    type Bodies = BodyStore;
    type Tasks = DeliveryQueue;
    type System = System;
}

impl NotifyFunction<Aws> {
    /// Connects to AWS, and opens the first connections.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let clients = Clients::connect()?;
        let records = Table::new(clients.dynamodb(), &settings.table);
        let bodies = BodyStore::new(records.clone(), clients.s3(), &settings.bucket);
        let tasks = DeliveryQueue::new(&clients.sqs(), &settings.hook_url);
        let notify = Self::new(records, bodies, tasks, System, settings.region.clone());
        futures::future::join(notify.records.warm(), clients.warm(&[Service::Sqs])).await;
        Ok(notify)
    }
}
