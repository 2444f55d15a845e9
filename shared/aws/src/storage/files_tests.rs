//! Uploads and their copies, against the answers of S3.

use domain::delivery::record::BodyPlace;
use domain::message::attachment::{FileName, MediaType};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay};
use crate::runtime::settings::BucketSettings;
use crate::runtime::telemetry::chain;
use crate::storage::records::samples::{at, record};

const ID: &str = "01010101-0101-4101-8101-010101010101";
const COPY: &str = "main/00000000-0000-4000-8000-000000000000/abc/01010101-0101-4101-8101-010101010101";
const DAY: i64 = 86_400_000;

fn store(replay: &Replay) -> BodyStore {
    let settings = BucketSettings {
        bucket: "contents".to_owned(),
    };
    BodyStore::new(replay.table(16), replay.clients().s3(), &settings)
}

fn id() -> UploadId {
    UploadId::parse(ID).unwrap()
}

fn body() -> BodyRef {
    BodyRef {
        sha256: "abc".to_owned(),
        place: BodyPlace::Table,
        bytes: 1,
    }
}

fn upload(content_type: Option<&str>) -> Upload {
    Upload {
        filename: FileName::parse("Ä 1\".pdf").unwrap(),
        content_type: content_type.map(|text| MediaType::parse(text).unwrap()),
        size: 29_000_000,
    }
}

fn says(status: u16, headers: Vec<(&'static str, &'static str)>, body: &str) -> CannedResponse {
    CannedResponse::Says {
        status,
        headers,
        body: body.as_bytes().to_vec(),
    }
}

/// Source: Amazon S3 API reference, "Error responses".
fn s3_error(status: u16, code: &str) -> CannedResponse {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>In words.</Message></Error>");
    says(status, vec![("content-type", "application/xml")], &body)
}

/// The signature covers everything that a caller could change: object, repetition, size and description.
#[tokio::test]
async fn an_upload_url_writes_one_object_once() {
    let store = store(&Replay::expecting_none());
    let tenant = TenantId::main();
    let invitation = store
        .invite(&tenant, id(), &upload(Some("application/pdf")))
        .await
        .unwrap();
    let (path, query) = invitation.url.split_once('?').unwrap();
    assert_eq!(
        path,
        format!("https://contents.s3.us-east-1.amazonaws.com/_uploads/main/{ID}")
    );
    assert!(query.contains("X-Amz-Expires=900"), "{query}");
    let signed = "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bif-none-match%3Bx-amz-meta-filename%3Bx-amz-meta-size%3Bx-amz-meta-type";
    assert!(query.contains(signed), "{query}");
    assert!(!query.contains("checksum"), "{query}");
    let mut headers = invitation.headers;
    headers.sort();
    let said = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        headers,
        [
            said("content-length", "29000000"),
            said("content-type", "application/pdf"),
            said("if-none-match", "*"),
            said("x-amz-meta-filename", "%C3%84%201%22%2Epdf"),
            said("x-amz-meta-size", "29000000"),
            said("x-amz-meta-type", "application/pdf"),
        ]
    );
    let other = store.invite(&tenant, id(), &upload(None)).await.unwrap().headers;
    assert!(other.contains(&said("content-type", "application/octet-stream")));
    assert!(!other.iter().any(|(name, _)| name == "x-amz-meta-type"));
}

/// Without the rule, unused uploads would stay forever. With another prefix, emails would lose their contents.
#[test]
fn the_bucket_expires_uploads() {
    let template = include_str!("../../../../template.yaml");
    let lines: Vec<_> = template.lines().map(str::trim).collect();
    let rules = lines.windows(3).filter(|lines| lines[1].starts_with("Prefix: "));
    let prefix = format!("Prefix: {UPLOADS}");
    let expected = ["Status: Enabled", &prefix, "ExpirationInDays: 2"];
    assert_eq!(rules.collect::<Vec<_>>(), [expected]);
    let name = UPLOADS.trim_end_matches('/');
    assert_eq!(TenantId::parse(name), None, "no tenant has objects there");
}

async fn find(answer: CannedResponse) -> (Result<Option<Uploaded>, String>, Replay) {
    let replay = Replay::new([answer]);
    let found = store(&replay).find_upload(&TenantId::main(), id()).await;
    (found.map_err(|error| chain(&error)), replay)
}

#[tokio::test]
async fn an_upload_carries_its_description() {
    let headers = vec![
        ("content-length", "29000000"),
        ("x-amz-meta-filename", "%C3%84%201%22%2Epdf"),
        ("x-amz-meta-size", "29000000"),
        ("x-amz-meta-type", "application/pdf"),
    ];
    let (found, replay) = find(says(200, headers.clone(), "")).await;
    let expected = Uploaded {
        upload: upload(Some("application/pdf")),
        size: 29_000_000,
    };
    assert_eq!(found, Ok(Some(expected)));
    let line = format!("HEAD https://contents.s3.us-east-1.amazonaws.com/_uploads/main/{ID}");
    assert_eq!(replay.only().line(), line);

    for (name, value) in [
        ("x-amz-meta-filename", "a.exe"),
        ("x-amz-meta-filename", "%ff"),
        ("x-amz-meta-size", "-1"),
        ("x-amz-meta-type", "pdf"),
    ] {
        let mut other = headers.clone();
        other.retain(|(known, _)| *known != name);
        other.push((name, value));
        assert_eq!(find(says(200, other, "")).await.0, Ok(None), "{name}: {value}");
    }
    assert_eq!(find(says(404, vec![], "")).await.0, Ok(None));
    let denied = find(says(403, vec![], "")).await.0.unwrap_err();
    assert!(denied.starts_with("looking for an upload: "), "{denied}");
}

async fn attach(answer: CannedResponse) -> (Result<Option<Put>, String>, Replay) {
    let replay = Replay::new([answer]);
    let key = record().email_key();
    let attached = store(&replay).attach(&key, &body(), id(), at(40 * DAY), at(0)).await;
    (attached.map_err(|error| chain(&error)), replay)
}

#[tokio::test]
async fn a_copy_is_kept_as_long_as_the_content() {
    let done = "<CopyObjectResult><ETag>\"e\"</ETag></CopyObjectResult>";
    let (attached, replay) = attach(says(200, vec![("content-type", "application/xml")], done)).await;
    assert_eq!(attached, Ok(Some(Put::New)));
    let request = replay.only();
    let line = format!("PUT https://contents.s3.us-east-1.amazonaws.com/{COPY}?x-id=CopyObject");
    assert_eq!(request.line(), line);
    for (name, value) in [
        ("x-amz-copy-source", format!("contents/_uploads/main/{ID}").as_str()),
        ("if-none-match", "*"),
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-meta-keep-until", "1970-02-10T00:00:00.000Z"),
        ("x-amz-tagging-directive", "REPLACE"),
        ("x-amz-tagging", "keep=64d"),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn an_existing_copy_stays_without_its_upload() {
    for (answer, expected) in [
        (s3_error(412, "PreconditionFailed"), Some(Put::There)),
        (s3_error(409, "ConditionalRequestConflict"), Some(Put::There)),
        (s3_error(404, "NoSuchKey"), None),
    ] {
        assert_eq!(attach(answer).await.0, Ok(expected));
    }
    for status in [400, 403, 405, 410, 411, 413, 416, 501] {
        let denied = attach(s3_error(status, "AccessDenied")).await.0.unwrap_err();
        assert!(denied.starts_with("copying an upload: "), "{status}: {denied}");
    }
}

#[tokio::test]
async fn a_copy_is_read_by_its_name() {
    for (answer, expected) in [
        (says(200, vec![], "bytes"), Some(b"bytes".to_vec())),
        (s3_error(404, "NoSuchKey"), None),
    ] {
        let replay = Replay::new([answer]);
        let read = store(&replay).load_file(&record().email_key(), &body(), id()).await;
        assert_eq!(read.ok(), Some(expected));
        let line = format!("GET https://contents.s3.us-east-1.amazonaws.com/{COPY}?x-id=GetObject");
        assert_eq!(replay.only().line(), line);
    }
}
