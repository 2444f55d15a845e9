//! Accepts emails: persists content and record, answers 200, then enqueues a send task.
//!
//! **Role:** answers `POST /emails` and `POST /emails/batch`.
//! **Invariant:** a 2xx means that the record and its content are durable. A failed send task does not change that: the
//! due index has the record.
//! **After a crash** before the response: a repetition with the same key returns the same emails. Without a key
//! nothing is guaranteed.
//! **Map:** [`acceptance`] accepts one email, and `batch` accepts many. `eligibility` decides whether a request can be
//! accepted, and `persistence` makes it durable. [`errors`] describes refusals and partly stored batches, and
//! [`dry_run`] checks without a trace. [`quota`] holds the quota of tenants, and [`senders`] checks From
//! domains. [`routes`] is the route table, and
//! [`handler`] reads requests. [`settings`] connects the function to AWS.
//! **Start reading at** [`EnqueueFunction::accept`].

pub mod acceptance;
mod batch;
pub mod dry_run;
mod eligibility;
pub mod errors;
pub mod handler;
mod persistence;
pub mod queues;
pub mod quota;
pub mod routes;
pub mod senders;
pub mod settings;
mod slot_reservation;

use std::time::Duration;

use aws::http::auth::TenantPrincipal;
use domain::id::{KeyId, TenantId};
use domain::ports::access::{Keys, Quotas, Tenants};
use domain::ports::domains::{Domains, Door};
use domain::ports::erasure::{Erasing, Tombstones};
use domain::ports::rate_limits::RateLimits;
use domain::ports::{
    AccountRates, Batches, Bodies, Clock, Counts, EmailRecords, PriorityQueues, Queues, Random, Suppressions,
};
use domain::reporting::cost::Prices;

use crate::queues::QueueCache;
use crate::quota::QuotaLeases;
use crate::senders::KnownSenders;

/// Number of emails of a batch that are stored concurrently. Our choice: a full batch takes ten rounds, and a
/// small function can handle the SDK's connections.
const AT_ONCE: usize = 50;

/// Settings of acceptance.
#[derive(Debug, Clone)]
pub struct EnqueueSettings {
    /// Time that an enqueued email may stay queued before it is checked again.
    pub guard: Duration,
    /// Time to live of an unsent email.
    pub expires_after: Duration,
    /// Retention of a finished email.
    pub retention: Duration,
    /// Prices of SES.
    pub prices: Prices,
    /// An email needs a From of a registered domain.
    pub requires_domains: bool,
}

/// Ports of the function.
pub trait Ports: 'static {
    /// Items of the table.
    type Records: EmailRecords
        + RateLimits
        + Tombstones
        + Batches
        + Queues
        + Counts
        + AccountRates
        + Suppressions
        + Keys
        + Tenants
        + Domains
        + Door
        + Quotas;
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
        + Tombstones
        + Batches
        + Queues
        + Counts
        + AccountRates
        + Suppressions
        + Keys
        + Tenants
        + Domains
        + Door
        + Quotas
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

/// The function and its ports.
#[derive(Debug)]
pub struct EnqueueFunction<P: Ports> {
    /// Items of the table.
    pub records: P::Records,
    /// Contents of emails.
    pub bodies: P::Bodies,
    /// Queues of send tasks.
    pub priority_queues: P::PriorityQueues,
    /// Clock and randomness.
    pub system: P::System,
    /// Settings.
    pub with: EnqueueSettings,
    /// Cached queues.
    pub queues: QueueCache,
    /// Quota leases of tenants with limits.
    pub quota_leases: QuotaLeases,
    /// Cached registrations of From domains.
    pub senders: KnownSenders,
}

/// The requester: a tenant, with one of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requester<'a> {
    /// Tenant.
    pub tenant: &'a TenantId,
    /// API key that each record names.
    pub key: Option<KeyId>,
    /// The tenant has a webhook, which needs more facts of each email.
    pub has_webhooks: bool,
}

impl<'a> From<&'a TenantId> for Requester<'a> {
    fn from(tenant: &'a TenantId) -> Self {
        Self {
            tenant,
            key: None,
            has_webhooks: false,
        }
    }
}

impl<'a> From<&'a TenantPrincipal> for Requester<'a> {
    fn from(caller: &'a TenantPrincipal) -> Self {
        Self {
            tenant: caller.tenant(),
            key: Some(caller.key()),
            has_webhooks: caller.has_webhooks(),
        }
    }
}
