//! Events of SES, in the in-memory backend.
#![expect(clippy::expect_used, reason = "a failing test panics with its reason")]

mod batches;
mod facts;
mod records;
mod suppressions;

use std::sync::Mutex;

use domain::delivery::record::RecordStatus;
use domain::delivery::ses_event::SesEvent;
use feedback::{FeedbackFunction, FeedbackOutcome};
use memory::{MemoryBackend, samples};
use workflow::apply::ApplyError;

fn backend(count: u8) -> MemoryBackend {
    let backend = samples::backend(count).expect("the samples parse");
    for record in backend.state().records.values_mut() {
        record.status = RecordStatus::Uncertain;
        record.claim_no = 1;
    }
    backend
}

fn event(event_type: &str, part: &str, born: i64) -> String {
    let id = samples::id(1);
    format!(
        r#"{{"eventType":"{event_type}",{part}"mail":{{"timestamp":"1970-01-01T00:16:41.000Z","messageId":"m",
        "destination":["b@example.com"],
        "tags":{{"mq_tenant":["main"],"mq_id":["{id}"],"mq_claim":["1"],"mq_born":["{born}"]}}}}}}"#
    )
}

fn send() -> String {
    event("Send", "", 1_000_000)
}

fn delivery() -> String {
    let part = r#""delivery":{"timestamp":"1970-01-01T00:16:42.000Z","recipients":["b@example.com"]},"#;
    event("Delivery", part, 1_000_000)
}

fn bounce() -> String {
    let part = r#""bounce":{"timestamp":"1970-01-01T00:16:43.000Z","bounceType":"Permanent",
        "bouncedRecipients":[{"emailAddress":"B@example.com"}]},"#;
    event("Bounce", part, 1_000_000)
}

fn parsed(message: &str) -> SesEvent {
    SesEvent::parse(message).expect("an event")
}

fn feedback(backend: &MemoryBackend) -> FeedbackFunction<MemoryBackend> {
    FeedbackFunction {
        records: backend.clone(),
        system: backend.clone(),
        progress_stored_at: Mutex::default(),
    }
}

async fn heard(backend: &MemoryBackend, message: &str) -> Result<FeedbackOutcome, ApplyError> {
    feedback(backend).handle(&samples::key(1), &[parsed(message)]).await
}
