//! Entry point of `console`: settings and the runtime.

use std::future::ready;

use aws::http::gateway;
use console::ConsoleFunction;
use console::settings::Settings;
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::runtime::telemetry::start();
    let function = ConsoleFunction::new(Settings::from_env()?);
    gateway::run(|request| ready(function.handle(&request))).await
}
