//! Entry point of `manage`: settings, AWS clients, the runtime.

use aws::http::auth::Authenticator;
use aws::http::gateway;
use aws::runtime::clients::Clients;
use aws::runtime::settings;
use aws::runtime::system::System;
use aws::sqs::priority_queues::SqsPriorityQueues;
use aws::storage::bodies::BodyStore;
use aws::storage::records::Table;
use domain::queue::BINDS_AFTER;
use lambda_runtime::Error;
use manage::{ManageFunction, ManageSettings, handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::runtime::telemetry::start();
    let (table, bucket, priority_queues, key, with) = settings::from_env(|read| {
        let (table, bucket, priority_queues, key) = (read.table(), read.bucket(), read.priority_queues(), read.key());
        let with = ManageSettings {
            policy: read.policy(),
            expires_after: read.expires(),
            retention: table.retention,
            prices: read.prices(),
            binds_after: BINDS_AFTER,
        };
        (table, bucket, priority_queues, key, with)
    })?;
    let clients = Clients::connect()?;
    let records = Table::new(clients.dynamodb(), &table);
    records.warm().await;
    let bodies = BodyStore::new(records.clone(), clients.s3(), &bucket);
    let manage = ManageFunction {
        records,
        bodies,
        priority_queues: SqsPriorityQueues::new(&clients.sqs(), &priority_queues),
        system: System,
        with,
    };
    let authenticator = Authenticator::new(key);
    gateway::run(|request| handler::handle(&manage, &authenticator, request)).await
}
