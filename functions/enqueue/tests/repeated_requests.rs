//! Batches that are repeated late or after a partial failure, in the in-memory backend.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::time::Duration;

use crate::common::enqueue;
use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::{BatchRequest, BatchValidation, parse_batch, parse_email};
use domain::delivery::batch::{self, BatchRecord, BatchStart};
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::{EmailId, EmailKey, QueueKey, QueueName, TenantId, UploadId};
use domain::message::attachment::{FileName, Upload, Uploaded};
use domain::queue::{KNOWN_FOR, Queue};
use domain::timestamp::Timestamp;
use enqueue::acceptance::AcceptedBatch;
use enqueue::errors::AcceptError;
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);
const RETENTION: Duration = Duration::from_secs(30 * 86_400);
const UPLOAD: &str = "01010101-0101-4101-8101-010101010101";

fn tenant() -> TenantId {
    TenantId::main()
}

fn key() -> IdempotencyKey {
    IdempotencyKey::parse("k").unwrap()
}

fn at(days: u64) -> Timestamp {
    Timestamp::from_millis(0).after(DAY * u32::try_from(days).unwrap())
}

fn backend() -> MemoryBackend {
    let backend = MemoryBackend::default();
    backend.state().retention = Some(RETENTION);
    backend
}

/// Returns a batch of emails with these additional fields.
fn batch(more: &[Value]) -> BatchRequest {
    let item = |more: &Value| {
        let mut item = json!({"from": "a@example.com", "to": "b@example.com", "subject": "s", "text": "t"});
        for (name, value) in more.as_object().unwrap() {
            item[name] = value.clone();
        }
        item
    };
    let items = Value::from(more.iter().map(item).collect::<Vec<_>>());
    parse_batch(items.to_string().as_bytes(), BatchValidation::Strict).unwrap()
}

fn plain(subject: &str) -> Value {
    json!({"subject": subject})
}

fn with_upload() -> Value {
    json!({"attachments": [{"id": UPLOAD}]})
}

fn upload(backend: &MemoryBackend) {
    let uploaded = Uploaded {
        upload: Upload {
            filename: FileName::parse("a.pdf").unwrap(),
            content_type: None,
            size: 4,
        },
        size: 4,
    };
    let name = (tenant(), UploadId::parse(UPLOAD).unwrap());
    backend.state().uploads.insert(name, (uploaded, b"file".to_vec()));
}

async fn accept(backend: &MemoryBackend, keyed: bool, batch: &BatchRequest) -> Result<AcceptedBatch, AcceptError> {
    let key = key();
    enqueue(backend)
        .accept_batch(&tenant(), keyed.then_some(&key), batch)
        .await
}

/// Returns the status and the message of a failure.
fn failure(result: Result<AcceptedBatch, AcceptError>) -> (u16, String) {
    match result {
        Err(AcceptError::Refused(error)) => (error.status(), error.message().to_owned()),
        Err(AcceptError::Broken(broken)) => (broken.error(false).status(), broken.error(false).message().to_owned()),
        other => panic!("no such failure: {other:?}"),
    }
}

/// Returns the key of an email of the batch with this record.
fn email(backend: &MemoryBackend, index: usize) -> EmailKey {
    let state = backend.state();
    let (record, _) = &state.batches[&(tenant(), key().batch_id())];
    let id = record.email_id(&tenant(), "k", index);
    EmailKey { tenant: tenant(), id }
}

/// Sends all due emails, and deletes all expired items.
fn pass_to(backend: &MemoryBackend, to: Timestamp) {
    let mut state = backend.state();
    let sent: Vec<EmailRecord> = state
        .records
        .values()
        .filter(|record| record.not_before <= to && !record.status.is_final())
        .cloned()
        .collect();
    for record in sent {
        state.now_ms = record.not_before.as_millis();
        let forgotten_at = record.not_before.after(RETENTION);
        state.forgotten_at.insert(record.email_key(), forgotten_at);
        state.store_record(EmailRecord {
            status: RecordStatus::Sent,
            due: None,
            ..record
        });
    }
    state.now_ms = to.as_millis();
    state.send_tasks.clear();
    state.expire();
}

fn enqueued(backend: &MemoryBackend) -> Vec<EmailId> {
    backend
        .state()
        .send_tasks
        .iter()
        .map(|request| request.send_task.id)
        .collect()
}

/// With a shorter life, another batch with the same key would overlap with the last email.
#[tokio::test]
async fn the_record_of_a_batch_outlives_its_last_email() {
    let backend = backend();
    let first = batch(&[plain("one"), json!({"scheduled_at": "in 300 days"})]);
    accept(&backend, true, &first).await.expect("accepted");
    let other = batch(&[plain("one"), plain("two")]);
    for days in [1, 29, 31, 43, 45, 300, 313, 344] {
        pass_to(&backend, at(days));
        let records = backend.state().records.clone();
        assert_eq!(failure(accept(&backend, true, &other).await).0, 409, "{days}");
        assert_eq!(backend.state().records, records, "{days}: nothing is stored");
    }
    pass_to(&backend, at(300 + 14 + 30 + 8));
    assert!(backend.state().batches.is_empty() && backend.state().records.is_empty());
    accept(&backend, true, &other).await.expect("the key is free again");
}

#[tokio::test]
async fn a_batch_is_kept_for_weeks_after_its_emails() {
    let backend = backend();
    accept(&backend, true, &batch(&[plain("one")])).await.expect("accepted");
    let until = backend.state().batches.values().map(|(_, until)| *until).next();
    assert_eq!(until, Some(batch::keep_until(at(14), RETENTION)));
    let record = backend.record(&email(&backend, 0)).unwrap();
    assert_eq!(record.batch, Some(key().batch_id()));
    assert!(until > Some(record.expires_at.after(RETENTION)));
}

/// The records of some emails have expired: nothing shows whether a missing one was sent.
#[tokio::test]
async fn an_expired_email_of_a_batch_is_not_resent() {
    let backend = backend();
    let request = batch(&[plain("one"), plain("two"), json!({"scheduled_at": "in 300 days"})]);
    let first = accept(&backend, true, &request).await.expect("accepted");
    pass_to(&backend, at(29));
    let again = accept(&backend, true, &request).await.expect("replayed");
    assert_eq!((again.ids, again.replayed), (first.ids, true));
    for days in [31, 100, 299] {
        pass_to(&backend, at(days));
        assert_eq!(backend.state().records.len(), 1, "{days}");
        let (status, message) = failure(accept(&backend, true, &request).await);
        // A refusal would invite the caller to send the whole batch with another key.
        assert!(
            status == 500 && message.contains("sent again"),
            "{days}: {status} {message}"
        );
        assert_eq!(backend.state().records.len(), 1, "{days}");
    }
}

#[tokio::test]
async fn a_batch_is_replayed_while_its_emails_exist() {
    let backend = backend();
    let request = batch(&[
        json!({"scheduled_at": "in 300 days"}),
        json!({"scheduled_at": "in 301 days"}),
    ]);
    let first = accept(&backend, true, &request).await.expect("accepted");
    for days in [31, 200, 299, 302, 329] {
        pass_to(&backend, at(days));
        let again = accept(&backend, true, &request).await.expect("replayed");
        assert_eq!((again.ids, again.replayed), (first.ids.clone(), true), "{days}");
    }
}

/// An email that only the repetition stores expires later than the first ones.
#[tokio::test]
async fn a_late_completed_batch_is_kept_longer() {
    let backend = backend();
    let request = batch(&[plain("one"), plain("two")]);
    backend
        .state()
        .faults_of
        .insert("create", [Fault::None, Fault::Before].into());
    assert_eq!(failure(accept(&backend, true, &request).await).0, 500);
    pass_to(&backend, at(20));
    accept(&backend, true, &request).await.expect("completed");
    let until = backend.state().batches.values().map(|(_, until)| *until).next();
    assert_eq!(until, Some(batch::keep_until(at(34), RETENTION)));
}

/// A paused queue holds the emails for longer than the record of their batch is kept. No later batch with the key
/// contains them. Even the same batch counts as a new one then.
#[tokio::test]
async fn a_held_email_is_in_no_later_batch() {
    let backend = backend();
    let first = batch(&[plain("one"), plain("two")]);
    let held = accept(&backend, true, &first).await.expect("accepted").ids;
    let until = backend.state().batches.values().map(|(_, until)| *until).next();
    let record_ends = until.expect("a record").after(Duration::from_secs(1));
    for (later, request) in [(0, batch(&[plain("another one"), plain("another two")])), (60, first)] {
        backend.state().now_ms = record_ends.after(DAY * later).as_millis();
        backend.state().expire();
        let before = backend.state().records.clone();
        let answer = accept(&backend, true, &request).await.expect("accepted");
        assert_eq!((answer.ids.len(), answer.replayed), (2, false), "{later}");
        let mut records = backend.state().records.clone();
        for id in &answer.ids {
            assert!(!held.contains(id));
            let key = EmailKey {
                tenant: tenant(),
                id: *id,
            };
            records.remove(&key).expect("stored");
        }
        assert_eq!(records, before, "{later}: the others are unchanged");
    }
}

/// An earlier version derived the ids without the start time of the batch.
#[tokio::test]
async fn a_batch_of_an_earlier_version_is_completed() {
    for start in [true, false] {
        let backend = backend();
        let request = batch(&[plain("one"), plain("two")]);
        backend
            .state()
            .faults_of
            .insert("create", [Fault::Before, Fault::Before].into());
        assert_eq!(failure(accept(&backend, true, &request).await).0, 500);
        for (record, _) in backend.state().batches.values_mut() {
            let earlier = record.begun.map(|begun| BatchStart { in_ids: false, ..begun });
            record.begun = earlier.filter(|_| start);
        }
        let done = accept(&backend, true, &request).await.expect("completed");
        let of_then: Vec<_> = (0..2)
            .map(|index| EmailId::from_batch_key(&tenant(), "k", index))
            .collect();
        assert_eq!(done.ids, of_then, "{start}");
    }
}

/// The winner's record decides the ids. The loser's copies of the uploads have other ids.
#[tokio::test]
async fn concurrent_identical_batches_have_the_same_emails() {
    let backend = backend();
    upload(&backend);
    let request = batch(&[plain("one"), with_upload()]);
    let winner = BatchRecord {
        hash: request.hash(),
        errors: Vec::new(),
        begun: Some(BatchStart {
            at: at(0).before(Duration::from_millis(7)),
            retention: RETENTION,
            in_ids: true,
        }),
    };
    let (writer, written) = (backend.clone(), winner.clone());
    let contested = backend.with_concurrent_writers(vec![Box::new(move || {
        let name = (tenant(), key().batch_id());
        writer.state().batches.insert(name, (written.clone(), at(60)));
    })]);
    let answer = accept(&contested, true, &request).await.expect("accepted");
    let of_winner: Vec<_> = (0..2).map(|index| winner.email_id(&tenant(), "k", index)).collect();
    assert_eq!((answer.ids, answer.begun_before), (of_winner.clone(), true));
    let state = backend.state();
    let copied: Vec<EmailId> = state.files.keys().map(|(key, ..)| key.id).collect();
    assert!(copied.contains(&of_winner[1]), "the email has its file: {copied:?}");
}

/// Nothing is stored, so that the answer is a refusal, and the key stays free.
#[tokio::test]
async fn a_missing_upload_refuses_a_new_batch() {
    for keyed in [false, true] {
        let backend = backend();
        upload(&backend);
        let vanishing = backend.clone();
        let contested = backend.with_concurrent_writers(vec![Box::new(move || vanishing.state().uploads.clear())]);
        let request = batch(&[plain("one"), plain("two"), with_upload()]);
        let (status, message) = failure(accept(&contested, keyed, &request).await);
        assert_eq!(
            (status, message.split(": ").next()),
            (422, Some("[2].attachments[0].id")),
            "{message}"
        );
        let state = backend.state();
        assert!(state.records.is_empty() && state.batches.is_empty() && state.send_tasks.is_empty());
    }
}

/// An earlier request has stored a part: the rest is completed, and the response is no refusal.
#[tokio::test]
async fn a_started_batch_completes_without_its_upload() {
    for between in [false, true] {
        let backend = backend();
        upload(&backend);
        let request = batch(&[plain("one"), with_upload(), plain("three")]);
        let faults = [Fault::None, Fault::Before, Fault::Before];
        backend.state().faults_of.insert("create", faults.into());
        assert_eq!(failure(accept(&backend, true, &request).await).0, 500);
        backend.state().files.clear();
        backend.state().send_tasks.clear();
        let (status, message) = if between {
            let vanishing = backend.clone();
            let contested = backend.with_concurrent_writers(vec![Box::new(move || vanishing.state().uploads.clear())]);
            failure(accept(&contested, true, &request).await)
        } else {
            backend.state().uploads.clear();
            failure(accept(&backend, true, &request).await)
        };
        assert_eq!(status, 500, "between look and copy: {between}");
        assert!(message.contains("[1].attachments[0].id: "), "{message}");
        assert_eq!(backend.state().records.len(), 2);
        assert_eq!(enqueued(&backend), [email(&backend, 0).id, email(&backend, 2).id]);
    }
}

#[tokio::test]
async fn a_broken_batch_names_its_stored_emails() {
    for keyed in [false, true] {
        let backend = backend();
        backend
            .state()
            .faults_of
            .insert("create", [Fault::None, Fault::Before].into());
        let request = batch(&[plain("one"), plain("two"), plain("three")]);
        let (status, message) = failure(accept(&backend, keyed, &request).await);
        assert_eq!(status, 500);
        let stored: Vec<EmailId> = backend.state().records.keys().map(|key| key.id).collect();
        let mut enqueued_ids = enqueued(&backend);
        enqueued_ids.sort();
        assert_eq!(enqueued_ids, stored);
        assert_eq!(stored.len(), 2);
        let is_told = |id: &EmailId| message.contains(&id.to_string());
        assert_eq!(stored.iter().all(is_told), !keyed, "{message}");
        assert_eq!(
            message.contains("Repeat the request with the same Idempotency-Key"),
            keyed,
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_queue_is_cached_for_two_seconds() {
    let backend = backend();
    let key = QueueKey {
        tenant: tenant(),
        name: QueueName::parse("news").unwrap(),
    };
    let queue = Queue::plain(key.clone(), at(0));
    backend.state().queues.insert(key.clone(), queue.clone());
    let enqueue = enqueue(&backend);
    let body = json!({"from": "a@example.com", "to": "b@example.com", "subject": "s", "text": "t", "queue": "news"});
    let request = parse_email(body.to_string().as_bytes()).unwrap();
    assert!(enqueue.accept(&tenant(), None, &request).await.is_ok());
    backend.state().queues.insert(key, queue.after_deletion());
    let known_for = i64::try_from(KNOWN_FOR.as_millis()).unwrap();
    backend.state().now_ms += known_for - 1;
    assert!(
        enqueue.accept(&tenant(), None, &request).await.is_ok(),
        "the queue is cached"
    );
    backend.state().now_ms += 1;
    let refused = enqueue.accept(&tenant(), None, &request).await;
    assert!(matches!(refused, Err(AcceptError::Refused(error)) if error.status() == 422));
}
