//! Starts the fault proxy: reads the settings and serves until a signal ends it.
//!
//! **Role:** wiring only; [`fault_proxy`] decides.

use std::process::ExitCode;

use fault_proxy::settings::Settings;
use local_server::program;

#[tokio::main]
async fn main() -> ExitCode {
    let start = async { Ok(fault_proxy::bind(&Settings::from_env()?).await?) };
    program::run("fault proxy", "warn", start).await
}
