//! Answers queries and commands about emails and queues, and every unknown path.
//!
//! **Role:** answers every route of the HTTP API that no other function answers. The others accept emails (`enqueue`),
//! and answer for suppressions (`suppressions`), sending domains (`domains`), and keys and tenants (`access`).
//! `reports` answers for figures and the description of the API.
//! **Invariant:** no route answers without a key, except the URL of a preview. No tenant finds another tenant's email.
//! **Map:** [`routes`] is the route table, and [`settings`] connects the function to AWS.
//! [`paging`] reads a query, and [`filters`] its conditions, which [`search`] applies.
//! [`emails`] shows emails, and [`events`] their history.
//! [`commands`] carries out commands on one email, and [`bulk`] on many. [`by_key`] releases and cancels the emails of
//! an API key, a From domain or a restored table, and [`erasure`] erases an email.
//! [`attachments`] returns upload URLs, [`downloads`] serves the files of emails, and [`previews`] shows their content.
//! [`queues`] reads named queues, and [`queue_commands`] changes them. [`operator`] serves the deployer, who acts for a
//! tenant and reads no content.
//! **Start reading at** [`ManageFunction::ROUTES`](routes).

pub mod attachments;
pub mod bulk;
pub mod by_key;
pub mod commands;
pub mod downloads;
pub mod emails;
pub mod erasure;
pub mod events;
pub mod filters;
pub mod operator;
pub mod paging;
pub mod previews;
pub mod queue_commands;
pub mod queues;
pub mod routes;
pub mod search;
pub mod settings;

use std::time::Duration;

use aws::http::answer::Failure;
use domain::api::error::ApiError;
use domain::delivery::policy::Policy;
use domain::ports::access::{Keys, Tenants, Work};
use domain::ports::erasure::{Erasing, Tombstones};
use domain::ports::rate_limits::RateLimits;
use domain::ports::temporary::Previews;
use domain::ports::webhook_events::EventErasure;
use domain::ports::{
    AccountRates, Batches, Bodies, Clock, Counts, EmailRecords, Jobs, Listing, PortError, PriorityQueues, Queues,
    Random,
};
use workflow::apply::ApplyError;

/// Ports of the function.
pub trait Ports: 'static {
    /// Items of the table.
    type Records: EmailRecords
        + RateLimits
        + Batches
        + Tombstones
        + EventErasure
        + Listing
        + Counts
        + Queues
        + Jobs
        + AccountRates
        + Keys
        + Tenants
        + Previews
        + Work;
    /// Contents of emails.
    type Bodies: Bodies + Erasing;
    /// Queues of send tasks.
    type PriorityQueues: PriorityQueues;
    /// Clock and randomness.
    type System: Clock + Random;
}

/// A backend with all ports, as tests use it.
impl<T> Ports for T
where
    T: EmailRecords
        + RateLimits
        + Batches
        + Tombstones
        + EventErasure
        + Listing
        + Counts
        + Queues
        + Jobs
        + AccountRates
        + Keys
        + Tenants
        + Previews
        + Work
        + Bodies
        + Erasing
        + PriorityQueues
        + Clock
        + Random
        + 'static,
{
    type Records = T;
    type Bodies = T;
    type PriorityQueues = T;
    type System = T;
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
    /// Region of SES, which names the emails' `Message-ID`.
    pub region: String,
    /// Delay before a purge or a deletion is answered ([`domain::queue::BINDS_AFTER`]).
    pub binds_after: Duration,
}

/// The function and its ports.
#[derive(Debug, Clone)]
pub struct ManageFunction<P: Ports> {
    /// Items of the table.
    pub records: P::Records,
    /// Contents of emails.
    pub bodies: P::Bodies,
    /// Queues of send tasks.
    pub priority_queues: P::PriorityQueues,
    /// Clock and randomness.
    pub system: P::System,
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
    #[error("the table or a stored content could not be read or written")]
    Port(#[from] PortError),
    /// A decision could not be written: the caller may repeat the request.
    #[error("an email could not be written")]
    Write(#[from] ApplyError),
}

impl Failure for ManageError {
    fn refusal(&self) -> Option<&ApiError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Port(_) | Self::Write(_) => None,
        }
    }
}
