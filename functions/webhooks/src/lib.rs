//! Creates, changes and deletes webhooks, shows their events and attempts, and sends events again.
//!
//! **Role:** answers `/webhooks` of the HTTP API. Only this function and `deliver` read signing secrets.
//! **Invariant:** a tenant never sees another tenant's webhooks. Only a key with full access and without From domains
//! gets an [`Owner`](owner::Owner), and each use case takes one. This function calls no endpoint: it only asks DNS.
//! **After a crash** the same request completes, or has no effect: a webhook, its flag and its first recovery are one
//! transaction, and a delivery is in the due index before its task is sent.
//! **Map:** [`routes`] is the route table, [`page`] reads queries. [`registration`] creates, changes and deletes,
//! [`reading`] shows webhooks, [`events`] their events, [`sending`] sends events, [`recovery`] starts jobs. [`samples`]
//! makes the payloads of tests. [`settings`] connects the function to AWS and DNS.
//! **Start reading at** [`WebhooksFunction::create`].

pub mod events;
pub mod owner;
pub mod page;
pub mod reading;
pub mod recovery;
pub mod registration;
pub mod routes;
pub mod samples;
pub mod sending;
pub mod settings;

use aws::http::answer::Failure;
use domain::api::error::ApiError;
use domain::ports::access::{Keys, Tenants};
use domain::ports::webhook_events::{Deliveries, DeliveryTasks, Payloads};
use domain::ports::webhooks::{Endpoints, RecoverJobs, SecretSource};
use domain::ports::{Clock, PortError, Random};
use outgoing::Policy;
use outgoing::resolve::Resolve;

/// Ports of the function.
pub trait Ports: 'static {
    /// Items of the table, without secrets.
    type Records: Keys + Tenants + RecoverJobs + Payloads + Deliveries;
    /// Settings, secrets and health of webhooks.
    type Endpoints: Endpoints;
    /// The queue of deliveries.
    type Tasks: DeliveryTasks;
    /// Clock and randomness.
    type System: Clock + Random + SecretSource;
    /// DNS.
    type Hosts: Resolve;
}

/// A backend with all ports but DNS, and DNS beside it, as tests use them.
impl<T, H> Ports for (T, H)
where
    T: Keys
        + Tenants
        + RecoverJobs
        + Payloads
        + Deliveries
        + Endpoints
        + DeliveryTasks
        + Clock
        + Random
        + SecretSource
        + 'static,
    H: Resolve + 'static,
{
    type Records = T;
    type Endpoints = T;
    type Tasks = T;
    type System = T;
    type Hosts = H;
}

/// The function and its ports.
#[derive(Debug, Clone)]
pub struct WebhooksFunction<P: Ports> {
    /// Items of the table, without secrets.
    pub records: P::Records,
    /// Settings, secrets and health of webhooks.
    pub endpoints: P::Endpoints,
    /// The queue of deliveries.
    pub tasks: P::Tasks,
    /// Clock and randomness.
    pub system: P::System,
    /// DNS.
    pub hosts: P::Hosts,
    /// The URLs that may be called.
    pub policy: Policy,
    /// Region of the SES account.
    pub region: String,
}

/// Error of a request.
#[derive(Debug, thiserror::Error)]
pub enum WebhooksError {
    /// The caller has to change the request.
    #[error("refused: {0}")]
    Refused(#[from] ApiError),
    /// A call to AWS failed. The caller may repeat the request.
    #[error("a webhook could not be read or written")]
    Port(#[from] PortError),
}

impl Failure for WebhooksError {
    fn refusal(&self) -> Option<&ApiError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Port(_) => None,
        }
    }
}
