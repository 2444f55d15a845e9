//! A local DNS server for tests: it answers from the records that a test sets, and fails on demand.
//!
//! **Role:** local stack and tests only; nothing of it is ever deployed. It plays the resolver of a function, and the
//! Internet for the fake SES.
//! **Invariant:** it listens on 127.0.0.1 only, and asks no other server.
//!
//! | Module | Owns |
//! |---|---|
//! | [`settings`] | the environment, read once |
//! | [`zone`] | the records: pure, with the rules of a real zone |
//! | [`faults`] | faults on demand: pure |
//! | [`answer`] | the response to a query: pure |
//! | [`sockets`] | UDP and TCP |
//! | [`control`] | the shared state, and the HTTP routes for tests |
//! | [`lookup`] | a client for the fake SES and for tests |
//!
//! **Start reading at** [`answer`].

pub mod answer;
pub mod control;
pub mod faults;
pub mod lookup;
pub mod settings;
pub mod sockets;
pub mod zone;

use std::io;
use std::sync::Arc;

use local_server::server::{ListenError, Listener, Server};
use thiserror::Error;

use control::{FakeDns, State};
use settings::Settings;

/// The reason for which the server cannot start.
#[derive(Debug, Error)]
pub enum BindError {
    /// The control port cannot be bound.
    #[error(transparent)]
    Control(#[from] ListenError),
    /// The port for queries cannot be bound.
    #[error("Cannot listen for DNS queries on port {port} of 127.0.0.1: {source}; set FAKE_DNS_PORT to another one.")]
    Dns {
        /// The requested port.
        port: u16,
        /// The error of the system.
        source: io::Error,
    },
}

/// Binds both ports and answers queries; [`Server::serve`] answers the first request of the control.
///
/// # Errors
/// [`BindError`] when a port cannot be bound.
pub async fn bind(settings: Settings) -> Result<Server<FakeDns>, BindError> {
    let listener = Listener::bind(settings.control_port, settings::CONTROL_PORT).await?;
    let sockets = sockets::bind(settings.dns_port)
        .await
        .map_err(|source| BindError::Dns {
            port: settings.dns_port,
            source,
        })?;
    let state = Arc::new(State::new(sockets.address()));
    let answering = sockets.answer(Arc::clone(&state));
    Ok(Server::new(listener, FakeDns::new(state, answering)))
}
