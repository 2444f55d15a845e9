//! Whether a request is possible: now, or when it was first made.
//!
//! **Invariant:** reads alone. A request that is repeated after its time, or after
//! its queue is gone, is the one that was accepted then; so is a batch whose uploads are gone (of a single email that is
//! seen when it is stored).
//! **Start reading at** [`Enqueue::in_time`]; of a batch, [`Enqueue::sifted`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::attachment::Uploaded;
use domain::batch::BatchRecord;
use domain::email::EmailError;
use domain::id::{EmailId, TenantId, UploadId};
use domain::ports::erasure::{Erasing, Tombstones};
use domain::ports::rate_limits::RateLimits;
use domain::ports::{Batches, Bodies, Clock, EmailKey, EmailRecords, Lanes, PortError, Queues, Random};
use domain::queue::Queue;
use domain::timestamp::Timestamp;
use domain::wire::api::{BatchItem, BatchRequest, EmailRequest, IdempotencyKey, ItemError, to_api};
use futures::StreamExt;
use futures::stream::iter;

use crate::{AT_ONCE, AcceptError, Enqueue, other_request, queues};

/// What was uploaded of what a request uses.
pub(crate) type Found = BTreeMap<UploadId, Uploaded>;

/// When a request was, or is, possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InTime {
    /// Now.
    Now,
    /// When it was first made.
    Before,
    /// When it was first made, and some of its emails may be forgotten since.
    LongAgo,
}

/// A batch whose impossible items are put apart.
pub(crate) struct Sifted<'a> {
    pub(crate) items: Vec<&'a BatchItem>,
    pub(crate) errors: Vec<ItemError>,
    pub(crate) in_time: InTime,
    pub(crate) found: Found,
    /// The record of the batch, if it was there before and somebody had to look for it.
    pub(crate) begun: Option<BatchRecord>,
}

impl<R, B, L, S> Enqueue<R, B, L, S>
where
    R: EmailRecords + RateLimits + Tombstones + Batches + Queues,
    B: Bodies + Erasing,
    L: Lanes,
    S: Clock + Random,
{
    /// Looks for the uploads that requests use, for each once.
    pub(crate) async fn found<'a>(
        &self,
        tenant: &TenantId,
        requests: impl IntoIterator<Item = &'a EmailRequest>,
    ) -> Result<Found, PortError> {
        let ids = requests.into_iter().flat_map(|request| &request.uploads);
        let ids: BTreeSet<UploadId> = ids.map(|(_, upload)| upload.id).collect();
        let look = |id| async move { (id, self.bodies.uploaded(tenant, id).await) };
        let looks: Vec<_> = ids.into_iter().map(look).collect();
        let found: Vec<_> = iter(looks).buffered(AT_ONCE).collect().await;
        let there = found.into_iter().filter_map(|(id, found)| match found {
            Ok(found) => found.map(|found| Ok((id, found))),
            Err(error) => Some(Err(error)),
        });
        there.collect()
    }

    /// Whether one email is possible now, or was when it was first asked for.
    ///
    /// A request that is repeated after its time is the one that was accepted when there was time.
    pub(crate) async fn in_time(
        &self,
        tenant: &TenantId,
        id: EmailId,
        key: Option<&IdempotencyKey>,
        request: &EmailRequest,
        now: Timestamp,
    ) -> Result<InTime, AcceptError> {
        let Err(error) = self.possible(tenant, request, now).await? else {
            return Ok(InTime::Now);
        };
        if key.is_some() && self.is_known(tenant, id, request, now).await? {
            return Ok(InTime::Before);
        }
        Err(AcceptError::Refused(to_api(None, error)))
    }

    /// Whether the same request was accepted before, its email be erased since or not.
    pub(crate) async fn is_known(
        &self,
        tenant: &TenantId,
        id: EmailId,
        request: &EmailRequest,
        now: Timestamp,
    ) -> Result<bool, AcceptError> {
        let tenant = tenant.clone();
        let key = EmailKey { tenant, id };
        let known = match self.records.load(&key, now).await? {
            Some(record) => Some(record.body.sha256),
            None => self.records.tombstone(&key, now).await?,
        };
        match known {
            None => Ok(false),
            Some(sha256) if sha256 == request.hash() => Ok(true),
            Some(_) => Err(AcceptError::Refused(other_request())),
        }
    }

    /// Whether an email is possible now: it is wanted at a possible time, in a queue that there is.
    async fn possible(
        &self,
        tenant: &TenantId,
        request: &EmailRequest,
        now: Timestamp,
    ) -> Result<Result<(), EmailError>, PortError> {
        let Some(queue) = self
            .queues
            .get(&self.records, tenant, &request.wishes.queue, now)
            .await?
        else {
            return queues::no_queue(&self.records, tenant).await.map(Err);
        };
        Ok(request.wishes.wanted(self.expires_after(&queue), now).map(drop))
    }

    pub(crate) fn expires_after(&self, queue: &Queue) -> Duration {
        queue.expires_after.unwrap_or(self.with.expires_after)
    }

    /// Puts the items apart that are impossible.
    ///
    /// A batch that is repeated is the one that was begun: what was possible then is completed,
    /// though its time be over, and what was refused then is refused again.
    pub(crate) async fn sifted<'a>(
        &self,
        tenant: &TenantId,
        key: Option<&IdempotencyKey>,
        batch: &'a BatchRequest,
        now: Timestamp,
    ) -> Result<Sifted<'a>, AcceptError> {
        let found = self.found(tenant, batch.items.iter().map(|item| &item.request)).await?;
        let (mut items, mut errors) = (Vec::with_capacity(batch.items.len()), batch.errors.clone());
        let mut late = Vec::new();
        for item in &batch.items {
            let possible = self.possible(tenant, &item.request, now).await?;
            match possible.and_then(|()| resolvable(&item.request, &found)) {
                Ok(()) => items.push(item),
                Err(error) => late.push((item, error)),
            }
        }
        let begun = if late.is_empty() {
            None
        } else {
            self.recalled(tenant, key, now).await?
        };
        let in_time = if begun.is_some() {
            items.extend(late.into_iter().map(|(item, _)| item));
            items.sort_by_key(|item| item.index);
            InTime::Before
        } else {
            for (item, error) in late {
                let bad = batch.validation.bad_item(item.index, error);
                errors.push(bad.map_err(AcceptError::Refused)?);
            }
            errors.sort_by_key(|error| error.index);
            InTime::Now
        };
        Ok(Sifted {
            items,
            errors,
            in_time,
            found,
            begun,
        })
    }
}

/// Whether all uploads of a request are there.
fn resolvable(request: &EmailRequest, found: &Found) -> Result<(), EmailError> {
    if request.uploads.is_empty() {
        return Ok(());
    }
    request.resolve(found).map(drop)
}
