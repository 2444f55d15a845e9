//! One SQS queue that we send to, and to which we return messages.
//!
//! **Invariant:** `SendMessageBatch` may succeed partly; every entry has its own result, in the given order. An
//! entry with a transient failure is tried once more.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, SendMessageBatchRequestEntry,
};
use domain::delivery::index::delay_seconds;
use domain::ports::PortError;
use futures::StreamExt;
use futures::stream::iter;
use sha2::{Digest, Sha256};

use crate::runtime::failure::unknown;
use crate::sqs::batch::ReceivedMessage;

/// Maximum number of messages per call. Source: Amazon SQS API reference, `SendMessageBatch`.
const BATCH: usize = 10;

/// Number of concurrent calls to one queue. Our choice: a small function has few connections, and four round
/// trips overlap well.
const CALLS_AT_ONCE: usize = 4;

/// Maximum length of a `MessageGroupId`.
const GROUP_MAX: usize = 128;

/// A message to send.
pub(super) struct Message {
    /// The text.
    pub(super) body: String,
    /// The wait before a consumer sees it.
    pub(super) delay: Duration,
    /// Fair-queue group: see [`group`].
    pub(super) group: String,
}

/// Returns the fair-queue group of a name. SQS alternates between groups while one of them has many messages. A name
/// that exceeds the limit is replaced by its hash.
///
/// Source: Amazon SQS Developer Guide, "Amazon SQS fair queues"; API reference, `SendMessageBatchRequestEntry`:
/// `MessageGroupId` has at most 128 letters, digits and punctuation marks, read 2026-11-28.
pub(super) fn group(name: String) -> String {
    if name.len() <= GROUP_MAX {
        name
    } else {
        Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// An SQS queue.
#[derive(Debug, Clone)]
pub(super) struct SqsQueue {
    /// The client.
    pub(super) client: Client,
    /// The queue's URL.
    pub(super) url: String,
}

impl SqsQueue {
    /// Creates the adapter of a client and a queue's URL.
    pub(super) fn new(client: &Client, url: &str) -> Self {
        Self {
            client: client.clone(),
            url: url.to_owned(),
        }
    }

    /// Sends messages; returns one result for each, in order.
    pub(super) async fn send(&self, messages: &[Message], what: &'static str) -> Vec<Result<(), PortError>> {
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

    /// Makes messages visible again in the queue, each after its delay. Returns the number of successes.
    ///
    /// It makes one call per ten messages. A failed message becomes visible all the same, after the queue's own
    /// visibility timeout.
    pub(super) async fn put_back(&self, messages: &[&(&ReceivedMessage, Duration)]) -> usize {
        let mut put_back = 0;
        for chunk in messages.chunks(BATCH) {
            put_back += self.change_visibility(chunk).await;
        }
        put_back
    }

    /// Returns the number of successes among at most ten messages.
    async fn change_visibility(&self, messages: &[&(&ReceivedMessage, Duration)]) -> usize {
        let entries = (0..).zip(messages).map(|(at, (message, delay)): (usize, _)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(at.to_string())
                .receipt_handle(&message.receipt)
                // At most 15 minutes, though SQS allows twelve hours: work that is due later waits in the index.
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
                    "messages could not be returned to their queue"
                );
                0
            }
        }
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
