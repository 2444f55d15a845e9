//! Starts the fake DNS server: reads the settings and serves until a signal ends it.
//!
//! **Role:** wiring only; [`fake_dns`] decides.

use std::process::ExitCode;

use fake_dns::settings::Settings;
use local_server::program;

#[tokio::main]
async fn main() -> ExitCode {
    let start = async { Ok(fake_dns::bind(Settings::from_env()?).await?) };
    program::run("fake DNS", "warn", start).await
}
