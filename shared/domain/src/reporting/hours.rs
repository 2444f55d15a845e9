//! The figures of whole hours, as the API shows them.

use crate::delivery::cause::Cause;
use crate::id::EmailId;
use crate::timestamp::Timestamp;

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
    /// The number of these emails.
    pub count: u64,
    /// The latest of them, with its time.
    pub latest: Option<(Timestamp, EmailId)>,
}
