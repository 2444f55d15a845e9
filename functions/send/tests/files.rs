//! Uploaded files, in the in-memory backend: loaded before SES is called.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::sync::Mutex;
use std::time::Duration;

use crate::common::sender;
use domain::delivery::attempt::Attempt;
use domain::delivery::cause::Cause;
use domain::delivery::record::{BodyPlace, BodyRef, EmailRecord, RecordStatus};
use domain::id::{EmailKey, UploadId};
use domain::message::attachment::Data;
use domain::message::email::EmailContent;
use domain::ports::Provider;
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use send::TaskOutcome;
use send::rate_limiter::Permit;
use tokio::time::Instant;

const ID: &str = "01010101-0101-4101-8101-010101010101";
const SIZE: u64 = 4;

/// The files that SES received.
#[derive(Default)]
struct Given(Mutex<Vec<Vec<u8>>>);

impl Provider for &Given {
    async fn submit(&self, _claimed: &EmailRecord, mut email: EmailContent, _timeout: Duration) -> Attempt {
        let files = email.take_attachments().into_iter().map(|file| match file.into_data() {
            Data::Inline(content) => content,
            Data::Uploaded { .. } => b"not loaded".to_vec(),
        });
        self.0.lock().unwrap().extend(files);
        let message_id = "m".to_owned();
        Attempt::Accepted { message_id }
    }
}

/// Returns a backend with one email that has an inline file and an attached one.
fn backend() -> MemoryBackend {
    let stored = format!(
        "{{\"v\":2,\"from\":\"a@example.com\",\"to\":[\"b@example.com\"],\"subject\":\"Hi\",\"text\":\"t\",\"attachments\":[\
         {{\"content\":\"aGk=\",\"filename\":\"a.txt\"}},{{\"upload\":\"{ID}\",\"size\":{SIZE},\"filename\":\"big.bin\"}}]}}"
    );
    let backend = samples::backend(1).expect("the samples parse");
    let key = samples::key(1);
    let body = BodyRef {
        sha256: "abc".to_owned(),
        place: BodyPlace::Table,
        bytes: 100,
    };
    let mut state = backend.state();
    state.records.get_mut(&key).expect("the record").body = body.clone();
    state
        .bodies
        .insert((key.clone(), body.sha256.clone()), stored.into_bytes());
    let file = (b"file".to_vec(), BORN);
    state
        .files
        .insert((key, body.sha256, UploadId::parse(ID).unwrap()), file);
    drop(state);
    backend
}

async fn send(backend: &MemoryBackend) -> (Vec<Vec<u8>>, EmailRecord) {
    let given = Given::default();
    let key: EmailKey = samples::key(1);
    let end = Instant::now() + Duration::from_secs(60);
    let sender = sender(backend, &given);
    let outcome = sender.process(samples::send_task(1), Permit::At(BORN), end).await;
    assert!(matches!(
        outcome.expect("carried out"),
        TaskOutcome::Done | TaskOutcome::Later(_)
    ));
    let record = backend.record(&key).expect("the record");
    let files = given.0.lock().unwrap().clone();
    (files, record)
}

#[tokio::test]
async fn ses_receives_every_file_with_its_bytes() {
    let (files, record) = send(&backend()).await;
    assert_eq!(files, [b"hi".to_vec(), b"file".to_vec()]);
    assert_eq!(record.status, RecordStatus::Sent);
}

/// An incomplete email is never sent.
#[tokio::test]
async fn ses_is_not_called_without_a_file() {
    let gone = backend();
    gone.state().files.clear();
    let (files, record) = send(&gone).await;
    assert!(files.is_empty());
    assert_eq!(
        (record.status, record.cause),
        (RecordStatus::Queued, Some(Cause::BodyMissing))
    );

    let down = backend();
    down.state().faults_of.insert("load_file", [Fault::Before].into());
    let (files, record) = send(&down).await;
    assert!(files.is_empty());
    assert_eq!(
        (record.status, record.cause),
        (RecordStatus::Queued, Some(Cause::Unreached)),
        "the email is tried again later"
    );
}
