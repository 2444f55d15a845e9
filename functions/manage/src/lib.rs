//! Answers what is asked about emails and of them, and everything that is no route at all.
//!
//! **Role:** behind every route of the HTTP API but those that accept emails (`enqueue`), those of suppressions (`suppressions`) and those of keys and tenants (`access`).
//! **Invariant:** nobody is told anything of a deployment without a key, only what every one can do
//! (`GET /openapi.json`); and nobody finds another tenant's email: to them it is not there.
//! **Map:** [`handler`] is HTTP, [`paths`] says what a path means and [`routes`] which key it takes, [`paging`] what a query asks
//! for, [`filters`] of which emails ([`searching`] finds them), [`period`] of which time; [`emails`] answers what is asked about emails, [`events`] tells their
//! past, [`asked`] does what is asked of them, [`by_key`] of all that were accepted with one API key, [`erasing`] takes them away; [`metrics`] and [`failures`] tell what became of them all; [`queues`] are the named
//! queues. [`operating`] answers the deployer, who acts for a tenant and reads no content.
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

use aws::auth::Denied;
use aws::endpoint::Failure;
use domain::api_error::ApiError;
use domain::apply::ApplyError;
use domain::cost::Prices;
use domain::lifecycle::Policy;
use domain::ports::access::{Keys, Tenants, Work};
use domain::ports::erasure::Tombstones;
use domain::ports::rate_limits::RateLimits;
use domain::ports::{AccountRates, Batches, Counts, EmailRecords, Jobs, Listing, PortError, Queues};

/// What of the table is managed.
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

/// The settings of managing.
#[derive(Debug, Clone)]
pub struct ManageSettings {
    /// The machine's timings.
    pub policy: Policy,
    /// How long an email may wait to be sent.
    pub expires_after: Duration,
    /// How long a finished email is kept.
    pub retention: Duration,
    /// What SES asks for.
    pub prices: Prices,
    /// Time after which a purge or a deletion is answered ([`domain::queue::BINDS_AFTER`]).
    pub binds_after: Duration,
}

/// Answers with its ports.
#[derive(Debug, Clone)]
pub struct ManageFunction<R, B, L, S> {
    /// The records, and the list of them.
    pub records: R,
    /// The contents.
    pub bodies: B,
    /// The priority queues.
    pub priority_queues: L,
    /// The clock.
    pub system: S,
    /// The settings.
    pub with: ManageSettings,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The caller has to change something.
    #[error("refused: {0}")]
    Refused(#[from] ApiError),
    /// The backend failed: the caller may ask again.
    #[error("the table or a content could not be read")]
    Port(#[from] PortError),
    /// The backend failed, or too much happens to the email at once: the caller may ask again.
    #[error("an email could not be written")]
    Write(#[from] ApplyError),
    /// Too much happens to a queue at once: the caller may ask again.
    #[error("a queue could not be written: others change it at this moment")]
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
