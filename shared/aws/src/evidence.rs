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
        Self {
            client: client.clone(),
            url: url.to_owned(),
        }
    }
}

impl Evidence for EvidenceQueue {
    async fn caught_up(&self) -> Result<bool, PortError> {
        let asked = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(COUNTS.to_vec()));
        let answer = asked
            .send()
            .await
            .map_err(|error| port("asking how far feedback is")(error.into()))?;
        let counts = answer.attributes.unwrap_or_default();
        // What is not said is not known to be empty.
        Ok(COUNTS
            .iter()
            .all(|name| counts.get(name).map(String::as_str) == Some("0")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::replay::{Answer, Replay};
    use crate::telemetry::chain;

    const URL: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/feedback";

    async fn caught_up(replay: &Replay) -> Result<bool, PortError> {
        EvidenceQueue::new(&replay.clients().sqs(), URL).caught_up().await
    }

    fn counts(waiting: &str, in_flight: &str, delayed: &str) -> Value {
        json!({
            "ApproximateNumberOfMessages": waiting,
            "ApproximateNumberOfMessagesNotVisible": in_flight,
            "ApproximateNumberOfMessagesDelayed": delayed,
        })
    }

    /// Said too early, an email that SES accepted is sent again.
    #[tokio::test]
    async fn feedback_has_caught_up_only_when_every_count_is_known_to_be_zero() {
        let mut silent = counts("0", "0", "0");
        silent
            .as_object_mut()
            .unwrap()
            .remove("ApproximateNumberOfMessagesNotVisible");
        let waits = [
            counts("1", "0", "0"),
            counts("0", "1", "0"),
            counts("0", "0", "1"),
            counts("0", "0", ""),
        ];
        assert!(
            caught_up(&Replay::new([Answer::ok(
                &json!({"Attributes": counts("0", "0", "0")})
            )]))
            .await
            .unwrap()
        );
        for attributes in waits.into_iter().chain([silent, json!({})]) {
            let replay = Replay::new([Answer::ok(&json!({"Attributes": attributes}))]);
            assert!(!caught_up(&replay).await.unwrap(), "{attributes}");
        }
        assert!(!caught_up(&Replay::new([Answer::ok(&json!({}))])).await.unwrap());
    }

    #[tokio::test]
    async fn the_counts_are_asked_for_by_name() {
        let replay = Replay::new([Answer::ok(&json!({}))]);
        caught_up(&replay).await.unwrap();
        assert_eq!(replay.only().operation(), "GetQueueAttributes");
        assert_eq!(
            replay.only().json(),
            json!({
                "QueueUrl": URL,
                "AttributeNames": [
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                    "ApproximateNumberOfMessagesDelayed",
                ],
            })
        );
    }

    #[tokio::test]
    async fn a_queue_that_cannot_be_asked_is_an_error() {
        let gone =
            json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist."});
        let error = caught_up(&Replay::new([Answer::says(400, &gone)])).await.unwrap_err();
        assert!(
            chain(&error).starts_with("asking how far feedback is: "),
            "{}",
            chain(&error)
        );
    }
}
