//! SQS handler: takes a batch of send tasks, and returns those that must be delivered again. Emails of a full
//! priority queue are left to the index.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use aws::sqs::batch::{self, AllFailed, ReceivedMessage};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::delivery::record::Priority;
use domain::delivery::send_task::{SendTask, SendTaskError};
use domain::id::EmailKey;
use domain::ports::rate_limits::RateLimits;
use domain::ports::{AccountRates, Bodies, Clock, DeadLetters, EmailRecords, Provider, Queues, Random, Suppressions};

use crate::full_queues::BRIEF;
use crate::rate_limiter::Permit;
use crate::{SendFunction, TaskError, TaskOutcome};

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

/// Returns the key of a message's email.
fn key_of(message: &ReceivedMessage) -> Option<EmailKey> {
    let SendTask { tenant, id, .. } = SendTask::parse(&message.body).ok()?;
    Some(EmailKey { tenant, id })
}

/// Carries out a batch within `time`.
///
/// # Errors
/// Every record failed.
pub async fn handle<R, B, D, P, S>(
    send: &SendFunction<R, B, D, P, S>,
    priority_queues: &impl MessageSource,
    event: SqsEvent,
    time: Duration,
) -> Result<SqsBatchResponse, AllFailed>
where
    R: EmailRecords + RateLimits + AccountRates + Queues + Suppressions,
    B: Bodies,
    D: DeadLetters,
    P: Provider,
    S: Clock + Random,
{
    let began = Instant::now();
    let messages = batch::messages(event);
    // All messages of a batch share a priority queue. An unknown queue counts as the normal one.
    let priority = messages
        .first()
        .and_then(|message| priority_queues.priority_of(message));
    let parsed: Vec<_> = messages
        .iter()
        .map(|message| SendTask::parse(&message.body).ok())
        .collect();
    let send_tasks: Vec<_> = parsed.iter().flatten().cloned().collect();
    let permits = send
        .reserve(priority.unwrap_or(Priority::Normal), &send_tasks, time)
        .await;
    let mut permits = permits.into_iter();
    let work: Vec<_> = messages
        .iter()
        .zip(parsed)
        .map(|(message, send_task)| {
            (
                message,
                send_task.and_then(|send_task| Some((send_task, permits.next()?))),
            )
        })
        .collect();
    let time = time.saturating_sub(began.elapsed());
    let end = tokio::time::Instant::now() + time;
    // The emails of a paused queue share one check of their queue, concurrently with the others.
    let parked: Vec<usize> = places_of(&work, |permit| *permit == Permit::Unreserved);
    let of_parked = parked.iter().filter_map(|place| work.get(*place)?.1.clone());
    let of_parked: [Vec<SendTask>; 1] = [of_parked.map(|(send_task, _)| send_task).collect()];
    let park = batch::work_off(&of_parked, time, |send_tasks| async move {
        Ok::<_, Infallible>(if send_tasks.is_empty() {
            Vec::new()
        } else {
            send.park(&send_tasks).await
        })
    });
    let others = batch::work_off(&work, time, |(message, work)| async move {
        match work {
            Some((_, Permit::Unreserved)) => Ok(TaskOutcome::Later(AGAIN)),
            Some((send_task, permit)) => send.process(send_task, permit, end).await.map_err(MessageError::Task),
            // Parsed again for the error.
            None => SendTask::parse(&message.body)
                .map(|_| TaskOutcome::Later(AGAIN))
                .map_err(MessageError::NotASendTask),
        }
    });
    let (park, mut results) = futures::future::join(park, others).await;
    // After a panic or a timeout of the group, each of its emails is delivered again.
    let park = park.into_iter().flatten().flatten();
    for (place, outcome) in parked.into_iter().zip(park) {
        if let Some(result) = results.get_mut(place) {
            *result = outcome.map_err(|error| batch::Failure::Error(MessageError::Task(error)));
        }
    }

    let mut later: Vec<_> = messages
        .iter()
        .zip(&results)
        .filter_map(|(message, result)| match result {
            Ok(TaskOutcome::Later(delay)) => Some((message, *delay)),
            Ok(TaskOutcome::Done) | Err(_) => None,
        })
        .collect();
    let mut left = 0;
    if !later.is_empty() && priority.is_some_and(|priority| send.is_full(priority)) {
        let keys = |wanted: &(&ReceivedMessage, Duration)| (wanted.1 > BRIEF).then(|| key_of(wanted.0)).flatten();
        // Some time is reserved for returning messages. Without an answer by then, all of them return.
        let leaving = send.left_to_index(later.iter().filter_map(keys).collect());
        let leaving = tokio::time::timeout_at(end.checked_sub(PUTTING_BACK).unwrap_or(end), leaving).await;
        let gone = leaving.unwrap_or_default();
        let before = later.len();
        later.retain(|wanted| !keys(wanted).is_some_and(|key| gone.contains(&key)));
        left = before - later.len();
    }
    let failed: Vec<_> = batch::failed(&messages, &results).collect();
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
        duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "batch processed"
    );
    let later: Vec<_> = later.iter().map(|(message, _)| message.message_id.as_str()).collect();
    batch::answer(messages.len(), &failed, &later)
}

/// Returns the indexes of the send tasks whose permit fits.
fn places_of(work: &[(&ReceivedMessage, Option<(SendTask, Permit)>)], fits: impl Fn(&Permit) -> bool) -> Vec<usize> {
    let fits = |(_, work): &(&ReceivedMessage, Option<(SendTask, Permit)>)| {
        work.as_ref().is_some_and(|(_, permit)| fits(permit))
    };
    let places = work.iter().enumerate().filter(|(_, work)| fits(work));
    places.map(|(place, _)| place).collect()
}
