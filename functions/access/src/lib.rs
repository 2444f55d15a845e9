//! API keys and tenants.
//!
//! **Role:** answers `/api-keys`, `/console-codes` and `/tenants` of the HTTP API. Only this function's IAM role may
//! create keys.
//! **Invariant:** a key has no more rights than its creator, and no tenant finds another tenant's key.
//! **Map:** [`routes`] is the route table, and [`settings`] connects the function to AWS. [`api_keys`] and
//! [`tenants`] do the work. [`console_codes`] gives the console a key for a one-time code. [`key_holds`] changes all
//! queues of a tenant, and [`deletion`] deletes a tenant.
//! **Start reading at** [`AccessFunction::ROUTES`](routes). Why a function of its own: docs/adr/0021.

pub mod api_keys;
pub mod console_codes;
pub mod deletion;
pub mod key_holds;
pub mod routes;
pub mod settings;
pub mod tenants;

use aws::http::answer::Failure;
use domain::api::error::ApiError;
use domain::ports::access::{Keys, Tenants, Work};
use domain::ports::temporary::ConsoleCodes;
use domain::ports::{AccountRates, Clock, Listing, PortError, Queues, Random};

/// Ports of the function.
pub trait Ports: 'static {
    /// Items of the table.
    type Records: Keys + Tenants + ConsoleCodes + Queues + AccountRates + Work + Listing;
    /// Clock and randomness.
    type System: Clock + Random;
}

/// A backend with all ports, as tests use it.
impl<T> Ports for T
where
    T: Keys + Tenants + ConsoleCodes + Queues + AccountRates + Work + Listing + Clock + Random + 'static,
{
    type Records = T;
    type System = T;
}

/// The function and its ports.
#[derive(Debug, Clone)]
pub struct AccessFunction<P: Ports> {
    /// Items of the table.
    pub records: P::Records,
    /// Clock and randomness.
    pub system: P::System,
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
}

impl Failure for AccessError {
    fn refusal(&self) -> Option<&ApiError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Port(_) => None,
        }
    }
}
