//! An SQS standard queue with its weak guarantees: at-least-once delivery, in any order.
//!
//! Source: Amazon SQS Developer Guide, "Amazon SQS standard queues", "visibility timeout", "delay queues" and
//! "dead-letter queues", read 2026-11-24; "Quotas related to queues", read 2026-11-28.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;

/// Approximate maximum of messages in flight; at this number a standard queue delivers nothing more.
const MOST_IN_FLIGHT: usize = 120_000;

/// One queue. Times are milliseconds since 1970.
#[derive(Debug, Clone)]
pub struct SimulatedQueue {
    /// Time for which a received message stays hidden.
    pub visibility: Duration,
    /// Number of receives after which it moves to the dead-letter queue; 0 for never.
    pub most_receives: u32,
    /// Number of messages in flight (received, hidden and not deleted) from which on nothing more is delivered.
    pub most_in_flight: usize,
    messages: BTreeMap<u64, Message>,
    last: u64,
}

#[derive(Debug, Clone)]
struct Message {
    body: String,
    visible_at: i64,
    receives: u32,
}

impl Message {
    fn is_in_flight(&self, now: i64) -> bool {
        self.receives > 0 && self.visible_at > now
    }
}

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Sequence number of the message.
    pub id: u64,
    /// Handle for deleting it or putting it back; the handle of an earlier receive does nothing.
    pub receipt: u32,
    /// The body of the message.
    pub body: String,
}

impl SimulatedQueue {
    /// A queue whose received messages stay hidden for `visibility`.
    #[must_use]
    pub fn new(visibility: Duration, most_receives: u32) -> Self {
        Self {
            visibility,
            most_receives,
            most_in_flight: MOST_IN_FLIGHT,
            messages: BTreeMap::new(),
            last: 0,
        }
    }

    /// Stores a message that becomes visible at `visible_at`.
    pub fn send(&mut self, body: String, visible_at: i64) {
        self.last += 1;
        let message = Message {
            body,
            visible_at,
            receives: 0,
        };
        self.messages.insert(self.last, message);
    }

    /// Delivers up to `most` messages, in any order; also returns those received too often.
    pub fn receive(&mut self, most: usize, now: i64, rng: &mut Rng) -> (Vec<Received>, Vec<String>) {
        let most = most.min(self.most_in_flight.saturating_sub(self.in_flight(now)));
        let mut visible: Vec<u64> = self
            .messages
            .iter()
            .filter(|(_, m)| m.visible_at <= now)
            .map(|(id, _)| *id)
            .collect();
        rng.shuffle(&mut visible);
        let (mut received, mut aside) = (Vec::new(), Vec::new());
        for id in visible {
            if received.len() == most {
                break;
            }
            let Some(message) = self.messages.get_mut(&id) else {
                continue;
            };
            if self.most_receives > 0 && message.receives >= self.most_receives {
                aside.extend(self.messages.remove(&id).map(|message| message.body));
                continue;
            }
            message.receives += 1;
            message.visible_at = now.saturating_add(millis(self.visibility));
            received.push(Received {
                id,
                receipt: message.receives,
                body: message.body.clone(),
            });
        }
        (received, aside)
    }

    /// Deletes a message, unless it was received again since.
    pub fn delete(&mut self, id: u64, receipt: u32) {
        if self
            .messages
            .get(&id)
            .is_some_and(|message| message.receives == receipt)
        {
            self.messages.remove(&id);
        }
    }

    /// Makes a message visible again at a time, unless it was received again since.
    pub fn put_back(&mut self, id: u64, receipt: u32, visible_at: i64) {
        if let Some(message) = self.messages.get_mut(&id).filter(|message| message.receives == receipt) {
            message.visible_at = visible_at;
        }
    }

    /// Time at which the next message becomes visible. With too many in flight, the time at which one of those
    /// becomes visible again.
    #[must_use]
    pub fn next_visible(&self, now: i64) -> Option<i64> {
        let stopped = self.is_stopped(now);
        let next = self
            .messages
            .values()
            .filter(|message| !stopped || message.is_in_flight(now));
        next.map(|message| message.visible_at).min()
    }

    /// True if nothing is delivered because too many messages are in flight.
    #[must_use]
    pub fn is_stopped(&self, now: i64) -> bool {
        self.in_flight(now) >= self.most_in_flight
    }

    /// Number of received and hidden messages.
    #[must_use]
    pub fn in_flight(&self, now: i64) -> usize {
        let messages = self.messages.values();
        messages.filter(|message| message.is_in_flight(now)).count()
    }

    /// Number of messages that were sent ahead of their time and never received.
    #[must_use]
    pub fn delayed(&self, now: i64) -> usize {
        let messages = self.messages.values();
        messages
            .filter(|message| message.receives == 0 && message.visible_at > now)
            .count()
    }

    /// Number of visible messages.
    #[must_use]
    pub fn visible(&self, now: i64) -> usize {
        self.messages
            .values()
            .filter(|message| message.visible_at <= now)
            .count()
    }

    /// Number of messages ever sent.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.last
    }

    /// Number of messages: visible, in flight and delayed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undeleted_messages_return_until_dead_lettered() {
        let (mut queue, mut rng) = (SimulatedQueue::new(Duration::from_secs(1), 2), Rng::with_seed(1));
        queue.send("a".to_owned(), 10);
        assert_eq!(queue.receive(10, 9, &mut rng), (Vec::new(), Vec::new()));
        let (first, _) = queue.receive(10, 10, &mut rng);
        assert_eq!((first.len(), queue.visible(10), queue.len()), (1, 0, 1));
        assert_eq!(queue.next_visible(10), Some(1010));
        let (second, _) = queue.receive(10, 1010, &mut rng);
        queue.delete(1, first[0].receipt);
        assert_eq!(queue.len(), 1, "it was received again since");
        queue.put_back(1, second[0].receipt, 1020);
        assert_eq!(queue.receive(10, 1020, &mut rng), (Vec::new(), vec!["a".to_owned()]));
        assert!(queue.is_empty());
    }

    #[test]
    fn too_many_in_flight_stop_the_queue() {
        let (mut queue, mut rng) = (SimulatedQueue::new(Duration::from_secs(1), 0), Rng::with_seed(1));
        queue.most_in_flight = 3;
        for visible_at in [0, 0, 0, 0, 0, 500] {
            queue.send("a".to_owned(), visible_at);
        }
        assert_eq!((queue.in_flight(0), queue.delayed(0), queue.visible(0)), (0, 1, 5));
        let (received, _) = queue.receive(10, 0, &mut rng);
        assert_eq!((received.len(), queue.in_flight(0)), (3, 3));
        assert!(queue.is_stopped(0));
        assert_eq!(queue.receive(10, 0, &mut rng), (Vec::new(), Vec::new()));
        assert_eq!(queue.next_visible(0), Some(1000), "when one of them becomes visible");

        queue.delete(received[0].id, received[0].receipt);
        assert_eq!(queue.next_visible(0), Some(0));
        assert_eq!(queue.receive(10, 0, &mut rng).0.len(), 1, "one was deleted");
    }
}
