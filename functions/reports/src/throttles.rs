//! The throttling of the table, remembered for a minute.
//!
//! **Invariant:** CloudWatch is asked at most once a minute, also after a failure. So a console that polls costs little,
//! and an outage of CloudWatch delays one answer a minute.
//! **Start reading at** [`RecentThrottles::read`]. Why from CloudWatch: docs/adr/0045.

use std::time::Duration;

use aws::runtime::cache::Cached;
use aws::runtime::telemetry;
use domain::ports::TableThrottles;
use domain::timestamp::Timestamp;

/// Time for which an answer counts. Our choice: DynamoDB counts by the minute.
const LIFETIME: Duration = Duration::from_secs(60);

/// The latest answer of CloudWatch; `None` for a failure.
#[derive(Debug, Default)]
pub struct RecentThrottles(Cached<(), Option<u64>>);

impl RecentThrottles {
    /// Returns the throttled reads and writes of the last hour; `None` if CloudWatch did not answer.
    pub(crate) async fn read(&self, monitoring: &impl TableThrottles, now: Timestamp) -> Option<u64> {
        if let Some(known) = self.0.fresh(&(), now, LIFETIME) {
            return known;
        }
        let read = monitoring.throttles_of_last_hour(now).await;
        let read = read.map_err(|error| {
            let error = telemetry::chain(&error);
            tracing::warn!(error, "CloudWatch did not report the throttling of the table");
        });
        self.0.put((), now, read.ok());
        read.ok()
    }
}
