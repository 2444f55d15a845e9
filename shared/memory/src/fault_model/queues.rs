//! The queues: messages that arrive late, twice or again, and deletions that are lost.

use std::sync::Arc;
use std::time::Duration;

use domain::delivery::record::Priority;
use tokio::sync::Notify;

use super::FaultModel;
use crate::queue::{Received, SimulatedQueue, millis};

/// A queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// A priority queue.
    PriorityQueue(Priority),
    /// The dead-letter queue.
    DeadLetters,
    /// The queue of SES's events.
    Events,
    /// The queue of deliveries of events to webhooks.
    Deliveries,
}

/// The index of a priority in [`FaultModel::priority_queues`].
#[must_use]
pub const fn place(priority: Priority) -> usize {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}

impl FaultModel {
    /// Sends a message to a queue, sometimes twice.
    pub(crate) fn send(&mut self, to: Destination, body: &str, delay: Duration) {
        let copies = if self.happens(self.odds.doubled) {
            self.count_fault("message doubled");
            2
        } else {
            1
        };
        // SQS has whole seconds.
        let delay = Duration::from_secs(u64::from(domain::delivery::index::delay_seconds(delay)));
        let at = self.now_ms().saturating_add(millis(delay));
        for _ in 0..copies {
            self.queue(to).send(body.to_owned(), at);
            self.notifier(to).notify_one();
        }
    }

    fn queue(&mut self, which: Destination) -> &mut SimulatedQueue {
        let [high, normal, low] = &mut self.priority_queues;
        match which {
            Destination::PriorityQueue(Priority::High) => high,
            Destination::PriorityQueue(Priority::Normal) => normal,
            Destination::PriorityQueue(Priority::Low) => low,
            Destination::DeadLetters => &mut self.dead_letters,
            Destination::Events => &mut self.events,
            Destination::Deliveries => &mut self.deliveries,
        }
    }

    /// The notification about messages that are sent to a queue.
    #[must_use]
    pub fn notifier(&self, which: Destination) -> Arc<Notify> {
        let [high, normal, low] = &self.notifiers.priority_queues;
        Arc::clone(match which {
            Destination::PriorityQueue(Priority::High) => high,
            Destination::PriorityQueue(Priority::Normal) => normal,
            Destination::PriorityQueue(Priority::Low) => low,
            Destination::DeadLetters => &self.notifiers.dead_letters,
            Destination::Events => &self.notifiers.events,
            Destination::Deliveries => &self.notifiers.deliveries,
        })
    }

    /// Receives up to `most` messages of a queue. Some become visible again while they are processed. Messages
    /// received too often move on to the dead-letter queue.
    pub fn take(&mut self, from: Destination, most: usize) -> Vec<Received> {
        let now = self.now_ms();
        let mut rng = self.rng.fork();
        if self.queue(from).is_stopped(now) && self.queue(from).visible(now) > 0 {
            self.count_fault("queue stopped");
        }
        let (received, aside) = self.queue(from).receive(most, now, &mut rng);
        for body in aside {
            self.count_fault("message put aside");
            if let Destination::PriorityQueue(_) = from {
                self.send(Destination::DeadLetters, &body, Duration::ZERO);
            }
        }
        for message in &received {
            if self.happens(self.odds.seen_again) {
                self.count_fault("message seen again");
                let soon = self.up_to(20_000);
                self.queue(from)
                    .put_back(message.id, message.receipt, now.saturating_add(millis(soon)));
            }
        }
        if self.queue(from).visible(now) > 0 && !self.queue(from).is_stopped(now) {
            // There is work for another receiver.
            self.notifier(from).notify_one();
        }
        received
    }

    /// Deletes a processed message; the deletion may be lost.
    pub fn delete(&mut self, from: Destination, id: u64, receipt: u32) {
        if self.happens(self.odds.delete_lost) {
            self.count_fault("delete lost");
        } else {
            self.queue(from).delete(id, receipt);
        }
    }

    /// Makes a message visible again after a delay, in SQS's whole seconds.
    pub fn put_back(&mut self, to: Destination, id: u64, receipt: u32, delay: Duration) {
        let delay = Duration::from_secs(u64::from(domain::delivery::index::delay_seconds(delay)));
        let at = self.now_ms().saturating_add(millis(delay));
        self.queue(to).put_back(id, receipt, at);
        // A waiting receiver must compute its time again.
        self.notifier(to).notify_one();
    }

    /// Moves published events whose time has come into the queue.
    pub fn arrive(&mut self) {
        let now = self.now_ms();
        while let Some(next) = self.travelling.first_entry()
            && next.key().0 <= now
        {
            let body = next.remove();
            self.events.send(body, now);
        }
    }

    /// Time at which a queue's next message becomes visible, if nothing more is sent.
    pub fn next(&mut self, from: Destination) -> Option<i64> {
        let travelling = (from == Destination::Events)
            .then(|| self.travelling.first_key_value().map(|((at, _), _)| *at))
            .flatten();
        let now = self.now_ms();
        let queue = self.queue(from).next_visible(now);
        [travelling, queue].into_iter().flatten().min()
    }
}
