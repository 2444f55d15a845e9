//! SQS queues that we send to: the three priority queues and the dead-letter queue.
//!
//! **Invariant:** `SendMessageBatch` may succeed partly; every entry has its own result, in the given order. An
//! entry with a transient failure is tried once more.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, QueueAttributeName, SendMessageBatchRequestEntry,
};
use domain::delivery::dead_letter_message::DeadLetterMessage;
use domain::delivery::index::delay_seconds;
use domain::delivery::priority_queue::Messages;
use domain::delivery::record::Priority;
use domain::id::{QueueName, TenantId};
use domain::ports::{Backlog, DeadLetters, PortError, PriorityQueues, QueuedMessages, SendTaskRequest};
use futures::StreamExt;
use futures::future::join3;
use futures::stream::iter;
use sha2::{Digest, Sha256};

use crate::runtime::failure::{call_error, port, unknown};
use crate::runtime::settings::PriorityQueueSettings;
use crate::sqs::batch::ReceivedMessage;

/// Maximum number of messages per call. Source: Amazon SQS API reference, `SendMessageBatch`.
const BATCH: usize = 10;

/// Number of concurrent calls to one queue. Our choice: a small function has few connections, and four round
/// trips overlap well.
const CALLS_AT_ONCE: usize = 4;

/// Maximum length of a `MessageGroupId`.
const GROUP_MAX: usize = 128;

/// A message to send.
struct Message {
    body: String,
    delay: Duration,
    /// Fair-queue group: see [`group`].
    group: String,
}

/// Returns the fair-queue group of a message. SQS alternates between groups while one of them has many
/// messages.
///
/// Each queue of each tenant is its own group, so that a tenant's newsletter does not delay its password
/// resets. Names contain no `/`, so that no two queues share a group. Two names of maximum length exceed the
/// limit by one character: their hash replaces them.
///
/// Source: Amazon SQS Developer Guide, "Amazon SQS fair queues"; API reference, `SendMessageBatchRequestEntry`:
/// `MessageGroupId` has at most 128 letters, digits and punctuation marks, read 2026-11-28.
fn group(tenant: &TenantId, queue: &QueueName) -> String {
    let group = format!("{tenant}/{queue}");
    if group.len() <= GROUP_MAX {
        group
    } else {
        Sha256::digest(group).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// An SQS queue.
#[derive(Debug, Clone)]
struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// Sends messages; returns one result for each, in order.
    async fn send(&self, messages: &[Message], what: &'static str) -> Vec<Result<(), PortError>> {
        let chunks: Vec<_> = messages.chunks(BATCH).map(|chunk| self.send_ten(chunk, what)).collect();
        let results: Vec<_> = iter(chunks).buffered(CALLS_AT_ONCE).collect().await;
        results.into_iter().flatten().collect()
    }

    async fn send_ten(&self, messages: &[Message], what: &'static str) -> Vec<Result<(), PortError>> {
        let mut results = match self.try_to_send(messages).await {
            Ok(results) => results,
            // The SDK has retried already.
            Err(whole) => {
                return messages
                    .iter()
                    .map(|_| Err(unknown(what)(whole.clone().into())))
                    .collect();
            }
        };
        let passing = messages
            .iter()
            .zip(&mut results)
            .filter(|(_, result)| result.as_ref().is_err_and(Failed::passing));
        let (again, slots): (Vec<_>, Vec<_>) = passing.unzip();
        if !again.is_empty()
            && let Ok(second) = self.try_to_send(again).await
        {
            for (slot, result) in slots.into_iter().zip(second) {
                *slot = result;
            }
        }
        results
            .into_iter()
            .map(|result| result.map_err(|failed| unknown(what)(failed.into())))
            .collect()
    }

    /// Makes one call. Returns the outcome of each message, or the error of the whole call.
    async fn try_to_send(
        &self,
        messages: impl IntoIterator<Item = &Message>,
    ) -> Result<Vec<Result<(), Failed>>, String> {
        let entries = (0..).zip(messages).map(|(at, message): (usize, _)| {
            SendMessageBatchRequestEntry::builder()
                .id(at.to_string())
                .message_body(&message.body)
                .delay_seconds(i32::from(delay_seconds(message.delay)))
                .message_group_id(&message.group)
                .build()
        });
        let entries = entries
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())?;
        let ids: Vec<_> = entries.iter().map(|entry| entry.id.clone()).collect();
        let call = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries));
        let answer = call
            .send()
            .await
            .map_err(|error| crate::runtime::telemetry::chain(&error))?;
        let fared = |id: String| {
            if answer.successful.iter().any(|entry| entry.id == id) {
                return Ok(());
            }
            let failed = answer.failed.iter().find(|entry| entry.id == id);
            Err(failed.cloned().map_or(Failed::Unsaid, Failed::Said))
        };
        Ok(ids.into_iter().map(fared).collect())
    }
}

/// Reason why a message of a successful call was not sent.
#[derive(Debug, thiserror::Error)]
enum Failed {
    /// SQS reported an error.
    #[error("{}: {}", .0.code, .0.message.as_deref().unwrap_or_default())]
    Said(BatchResultErrorEntry),
    /// SQS reported neither success nor error.
    #[error("SQS returned no result for the message")]
    Unsaid,
}

impl Failed {
    /// Whether the same message may be sent again.
    fn passing(&self) -> bool {
        match self {
            Self::Said(entry) => !entry.sender_fault,
            Self::Unsaid => true,
        }
    }
}

/// The three priority queues.
#[derive(Debug, Clone)]
pub struct SqsPriorityQueues {
    high: SqsQueue,
    normal: SqsQueue,
    low: SqsQueue,
}

impl SqsPriorityQueues {
    /// Creates the adapter of a client and the queues' URLs.
    #[must_use]
    pub fn new(client: &Client, settings: &PriorityQueueSettings) -> Self {
        let queue = |url: &String| SqsQueue {
            client: client.clone(),
            url: url.clone(),
        };
        Self {
            high: queue(&settings.high),
            normal: queue(&settings.normal),
            low: queue(&settings.low),
        }
    }

    /// Returns the priority of the queue that delivered a message, by the queue's ARN. A queue that all priorities
    /// share counts as the normal one.
    #[must_use]
    pub fn priority_of(&self, queue_arn: &str) -> Option<Priority> {
        let name = queue_arn.rsplit(':').next();
        let mut priorities = [Priority::Normal, Priority::High, Priority::Low].into_iter();
        priorities.find(|priority| self.queue(*priority).url.rsplit('/').next() == name)
    }

    fn queue(&self, priority: Priority) -> &SqsQueue {
        match priority {
            Priority::High => &self.high,
            Priority::Normal => &self.normal,
            Priority::Low => &self.low,
        }
    }

    async fn send(&self, requests: &[SendTaskRequest], priority: Priority) -> Vec<(usize, Result<(), PortError>)> {
        let queue = self.queue(priority);
        let mut places = Vec::new();
        let mut messages = Vec::new();
        for (at, request) in requests
            .iter()
            .enumerate()
            .filter(|(_, request)| request.priority == priority)
        {
            places.push(at);
            messages.push(Message {
                body: request.send_task.to_json(),
                delay: request.delay,
                group: group(&request.send_task.tenant, &request.send_task.queue),
            });
        }
        let results = queue.send(&messages, "enqueueing send tasks").await;
        places.into_iter().zip(results).collect()
    }

    /// Makes messages of one batch visible again in their priority queue, each after its delay. Returns the number of
    /// failures.
    ///
    /// It makes one call per ten messages. A failed message becomes visible all the same, after the queue's own
    /// visibility timeout.
    pub async fn put_back(&self, messages: &[(&ReceivedMessage, Duration)]) -> usize {
        let mut put_back = 0;
        for priority in Priority::ALL {
            let ours: Vec<_> = messages
                .iter()
                .filter(|(message, _)| self.priority_of(&message.queue_arn) == Some(*priority))
                .collect();
            for chunk in ours.chunks(BATCH) {
                put_back += self.queue(*priority).change_visibility(chunk).await;
            }
        }
        messages.len().saturating_sub(put_back)
    }
}

impl SqsQueue {
    /// Returns the number of successes among at most ten messages.
    async fn change_visibility(&self, messages: &[&(&ReceivedMessage, Duration)]) -> usize {
        let entries = (0..).zip(messages).map(|(at, (message, delay)): (usize, _)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(at.to_string())
                .receipt_handle(&message.receipt)
                // At most 15 minutes, though SQS allows twelve hours: an email that is due later waits in the index.
                .visibility_timeout(i32::from(delay_seconds(*delay)))
                .build()
        });
        let Ok(entries) = entries.collect::<Result<Vec<_>, _>>() else {
            return 0;
        };
        let call = self
            .client
            .change_message_visibility_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries));
        match call.send().await {
            Ok(answer) => answer.successful.len(),
            Err(error) => {
                tracing::warn!(
                    error = crate::runtime::telemetry::chain(&error),
                    "send tasks could not be returned to their queue"
                );
                0
            }
        }
    }
}

impl PriorityQueues for SqsPriorityQueues {
    async fn enqueue(&self, requests: &[SendTaskRequest]) -> Vec<Result<(), PortError>> {
        let (high, normal, low) = join3(
            self.send(requests, Priority::High),
            self.send(requests, Priority::Normal),
            self.send(requests, Priority::Low),
        )
        .await;
        let mut results: Vec<_> = high.into_iter().chain(normal).chain(low).collect();
        results.sort_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

impl SqsQueue {
    /// Returns SQS's counts of messages: approximate, and up to a minute old.
    async fn messages(&self) -> Result<Messages, PortError> {
        const WHAT: &str = "reading the length of a priority queue";
        const VISIBLE: QueueAttributeName = QueueAttributeName::ApproximateNumberOfMessages;
        const IN_FLIGHT: QueueAttributeName = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        const DELAYED: QueueAttributeName = QueueAttributeName::ApproximateNumberOfMessagesDelayed;
        let query = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = query
            .set_attribute_names(Some(vec![VISIBLE, IN_FLIGHT, DELAYED]))
            .send()
            .await
            .map_err(call_error(WHAT))?;
        let counts = answer.attributes.unwrap_or_default();
        let count = |name| {
            let count = counts.get(&name).and_then(|count| count.parse().ok());
            count.ok_or_else(|| port(WHAT)("SQS did not return the count".into()))
        };
        Ok(Messages {
            visible: count(VISIBLE)?,
            in_flight: count(IN_FLIGHT)?,
            delayed: count(DELAYED)?,
        })
    }
}

impl Backlog for SqsPriorityQueues {
    async fn waiting(&self) -> Result<QueuedMessages, PortError> {
        let (high, normal, low) = join3(self.high.messages(), self.normal.messages(), self.low.messages()).await;
        Ok(QueuedMessages {
            high: high?,
            normal: normal?,
            low: low?,
        })
    }
}

/// The dead-letter queue.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue(SqsQueue);

impl DeadLetterQueue {
    /// Creates the adapter of a client and the queue's URL.
    #[must_use]
    pub fn new(client: &Client, url: &str) -> Self {
        Self(SqsQueue {
            client: client.clone(),
            url: url.to_owned(),
        })
    }
}

impl DeadLetters for DeadLetterQueue {
    async fn move_to_dead_letter(&self, emails: &[DeadLetterMessage]) -> Vec<Result<(), PortError>> {
        let messages: Vec<_> = emails
            .iter()
            .map(|email| Message {
                body: email.to_json(),
                delay: Duration::ZERO,
                group: group(&email.tenant, &email.queue),
            })
            .collect();
        self.0.send(&messages, "sending dead-letter messages").await
    }
}

#[cfg(test)]
#[path = "priority_queues_tests.rs"]
mod tests;
