//! Erasure, against the answers of DynamoDB and S3.

use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::runtime::settings::BucketSettings;
use crate::runtime::telemetry::chain;
use crate::storage::attributes::{self, Item};
use crate::storage::records::samples::record;
use crate::storage::table::keys;

fn found(names: &[&str]) -> CannedResponse {
    let item = |name: &&str| {
        let item = Item::from([
            attributes::s("pk", keys::email_pk(&record().email_key())),
            attributes::s("sk", (*name).to_owned()),
        ]);
        dynamodb_json(&item)
    };
    let items: Vec<Value> = names.iter().map(item).collect();
    CannedResponse::ok(&json!({"Items": items, "Count": names.len()}))
}

fn says(status: u16, body: &str) -> CannedResponse {
    CannedResponse::Says {
        status,
        headers: vec![("content-type", "application/xml")],
        body: body.as_bytes().to_vec(),
    }
}

/// Source: Amazon S3 API reference, `ListObjectsV2`.
fn objects(names: &[String], next: Option<&str>) -> CannedResponse {
    let content = |name: &String| format!("<Contents><Key>{name}</Key></Contents>");
    let contents: String = names.iter().map(content).collect();
    let next = next.map_or(String::new(), |token| {
        format!("<NextContinuationToken>{token}</NextContinuationToken>")
    });
    let truncated = !next.is_empty();
    says(
        200,
        &format!("<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{next}{contents}</ListBucketResult>"),
    )
}

async fn erase(replay: &Replay) -> Result<(), String> {
    let settings = BucketSettings {
        bucket: "contents".to_owned(),
    };
    let store = BodyStore::new(replay.table(16), replay.clients().s3(), &settings);
    store.erase(&record().email_key()).await.map_err(|error| chain(&error))
}

#[tokio::test]
async fn all_contents_and_files_are_deleted() {
    let name = |end: &str| format!("main/{}/{end}", record().id);
    let done = || CannedResponse::ok(&json!({}));
    let replay = Replay::new([
        found(&["body#aa", "body#bb"]),
        done(),
        done(),
        objects(&[name("aa"), name("aa/01")], Some("more")),
        says(204, ""),
        says(204, ""),
        objects(&[name("cc")], None),
        says(204, ""),
    ]);
    assert_eq!(erase(&replay).await, Ok(()));
    let request = replay.sent_requests();
    let deleted: Vec<_> = request
        .iter()
        .filter(|request| request.operation() == "DeleteItem")
        .map(|request| request.json()["Key"]["sk"]["S"].clone())
        .collect();
    assert_eq!(deleted, [json!("body#aa"), json!("body#bb")]);
    let gone: Vec<_> = request
        .iter()
        .map(crate::runtime::replay::SentRequest::line)
        .filter(|line| line.starts_with("DELETE"))
        .collect();
    assert_eq!(gone.len(), 3, "{gone:?}");
    for (line, end) in gone.iter().zip(["aa", "aa/01", "cc"]) {
        assert!(line.contains(&name(end)), "{line}");
    }
    // No other email's objects: the prefix ends with a slash.
    let listed: Vec<_> = request
        .iter()
        .map(crate::runtime::replay::SentRequest::line)
        .filter(|line| line.contains("list-type=2"))
        .collect();
    assert_eq!(listed.len(), 2);
    assert!(
        listed
            .iter()
            .all(|line| line.contains(&format!("prefix=main%2F{}%2F", record().id))),
        "{listed:?}"
    );
}

#[tokio::test]
async fn a_failed_erasure_is_an_error() {
    let error = r#"<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>No.</Message></Error>"#;
    let none = || found(&[]);
    let one = || objects(&[format!("main/{}/aa", record().id)], None);
    let denied = || says(403, error);
    let refused = || CannedResponse::dynamodb_error(400, "AccessDeniedException", "No.");
    for (name, replay) in [
        ("items are not listed", Replay::new([refused()])),
        ("an item stays", Replay::new([found(&["body#aa"]), refused()])),
        ("objects are not listed", Replay::new([none(), denied()])),
        ("an object stays", Replay::new([none(), one(), denied()])),
    ] {
        assert!(erase(&replay).await.is_err(), "{name}");
    }
}
