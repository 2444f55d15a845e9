//! Batches that are repeated, late or after they broke off, in a world in memory.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

mod common;

use std::time::Duration;

use common::enqueue;
use domain::attachment::{FileName, Upload, Uploaded};
use domain::batch::{self, BatchId};
use domain::id::{EmailId, TenantId, UploadId};
use domain::ports::EmailKey;
use domain::queue::{KNOWN_FOR, Queue, QueueKey, QueueName};
use domain::record::{EmailRecord, Status};
use domain::timestamp::Timestamp;
use domain::wire::api::{BatchRequest, BatchValidation, IdempotencyKey, parse_batch, parse_email};
use enqueue::{AcceptError, AcceptedBatch};
use serde_json::{Value, json};
use world::{Fault, World};

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

fn world() -> World {
    let world = World::default();
    world.state().retention = Some(RETENTION);
    world
}

/// A batch of emails with these fields more.
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

fn upload(world: &World) {
    let uploaded = Uploaded {
        upload: Upload {
            filename: FileName::parse("a.pdf").unwrap(),
            content_type: None,
            size: 4,
        },
        size: 4,
    };
    let name = (tenant(), UploadId::parse(UPLOAD).unwrap());
    world.state().uploads.insert(name, (uploaded, b"file".to_vec()));
}

async fn accept(world: &World, keyed: bool, batch: &BatchRequest) -> Result<AcceptedBatch, AcceptError> {
    let key = key();
    enqueue(world)
        .accept_batch(&tenant(), keyed.then_some(&key), batch)
        .await
}

/// The status and the message of a failure.
fn failure(result: Result<AcceptedBatch, AcceptError>) -> (u16, String) {
    match result {
        Err(AcceptError::Refused(error)) => (error.status(), error.message().to_owned()),
        Err(AcceptError::Broken(broken)) => (broken.error(false).status(), broken.error(false).message().to_owned()),
        other => panic!("no such failure: {other:?}"),
    }
}

fn email(index: usize) -> EmailKey {
    let id = EmailId::from_batch_key(&tenant(), "k", index);
    EmailKey { tenant: tenant(), id }
}

/// Everything that is due is sent, and whatever is past its time is deleted.
fn pass_to(world: &World, to: Timestamp) {
    let mut state = world.state();
    let sent: Vec<EmailRecord> = state
        .records
        .values()
        .filter(|record| record.not_before <= to && !record.status.is_final())
        .cloned()
        .collect();
    for record in sent {
        state.now_ms = record.not_before.as_millis();
        let forgotten_at = record.not_before.after(RETENTION);
        state.forgotten_at.insert(EmailKey::of(&record), forgotten_at);
        state.plant(EmailRecord {
            status: Status::Sent,
            due: None,
            ..record
        });
    }
    state.now_ms = to.as_millis();
    state.send_tasks.clear();
    state.expire();
}

fn enqueued(world: &World) -> Vec<EmailId> {
    world
        .state()
        .send_tasks
        .iter()
        .map(|request| request.send_task.id)
        .collect()
}

/// Otherwise another batch with the same key would meet the last email, in the middle.
#[tokio::test]
async fn the_record_of_a_batch_outlives_its_last_email() {
    let world = world();
    let first = batch(&[plain("one"), json!({"scheduled_at": "in 300 days"})]);
    accept(&world, true, &first).await.expect("accepted");
    let other = batch(&[plain("one"), plain("two")]);
    for days in [1, 29, 31, 43, 45, 300, 313, 344] {
        pass_to(&world, at(days));
        let records = world.state().records.clone();
        assert_eq!(failure(accept(&world, true, &other).await).0, 409, "{days}");
        assert_eq!(world.state().records, records, "{days}: nothing is stored");
    }
    pass_to(&world, at(300 + 14 + 30 + 8));
    assert!(world.state().batches.is_empty() && world.state().records.is_empty());
    accept(&world, true, &other).await.expect("the key is free again");
}

#[tokio::test]
async fn a_plain_batch_is_remembered_for_weeks_after_its_emails() {
    let world = world();
    accept(&world, true, &batch(&[plain("one")])).await.expect("accepted");
    let until = world.state().batches.values().map(|(_, until)| *until).next();
    assert_eq!(until, Some(batch::keep_until(at(14), RETENTION)));
    let record = world.record(&email(0)).unwrap();
    assert_eq!(record.batch, Some(BatchId::of(&key())));
    assert!(until > Some(record.expires_at.after(RETENTION)));
}

/// Some emails of the batch are forgotten: nobody knows whether a missing one was sent.
#[tokio::test]
async fn a_forgotten_email_of_a_batch_is_not_sent_again() {
    let world = world();
    let request = batch(&[plain("one"), plain("two"), json!({"scheduled_at": "in 300 days"})]);
    let first = accept(&world, true, &request).await.expect("accepted");
    pass_to(&world, at(29));
    let again = accept(&world, true, &request).await.expect("replayed");
    assert_eq!((again.ids, again.replayed), (first.ids, true));
    for days in [31, 100, 299] {
        pass_to(&world, at(days));
        assert_eq!(world.state().records.len(), 1, "{days}");
        let (status, message) = failure(accept(&world, true, &request).await);
        // A refusal would invite the caller to send all of it with another key.
        assert!(
            status == 500 && message.contains("sent again"),
            "{days}: {status} {message}"
        );
        assert_eq!(world.state().records.len(), 1, "{days}");
    }
}

#[tokio::test]
async fn a_batch_is_replayed_for_as_long_as_all_its_emails_are_there() {
    let world = world();
    let request = batch(&[
        json!({"scheduled_at": "in 300 days"}),
        json!({"scheduled_at": "in 301 days"}),
    ]);
    let first = accept(&world, true, &request).await.expect("accepted");
    for days in [31, 200, 299, 302, 329] {
        pass_to(&world, at(days));
        let again = accept(&world, true, &request).await.expect("replayed");
        assert_eq!((again.ids, again.replayed), (first.ids.clone(), true), "{days}");
    }
}

/// What is stored only then expires later than what was stored at first.
#[tokio::test]
async fn a_batch_that_is_completed_late_is_remembered_for_longer() {
    let world = world();
    let request = batch(&[plain("one"), plain("two")]);
    world
        .state()
        .faults_of
        .insert("create", [Fault::None, Fault::Before].into());
    assert_eq!(failure(accept(&world, true, &request).await).0, 500);
    pass_to(&world, at(20));
    accept(&world, true, &request).await.expect("completed");
    let until = world.state().batches.values().map(|(_, until)| *until).next();
    assert_eq!(until, Some(batch::keep_until(at(34), RETENTION)));
}

/// By b1156e8 the record of a batch could end before its emails.
#[tokio::test]
async fn an_older_email_in_the_middle_of_a_batch_is_no_refusal() {
    let world = world();
    let first = batch(&[plain("one"), json!({"scheduled_at": "in 300 days"}), plain("three")]);
    accept(&world, true, &first).await.expect("accepted");
    pass_to(&world, at(31));
    world.state().batches.clear();
    let other = batch(&[plain("another one"), plain("another two"), plain("another three")]);
    let (status, message) = failure(accept(&world, true, &other).await);
    assert_eq!(status, 500);
    assert!(
        message.contains("may be accepted in part") && message.contains("Idempotency-Key"),
        "{message}"
    );
    assert_eq!(
        enqueued(&world),
        [email(0).id, email(2).id],
        "whatever is stored is woken"
    );
}

/// Nothing is stored, so that it is a refusal, and the key is as free as before.
#[tokio::test]
async fn an_upload_that_vanishes_refuses_a_batch_before_any_write() {
    for keyed in [false, true] {
        let world = world();
        upload(&world);
        let vanishing = world.clone();
        let contested = world.with_rivals(vec![Box::new(move || vanishing.state().uploads.clear())]);
        let request = batch(&[plain("one"), plain("two"), with_upload()]);
        let (status, message) = failure(accept(&contested, keyed, &request).await);
        assert_eq!(
            (status, message.split(": ").next()),
            (422, Some("[2].attachments[0].id")),
            "{message}"
        );
        let state = world.state();
        assert!(state.records.is_empty() && state.batches.is_empty() && state.send_tasks.is_empty());
    }
}

/// An earlier request has stored a part: the rest is completed, and the answer is no refusal.
#[tokio::test]
async fn a_vanished_upload_of_a_begun_batch_is_no_refusal() {
    for between in [false, true] {
        let world = world();
        upload(&world);
        let request = batch(&[plain("one"), with_upload(), plain("three")]);
        let faults = [Fault::None, Fault::Before, Fault::Before];
        world.state().faults_of.insert("create", faults.into());
        assert_eq!(failure(accept(&world, true, &request).await).0, 500);
        world.state().files.clear();
        world.state().send_tasks.clear();
        let (status, message) = if between {
            let vanishing = world.clone();
            let contested = world.with_rivals(vec![Box::new(move || vanishing.state().uploads.clear())]);
            failure(accept(&contested, true, &request).await)
        } else {
            world.state().uploads.clear();
            failure(accept(&world, true, &request).await)
        };
        assert_eq!(status, 500, "between look and copy: {between}");
        assert!(message.contains("[1].attachments[0].id: "), "{message}");
        assert_eq!(world.state().records.len(), 2);
        assert_eq!(enqueued(&world), [email(0).id, email(2).id]);
    }
}

#[tokio::test]
async fn a_broken_batch_wakes_and_names_what_is_stored() {
    for keyed in [false, true] {
        let world = world();
        world
            .state()
            .faults_of
            .insert("create", [Fault::None, Fault::Before].into());
        let request = batch(&[plain("one"), plain("two"), plain("three")]);
        let (status, message) = failure(accept(&world, keyed, &request).await);
        assert_eq!(status, 500);
        let stored: Vec<EmailId> = world.state().records.keys().map(|key| key.id).collect();
        let mut enqueued_ids = enqueued(&world);
        enqueued_ids.sort();
        assert_eq!(enqueued_ids, stored);
        assert_eq!(stored.len(), 2);
        let is_told = |id: &EmailId| message.contains(&id.to_string());
        assert_eq!(stored.iter().all(is_told), !keyed, "{message}");
        assert_eq!(
            message.contains("Repeat it with the same Idempotency-Key"),
            keyed,
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_queue_that_was_read_is_known_for_two_seconds() {
    let world = world();
    let key = QueueKey {
        tenant: tenant(),
        name: QueueName::parse("news").unwrap(),
    };
    let queue = Queue::plain(key.clone(), at(0));
    world.state().queues.insert(key.clone(), queue.clone());
    let enqueue = enqueue(&world);
    let body = json!({"from": "a@example.com", "to": "b@example.com", "subject": "s", "text": "t", "queue": "news"});
    let request = parse_email(body.to_string().as_bytes()).unwrap();
    assert!(enqueue.accept(&tenant(), None, &request).await.is_ok());
    world.state().queues.insert(key, queue.deleted());
    let known_for = i64::try_from(KNOWN_FOR.as_millis()).unwrap();
    world.state().now_ms += known_for - 1;
    assert!(enqueue.accept(&tenant(), None, &request).await.is_ok(), "it is known");
    world.state().now_ms += 1;
    let refused = enqueue.accept(&tenant(), None, &request).await;
    assert!(matches!(refused, Err(AcceptError::Refused(error)) if error.status() == 422));
}
