//! Emails with uploaded files, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use crate::common::enqueue;
use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::{BatchValidation, EmailRequest, parse_batch, parse_email};
use domain::delivery::record::EmailRecord;
use domain::delivery::send_task::SendTask;
use domain::id::{EmailKey, TenantId, UploadId};
use domain::message::attachment::{Data, FileName, Upload, Uploaded};
use domain::message::email::EmailContent;
use enqueue::acceptance::Accepted;
use enqueue::errors::AcceptError;
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

const ID: &str = "01010101-0101-4101-8101-010101010101";
const OTHER: &str = "02020202-0202-4202-8202-020202020202";
const TENANT: &str = "main";

/// Returns a backend with an uploaded file of `size` bytes, declared as `said` bytes.
fn backend_with(tenant: &str, said: u64, size: u64) -> MemoryBackend {
    let backend = MemoryBackend::default();
    put(&backend, tenant, ID, said, size);
    backend
}

fn put(backend: &MemoryBackend, tenant: &str, id: &str, said: u64, size: u64) {
    let name = (TenantId::parse(tenant).unwrap(), UploadId::parse(id).unwrap());
    let uploaded = Uploaded {
        upload: Upload {
            filename: FileName::parse("big.pdf").unwrap(),
            content_type: None,
            size: said,
        },
        size,
    };
    backend.state().uploads.insert(name, (uploaded, b"file".to_vec()));
}

/// Returns the numbers of records and files.
fn counted(backend: &MemoryBackend) -> (usize, usize) {
    let state = backend.state();
    (state.records.len(), state.files.len())
}

fn email(attachments: &Value) -> Value {
    json!({"from": "a@example.com", "to": "b@example.com", "subject": "Hi", "text": "Hello", "attachments": attachments})
}

fn request(attachments: &Value) -> EmailRequest {
    parse_email(email(attachments).to_string().as_bytes()).unwrap()
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

async fn accept(
    backend: &MemoryBackend,
    key: Option<&IdempotencyKey>,
    attachments: Value,
) -> Result<Accepted, AcceptError> {
    let tenant = TenantId::main();
    enqueue(backend).accept(&tenant, key, &request(&attachments)).await
}

fn refusal(result: Result<impl std::fmt::Debug, AcceptError>) -> String {
    match result {
        Err(AcceptError::Refused(error)) => {
            format!("{} {} {}", error.status(), error.name(), error.message())
        }
        other => panic!("not refused: {other:?}"),
    }
}

fn record(backend: &MemoryBackend, accepted: &Accepted) -> EmailRecord {
    let tenant = TenantId::main();
    let id = accepted.id;
    backend.record(&EmailKey { tenant, id }).expect("the record")
}

#[tokio::test]
async fn an_upload_is_copied_and_counts_in_the_send_task() {
    let backend = backend_with(TENANT, 14_000_000, 14_000_000);
    let file = json!([{"filename": "a.txt", "content": "aGk="}, {"id": ID, "content_id": "x"}, {"id": ID, "filename": "b.txt"}]);
    let accepted = accept(&backend, None, file).await.expect("accepted");
    let record = record(&backend, &accepted);
    let state = backend.state();
    let content = &state.bodies[&(record.email_key(), record.body.sha256.clone())];
    let email = EmailContent::from_body(content).expect("the stored email");
    let names: Vec<_> = email
        .attachments()
        .iter()
        .map(|file| (file.filename(), file.content_id()))
        .collect();
    assert_eq!(names, [("a.txt", None), ("big.pdf", Some("x")), ("b.txt", None)]);
    assert_eq!(record.attachment_bytes, 2 + 14_000_000 + 14_000_000);
    let id = UploadId::parse(ID).unwrap();
    assert!(*email.attachments()[1].data() == Data::Uploaded { id, size: 14_000_000 });

    let copy = state.files.get(&(record.email_key(), record.body.sha256.clone(), id));
    let (bytes, kept) = copy.expect("a copy");
    assert_eq!(bytes, b"file");
    assert_eq!(
        Some(kept),
        state.kept_until.get(&(record.email_key(), record.body.sha256.clone()))
    );
    // The size that the senders' memory and timeouts depend on.
    assert_eq!(record.body.bytes, email.bytes() as u64);
    assert!(SendTask::of(&record).bytes > 28_000_000);
}

#[tokio::test]
async fn an_email_without_uploads_reads_none() {
    let backend = MemoryBackend::default();
    accept(&backend, None, json!([{"filename": "a.txt", "content": "aGk="}]))
        .await
        .expect("accepted");
    assert_eq!(backend.state().calls, ["put", "create", "enqueue"]);
}

#[tokio::test]
async fn a_missing_upload_is_refused_without_a_trace() {
    let unknown = "422 invalid_attachment attachments[0].id: no uploaded file has this id";
    for (backend, message) in [
        (MemoryBackend::default(), unknown),
        (backend_with("other", 4, 4), unknown),
        (
            backend_with(TENANT, 4, 3),
            "422 invalid_attachment attachments[0].id: the file does not have the size given",
        ),
        (
            backend_with(TENANT, 30_000_000, 30_000_000),
            "422 invalid_attachment attachments: too large: ",
        ),
    ] {
        for key in [None, Some(key("k"))] {
            let said = refusal(accept(&backend, key.as_ref(), json!([{"id": ID}])).await);
            assert!(said.starts_with(message), "{said}");
        }
        let state = backend.state();
        assert!(
            state.records.is_empty()
                && state.bodies.is_empty()
                && state.files.is_empty()
                && state.send_tasks.is_empty()
        );
    }
    // Two files that fit alone.
    let backend = backend_with(TENANT, 15_000_000, 15_000_000);
    assert!(accept(&backend, None, json!([{"id": ID}])).await.is_ok());
    let said = refusal(accept(&backend, None, json!([{"id": ID}, {"id": ID}])).await);
    assert!(said.contains("attachments: too large: "), "{said}");
}

#[tokio::test]
async fn a_repetition_needs_no_uploads() {
    let backend = backend_with(TENANT, 4, 4);
    let (key, file) = (key("k"), json!([{"id": ID}]));
    let first = accept(&backend, Some(&key), file.clone()).await.expect("accepted");
    let again = accept(&backend, Some(&key), file.clone()).await.expect("accepted");
    assert!(again.id == first.id && again.replayed);
    backend.state().uploads.clear();
    let gone = accept(&backend, Some(&key), file).await.expect("accepted");
    assert!(gone.id == first.id && gone.replayed);
    assert_eq!(counted(&backend), (1, 1));
}

#[tokio::test]
async fn other_attachments_are_another_request() {
    let backend = backend_with(TENANT, 4, 4);
    put(&backend, TENANT, OTHER, 4, 4);
    let key = key("k");
    let file = |fields: Value| {
        let mut file = json!({"filename": "a.txt", "content": "aGk="});
        for (name, value) in fields.as_object().unwrap() {
            file[name] = value.clone();
        }
        json!([file])
    };
    for (first, others) in [
        (
            json!([{"id": ID}]),
            vec![
                json!([{"id": OTHER}]),
                json!([{"id": ID, "filename": "x"}]),
                json!([]),
                json!([{"id": ID}, {"id": ID}]),
            ],
        ),
        (
            file(json!({})),
            vec![
                file(json!({"content": "aGo="})),
                file(json!({"filename": "b.txt"})),
                file(json!({"content_id": "x"})),
                json!([]),
            ],
        ),
    ] {
        let backend = backend.clone();
        backend.state().records.clear();
        accept(&backend, Some(&key), first.clone()).await.expect("accepted");
        for other in others {
            let said = refusal(accept(&backend, Some(&key), other.clone()).await);
            assert!(said.starts_with("409 invalid_idempotent_request"), "{other}: {said}");
        }
        assert!(accept(&backend, Some(&key), first).await.expect("accepted").replayed);
    }
}

/// A rescheduled record keeps its files; a late repetition of the request must not shorten that.
#[tokio::test]
async fn a_repeated_request_keeps_the_files() {
    let backend = backend_with(TENANT, 4, 4);
    let (key, file) = (key("k"), json!([{"id": ID}]));
    let accepted = accept(&backend, Some(&key), file.clone()).await.expect("accepted");
    let mut record = record(&backend, &accepted);
    record.expires_at = record.expires_at.after(std::time::Duration::from_secs(900 * 86_400));
    let kept = || backend.state().files.values().next().map(|(_, kept)| *kept);
    let before = kept();
    backend.state().records.insert(record.email_key(), record);
    accept(&backend, Some(&key), file).await.expect("accepted");
    assert!(kept() > before, "as long as the record's current retention");
}

#[tokio::test]
async fn a_batch_reads_each_upload_once() {
    let backend = backend_with(TENANT, 4, 4);
    let good = email(&json!([{"id": ID}, {"id": ID}]));
    let items = json!([good, email(&json!([{"id": OTHER}])), good, email(&json!([]))]).to_string();
    let parse = |validation| parse_batch(items.as_bytes(), validation).unwrap();
    let tenant = TenantId::main();
    let said = refusal(
        enqueue(&backend)
            .accept_batch(&tenant, None, &parse(BatchValidation::Strict))
            .await,
    );
    assert!(
        said.starts_with("422 invalid_attachment [1].attachments[0].id: no uploaded file"),
        "{said}"
    );
    assert_eq!(backend.state().calls, ["find_upload", "find_upload"]);

    let key = key("k");
    let batch = || enqueue(&backend);
    let accepted = batch()
        .accept_batch(&tenant, Some(&key), &parse(BatchValidation::Permissive))
        .await
        .expect("accepted");
    assert_eq!(accepted.ids.len(), 3);
    assert_eq!(accepted.errors[0].index, 1);
    assert!(accepted.errors[0].message.starts_with("attachments[0].id: "));
    assert_eq!(backend.state().files.len(), 2, "one copy for each email and upload");

    // A refused item stays refused, although the file exists now.
    put(&backend, TENANT, OTHER, 4, 4);
    let again = batch()
        .accept_batch(&tenant, Some(&key), &parse(BatchValidation::Permissive))
        .await
        .expect("accepted");
    assert!(again.replayed && again.ids == accepted.ids && again.errors == accepted.errors);
    backend.state().uploads.clear();
    let gone = batch()
        .accept_batch(&tenant, Some(&key), &parse(BatchValidation::Permissive))
        .await
        .expect("accepted");
    assert!(gone.replayed && gone.ids == accepted.ids && gone.errors == accepted.errors);
}

/// No record exists without its files, after any failure.
#[tokio::test]
async fn no_failure_leaves_a_record_without_files() {
    for call in ["find_upload", "attach", "put", "create"] {
        for fault in [Fault::Before, Fault::After] {
            let backend = backend_with(TENANT, 4, 4);
            backend.state().faults_of.insert(call, [fault].into());
            let (key, file) = (key("k"), json!([{"id": ID}]));
            let failed = accept(&backend, Some(&key), file.clone()).await;
            assert!(matches!(failed, Err(AcceptError::Port(_))), "{call}: {failed:?}");
            let (records, files) = counted(&backend);
            assert!(records == 0 || files == 1, "{call}");
            accept(&backend, Some(&key), file).await.expect("accepted");
            assert_eq!(counted(&backend), (1, 1));
        }
    }
}
