//! Entry point of `send`.

use aws::runtime::{invocation, telemetry};
use lambda_runtime::Error;
use send::settings::Settings;
use send::{SendFunction, handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let settings = Settings::from_env()?;
    let (send, priority_queues) = SendFunction::connect(&settings).await?;
    invocation::run(|batch, time| handler::handle(&send, &priority_queues, batch, time)).await
}
