//! Accepts one email within the tenant's limits.
//!
//! **Invariant:** the response and the send tasks follow the write. A failed send task does not change the response.
//! **Start reading at** [`EnqueueFunction::accept`].

use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::EmailRequest;
use domain::delivery::batch::ItemError;
use domain::delivery::index;
use domain::delivery::record::RecordStatus;
use domain::delivery::send_task::SendTask;
use domain::id::{EmailId, TenantId};
use domain::ports::{Clock, PortError, PriorityQueues, Random, SendTaskRequest};
use domain::tenant::Tenant;

use crate::errors::AcceptError;
use crate::persistence::{EmailIdentity, StorageTime, StoredEmail};
use crate::quota::QuotaDecision;
use crate::{EnqueueFunction, Ports, Requester};

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
        let decision = self.quota_leases.take(&self.records, tenant, recipients, now).await?;
        if let QuotaDecision::Exceeded(exceeded) = decision {
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
        let found = self.find_uploads(tenant, [request]).await?;
        let place = EmailIdentity {
            by,
            id,
            batch: None,
            item: None,
            idempotency_key: key.map(IdempotencyKey::as_str),
        };
        let stored = self.store(place, request, (in_time, &found), now).await?;
        self.enqueue_tasks(&[&stored]).await;
        Ok(Accepted {
            id,
            replayed: stored.is_replay(),
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
    /// first send task may never have been sent. `promote` finds the emails of failed send tasks in the due index.
    pub(crate) async fn enqueue_tasks(&self, stored: &[&StoredEmail]) {
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
pub(crate) fn recipients<'a>(requests: impl IntoIterator<Item = &'a EmailRequest>) -> u64 {
    let each = requests.into_iter().map(|request| request.email.recipients());
    u64::try_from(each.sum::<usize>()).unwrap_or(u64::MAX)
}
