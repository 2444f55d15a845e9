//! Starts the fault proxy: reads the settings and serves until a signal ends it.
//!
//! **Role:** wiring only; [`fault_proxy`] decides.

use std::io::{self, Write};
use std::process::ExitCode;

use fault_proxy::settings::Settings;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .json()
        .with_writer(io::stderr)
        .with_env_filter(filter)
        .init();
    match start().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            // If standard error is closed, there is nowhere left to report.
            writeln!(io::stderr(), "{sentence}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn start() -> Result<(), String> {
    let settings = Settings::from_env().map_err(|error| error.to_string())?;
    let server = fault_proxy::bind(&settings).await.map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "fault proxy listening on {}", server.url())
        .map_err(|error| format!("Cannot write to the standard output: {error}."))?;
    server.serve(fault_proxy::server::termination()).await;
    Ok(())
}
