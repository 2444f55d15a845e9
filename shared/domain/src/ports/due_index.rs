//! The due index.

use std::collections::BTreeMap;

use super::failure::PortError;
use crate::delivery::cause::Cause;
use crate::delivery::index::DueCursor;
use crate::delivery::record::{DueKind, Priority, RecordStatus};
use crate::delivery::send_task::SendTask;
use crate::id::{EmailKey, QueueKey};
use crate::reporting::account::OldestDue;
use crate::timestamp::Timestamp;

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
    /// The priority queue of the email.
    pub priority: Priority,
    /// The send task.
    pub send_task: SendTask,
    /// The place after it.
    pub cursor: DueCursor,
}

/// An email in a partition of its queue: held, or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedEmail {
    /// The key of the email.
    pub key: EmailKey,
    /// Due time, or time of its end.
    pub at: Timestamp,
    /// The status of the email.
    pub status: RecordStatus,
    /// The cause of the end of the email.
    pub cause: Option<Cause>,
    /// The place after it.
    pub cursor: DueCursor,
}

/// The state of `promote` between two runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bookmarks {
    /// The place in each shard of `wake` up to which emails are enqueued.
    pub cursors: BTreeMap<u16, DueCursor>,
    /// Time since when each priority queue has not been empty.
    pub busy_since: BTreeMap<Priority, Timestamp>,
    /// The oldest late email.
    pub oldest_due: Option<OldestDue>,
    /// The place in each shard of webhooks' deliveries at which the last run stopped. Without one it reached the end.
    pub hook_places: BTreeMap<u8, DueCursor>,
}

/// The due index. Reads are not consistent: a missing entry appears a moment later, and the record corrects a stale
/// one.
pub trait DueIndex: Sync {
    /// Number of shards of each kind of partition.
    fn shards(&self) -> u16;

    /// Reads a page of a shard of `wake`: emails due until `until`, after `from`.
    fn due_emails(
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
    fn parked_emails(
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

    /// Saves the oldest late email.
    fn save_oldest_due(&self, oldest: OldestDue) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Saves that all emails in a shard of `wake` up to `cursor` are enqueued.
    fn save_cursor(&self, shard: u16, cursor: &DueCursor) -> impl Future<Output = Result<(), PortError>> + Send;
}
