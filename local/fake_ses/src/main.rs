//! Starts the fake SES: reads the settings and serves until a signal ends it.
//!
//! **Role:** wiring only; [`fake_ses`] decides.

use std::process::ExitCode;

use fake_ses::settings::Settings;
use local_server::program;

#[tokio::main]
async fn main() -> ExitCode {
    let start = async { Ok(fake_ses::bind(Settings::from_env()?).await?) };
    program::run("fake SES", "warn,fake_ses=info", start).await
}
