//! Entry point of `deliver`.

use aws::runtime::{invocation, telemetry};
use deliver::settings::Settings;
use deliver::{DeliverFunction, handler};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let settings = Settings::from_env()?;
    let (deliver, queue) = DeliverFunction::connect(&settings).await?;
    invocation::run(|batch, time| handler::handle(&deliver, &queue, batch, time)).await
}
