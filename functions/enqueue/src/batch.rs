//! Accepts a batch of emails.
//!
//! **Invariant:** every refusal happens before the batch's record and its emails are written. Once an email is
//! stored, by this request or an earlier identical one, the response is no refusal, and the email is enqueued.
//! The ids of the emails of a batch with a key depend on the start time in its record, so that no two batches have an
//! email in common.
//! **After a crash** in between: the same request with the same key completes the batch, and sends nothing
//! twice. It writes the missing emails first, so that repetitions complete even a batch that takes longer than one
//! request.
//! **Start reading at** [`EnqueueFunction::accept_batch`].

use std::collections::BTreeMap;
use std::iter::repeat;

use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::{BatchItem, BatchRequest};
use domain::delivery::batch::{self, BatchId, BatchRecord, BatchStart, ItemError};
use domain::delivery::policy::Turn;
use domain::delivery::record::EmailRecord;
use domain::id::{EmailKey, TenantId};
use domain::ports::{Batches, Clock, EmailRecords, PortError, Random};
use domain::timestamp::Timestamp;
use futures::StreamExt;
use futures::stream::iter;

use crate::acceptance::AcceptedBatch;
use crate::eligibility::{Timeliness, UploadsById, ValidatedBatch};
use crate::errors::{AcceptError, Broken, other_request};
use crate::persistence::{EmailIdentity, Preparation, StoredEmail};
use crate::{AT_ONCE, EnqueueFunction, Ports, Requester};

/// A batch with a key, and its record: found, written, or about to be written.
struct Keyed<'k> {
    key: &'k IdempotencyKey,
    record: BatchRecord,
}

/// The record of a batch after it was written or found.
struct Recorded {
    record: BatchRecord,
    /// An earlier request wrote it.
    is_older: bool,
}

impl<P: Ports> EnqueueFunction<P> {
    /// Accepts a batch. Success means that all valid items are durable; after an error some may be.
    ///
    /// # Errors
    /// 409 when the key belongs to another request. 500 when the records of some emails may have expired.
    /// [`AcceptError::Broken`] when a part may be stored. Or a backend call failed.
    pub async fn accept_batch(
        &self,
        by: impl Into<Requester<'_>>,
        key: Option<&IdempotencyKey>,
        batch: &BatchRequest,
    ) -> Result<AcceptedBatch, AcceptError> {
        let by = by.into();
        let (tenant, now) = (by.tenant, self.system.now());
        let ValidatedBatch {
            mut items,
            mut errors,
            mut in_time,
            found,
            mut begun,
        } = self.separate_ineligible(tenant, key, batch, now).await?;
        let mut keyed = key.map(|key| Keyed {
            key,
            record: begun.clone().unwrap_or_else(|| self.new_record(batch, &errors, now)),
        });
        let mut ready = self
            .copy_uploads(by, keyed.as_ref(), &items, (in_time, &found), now)
            .await;
        if begun.is_none() && ready.values().any(Result::is_err) {
            begun = self.find_batch(tenant, key, batch, now).await?;
        }
        if begun.is_none()
            && let Some(error) = take_error(&mut ready)
        {
            return Err(error);
        }
        let mut begun_before = false;
        if let Some(Keyed { key, record: ours }) = &mut keyed {
            let id = key.batch_id();
            let Recorded { record, is_older } = self.record_batch(tenant, &id, ours, &items, begun, now).await?;
            begun_before = is_older;
            if record.begun != ours.begun {
                // Another request began the batch meanwhile, so these copies of uploads have ids that no email gets.
                ready.clear();
            }
            errors.clone_from(&record.errors);
            items.retain(|item| !errors.iter().any(|error| error.index == item.index));
            if !record.may_complete(self.with.retention, now) {
                in_time = Timeliness::LongAgo;
                ready.clear();
            } else if begun_before {
                // An email that this request stores may expire later than those that the first request stored.
                let keep_until = batch::keep_until(self.last_expiry(tenant, &items, now).await?, self.with.retention);
                self.records.keep_batch(tenant, &id, keep_until).await?;
            }
            *ours = record;
        }
        let turns = if in_time == Timeliness::LongAgo {
            Vec::new()
        } else {
            let requests: Vec<_> = items.iter().map(|item| &item.request).collect();
            self.reserve_turns(tenant, &requests, now).await
        };
        let turns = turns.into_iter().chain(repeat(Turn::Free));
        let possible = (in_time, &found);
        let keyed = keyed.as_ref();
        let mut earlier = match keyed {
            Some(keyed) if begun_before && in_time != Timeliness::LongAgo => {
                self.stored_emails(tenant, keyed, &items, now).await?
            }
            _ => BTreeMap::new(),
        };
        // Futures do nothing until they are polled: a list of them costs little.
        let (stored, missing): (Vec<_>, Vec<_>) = items
            .iter()
            .zip(turns)
            .map(|(item, turn)| {
                let (ready, earlier) = (ready.remove(&item.index), earlier.remove(&item.index));
                let is_stored = earlier.is_some();
                let store = async move {
                    let ready = match ready {
                        Some(ready) => ready?,
                        None => self.ready_item(by, keyed, item, possible, now).await?,
                    };
                    self.write(ready, earlier, turn, now).await
                };
                (is_stored, async move { (item.index, store.await) })
            })
            .partition(|(is_stored, _)| *is_stored);
        // The missing emails come first: each repetition stores more of them, however early it ends.
        let stores = missing.into_iter().chain(stored).map(|(_, store)| store);
        let mut results: Vec<_> = iter(stores.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
        results.sort_by_key(|(index, _)| *index);
        let results: Vec<Result<StoredEmail, AcceptError>> = results.into_iter().map(|(_, result)| result).collect();
        let durable: Vec<&StoredEmail> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
        self.enqueue_tasks(&durable).await;
        let stored = if in_time == Timeliness::LongAgo {
            // Nothing was written, and no repetition can complete the batch.
            results.into_iter().collect::<Result<Vec<_>, _>>()?
        } else {
            all_of(key.is_some(), begun_before, &items, results)?
        };
        Ok(AcceptedBatch {
            ids: stored.iter().map(|stored| stored.record.id).collect(),
            replayed: !stored.is_empty() && stored.iter().all(StoredEmail::is_replay),
            errors,
            begun_before,
        })
    }

    /// Whether an earlier request began the same batch.
    ///
    /// # Errors
    /// 409 when the key belongs to another request. Or a backend call failed.
    pub async fn repeats_batch(
        &self,
        tenant: &TenantId,
        key: Option<&IdempotencyKey>,
        batch: &BatchRequest,
    ) -> Result<bool, AcceptError> {
        let found = self.find_batch(tenant, key, batch, self.system.now()).await?;
        Ok(found.is_some())
    }

    /// Returns the emails that an earlier request with the key stored, by index.
    async fn stored_emails(
        &self,
        tenant: &TenantId,
        Keyed { key, record }: &Keyed<'_>,
        items: &[&BatchItem],
        now: Timestamp,
    ) -> Result<BTreeMap<usize, EmailRecord>, PortError> {
        let key_of = |item: &&BatchItem| EmailKey {
            tenant: tenant.clone(),
            id: record.email_id(tenant, key.as_str(), item.index),
        };
        let keys: Vec<_> = items.iter().map(key_of).collect();
        let found = self.records.load_many(&keys, now).await?;
        let mut found: BTreeMap<_, _> = found.into_iter().map(|record| (record.id, record)).collect();
        let indexes = items.iter().map(|item| item.index);
        let by_index = indexes
            .zip(keys)
            .filter_map(|(index, key)| Some((index, found.remove(&key.id)?)));
        Ok(by_index.collect())
    }

    /// Returns the record of the batch, if an earlier request with its key began it.
    ///
    /// # Errors
    /// 409 when the key belongs to another request. Or a backend call failed.
    pub(crate) async fn find_batch(
        &self,
        tenant: &TenantId,
        key: Option<&IdempotencyKey>,
        batch: &BatchRequest,
        now: Timestamp,
    ) -> Result<Option<BatchRecord>, AcceptError> {
        let Some(key) = key else { return Ok(None) };
        match self.records.recall(tenant, &key.batch_id(), now).await? {
            Some(known) if known.hash != batch.hash() => Err(AcceptError::Refused(other_request())),
            found => Ok(found),
        }
    }

    /// Returns the record of a batch that begins now.
    fn new_record(&self, batch: &BatchRequest, errors: &[ItemError], now: Timestamp) -> BatchRecord {
        BatchRecord {
            hash: batch.hash(),
            errors: errors.to_vec(),
            begun: Some(BatchStart {
                at: now,
                retention: self.with.retention,
                in_ids: true,
            }),
        }
    }

    /// Prepares the items with uploads, by index. Their uploads are copied before any email is written, because an
    /// upload may be gone by now.
    async fn copy_uploads<'a>(
        &self,
        by: Requester<'_>,
        keyed: Option<&Keyed<'_>>,
        items: &[&'a BatchItem],
        possible: (Timeliness, &UploadsById),
        now: Timestamp,
    ) -> BTreeMap<usize, Result<Preparation<'a>, AcceptError>> {
        let with_uploads = items.iter().filter(|item| !item.request.uploads.is_empty());
        let copies: Vec<_> = with_uploads
            .map(|item| async { (item.index, self.ready_item(by, keyed, item, possible, now).await) })
            .collect();
        iter(copies).buffered(AT_ONCE).collect().await
    }

    async fn ready_item<'a>(
        &self,
        by: Requester<'_>,
        keyed: Option<&Keyed<'_>>,
        item: &'a BatchItem,
        possible: (Timeliness, &UploadsById),
        now: Timestamp,
    ) -> Result<Preparation<'a>, AcceptError> {
        let id = match keyed {
            Some(Keyed { key, record }) => record.email_id(by.tenant, key.as_str(), item.index),
            None => self.system.id()?,
        };
        let place = EmailIdentity {
            by,
            id,
            batch: keyed.map(|keyed| keyed.key.batch_id()),
            item: Some(item.index),
            idempotency_key: keyed.map(|keyed| keyed.key.as_str()),
        };
        self.ready(place, &item.request, possible, now).await
    }

    /// Writes the record of a batch, unless `begun` or another one exists.
    async fn record_batch(
        &self,
        tenant: &TenantId,
        id: &BatchId,
        ours: &BatchRecord,
        items: &[&BatchItem],
        begun: Option<BatchRecord>,
        now: Timestamp,
    ) -> Result<Recorded, AcceptError> {
        if let Some(record) = begun {
            let is_older = true;
            return Ok(Recorded { record, is_older });
        }
        let keep_until = batch::keep_until(self.last_expiry(tenant, items, now).await?, self.with.retention);
        let record = self.records.remember(tenant, id, ours, keep_until, now).await?;
        if record.hash != ours.hash {
            return Err(AcceptError::Refused(other_request()));
        }
        // When an answer is lost, the SDK's retry finds the record that this request wrote.
        let is_older = record != *ours;
        Ok(Recorded { record, is_older })
    }

    /// Returns the latest expiry of these emails if they are stored now; at least that of an email with default
    /// options.
    async fn last_expiry(
        &self,
        tenant: &TenantId,
        items: &[&BatchItem],
        now: Timestamp,
    ) -> Result<Timestamp, PortError> {
        let mut last = now.after(self.with.expires_after);
        for item in items {
            let options = &item.request.options;
            let queue = self.queues.get(&self.records, tenant, &options.queue, now).await?;
            let expires_after = queue.map_or(self.with.expires_after, |queue| self.expires_after(&queue));
            last = last.max(options.resolve_late(expires_after, now).expires_at);
        }
        Ok(last)
    }
}

/// Removes and returns the first error.
fn take_error<T>(ready: &mut BTreeMap<usize, Result<T, AcceptError>>) -> Option<AcceptError> {
    let index = ready.iter().find_map(|(index, one)| one.is_err().then_some(*index))?;
    ready.remove(&index).and_then(Result::err)
}

/// Returns all emails of a batch, or the refusal of a batch without any stored email, or
/// [`AcceptError::Broken`].
fn all_of(
    has_key: bool,
    begun_before: bool,
    items: &[&BatchItem],
    results: Vec<Result<StoredEmail, AcceptError>>,
) -> Result<Vec<StoredEmail>, AcceptError> {
    let (mut stored, mut indexes, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for (item, result) in items.iter().zip(results) {
        match result {
            Ok(one) => {
                indexes.push((item.index, one.record.id));
                stored.push(one);
            }
            Err(error) => failures.push(error),
        }
    }
    let nothing_is_stored =
        !begun_before && stored.is_empty() && failures.iter().all(|error| matches!(error, AcceptError::Refused(_)));
    let Some(source) = failures.into_iter().next() else {
        return Ok(stored);
    };
    if nothing_is_stored {
        return Err(source);
    }
    Err(AcceptError::Broken(Box::new(Broken {
        stored: indexes,
        begun_before,
        has_key,
        source,
    })))
}
