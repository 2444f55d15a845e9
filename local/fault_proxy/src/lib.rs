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
//! | [`server`] | sockets: accepting, closing without an answer, shutting down |
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
pub mod server;
pub mod settings;

use server::{BindError, Server};
use settings::Settings;

/// Binds the port; [`Server::serve`] answers the first request.
///
/// # Errors
/// [`BindError`] when the port, the log or an HTTP client is not available.
pub async fn bind(settings: &Settings) -> Result<Server, BindError> {
    let listener = server::listen(settings.port).await?;
    Server::new(listener, settings)
}
