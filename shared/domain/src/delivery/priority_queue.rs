//! The load of a priority queue, and the limit from which its backlog stays in the due index.
//!
//! SQS delivers nothing more from a queue with about 120,000 messages in flight: received, hidden, and not deleted. A
//! sender hides every message that it may not send yet, so an open breaker could stop a priority queue.
//!
//! **Role:** `promote` counts the messages once a minute and writes [`FullPriorityQueues`] into the rate limiter,
//! which every batch of `send` reads or changes anyway. In a full priority queue `send` deletes messages instead of
//! hiding them, and `promote` enqueues nothing more: the records are in the due index.
//! **Invariant:** pure.
//! **Start reading at** [`Messages`]. Why this way: docs/adr/0031.

use crate::delivery::record::Priority;

/// Hidden and delayed messages above which a priority queue is full: half of SQS's limit for messages in flight. The
/// other half is room for the minute until the next count.
/// Source: Amazon SQS Developer Guide, "Quotas related to queues", "Messages per queue (in flight)", read 2026-11-28.
pub const MOST_MESSAGES: u64 = 60_000;

/// Messages in flight that are no backlog, because senders work on them. Ten batches of ten.
const IN_HAND: u64 = 100;

/// The messages of one priority queue. SQS's counts are approximate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Messages {
    /// Ready to be received.
    pub visible: u64,
    /// Received and hidden: a sender works on them, or has put them back for later.
    pub in_flight: u64,
    /// Sent ahead of their time, and never received.
    pub delayed: u64,
}

impl Messages {
    /// True if an overdue record may still have its message in this queue.
    ///
    /// Delayed messages do not count: their records are not overdue.
    #[must_use]
    pub const fn is_backlog(self) -> bool {
        self.visible > 0 || self.in_flight > IN_HAND
    }

    /// True if too many messages wait for a later time, so that the index keeps the records instead.
    ///
    /// Visible messages do not count: SQS holds any number of them.
    #[must_use]
    pub const fn is_full(self, most: u64) -> bool {
        self.in_flight.saturating_add(self.delayed) > most
    }

    /// Messages that may still be hidden or delayed before the queue is full.
    #[must_use]
    pub const fn room(self, most: u64) -> u64 {
        most.saturating_sub(self.in_flight.saturating_add(self.delayed))
    }
}

/// The priority queues with too many hidden and delayed messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FullPriorityQueues {
    /// The high priority queue.
    pub high: bool,
    /// The normal priority queue.
    pub normal: bool,
    /// The low priority queue.
    pub low: bool,
}

impl FullPriorityQueues {
    /// The queues for which `is_full` is true.
    #[must_use]
    pub fn of(is_full: impl Fn(Priority) -> bool) -> Self {
        Self {
            high: is_full(Priority::High),
            normal: is_full(Priority::Normal),
            low: is_full(Priority::Low),
        }
    }

    /// True if the queue is full.
    #[must_use]
    pub const fn has(self, priority: Priority) -> bool {
        match priority {
            Priority::High => self.high,
            Priority::Normal => self.normal,
            Priority::Low => self.low,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(visible: u64, in_flight: u64, delayed: u64) -> Messages {
        Messages {
            visible,
            in_flight,
            delayed,
        }
    }

    #[test]
    fn delayed_messages_are_no_backlog() {
        assert!(!messages(0, 0, 0).is_backlog());
        assert!(!messages(0, 100, 5_000).is_backlog());
        assert!(messages(0, 101, 0).is_backlog());
        assert!(messages(1, 0, 0).is_backlog());
    }

    #[test]
    fn hidden_and_delayed_messages_fill_a_queue() {
        assert!(!messages(1_000_000, 30_000, 30_000).is_full(MOST_MESSAGES));
        assert!(messages(0, 30_000, 30_001).is_full(MOST_MESSAGES));
        assert!(messages(0, 60_001, 0).is_full(MOST_MESSAGES));
        assert!(messages(0, 0, 60_001).is_full(MOST_MESSAGES));
        assert!(messages(0, u64::MAX, u64::MAX).is_full(MOST_MESSAGES));
    }

    #[test]
    fn each_priority_queue_is_full_by_itself() {
        for &full in Priority::ALL {
            let priority_queues = FullPriorityQueues::of(|priority| priority == full);
            let found: Vec<_> = Priority::ALL
                .iter()
                .copied()
                .filter(|priority| priority_queues.has(*priority))
                .collect();
            assert_eq!(found, [full]);
        }
    }
}
