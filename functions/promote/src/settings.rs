//! Settings of `promote`, and its ports in AWS.

use std::time::Duration;

use aws::runtime::clients::{Clients, ConnectError, Service};
use aws::runtime::settings::{
    self, BucketSettings, IdentitySettings, PriorityQueueSettings, SettingsError, TableSettings,
};
use aws::runtime::system::System;
use aws::ses::account::SesAccount;
use aws::ses::identities::SesIdentities;
use aws::sqs::delivery_tasks::DeliveryQueue;
use aws::sqs::priority_queues::{DeadLetterQueue, SqsPriorityQueues};
use aws::storage::bodies::BodyStore;
use aws::storage::evidence::EvidenceQueue;
use aws::storage::records::Table;
use domain::delivery::policy::Policy;
use domain::delivery::priority_queue::MOST_MESSAGES;

use crate::{Ports, PromoteFunction};

/// Settings of the function.
#[derive(Debug, Clone)]
pub struct Settings {
    table: TableSettings,
    bucket: BucketSettings,
    priority_queues: PriorityQueueSettings,
    dead_letter_url: String,
    hook_url: String,
    feedback_url: String,
    rate_share: f64,
    identities: IdentitySettings,
    policy: Policy,
    expires_after: Duration,
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
            priority_queues: read.priority_queues(),
            dead_letter_url: read.dead_letter_url(),
            hook_url: read.hook_url(),
            feedback_url: read.feedback_url(),
            rate_share: read.rate_share(),
            identities: read.identities(),
            policy: read.policy(),
            expires_after: read.expires(),
        })
    }
}

/// The ports in AWS.
#[derive(Debug)]
pub struct Aws;

impl Ports for Aws {
    type Records = Table;
    type Bodies = BodyStore;
    type PriorityQueues = SqsPriorityQueues;
    type DeadLetters = DeadLetterQueue;
    type DeliveryTasks = DeliveryQueue;
    type Evidence = EvidenceQueue;
    type Account = SesAccount;
    type Identities = SesIdentities;
    type System = System;
}

impl PromoteFunction<Aws> {
    /// Connects to AWS, and opens the first connections.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let clients = Clients::connect()?;
        let (records, sqs) = (Table::new(clients.dynamodb(), &settings.table), clients.sqs());
        let promote = Self {
            priority_queues: SqsPriorityQueues::new(&sqs, &settings.priority_queues),
            dead_letters: DeadLetterQueue::new(&sqs, &settings.dead_letter_url),
            delivery_tasks: DeliveryQueue::new(&sqs, &settings.hook_url),
            evidence: EvidenceQueue::new(&sqs, &settings.feedback_url, records.clone()),
            account: SesAccount::new(clients.ses(), settings.rate_share),
            identities: SesIdentities::new(clients.ses_account(), &settings.identities),
            bodies: BodyStore::new(records.clone(), clients.s3(), &settings.bucket),
            records,
            system: System,
            policy: settings.policy.clone(),
            expires_after: settings.expires_after,
            retention: settings.table.retention,
            most_messages: MOST_MESSAGES,
        };
        futures::future::join(promote.records.warm(), clients.warm(&[Service::Sqs])).await;
        Ok(promote)
    }
}
