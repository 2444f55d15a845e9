//! Wires `manage`: settings, the world, the runtime.

use aws::bodies::BodyStore;
use aws::clients::Clients;
use aws::rows::Table;
use aws::system::System;
use aws::{gateway, settings};
use lambda_runtime::Error;
use manage::{Manage, handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::telemetry::start();
    let (table, bucket, key) = settings::read(&settings::of_process(), |read| {
        let (table, bucket, key) = (read.table(), read.bucket(), read.key());
        Some((table?, bucket?, key?))
    })?;
    let clients = Clients::connect()?;
    let rows = Table::new(clients.dynamodb(), &table);
    rows.warm().await;
    let bodies = BodyStore::new(rows.clone(), clients.s3(), &bucket);
    let manage = Manage {
        rows,
        bodies,
        system: System,
    };
    gateway::run(|request| handler::handle(&manage, &key, request)).await
}
