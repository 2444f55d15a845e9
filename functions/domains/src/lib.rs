//! Registers sending domains, and shows the progress of their verification.
//!
//! **Role:** answers `/domains` of the HTTP API. Only this function creates, changes and deletes identities in SES.
//! **Invariant:** it changes only identities that carry the mark of this deployment and of the domain's tenant. A domain
//! belongs to one tenant, with all domains above and below it.
//! **After a crash** the same request completes the rest: a domain is stored before its identity is created, and
//! removed after its identity is deleted.
//! **Map:** [`routes`] is the route table. [`registration`] creates, verifies and deletes, [`reading`] shows.
//! [`settings`] connects the function to AWS.
//! **Start reading at** [`DomainsFunction::register`]. Why this way: docs/adr/0046.

pub mod reading;
pub mod registration;
pub mod resolver;
pub mod routes;
pub mod settings;

use aws::http::answer::Failure;
use domain::api::error::ApiError;
use domain::ports::access::{Keys, Tenants};
use domain::ports::domains::{Dns, Domains, Identities};
use domain::ports::webhooks::WebhookFlags;
use domain::ports::{AccountRates, Clock, PortError, Queues, Random};
use domain::tenant::domains::Tls;

/// Ports of the function.
pub trait Ports: 'static {
    /// Items of the table.
    type Records: Domains + Keys + Tenants + Queues + AccountRates + WebhookFlags;
    /// Identities of the SES account.
    type Identities: Identities;
    /// DNS.
    type Dns: Dns;
    /// Clock and randomness.
    type System: Clock + Random;
}

/// A backend with all ports, as tests use it.
impl<T> Ports for T
where
    T: Domains + Keys + Tenants + Queues + AccountRates + WebhookFlags + Identities + Dns + Clock + Random + 'static,
{
    type Records = T;
    type Identities = T;
    type Dns = T;
    type System = T;
}

/// The function and its ports.
#[derive(Debug, Clone)]
pub struct DomainsFunction<P: Ports> {
    /// Items of the table.
    pub records: P::Records,
    /// Identities of the SES account.
    pub identities: P::Identities,
    /// DNS.
    pub dns: P::Dns,
    /// Clock and randomness.
    pub system: P::System,
    /// Region of the SES account.
    pub region: String,
    /// TLS of the deployment's configuration sets.
    pub tls: Tls,
}

/// Error of a request.
#[derive(Debug, thiserror::Error)]
pub enum DomainsError {
    /// The caller has to change the request.
    #[error("refused: {0}")]
    Refused(#[from] ApiError),
    /// A call to AWS failed. The caller may repeat the request.
    #[error("a domain could not be read or written")]
    Port(#[from] PortError),
}

impl Failure for DomainsError {
    fn refusal(&self) -> Option<&ApiError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Port(_) => None,
        }
    }
}
