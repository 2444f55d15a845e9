//! Download URLs and the copies behind them, against the answers of S3.

use domain::delivery::record::{BodyPlace, BodyRef};
use domain::id::{AttachmentId, UploadId};
use domain::message::email::EmailContent;
use domain::ports::Files;

use super::*;
use crate::runtime::replay::{CannedResponse, Replay};
use crate::runtime::settings::BucketSettings;
use crate::runtime::telemetry::chain;
use crate::storage::records::samples::{at, record};

const UPLOAD: &str = "01010101-0101-4101-8101-010101010101";
const CONTENT: &str = "https://contents.s3.us-east-1.amazonaws.com/main/00000000-0000-4000-8000-000000000000/abc";

fn store(replay: &Replay) -> BodyStore {
    let settings = BucketSettings {
        bucket: "contents".to_owned(),
    };
    BodyStore::new(replay.table(16), replay.clients().s3(), &settings)
}

/// Returns a stored file: `rest` is its part of the content.
fn file(rest: &str) -> Attachment {
    let body = format!(
        r#"{{"v":2,"from":"a@example.com","to":["b@example.com"],"subject":"S","text":"T","attachments":[{{{rest}}}]}}"#
    );
    let mut email = EmailContent::from_body(body.as_bytes()).unwrap();
    email.take_attachments().remove(0)
}

fn id() -> AttachmentId {
    AttachmentId::at(record().id, 0)
}

async fn download(replay: &Replay, file: &Attachment) -> Result<Download, String> {
    let body = BodyRef {
        sha256: "abc".to_owned(),
        place: BodyPlace::Table,
        bytes: 1,
    };
    let (store, key) = (store(replay), record().email_key());
    let download = store.download(&key, &body, id(), file, at(0)).await;
    download.map_err(|error| chain(&error))
}

fn says(status: u16, body: &str) -> CannedResponse {
    CannedResponse::Says {
        status,
        headers: vec![("content-type", "application/xml")],
        body: body.as_bytes().to_vec(),
    }
}

#[tokio::test]
async fn a_file_inside_a_content_is_copied_for_its_url() {
    let replay = Replay::new([says(200, "")]);
    let file = file(r#""content":"PGI+","filename":"a b.html","content_type":"text/html""#);
    let download = download(&replay, &file).await.unwrap();
    let object = format!("{CONTENT}/download/{}", id());
    let request = replay.only();
    assert_eq!(request.line(), format!("PUT {object}?x-id=PutObject"));
    assert_eq!(request.header("x-amz-tagging"), "keep=2d");

    let (path, query) = download.url.split_once('?').unwrap();
    assert_eq!(path, object);
    for part in [
        "X-Amz-Expires=900",
        "X-Amz-SignedHeaders=host&",
        "response-content-type=text%2Fhtml",
        "response-content-disposition=attachment%3B%20filename%3D%22a%20b.html%22",
    ] {
        assert!(query.contains(part), "{part}: {query}");
    }
    assert_eq!(download.expires_at, at(900_000));
}

#[tokio::test]
async fn an_uploaded_file_needs_no_call() {
    let file = file(&format!(r#""upload":"{UPLOAD}","size":9,"filename":"Ä\"1.pdf""#));
    let download = download(&Replay::expecting_none(), &file).await.unwrap();
    let (path, query) = download.url.split_once('?').unwrap();
    assert_eq!(path, format!("{CONTENT}/{UPLOAD}"));
    assert!(UploadId::parse(UPLOAD).is_some());
    let saved = "response-content-disposition=attachment%3B%20filename%2A%3DUTF-8%27%27%25C3%2584%25221%252Epdf";
    assert!(query.contains(saved), "{query}");
}

#[tokio::test]
async fn a_failed_copy_has_no_url() {
    let denied = says(403, "<Error><Code>AccessDenied</Code><Message>No.</Message></Error>");
    let file = file(r#""content":"PGI+","filename":"a""#);
    let error = download(&Replay::new([denied]), &file).await.unwrap_err();
    assert!(error.starts_with("storing a file for its download: "), "{error}");
}

/// Without this tag, a copy that an erasure misses would stay forever.
#[test]
fn the_bucket_expires_copies() {
    let template = include_str!("../../../../template.yaml");
    let tag = keep_tag(at(0).after(KEPT), at(0));
    let value = tag.strip_prefix("keep=").unwrap();
    assert!(template.contains(&format!(
        "TagFilters: [{{Key: keep, Value: {value}}}]\n            ExpirationInDays: 2\n"
    )));
}
