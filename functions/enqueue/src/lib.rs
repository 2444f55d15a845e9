//! Accepts emails: content and row are durable before the answer, then they are woken.
//!
//! **Role:** behind `POST /emails` and `POST /emails/batch`.
//! **Invariant:** a 2xx means that the row and its content are durable. A wake-up that fails
//! changes nothing of that: the index has the row.
//! **After a crash** before the answer: the caller repeats with the same key and gets the same
//! emails; without a key nothing was promised.
//! **Start reading at** [`Enqueue::accept`]; [`dry_run`] does the same without a trace, [`allowance`] is
//! what a tenant may, [`handler`] is HTTP.

pub mod allowance;
pub mod dry_run;
pub mod handler;
pub mod queues;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws::front::Failure;
use domain::access::tenant::Tenant;
use domain::api_error::ApiError;
use domain::attachment::{UploadUse, Uploaded};
use domain::cost::Prices;
use domain::email::EmailError;
use domain::id::{EmailId, TenantId, UploadId};
use domain::index;
use domain::ports::access::{Allowances, Keys, Tenants};
use domain::ports::erasure::{Erasing, Tombstones};
use domain::ports::{
    BatchRecord, Batches, Bodies, Clock, Counts, Created, EmailKey, Lanes, Paces, PortError, Put, Queues, Random, Rows,
    Suppressions, Wake,
};
use domain::queue::{Queue, QueueKey};
use domain::row::{BodyPlace, BodyRef, Row, Status};
use domain::timestamp::Timestamp;
use domain::wire::api::{BatchItem, BatchRequest, EmailRequest, IdempotencyKey, ItemError, to_api};
use domain::wire::wake_up::WakeUp;
use futures::StreamExt;
use futures::stream::iter;

use crate::allowance::{Beyond, Purses};
use crate::queues::KnownQueues;

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

impl Failure for AcceptError {
    fn refusal(&self) -> Option<Cow<'_, ApiError>> {
        match self {
            Self::Refused(error) => Some(Cow::Borrowed(error)),
            Self::Beyond(beyond) => Some(Cow::Owned(beyond.error())),
            Self::Port(_) => None,
        }
    }
}

/// What was uploaded of what a request uses.
type Found = BTreeMap<UploadId, Uploaded>;

/// When a request was, or is, possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InTime {
    /// Now.
    Now,
    /// When it was first made.
    Before,
}

/// A batch whose impossible items are put apart.
struct Sifted {
    items: Vec<BatchItem>,
    errors: Vec<ItemError>,
    in_time: InTime,
    found: Found,
}

/// An email that is durable, whether it was made so just now or before.
struct Stored {
    row: Row,
    when: When,
}

/// When an email was made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Just now.
    Now,
    /// By the same request before.
    Before,
    /// By the same request before; it was erased since, and the row is what it would be.
    BeforeItWasErased,
}

impl Stored {
    fn replayed(&self) -> bool {
        self.when != When::Now
    }
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
        tenant: &TenantId,
        key: Option<&IdempotencyKey>,
        request: &EmailRequest,
    ) -> Result<Accepted, AcceptError> {
        let id = match key {
            Some(key) => EmailId::from_key(tenant, key.as_str()),
            None => self.system.id()?,
        };
        let now = self.system.now();
        let in_time = self.in_time(tenant, id, key, request, now).await?;
        let found = self.found(tenant, [request]).await?;
        let stored = self.store(tenant, id, request, (in_time, &found), now).await?;
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
        tenant: &TenantId,
        key: Option<&IdempotencyKey>,
        batch: BatchRequest,
    ) -> Result<AcceptedBatch, AcceptError> {
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
            .map(|item| self.store_item(tenant, key, item, (in_time, &found), now))
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
        tenant: &TenantId,
        key: Option<&IdempotencyKey>,
        item: &BatchItem,
        possible: (InTime, &Found),
        now: Timestamp,
    ) -> Result<Stored, AcceptError> {
        let id = match key {
            Some(key) => EmailId::from_batch_key(tenant, key.as_str(), item.index),
            None => self.system.id()?,
        };
        self.store(tenant, id, &item.request, possible, now).await
    }

    /// Looks for the uploads that requests use, for each once.
    async fn found<'a>(
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
    async fn in_time(
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
    async fn is_known(
        &self,
        tenant: &TenantId,
        id: EmailId,
        request: &EmailRequest,
        now: Timestamp,
    ) -> Result<bool, AcceptError> {
        let tenant = tenant.clone();
        let key = EmailKey { tenant, id };
        let known = match self.rows.load(&key, now).await? {
            Some(row) => Some(row.body.sha256),
            None => self.rows.buried(&key, now).await?,
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
        let Some(queue) = self.queues.get(&self.rows, tenant, &request.wishes.queue, now).await? else {
            return queues::no_queue(&self.rows, tenant).await.map(Err);
        };
        Ok(request.wishes.wanted(self.expires_after(&queue), now).map(drop))
    }

    fn expires_after(&self, queue: &Queue) -> Duration {
        queue.expires_after.unwrap_or(self.with.expires_after)
    }

    /// Puts the items apart that are impossible, and remembers the batch.
    ///
    /// A batch that is repeated is the one that was begun: what was possible then is completed,
    /// though its time be over, and what was refused then is refused again.
    async fn sifted(
        &self,
        tenant: &TenantId,
        key: Option<&IdempotencyKey>,
        batch: BatchRequest,
        now: Timestamp,
    ) -> Result<Sifted, AcceptError> {
        let hash = batch.hash();
        let found = self.found(tenant, batch.items.iter().map(|item| &item.request)).await?;
        let (mut items, mut errors) = (Vec::with_capacity(batch.items.len()), batch.errors);
        let mut late = Vec::new();
        for item in batch.items {
            let possible = self.possible(tenant, &item.request, now).await?;
            match possible.and_then(|()| resolvable(&item.request, &found)) {
                Ok(()) => items.push(item),
                Err(error) => late.push((item, error)),
            }
        }
        let mut begun = None;
        if let (Some(key), false) = (key, late.is_empty()) {
            begun = self.rows.recall(tenant, key, now).await?;
        }
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
        if let Some(key) = key {
            let ours = BatchRecord { hash, errors };
            let known = match begun {
                Some(begun) => begun,
                None => self.remember(tenant, key, &ours, now).await?,
            };
            if known.hash != ours.hash {
                return Err(AcceptError::Refused(other_request()));
            }
            errors = known.errors;
            items.retain(|item| !errors.iter().any(|error| error.index == item.index));
        }
        Ok(Sifted {
            items,
            errors,
            in_time,
            found,
        })
    }

    async fn remember(
        &self,
        tenant: &TenantId,
        key: &IdempotencyKey,
        ours: &BatchRecord,
        now: Timestamp,
    ) -> Result<BatchRecord, PortError> {
        let keep_until = now.after(self.with.expires_after).after(self.with.retention);
        self.rows.remember(tenant, key, ours, keep_until, now).await
    }

    /// Makes one email durable: content and row at the same time, neither visible as accepted
    /// before both are there, for the answer waits for both.
    async fn store(
        &self,
        tenant: &TenantId,
        id: EmailId,
        request: &EmailRequest,
        (in_time, found): (InTime, &Found),
        now: Timestamp,
    ) -> Result<Stored, AcceptError> {
        let mut content = request.email.to_body();
        let hash = request.hash_with(&content);
        let wishes = &request.wishes;
        let queue = self.queues.get(&self.rows, tenant, &wishes.queue, now).await?;
        // One that was deleted since the request was first made, or this moment.
        let queue = queue.unwrap_or_else(|| {
            let (tenant, name) = (tenant.clone(), wishes.queue.clone());
            Queue::plain(QueueKey { tenant, name }, now)
        });
        let wanted = match in_time {
            InTime::Now => wishes
                .wanted(self.expires_after(&queue), now)
                .map_err(|error| AcceptError::Refused(to_api(None, error)))?,
            InTime::Before => wishes.wanted_late(self.expires_after(&queue), now),
        };
        let with_uploads;
        let email = if request.uploads.is_empty() {
            &request.email
        } else {
            with_uploads = match request.resolve(found) {
                Ok(email) => email,
                Err(error) => return self.known(tenant, id, hash, error, now).await,
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
        let files = email.attachments().iter();
        let attachment_bytes = files.fold(0_u64, |sum, file| sum.saturating_add(file.size()));
        let (due, _) = index::queued(wanted.not_before, wanted.expires_at, self.with.guard, now);
        let row = Row {
            attachment_bytes,
            queue: wishes.queue.clone(),
            lane: wishes.priority.unwrap_or(queue.priority),
            on_uncertain: wishes.on_uncertain,
            not_before: wanted.not_before,
            scheduled_at: wanted.scheduled_at,
            expires_at: wanted.expires_at,
            expires_given: wanted.expires_given,
            due: Some(due),
            ..Row::new(tenant.clone(), id, body, recipients, now)
        };
        let key = EmailKey::of(&row);
        let keep_until = row.expires_at.after(self.with.retention);
        let attached = self.attach(&row, request, keep_until, now).await?;
        let put = self.bodies.put(&key, &row.body, packed, keep_until, now);
        let (put, created) = futures::future::join(put, self.rows.create(&row, now)).await;
        let put = put?;
        let stored = match created? {
            Created::New => Stored { row, when: When::Now },
            Created::Exists(known) if known.body.sha256 == row.body.sha256 => Stored {
                row: *known,
                when: When::Before,
            },
            Created::Erased { sha256 } if sha256 == row.body.sha256 => {
                // What was erased has come again with the request.
                self.bodies.erase(&key).await?;
                let when = When::BeforeItWasErased;
                return Ok(Stored { row, when });
            }
            Created::Exists(_) | Created::Erased { .. } => return Err(AcceptError::Refused(other_request())),
        };
        if stored.row.status.is_final() && self.rows.buried(&key, now).await?.is_some() {
            // It was erased at this very moment, perhaps before its content was stored anew.
            self.bodies.erase(&key).await?;
            let when = When::BeforeItWasErased;
            return Ok(Stored { when, ..stored });
        }
        if (put, stored.row.body.place) == (Put::There, BodyPlace::Bucket) {
            self.keep(&stored.row, now).await?;
        }
        if attached == Put::There {
            self.keep_files(&stored.row, request, now).await?;
        }
        Ok(stored)
    }

    /// The email that was accepted when the uploads of this request were still there; or that they are not.
    async fn known(
        &self,
        tenant: &TenantId,
        id: EmailId,
        hash: String,
        error: EmailError,
        now: Timestamp,
    ) -> Result<Stored, AcceptError> {
        let tenant = tenant.clone();
        let key = EmailKey { tenant, id };
        if let Some(row) = self.rows.load(&key, now).await? {
            if row.body.sha256 != hash {
                return Err(AcceptError::Refused(other_request()));
            }
            let when = When::Before;
            return Ok(Stored { row, when });
        }
        match self.rows.buried(&key, now).await? {
            Some(known) if known == hash => {
                let (place, bytes) = (BodyPlace::Table, 0);
                let body = BodyRef {
                    sha256: hash,
                    place,
                    bytes,
                };
                let row = Row::new(key.tenant, id, body, 0, now);
                let when = When::BeforeItWasErased;
                Ok(Stored { row, when })
            }
            Some(_) => Err(AcceptError::Refused(other_request())),
            None => Err(AcceptError::Refused(to_api(None, error))),
        }
    }

    /// Gives the email its own copies of the uploads, before there is a row: what is to be sent must be there.
    /// [`Put::There`]: at least one was there before.
    async fn attach(
        &self,
        row: &Row,
        request: &EmailRequest,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<Put, AcceptError> {
        let (key, mut put) = (EmailKey::of(row), Put::New);
        for upload in each_once(request) {
            let attached = self.bodies.attach(&key, &row.body, upload.id, keep_until, now).await?;
            match attached {
                Some(Put::New) => {}
                Some(Put::There) => put = Put::There,
                None => return Err(AcceptError::Refused(to_api(None, upload.missing()))),
            }
        }
        Ok(put)
    }

    /// Keeps copies that were there before, as [`Self::keep`] does with the content.
    async fn keep_files(&self, row: &Row, request: &EmailRequest, now: Timestamp) -> Result<(), PortError> {
        let keep_until = row.expires_at.after(self.with.retention);
        for upload in each_once(request) {
            let key = EmailKey::of(row);
            if !self
                .bodies
                .keep_file(&key, &row.body, upload.id, keep_until, now)
                .await?
            {
                return Err(PortError {
                    what: "keeping a file",
                    source: "it is gone".into(),
                });
            }
        }
        Ok(())
    }

    /// Keeps an object that was there before. An email of this key that is forgotten may have left
    /// it, and then not for long; in the table such a content is written anew.
    async fn keep(&self, row: &Row, now: Timestamp) -> Result<(), PortError> {
        let keep_until = row.expires_at.after(self.with.retention);
        if self.bodies.keep(&EmailKey::of(row), &row.body, keep_until, now).await? {
            return Ok(());
        }
        Err(PortError {
            what: "keeping a content",
            source: "it is gone".into(),
        })
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

/// The uploads of a request, none of them twice.
fn each_once(request: &EmailRequest) -> impl Iterator<Item = &UploadUse> {
    let mut seen = BTreeSet::new();
    let uploads = request.uploads.iter().map(|(_, upload)| upload);
    uploads.filter(move |upload| seen.insert(upload.id))
}

/// Whether all uploads of a request are there.
fn resolvable(request: &EmailRequest, found: &Found) -> Result<(), EmailError> {
    if request.uploads.is_empty() {
        return Ok(());
    }
    request.resolve(found).map(drop)
}

fn other_request() -> ApiError {
    ApiError::invalid_idempotent_request(
        "Idempotency-Key: was used with another request; send the same request, or another key.",
    )
}
