//! Ports: the interfaces of the functions to their backends, in the domain's words.
//!
//! **Invariant:** a port names a need, never a call. In-memory backends and adapters to AWS implement the same
//! traits.

pub mod access;
pub mod erasure;
pub mod rate_limits;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

use crate::api::batch::{BatchId, BatchRecord};
use crate::delivery::account_rate::{AccountRate, AccountRateChange, AccountState};
use crate::delivery::cause::Cause;
use crate::delivery::dead_letter_message::DeadLetterMessage;
use crate::delivery::lifecycle::{Attempt, Feedback, Policy, Transition};
use crate::delivery::priority_queue::Messages;
use crate::delivery::record::{BodyPlace, BodyRef, DueKind, EmailRecord, Priority, RecordStatus};
use crate::delivery::retry::Jitter;
use crate::delivery::send_task::SendTask;
use crate::delivery::suppression::{Added, Listed, Origin, Suppression, SuppressionFilter, SuppressionId};
use crate::id::{EmailId, TenantId, UploadId};
use crate::message::address::EmailAddress;
use crate::message::attachment::{Upload, Uploaded};
use crate::queue::job::Job;
use crate::queue::{Queue, QueueKey};
use crate::reporting::listing::{Place, Start};
use crate::reporting::tally::counter::{Counter, Figures};
use crate::reporting::tally::portion::{Fingerprint, Span, Tally, Versions};
use crate::reporting::tally::queue_counts::QueueCounts;
use crate::tenant::token::SECRET_BYTES;
use crate::timestamp::Timestamp;

/// The kind of a failed call: whether it may have taken effect, and whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Refused because another write of the same item was under way. It had no effect.
    Conflict,
    /// Refused because of too many requests. It had no effect.
    Throttled,
    /// The answer is lost, or the service failed. The call may have taken effect.
    Unknown,
    /// Refused for a reason that stays. A retry fails in the same way.
    Permanent,
}

impl FailureKind {
    /// True if the same call can succeed a moment later.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        match self {
            Self::Conflict | Self::Throttled | Self::Unknown => true,
            Self::Permanent => false,
        }
    }

    /// True if a service was busy: the call had no effect, and can succeed later.
    #[must_use]
    pub const fn is_overload(self) -> bool {
        self.is_passing() && !self.may_have_taken_effect()
    }

    /// True if the call may have taken effect although it failed.
    #[must_use]
    pub const fn may_have_taken_effect(self) -> bool {
        match self {
            Self::Unknown => true,
            Self::Conflict | Self::Throttled | Self::Permanent => false,
        }
    }
}

/// A failed call to a port. [`PortError::kind`] says whether it may have taken effect.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct PortError {
    /// The call in words, without addresses or content.
    pub what: &'static str,
    /// The kind of failure.
    pub kind: FailureKind,
    /// The adapter's error.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

impl PortError {
    /// The same failure, for another caller that waited for this call.
    #[must_use]
    pub fn for_another(&self) -> Self {
        Self {
            what: self.what,
            kind: self.kind,
            source: self.source.to_string().into(),
        }
    }
}

/// The key of an email: its tenant and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The id.
    pub id: EmailId,
}

impl EmailKey {
    /// The key of a record.
    #[must_use]
    pub fn of(record: &EmailRecord) -> Self {
        Self {
            tenant: record.tenant.clone(),
            id: record.id,
        }
    }
}

/// The result of creating a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// The record is new, and durable.
    New,
    /// A record of this id exists already.
    Exists(Box<EmailRecord>),
    /// A record of this id was erased.
    Erased {
        /// [`BodyRef::sha256`] of its former content.
        sha256: String,
    },
}

/// The result of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The record after the claim; the caller may submit until the lease runs out.
    Granted(Box<EmailRecord>),
    /// The current record, or `None` without one.
    Refused(Option<Box<EmailRecord>>),
}

/// The result of writing a transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Written.
    Done,
    /// The condition did not hold. The current record, or `None` without one.
    Moved(Option<Box<EmailRecord>>),
    /// The record's queue has another version than the condition names.
    QueueMoved,
}

/// A transition to write over the record that it was decided on.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordWrite {
    /// The record as it was read.
    pub before: EmailRecord,
    /// The decision.
    pub transition: Transition,
}

impl RecordWrite {
    /// The queue and its version that the transition depends on; `None` if it depends on none.
    #[must_use]
    pub fn queue_state(&self) -> Option<(QueueKey, u64)> {
        let queue_version = self.transition.condition.queue_version()?;
        Some((QueueKey::of(&self.before), queue_version))
    }
}

/// Most transitions of one transaction: DynamoDB's hundred writes, minus the check of the queue.
/// Source: Amazon DynamoDB API reference, `TransactWriteItems`.
pub const WRITES_AT_ONCE: usize = 99;

/// The records of emails.
pub trait EmailRecords: Sync {
    /// Reads many records, in the order of their keys. Missing and unreadable records are left out.
    fn load_many(
        &self,
        keys: &[EmailKey],
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<EmailRecord>, PortError>> + Send;

    /// Reads a record consistently. A record past its `ttl` counts as missing.
    fn load(
        &self,
        key: &EmailKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<EmailRecord>, PortError>> + Send;

    /// Writes a new record. Its content is written separately.
    fn create(&self, record: &EmailRecord, now: Timestamp) -> impl Future<Output = Result<Created, PortError>> + Send;

    /// Claims a record under [`crate::delivery::lifecycle::Condition::Claimable`], as [`crate::delivery::lifecycle::claimed`] describes,
    /// without a read before. `nonce` tells a retry of the same call from another claim.
    fn claim(
        &self,
        key: &EmailKey,
        nonce: u64,
        policy: &Policy,
        now: Timestamp,
    ) -> impl Future<Output = Result<Claimed, PortError>> + Send;

    /// Writes the differences between `before` and the transition's record, under its condition.
    fn write(
        &self,
        before: &EmailRecord,
        transition: &Transition,
        now: Timestamp,
    ) -> impl Future<Output = Result<Written, PortError>> + Send;

    /// Writes many transitions as [`Self::write`] does, in few calls; one result for each, in order.
    ///
    /// Transitions that depend on the same state of the same queue share one check of that queue. A refused or failed
    /// transition does not stop the others. No record may occur twice.
    fn write_many(
        &self,
        writes: &[RecordWrite],
        now: Timestamp,
    ) -> impl Future<Output = Vec<Result<Written, PortError>>> + Send;
}

/// The list of a tenant's emails. Reads are not consistent: a new email may be missing, and a listed one may be gone.
pub trait Listing: Sync {
    /// Reads the places of up to `count` emails in the direction of `start`, nearest first. Fewer than `count` mean
    /// the end of the list.
    fn places(
        &self,
        tenant: &TenantId,
        start: Start,
        count: usize,
    ) -> impl Future<Output = Result<Vec<Place>, PortError>> + Send;
}

/// A packed content, with its cheapest place.
#[derive(Clone, PartialEq, Eq)]
pub struct Packed {
    /// The place.
    pub place: BodyPlace,
    /// The stored bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packed({:?}, {} bytes)", self.place, self.bytes.len())
    }
}

/// The result of storing a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is stored now.
    New,
    /// The same content was there, and keeps its retention.
    There,
}

/// The way to upload a file: by `PUT`, with exactly these headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The address, valid for a short time.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
}

/// The uploaded files, which expire by themselves, and the emails' own copies of them. A copy lives as long as its
/// email's content. An upload is written once.
pub trait Files: Sync {
    /// Lets a caller upload the described file. Needs no call.
    fn invite(
        &self,
        tenant: &TenantId,
        id: UploadId,
        upload: &Upload,
    ) -> impl Future<Output = Result<Invitation, PortError>> + Send;

    /// The upload with this id, if there is one.
    fn uploaded(
        &self,
        tenant: &TenantId,
        id: UploadId,
    ) -> impl Future<Output = Result<Option<Uploaded>, PortError>> + Send;

    /// Gives a content its own copy of an upload, as [`Bodies::put`] does with the content. `None` if the upload is
    /// gone.
    fn attach(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Put>, PortError>> + Send;

    /// Extends the retention of such a copy, as [`Bodies::keep`] does.
    fn keep_file(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Reads such a copy; `None` if it is gone.
    fn load_file(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>> + Send;
}

/// The contents, written once and named by their hash, and the files beside them.
pub trait Bodies: Files {
    /// Makes a content ready for storage, and chooses its place. Needs no call.
    fn pack(&self, content: &[u8]) -> Result<Packed, PortError>;

    /// Stores a packed content durably under its name, at least until `keep_until`. An existing one stays as it is,
    /// with its retention.
    fn put(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        packed: Packed,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<Put, PortError>> + Send;

    /// Reads all contents of an email in the table, by their hash. It needs no record, so it can run beside the
    /// claim.
    fn load_near(&self, key: &EmailKey) -> impl Future<Output = Result<BTreeMap<String, Vec<u8>>, PortError>> + Send;

    /// Extends the retention of a content to at least `keep_until`. `false` if it is gone.
    fn keep(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Reads a content and unpacks it; `None` if it is gone.
    fn load(&self, key: &EmailKey, body: &BodyRef) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>> + Send;
}

/// The records of batches with an idempotency key. A single email needs none: its own record serves.
pub trait Batches: Sync {
    /// Reads a record. A record past its retention counts as missing.
    fn recall(
        &self,
        tenant: &TenantId,
        batch: &BatchId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<BatchRecord>, PortError>> + Send;

    /// Writes a record, or returns the existing one.
    fn remember(
        &self,
        tenant: &TenantId,
        batch: &BatchId,
        record: &BatchRecord,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<BatchRecord, PortError>> + Send;

    /// Retains a record at least until `keep_until`. A record that is gone stays gone.
    fn keep_batch(
        &self,
        tenant: &TenantId,
        batch: &BatchId,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// A request to enqueue a send task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendTaskRequest {
    /// Its priority queue.
    pub priority: Priority,
    /// The send task.
    pub send_task: SendTask,
    /// Delay from now.
    pub delay: Duration,
}

/// The messages of each priority queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// In the high priority queue.
    pub high: Messages,
    /// In the normal priority queue.
    pub normal: Messages,
    /// In the low priority queue.
    pub low: Messages,
}

impl Waiting {
    /// In one priority queue.
    #[must_use]
    pub const fn of(&self, priority: Priority) -> Messages {
        match priority {
            Priority::High => self.high,
            Priority::Normal => self.normal,
            Priority::Low => self.low,
        }
    }
}

/// The load of the priority queues.
pub trait Backlog: Sync {
    /// The current numbers of messages.
    fn waiting(&self) -> impl Future<Output = Result<Waiting, PortError>> + Send;
}

/// The three priority queues.
pub trait PriorityQueues: Sync {
    /// Sends send tasks in as few calls as possible; one result for each, in order.
    fn enqueue(&self, requests: &[SendTaskRequest]) -> impl Future<Output = Vec<Result<(), PortError>>> + Send;
}

/// The dead-letter queue.
pub trait DeadLetters: Sync {
    /// Moves emails to the dead-letter queue; one result for each, in order.
    fn move_to_dead_letter(
        &self,
        emails: &[DeadLetterMessage],
    ) -> impl Future<Output = Vec<Result<(), PortError>>> + Send;
}

/// SES.
pub trait Provider: Sync {
    /// Submits a claimed email once, and never retries by itself. Its files are all loaded, and are moved out of it
    /// rather than copied.
    fn submit(
        &self,
        claimed: &EmailRecord,
        email: crate::message::email::EmailContent,
        timeout: Duration,
    ) -> impl Future<Output = Attempt> + Send;
}

/// The result of a change of the rate limiter, with its state after the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountRateOutcome {
    /// Changed.
    Done(AccountRate),
    /// The condition did not hold.
    Refused(AccountRate),
}

/// The rate limiter of the account, which all senders share.
pub trait AccountRates: Sync {
    /// Reads the state.
    fn account_rate(&self) -> impl Future<Output = Result<AccountRate, PortError>> + Send;

    /// Makes a change, under [`AccountRateChange::holds`].
    fn change_account_rate(
        &self,
        change: &AccountRateChange,
    ) -> impl Future<Output = Result<AccountRateOutcome, PortError>> + Send;
}

/// The account at SES.
pub trait Accounts: Sync {
    /// The state of the account, as SES reports it.
    fn account(&self) -> impl Future<Output = Result<AccountState, PortError>> + Send;
}

/// A page of a partition of the due index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePage<T> {
    /// Due entries, earliest first.
    pub items: Vec<T>,
    /// Start of the next page; `None` after the last.
    pub next: Option<DueCursor>,
}

/// An email that waits in `wake`, with all fields of its send task, so that no record is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueEmail {
    /// Due time.
    pub not_before: Timestamp,
    /// Its priority queue.
    pub priority: Priority,
    /// The send task.
    pub send_task: SendTask,
    /// The place after it.
    pub cursor: DueCursor,
}

/// An email in a partition of its queue: held, or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedEmail {
    /// Its key.
    pub key: EmailKey,
    /// Due time, or time of its end.
    pub at: Timestamp,
    /// Its status.
    pub status: RecordStatus,
    /// Cause of its end.
    pub cause: Option<Cause>,
    /// The place after it.
    pub cursor: DueCursor,
}

/// A place in one shard of the index: after this email.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueCursor(pub String);

/// The state of `promote` between two runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bookmarks {
    /// The place in each shard of `wake` up to which emails are enqueued.
    pub cursors: BTreeMap<u16, DueCursor>,
    /// Time since when each priority queue has not been empty.
    pub busy_since: BTreeMap<Priority, Timestamp>,
}

/// The due index. Reads are not consistent: a missing entry appears a moment later, and the record corrects a stale
/// one.
pub trait DueIndex: Sync {
    /// Number of shards of each kind of partition.
    fn shards(&self) -> u16;

    /// Reads a page of a shard of `wake`: emails due until `until`, after `from`.
    fn coming(
        &self,
        shard: u16,
        until: Timestamp,
        from: Option<&DueCursor>,
    ) -> impl Future<Output = Result<DuePage<DueEmail>, PortError>> + Send;

    /// Reads a page of a shard of `check`: emails that should have moved on before `until`, after `from`.
    fn overdue(
        &self,
        shard: u16,
        until: Timestamp,
        from: Option<&DueCursor>,
    ) -> impl Future<Output = Result<DuePage<EmailKey>, PortError>> + Send;

    /// Reads a page of a shard of `held` or `ended` of one queue, after `from`.
    fn aside(
        &self,
        kind: DueKind,
        queue: &QueueKey,
        shard: u16,
        from: Option<&DueCursor>,
    ) -> impl Future<Output = Result<DuePage<IndexedEmail>, PortError>> + Send;

    /// The state that the last run of `promote` saved.
    fn bookmarks(&self) -> impl Future<Output = Result<Bookmarks, PortError>> + Send;

    /// Saves since when a priority queue has not been empty; `None` for an empty one.
    fn save_busy_since(
        &self,
        priority: Priority,
        since: Option<Timestamp>,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Saves that all emails in a shard of `wake` up to `cursor` are enqueued.
    fn save_cursor(&self, shard: u16, cursor: &DueCursor) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The named queues.
pub trait Queues: Sync {
    /// Reads a queue; `None` if there never was one of this name.
    fn queue(&self, key: &QueueKey) -> impl Future<Output = Result<Option<Queue>, PortError>> + Send;

    /// Reads the tenant's queues by name, including deleted ones.
    fn queues(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<Queue>, PortError>> + Send;

    /// Writes a queue, if it is still as `before`, together with the job that follows. `false` if somebody else has
    /// changed it.
    fn save_queue(
        &self,
        before: Option<&Queue>,
        queue: &Queue,
        job: Option<&Job>,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// The jobs of queues.
pub trait Jobs: Sync {
    /// The jobs that are due until `until`.
    fn due_jobs(&self, until: Timestamp) -> impl Future<Output = Result<Vec<(QueueKey, EmailId)>, PortError>> + Send;

    /// Reads a job; `None` if there is none, or it has expired.
    fn job(&self, queue: &QueueKey, id: EmailId) -> impl Future<Output = Result<Option<Job>, PortError>> + Send;

    /// Writes a job that was saved [`Job::no`] minus one times; `false` if somebody else has saved it.
    fn save_job(&self, job: &Job) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// The queue of SES's events.
pub trait Evidence: Sync {
    /// The progress of processing it, measured at `now`.
    fn feedback(&self, now: Timestamp) -> impl Future<Output = Result<Feedback, PortError>> + Send;
}

/// The progress of processing SES's events, as `feedback` reports it.
pub trait Watermark: Sync {
    /// Reports that an event of the time `newest` was processed. A later reported time stays.
    fn raise_watermark(&self, newest: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The clock.
pub trait Clock: Sync {
    /// The time by this machine's clock, which may be off by a second.
    fn now(&self) -> Timestamp;
}

/// Randomness.
pub trait Random: Sync {
    /// A number that tells one claim from another.
    ///
    /// # Errors
    /// The system has no randomness: a claim must not go without a nonce.
    fn nonce(&self) -> Result<u64, PortError>;

    /// Spreads retries after a common failure.
    fn jitter(&self) -> Jitter;

    /// A new id.
    ///
    /// # Errors
    /// The system has no randomness: an id must not be made up.
    fn id(&self) -> Result<EmailId, PortError>;

    /// A new secret of an API key.
    ///
    /// # Errors
    /// The system has no randomness: a secret must not be guessable.
    fn secret(&self) -> Result<[u8; SECRET_BYTES], PortError>;
}

/// The result of writing a tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// All of it is written.
    Done,
    /// Nothing is written: a counter has another version.
    Moved,
}

/// The counters for their writer. Both reads are consistent.
pub trait Tallies: Sync {
    /// The number of writes of each of these counters.
    fn versions(&self, counters: &BTreeSet<Counter>) -> impl Future<Output = Result<Versions, PortError>> + Send;

    /// The marks of counted changes, from the markers in a span.
    fn marked(&self, span: &Span) -> impl Future<Output = Result<Vec<Fingerprint>, PortError>> + Send;

    /// Writes all of a tally or nothing.
    fn count(&self, tally: &Tally) -> impl Future<Output = Result<Counted, PortError>> + Send;
}

/// Whole hours: from the start of the first to before the end of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// Start of the first hour.
    pub from: Timestamp,
    /// End of the last hour.
    pub until: Timestamp,
}

/// The emails of a queue that ended unsent for a cause in an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailuresOfHour {
    /// The queue.
    pub queue: String,
    /// The cause.
    pub cause: Cause,
    /// Their number.
    pub count: u64,
    /// The latest of them, with its time.
    pub latest: Option<(Timestamp, EmailId)>,
}

/// The counters for readers. Their state may be a moment old.
pub trait Counts: Sync {
    /// The numbers of a queue's emails by current state.
    fn queue_counts(
        &self,
        tenant: &TenantId,
        queue: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<QueueCounts, PortError>> + Send;

    /// The outcomes of emails in one queue or in all, for each of these hours with any outcome.
    fn flow(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> impl Future<Output = Result<BTreeMap<Timestamp, Figures>, PortError>> + Send;

    /// The causes for which emails in one queue or in all ended unsent in these hours, earliest first. `None` if
    /// there are too many for one response.
    fn failures(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> impl Future<Output = Result<Option<Vec<FailuresOfHour>>, PortError>> + Send;
}

/// The suppressed addresses.
pub trait Suppressions: Sync {
    /// Adds one under [`crate::delivery::suppression::Entry::takes`], and its mark with it: both or neither.
    fn suppress(&self, suppression: &Suppression) -> impl Future<Output = Result<Added, PortError>> + Send;

    /// Removes an active suppression and its mark; `false` if there is none. The time of the release is remembered.
    fn release(
        &self,
        tenant: &TenantId,
        id: SuppressionId,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Reads a tenant's marks consistently.
    fn marks(&self, tenant: &TenantId) -> impl Future<Output = Result<SuppressionFilter, PortError>> + Send;

    /// Reads the suppressions of these ids that are active at `now`, in their order, consistently.
    fn suppressions(
        &self,
        tenant: &TenantId,
        ids: &[SuppressionId],
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Suppression>, PortError>> + Send;

    /// Reads the places of up to `count` suppressions of these origins, as [`Listing::places`] does.
    fn suppression_places(
        &self,
        tenant: &TenantId,
        origins: &[Origin],
        start: Start<SuppressionId>,
        count: usize,
    ) -> impl Future<Output = Result<Vec<Place<SuppressionId>>, PortError>> + Send;

    /// Remembers an address to which SES did not send, because it is on the account's list.
    fn remember_listed(&self, listed: &Listed) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Reads the remembered addresses among these ids.
    fn listed(
        &self,
        tenant: &TenantId,
        ids: &[SuppressionId],
    ) -> impl Future<Output = Result<Vec<Listed>, PortError>> + Send;

    /// Forgets one.
    fn forget_listed(&self, tenant: &TenantId, id: SuppressionId)
    -> impl Future<Output = Result<(), PortError>> + Send;
}

/// SES's suppression list of the AWS account.
pub trait AccountList: Sync {
    /// The reason for listing an address, spelled exactly so.
    fn reason(&self, address: &EmailAddress) -> impl Future<Output = Result<Option<ListReason>, PortError>> + Send;

    /// Removes an address, spelled exactly so.
    fn remove(&self, address: &EmailAddress) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// SES's reason for listing an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListReason {
    /// An email bounced for good.
    Bounce,
    /// The recipient complained, or SES gives a reason that this code does not know.
    Complaint,
}
