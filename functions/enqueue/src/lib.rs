//! Accepts emails: persists content and record, answers 200, then enqueues a send task.
//!
//! **Role:** answers `POST /emails` and `POST /emails/batch`.
//! **Invariant:** a 2xx means that the record and its content are durable. A failed send task does not change
//! that: the index has the record.
//! **After a crash** before the response: a repetition with the same key returns the same emails. Without a key
//! nothing is guaranteed.
//! **Map:** `eligibility` decides whether a request can be accepted, `persistence` makes it durable, and `batch` does
//! both for many. [`batch_errors`] describes a partly stored batch, and [`dry_run`] checks without a trace.
//! [`quota`] holds the quota of tenants. [`routes`] is the route table, and [`handler`] reads requests. [`settings`]
//! connects the function to AWS.
//! **Start reading at** [`EnqueueFunction::accept`].

mod batch;
pub mod batch_errors;
pub mod dry_run;
mod eligibility;
pub mod handler;
mod persistence;
pub mod queues;
pub mod quota;
pub mod routes;
pub mod settings;
mod slot_reservation;

use std::time::Duration;

use aws::http::answer::Failure;
use aws::http::auth::TenantPrincipal;
use domain::api::error::ApiError;
use domain::api::requests::{EmailRequest, IdempotencyKey};
use domain::delivery::batch::ItemError;
use domain::delivery::index;
use domain::delivery::record::RecordStatus;
use domain::delivery::send_task::SendTask;
use domain::id::{EmailId, KeyId, TenantId};
use domain::ports::access::{Keys, Quotas, Tenants};
use domain::ports::erasure::{Erasing, Tombstones};
use domain::ports::rate_limits::RateLimits;
use domain::ports::{
    AccountRates, Batches, Bodies, Clock, Counts, EmailRecords, PortError, PriorityQueues, Queues, Random,
    SendTaskRequest, Suppressions,
};
use domain::reporting::cost::Prices;
use domain::tenant::Tenant;

use crate::batch_errors::Broken;
use crate::persistence::{EmailIdentity, StorageTime, Stored};
use crate::queues::QueueCache;
use crate::quota::{QuotaExceeded, QuotaLeases};

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
}

/// The requester: a tenant, with one of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requester<'a> {
    /// Tenant.
    pub tenant: &'a TenantId,
    /// API key that each record names.
    pub key: Option<KeyId>,
}

impl<'a> From<&'a TenantId> for Requester<'a> {
    fn from(tenant: &'a TenantId) -> Self {
        Self { tenant, key: None }
    }
}

impl<'a> From<&'a TenantPrincipal> for Requester<'a> {
    fn from(caller: &'a TenantPrincipal) -> Self {
        Self {
            tenant: caller.tenant(),
            key: Some(caller.key()),
        }
    }
}

/// Result of an accepted email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The email's id.
    pub id: EmailId,
    /// An earlier identical request was accepted; this is its response again.
    pub replayed: bool,
}

/// Result of an accepted batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedBatch {
    /// Ids of the valid items, in order.
    pub ids: Vec<EmailId>,
    /// Invalid items of a permissive batch.
    pub errors: Vec<ItemError>,
    /// An earlier identical request was accepted as a whole.
    pub replayed: bool,
    /// An earlier identical request began the batch; this one completes it.
    pub begun_before: bool,
}

/// A result that knows whether the tenant's limits were charged before.
pub trait Charged {
    /// Whether an earlier identical request was charged.
    fn was_charged(&self) -> bool;
}

impl Charged for Accepted {
    fn was_charged(&self) -> bool {
        self.replayed
    }
}

impl Charged for AcceptedBatch {
    fn was_charged(&self) -> bool {
        self.begun_before
    }
}

/// Reason why an email was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// This request stored nothing. The error names the reason, and usually the remedy.
    #[error("refused: {0}")]
    Refused(#[from] ApiError),
    /// The request would exceed a limit of the tenant.
    #[error("a limit of the tenant is exceeded")]
    QuotaExceeded(QuotaExceeded),
    /// A part of the batch may be stored.
    #[error("a batch was interrupted")]
    Broken(#[source] Box<Broken>),
    /// A backend call failed: the caller may repeat the request with the same key.
    #[error("an email could not be stored")]
    Port(#[from] PortError),
}

impl Failure for AcceptError {
    fn refusal(&self) -> Option<&ApiError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::QuotaExceeded(_) | Self::Broken(_) | Self::Port(_) => None,
        }
    }
}

impl<P: Ports> EnqueueFunction<P> {
    /// Accepts a request within the tenant's limits. Repeated and refused requests are not counted.
    ///
    /// `repeats` tells whether the same request was accepted before. It runs only when a limit would refuse the
    /// request, so that a request within the limits costs no read.
    ///
    /// # Errors
    /// [`AcceptError::QuotaExceeded`], or the error of `accept`.
    pub async fn within_limits<T: Charged>(
        &self,
        tenant: &Tenant,
        recipients: u64,
        repeats: impl Future<Output = Result<bool, AcceptError>>,
        accepting: impl Future<Output = Result<T, AcceptError>>,
    ) -> Result<T, AcceptError> {
        let now = self.system.now();
        if let Err(exceeded) = self.quota_leases.take(&self.records, tenant, recipients, now).await? {
            return if repeats.await? {
                accepting.await
            } else {
                Err(AcceptError::QuotaExceeded(exceeded))
            };
        }
        let accepted = accepting.await;
        // A failed request may be stored all the same: its recipients are not given back.
        let is_free = match &accepted {
            Ok(accepted) => accepted.was_charged(),
            Err(AcceptError::Broken(broken)) => broken.begun_before,
            Err(AcceptError::Refused(_)) => true,
            Err(AcceptError::QuotaExceeded(_) | AcceptError::Port(_)) => false,
        };
        if is_free {
            self.quota_leases.give_back(tenant, recipients, now);
        }
        accepted
    }
}

impl<P: Ports> EnqueueFunction<P> {
    /// Accepts one email.
    ///
    /// # Errors
    /// 409 when the key belongs to another request. 422 when its scheduled time is impossible. Or a backend
    /// call failed.
    pub async fn accept(
        &self,
        by: impl Into<Requester<'_>>,
        key: Option<&IdempotencyKey>,
        request: &EmailRequest,
    ) -> Result<Accepted, AcceptError> {
        let by = by.into();
        let tenant = by.tenant;
        let id = match key {
            Some(key) => EmailId::from_key(tenant, key.as_str()),
            None => self.system.id()?,
        };
        let now = self.system.now();
        let in_time = self.in_time(tenant, id, key, request, now).await?;
        let found = self.found(tenant, [request]).await?;
        let place = EmailIdentity {
            by,
            id,
            batch: None,
            item: None,
        };
        let stored = self.store(place, request, (in_time, &found), now).await?;
        self.enqueue_tasks(&[&stored]).await;
        Ok(Accepted {
            id,
            replayed: stored.replayed(),
        })
    }

    /// Whether the same request for one email was accepted before.
    ///
    /// # Errors
    /// 409 when the key belongs to another request. Or a backend call failed.
    pub async fn repeats(
        &self,
        tenant: &TenantId,
        key: Option<&IdempotencyKey>,
        request: &EmailRequest,
    ) -> Result<bool, AcceptError> {
        let Some(key) = key else { return Ok(false) };
        let id = EmailId::from_key(tenant, key.as_str());
        self.is_known(tenant, id, request, self.system.now()).await
    }

    /// Enqueues accepted emails. An email that a repeated request finds still queued is enqueued again: its
    /// first send task may never have been sent. The index enqueues failed ones.
    pub(crate) async fn enqueue_tasks(&self, stored: &[&Stored]) {
        let now = self.system.now();
        let requests: Vec<SendTaskRequest> = stored
            .iter()
            .filter(|stored| stored.when != StorageTime::BeforeItWasErased)
            .map(|stored| (&stored.record, stored.turn))
            .filter(|(record, _)| record.status == RecordStatus::Queued)
            .filter_map(|(record, turn)| {
                let (_, delay) = index::queued(record.not_before, record.expires_at, turn, self.with.guard, now);
                Some(SendTaskRequest {
                    priority: record.priority,
                    send_task: SendTask::of(record).at_slot(turn.slot()),
                    delay: delay?,
                })
            })
            .collect();
        let failed: Vec<PortError> = self
            .priority_queues
            .enqueue(&requests)
            .await
            .into_iter()
            .filter_map(Result::err)
            .collect();
        if let Some(error) = failed.first() {
            let count = failed.len();
            let error = aws::runtime::telemetry::chain(error);
            tracing::warn!(
                count,
                error,
                "send tasks could not be enqueued; promote finds the emails in the due index"
            );
        }
    }
}

/// Returns the number of recipients of requests.
fn recipients<'a>(requests: impl IntoIterator<Item = &'a EmailRequest>) -> u64 {
    let each = requests.into_iter().map(|request| request.email.recipients());
    u64::try_from(each.sum::<usize>()).unwrap_or(u64::MAX)
}

/// Returns the error for a repeated batch whose emails may have expired. It is no refusal: after one, the
/// caller would send the whole batch with another key.
fn forgotten() -> ApiError {
    ApiError::internal_with(
        "This batch was accepted so long ago that some of its emails are already deleted. Nothing is stored or sent again, because each email may have been sent. Do not repeat the batch with another Idempotency-Key.",
    )
}

fn other_request() -> ApiError {
    ApiError::invalid_idempotent_request(
        "Idempotency-Key: was already used for a different request; repeat that request, or use a new key.",
    )
}
