//! The queue of SES's events, seen from `promote`: has everything been worked off?

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use domain::ports::{Evidence, PortError};

use crate::failure::port;

/// What is counted: SQS's numbers are approximate, but settle within a minute once nothing
/// is sent any more. Source: Amazon SQS API reference, `GetQueueAttributes`.
const COUNTS: [QueueAttributeName; 3] = [
    QueueAttributeName::ApproximateNumberOfMessages,
    QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    QueueAttributeName::ApproximateNumberOfMessagesDelayed,
];

/// The queue.
#[derive(Debug, Clone)]
pub struct EvidenceQueue {
    client: Client,
    url: String,
}

impl EvidenceQueue {
    /// Puts a client to the queue.
    #[must_use]
    pub fn new(client: &Client, url: &str) -> Self {
        Self { client: client.clone(), url: url.to_owned() }
    }
}

impl Evidence for EvidenceQueue {
    async fn caught_up(&self) -> Result<bool, PortError> {
        let asked = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(COUNTS.to_vec()));
        let answer = asked.send().await.map_err(|error| port("asking how far feedback is")(error.into()))?;
        let counts = answer.attributes.unwrap_or_default();
        // What is not said is not known to be empty.
        Ok(COUNTS.iter().all(|name| counts.get(name).map(String::as_str) == Some("0")))
    }
}
