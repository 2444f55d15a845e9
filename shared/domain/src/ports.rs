//! What the functions need from the world, in the domain's words.
//!
//! **Invariant:** a port says what is wanted, never which call makes it so. Worlds in memory
//! and adapters to AWS implement the same traits.

use std::error::Error;
use std::time::Duration;

use crate::id::{EmailId, TenantId};
use crate::lifecycle::{Attempt, Policy, Transition};
use crate::row::{BodyRef, DueKind, Lane, Row};
use crate::timestamp::Timestamp;
use crate::wire::wake_up::WakeUp;

/// A call to the world that failed; it may have taken effect all the same.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct PortError {
    /// What was asked, in words, without addresses or content.
    pub what: &'static str,
    /// The adapter's error.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// Which email: its tenant and id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailKey {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: EmailId,
}

/// How the creation of a row ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// The row is new, and durable.
    New,
    /// There is a row of this id already.
    Exists(Box<Row>),
}

/// How a claim ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The row after the claim; the caller may submit until the lease runs out.
    Granted(Box<Row>),
    /// The row as it is, or that there is none.
    Refused(Option<Box<Row>>),
}

/// How the writing of a transition ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Written.
    Done,
    /// The condition did not hold: the row as it is, or that there is none.
    Moved(Option<Box<Row>>),
}

/// The rows.
pub trait Rows: Sync {
    /// Reads a row, with what was last written. A row past its `ttl` is no row.
    fn load(&self, key: &EmailKey, now: Timestamp) -> impl Future<Output = Result<Option<Row>, PortError>> + Send;

    /// Writes a new row and, where it lies beside the row, nothing of the content.
    fn create(&self, row: &Row, now: Timestamp) -> impl Future<Output = Result<Created, PortError>> + Send;

    /// Claims a row under [`crate::lifecycle::Condition::Claimable`], as
    /// [`crate::lifecycle::claimed`] says, with no read before. `nonce` tells the same call
    /// tried again from another claim.
    fn claim(
        &self,
        key: &EmailKey,
        nonce: u64,
        policy: &Policy,
        now: Timestamp,
    ) -> impl Future<Output = Result<Claimed, PortError>> + Send;

    /// Writes what differs between `before` and the transition's row, under its condition.
    fn write(
        &self,
        before: &Row,
        transition: &Transition,
        now: Timestamp,
    ) -> impl Future<Output = Result<Written, PortError>> + Send;
}

/// The contents, written once and named by their hash.
pub trait Bodies: Sync {
    /// Makes the content durable, under its name; kept until `keep_until`.
    fn put(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        content: &[u8],
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Reads a content, or that it is gone.
    fn load(&self, key: &EmailKey, body: &BodyRef) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>> + Send;
}

/// A wake-up to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    /// The lane it goes through.
    pub lane: Lane,
    /// What it says.
    pub wake_up: WakeUp,
    /// How long from now it is to arrive.
    pub delay: Duration,
}

/// The three lanes.
pub trait Lanes: Sync {
    /// Sends wake-ups in as few calls as possible; one result for each, in order.
    fn wake(&self, wakes: &[Wake]) -> impl Future<Output = Vec<Result<(), PortError>>> + Send;
}

/// An email on its way to `failed`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HandOver {
    /// Format version: 1.
    pub v: u8,
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: EmailId,
    /// The claim that gave up.
    pub claim_no: u32,
}

impl HandOver {
    /// The version that is written.
    pub const VERSION: u8 = 1;
}

/// The dead-letter queue.
pub trait DeadLetters: Sync {
    /// Hands emails over; one result for each, in order.
    fn hand_over(&self, emails: &[HandOver]) -> impl Future<Output = Vec<Result<(), PortError>>> + Send;
}

/// SES.
pub trait Provider: Sync {
    /// Submits a claimed email once: never again by itself, whatever the answer.
    fn submit(
        &self,
        claimed: &Row,
        email: &crate::email::Email,
        timeout: Duration,
    ) -> impl Future<Output = Attempt> + Send;
}

/// One page of the sparse index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePage {
    /// The emails, earliest first, with the time they are due.
    pub emails: Vec<(EmailKey, Timestamp)>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<DueCursor>,
}

/// A place in one shard of the index: behind this time and email.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DueCursor {
    /// The sort key behind which the page begins.
    pub after: String,
}

/// The sparse index `due`.
pub trait DueIndex: Sync {
    /// Reads a page of what is due in a partition until `until`, earliest first.
    fn due(
        &self,
        kind: DueKind,
        shard: u16,
        until: Timestamp,
        from: Option<&DueCursor>,
    ) -> impl Future<Output = Result<DuePage, PortError>> + Send;

    /// The cursor saved for a shard of `wake`.
    fn cursor(&self, shard: u16) -> impl Future<Output = Result<Option<DueCursor>, PortError>> + Send;

    /// Saves the cursor, once everything before it was woken.
    fn save_cursor(&self, shard: u16, cursor: &DueCursor) -> impl Future<Output = Result<(), PortError>> + Send;
}
