//! Starts the fault run: reads the settings, runs, and reports the verdict.
//!
//! **Role:** wiring only; [`chaos`] decides.

use std::io::{self, Write};
use std::process::ExitCode;

use chaos::settings::Settings;

#[tokio::main]
async fn main() -> ExitCode {
    let settings = match Settings::read(&aws::runtime::settings::of_process()) {
        Ok(settings) => settings,
        Err(trouble) => return failed(&trouble.to_string()),
    };
    match chaos::run::run(&settings, &mut io::stdout()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(trouble) => failed(&trouble.to_string()),
    }
}

fn failed(sentence: &str) -> ExitCode {
    // If standard error is closed, there is nowhere left to report.
    writeln!(io::stderr(), "{sentence}").ok();
    ExitCode::FAILURE
}
