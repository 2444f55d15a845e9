//! Answers queries and commands about emails, queues and statistics, and every unknown path.
//!
//! **Role:** answers every route of the HTTP API except acceptance (`enqueue`), suppressions (`suppressions`),
//! and keys and tenants (`access`).
//! **Invariant:** without a key only `GET /openapi.json` answers, which tells nothing about a deployment. No
//! tenant finds another tenant's email.
//! **Map:** [`handler`] is HTTP, [`paths`] maps a path to a route, and [`routes`] names its permission.
//! [`paging`] reads a query, [`filters`] its conditions ([`search`] applies them), and [`period`] its time.
//! [`emails`] shows emails, and [`events`] their history.
//! [`commands`] carries out commands on one email, [`by_key`] on all emails of an API key, and [`erasure`] erases
//! an email.
//! [`metrics`] and [`failures`] are statistics, and [`queues`] are the named queues.
//! [`operator`] serves the deployer, who acts for a tenant and reads no content.
//! **Start reading at** [`handler::handle`].

pub mod attachments;
pub mod by_key;
pub mod commands;
pub mod emails;
pub mod erasure;
pub mod events;
pub mod failures;
pub mod filters;
pub mod handler;
pub mod metrics;
pub mod operator;
pub mod paging;
pub mod paths;
pub mod period;
pub mod queues;
pub mod routes;
pub mod search;

use std::time::Duration;

use aws::http::auth::Denied;
use aws::http::endpoint::Failure;
use domain::api::error::ApiError;
use domain::delivery::policy::Policy;
use domain::ports::access::{Keys, Tenants, Work};
use domain::ports::erasure::Tombstones;
use domain::ports::rate_limits::RateLimits;
use domain::ports::{AccountRates, Batches, Counts, EmailRecords, Jobs, Listing, PortError, Queues};
use domain::reporting::cost::Prices;
use workflow::apply::ApplyError;

/// The items of the table that this function reads and writes.
pub trait Store:
    EmailRecords
    + RateLimits
    + Batches
    + Tombstones
    + Listing
    + Counts
    + Queues
    + Jobs
    + AccountRates
    + Keys
    + Tenants
    + Work
{
}

impl<T> Store for T where
    T: EmailRecords
        + RateLimits
        + Batches
        + Tombstones
        + Listing
        + Counts
        + Queues
        + Jobs
        + AccountRates
        + Keys
        + Tenants
        + Work
{
}

/// Settings of the function.
#[derive(Debug, Clone)]
pub struct ManageSettings {
    /// Timings of the state machine.
    pub policy: Policy,
    /// Time to live of an unsent email.
    pub expires_after: Duration,
    /// Retention of a finished email.
    pub retention: Duration,
    /// Prices of SES.
    pub prices: Prices,
    /// Delay before a purge or a deletion is answered ([`domain::queue::BINDS_AFTER`]).
    pub binds_after: Duration,
}

/// The function and its ports.
#[derive(Debug, Clone)]
pub struct ManageFunction<R, B, L, S> {
    /// Records, and their list.
    pub records: R,
    /// Contents.
    pub bodies: B,
    /// Priority queues.
    pub priority_queues: L,
    /// Clock.
    pub system: S,
    /// Settings.
    pub with: ManageSettings,
}

/// Error of a request.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The caller has to change the request.
    #[error("refused: {0}")]
    Refused(#[from] ApiError),
    /// A backend call failed: the caller may repeat the request.
    #[error("the table or a stored content could not be read")]
    Port(#[from] PortError),
    /// A backend call failed, or the email has too many concurrent writers. The caller may repeat the request.
    #[error("an email could not be written")]
    Write(#[from] ApplyError),
    /// The queue has too many concurrent writers: the caller may repeat the request.
    #[error("a queue could not be written because of concurrent changes")]
    Busy,
}

impl From<Denied> for ManageError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Refused(error) => Self::Refused(error),
            Denied::Port(error) => Self::Port(error),
        }
    }
}

impl Failure for ManageError {
    fn refusal(&self) -> Option<&ApiError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Port(_) | Self::Write(_) | Self::Busy => None,
        }
    }
}
