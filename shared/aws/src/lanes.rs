//! The queues that we send to: the three lanes and the dead-letter queue.
//!
//! **Invariant:** `SendMessageBatch` succeeds in part; every entry has a result of its own, in
//! the order in which it was given. What failed for a passing reason is tried once more.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, SendMessageBatchRequestEntry};
use domain::index::delay_seconds;
use domain::ports::{DeadLetters, Lanes, PortError, Wake};
use domain::row::Lane;
use domain::wire::hand_over::HandOver;
use futures::future::join3;

use crate::batch::Record;
use crate::failure::{Said, port};
use crate::settings::LaneSettings;

/// SQS takes at most this many messages in one call.
/// Source: Amazon SQS API reference, `SendMessageBatch`.
const BATCH: usize = 10;

/// The longest time that a message can be put back for.
/// Source: Amazon SQS API reference, `ChangeMessageVisibility`: 0 to 43,200 s; as long as
/// `DelaySeconds` is enough here, for what is due later waits in the index.
const LONGEST_PUT_BACK: Duration = domain::index::LONGEST_DELAY;

/// A message to send.
struct Message {
    body: String,
    delay: Duration,
}

/// One queue.
#[derive(Debug, Clone)]
struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// Sends messages; one result for each, in order.
    async fn send(&self, messages: &[Message], what: &'static str) -> Vec<Result<(), PortError>> {
        let chunks = messages.chunks(BATCH).map(|chunk| self.send_ten(chunk, what));
        futures::future::join_all(chunks).await.into_iter().flatten().collect()
    }

    async fn send_ten(&self, messages: &[Message], what: &'static str) -> Vec<Result<(), PortError>> {
        let mut results = self.try_to_send(messages, what).await;
        let failed: Vec<usize> = (0..).zip(&results).filter_map(|(at, result)| result.is_err().then_some(at)).collect();
        // A call that failed as a whole was tried again by the SDK already.
        if failed.is_empty() || failed.len() == messages.len() {
            return results;
        }
        let again: Vec<Message> = failed
            .iter()
            .filter_map(|at| messages.get(*at))
            .map(|message| Message { body: message.body.clone(), delay: message.delay })
            .collect();
        for (at, result) in failed.into_iter().zip(self.try_to_send(&again, what).await) {
            if let Some(slot) = results.get_mut(at) {
                *slot = result;
            }
        }
        results
    }

    async fn try_to_send(&self, messages: &[Message], what: &'static str) -> Vec<Result<(), PortError>> {
        let entries = (0..).zip(messages).map(|(at, message): (usize, _)| {
            SendMessageBatchRequestEntry::builder()
                .id(at.to_string())
                .message_body(&message.body)
                .delay_seconds(i32::from(delay_seconds(message.delay)))
                .build()
        });
        let entries = match entries.collect::<Result<Vec<_>, _>>() {
            Ok(entries) => entries,
            Err(error) => return all_failed(messages.len(), what, &error.to_string()),
        };
        let sent = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                let error = crate::telemetry::chain(&error);
                return all_failed(messages.len(), what, &error);
            }
        };
        // An entry of which nothing is said was not sent.
        (0..messages.len())
            .map(|at| {
                let id = at.to_string();
                if answer.successful.iter().any(|entry| entry.id == id) {
                    return Ok(());
                }
                let said = answer.failed.iter().find(|entry| entry.id == id).map(|entry| Said {
                    code: entry.code.clone(),
                    message: entry.message.clone().unwrap_or_default(),
                });
                let silence = || Said { code: "NoAnswer".to_owned(), message: "SQS said nothing of it".to_owned() };
                Err(port(what)(said.unwrap_or_else(silence).into()))
            })
            .collect()
    }
}

fn all_failed(count: usize, what: &'static str, error: &str) -> Vec<Result<(), PortError>> {
    (0..count).map(|_| Err(port(what)(error.into()))).collect()
}

/// The three lanes, as their senders see them.
#[derive(Debug, Clone)]
pub struct LaneQueues {
    high: Queue,
    normal: Queue,
    low: Queue,
}

impl LaneQueues {
    /// Puts a client to the lanes.
    #[must_use]
    pub fn new(client: &Client, settings: &LaneSettings) -> Self {
        let queue = |url: &String| Queue { client: client.clone(), url: url.clone() };
        Self { high: queue(&settings.high), normal: queue(&settings.normal), low: queue(&settings.low) }
    }

    async fn send(&self, wakes: &[Wake], lane: Lane) -> Vec<(usize, Result<(), PortError>)> {
        let queue = match lane {
            Lane::High => &self.high,
            Lane::Normal => &self.normal,
            Lane::Low => &self.low,
        };
        let mut places = Vec::new();
        let mut messages = Vec::new();
        for (at, wake) in wakes.iter().enumerate().filter(|(_, wake)| wake.lane == lane) {
            places.push(at);
            messages.push(Message { body: wake.wake_up.to_json(), delay: wake.delay });
        }
        let results = queue.send(&messages, "sending wake-ups").await;
        places.into_iter().zip(results).collect()
    }

    /// Puts messages of one batch back into their lane, each to be seen again after its time.
    ///
    /// One call for at most ten. A message that cannot be put back comes again all the same,
    /// after the lane's own visibility timeout.
    pub async fn put_back(&self, records: &[(&Record, Duration)]) -> usize {
        let mut failed = 0;
        for queue in [&self.high, &self.normal, &self.low] {
            let name = queue.url.rsplit('/').next().unwrap_or_default();
            let ours: Vec<_> = records
                .iter()
                .filter(|(record, _)| record.queue_arn.rsplit(':').next() == Some(name))
                .collect();
            for chunk in ours.chunks(BATCH) {
                failed += queue.change_visibility(chunk).await;
            }
        }
        failed
    }
}

impl Queue {
    async fn change_visibility(&self, records: &[&(&Record, Duration)]) -> usize {
        let entries = (0..).zip(records).map(|(at, (record, delay)): (usize, _)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(at.to_string())
                .receipt_handle(&record.receipt)
                .visibility_timeout(i32::from(delay_seconds((*delay).min(LONGEST_PUT_BACK))))
                .build()
        });
        let Ok(entries) = entries.collect::<Result<Vec<_>, _>>() else {
            return records.len();
        };
        let changed = self.client.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
        match changed.send().await {
            Ok(answer) => answer.failed.len(),
            Err(error) => {
                tracing::warn!(error = crate::telemetry::chain(&error), "wake-ups could not be put back");
                records.len()
            }
        }
    }
}

impl Lanes for LaneQueues {
    async fn wake(&self, wakes: &[Wake]) -> Vec<Result<(), PortError>> {
        let (high, normal, low) =
            join3(self.send(wakes, Lane::High), self.send(wakes, Lane::Normal), self.send(wakes, Lane::Low)).await;
        let mut results: Vec<_> = high.into_iter().chain(normal).chain(low).collect();
        results.sort_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

/// The dead-letter queue, as its senders see it.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue(Queue);

impl DeadLetterQueue {
    /// Puts a client to the queue.
    #[must_use]
    pub fn new(client: &Client, url: &str) -> Self {
        Self(Queue { client: client.clone(), url: url.to_owned() })
    }
}

impl DeadLetters for DeadLetterQueue {
    async fn hand_over(&self, emails: &[HandOver]) -> Vec<Result<(), PortError>> {
        let messages: Vec<_> =
            emails.iter().map(|email| Message { body: email.to_json(), delay: Duration::ZERO }).collect();
        self.0.send(&messages, "handing emails over").await
    }
}
