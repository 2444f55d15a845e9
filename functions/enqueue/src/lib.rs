//! Accepts emails: content and row are durable before the answer, then they are woken.
//!
//! **Role:** behind `POST /emails` and `POST /emails/batch`.
//! **Invariant:** a 2xx means that the row and its content are durable. A wake-up that fails
//! changes nothing of that: the index has the row.
//! **After a crash** before the answer: the caller repeats with the same key and gets the same
//! emails; without a key nothing was promised.
//! **Start reading at** [`Enqueue::accept`]; [`handler`] is HTTP.

pub mod handler;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::api_error::ApiError;
use domain::email::Email;
use domain::id::{EmailId, TenantId};
use domain::index;
use domain::ports::{BatchRecord, Batches, Bodies, Clock, Created, EmailKey, Lanes, PortError, Random, Rows, Wake};
use domain::row::{BodyRef, Lane, OnUncertain, Row, Status};
use domain::timestamp::Timestamp;
use domain::wire::api::{BatchItem, BatchRequest, IdempotencyKey, ItemError};
use domain::wire::wake_up::WakeUp;
use futures::StreamExt;
use futures::stream::iter;

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
}

/// Accepts emails with what the world offers.
#[derive(Debug, Clone)]
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
    /// The world failed: the caller may repeat with the same key.
    #[error("an email could not be stored")]
    Port(#[from] PortError),
}

/// An email that is durable, whether it was made so just now or before.
struct Stored {
    row: Row,
    replayed: bool,
}

impl<R, B, L, S> Enqueue<R, B, L, S>
where
    R: Rows + Batches,
    B: Bodies,
    L: Lanes,
    S: Clock + Random,
{
    /// Accepts one email.
    ///
    /// # Errors
    /// 409 when the key belongs to another request; or the world's failure.
    pub async fn accept(
        &self,
        tenant: &TenantId,
        key: Option<&IdempotencyKey>,
        email: &Email,
    ) -> Result<Accepted, AcceptError> {
        let id = match key {
            Some(key) => EmailId::from_key(tenant, key.as_str()),
            None => self.system.id()?,
        };
        let stored = self.store(tenant, id, email).await?;
        self.wake(&[&stored]).await;
        Ok(Accepted {
            id,
            replayed: stored.replayed,
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
        let errors = match key {
            Some(key) => self.remembered(tenant, key, &batch).await?.errors,
            None => batch.errors,
        };
        // Futures do nothing until they are polled: a list of them costs little.
        let stores: Vec<_> = batch
            .items
            .iter()
            .map(|item| self.store_item(tenant, key, item))
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
            replayed: !stored.is_empty() && stored.iter().all(|stored| stored.replayed),
        })
    }

    async fn store_item(
        &self,
        tenant: &TenantId,
        key: Option<&IdempotencyKey>,
        item: &BatchItem,
    ) -> Result<Stored, AcceptError> {
        let id = match key {
            Some(key) => EmailId::from_batch_key(tenant, key.as_str(), item.index),
            None => self.system.id()?,
        };
        self.store(tenant, id, &item.request.email).await
    }

    async fn remembered(
        &self,
        tenant: &TenantId,
        key: &IdempotencyKey,
        batch: &BatchRequest,
    ) -> Result<BatchRecord, AcceptError> {
        let now = self.system.now();
        let ours = BatchRecord {
            hash: batch.hash(),
            errors: batch.errors.clone(),
        };
        let keep_until = now.after(self.with.expires_after).after(self.with.retention);
        let stored = self.rows.remember(tenant, key, &ours, keep_until, now).await?;
        if stored.hash == ours.hash {
            Ok(stored)
        } else {
            Err(AcceptError::Refused(other_request()))
        }
    }

    /// Makes one email durable: content and row at the same time, neither visible as accepted
    /// before both are there, for the answer waits for both.
    async fn store(&self, tenant: &TenantId, id: EmailId, email: &Email) -> Result<Stored, AcceptError> {
        let now = self.system.now();
        let content = email.to_body();
        let packed = self.bodies.pack(&content)?;
        let body = BodyRef {
            sha256: domain::email::sha256_hex(&content),
            place: packed.place,
            bytes: u64::try_from(email.bytes()).unwrap_or(u64::MAX),
        };
        let row = self.new_row(tenant, id, email, body, now);
        let key = EmailKey::of(&row);
        let keep_until = row.expires_at.after(self.with.retention);
        let put = self.bodies.put(&key, &row.body, packed, keep_until, now);
        let (put, created) = futures::future::join(put, self.rows.create(&row, now)).await;
        put?;
        match created? {
            Created::New => Ok(Stored { row, replayed: false }),
            Created::Exists(known) if known.body.sha256 == row.body.sha256 => Ok(Stored {
                row: *known,
                replayed: true,
            }),
            Created::Exists(_) => Err(AcceptError::Refused(other_request())),
        }
    }

    fn new_row(&self, tenant: &TenantId, id: EmailId, email: &Email, body: BodyRef, now: Timestamp) -> Row {
        let (due, _) = index::queued(now, self.with.guard, now);
        Row {
            tenant: tenant.clone(),
            id,
            born: now,
            queue: "default".to_owned(),
            lane: Lane::Normal,
            recipients: u32::try_from(email.recipients()).unwrap_or(u32::MAX),
            body,
            on_uncertain: OnUncertain::Resend,
            status: Status::Queued,
            not_before: now,
            expires_at: now.after(self.with.expires_after),
            claim_no: 0,
            attempts: 0,
            lease: None,
            maybe_duplicate: false,
            duplicate: false,
            uncertain_since: None,
            cause: None,
            detail: None,
            sent: None,
            due: Some(due),
            fates: BTreeMap::new(),
            fate_no: 0,
            delivered_at: None,
            opened_at: None,
            clicked_at: None,
        }
    }

    /// Wakes what was accepted, once more also what a repeated request found still queued:
    /// its first wake-up may never have been sent. What fails is woken by the index.
    async fn wake(&self, stored: &[&Stored]) {
        let now = self.system.now();
        let wakes: Vec<Wake> = stored
            .iter()
            .map(|stored| &stored.row)
            .filter(|row| row.status == Status::Queued)
            .filter_map(|row| {
                let (_, delay) = index::queued(row.not_before, self.with.guard, now);
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

fn other_request() -> ApiError {
    ApiError::invalid_idempotent_request(
        "Idempotency-Key: was used with another request; send the same request, or another key.",
    )
}
