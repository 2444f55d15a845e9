//! The rate limits of queues, and the emails that wait for their slots.

use super::due_index::{DueEmail, DuePage};
use super::failure::PortError;
use crate::delivery::index::DueCursor;
use crate::id::QueueKey;
use crate::queue::rate_limit::{RateLimit, RateLimitChange};
use crate::timestamp::Timestamp;

/// The result of a change of a rate limit, with the rate limit after the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RateLimitOutcome {
    /// Changed.
    Done(RateLimit),
    /// The condition did not hold.
    Refused(RateLimit),
}

/// An email that waits for a slot, with all fields of its send task, so that no record is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingEmail {
    /// Send time, priority queue, send task and index place of the email.
    pub due_email: DueEmail,
    /// Time of expiry, from which on it must not be sent.
    pub expires_at: Timestamp,
}

/// A range of a partition: after one place, up to another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexRange {
    /// The place before the first email; `None` for the beginning.
    pub after: Option<DueCursor>,
    /// The place of the last email; `None` for the end.
    pub until: Option<DueCursor>,
}

/// The rate limits of queues.
pub trait RateLimits: Sync {
    /// Reads a rate limit consistently.
    fn rate_limit(&self, queue: &QueueKey) -> impl Future<Output = Result<RateLimit, PortError>> + Send;

    /// Makes a change, under [`RateLimitChange::holds`].
    fn change_rate_limit(
        &self,
        queue: &QueueKey,
        change: &RateLimitChange,
    ) -> impl Future<Output = Result<RateLimitOutcome, PortError>> + Send;

    /// Reads the queues that are due for a check until `until`. The index may be behind.
    fn queues_to_check(&self, until: Timestamp) -> impl Future<Output = Result<Vec<QueueKey>, PortError>> + Send;

    /// Reads up to `count` emails of one shard of a queue, in the order of their places.
    fn waiting_emails(
        &self,
        queue: &QueueKey,
        shard: u16,
        range: &IndexRange,
        count: usize,
    ) -> impl Future<Output = Result<DuePage<WaitingEmail>, PortError>> + Send;
}
