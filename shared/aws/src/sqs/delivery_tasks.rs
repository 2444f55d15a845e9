//! The SQS queue of deliveries: tasks of webhooks.
//!
//! **Invariant:** a lost task does no harm, because the due index guards its delivery.

use std::time::Duration;

use aws_sdk_sqs::Client;
use domain::ports::PortError;
use domain::ports::webhook_events::{DeliveryTaskRequest, DeliveryTasks};
use domain::webhook::task::DeliveryTask;

use crate::sqs::batch::ReceivedMessage;
use crate::sqs::queue::{self, Message, SqsQueue};

/// The queue of deliveries.
#[derive(Debug, Clone)]
pub struct DeliveryQueue(SqsQueue);

impl DeliveryQueue {
    /// Creates the adapter of a client and the queue's URL.
    #[must_use]
    pub fn new(client: &Client, url: &str) -> Self {
        Self(SqsQueue::new(client, url))
    }

    /// Makes messages visible again in the queue, each after its delay. Returns the number of failures.
    ///
    /// A failed message becomes visible all the same, after the queue's own visibility timeout.
    pub async fn put_back(&self, messages: &[(&ReceivedMessage, Duration)]) -> usize {
        let all: Vec<_> = messages.iter().collect();
        messages.len().saturating_sub(self.0.put_back(&all).await)
    }
}

/// Returns the fair-queue group of a task. Each webhook is its own group, so that the events of a busy one do not delay
/// those of others. An id contains no `/`, so that no two webhooks share a group.
fn group(task: &DeliveryTask) -> String {
    let DeliveryTask { tenant, webhook, .. } = task;
    queue::group(format!("{tenant}/{webhook}"))
}

impl DeliveryTasks for DeliveryQueue {
    async fn send_deliveries(&self, requests: &[DeliveryTaskRequest]) -> Vec<Result<(), PortError>> {
        let messages: Vec<_> = requests
            .iter()
            .map(|request| Message {
                body: request.task.to_json(),
                delay: request.delay,
                group: group(&request.task),
            })
            .collect();
        self.0.send(&messages, "sending tasks of webhooks").await
    }
}

#[cfg(test)]
#[path = "delivery_tasks_tests.rs"]
mod tests;
