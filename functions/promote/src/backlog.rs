//! Finds the priority queues that have a backlog or are full, so that a run does not make them longer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use aws::runtime::cache::lock;
use domain::delivery::account_rate::{AccountRate, AccountRateChange};
use domain::delivery::priority_queue::FullPriorityQueues;
use domain::delivery::record::Priority;
use domain::ports::{AccountRates, Backlog, DueIndex, QueuedMessages};
use domain::timestamp::Timestamp;

/// State of the priority queues in one run.
#[derive(Debug, Default)]
pub(crate) struct Backlogs {
    /// Priority queues with a backlog for longer than half the guard interval.
    pub(crate) long: BTreeSet<Priority>,
    /// Priority queues with too many hidden and delayed messages: no record is enqueued again.
    pub(crate) full: FullPriorityQueues,
    /// Priority queues with too many hidden messages alone: nothing is enqueued, not even for the first time.
    pub(crate) stopping: FullPriorityQueues,
    /// Number of records that this run may still enqueue again, per priority queue. It is bounded by the free
    /// room.
    room: Mutex<BTreeMap<Priority, u64>>,
}

impl Backlogs {
    /// Reserves room for one message in a priority queue; `false` when it has none left.
    pub(crate) fn take_room(&self, priority: Priority) -> bool {
        let mut room = lock(&self.room);
        let left = room.get(&priority).and_then(|room| room.checked_sub(1));
        let taken = left.map(|left| room.insert(priority, left));
        taken.is_some()
    }
}

/// The ports and limits that the state of the priority queues is read with.
pub(crate) struct Gauge<'a, R, Q> {
    pub(crate) records: &'a R,
    pub(crate) priority_queues: &'a Q,
    /// Number of messages above which a priority queue is full.
    pub(crate) most_messages: u64,
    /// Duration after which a backlog is long.
    pub(crate) long_after: Duration,
}

impl<R: DueIndex + AccountRates, Q: Backlog> Gauge<'_, R, Q> {
    /// Counts the messages of the priority queues, and tells the senders which of them are full.
    ///
    /// The start of a backlog is stored when it changes, so that later runs know it.
    /// A failed call is only a warning: the stored start stays valid.
    pub(crate) async fn read(
        &self,
        busy_since: &BTreeMap<Priority, Timestamp>,
        account_rate: Option<&AccountRate>,
        now: Timestamp,
    ) -> Backlogs {
        let waiting = match self.priority_queues.waiting().await {
            Ok(waiting) => Some(waiting),
            Err(error) => {
                let error = aws::runtime::telemetry::chain(&error);
                tracing::warn!(error, "the lengths of the priority queues could not be read");
                None
            }
        };
        let mut backlogs = match &waiting {
            Some(waiting) => self.full(waiting),
            None => Backlogs {
                full: account_rate.map(|account_rate| account_rate.full).unwrap_or_default(),
                room: Mutex::new(
                    Priority::ALL
                        .iter()
                        .map(|priority| (*priority, self.most_messages))
                        .collect(),
                ),
                ..Backlogs::default()
            },
        };
        self.tell_senders(backlogs.full, account_rate).await;
        for &priority in Priority::ALL {
            let before = busy_since.get(&priority).copied();
            let since = match waiting.as_ref().map(|waiting| waiting.of(priority).is_backlog()) {
                Some(false) => None,
                Some(true) => before.or(Some(now)),
                None => before,
            };
            if since != before
                && let Err(error) = self.records.save_busy_since(priority, since).await
            {
                let error = aws::runtime::telemetry::chain(&error);
                tracing::warn!(error, "the busy time of a priority queue could not be stored");
            }
            if since.is_some_and(|since| now.since(since) > self.long_after) {
                backlogs.long.insert(priority);
            }
        }
        backlogs
    }

    fn full(&self, waiting: &QueuedMessages) -> Backlogs {
        let most = self.most_messages;
        Backlogs {
            long: BTreeSet::new(),
            full: FullPriorityQueues::of(|priority| waiting.of(priority).is_full(most)),
            stopping: FullPriorityQueues::of(|priority| waiting.of(priority).in_flight > most),
            room: Mutex::new(
                Priority::ALL
                    .iter()
                    .map(|priority| (*priority, waiting.of(*priority).room(most)))
                    .collect(),
            ),
        }
    }

    /// Stores the set of full priority queues in the account rate when it has changed.
    async fn tell_senders(&self, full: FullPriorityQueues, account_rate: Option<&AccountRate>) {
        if account_rate.is_none_or(|account_rate| account_rate.full == full) {
            return;
        }
        if let Err(error) = self.records.change_account_rate(&AccountRateChange::Full(full)).await {
            let error = aws::runtime::telemetry::chain(&error);
            tracing::warn!(
                error,
                "the full priority queues could not be stored; the next run stores them"
            );
        }
    }
}
