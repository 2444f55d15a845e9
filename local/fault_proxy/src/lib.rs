//! A proxy in front of the local stack's AWS that makes calls fail and records every call.
//!
//! **Role:** local stack and tests only; nothing of it is ever deployed. A client that uses its address in place of
//! AWS's gets the faults that `PUT /_fault_proxy/faults` sets.
//! **Invariant:** without faults a call and its answer pass unchanged. A forwarded call always takes full effect,
//! even if its caller is gone: as at AWS.
//!
//! | Module | Owns |
//! |---|---|
//! | [`settings`] | the environment, read once |
//! | [`proxy`] | the path of a call: its faults, the time of its effect, its answer |
//! | [`plan`] | the choice of faults for a call |
//! | [`call`] | the facts of a call: service, operation, emails |
//! | [`need`] | the permissions that a call needs |
//! | [`caller`], [`inode`] | the caller: the process at the other end of the connection |
//! | [`form`], [`expression`], [`schema`] | malformed requests that AWS refuses and the emulator does not |
//! | [`refusal`], [`partial`] | errors in the words of the services |
//! | [`record`] | open calls, the latest ended calls, the counters, the log |
//! | [`control`] | the routes for tests |
//!
//! **Start reading at** [`proxy`].

pub mod call;
pub mod caller;
pub mod control;
pub mod expression;
pub mod form;
pub mod inode;
pub mod need;
pub mod partial;
pub mod plan;
pub mod proxy;
pub mod record;
pub mod refusal;
pub mod schema;
pub mod settings;

use std::fs::File;
use std::io;
use std::path::PathBuf;

use local_server::server::{ListenError, Listener, Server};
use thiserror::Error;

use proxy::{FaultProxy, Proxy};
use record::Record;
use settings::Settings;

/// The reason for which the proxy cannot start.
#[derive(Debug, Error)]
pub enum BindError {
    /// The port cannot be bound.
    #[error(transparent)]
    Port(#[from] ListenError),
    /// The log cannot be written.
    #[error("Cannot write the log {path}: {source}.")]
    Log {
        /// The path of the log.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// No HTTP client could be created, so that no call can be forwarded.
    #[error("No HTTP client can be made: {0}.")]
    Http(#[from] reqwest::Error),
}

/// Binds the port; [`Server::serve`] answers the first request.
///
/// # Errors
/// [`BindError`] when the port, the log or an HTTP client is not available.
pub async fn bind(settings: &Settings) -> Result<Server<FaultProxy>, BindError> {
    let listener = Listener::bind(settings.port, settings::PORT).await?;
    let log = settings.log.as_ref().map(|path| {
        File::create(path).map_err(|source| BindError::Log {
            path: path.clone(),
            source,
        })
    });
    let record = Record::new(log.transpose()?);
    Ok(Server::new(listener, FaultProxy::new(Proxy::new(settings, record)?)))
}
