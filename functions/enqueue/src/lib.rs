//! Accepts emails: content and record are durable before the answer, then they are enqueued.
//!
//! **Role:** behind `POST /emails` and `POST /emails/batch`.
//! **Invariant:** a 2xx means that the record and its content are durable. A send task that fails
//! changes nothing of that: the index has the record.
//! **After a crash** before the answer: the caller repeats with the same key and gets the same
//! emails; without a key nothing was promised.
//! **Map:** `possible` says whether a request can be accepted, `storing` makes it durable, `batch` does both for
//! many, [`broken`] is what is left of a
//! batch that broke off; [`dry_run`] tells what
//! would be accepted, and leaves no trace; [`allowance`] is what a tenant may; [`routes`] says what a path means, and
//! [`handler`] is HTTP.
//! **Start reading at** [`Enqueue::accept`].

pub mod allowance;
mod batch;
pub mod broken;
pub mod dry_run;
pub mod handler;
mod possible;
pub mod queues;
pub mod routes;
mod storing;
mod turns;

use std::time::Duration;

use aws::access::Caller;
use domain::access::tenant::Tenant;
use domain::api_error::ApiError;
use domain::cost::Prices;
use domain::id::{EmailId, KeyId, TenantId};
use domain::index;
use domain::ports::access::{Allowances, Keys, Tenants};
use domain::ports::erasure::{Erasing, Tombstones};
use domain::ports::rate_limits::RateLimits;
use domain::ports::{
    Batches, Bodies, Clock, Counts, EmailRecords, Lanes, Paces, PortError, Queues, Random, SendTaskRequest,
    Suppressions,
};
use domain::record::Status;
use domain::wire::api::{EmailRequest, IdempotencyKey, ItemError};
use domain::wire::send_task::SendTask;

use crate::allowance::{Beyond, Purses};
use crate::broken::Broken;
use crate::queues::KnownQueues;
use crate::storing::{Place, Stored, When};

/// Emails of a batch that are stored at the same time. Our choice: a full batch takes ten
/// rounds, and the SDK's connections stay within what a small function can handle.
const AT_ONCE: usize = 50;

/// The settings of accepting.
#[derive(Debug, Clone)]
pub struct Accepting {
    /// How long an enqueued email may stay queued before it is looked at again.
    pub guard: Duration,
    /// How long an email may wait to be sent.
    pub expires_after: Duration,
    /// How long a finished email is kept.
    pub retention: Duration,
    /// What SES asks for.
    pub prices: Prices,
}

/// What of the table is needed.
pub trait Store:
    EmailRecords + RateLimits + Tombstones + Batches + Queues + Counts + Paces + Suppressions + Keys + Tenants + Allowances
{
}

impl<T> Store for T where
    T: EmailRecords
        + RateLimits
        + Tombstones
        + Batches
        + Queues
        + Counts
        + Paces
        + Suppressions
        + Keys
        + Tenants
        + Allowances
{
}

/// Accepts emails with what the world offers.
#[derive(Debug)]
pub struct Enqueue<R, B, L, S> {
    /// The records, and the batches' keys.
    pub records: R,
    /// The contents.
    pub bodies: B,
    /// The lanes.
    pub lanes: L,
    /// Clock and randomness.
    pub system: S,
    /// The settings.
    pub with: Accepting,
    /// What this environment knows of queues.
    pub queues: KnownQueues,
    /// What it may still accept for tenants that have limits.
    pub purses: Purses,
}

/// Who asks: a tenant, with one of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct By<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The key, which each record names.
    pub key: Option<KeyId>,
}

impl<'a> From<&'a TenantId> for By<'a> {
    fn from(tenant: &'a TenantId) -> Self {
        Self { tenant, key: None }
    }
}

impl<'a> From<&'a Caller> for By<'a> {
    fn from(caller: &'a Caller) -> Self {
        Self {
            tenant: caller.tenant(),
            key: Some(caller.key()),
        }
    }
}

/// The answer to an accepted email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The email's id.
    pub id: EmailId,
    /// The same request was accepted before; this is its answer again.
    pub replayed: bool,
}

/// The answer to an accepted batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedBatch {
    /// The good items' ids, in order.
    pub ids: Vec<EmailId>,
    /// The bad items of a permissive batch.
    pub errors: Vec<ItemError>,
    /// The same request was accepted before, all of it.
    pub replayed: bool,
    /// The same request was begun before; this one completes it.
    pub begun_before: bool,
}

/// An answer that knows whether the tenant's limits were charged for it before.
pub trait Charged {
    /// The same request was charged when it was first made.
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

/// Why an email was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// Nothing is stored by this request: the answer says why, and in most cases what to change.
    #[error("refused: {0}")]
    Refused(ApiError),
    /// The tenant would go beyond one of its limits.
    #[error("beyond a limit of the tenant")]
    Beyond(Beyond),
    /// A batch broke off, and a part of it may be stored.
    #[error("a batch broke off")]
    Broken(#[source] Box<Broken>),
    /// The world failed: the caller may repeat with the same key.
    #[error("an email could not be stored")]
    Port(#[from] PortError),
}

impl<R, B, L, S> Enqueue<R, B, L, S>
where
    R: Allowances,
    S: Clock,
{
    /// Accepts something within the tenant's limits. A repeated request is not counted again; nor is a refused one.
    ///
    /// `repeats` says whether the same request was accepted before. It is asked only when a limit would refuse
    /// the request, so that a request within the limits costs no read.
    ///
    /// # Errors
    /// [`AcceptError::Beyond`]; or what accepting ends in.
    pub async fn within_limits<T: Charged>(
        &self,
        tenant: &Tenant,
        recipients: u64,
        repeats: impl Future<Output = Result<bool, AcceptError>>,
        accepting: impl Future<Output = Result<T, AcceptError>>,
    ) -> Result<T, AcceptError> {
        let now = self.system.now();
        if let Err(beyond) = self.purses.take(&self.records, tenant, recipients, now).await? {
            return if repeats.await? {
                accepting.await
            } else {
                Err(AcceptError::Beyond(beyond))
            };
        }
        let accepted = accepting.await;
        // A failed request may be stored all the same: its recipients are not given back.
        let is_free = match &accepted {
            Ok(accepted) => accepted.was_charged(),
            Err(AcceptError::Broken(broken)) => broken.begun_before,
            Err(AcceptError::Refused(_)) => true,
            Err(AcceptError::Beyond(_) | AcceptError::Port(_)) => false,
        };
        if is_free {
            self.purses.give_back(tenant, recipients, now);
        }
        accepted
    }
}

impl<R, B, L, S> Enqueue<R, B, L, S>
where
    R: EmailRecords + RateLimits + Tombstones + Batches + Queues,
    B: Bodies + Erasing,
    L: Lanes,
    S: Clock + Random,
{
    /// Accepts one email.
    ///
    /// # Errors
    /// 409 when the key belongs to another request, 422 when it is wanted at an impossible time;
    /// or the world's failure.
    pub async fn accept(
        &self,
        by: impl Into<By<'_>>,
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
        let place = Place {
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
    /// 409 when the key belongs to another request; or the world's failure.
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

    /// Enqueues what was accepted, once more also what a repeated request found still queued:
    /// its first send task may never have been sent. What fails is enqueued by the index.
    pub(crate) async fn enqueue_tasks(&self, stored: &[&Stored]) {
        let now = self.system.now();
        let requests: Vec<SendTaskRequest> = stored
            .iter()
            .filter(|stored| stored.when != When::BeforeItWasErased)
            .map(|stored| (&stored.record, stored.turn))
            .filter(|(record, _)| record.status == Status::Queued)
            .filter_map(|(record, turn)| {
                let (_, delay) = index::queued(record.not_before, record.expires_at, turn, self.with.guard, now);
                Some(SendTaskRequest {
                    lane: record.lane,
                    send_task: SendTask::of(record).at_slot(turn.slot()),
                    delay: delay?,
                })
            })
            .collect();
        let failed: Vec<PortError> = self
            .lanes
            .enqueue(&requests)
            .await
            .into_iter()
            .filter_map(Result::err)
            .collect();
        if let Some(error) = failed.first() {
            let count = failed.len();
            let error = aws::telemetry::chain(error);
            tracing::warn!(count, error, "wake-ups could not be sent; the index has the emails");
        }
    }
}

/// The recipients of requests.
fn recipients<'a>(requests: impl IntoIterator<Item = &'a EmailRequest>) -> u64 {
    let each = requests.into_iter().map(|request| request.email.recipients());
    u64::try_from(each.sum::<usize>()).unwrap_or(u64::MAX)
}

/// The answer to a repeated batch of which an email may be forgotten. No refusal: it would say that the batch was not
/// accepted, and its caller would send all of it with another key.
fn forgotten() -> ApiError {
    ApiError::internal_with(
        "This batch was accepted so long ago that some of its emails are forgotten. Nothing is stored or sent again, because each of them may have been sent. Do not repeat it with another Idempotency-Key.",
    )
}

fn other_request() -> ApiError {
    ApiError::invalid_idempotent_request(
        "Idempotency-Key: was used with another request; send the same request, or another key.",
    )
}
