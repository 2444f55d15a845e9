//! The start and the end of a program.

use std::error::Error;
use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::server::{Program, Server};

/// The reason why a program does not start, as a sentence for the person who starts it.
pub type Trouble = Box<dyn Error + Send + Sync>;

/// Serves until SIGTERM or SIGINT. `RUST_LOG` replaces the filter of the log.
pub async fn run<P: Program>(
    name: &str,
    log_filter: &str,
    start: impl Future<Output = Result<Server<P>, Trouble>>,
) -> ExitCode {
    tracing_subscriber::fmt()
        .json()
        .with_writer(io::stderr)
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(log_filter)))
        .init();
    match serve(name, start).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            // If standard error is closed, there is nowhere left to report.
            writeln!(io::stderr(), "{sentence}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn serve<P: Program>(name: &str, start: impl Future<Output = Result<Server<P>, Trouble>>) -> Result<(), Trouble> {
    let server = start.await?;
    writeln!(io::stdout(), "{name} listening on {}", server.url())
        .map_err(|error| format!("Cannot write to the standard output: {error}."))?;
    server.serve(termination()).await;
    Ok(())
}

/// Completes at SIGTERM or SIGINT.
async fn termination() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "signals cannot be handled; only SIGKILL ends this process");
            std::future::pending().await
        }
    }
}
