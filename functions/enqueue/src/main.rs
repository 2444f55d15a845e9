//! Entry point of `enqueue`: settings, AWS clients, the runtime.

use aws::http::auth::Authenticator;
use aws::http::gateway;
use aws::runtime::clients::{Clients, Service};
use aws::runtime::settings;
use aws::runtime::system::System;
use aws::sqs::priority_queues::SqsPriorityQueues;
use aws::storage::bodies::BodyStore;
use aws::storage::records::Table;
use enqueue::queues::QueueCache;
use enqueue::quota::QuotaLeases;
use enqueue::{EnqueueFunction, EnqueueSettings, handler};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::runtime::telemetry::start();
    let (table, bucket, priority_queues, key, with) = settings::from_env(|read| {
        let (table, bucket, priority_queues, key) = (read.table(), read.bucket(), read.priority_queues(), read.key());
        let with = EnqueueSettings {
            guard: read.guard(),
            expires_after: read.expires(),
            retention: table.retention,
            prices: read.prices(),
        };
        (table, bucket, priority_queues, key, with)
    })?;
    let clients = Clients::connect()?;
    let records = Table::new(clients.dynamodb(), &table);
    let enqueue = EnqueueFunction {
        bodies: BodyStore::new(records.clone(), clients.s3(), &bucket),
        priority_queues: SqsPriorityQueues::new(&clients.sqs(), &priority_queues),
        records,
        system: System,
        with,
        queues: QueueCache::default(),
        quota_leases: QuotaLeases::default(),
    };
    futures::future::join(enqueue.records.warm(), clients.warm(&[Service::Sqs])).await;
    let authenticator = Authenticator::new(key);
    gateway::run(|request| handler::handle(&enqueue, &authenticator, request)).await
}
