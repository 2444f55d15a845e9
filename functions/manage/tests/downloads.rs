//! Downloads of attachments, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use crate::common::{ask, read};
use domain::delivery::record::RecordStatus;
use domain::id::{AttachmentId, EmailKey, TenantId};
use domain::message::email::EmailContent;
use futures::FutureExt;
use memory::{ConcurrentWriter, MemoryBackend, samples};
use serde_json::{Value, json};

const UPLOAD: &str = "01010101-0101-4101-8101-010101010101";
const DELETED: &str = "The content of this email is deleted. Its attachments cannot be downloaded any more.";

async fn answer(backend: &MemoryBackend, method: &str, path: &str) -> (u16, Value) {
    read(&ask(backend, &samples::event(samples::API_KEY, method, path, "")).await)
}

fn path() -> String {
    format!("/emails/{}/attachments", samples::id(1))
}

fn id(place: usize) -> AttachmentId {
    AttachmentId::at(samples::id(1), place)
}

/// Returns a backend with a sent email that has three files, of which the second was uploaded.
fn backend() -> MemoryBackend {
    let stored = format!(
        r#"{{"v":2,"from":"a@example.com","to":["b@example.com"],"subject":"S","text":"T","attachments":[
        {{"content":"aGk=","filename":"a.txt"}},{{"upload":"{UPLOAD}","size":9,"filename":"b.bin"}},
        {{"content":"aG8=","filename":"c.png","content_id":"logo"}}]}}"#
    );
    let email = EmailContent::from_body(stored.as_bytes()).unwrap();
    let backend = samples::backend(0).unwrap();
    {
        let mut state = backend.state();
        let mut record = samples::record(1, &email);
        record.status = RecordStatus::Sent;
        record.due = None;
        state.records.insert(samples::key(1), record);
        state.bodies.insert((samples::key(1), email.hash()), email.to_body());
    }
    backend
}

fn url(place: usize) -> String {
    format!("https://bucket.example/main/{}/{}", samples::id(1), id(place))
}

fn names(list: &Value) -> Vec<&str> {
    let files = list["data"].as_array().expect("files").iter();
    files.map(|file| file["filename"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn each_attachment_has_a_download_url() {
    let backend = backend();
    let (status, list) = answer(&backend, "GET", &path()).await;
    assert_eq!(status, 200, "{list}");
    assert_eq!((&list["object"], &list["has_more"]), (&json!("list"), &json!(false)));
    let first = json!({
        "id": id(0).to_string(), "filename": "a.txt", "size": 2, "content_type": "text/plain",
        "content_disposition": "attachment", "content_id": null,
        "download_url": url(0), "expires_at": samples::BORN.after(std::time::Duration::from_secs(900)).to_string(),
    });
    assert_eq!(list["data"][0], first);
    assert_eq!(names(&list), ["a.txt", "b.bin", "c.png"]);
    assert_eq!(list["data"][2]["content_disposition"], "inline");

    let (status, one) = answer(&backend, "GET", &format!("{}/{}", path(), id(0))).await;
    let mut expected = first;
    expected["object"] = "attachment".into();
    assert_eq!((status, one), (200, expected));
    let copies: Vec<_> = backend.state().downloads.keys().map(|(_, id)| *id).collect();
    assert_eq!(copies.len(), 2, "an uploaded file has its object already");
    assert!(copies.contains(&id(0)) && copies.contains(&id(2)));
}

/// Only the files of the page are copied.
#[tokio::test]
async fn attachment_pages_start_or_end_at_their_cursor() {
    let backend = backend();
    let (_, list) = answer(&backend, "GET", &format!("{}?limit=1", path())).await;
    assert_eq!((names(&list), &list["has_more"]), (vec!["a.txt"], &json!(true)));
    assert_eq!(backend.state().downloads.len(), 1);
    let (_, list) = answer(&backend, "GET", &format!("{}?after={}", path(), id(0))).await;
    assert_eq!(
        (names(&list), &list["has_more"]),
        (vec!["b.bin", "c.png"], &json!(false))
    );
    let (status, error) = answer(&backend, "GET", &format!("{}?after={}", path(), id(7))).await;
    let message = "after: no attachment has this id; start again without this parameter";
    assert_eq!((status, &error["message"]), (422, &json!(message)));
}

async fn refused(backend: &MemoryBackend, path: &str) -> String {
    let (status, error) = answer(backend, "GET", path).await;
    assert_eq!((status, &error["name"]), (404, &json!("not_found")), "{path}: {error}");
    assert!(backend.state().downloads.is_empty(), "{path}");
    error["message"].as_str().expect("a message").to_owned()
}

#[tokio::test]
async fn a_missing_attachment_is_not_found() {
    let backend = backend();
    let none = "No attachment of this email has this id. See GET /emails/{id}/attachments.";
    for end in [id(3).to_string(), UPLOAD.to_owned(), "x".to_owned()] {
        assert_eq!(refused(&backend, &format!("{}/{end}", path())).await, none);
    }
    let other = format!("/emails/{}/attachments", samples::id(2));
    let no_email = "No email has this id. See GET /emails.";
    assert_eq!(refused(&backend, &other).await, no_email);
    assert_eq!(refused(&backend, &format!("{other}/{}", id(0))).await, no_email);
    assert_eq!(refused(&backend, "/emails/x/attachments").await, no_email);
}

#[tokio::test]
async fn a_deleted_content_has_no_downloads() {
    let backend = backend();
    backend.state().bodies.clear();
    for end in [String::new(), format!("/{}", id(0))] {
        assert_eq!(refused(&backend, &format!("{}{end}", path())).await, DELETED);
    }
}

#[tokio::test]
async fn another_tenants_attachments_are_not_found() {
    let backend = backend();
    {
        let mut state = backend.state();
        let mut record = state.records.remove(&samples::key(1)).unwrap();
        record.tenant = TenantId::parse("other").unwrap();
        let key = EmailKey {
            tenant: record.tenant.clone(),
            id: record.id,
        };
        let content = state.bodies.pop_first().unwrap();
        state
            .bodies
            .insert((key.clone(), record.body.sha256.clone()), content.1);
        state.records.insert(key, record);
    }
    let no_email = "No email has this id. See GET /emails.";
    assert_eq!(refused(&backend, &path()).await, no_email);
    assert_eq!(refused(&backend, &format!("{}/{}", path(), id(0))).await, no_email);
}

#[tokio::test]
async fn an_erasure_deletes_the_copies() {
    let backend = backend();
    assert_eq!(answer(&backend, "GET", &path()).await.0, 200);
    assert!(!backend.state().downloads.is_empty());
    let erased = answer(&backend, "DELETE", &format!("/emails/{}", samples::id(1))).await;
    assert_eq!(erased.0, 200);
    let no_email = "No email has this id. See GET /emails.";
    assert_eq!(refused(&backend, &path()).await, no_email);
}

/// The erasure comes before the first copy, and so does not list the copied object.
#[tokio::test]
async fn a_copy_does_not_outlive_a_concurrent_erasure() {
    for end in [String::new(), format!("/{}", id(0))] {
        let backend = backend();
        let erasing = backend.clone();
        let erase: ConcurrentWriter = Box::new(move || {
            let path = format!("/emails/{}", samples::id(1));
            let erased = answer(&erasing, "DELETE", &path).now_or_never();
            assert_eq!(erased.expect("nothing is waited for").0, 200);
        });
        let contested = backend.with_concurrent_writers(vec![erase]);
        let message = refused(&contested, &format!("{}{end}", path())).await;
        assert_eq!(message, "No email has this id. See GET /emails.");
        assert_eq!(contested.writers_left(), 0);
        assert!(backend.state().bodies.is_empty());
    }
}
