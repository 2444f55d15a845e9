//! Shows, adds and removes suppressed addresses.
//!
//! **Role:** answers `/suppressions` of the HTTP API. Only this function reads and changes the suppression list of the
//! SES account.
//! **Invariant:** a tenant never sees another tenant's suppressions.
//! **Map:** [`handler`] is HTTP, [`routes`] maps a path to a route, [`page`] reads a query, [`list`] does the work.
//! **Start reading at** [`handler::handle`]. Why a function of its own: docs/adr/0033.

pub mod handler;
pub mod list;
pub mod page;
pub mod routes;

use aws::http::endpoint::Failure;
use domain::api::error::ApiError;
use domain::ports::PortError;
use domain::ports::access::{Keys, Tenants};
use domain::ports::{AccountRates, Suppressions};

/// The items of the table that this function reads and writes.
pub trait Store: Suppressions + AccountRates + Keys + Tenants {}

impl<T: Suppressions + AccountRates + Keys + Tenants> Store for T {}

/// The function and its ports.
#[derive(Debug, Clone)]
pub struct SuppressionsFunction<R, S, A> {
    /// The table.
    pub records: R,
    /// The clock.
    pub system: S,
    /// The suppression list of the SES account.
    pub account_list: A,
    /// A release also removes an address from the account's list if its recipient complained.
    pub releases_complaints: bool,
}

/// Error of a request.
#[derive(Debug, thiserror::Error)]
pub enum SuppressionsError {
    /// The caller has to change the request.
    #[error("refused: {0}")]
    Refused(#[from] ApiError),
    /// A call to AWS failed. The caller may repeat the request.
    #[error("a suppression could not be read or written")]
    Port(#[from] PortError),
}

impl Failure for SuppressionsError {
    fn refusal(&self) -> Option<&ApiError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Port(_) => None,
        }
    }
}
