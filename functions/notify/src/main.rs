//! Entry point of `notify`.

use aws::runtime::{invocation, telemetry};
use lambda_runtime::Error;
use notify::settings::Settings;
use notify::{NotifyFunction, handler};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let settings = Settings::from_env()?;
    let notify = &NotifyFunction::connect(&settings).await?;
    invocation::run(|changes: Value, time| async move {
        Ok::<_, std::convert::Infallible>(handler::handle(notify, &changes, time).await)
    })
    .await
}
