//! The stack's SQS queues, with the right to write to them.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};

/// A queue.
#[derive(Debug, Clone)]
pub struct StackQueue {
    client: Client,
    url: String,
}

/// The number of messages in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Messages that wait.
    pub visible: u64,
    /// Messages at a function, or before their next try.
    pub in_flight: u64,
}

impl StackQueue {
    /// Finds the queue of a logical id in the template.
    pub(crate) async fn find(client: Client, stack: &str, logical_id: &str) -> Self {
        let found = client
            .list_queues()
            .queue_name_prefix(format!("{stack}-{logical_id}"))
            .send()
            .await;
        let mut urls = found.expect("the queues can be listed").queue_urls.unwrap_or_default();
        match (urls.pop(), urls.pop()) {
            (Some(url), None) => Self { client, url },
            other => panic!("not exactly one queue {logical_id}: {other:?}"),
        }
    }

    /// Puts messages into the queue, ten per request.
    ///
    /// # Panics
    /// When a message is refused.
    pub async fn put(&self, bodies: &[String]) {
        for bodies in bodies.chunks(10) {
            let entry = |(at, body): (usize, &String)| {
                SendMessageBatchRequestEntry::builder()
                    .id(at.to_string())
                    .message_body(body)
                    .build()
            };
            let entries = (0..)
                .zip(bodies)
                .map(entry)
                .collect::<Result<Vec<_>, _>>()
                .expect("entries are complete");
            let sent = self
                .client
                .send_message_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries))
                .send()
                .await;
            let sent = sent.expect("the queue accepts messages");
            assert!(sent.failed.is_empty(), "{:?}", sent.failed);
        }
    }

    /// Returns the number of messages.
    pub async fn depth(&self) -> Depth {
        const VISIBLE: QueueAttributeName = QueueAttributeName::ApproximateNumberOfMessages;
        const IN_FLIGHT: QueueAttributeName = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        let request = request.attribute_names(VISIBLE).attribute_names(IN_FLIGHT).send().await;
        let attributes = request
            .expect("the attributes of the queue can be read")
            .attributes
            .unwrap_or_default();
        let count = |name| {
            attributes
                .get(&name)
                .and_then(|text| text.parse().ok())
                .expect("a queue has a depth")
        };
        Depth {
            visible: count(VISIBLE),
            in_flight: count(IN_FLIGHT),
        }
    }

    /// Empties the queue, including messages in flight.
    pub async fn purge(&self) {
        self.client
            .purge_queue()
            .queue_url(&self.url)
            .send()
            .await
            .expect("the queue can be purged");
    }
}
