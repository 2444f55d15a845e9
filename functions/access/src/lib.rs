//! API keys and tenants.
//!
//! **Role:** answers `/api-keys` and `/tenants` of the HTTP API. Only this function's role may create keys.
//! **Invariant:** a key has no more rights than its creator, and no tenant finds another tenant's key.
//! **Map:** [`handler`] is HTTP, and [`routes`] maps a path to a route and its kind of key. [`api_keys`] and
//! [`tenants`] do the work. [`key_holds`] changes all queues of a tenant, and [`deletion`] deletes a tenant.
//! **Start reading at** [`handler::handle`]. Why a function of its own: docs/adr/0021.

pub mod api_keys;
pub mod deletion;
pub mod handler;
pub mod key_holds;
pub mod routes;
pub mod tenants;

use aws::http::endpoint::Failure;
use domain::api::error::ApiError;
use domain::ports::access::{Keys, Tenants, Work};
use domain::ports::{AccountRates, Listing, PortError, Queues};

/// The items of the table that this function reads and writes.
pub trait Store: Keys + Tenants + Queues + AccountRates + Work + Listing {}

impl<T: Keys + Tenants + Queues + AccountRates + Work + Listing> Store for T {}

/// The function and its ports.
#[derive(Debug, Clone)]
pub struct AccessFunction<R, S> {
    /// Keys and tenants.
    pub records: R,
    /// Clock and randomness.
    pub system: S,
}

/// Error of a request.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The caller has to change the request.
    #[error("refused: {0}")]
    Refused(#[from] ApiError),
    /// A backend call failed: the caller may repeat the request.
    #[error("a key or a tenant could not be read or written")]
    Port(#[from] PortError),
    /// The tenant has too many concurrent writers: the caller may repeat the request.
    #[error("a tenant could not be written because of concurrent changes")]
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
