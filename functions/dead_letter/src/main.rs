//! Entry point of `dead_letter`.

use aws::runtime::system::System;
use aws::runtime::{invocation, telemetry};
use dead_letter::handler;
use dead_letter::settings::{Settings, connect};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let settings = Settings::from_env()?;
    let records = connect(&settings).await?;
    invocation::run(|batch, time| handler::handle(&records, &System, batch, time)).await
}
