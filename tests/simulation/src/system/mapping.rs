//! The event source mappings: batches of messages, and their deletion.

use std::sync::Arc;
use std::time::Duration;

use aws::sqs::batch::ReceivedMessage;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::delivery::record::Priority;
use memory::fault_model::Destination;
use memory::queue::Received;
use memory::{Call, MemoryBackend};
use send::handler::MessageSource;
use tokio::sync::Notify;

use super::System;

/// Messages of a batch. Source: `template.yaml`, `BatchSize`.
const BATCH: usize = 10;

/// A queue's messages as the function receives them.
pub(super) struct Batch {
    pub(super) from: Destination,
    pub(super) messages: Vec<Received>,
}

/// The result of a poll: messages, or the time until the next ones and the signal of earlier ones.
struct Looked {
    messages: Vec<Received>,
    wait: Option<Duration>,
    notifier: Arc<Notify>,
}

impl System {
    /// Waits for messages of a queue, and receives them.
    pub(super) async fn receive(&self, from: Destination) -> Batch {
        loop {
            let Some(looked) = self.look(from) else {
                return std::future::pending().await;
            };
            if !looked.messages.is_empty() {
                let messages = looked.messages;
                return Batch { from, messages };
            }
            match looked.wait {
                Some(wait) => drop(tokio::time::timeout(wait, looked.notifier.notified()).await),
                None => looked.notifier.notified().await,
            }
        }
    }

    fn look(&self, from: Destination) -> Option<Looked> {
        let most = self.rng().usize(1..=BATCH);
        let mut state = self.backend.state();
        let fault_model = state.fault_model.as_mut()?;
        fault_model.arrive();
        let messages = fault_model.take(from, most);
        let next = fault_model.next(from);
        let wait = next.map(|at| {
            u64::try_from(at.saturating_sub(fault_model.now_ms()))
                .unwrap_or(0)
                .max(1)
        });
        Some(Looked {
            messages,
            wait: wait.map(Duration::from_millis),
            notifier: fault_model.notifier(from),
        })
    }

    /// Deletes the messages that a function has processed. Lambda makes this call, and it may be lost.
    pub(super) async fn acknowledge(&self, batch: &Batch, response: Option<SqsBatchResponse>) {
        let Some(response) = response else { return };
        let failed = |id: u64| {
            let failures = &response.batch_item_failures;
            failures.iter().any(|failure| failure.item_identifier == id.to_string())
        };
        let done: Vec<_> = batch
            .messages
            .iter()
            .filter(|m| !failed(m.id))
            .map(|m| (m.id, m.receipt))
            .collect();
        if done.is_empty() {
            return;
        }
        let from = batch.from;
        let call = Call {
            what: "delete",
            email: None,
            writes: true,
        };
        let deleted = self.backend.call(call, move |state| {
            if let Some(fault_model) = &mut state.fault_model {
                for (id, receipt) in &done {
                    fault_model.delete(from, *id, *receipt);
                }
            }
        });
        // A message that is not deleted is delivered again.
        deleted.await.ok();
    }
}

/// Returns the event that Lambda makes of a batch.
pub(super) fn event(batch: &Batch) -> SqsEvent {
    let message = |received: &Received| {
        let mut message = SqsMessage::default();
        message.message_id = Some(received.id.to_string());
        message.receipt_handle = Some(received.receipt.to_string());
        message.body = Some(received.body.clone());
        message
    };
    let mut event = SqsEvent::default();
    event.records = batch.messages.iter().map(message).collect();
    event
}

/// A priority queue behind its event source mapping.
pub(super) struct Mapping {
    pub(super) backend: MemoryBackend,
    pub(super) priority: Priority,
}

impl MessageSource for Mapping {
    fn priority_of(&self, _record: &ReceivedMessage) -> Option<Priority> {
        Some(self.priority)
    }

    async fn put_back(&self, messages: &[(&ReceivedMessage, Duration)]) -> usize {
        put_back(&self.backend, Destination::PriorityQueue(self.priority), messages).await
    }
}

/// Makes messages visible again after their delays; returns the number of failures.
pub(super) async fn put_back(
    backend: &MemoryBackend,
    to: Destination,
    messages: &[(&ReceivedMessage, Duration)],
) -> usize {
    let back: Vec<_> = messages
        .iter()
        .filter_map(|(message, delay)| Some((message.message_id.parse().ok()?, message.receipt.parse().ok()?, *delay)))
        .collect();
    let call = Call {
        what: "put_back",
        email: None,
        writes: true,
    };
    let put_back = backend.call(call, move |state| {
        if let Some(fault_model) = &mut state.fault_model {
            for (id, receipt, delay) in &back {
                fault_model.put_back(to, *id, *receipt, *delay);
            }
        }
    });
    if put_back.await.is_ok() { 0 } else { messages.len() }
}
