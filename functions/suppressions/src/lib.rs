//! Shows, adds and removes suppressed addresses.
//!
//! **Role:** answers `/suppressions` of the HTTP API. Only this function reads and changes the suppression list of the
//! SES account.
//! **Invariant:** a tenant never sees another tenant's suppressions.
//! **Map:** [`routes`] is the route table, [`page`] reads a query, and [`list`] does the work. [`settings`] connects the
//! function to AWS.
//! **Start reading at** [`SuppressionsFunction::ROUTES`](routes). Why a function of its own: docs/adr/0033.

pub mod list;
pub mod page;
pub mod routes;
pub mod settings;

use aws::http::answer::Failure;
use domain::api::error::ApiError;
use domain::ports::PortError;
use domain::ports::access::{Keys, Tenants};
use domain::ports::webhooks::WebhookFlags;
use domain::ports::{AccountList, AccountRates, Clock, Suppressions};

/// Ports of the function.
pub trait Ports: 'static {
    /// Items of the table.
    type Records: Suppressions + AccountRates + Keys + Tenants + WebhookFlags;
    /// Clock.
    type System: Clock;
    /// Suppression list of the SES account.
    type AccountList: AccountList;
}

/// A backend with all ports, as tests use it.
impl<T> Ports for T
where
    T: Suppressions + AccountRates + Keys + Tenants + WebhookFlags + Clock + AccountList + 'static,
{
    type Records = T;
    type System = T;
    type AccountList = T;
}

/// The function and its ports.
#[derive(Debug, Clone)]
pub struct SuppressionsFunction<P: Ports> {
    /// Items of the table.
    pub records: P::Records,
    /// Clock.
    pub system: P::System,
    /// Suppression list of the SES account.
    pub account_list: P::AccountList,
    /// Whether removing a suppression also removes the address from the account's list after a complaint.
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
