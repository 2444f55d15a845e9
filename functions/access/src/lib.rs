//! Says who may do what: API keys, and the tenants that they belong to.
//!
//! **Role:** behind `/api-keys` and `/tenants` of the HTTP API; the only function whose role lets it make a key.
//! **Invariant:** a key can do no more than the one that made it, and nobody finds another tenant's.
//! **Map:** [`handler`] is HTTP, [`routes`] says what a path means and which key it takes; [`api_keys`] and
//! [`tenants`] do what is asked; [`marking`] marks the queues of a tenant, [`deleting`] ends a tenant.
//! **Start reading at** [`handler::handle`]. Why a function of its own: docs/adr/0021.

pub mod api_keys;
pub mod deletion;
pub mod handler;
pub mod key_holds;
pub mod routes;
pub mod tenants;

use aws::endpoint::Failure;
use domain::api_error::ApiError;
use domain::ports::access::{Keys, Tenants, Work};
use domain::ports::{AccountRates, Listing, PortError, Queues};

/// The items of the table that this function reads and writes.
pub trait Store: Keys + Tenants + Queues + AccountRates + Work + Listing {}

impl<T: Keys + Tenants + Queues + AccountRates + Work + Listing> Store for T {}

/// Answers with its ports.
#[derive(Debug, Clone)]
pub struct AccessFunction<R, S> {
    /// The keys and the tenants.
    pub records: R,
    /// The clock, and chance.
    pub system: S,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The caller has to change something.
    #[error("refused: {0}")]
    Refused(#[from] ApiError),
    /// The backend failed: the caller may ask again.
    #[error("a key or a tenant could not be read or written")]
    Port(#[from] PortError),
    /// Too much happens to a tenant at once: the caller may ask again.
    #[error("a tenant could not be written: others change it at this moment")]
    Busy,
}

impl Failure for AccessError {
    fn refusal(&self) -> Option<&ApiError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Port(_) | Self::Busy => None,
        }
    }
}
