//! Entry point of `dead_letter`: settings, AWS clients, the runtime.

use aws::runtime::clients::Clients;
use aws::runtime::settings;
use aws::runtime::system::System;
use aws::sqs::batch::time_left;
use aws::storage::records::Table;
use aws::storage::table::within;
use aws_lambda_events::sqs::SqsEvent;
use dead_letter::handler;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::runtime::telemetry::start();
    let table = settings::read(&settings::of_process(), |read| read.table())?;
    let clients = Clients::connect()?;
    let records = &Table::new(clients.dynamodb(), &table);
    records.warm().await;
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let time = time_left(event.context.deadline);
        let handled = within(time, handler::handle(records, &System, event.payload, time));
        handled.await.map_err(Error::from)
    }))
    .await
}
