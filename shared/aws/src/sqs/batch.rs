//! Processes a batch of SQS messages concurrently, each on its own.
//!
//! **Invariant:** an error, a panic or a timeout of one record affects no other, and only that record is
//! delivered again.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use futures::FutureExt;
use futures::future::join_all;

use crate::runtime::telemetry;

/// Attribute of a message. Source: AWS Lambda Developer Guide, "Using Lambda with Amazon SQS".
const RECEIVES: &str = "ApproximateReceiveCount";

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// Id of the message at SQS, which reports failures.
    pub message_id: String,
    /// Receipt handle for returning the message.
    pub receipt: String,
    /// Body.
    pub body: String,
    /// ARN of its queue.
    pub queue_arn: String,
    /// Number of times that SQS has delivered it, from 1; not exact.
    pub receives: u32,
}

/// Reason why a record is delivered again.
#[derive(Debug, thiserror::Error)]
pub enum RecordFailure<E> {
    /// The processing of the record returned an error.
    #[error("a record failed")]
    Error(#[source] E),
    /// The processing of the record panicked.
    #[error("the processing of a record panicked")]
    Panicked,
    /// The record was not done when the invocation's time was nearly over.
    #[error("a record was not processed in time")]
    OutOfTime,
}

impl<E> RecordFailure<E> {
    /// Converts the error of the processing.
    pub fn map<F>(self, convert: impl FnOnce(E) -> F) -> RecordFailure<F> {
        match self {
            Self::Error(error) => RecordFailure::Error(convert(error)),
            Self::Panicked => RecordFailure::Panicked,
            Self::OutOfTime => RecordFailure::OutOfTime,
        }
    }
}

/// Returns the messages of an event. A field that SQS left out is empty.
#[must_use]
pub fn messages(event: SqsEvent) -> Vec<ReceivedMessage> {
    let receives = |attributes: &HashMap<String, String>| attributes.get(RECEIVES)?.parse().ok();
    let message = |message: aws_lambda_events::sqs::SqsMessage| ReceivedMessage {
        receives: receives(&message.attributes).unwrap_or(1),
        message_id: message.message_id.unwrap_or_default(),
        receipt: message.receipt_handle.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        queue_arn: message.event_source_arn.unwrap_or_default(),
    };
    event.records.into_iter().map(message).collect()
}

/// Processes all items concurrently within `time`. The results are in the order of the items.
pub async fn work_off<I: Clone, T, E, F>(
    items: &[I],
    time: Duration,
    work: impl Fn(I) -> F,
) -> Vec<Result<T, RecordFailure<E>>>
where
    F: Future<Output = Result<T, E>>,
{
    join_all(items.iter().map(|item| {
        let work = AssertUnwindSafe(work(item.clone())).catch_unwind();
        async move {
            match tokio::time::timeout(time, work).await {
                Ok(Ok(result)) => result.map_err(RecordFailure::Error),
                Ok(Err(_panic)) => Err(RecordFailure::Panicked),
                Err(_elapsed) => Err(RecordFailure::OutOfTime),
            }
        }
    }))
    .await
}

/// Returns the ids of the failed messages, and logs one line for each.
pub fn log_failed_messages<'a, T, E: std::error::Error + 'static>(
    messages: &'a [ReceivedMessage],
    results: &'a [Result<T, RecordFailure<E>>],
) -> impl Iterator<Item = &'a str> {
    messages.iter().zip(results).filter_map(|(message, result)| {
        let error = result.as_ref().err()?;
        tracing::error!(
            message_id = message.message_id,
            error = telemetry::chain(error),
            "a record failed"
        );
        Some(message.message_id.as_str())
    })
}

/// Error of a batch whose records all failed: the invocation is at fault, not its records. SQS treats the
/// messages as if each were reported. But only this way does Lambda count an error, so that the alarm fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("none of {messages} records could be processed")]
pub struct AllFailed {
    /// Number of messages.
    pub messages: usize,
}

/// Returns the response to a batch of `messages`: SQS delivers the `failed` and the `later` ones again, and no
/// others.
///
/// # Errors
/// [`AllFailed`] when every message failed.
pub fn answer(messages: usize, failed: &[&str], later: &[&str]) -> Result<SqsBatchResponse, AllFailed> {
    if messages > 0 && failed.len() == messages {
        return Err(AllFailed { messages });
    }
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .iter()
        .chain(later)
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            (*id).clone_into(&mut failure.item_identifier);
            failure
        })
        .collect();
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> ReceivedMessage {
        ReceivedMessage {
            message_id: body.to_owned(),
            receipt: String::new(),
            body: body.to_owned(),
            queue_arn: String::new(),
            receives: 1,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_bad_record_fails_alone() {
        let messages = ["good", "error", "panic", "hang", "good"].map(message);
        let results = work_off(&messages, Duration::from_secs(5), |message| async move {
            match message.body.as_str() {
                "error" => Err("no"),
                "panic" => panic!("poison"),
                "hang" => std::future::pending().await,
                _ => Ok(()),
            }
        })
        .await;
        assert!(matches!(
            results.as_slice(),
            [
                Ok(()),
                Err(RecordFailure::Error("no")),
                Err(RecordFailure::Panicked),
                Err(RecordFailure::OutOfTime),
                Ok(())
            ]
        ));
    }

    #[test]
    fn missing_fields_of_a_message_are_empty() {
        let event =
            r#"{"Records": [{"messageId": "m", "receiptHandle": "r", "body": "b", "eventSourceARN": "q"}, {}]}"#;
        let whole = ReceivedMessage {
            message_id: "m".to_owned(),
            receipt: "r".to_owned(),
            queue_arn: "q".to_owned(),
            ..message("b")
        };
        assert_eq!(messages(serde_json::from_str(event).unwrap()), [whole, message("")]);
        let again = r#"{"Records": [{"attributes": {"ApproximateReceiveCount": "7"}}]}"#;
        let again = messages(serde_json::from_str(again).unwrap());
        assert_eq!(again.first().map(|message| message.receives), Some(7));
    }

    #[test]
    fn only_failed_or_postponed_messages_return() {
        let response = answer(3, &["b"], &["c"]).unwrap();
        let json = serde_json::to_string(&response).unwrap();
        assert_eq!(
            json,
            r#"{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"c"}]}"#
        );
        assert_eq!(answer(2, &["a", "b"], &[]), Err(AllFailed { messages: 2 }));
        assert!(answer(2, &[], &["a", "b"]).is_ok(), "to wait is no failure");
        assert!(answer(0, &[], &[]).is_ok());
    }
}
