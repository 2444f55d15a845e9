//! SQS handler: takes a batch of tasks, groups them by webhook, and returns those that must be delivered again.

use std::time::{Duration, Instant};

use aws::runtime::telemetry;
use aws::sqs::batch::{self, AllFailed, ReceivedMessage, RecordFailure};
use aws::sqs::delivery_tasks::DeliveryQueue;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::ports::PortError;
use domain::ports::webhooks::WebhookKey;
use domain::webhook::task::{DeliveryTask, DeliveryTaskError};

use crate::{Counts, DeliverFunction, EndpointTasks, Execution, Ports, Task, TaskOutcome, Worked};

/// Part of the invocation's time that is reserved for returning messages.
const PUTTING_BACK: Duration = Duration::from_secs(1);

/// The queue of deliveries, as its consumer sees it.
pub trait MessageSource {
    /// Makes each message visible again after its delay; returns the number of failures.
    fn put_back(&self, messages: &[(&ReceivedMessage, Duration)]) -> impl Future<Output = usize>;
}

impl MessageSource for DeliveryQueue {
    fn put_back(&self, messages: &[(&ReceivedMessage, Duration)]) -> impl Future<Output = usize> {
        Self::put_back(self, messages)
    }
}

/// Reason why a message fails.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The message is no task. SQS delivers it again until it moves to the queue of leftovers.
    #[error("a message in the queue of deliveries is not a task")]
    NotATask(#[source] DeliveryTaskError),
    /// The task could not be carried out.
    #[error("a task failed")]
    Task(#[source] PortError),
}

/// The result of a message.
type MessageResult = Result<TaskOutcome, RecordFailure<MessageError>>;

/// The tasks of one webhook, and the places of the messages of each event.
#[derive(Debug)]
struct Group {
    tasks: EndpointTasks,
    places: Vec<Vec<usize>>,
}

/// Carries out a batch within `time`.
///
/// # Errors
/// Every record failed.
pub async fn handle<P: Ports>(
    deliver: &DeliverFunction<P>,
    queue: &impl MessageSource,
    event: SqsEvent,
    time: Duration,
) -> Result<SqsBatchResponse, AllFailed> {
    let began = Instant::now();
    let messages = batch::messages(event);
    let (groups, mut results) = grouped(&messages);
    let time = time.saturating_sub(PUTTING_BACK);
    let end = tokio::time::Instant::now() + time;
    let execution = Execution::new(end);
    let tasks: Vec<_> = groups.iter().map(|group| &group.tasks).collect();
    let worked = batch::work_off(&tasks, time, |tasks| deliver.work_off(tasks, &execution)).await;
    deliver.end(execution).await;
    let mut counts = Counts::default();
    for (group, worked) in groups.iter().zip(worked) {
        match worked {
            Ok(worked) => counts += succeed(group, &worked, &mut results),
            Err(failure) => fail(group, &failure, &mut results),
        }
    }

    let later: Vec<_> = messages
        .iter()
        .zip(&results)
        .filter_map(|(message, result)| match result {
            Ok(TaskOutcome::Later(delay)) => Some((message, *delay)),
            Ok(TaskOutcome::Done) | Err(_) => None,
        })
        .collect();
    let failed: Vec<_> = batch::log_failed_messages(&messages, &results).collect();
    let not_put_back = if later.is_empty() {
        0
    } else {
        queue.put_back(&later).await
    };
    tracing::info!(
        target: "mailqueue",
        records = messages.len(),
        webhooks = groups.len(),
        calls = counts.calls,
        delivered = counts.delivered,
        postponed = counts.postponed,
        returned = counts.returned,
        kept = counts.kept,
        later = later.len(),
        failed = failed.len(),
        not_put_back,
        duration_ms = telemetry::elapsed_ms(began),
        "batch processed"
    );
    let later: Vec<_> = later.iter().map(|(message, _)| message.message_id.as_str()).collect();
    batch::answer(messages.len(), &failed, &later)
}

/// Groups the tasks of messages by webhook. Two messages with the same task are one task. The results are those of the
/// messages so far: failures of messages without a task.
fn grouped(messages: &[ReceivedMessage]) -> (Vec<Group>, Vec<MessageResult>) {
    let (mut groups, mut results) = (Vec::new(), Vec::new());
    for (place, message) in messages.iter().enumerate() {
        let task = DeliveryTask::from_json(&message.body);
        results.push(match task {
            Ok(task) => {
                add(&mut groups, task, message.receives, place);
                Ok(TaskOutcome::Done)
            }
            Err(error) => Err(RecordFailure::Error(MessageError::NotATask(error))),
        });
    }
    (groups, results)
}

fn add(groups: &mut Vec<Group>, task: DeliveryTask, receives: u32, place: usize) {
    let key = WebhookKey {
        tenant: task.tenant,
        id: task.webhook,
    };
    let new = Task {
        event: task.event,
        receives,
    };
    let Some(group) = groups.iter_mut().find(|group| group.tasks.key == key) else {
        let tasks = EndpointTasks { key, tasks: vec![new] };
        let places = vec![vec![place]];
        groups.push(Group { tasks, places });
        return;
    };
    let tasks = &mut group.tasks.tasks;
    let mut all = tasks.iter_mut().zip(&mut group.places);
    let known = all.find(|(task, _)| task.event == new.event);
    match known {
        Some((task, places)) => {
            task.receives = task.receives.max(new.receives);
            places.push(place);
        }
        None => {
            tasks.push(new);
            group.places.push(vec![place]);
        }
    }
}

/// Sets the results of a webhook's messages; returns its numbers for the log.
fn succeed(group: &Group, Worked { outcomes, counts }: &Worked, results: &mut [MessageResult]) -> Counts {
    for (places, outcome) in group.places.iter().zip(outcomes) {
        set_all(results, places, || {
            let outcome = outcome.as_ref().copied();
            outcome.map_err(|error| RecordFailure::Error(MessageError::Task(error.for_another())))
        });
    }
    *counts
}

fn fail(group: &Group, failure: &RecordFailure<PortError>, results: &mut [MessageResult]) {
    for places in &group.places {
        set_all(results, places, || Err(failure_of(failure)));
    }
}

fn set_all(results: &mut [MessageResult], places: &[usize], result: impl Fn() -> MessageResult) {
    for place in places {
        if let Some(slot) = results.get_mut(*place) {
            *slot = result();
        }
    }
}

/// The failure of a group, for one of its messages.
fn failure_of(failure: &RecordFailure<PortError>) -> RecordFailure<MessageError> {
    match failure {
        RecordFailure::Error(error) => RecordFailure::Error(MessageError::Task(error.for_another())),
        RecordFailure::Panicked => RecordFailure::Panicked,
        RecordFailure::OutOfTime => RecordFailure::OutOfTime,
    }
}
