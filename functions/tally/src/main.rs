//! Entry point of `tally`: settings, AWS clients, the runtime.

use aws::runtime::clients::Clients;
use aws::runtime::settings;
use aws::runtime::system::System;
use aws::sqs::batch::time_left;
use aws::storage::records::Table;
use aws::storage::table::within;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use tally::{TallyFunction, handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::runtime::telemetry::start();
    let table = settings::read(&settings::of_process(), |read| read.table())?;
    let clients = Clients::connect()?;
    let tally = &TallyFunction {
        counters: Table::new(clients.dynamodb(), &table),
        system: System,
    };
    tally.counters.warm().await;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let time = time_left(event.context.deadline);
        let handled = within(time, handler::handle(tally, &event.payload, time));
        handled.await.map_err(Error::from)
    }))
    .await
}
