//! Progress of `feedback` on SES's events: written by `feedback`, read by `promote` and `reports`.
//!
//! An empty queue means that all events are recorded. For a queue that is never empty, the newest recorded
//! event is the evidence, which `feedback` stores.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use domain::lifecycle::Feedback;
use domain::ports::{Evidence, PortError, Watermark};
use domain::timestamp::Timestamp;
use serde::Deserialize;

use crate::runtime::failure::call_error;
use crate::storage::mapping::decode;
use crate::storage::table::{Expression, Table, keys};

/// Stored form of the newest event, without its key. An update expression writes it.
#[derive(Deserialize)]
struct StoredNewest {
    at: Timestamp,
}

/// Attribute that the expression names.
const AT: &str = "at";

/// Counted messages. SQS's numbers are approximate, but settle within a minute after the last message. Source:
/// Amazon SQS API reference, `GetQueueAttributes`.
const COUNTS: [QueueAttributeName; 3] = [
    QueueAttributeName::ApproximateNumberOfMessages,
    QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    QueueAttributeName::ApproximateNumberOfMessagesDelayed,
];

/// The queue of events, and its stored progress.
#[derive(Debug, Clone)]
pub struct EvidenceQueue {
    client: Client,
    url: String,
    table: Table,
}

impl EvidenceQueue {
    /// Creates the adapter of a queue and a table.
    #[must_use]
    pub fn new(client: &Client, url: &str, table: Table) -> Self {
        Self {
            client: client.clone(),
            url: url.to_owned(),
            table,
        }
    }

    async fn is_empty(&self) -> Result<bool, PortError> {
        let request = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(COUNTS.to_vec()));
        let answer = request
            .send()
            .await
            .map_err(call_error("reading the length of the feedback queue"))?;
        let counts = answer.attributes.unwrap_or_default();
        // A missing count is not known to be zero.
        Ok(COUNTS
            .iter()
            .all(|name| counts.get(name).map(String::as_str) == Some("0")))
    }
}

impl Evidence for EvidenceQueue {
    async fn feedback(&self, now: Timestamp) -> Result<Feedback, PortError> {
        if self.is_empty().await? {
            return Ok(Feedback {
                empty_at: Some(now),
                newest: None,
            });
        }
        Ok(Feedback {
            empty_at: None,
            newest: self.table.watermark().await?,
        })
    }
}

impl Watermark for Table {
    async fn raise_watermark(&self, newest: Timestamp) -> Result<(), PortError> {
        const WHAT: &str = "storing the progress of feedback";
        let change = Expression::update("SET #at = :at")
            .when("attribute_not_exists(#at) OR #at < :at")
            .with_name("#at", AT)
            .with_value(":at", newest.as_millis());
        self.update_if(keys::newest_event(), change, None, WHAT).await.map(drop)
    }

    async fn watermark(&self) -> Result<Option<Timestamp>, PortError> {
        const WHAT: &str = "reading the progress of feedback";
        let newest = self.get(keys::newest_event(), WHAT).await?;
        Ok(newest.and_then(|newest| Some(decode::<StoredNewest>(&newest).ok()?.at)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::runtime::replay::{CannedResponse, Replay};
    use crate::runtime::telemetry::chain;

    const ASKED: Timestamp = Timestamp::from_millis(9000);

    const URL: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/feedback";

    async fn feedback(replay: &Replay) -> Result<Feedback, PortError> {
        EvidenceQueue::new(&replay.clients().sqs(), URL, replay.table(16))
            .feedback(ASKED)
            .await
    }

    async fn empty(replay: &Replay) -> bool {
        feedback(replay).await.unwrap().empty_at == Some(ASKED)
    }

    fn counts(waiting: &str, in_flight: &str, delayed: &str) -> Value {
        json!({
            "ApproximateNumberOfMessages": waiting,
            "ApproximateNumberOfMessagesNotVisible": in_flight,
            "ApproximateNumberOfMessagesDelayed": delayed,
        })
    }

    /// If `feedback` counted as done too early, an accepted email would be sent again.
    #[tokio::test]
    async fn feedback_is_done_only_if_every_count_is_zero() {
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
            empty(&Replay::new([CannedResponse::ok(
                &json!({"Attributes": counts("0", "0", "0")})
            )]))
            .await
        );
        for attributes in waits.into_iter().chain([silent, json!({})]) {
            let replay = Replay::new([
                CannedResponse::ok(&json!({"Attributes": attributes})),
                CannedResponse::ok(&json!({})),
            ]);
            assert!(!empty(&replay).await, "{attributes}");
        }
        assert!(
            !empty(&Replay::new([
                CannedResponse::ok(&json!({})),
                CannedResponse::ok(&json!({}))
            ]))
            .await
        );
    }

    #[tokio::test]
    async fn a_busy_queue_is_judged_by_the_newest_event() {
        let busy = CannedResponse::ok(&json!({"Attributes": counts("3", "0", "0")}));
        for (item, newest) in [
            (json!({}), None),
            (
                json!({"Item": {"at": {"N": "7000"}}}),
                Some(Timestamp::from_millis(7000)),
            ),
            (json!({"Item": {"at": {"S": "later"}}}), None),
        ] {
            let replay = Replay::new([busy.clone(), CannedResponse::ok(&item)]);
            assert_eq!(feedback(&replay).await.unwrap(), Feedback { empty_at: None, newest });
        }
    }

    #[tokio::test]
    async fn the_newest_event_never_moves_back() {
        let replay = Replay::new([CannedResponse::ok(&json!({}))]);
        let table = replay.table(16);
        table.raise_watermark(Timestamp::from_millis(7000)).await.unwrap();
        let request = replay.only().json();
        assert_eq!(request["ConditionExpression"], "attribute_not_exists(#at) OR #at < :at");
        assert_eq!(request["ExpressionAttributeValues"], json!({":at": {"N": "7000"}}));

        let later_is_known = Replay::new([CannedResponse::condition_failed(None)]);
        let table = later_is_known.table(16);
        assert!(table.raise_watermark(Timestamp::from_millis(7000)).await.is_ok());
    }

    #[tokio::test]
    async fn the_counts_are_requested_by_name() {
        let replay = Replay::new([CannedResponse::ok(&json!({"Attributes": counts("0", "0", "0")}))]);
        empty(&replay).await;
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
    async fn an_unreachable_queue_is_an_error() {
        let gone =
            json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist."});
        let error = feedback(&Replay::new([CannedResponse::says(400, &gone)]))
            .await
            .unwrap_err();
        assert!(
            chain(&error).starts_with("reading the length of the feedback queue: "),
            "{}",
            chain(&error)
        );
    }
}
