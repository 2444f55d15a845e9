//! The timings of an email's delivery, and its turn in its queue.
//!
//! **Role:** a deployment has one policy, and a queue may override parts of it.

use std::time::Duration;

use crate::delivery::retry::RetryPolicy;
use crate::timestamp::Timestamp;

/// The timings of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The time after which `promote` checks an email that has not changed since its send task.
    pub guard: Duration,
    /// Duration of a claim; longer than the sender's timeout.
    pub lease: Duration,
    /// Wait for evidence after an ambiguous answer.
    pub evidence_window: Duration,
    /// Schedule of retries.
    pub retry: RetryPolicy,
    /// The turn of a queued email: [`Turn::Waits`] if its queue has a rate limit.
    pub turn: Turn,
    /// The restore epoch: emails requested at or before it wait for a release ([`EmailRecord::is_restored`]). `None` if
    /// the table was never restored.
    ///
    /// [`EmailRecord::is_restored`]: crate::delivery::record::EmailRecord::is_restored
    pub restore_epoch: Option<Timestamp>,
}

impl Policy {
    /// The timings of production, the defaults of `template.yaml`.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            guard: Duration::from_secs(900),
            lease: Duration::from_secs(180),
            evidence_window: Duration::from_secs(300),
            retry: RetryPolicy::standard(),
            turn: Turn::Free,
            restore_epoch: None,
        }
    }

    /// The time of a person's request to send an email at `now`. It is always later than the restore epoch, even if
    /// this clock is behind.
    #[must_use]
    pub fn requested_at(&self, now: Timestamp) -> Timestamp {
        let after = self.restore_epoch.map(|epoch| epoch.after(Duration::from_millis(1)));
        after.map_or(now, |after| now.max(after))
    }
}

/// The turn of an email in its queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Turn {
    /// The queue has no rate limit, or `send` will ask for the slot.
    #[default]
    Free,
    /// A reserved slot.
    Slot(Timestamp),
    /// No slot yet: the record waits in the due index.
    Waits,
}

impl Turn {
    /// The reserved slot.
    #[must_use]
    pub const fn slot(self) -> Option<Timestamp> {
        match self {
            Self::Slot(slot) => Some(slot),
            Self::Free | Self::Waits => None,
        }
    }
}
