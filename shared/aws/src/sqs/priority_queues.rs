//! SQS queues of emails: the three priority queues and the dead-letter queue.
//!
//! **Invariant:** every message has its own result, in the given order.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use domain::delivery::dead_letter_message::DeadLetterMessage;
use domain::delivery::priority_queue::Messages;
use domain::delivery::record::Priority;
use domain::id::{QueueName, TenantId};
use domain::ports::{Backlog, DeadLetters, PortError, PriorityQueues, QueuedMessages, SendTaskRequest};
use futures::future::join3;

use crate::runtime::failure::{call_error, port};
use crate::runtime::settings::PriorityQueueSettings;
use crate::sqs::batch::ReceivedMessage;
use crate::sqs::queue::{self, Message, SqsQueue};

/// Returns the fair-queue group of a message.
///
/// Each queue of each tenant is its own group, so that a tenant's newsletter does not delay its password
/// resets. Names contain no `/`, so that no two queues share a group.
fn group(tenant: &TenantId, queue: &QueueName) -> String {
    queue::group(format!("{tenant}/{queue}"))
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
        let queue = |url: &String| SqsQueue::new(client, url);
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
            put_back += self.queue(*priority).put_back(&ours).await;
        }
        messages.len().saturating_sub(put_back)
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
        Self(SqsQueue::new(client, url))
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
