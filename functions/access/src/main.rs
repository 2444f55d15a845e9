//! Entry point of `access`: settings, AWS clients, the runtime.

use access::{AccessFunction, handler};
use aws::http::auth::Authenticator;
use aws::http::gateway;
use aws::runtime::clients::Clients;
use aws::runtime::settings;
use aws::runtime::system::System;
use aws::storage::records::Table;
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::runtime::telemetry::start();
    let (table, key) = settings::from_env(|read| (read.table(), read.key()))?;
    let clients = Clients::connect()?;
    let records = Table::new(clients.dynamodb(), &table);
    records.warm().await;
    let access = AccessFunction {
        records,
        system: System,
    };
    let authenticator = Authenticator::new(key);
    gateway::run(|request| handler::handle(&access, &authenticator, request)).await
}
