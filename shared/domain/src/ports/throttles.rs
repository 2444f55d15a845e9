//! The throttling of the table, as AWS counted it.

use super::failure::PortError;
use crate::timestamp::Timestamp;

/// The throttling of the table, for people.
pub trait TableThrottles: Sync {
    /// The throttled reads and writes of the table and its indexes in the hour before `now`.
    fn throttles_of_last_hour(&self, now: Timestamp) -> impl Future<Output = Result<u64, PortError>> + Send;
}
