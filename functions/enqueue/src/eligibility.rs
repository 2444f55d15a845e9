//! Eligibility of a request: now, or when it was first made.
//!
//! **Invariant:** read-only. A repeated request counts as the accepted one, even after its scheduled time or
//! the deletion of its queue. The same holds for a batch whose uploads are gone; for a single email, the uploads are
//! checked when it is stored.
//! **Start reading at** [`EnqueueFunction::in_time`]; for a batch, [`EnqueueFunction::separate_ineligible`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::api::fields::to_api;
use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::{BatchItem, BatchRequest, EmailRequest};
use domain::delivery::batch::{BatchRecord, ItemError};
use domain::id::{EmailId, EmailKey, TenantId, UploadId};
use domain::message::attachment::Uploaded;
use domain::message::problem::EmailError;
use domain::ports::erasure::Tombstones;
use domain::ports::{EmailRecords, Files, PortError};
use domain::queue::Queue;
use domain::timestamp::Timestamp;
use futures::StreamExt;
use futures::stream::iter;

use crate::errors::{AcceptError, other_request};
use crate::{AT_ONCE, EnqueueFunction, Ports, queues};

/// The uploaded files that a request names and that exist.
pub(crate) type UploadsById = BTreeMap<UploadId, Uploaded>;

/// Time at which a request is or was eligible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timeliness {
    /// Now.
    Now,
    /// When it was first made.
    Before,
    /// When it was first made; the records of some of its emails may have expired.
    LongAgo,
}

/// A batch without its ineligible items.
pub(crate) struct ValidatedBatch<'a> {
    pub(crate) items: Vec<&'a BatchItem>,
    pub(crate) errors: Vec<ItemError>,
    pub(crate) in_time: Timeliness,
    pub(crate) found: UploadsById,
    /// The record of the batch, if it existed before and had to be read.
    pub(crate) begun: Option<BatchRecord>,
}

impl<P: Ports> EnqueueFunction<P> {
    /// Reads the uploads that requests use, each once.
    pub(crate) async fn find_uploads<'a>(
        &self,
        tenant: &TenantId,
        requests: impl IntoIterator<Item = &'a EmailRequest>,
    ) -> Result<UploadsById, PortError> {
        let ids = requests.into_iter().flat_map(|request| &request.uploads);
        let ids: BTreeSet<UploadId> = ids.map(|(_, upload)| upload.id).collect();
        let look = |id| async move { (id, self.bodies.find_upload(tenant, id).await) };
        let looks: Vec<_> = ids.into_iter().map(look).collect();
        let found: Vec<_> = iter(looks).buffered(AT_ONCE).collect().await;
        let there = found.into_iter().filter_map(|(id, found)| match found {
            Ok(found) => found.map(|found| Ok((id, found))),
            Err(error) => Some(Err(error)),
        });
        there.collect()
    }

    /// Checks whether one email is eligible now, or was when it was first requested.
    ///
    /// A repeated request counts as the accepted one, even after its scheduled time.
    pub(crate) async fn in_time(
        &self,
        tenant: &TenantId,
        id: EmailId,
        key: Option<&IdempotencyKey>,
        request: &EmailRequest,
        now: Timestamp,
    ) -> Result<Timeliness, AcceptError> {
        let Some(error) = self.ineligibility(tenant, request, now).await? else {
            return Ok(Timeliness::Now);
        };
        if key.is_some() && self.is_known(tenant, id, request, now).await? {
            return Ok(Timeliness::Before);
        }
        Err(AcceptError::Refused(to_api(None, error)))
    }

    /// Whether the same request was accepted before, even if its email was erased since.
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

    /// Returns the reason why an email is not eligible now: its scheduled time is impossible, or its queue is missing.
    async fn ineligibility(
        &self,
        tenant: &TenantId,
        request: &EmailRequest,
        now: Timestamp,
    ) -> Result<Option<EmailError>, PortError> {
        let Some(queue) = self
            .queues
            .get(&self.records, tenant, &request.options.queue, now)
            .await?
        else {
            return queues::no_queue(&self.records, tenant).await.map(Some);
        };
        Ok(request.options.resolve(self.expires_after(&queue), now).err())
    }

    pub(crate) fn expires_after(&self, queue: &Queue) -> Duration {
        queue.expires_after.unwrap_or(self.with.expires_after)
    }

    /// Separates the ineligible items.
    ///
    /// A repeated batch counts as the one that was begun. Items that were eligible then are completed, even
    /// after their time, and items that were refused then are refused again.
    pub(crate) async fn separate_ineligible<'a>(
        &self,
        tenant: &TenantId,
        key: Option<&IdempotencyKey>,
        batch: &'a BatchRequest,
        now: Timestamp,
    ) -> Result<ValidatedBatch<'a>, AcceptError> {
        let found = self
            .find_uploads(tenant, batch.items.iter().map(|item| &item.request))
            .await?;
        let (mut items, mut errors) = (Vec::with_capacity(batch.items.len()), batch.errors.clone());
        let mut late = Vec::new();
        for item in &batch.items {
            let ineligibility = self.ineligibility(tenant, &item.request, now).await?;
            match ineligibility.or_else(|| missing_upload(&item.request, &found)) {
                None => items.push(item),
                Some(error) => late.push((item, error)),
            }
        }
        // The ids of the emails depend on the start time of the batch, and copies of uploads need the ids.
        let begun = if late.is_empty() && found.is_empty() {
            None
        } else {
            self.find_batch(tenant, key, batch, now).await?
        };
        let in_time = if begun.is_some() {
            items.extend(late.into_iter().map(|(item, _)| item));
            items.sort_by_key(|item| item.index);
            Timeliness::Before
        } else {
            for (item, error) in late {
                let bad = batch.validation.bad_item(item.index, error);
                errors.push(bad?);
            }
            errors.sort_by_key(|error| error.index);
            Timeliness::Now
        };
        Ok(ValidatedBatch {
            items,
            errors,
            in_time,
            found,
            begun,
        })
    }
}

/// Returns the error of a request with an upload that does not exist.
fn missing_upload(request: &EmailRequest, found: &UploadsById) -> Option<EmailError> {
    if request.uploads.is_empty() {
        return None;
    }
    request.resolve(found).err()
}
