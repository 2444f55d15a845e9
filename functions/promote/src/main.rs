//! Entry point of `promote`.

use aws::runtime::{invocation, telemetry};
use lambda_runtime::Error;
use promote::settings::Settings;
use promote::{PromoteFunction, handler};
use serde::de::IgnoredAny;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let settings = Settings::from_env()?;
    let promote = PromoteFunction::connect(&settings).await?;
    invocation::run(|_: IgnoredAny, time| handler::handle(&promote, time)).await
}
