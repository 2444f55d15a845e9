//! Entry point of `tally`.

use aws::runtime::{invocation, telemetry};
use lambda_runtime::Error;
use serde_json::Value;
use tally::settings::Settings;
use tally::{TallyFunction, handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let settings = Settings::from_env()?;
    let tally = &TallyFunction::connect(&settings).await?;
    invocation::run(|changes: Value, time| async move { handler::handle(tally, &changes, time).await }).await
}
