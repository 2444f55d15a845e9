//! Starts the fake SES: reads the settings and serves until a signal ends it.
//!
//! **Role:** wiring only; [`fake_ses`] decides.

use std::io::{self, Write};
use std::process::ExitCode;

use fake_ses::settings::Settings;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .json()
        .with_writer(io::stderr)
        .with_env_filter(fake_ses::log_filter())
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
    let server = fake_ses::bind(settings).await.map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "fake SES listening on {}", server.url())
        .map_err(|error| format!("Cannot write to the standard output: {error}."))?;
    server.serve(fake_ses::server::termination()).await;
    Ok(())
}
