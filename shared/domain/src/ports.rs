//! What the functions need from the world, in the domain's words.
//!
//! **Invariant:** a port says what is wanted, never which call makes it so. Worlds in memory
//! and adapters to AWS implement the same traits.

pub mod access;
pub mod erasure;
pub mod rate_limits;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

use crate::access::token::SECRET_BYTES;
use crate::address::EmailAddress;
use crate::attachment::{Upload, Uploaded};
use crate::batch::{BatchId, BatchRecord};
use crate::cause::Cause;
use crate::id::{EmailId, TenantId, UploadId};
use crate::lane::Messages;
use crate::lifecycle::{Attempt, Feedback, Policy, Transition};
use crate::listing::{Place, Start};
use crate::pacing::{Account, Change, Pace};
use crate::queue::job::Job;
use crate::queue::{Queue, QueueKey};
use crate::record::{BodyPlace, BodyRef, DueKind, EmailRecord, Lane, Status};
use crate::retry::Jitter;
use crate::suppression::{Added, Listed, Marks, Origin, Suppression, SuppressionId};
use crate::tally::counter::{Counter, Figures};
use crate::tally::portion::{Fingerprint, Span, Tally, Versions};
use crate::tally::queue_counts::QueueCounts;
use crate::timestamp::Timestamp;
use crate::wire::dead_letter_message::DeadLetterMessage;
use crate::wire::send_task::SendTask;

/// How a call failed: whether it may have taken effect, and whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Refused because another write of the same item was under way. It had no effect.
    Conflict,
    /// Refused because too much is asked at once. It had no effect.
    Throttled,
    /// The answer is lost, or the service failed. The call may have taken effect.
    Unknown,
    /// Refused for a reason that stays. A retry fails in the same way.
    Permanent,
}

impl FailureKind {
    /// Whether the same call can succeed a moment later.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        match self {
            Self::Conflict | Self::Throttled | Self::Unknown => true,
            Self::Permanent => false,
        }
    }

    /// Whether a service was busy: the call had no effect, and can succeed later.
    #[must_use]
    pub const fn is_overload(self) -> bool {
        self.is_passing() && !self.may_have_taken_effect()
    }

    /// Whether the call may have taken effect although it failed.
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
    /// How it failed.
    pub kind: FailureKind,
    /// The adapter's error.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

impl PortError {
    /// The same failure, for another one of those who waited for the call.
    #[must_use]
    pub fn for_another(&self) -> Self {
        Self {
            what: self.what,
            kind: self.kind,
            source: self.source.to_string().into(),
        }
    }
}

/// Which email: its tenant and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailKey {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
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

/// How the creation of a record ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// The record is new, and durable.
    New,
    /// There is a record of this id already.
    Exists(Box<EmailRecord>),
    /// There was one, which was erased.
    Erased {
        /// [`BodyRef::sha256`] of the content that it had.
        sha256: String,
    },
}

/// How a claim ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The record after the claim; the caller may submit until the lease runs out.
    Granted(Box<EmailRecord>),
    /// The record as it is, or that there is none.
    Refused(Option<Box<EmailRecord>>),
}

/// How the writing of a transition ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Written.
    Done,
    /// The condition did not hold: the record as it is, or that there is none.
    Moved(Option<Box<EmailRecord>>),
    /// The record's queue is in another state than the condition names.
    QueueMoved,
}

/// A transition to be written over the record that it was decided on.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordWrite {
    /// The record as it was read.
    pub before: EmailRecord,
    /// The decision.
    pub transition: Transition,
}

impl RecordWrite {
    /// The queue and the state of it that the transition depends on; `None` when it depends on none.
    #[must_use]
    pub fn queue_state(&self) -> Option<(QueueKey, u64)> {
        let queue_no = self.transition.condition.queue_no()?;
        Some((QueueKey::of(&self.before), queue_no))
    }
}

/// Most transitions of one transaction: DynamoDB's hundred writes, less the check of the queue.
/// Source: Amazon DynamoDB API reference, `TransactWriteItems`.
pub const WRITES_AT_ONCE: usize = 99;

/// The records.
pub trait EmailRecords: Sync {
    /// Reads many records, in the order of their keys; what is gone or cannot be read is left out.
    fn load_many(
        &self,
        keys: &[EmailKey],
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<EmailRecord>, PortError>> + Send;

    /// Reads a record, with what was last written. A record past its `ttl` is no record.
    fn load(
        &self,
        key: &EmailKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<EmailRecord>, PortError>> + Send;

    /// Writes a new record; its content is written apart.
    fn create(&self, record: &EmailRecord, now: Timestamp) -> impl Future<Output = Result<Created, PortError>> + Send;

    /// Claims a record under [`crate::lifecycle::Condition::Claimable`], as
    /// [`crate::lifecycle::claimed`] says, with no read before. `nonce` tells the same call
    /// tried again from another claim.
    fn claim(
        &self,
        key: &EmailKey,
        nonce: u64,
        policy: &Policy,
        now: Timestamp,
    ) -> impl Future<Output = Result<Claimed, PortError>> + Send;

    /// Writes what differs between `before` and the transition's record, under its condition.
    fn write(
        &self,
        before: &EmailRecord,
        transition: &Transition,
        now: Timestamp,
    ) -> impl Future<Output = Result<Written, PortError>> + Send;

    /// Writes many transitions as [`Self::write`] does, in few calls; one result for each, in order.
    ///
    /// Transitions that depend on the same state of the same queue share one check of that queue. One
    /// that is refused or fails does not stop the others. No record may occur twice.
    fn write_many(
        &self,
        writes: &[RecordWrite],
        now: Timestamp,
    ) -> impl Future<Output = Vec<Result<Written, PortError>>> + Send;
}

/// The list of a tenant's emails. It is read without consistency: an email that was accepted
/// this moment may not be there yet, and one that is there may be gone.
pub trait Listing: Sync {
    /// Reads the places of up to `count` emails in the direction of `start`, nearest first. Fewer
    /// than `count` are all there are.
    fn places(
        &self,
        tenant: &TenantId,
        start: Start,
        count: usize,
    ) -> impl Future<Output = Result<Vec<Place>, PortError>> + Send;
}

/// A content as it is stored, and where that is cheapest.
#[derive(Clone, PartialEq, Eq)]
pub struct Packed {
    /// Where it goes.
    pub place: BodyPlace,
    /// What is stored there.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packed({:?}, {} bytes)", self.place, self.bytes.len())
    }
}

/// How the storing of a content ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is stored.
    New,
    /// The same was there, and will be for as long as was said then.
    There,
}

/// How a caller uploads a file: by `PUT`, with exactly these headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Where to, for a short time.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
}

/// The files that were uploaded, which vanish by themselves, and the emails' own copies of them, which
/// live as long as their email's content. An upload is written once.
pub trait Files: Sync {
    /// Lets a caller upload what was described. Asks nobody.
    fn invite(
        &self,
        tenant: &TenantId,
        id: UploadId,
        upload: &Upload,
    ) -> impl Future<Output = Result<Invitation, PortError>> + Send;

    /// What was uploaded under an id, if anything was.
    fn uploaded(
        &self,
        tenant: &TenantId,
        id: UploadId,
    ) -> impl Future<Output = Result<Option<Uploaded>, PortError>> + Send;

    /// Gives a content its own copy of an upload, as [`Bodies::put`] does with the content. `None`:
    /// the upload is gone.
    fn attach(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Put>, PortError>> + Send;

    /// Keeps such a copy for longer, as [`Bodies::keep`].
    fn keep_file(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Reads such a copy, or that it is gone.
    fn load_file(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>> + Send;
}

/// The contents, written once and named by their hash; and the files that lie beside them.
pub trait Bodies: Files {
    /// Makes a content ready to be stored, and chooses its place. Asks nobody.
    fn pack(&self, content: &[u8]) -> Result<Packed, PortError>;

    /// Makes a packed content durable under its name, kept until `keep_until` at least. One
    /// that is there stays as it is, and as long as it was to stay.
    fn put(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        packed: Packed,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<Put, PortError>> + Send;

    /// Reads all contents of an email that lie in the table, by their hash: what can be read
    /// without the record, beside its claim.
    fn load_near(&self, key: &EmailKey) -> impl Future<Output = Result<BTreeMap<String, Vec<u8>>, PortError>> + Send;

    /// Keeps a content for longer, until `keep_until` at least. `false`: it is gone.
    fn keep(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Reads a content as it was before it was packed, or that it is gone.
    fn load(&self, key: &EmailKey, body: &BodyRef) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>> + Send;
}

/// The records of batches with an idempotency key. A single email needs none: its own record serves.
pub trait Batches: Sync {
    /// Reads a record. A record past its time is none.
    fn recall(
        &self,
        tenant: &TenantId,
        batch: &BatchId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<BatchRecord>, PortError>> + Send;

    /// Writes a record, or returns the one that was there before.
    fn remember(
        &self,
        tenant: &TenantId,
        batch: &BatchId,
        record: &BatchRecord,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<BatchRecord, PortError>> + Send;

    /// Keeps a record until `keep_until` at least. A record that is gone stays gone.
    fn keep_batch(
        &self,
        tenant: &TenantId,
        batch: &BatchId,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// A send task to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendTaskRequest {
    /// The lane it goes through.
    pub lane: Lane,
    /// What it says.
    pub send_task: SendTask,
    /// How long from now it is to arrive.
    pub delay: Duration,
}

/// The messages of each lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// In the high lane.
    pub high: Messages,
    /// In the normal lane.
    pub normal: Messages,
    /// In the low lane.
    pub low: Messages,
}

impl Waiting {
    /// In one lane.
    #[must_use]
    pub const fn of(&self, lane: Lane) -> Messages {
        match lane {
            Lane::High => self.high,
            Lane::Normal => self.normal,
            Lane::Low => self.low,
        }
    }
}

/// The lanes, as they are seen from outside.
pub trait Backlog: Sync {
    /// How full they are.
    fn waiting(&self) -> impl Future<Output = Result<Waiting, PortError>> + Send;
}

/// The three lanes.
pub trait Lanes: Sync {
    /// Sends send tasks in as few calls as possible; one result for each, in order.
    fn enqueue(&self, requests: &[SendTaskRequest]) -> impl Future<Output = Vec<Result<(), PortError>>> + Send;
}

/// The dead-letter queue.
pub trait DeadLetters: Sync {
    /// Hands emails over; one result for each, in order.
    fn move_to_dead_letter(
        &self,
        emails: &[DeadLetterMessage],
    ) -> impl Future<Output = Vec<Result<(), PortError>>> + Send;
}

/// SES.
pub trait Provider: Sync {
    /// Submits a claimed email once: never again by itself, whatever the answer. Its files are all
    /// loaded, and are taken out of it rather than copied.
    fn submit(
        &self,
        claimed: &EmailRecord,
        email: crate::email::Email,
        timeout: Duration,
    ) -> impl Future<Output = Attempt> + Send;
}

/// How the change of the pace ended; the pace as it is then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paced {
    /// Changed.
    Done(Pace),
    /// The condition did not hold.
    Refused(Pace),
}

/// The account's pace, which all senders share.
pub trait Paces: Sync {
    /// Reads it.
    fn pace(&self) -> impl Future<Output = Result<Pace, PortError>> + Send;

    /// Makes a change, under [`Change::holds`].
    fn change_pace(&self, change: &Change) -> impl Future<Output = Result<Paced, PortError>> + Send;
}

/// The account at SES.
pub trait Accounts: Sync {
    /// Its state, as SES says it.
    fn account(&self) -> impl Future<Output = Result<Account, PortError>> + Send;
}

/// A page of a partition of the sparse index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePage<T> {
    /// What is due, earliest first.
    pub items: Vec<T>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<DueCursor>,
}

/// An email that waits in `wake`: everything that its send task says, so that no record is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coming {
    /// When it is due.
    pub not_before: Timestamp,
    /// The lane it goes through.
    pub lane: Lane,
    /// What the send task says.
    pub send_task: SendTask,
    /// The place behind it.
    pub cursor: DueCursor,
}

/// An email of one queue, in a partition of its own: held, or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// Which.
    pub key: EmailKey,
    /// When it was due, or when it ended.
    pub at: Timestamp,
    /// How it ended.
    pub status: Status,
    /// Why.
    pub cause: Option<Cause>,
    /// The place behind it.
    pub cursor: DueCursor,
}

/// A place in one shard of the index: behind this email.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueCursor(pub String);

/// What `promote` remembers from run to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bookmarks {
    /// How far each shard of `wake` was enqueued.
    pub cursors: BTreeMap<u16, DueCursor>,
    /// Since when each lane has not been empty.
    pub busy_since: BTreeMap<Lane, Timestamp>,
}

/// The sparse index `due`. It is read without consistency: what is missing is there a moment
/// later, and what is stale is found out at the record.
pub trait DueIndex: Sync {
    /// How many shards each kind of partition has.
    fn shards(&self) -> u16;

    /// Reads a page of a shard of `wake`: what is due until `until`, behind `from`.
    fn coming(
        &self,
        shard: u16,
        until: Timestamp,
        from: Option<&DueCursor>,
    ) -> impl Future<Output = Result<DuePage<Coming>, PortError>> + Send;

    /// Reads a page of a shard of `check`: what should have moved on before `until`, behind
    /// `from`.
    fn overdue(
        &self,
        shard: u16,
        until: Timestamp,
        from: Option<&DueCursor>,
    ) -> impl Future<Output = Result<DuePage<EmailKey>, PortError>> + Send;

    /// Reads a page of a shard of `held` or `ended` of one queue, behind `from`.
    fn aside(
        &self,
        kind: DueKind,
        queue: &QueueKey,
        shard: u16,
        from: Option<&DueCursor>,
    ) -> impl Future<Output = Result<DuePage<Aside>, PortError>> + Send;

    /// What `promote` has left for its next run.
    fn bookmarks(&self) -> impl Future<Output = Result<Bookmarks, PortError>> + Send;

    /// Remembers since when a lane has not been empty; `None` when it is empty.
    fn save_busy_since(
        &self,
        lane: Lane,
        since: Option<Timestamp>,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Remembers that everything in a shard of `wake` up to `cursor` was enqueued.
    fn save_cursor(&self, shard: u16, cursor: &DueCursor) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The named queues.
pub trait Queues: Sync {
    /// Reads a queue; `None` when there never was one of this name.
    fn queue(&self, key: &QueueKey) -> impl Future<Output = Result<Option<Queue>, PortError>> + Send;

    /// Reads the tenant's queues by name, those that were deleted among them.
    fn queues(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<Queue>, PortError>> + Send;

    /// Writes a queue, if it is still as `before`, and with it the job that follows. `false` when
    /// somebody else has changed it.
    fn save_queue(
        &self,
        before: Option<&Queue>,
        queue: &Queue,
        job: Option<&Job>,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// What is left to be done to the emails of queues.
pub trait Jobs: Sync {
    /// The jobs that are due until `until`.
    fn due_jobs(&self, until: Timestamp) -> impl Future<Output = Result<Vec<(QueueKey, EmailId)>, PortError>> + Send;

    /// Reads a job; `None` when there is none, or it is forgotten.
    fn job(&self, queue: &QueueKey, id: EmailId) -> impl Future<Output = Result<Option<Job>, PortError>> + Send;

    /// Writes a job that was saved [`Job::no`] minus one times; `false` when somebody else has.
    fn save_job(&self, job: &Job) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// The queue of SES's events, as it is seen from outside.
pub trait Evidence: Sync {
    /// How far its working off is, asked at `now`.
    fn feedback(&self, now: Timestamp) -> impl Future<Output = Result<Feedback, PortError>> + Send;
}

/// Where the working off of SES's events says how far it is.
pub trait Watermark: Sync {
    /// Says that an event of `newest` was worked off. A later one that was said stays.
    fn raise_watermark(&self, newest: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The clock.
pub trait Clock: Sync {
    /// The time by this machine's clock, which may be off by a second.
    fn now(&self) -> Timestamp;
}

/// Randomness.
pub trait Random: Sync {
    /// Tells one claim from another.
    ///
    /// # Errors
    /// When the system has no randomness to give: a claim must not go without.
    fn nonce(&self) -> Result<u64, PortError>;

    /// Spreads what failed together.
    fn jitter(&self) -> Jitter;

    /// A new id.
    ///
    /// # Errors
    /// When the system has no randomness to give: an id must not be made up.
    fn id(&self) -> Result<EmailId, PortError>;

    /// A new secret of an API key.
    ///
    /// # Errors
    /// When the system has no randomness to give: a secret must not be guessed.
    fn secret(&self) -> Result<[u8; SECRET_BYTES], PortError>;
}

/// How the writing of a tally ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// All of it is written.
    Done,
    /// Nothing is written: a counter is no longer what it was.
    Moved,
}

/// The counters, for whoever counts. Both reads see all that was written before.
pub trait Tallies: Sync {
    /// How often each of these counters was written.
    fn versions(&self, counters: &BTreeSet<Counter>) -> impl Future<Output = Result<Versions, PortError>> + Send;

    /// The marks of changes that were counted, of the markers in a span.
    fn marked(&self, span: &Span) -> impl Future<Output = Result<Vec<Fingerprint>, PortError>> + Send;

    /// Writes all of a tally or nothing.
    fn count(&self, tally: &Tally) -> impl Future<Output = Result<Counted, PortError>> + Send;
}

/// Whole hours: from the first's beginning to before the last's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// When the first begins.
    pub from: Timestamp,
    /// When the last ends.
    pub until: Timestamp,
}

/// How many emails of a queue ended unsent for a cause in an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailuresOfHour {
    /// In which queue.
    pub queue: String,
    /// For which cause.
    pub cause: Cause,
    /// How many.
    pub count: u64,
    /// The latest of them, and when that was.
    pub latest: Option<(Timestamp, EmailId)>,
}

/// The counters, for whoever asks. What is told was so a moment ago.
pub trait Counts: Sync {
    /// Where a queue's emails are.
    fn standing(
        &self,
        tenant: &TenantId,
        queue: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<QueueCounts, PortError>> + Send;

    /// What became of a queue's emails, or of all, in each of these hours in which anything did.
    fn flow(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> impl Future<Output = Result<BTreeMap<Timestamp, Figures>, PortError>> + Send;

    /// Why a queue's emails, or all, ended unsent in these hours, earliest first. `None` when that
    /// is more than is read for one answer.
    fn failures(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> impl Future<Output = Result<Option<Vec<FailuresOfHour>>, PortError>> + Send;
}

/// The addresses that are sent no more emails.
pub trait Suppressions: Sync {
    /// Adds one under [`crate::suppression::Entry::takes`], and its mark with it: both or neither.
    fn suppress(&self, suppression: &Suppression) -> impl Future<Output = Result<Added, PortError>> + Send;

    /// Takes one away that is in force, and its mark with it; `false` when there is none. It is remembered when
    /// that was.
    fn release(
        &self,
        tenant: &TenantId,
        id: SuppressionId,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Reads a tenant's marks, with what was last written.
    fn marks(&self, tenant: &TenantId) -> impl Future<Output = Result<Marks, PortError>> + Send;

    /// Reads those of these ids that are in force at `now`, in their order, with what was last written.
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

    /// Remembers an address that SES did not send to, for it is on the account's list.
    fn remember_listed(&self, listed: &Listed) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Reads those of these ids that are remembered so.
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
    /// The reason of an address that is listed as it is written.
    fn reason(&self, address: &EmailAddress) -> impl Future<Output = Result<Option<ListReason>, PortError>> + Send;

    /// Removes an address that is listed as it is written.
    fn remove(&self, address: &EmailAddress) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// SES's reason to list an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListReason {
    /// An email came back for good.
    Bounce,
    /// The recipient complained, or SES gives a reason that this code does not know.
    Complaint,
}
