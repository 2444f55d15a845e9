//! Settings of `send`, and its ports in AWS.

use aws::runtime::clients::{Clients, ConnectError, Service};
use aws::runtime::settings::{self, BucketSettings, PriorityQueueSettings, SesSettings, SettingsError, TableSettings};
use aws::runtime::system::System;
use aws::ses::Ses;
use aws::sqs::priority_queues::{DeadLetterQueue, SqsPriorityQueues};
use aws::storage::bodies::BodyStore;
use aws::storage::records::Table;
use domain::delivery::policy::Policy;

use crate::queues::QueueCache;
use crate::rate_limiter::RateLimiter;
use crate::suppression_filter::Suppressed;
use crate::{Ports, SendFunction, SendSettings, memory};

/// Settings of the function.
#[derive(Debug, Clone)]
pub struct Settings {
    table: TableSettings,
    bucket: BucketSettings,
    priority_queues: PriorityQueueSettings,
    dead_letter_url: String,
    ses: SesSettings,
    policy: Policy,
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
            ses: read.ses(),
            policy: read.policy(),
        })
    }
}

/// The ports in AWS.
#[derive(Debug)]
pub struct Aws;

impl Ports for Aws {
    type Records = Table;
    type Bodies = BodyStore;
    type DeadLetters = DeadLetterQueue;
    type Provider = Ses;
    type System = System;
}

impl SendFunction<Aws> {
    /// Connects to AWS, and opens the first connections. Returns the function and the source of its messages.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(settings: &Settings) -> Result<(Self, SqsPriorityQueues), ConnectError> {
        let clients = Clients::connect()?;
        let (records, sqs) = (Table::new(clients.dynamodb(), &settings.table), clients.sqs());
        let send = Self {
            bodies: BodyStore::new(records.clone(), clients.s3(), &settings.bucket),
            dead_letters: DeadLetterQueue::new(&sqs, &settings.dead_letter_url),
            provider: Ses::new(clients.ses(), &settings.ses),
            records,
            system: System,
            with: SendSettings {
                policy: settings.policy.clone(),
                attempt_timeout: settings.ses.attempt_timeout,
            },
            memory: memory(),
            rate_limiter: RateLimiter::default(),
            known: QueueCache::default(),
            suppressed: Suppressed::default(),
        };
        futures::future::join(send.records.warm(), clients.warm(&[Service::Ses])).await;
        Ok((send, SqsPriorityQueues::new(&sqs, &settings.priority_queues)))
    }
}
