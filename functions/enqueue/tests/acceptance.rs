//! Acceptance, in the in-memory backend.
#![expect(clippy::expect_used, clippy::panic, reason = "a failing test panics with its reason")]

use crate::common::enqueue;
use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::{BatchRequest, BatchValidation, EmailRequest, parse_batch, parse_email};
use domain::delivery::index;
use domain::delivery::record::{BodyPlace, RecordStatus};
use domain::id::{EmailId, EmailKey, TenantId};
use domain::message::email::EmailContent;
use enqueue::errors::AcceptError;
use memory::{Fault, MemoryBackend};

fn tenant() -> TenantId {
    TenantId::main()
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).expect("a good key")
}

fn email() -> EmailRequest {
    let body = br#"{"from":"a@example.com","to":"b@example.com","subject":"Hello","text":"Hi"}"#;
    parse_email(body).expect("parses")
}

fn other_email() -> EmailRequest {
    let body = br#"{"from":"a@example.com","to":"b@example.com","subject":"Other","text":"Hi"}"#;
    parse_email(body).expect("parses")
}

fn batch(subjects: &[&str], validation: BatchValidation) -> BatchRequest {
    let item = |subject: &&str| {
        format!(r#"{{"from":"a@example.com","to":"b@example.com","subject":"{subject}","text":"Hi"}}"#)
    };
    let items: Vec<_> = subjects.iter().map(item).collect();
    parse_batch(format!("[{}]", items.join(",")).as_bytes(), validation).expect("parses")
}

fn refused_with(result: Result<impl std::fmt::Debug, AcceptError>) -> u16 {
    match result {
        Err(AcceptError::Refused(error)) => error.status(),
        other => panic!("not refused: {other:?}"),
    }
}

/// Returns a backend with one email, which was accepted with the key `k`.
async fn accepted() -> (MemoryBackend, EmailKey) {
    let backend = MemoryBackend::default();
    let first = enqueue(&backend)
        .accept(&tenant(), Some(&key("k")), &email())
        .await
        .expect("accepted");
    let (tenant, id) = (tenant(), first.id);
    (backend, EmailKey { tenant, id })
}

/// The key stays known, and the content of the repeated request is deleted.
#[tokio::test]
async fn an_erased_email_is_not_accepted_again() {
    let (backend, erased) = accepted().await;
    {
        let mut state = backend.state();
        let record = state.records.remove(&erased).expect("a record");
        state.erased.insert(erased.clone(), record.body.sha256);
        state.bodies.clear();
        state.send_tasks.clear();
    }
    let again = enqueue(&backend).accept(&tenant(), Some(&key("k")), &email()).await;
    let again = again.expect("answered as before");
    assert_eq!((again.id, again.replayed), (erased.id, true));
    assert!(backend.record(&erased).is_none() && backend.state().send_tasks.is_empty());
    assert!(backend.state().bodies.is_empty(), "nothing of the content is kept");
    let other = enqueue(&backend)
        .accept(&tenant(), Some(&key("k")), &other_email())
        .await;
    assert_eq!(refused_with(other), 409);
}

/// The email's record is still readable during the erasure. The repeated content must be deleted now, because nothing
/// would delete it later.
#[tokio::test]
async fn content_sent_during_an_erasure_is_deleted() {
    let (backend, erased) = accepted().await;
    {
        let mut state = backend.state();
        state.records.get_mut(&erased).expect("a record").status = RecordStatus::Sent;
        state.send_tasks.clear();
    }
    let erasing = {
        let (backend, key) = (backend.clone(), erased.clone());
        move || {
            let mut state = backend.state();
            let record = state.records.remove(&key).expect("a record");
            state.erased.insert(key, record.body.sha256);
        }
    };
    let contested = backend.with_concurrent_writers(vec![Box::new(erasing)]);
    let again = enqueue(&contested).accept(&tenant(), Some(&key("k")), &email()).await;
    let again = again.expect("answered as before");
    assert_eq!((again.id, again.replayed), (erased.id, true));
    assert_eq!(contested.writers_left(), 0, "the email was erased meanwhile");
    assert!(backend.state().bodies.is_empty(), "nothing of the content is kept");
    assert!(backend.state().send_tasks.is_empty());
}

/// A time that was possible at the first request stays possible, although only the key is left.
#[tokio::test]
async fn an_erased_email_is_known_without_its_files() {
    let upload = "00000000-0000-4000-8000-000000000001";
    for (field, value) in [
        ("scheduled_at", r#""1970-01-01T00:00:05Z""#.to_owned()),
        ("queue", r#""none-such""#.to_owned()),
        ("attachments", format!(r#"[{{"id":"{upload}"}}]"#)),
    ] {
        let body = format!(
            r#"{{"from":"a@example.com","to":"b@example.com","subject":"Hello","text":"Hi","{field}":{value}}}"#
        );
        let request = parse_email(body.as_bytes()).expect("parses");
        let backend = MemoryBackend::default();
        backend.state().now_ms = 3_600_000;
        let never = enqueue(&backend).accept(&tenant(), Some(&key("k")), &request).await;
        assert_eq!(refused_with(never), 422, "{field}");
        let erased = EmailKey {
            tenant: tenant(),
            id: EmailId::from_key(&tenant(), "k"),
        };
        backend.state().erased.insert(erased.clone(), request.hash());
        let again = enqueue(&backend).accept(&tenant(), Some(&key("k")), &request).await;
        let again = again.expect("answered as before");
        assert_eq!((again.id, again.replayed), (erased.id, true), "{field}");
        assert!(
            backend.state().records.is_empty() && backend.state().bodies.is_empty(),
            "{field}"
        );
        let other = enqueue(&backend)
            .accept(&tenant(), Some(&key("k")), &other_email())
            .await;
        assert_eq!(refused_with(other), 409, "{field}");
    }
}

#[tokio::test]
async fn an_accepted_email_is_stored_and_enqueued() {
    let backend = MemoryBackend::default();
    let accepted = enqueue(&backend)
        .accept(&tenant(), None, &email())
        .await
        .expect("accepted");
    assert!(!accepted.replayed);
    let record = backend
        .record(&EmailKey {
            tenant: tenant(),
            id: accepted.id,
        })
        .expect("a record");
    assert_eq!(
        (record.status, record.due.is_some(), record.recipients),
        (RecordStatus::Queued, true, 1)
    );
    let state = backend.state();
    let content = state
        .bodies
        .get(&(record.email_key(), record.body.sha256.clone()))
        .expect("a content");
    assert_eq!(
        EmailContent::from_body(content).expect("reads").hash(),
        record.body.sha256
    );
    let enqueued: Vec<_> = state
        .send_tasks
        .iter()
        .map(|request| (request.send_task.id, index::delay_seconds(request.delay)))
        .collect();
    assert_eq!(enqueued, [(record.id, 0)]);
}

/// The calls of the happy path are counted: each additional call costs money.
#[tokio::test]
async fn acceptance_takes_two_writes_and_one_message() {
    let backend = MemoryBackend::default();
    enqueue(&backend)
        .accept(&tenant(), Some(&key("k")), &email())
        .await
        .expect("accepted");
    assert_eq!(backend.state().calls, ["put", "create", "enqueue"]);
}

#[tokio::test]
async fn a_large_content_goes_to_the_bucket() {
    let backend = MemoryBackend::default();
    let body = format!(
        r#"{{"from":"a@example.com","to":"b@example.com","subject":"S","text":"{}"}}"#,
        "x".repeat(5000)
    );
    let large = parse_email(body.as_bytes()).expect("parses");
    let accepted = enqueue(&backend)
        .accept(&tenant(), None, &large)
        .await
        .expect("accepted");
    let record = backend
        .record(&EmailKey {
            tenant: tenant(),
            id: accepted.id,
        })
        .expect("a record");
    assert_eq!((record.body.place, record.body.bytes > 5000), (BodyPlace::Bucket, true));
}

#[tokio::test]
async fn a_repeated_request_returns_the_first_email() {
    let backend = MemoryBackend::default();
    let enqueue = enqueue(&backend);
    let first = enqueue
        .accept(&tenant(), Some(&key("k")), &email())
        .await
        .expect("accepted");
    let again = enqueue
        .accept(&tenant(), Some(&key("k")), &email())
        .await
        .expect("replayed");
    assert_eq!((again.id, again.replayed), (first.id, true));
    assert_eq!(backend.state().records.len(), 1);
    let other = enqueue
        .accept(&tenant(), Some(&key("l")), &email())
        .await
        .expect("accepted");
    assert!(other.id != first.id && !other.replayed);
}

#[tokio::test]
async fn a_repeated_request_enqueues_only_queued_emails() {
    let backend = MemoryBackend::default();
    let enqueue = enqueue(&backend);
    // The first response was lost together with its send task.
    backend.state().faults = [Fault::None, Fault::None, Fault::Before].into();
    let first = enqueue
        .accept(&tenant(), Some(&key("k")), &email())
        .await
        .expect("accepted in spite of the failed send task");
    assert!(backend.state().send_tasks.is_empty());
    enqueue
        .accept(&tenant(), Some(&key("k")), &email())
        .await
        .expect("replayed");
    assert_eq!(backend.state().send_tasks.len(), 1);
    if let Some(record) = backend.state().records.get_mut(&EmailKey {
        tenant: tenant(),
        id: first.id,
    }) {
        record.status = RecordStatus::Sent;
    }
    enqueue
        .accept(&tenant(), Some(&key("k")), &email())
        .await
        .expect("replayed");
    assert_eq!(backend.state().send_tasks.len(), 1, "a sent email gets no send task");
}

#[tokio::test]
async fn another_request_with_the_key_is_refused() {
    let backend = MemoryBackend::default();
    let enqueue = enqueue(&backend);
    let first = enqueue
        .accept(&tenant(), Some(&key("k")), &email())
        .await
        .expect("accepted");
    let stored = EmailKey {
        tenant: tenant(),
        id: first.id,
    };
    let before = backend.record(&stored);
    assert_eq!(
        refused_with(enqueue.accept(&tenant(), Some(&key("k")), &other_email()).await),
        409
    );
    assert_eq!(backend.record(&stored), before);
    let state = backend.state();
    let content = state.bodies.get(&(stored, email().hash())).expect("the first content");
    assert_eq!(
        content,
        &email().email.to_body(),
        "a conflicting content has another name"
    );
}

#[tokio::test]
async fn acceptance_needs_durable_record_and_content() {
    for faults in [
        [Fault::Before, Fault::None],
        [Fault::None, Fault::Before],
        [Fault::After, Fault::After],
    ] {
        let backend = MemoryBackend::default();
        let enqueue = enqueue(&backend);
        backend.state().faults = faults.into();
        let first = enqueue.accept(&tenant(), Some(&key("k")), &email()).await;
        assert!(matches!(first, Err(AcceptError::Port(_))), "{faults:?}");
        enqueue
            .accept(&tenant(), Some(&key("k")), &email())
            .await
            .expect("the same request completes it");
        let state = backend.state();
        assert_eq!((state.records.len(), state.bodies.len()), (1, 1), "{faults:?}");
    }
}

#[tokio::test]
async fn a_repeated_batch_is_the_same_batch() {
    let backend = MemoryBackend::default();
    let enqueue = enqueue(&backend);
    let request = || batch(&["one", "two", "three"], BatchValidation::Strict);
    let first = enqueue
        .accept_batch(&tenant(), Some(&key("b")), &request())
        .await
        .expect("accepted");
    assert_eq!((first.ids.len(), first.replayed), (3, false));
    let record = backend
        .state()
        .batches
        .values()
        .map(|(record, _)| record.clone())
        .next();
    let record = record.expect("the batch has a record");
    let expected: Vec<_> = (0..3).map(|index| record.email_id(&tenant(), "b", index)).collect();
    assert_eq!(first.ids, expected);
    let again = enqueue
        .accept_batch(&tenant(), Some(&key("b")), &request())
        .await
        .expect("replayed");
    assert_eq!((again.ids, again.replayed), (first.ids, true));
    assert_eq!(backend.state().records.len(), 3);
    let other = batch(&["one", "two", "other"], BatchValidation::Strict);
    assert_eq!(
        refused_with(enqueue.accept_batch(&tenant(), Some(&key("b")), &other).await),
        409
    );
    assert_eq!(
        backend.state().records.len(),
        3,
        "no item of a conflicting batch is stored"
    );
}

#[tokio::test]
async fn the_same_key_completes_a_broken_batch() {
    let backend = MemoryBackend::default();
    let enqueue = enqueue(&backend);
    let request = || batch(&["one", "two", "three"], BatchValidation::Strict);
    // The key and the first email are stored, the second email is not.
    backend.state().faults = [Fault::None, Fault::None, Fault::None, Fault::None, Fault::Before].into();
    assert!(
        enqueue
            .accept_batch(&tenant(), Some(&key("b")), &request())
            .await
            .is_err()
    );
    let done = enqueue
        .accept_batch(&tenant(), Some(&key("b")), &request())
        .await
        .expect("completed");
    assert_eq!((done.ids.len(), done.replayed), (3, false));
    assert_eq!(backend.state().records.len(), 3);
}

#[tokio::test]
async fn bad_items_are_reported_again() {
    let backend = MemoryBackend::default();
    let enqueue = enqueue(&backend);
    let request = || batch(&["one", "", "three"], BatchValidation::Permissive);
    for replayed in [false, true] {
        let answer = enqueue
            .accept_batch(&tenant(), Some(&key("b")), &request())
            .await
            .expect("accepted");
        assert_eq!((answer.ids.len(), answer.replayed), (2, replayed));
        let errors: Vec<_> = answer.errors.iter().map(|error| error.index).collect();
        assert_eq!(errors, [1]);
    }
}
