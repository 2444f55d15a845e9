//! Entry point of `feedback`.

use aws::runtime::{invocation, telemetry};
use feedback::settings::Settings;
use feedback::{FeedbackFunction, handler};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let settings = Settings::from_env()?;
    let feedback = FeedbackFunction::connect(&settings).await?;
    invocation::run(|batch, time| handler::handle(&feedback, batch, time)).await
}
