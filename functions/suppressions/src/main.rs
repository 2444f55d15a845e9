//! Wires `suppressions`: settings, AWS clients, the runtime.

use aws::http::auth::Authenticator;
use aws::http::gateway;
use aws::runtime::clients::Clients;
use aws::runtime::settings;
use aws::runtime::system::System;
use aws::ses::account_list::SesAccountList;
use aws::storage::records::Table;
use lambda_runtime::Error;
use suppressions::{SuppressionsFunction, handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::runtime::telemetry::start();
    let (table, key, releases_complaints) =
        settings::from_env(|read| (read.table(), read.key(), read.releases_complaints()))?;
    let clients = Clients::connect()?;
    let records = Table::new(clients.dynamodb(), &table);
    records.warm().await;
    let function = SuppressionsFunction {
        records,
        system: System,
        account_list: SesAccountList::new(clients.ses_account()),
        releases_complaints,
    };
    let authenticator = Authenticator::new(key);
    gateway::run(|request| handler::handle(&function, &authenticator, request)).await
}
