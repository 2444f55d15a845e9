//! Makes one email durable: its files, its content and its record.
//!
//! **Invariant:** no record without its files, and no answer before content and record are both there.
//! **After a crash** in between: what has no record ends by itself, at the time that its files and its content were
//! given; a record without a content is completed by the same request.
//! **Start reading at** [`Enqueue::store`]. A batch makes its items with uploads ready before it writes any email.

use std::collections::BTreeSet;

use domain::api_error::ApiError;
use domain::attachment::UploadUse;
use domain::batch::BatchId;
use domain::id::{EmailId, TenantId};
use domain::index;
use domain::ports::erasure::{Erasing, Tombstones};
use domain::ports::rate_limits::RateLimits;
use domain::ports::{
    Batches, Bodies, Clock, Created, EmailKey, EmailRecords, FailureKind, Lanes, Packed, PortError, Put, Queues, Random,
};
use domain::queue::{BINDS_AFTER, KNOWN_FOR, Queue, QueueKey};
use domain::rate_limit::Turn;
use domain::record::{BodyPlace, BodyRef, EmailRecord, FROM_DOMAIN_MAX};
use domain::timestamp::Timestamp;
use domain::wire::api::{EmailRequest, to_api};

use crate::possible::{Found, InTime};
use crate::{AcceptError, By, Enqueue, forgotten, other_request};

/// An email that is durable, whether it was made so just now or before.
pub(crate) struct Stored {
    pub(crate) record: EmailRecord,
    pub(crate) when: When,
    /// Its turn in its queue.
    pub(crate) turn: Turn,
}

/// When an email was made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Just now.
    Now,
    /// By the same request before.
    Before,
    /// By the same request before; it was erased since, and the record is what it would be.
    BeforeItWasErased,
}

impl Stored {
    pub(crate) fn replayed(&self) -> bool {
        self.when != When::Now
    }
}

/// An email before its first write, or one that needs none.
pub(crate) enum Ready<'a> {
    /// Everything that is to be written; the files are there already.
    Plan(Box<Plan<'a>>),
    /// It was stored before.
    Known(Box<Stored>),
}

/// The record and the content of one email that is to be stored. The record has no place in the index yet.
pub(crate) struct Plan<'a> {
    record: EmailRecord,
    queue: Queue,
    packed: Packed,
    request: &'a EmailRequest,
    /// [`Put::There`]: at least one of the files was there before.
    attached: Put,
}

/// The place of an email: who asks for it, its id, and the batch that it belongs to if that has a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) by: By<'a>,
    pub(crate) id: EmailId,
    pub(crate) batch: Option<BatchId>,
    /// The place in the request of a batch's item.
    pub(crate) item: Option<usize>,
}

impl<R, B, L, S> Enqueue<R, B, L, S>
where
    R: EmailRecords + RateLimits + Tombstones + Batches + Queues,
    B: Bodies + Erasing,
    L: Lanes,
    S: Clock + Random,
{
    /// Makes one email durable.
    pub(crate) async fn store(
        &self,
        place: Place<'_>,
        request: &EmailRequest,
        possible: (InTime, &Found),
        now: Timestamp,
    ) -> Result<Stored, AcceptError> {
        let ready = self.ready(place, request, possible, now).await?;
        let turn = match &ready {
            Ready::Known(_) => Turn::Free,
            Ready::Plan(_) => self
                .turns(place.by.tenant, &[request], now)
                .await
                .pop()
                .unwrap_or_default(),
        };
        self.write(ready, turn, now).await
    }

    /// Does everything but the writing of the email: whatever can be refused is refused here. The files are
    /// copied, for an upload may be gone by now.
    pub(crate) async fn ready<'a>(
        &self,
        Place { by, id, batch, item }: Place<'_>,
        request: &'a EmailRequest,
        (in_time, found): (InTime, &Found),
        now: Timestamp,
    ) -> Result<Ready<'a>, AcceptError> {
        let tenant = by.tenant;
        let mut content = request.email.to_body();
        let hash = request.hash_with(&content);
        let known = |refusal| async {
            let stored = self.known(tenant, id, hash.clone(), refusal, now).await;
            stored.map(|stored| Ready::Known(Box::new(stored)))
        };
        if in_time == InTime::LongAgo {
            return known(forgotten()).await;
        }
        let wishes = &request.wishes;
        let queue = self.queues.get(&self.records, tenant, &wishes.queue, now).await?;
        // One that was deleted since the request was first made, or this moment.
        let queue = queue.unwrap_or_else(|| {
            let (tenant, name) = (tenant.clone(), wishes.queue.clone());
            Queue::plain(QueueKey { tenant, name }, now)
        });
        let wanted = match in_time {
            InTime::Now => wishes
                .wanted(self.expires_after(&queue), now)
                .map_err(|error| AcceptError::Refused(to_api(item, error)))?,
            InTime::Before | InTime::LongAgo => wishes.wanted_late(self.expires_after(&queue), now),
        };
        let with_uploads;
        let email = if request.uploads.is_empty() {
            &request.email
        } else {
            with_uploads = match request.resolve(found) {
                Ok(email) => email,
                Err(error) => return known(to_api(item, error)).await,
            };
            content = with_uploads.to_body();
            &with_uploads
        };
        let packed = self.bodies.pack(&content)?;
        let body = BodyRef {
            sha256: hash,
            place: packed.place,
            bytes: u64::try_from(email.bytes()).unwrap_or(u64::MAX),
        };
        let recipients = u32::try_from(request.email.recipients()).unwrap_or(u32::MAX);
        let domain = request.email.from().address().domain();
        let files = email.attachments().iter();
        let attachment_bytes = files.fold(0_u64, |sum, file| sum.saturating_add(file.size()));
        let record = EmailRecord {
            attachment_bytes,
            queue: wishes.queue.clone(),
            lane: wishes.priority.unwrap_or(queue.priority),
            on_uncertain: wishes.on_uncertain,
            not_before: wanted.not_before,
            scheduled_at: wanted.scheduled_at,
            expires_at: wanted.expires_at,
            expires_given: wanted.expires_given,
            generation: (!queue.key.name.is_default()).then_some(queue.generation),
            key: by.key,
            from_domain: (domain.len() <= FROM_DOMAIN_MAX).then(|| domain.to_owned()),
            batch,
            ..EmailRecord::new(tenant.clone(), id, body, recipients, now)
        };
        let attached = self.attach(&record, item, request, now).await?;
        Ok(Ready::Plan(Box::new(Plan {
            record,
            queue,
            packed,
            request,
            attached,
        })))
    }

    /// Writes one email: content and record at the same time, neither visible as accepted before both are there, for
    /// the answer waits for both. Its turn says where it waits in the index.
    pub(crate) async fn write(&self, ready: Ready<'_>, turn: Turn, now: Timestamp) -> Result<Stored, AcceptError> {
        let Plan {
            mut record,
            queue,
            packed,
            request,
            attached,
        } = match ready {
            Ready::Known(stored) => return Ok(*stored),
            Ready::Plan(plan) => *plan,
        };
        let (due, _) = index::queued(record.not_before, record.expires_at, turn, self.with.guard, now);
        record.due = Some(due);
        let key = EmailKey::of(&record);
        let put = self
            .bodies
            .put(&key, &record.body, packed, self.keep_until(&record), now);
        let (put, created) = futures::future::join(put, self.records.create(&record, now)).await;
        let put = put?;
        let stored = match created? {
            Created::New => Stored {
                record,
                when: When::Now,
                turn,
            },
            Created::Exists(known) if known.body.sha256 == record.body.sha256 => Stored {
                record: *known,
                when: When::Before,
                turn,
            },
            Created::Erased { sha256 } if sha256 == record.body.sha256 => {
                // What was erased has come again with the request.
                self.bodies.erase(&key).await?;
                let when = When::BeforeItWasErased;
                return Ok(Stored { record, when, turn });
            }
            Created::Exists(_) | Created::Erased { .. } => return Err(AcceptError::Refused(other_request())),
        };
        if stored.when == When::Now && self.is_too_late(&queue, now).await? {
            return Err(PortError {
                kind: FailureKind::Unknown,
                what: "storing an email",
                source: "its queue was purged or deleted while it was stored".into(),
            }
            .into());
        }
        if stored.record.status.is_final() && self.records.tombstone(&key, now).await?.is_some() {
            // It was erased at this very moment, perhaps before its content was stored anew.
            self.bodies.erase(&key).await?;
            let when = When::BeforeItWasErased;
            return Ok(Stored { when, ..stored });
        }
        if (put, stored.record.body.place) == (Put::There, BodyPlace::Bucket) {
            self.keep(&stored.record, now).await?;
        }
        if attached == Put::There {
            self.keep_files(&stored.record, request, now).await?;
        }
        Ok(stored)
    }

    /// Whether an email that took long to store belongs to a state of its queue that is over: a purge or a deletion
    /// may have been answered since the queue was read. `now`: when the request came.
    async fn is_too_late(&self, queue: &Queue, now: Timestamp) -> Result<bool, PortError> {
        let took = self.system.now().since(now).saturating_add(KNOWN_FOR);
        if queue.key.name.is_default() || took < BINDS_AFTER {
            return Ok(false);
        }
        let stored = self.records.queue(&queue.key).await?;
        Ok(stored.is_some_and(|stored| stored.deleted || stored.purged_below > queue.generation))
    }

    /// Until when the content and the files of an email are kept.
    fn keep_until(&self, record: &EmailRecord) -> Timestamp {
        record.expires_at.after(self.with.retention)
    }

    /// The email that was stored by the same request before; or the refusal, when there is none.
    async fn known(
        &self,
        tenant: &TenantId,
        id: EmailId,
        hash: String,
        refusal: ApiError,
        now: Timestamp,
    ) -> Result<Stored, AcceptError> {
        let tenant = tenant.clone();
        let key = EmailKey { tenant, id };
        if let Some(record) = self.records.load(&key, now).await? {
            if record.body.sha256 != hash {
                return Err(AcceptError::Refused(other_request()));
            }
            let when = When::Before;
            let turn = Turn::Free;
            return Ok(Stored { record, when, turn });
        }
        match self.records.tombstone(&key, now).await? {
            Some(known) if known == hash => {
                let (place, bytes) = (BodyPlace::Table, 0);
                let body = BodyRef {
                    sha256: hash,
                    place,
                    bytes,
                };
                let record = EmailRecord::new(key.tenant, id, body, 0, now);
                let (when, turn) = (When::BeforeItWasErased, Turn::Free);
                Ok(Stored { record, when, turn })
            }
            Some(_) => Err(AcceptError::Refused(other_request())),
            None => Err(AcceptError::Refused(refusal)),
        }
    }

    /// Gives the email its own copies of the uploads, before there is a record: what is to be sent must be there.
    /// [`Put::There`]: at least one was there before.
    async fn attach(
        &self,
        record: &EmailRecord,
        item: Option<usize>,
        request: &EmailRequest,
        now: Timestamp,
    ) -> Result<Put, AcceptError> {
        let (key, keep_until, mut put) = (EmailKey::of(record), self.keep_until(record), Put::New);
        for upload in each_once(request) {
            let attached = self
                .bodies
                .attach(&key, &record.body, upload.id, keep_until, now)
                .await?;
            match attached {
                Some(Put::New) => {}
                Some(Put::There) => put = Put::There,
                None => return Err(AcceptError::Refused(to_api(item, upload.missing()))),
            }
        }
        Ok(put)
    }

    /// Keeps copies that were there before, as [`Self::keep`] does with the content.
    async fn keep_files(&self, record: &EmailRecord, request: &EmailRequest, now: Timestamp) -> Result<(), PortError> {
        let keep_until = self.keep_until(record);
        for upload in each_once(request) {
            let key = EmailKey::of(record);
            if !self
                .bodies
                .keep_file(&key, &record.body, upload.id, keep_until, now)
                .await?
            {
                return Err(PortError {
                    what: "keeping a file",
                    kind: FailureKind::Permanent,
                    source: "it is gone".into(),
                });
            }
        }
        Ok(())
    }

    /// Keeps an object that was there before. An email of this key that is forgotten may have left
    /// it, and then not for long; in the table such a content is written anew.
    async fn keep(&self, record: &EmailRecord, now: Timestamp) -> Result<(), PortError> {
        let keep_until = self.keep_until(record);
        if self
            .bodies
            .keep(&EmailKey::of(record), &record.body, keep_until, now)
            .await?
        {
            return Ok(());
        }
        Err(PortError {
            what: "keeping a content",
            kind: FailureKind::Permanent,
            source: "it is gone".into(),
        })
    }
}

/// The uploads of a request, none of them twice.
fn each_once(request: &EmailRequest) -> impl Iterator<Item = &UploadUse> {
    let mut seen = BTreeSet::new();
    let uploads = request.uploads.iter().map(|(_, upload)| upload);
    uploads.filter(move |upload| seen.insert(upload.id))
}
