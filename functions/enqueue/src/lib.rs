//! Accepts emails: content and row are durable before the answer, then they are woken.
//!
//! **Role:** behind `POST /emails` and `POST /emails/batch`.
//! **Invariant:** a 2xx means that the row and its content are durable. A wake-up that fails
//! changes nothing of that: the index has the row.
//! **After a crash** before the answer: the caller repeats with the same key and gets the same
//! emails; without a key nothing was promised.
//! **Map:** `possible` says whether a request can be accepted, `storing` makes it durable; [`dry_run`] tells what
//! would be accepted, and leaves no trace; [`allowance`] is what a tenant may; [`routes`] says what a path means, and
//! [`handler`] is HTTP.
//! **Start reading at** [`Enqueue::accept`].

pub mod allowance;
pub mod dry_run;
pub mod handler;
mod possible;
pub mod queues;
pub mod routes;
mod storing;

use std::time::Duration;

use aws::access::Caller;
use domain::access::tenant::Tenant;
use domain::api_error::ApiError;
use domain::cost::Prices;
use domain::id::{EmailId, KeyId, TenantId};
use domain::index;
use domain::ports::access::{Allowances, Keys, Tenants};
use domain::ports::erasure::{Erasing, Tombstones};
use domain::ports::{
    Batches, Bodies, Clock, Counts, Lanes, Paces, PortError, Queues, Random, Rows, Suppressions, Wake,
};
use domain::row::Status;
use domain::timestamp::Timestamp;
use domain::wire::api::{BatchItem, BatchRequest, EmailRequest, IdempotencyKey, ItemError};
use domain::wire::wake_up::WakeUp;
use futures::StreamExt;
use futures::stream::iter;

use crate::allowance::{Beyond, Purses};
use crate::possible::{Found, InTime, Sifted};
use crate::queues::KnownQueues;
use crate::storing::{Stored, When};

/// Emails of a batch that are stored at the same time. Our choice: a full batch takes ten
/// rounds, and the SDK's connections stay within what a small function can handle.
const AT_ONCE: usize = 50;

/// The settings of accepting.
#[derive(Debug, Clone)]
pub struct Accepting {
    /// How long a woken email may stay queued before it is looked at again.
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
    Rows + Tombstones + Batches + Queues + Counts + Paces + Suppressions + Keys + Tenants + Allowances
{
}

impl<T> Store for T where
    T: Rows + Tombstones + Batches + Queues + Counts + Paces + Suppressions + Keys + Tenants + Allowances
{
}

/// Accepts emails with what the world offers.
#[derive(Debug)]
pub struct Enqueue<R, B, L, S> {
    /// The rows, and the batches' keys.
    pub rows: R,
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
}

/// Why an email was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The caller has to change something.
    #[error("refused: {0}")]
    Refused(ApiError),
    /// The tenant would go beyond one of its limits.
    #[error("beyond a limit of the tenant")]
    Beyond(Beyond),
    /// The world failed: the caller may repeat with the same key.
    #[error("an email could not be stored")]
    Port(#[from] PortError),
}

impl<R, B, L, S> Enqueue<R, B, L, S>
where
    R: Allowances,
    S: Clock,
{
    /// Accepts something within the tenant's limits. What was accepted before is not counted again; nor is what
    /// is refused.
    ///
    /// # Errors
    /// [`AcceptError::Beyond`]; or what accepting ends in.
    pub async fn within_limits<T>(
        &self,
        tenant: &Tenant,
        recipients: u64,
        accepting: impl Future<Output = Result<T, AcceptError>>,
        was_before: impl FnOnce(&T) -> bool,
    ) -> Result<T, AcceptError> {
        let now = self.system.now();
        let taken = self.purses.take(&self.rows, tenant, recipients, now).await?;
        taken.map_err(AcceptError::Beyond)?;
        let accepted = accepting.await;
        // What failed may be stored all the same: only what was surely not accepted is given back.
        if matches!(&accepted, Err(AcceptError::Refused(_))) || accepted.as_ref().is_ok_and(was_before) {
            self.purses.give_back(tenant, recipients, now);
        }
        accepted
    }
}

impl<R, B, L, S> Enqueue<R, B, L, S>
where
    R: Rows + Tombstones + Batches + Queues,
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
        let stored = self.store(by, id, request, (in_time, &found), now).await?;
        self.wake(&[&stored]).await;
        Ok(Accepted {
            id,
            replayed: stored.replayed(),
        })
    }

    /// Accepts a batch: all good items are durable, or it is an error and some may be.
    ///
    /// # Errors
    /// 409 when the key belongs to another request; or the world's failure.
    pub async fn accept_batch(
        &self,
        by: impl Into<By<'_>>,
        key: Option<&IdempotencyKey>,
        batch: BatchRequest,
    ) -> Result<AcceptedBatch, AcceptError> {
        let by = by.into();
        let tenant = by.tenant;
        let now = self.system.now();
        let Sifted {
            items,
            errors,
            in_time,
            found,
        } = self.sifted(tenant, key, batch, now).await?;
        // Futures do nothing until they are polled: a list of them costs little.
        let stores: Vec<_> = items
            .iter()
            .map(|item| self.store_item(by, key, item, (in_time, &found), now))
            .collect();
        let stored = iter(stores)
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        self.wake(&stored.iter().collect::<Vec<_>>()).await;
        Ok(AcceptedBatch {
            ids: stored.iter().map(|stored| stored.row.id).collect(),
            errors,
            replayed: !stored.is_empty() && stored.iter().all(Stored::replayed),
        })
    }

    async fn store_item(
        &self,
        by: By<'_>,
        key: Option<&IdempotencyKey>,
        item: &BatchItem,
        possible: (InTime, &Found),
        now: Timestamp,
    ) -> Result<Stored, AcceptError> {
        let tenant = by.tenant;
        let id = match key {
            Some(key) => EmailId::from_batch_key(tenant, key.as_str(), item.index),
            None => self.system.id()?,
        };
        self.store(by, id, &item.request, possible, now).await
    }

    /// Wakes what was accepted, once more also what a repeated request found still queued:
    /// its first wake-up may never have been sent. What fails is woken by the index.
    async fn wake(&self, stored: &[&Stored]) {
        let now = self.system.now();
        let wakes: Vec<Wake> = stored
            .iter()
            .filter(|stored| stored.when != When::BeforeItWasErased)
            .map(|stored| &stored.row)
            .filter(|row| row.status == Status::Queued)
            .filter_map(|row| {
                let (_, delay) = index::queued(row.not_before, row.expires_at, self.with.guard, now);
                Some(Wake {
                    lane: row.lane,
                    wake_up: WakeUp::of(row),
                    delay: delay?,
                })
            })
            .collect();
        let failed: Vec<PortError> = self
            .lanes
            .wake(&wakes)
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

fn other_request() -> ApiError {
    ApiError::invalid_idempotent_request(
        "Idempotency-Key: was used with another request; send the same request, or another key.",
    )
}
