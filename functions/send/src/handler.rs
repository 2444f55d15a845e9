//! SQS handler: takes a batch of send tasks, and returns those that must be delivered again. Emails of a full
//! priority queue are left to the index.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use aws::runtime::telemetry;
use aws::sqs::batch::{self, AllFailed, ReceivedMessage, RecordFailure};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::delivery::record::Priority;
use domain::delivery::send_task::{SendTask, SendTaskError};
use domain::id::EmailKey;

use crate::full_queues::{BRIEF, left_to_index};
use crate::rate_limiter::Permit;
use crate::{Ports, SendFunction, TaskError, TaskOutcome};

/// The priority queues, as their consumer sees them.
pub trait MessageSource {
    /// Returns the priority queue that delivered a message.
    fn priority_of(&self, message: &ReceivedMessage) -> Option<Priority>;

    /// Makes each message visible again after its delay; returns the number of failures.
    fn put_back(&self, messages: &[(&ReceivedMessage, Duration)]) -> impl Future<Output = usize>;
}

impl MessageSource for aws::sqs::priority_queues::SqsPriorityQueues {
    fn priority_of(&self, message: &ReceivedMessage) -> Option<Priority> {
        Self::priority_of(self, &message.queue_arn)
    }

    fn put_back(&self, messages: &[(&ReceivedMessage, Duration)]) -> impl Future<Output = usize> {
        Self::put_back(self, messages)
    }
}

/// Delay of a message that could not be examined yet.
const AGAIN: Duration = Duration::from_secs(1);

/// Reason why a message fails.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The message is no send task. SQS delivers it again until it moves to the dead-letter queue.
    #[error("a message in a priority queue is not a send task")]
    NotASendTask(#[source] SendTaskError),
    /// The send task could not be carried out.
    #[error("a send task failed")]
    Task(#[source] TaskError),
}

/// Part of the invocation's time that is reserved for returning messages.
const PUTTING_BACK: Duration = Duration::from_secs(1);

/// Carries out a batch within `time`.
///
/// # Errors
/// Every record failed.
pub async fn handle<P: Ports>(
    send: &SendFunction<P>,
    priority_queues: &impl MessageSource,
    event: SqsEvent,
    time: Duration,
) -> Result<SqsBatchResponse, AllFailed> {
    let began = Instant::now();
    let messages = batch::messages(event);
    // All messages of a batch share a priority queue. An unknown queue counts as the normal one.
    let priority = messages
        .first()
        .and_then(|message| priority_queues.priority_of(message));
    // A message without another result is delivered again.
    let mut results: Vec<_> = messages.iter().map(|_| Ok(TaskOutcome::Later(AGAIN))).collect();
    let mut set = |place: usize, result| {
        if let Some(slot) = results.get_mut(place) {
            *slot = result;
        }
    };
    let (mut places, mut send_tasks, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for (place, message) in messages.iter().enumerate() {
        match SendTask::parse(&message.body) {
            Ok(send_task) => {
                let (tenant, id) = (send_task.tenant.clone(), send_task.id);
                keys.push(Some(EmailKey { tenant, id }));
                places.push(place);
                send_tasks.push(send_task);
            }
            Err(error) => {
                keys.push(None);
                set(place, Err(RecordFailure::Error(MessageError::NotASendTask(error))));
            }
        }
    }
    let permits = send
        .reserve(priority.unwrap_or(Priority::Normal), &send_tasks, time)
        .await;
    let work = places.into_iter().zip(send_tasks).zip(permits);
    // The emails of a paused queue share one check of their queue, concurrently with the others.
    let (parked, others): (Vec<_>, Vec<_>) = work.partition(|(_, permit)| *permit == Permit::Unreserved);
    let time = time.saturating_sub(began.elapsed());
    let end = tokio::time::Instant::now() + time;
    let (places, parked): (Vec<_>, Vec<_>) = parked.into_iter().map(|(parked, _)| parked).unzip();
    let parked = [parked];
    let park = batch::work_off(&parked, time, |parked| async move {
        Ok::<_, Infallible>(if parked.is_empty() {
            Vec::new()
        } else {
            send.park(&parked).await
        })
    });
    let process = batch::work_off(&others, time, |((_, send_task), permit)| {
        send.process(send_task, permit, end)
    });
    let (park, processed) = futures::future::join(park, process).await;
    for (((place, _), _), result) in others.into_iter().zip(processed) {
        set(place, result.map_err(|failure| failure.map(MessageError::Task)));
    }
    // After a panic or a timeout of the group, each of its emails is delivered again.
    for (place, result) in places.into_iter().zip(park.into_iter().flatten().flatten()) {
        set(
            place,
            result.map_err(|error| RecordFailure::Error(MessageError::Task(error))),
        );
    }

    let mut later: Vec<_> = messages
        .iter()
        .zip(keys)
        .zip(&results)
        .filter_map(|((message, key), result)| match result {
            Ok(TaskOutcome::Later(delay)) => Some((message, *delay, key.filter(|_| *delay > BRIEF))),
            Ok(TaskOutcome::Done) | Err(_) => None,
        })
        .collect();
    let mut left = 0;
    if !later.is_empty() && priority.is_some_and(|priority| send.rate_limiter.full().has(priority)) {
        let keys = later.iter().filter_map(|(_, _, key)| key.clone()).collect();
        // Some time is reserved for returning messages. Without an answer by then, all of them return.
        let leaving = left_to_index(&send.records, &send.system, &send.with.policy, keys);
        let leaving = tokio::time::timeout_at(end.checked_sub(PUTTING_BACK).unwrap_or(end), leaving).await;
        let gone = leaving.unwrap_or_default();
        let before = later.len();
        later.retain(|(_, _, key)| !key.as_ref().is_some_and(|key| gone.contains(key)));
        left = before - later.len();
    }
    let later: Vec<_> = later.into_iter().map(|(message, delay, _)| (message, delay)).collect();
    let failed: Vec<_> = batch::log_failed_messages(&messages, &results).collect();
    let not_put_back = if later.is_empty() {
        0
    } else {
        priority_queues.put_back(&later).await
    };
    tracing::info!(
        target: "mailqueue",
        records = messages.len(),
        later = later.len(),
        left_to_index = left,
        failed = failed.len(),
        not_put_back,
        duration_ms = telemetry::elapsed_ms(began),
        "batch processed"
    );
    let later: Vec<_> = later.iter().map(|(message, _)| message.message_id.as_str()).collect();
    batch::answer(messages.len(), &failed, &later)
}
