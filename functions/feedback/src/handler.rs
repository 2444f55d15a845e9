//! SQS handler: takes a batch of SES events, and returns those that must be delivered again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws::runtime::telemetry;
use aws::sqs::batch::{self, AllFailed, ReceivedMessage};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::delivery::ses_event::{SesEvent, SesEventError};
use domain::id::EmailKey;

use crate::{FeedbackFunction, FeedbackOutcome, Ports};

/// Events of a batch about one email.
#[derive(Clone)]
struct About<'a> {
    key: EmailKey,
    events: Vec<SesEvent>,
    message_ids: Vec<&'a str>,
}

/// Carries out a batch within `time`.
///
/// # Errors
/// Every record failed.
pub async fn handle<P: Ports>(
    feedback: &FeedbackFunction<P>,
    event: SqsEvent,
    time: Duration,
) -> Result<SqsBatchResponse, AllFailed> {
    let began = Instant::now();
    let messages = batch::messages(event);
    let (abouts, mut failed) = group_by_email(&messages);
    let results = batch::work_off(&abouts, time, |about| async move {
        feedback.handle(&about.key, &about.events).await
    })
    .await;
    let (mut unknown, mut newest) = (0, None);
    for (about, result) in abouts.iter().zip(&results) {
        if result.is_ok() {
            newest = newest.max(about.events.iter().map(|event| event.at).max());
        }
        match result {
            Ok(FeedbackOutcome::Known) => {}
            Ok(FeedbackOutcome::NoSuchEmail) => unknown += 1,
            Err(error) => {
                tracing::error!(id = %about.key.id, error = telemetry::chain(error), "events could not be recorded");
                failed.extend(&about.message_ids);
            }
        }
    }
    if let Some(newest) = newest {
        feedback.store_progress(newest).await;
    }
    tracing::info!(
        target: "mailqueue",
        records = messages.len(),
        emails = abouts.len(),
        unknown,
        failed = failed.len(),
        duration_ms = telemetry::elapsed_ms(began),
        "batch processed"
    );
    batch::answer(messages.len(), &failed, &[])
}

/// Groups the events by email, and returns the unreadable messages apart. SQS delivers those again until it
/// moves them to a dead-letter queue, where a person sees them.
fn group_by_email(messages: &[ReceivedMessage]) -> (Vec<About<'_>>, Vec<&str>) {
    let (mut abouts, mut unreadable) = (BTreeMap::new(), Vec::new());
    for message in messages {
        let message_id = message.message_id.as_str();
        match SesEvent::parse(&message.body) {
            Ok(event) => {
                let key = EmailKey {
                    tenant: event.tenant.clone(),
                    id: event.id,
                };
                let about = abouts.entry(key.clone()).or_insert_with(|| About {
                    key,
                    events: Vec::new(),
                    message_ids: Vec::new(),
                });
                about.events.push(event);
                about.message_ids.push(message_id);
            }
            Err(error @ (SesEventError::Greeting | SesEventError::OtherType(_) | SesEventError::Tag(_))) => {
                tracing::info!(message_id, %error, "a message is not about an email of this deployment");
            }
            Err(error @ (SesEventError::Malformed { .. } | SesEventError::Missing(_))) => {
                tracing::error!(message_id, %error, "a message of the feedback queue cannot be read");
                unreadable.push(message_id);
            }
        }
    }
    (abouts.into_values().collect(), unreadable)
}
