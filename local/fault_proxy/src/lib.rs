//! A proxy before the local stack's AWS that makes calls fail, and remembers every one.
//!
//! **Role:** local stack and tests only; nothing of it is ever deployed. Whoever is given its
//! address in the place of AWS's is struck by what is put to it with `PUT /_fault_proxy/faults`.
//! **Invariant:** without faults a call and its answer pass unchanged, and a call that was passed on
//! takes effect to its end, also when its caller is gone: as at AWS.
//!
//! | Module | Owns |
//! |---|---|
//! | [`settings`] | the environment, read once |
//! | [`server`] | sockets: accepting, closing without an answer, ending |
//! | [`proxy`] | a call's way: what strikes it, when it takes effect, what is answered |
//! | [`plan`] | which fault strikes which call |
//! | [`call`] | what is called: service, operation, which emails |
//! | [`need`] | what a caller must be allowed to do for it |
//! | [`caller`], [`inode`] | who calls: the process at the other end of the connection |
//! | [`form`], [`expression`], [`schema`] | requests that AWS refuses for their form, and the emulator does not |
//! | [`refusal`], [`partial`] | errors as the services word them |
//! | [`record`] | the calls under way, the latest ones, the counters, the log |
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

/// Takes the port; nothing is answered before [`Server::serve`].
///
/// # Errors
/// [`BindError`] when the port, the record or an HTTP client cannot be had.
pub async fn bind(settings: &Settings) -> Result<Server, BindError> {
    let listener = server::listen(settings.port).await?;
    Server::new(listener, settings)
}
