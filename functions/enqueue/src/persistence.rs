//! Makes one email durable: its files, its content and its record.
//!
//! **Invariant:** no record exists without its files, and no response is sent before content and record are
//! both stored.
//! **After a crash** in between: files and content without a record expire by themselves. The same request
//! completes a record without a content.
//! **Start reading at** [`EnqueueFunction::store`]. A batch prepares its items with uploads before it writes any email.

use std::collections::BTreeSet;

use domain::api::error::ApiError;
use domain::api::fields::to_api;
use domain::api::requests::EmailRequest;
use domain::delivery::batch::BatchId;
use domain::delivery::hook::Hook;
use domain::delivery::index;
use domain::delivery::policy::Turn;
use domain::delivery::record::{BodyPlace, BodyRef, EmailRecord, FROM_DOMAIN_MAX};
use domain::id::{EmailId, EmailKey, QueueKey, TenantId};
use domain::message::attachment::UploadUse;
use domain::ports::erasure::{Erasing, Tombstones};
use domain::ports::{Bodies, Clock, Created, EmailRecords, FailureKind, Files, Packed, PortError, Put, Queues};
use domain::queue::{BINDS_AFTER, KNOWN_FOR, Queue};
use domain::timestamp::Timestamp;

use crate::eligibility::{Timeliness, UploadsById};
use crate::errors::{AcceptError, forgotten, other_request};
use crate::{EnqueueFunction, Ports, Requester};

/// A durable email, stored just now or before.
pub(crate) struct StoredEmail {
    pub(crate) record: EmailRecord,
    pub(crate) when: StorageTime,
    /// The turn of the email in its queue.
    pub(crate) turn: Turn,
}

/// Time at which an email became durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StorageTime {
    /// Just now.
    Now,
    /// By an earlier identical request.
    Before,
    /// By an earlier identical request, and erased since. The record has the values that it would have without the
    /// erasure.
    BeforeItWasErased,
}

impl StoredEmail {
    pub(crate) fn is_replay(&self) -> bool {
        self.when != StorageTime::Now
    }
}

/// An email before its first write, or one that needs none.
pub(crate) enum Preparation<'a> {
    /// Everything to write; the files exist already.
    WritePlan(Box<WritePlan<'a>>),
    /// The email was stored before.
    Known(Box<StoredEmail>),
}

/// Record and content of one email before they are stored. The record has no place in the due index yet.
pub(crate) struct WritePlan<'a> {
    record: EmailRecord,
    queue: Queue,
    packed: Packed,
    request: &'a EmailRequest,
    /// [`Put::There`]: at least one of the files existed before.
    attached: Put,
}

/// Identity of an email: its requester, its id, and its batch if that has a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EmailIdentity<'a> {
    pub(crate) by: Requester<'a>,
    pub(crate) id: EmailId,
    pub(crate) batch: Option<BatchId>,
    /// The index of a batch's item in the request.
    pub(crate) item: Option<usize>,
    /// The idempotency key of the request, which events of webhooks show.
    pub(crate) idempotency_key: Option<&'a str>,
}

impl EmailIdentity<'_> {
    /// Returns what webhooks need of the email's record; `None` for a tenant without a webhook.
    fn hook(&self, request: &EmailRequest) -> Option<Hook> {
        let email = &request.email;
        let all = email.to().iter().chain(email.cc()).chain(email.bcc());
        let addresses = all.map(|mailbox| mailbox.address().as_str());
        let key = self.idempotency_key.map(str::to_owned);
        self.by.has_webhooks.then(|| Hook::new(addresses, key))
    }
}

impl<P: Ports> EnqueueFunction<P> {
    /// Makes one email durable.
    pub(crate) async fn store(
        &self,
        place: EmailIdentity<'_>,
        request: &EmailRequest,
        possible: (Timeliness, &UploadsById),
        now: Timestamp,
    ) -> Result<StoredEmail, AcceptError> {
        let ready = self.ready(place, request, possible, now).await?;
        let turn = match &ready {
            Preparation::Known(_) => Turn::Free,
            Preparation::WritePlan(_) => self
                .reserve_turns(place.by.tenant, &[request], now)
                .await
                .pop()
                .unwrap_or_default(),
        };
        self.write(ready, None, turn, now).await
    }

    /// Does everything except writing the email, so that every refusal happens here. The files are copied,
    /// because an upload may be gone later.
    pub(crate) async fn ready<'a>(
        &self,
        identity: EmailIdentity<'_>,
        request: &'a EmailRequest,
        (in_time, found): (Timeliness, &UploadsById),
        now: Timestamp,
    ) -> Result<Preparation<'a>, AcceptError> {
        let EmailIdentity {
            by, id, batch, item, ..
        } = identity;
        let tenant = by.tenant;
        let mut content = request.email.to_body();
        let hash = request.hash_with(&content);
        let known = |refusal| async {
            let stored = self.find_earlier(tenant, id, hash.clone(), refusal, now).await;
            stored.map(|stored| Preparation::Known(Box::new(stored)))
        };
        if in_time == Timeliness::LongAgo {
            return known(forgotten()).await;
        }
        let options = &request.options;
        let queue = self.queues.get(&self.records, tenant, &options.queue, now).await?;
        // The queue was deleted after the first request, or just now.
        let queue = queue.unwrap_or_else(|| {
            let (tenant, name) = (tenant.clone(), options.queue.clone());
            Queue::plain(QueueKey { tenant, name }, now)
        });
        let wanted = match in_time {
            Timeliness::Now => options
                .resolve(self.expires_after(&queue), now)
                .map_err(|error| AcceptError::Refused(to_api(item, error)))?,
            Timeliness::Before | Timeliness::LongAgo => options.resolve_late(self.expires_after(&queue), now),
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
        let packed = self.bodies.pack(&email.stored(content))?;
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
            queue: options.queue.clone(),
            priority: options.priority.unwrap_or(queue.priority),
            on_uncertain: options.on_uncertain,
            not_before: wanted.not_before,
            scheduled_at: wanted.scheduled_at,
            expires_at: wanted.expires_at,
            expires_given: wanted.expires_given,
            generation: (!queue.key.name.is_default()).then_some(queue.generation),
            key: by.key,
            from_domain: (domain.len() <= FROM_DOMAIN_MAX).then(|| domain.to_owned()),
            dropped_headers: request.dropped_headers.clone(),
            batch,
            hook: identity.hook(request),
            ..EmailRecord::new(tenant.clone(), id, body, recipients, now)
        };
        let attached = self.attach(&record, item, request, now).await?;
        Ok(Preparation::WritePlan(Box::new(WritePlan {
            record,
            queue,
            packed,
            request,
            attached,
        })))
    }

    /// Writes one email: content and record concurrently. The response waits for both. The turn decides where the email
    /// waits in the due index. A record that was `found` is not written again; only its content may be missing.
    pub(crate) async fn write(
        &self,
        ready: Preparation<'_>,
        found: Option<EmailRecord>,
        turn: Turn,
        now: Timestamp,
    ) -> Result<StoredEmail, AcceptError> {
        let WritePlan {
            mut record,
            queue,
            packed,
            request,
            attached,
        } = match ready {
            Preparation::Known(stored) => return Ok(*stored),
            Preparation::WritePlan(plan) => *plan,
        };
        let (due, _) = index::queued(record.not_before, record.expires_at, turn, self.with.guard, now);
        record.due = Some(due);
        let key = record.email_key();
        let put = self
            .bodies
            .put(&key, &record.body, packed, self.keep_until(&record), now);
        let create = async {
            match found {
                Some(found) => Ok(Created::Exists(Box::new(found))),
                None => self.records.create(&record, now).await,
            }
        };
        let (put, created) = futures::future::join(put, create).await;
        let put = put?;
        let stored = match created? {
            Created::New => StoredEmail {
                record,
                when: StorageTime::Now,
                turn,
            },
            Created::Exists(known) if known.body.sha256 == record.body.sha256 => StoredEmail {
                record: *known,
                when: StorageTime::Before,
                turn,
            },
            Created::Erased { sha256 } if sha256 == record.body.sha256 => {
                // The request stored the erased content again.
                self.bodies.erase(&key).await?;
                let when = StorageTime::BeforeItWasErased;
                return Ok(StoredEmail { record, when, turn });
            }
            Created::Exists(_) | Created::Erased { .. } => return Err(AcceptError::Refused(other_request())),
        };
        if stored.when == StorageTime::Now && self.is_too_late(&queue, now).await? {
            return Err(PortError {
                kind: FailureKind::Unknown,
                what: "storing an email",
                source: "its queue was purged or deleted at the same time".into(),
            }
            .into());
        }
        if stored.record.status.is_final() && self.records.tombstone(&key, now).await?.is_some() {
            // It was erased concurrently, perhaps before its content was stored again.
            self.bodies.erase(&key).await?;
            let when = StorageTime::BeforeItWasErased;
            return Ok(StoredEmail { when, ..stored });
        }
        if (put, stored.record.body.place) == (Put::There, BodyPlace::Bucket) {
            self.extend_retention(&stored.record, now).await?;
        }
        if attached == Put::There {
            self.keep_files(&stored.record, request, now).await?;
        }
        Ok(stored)
    }

    /// Whether the queue of a slowly stored email is outdated: a purge or a deletion may have been answered
    /// since the queue was read. `now` is the arrival of the request.
    async fn is_too_late(&self, queue: &Queue, now: Timestamp) -> Result<bool, PortError> {
        let took = self.system.now().since(now).saturating_add(KNOWN_FOR);
        if queue.key.name.is_default() || took < BINDS_AFTER {
            return Ok(false);
        }
        let stored = self.records.queue(&queue.key).await?;
        Ok(stored.is_some_and(|stored| stored.deleted || stored.purged_below > queue.generation))
    }

    /// Returns the end of retention of an email's content and files.
    fn keep_until(&self, record: &EmailRecord) -> Timestamp {
        record.expires_at.after(self.with.retention)
    }

    /// Returns the email that an earlier identical request stored, or the refusal when there is none.
    async fn find_earlier(
        &self,
        tenant: &TenantId,
        id: EmailId,
        hash: String,
        refusal: ApiError,
        now: Timestamp,
    ) -> Result<StoredEmail, AcceptError> {
        let tenant = tenant.clone();
        let key = EmailKey { tenant, id };
        if let Some(record) = self.records.load(&key, now).await? {
            if record.body.sha256 != hash {
                return Err(AcceptError::Refused(other_request()));
            }
            let when = StorageTime::Before;
            let turn = Turn::Free;
            return Ok(StoredEmail { record, when, turn });
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
                let (when, turn) = (StorageTime::BeforeItWasErased, Turn::Free);
                Ok(StoredEmail { record, when, turn })
            }
            Some(_) => Err(AcceptError::Refused(other_request())),
            None => Err(AcceptError::Refused(refusal)),
        }
    }

    /// Copies the uploads for the email before its record exists: a record must have its files. Returns [`Put::There`]
    /// when at least one copy existed before.
    async fn attach(
        &self,
        record: &EmailRecord,
        item: Option<usize>,
        request: &EmailRequest,
        now: Timestamp,
    ) -> Result<Put, AcceptError> {
        let (key, keep_until, mut put) = (record.email_key(), self.keep_until(record), Put::New);
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

    /// Extends the retention of existing copies, as [`Self::extend_retention`] does for the content.
    async fn keep_files(&self, record: &EmailRecord, request: &EmailRequest, now: Timestamp) -> Result<(), PortError> {
        let keep_until = self.keep_until(record);
        for upload in each_once(request) {
            let key = record.email_key();
            if !self
                .bodies
                .keep_file(&key, &record.body, upload.id, keep_until, now)
                .await?
            {
                return Err(PortError {
                    what: "extending the retention of a file",
                    kind: FailureKind::Permanent,
                    source: "the object no longer exists".into(),
                });
            }
        }
        Ok(())
    }

    /// Extends the retention of an existing object. The object may be left over from an expired email of the same
    /// idempotency key, and then it would expire soon. A content in the table is written again instead.
    async fn extend_retention(&self, record: &EmailRecord, now: Timestamp) -> Result<(), PortError> {
        let keep_until = self.keep_until(record);
        if self
            .bodies
            .extend_retention(&record.email_key(), &record.body, keep_until, now)
            .await?
        {
            return Ok(());
        }
        Err(PortError {
            what: "extending the retention of a content",
            kind: FailureKind::Permanent,
            source: "the object no longer exists".into(),
        })
    }
}

/// Returns the distinct uploads of a request.
fn each_once(request: &EmailRequest) -> impl Iterator<Item = &UploadUse> {
    let mut seen = BTreeSet::new();
    let uploads = request.uploads.iter().map(|(_, upload)| upload);
    uploads.filter(move |upload| seen.insert(upload.id))
}
