//! Contents, against the answers of DynamoDB and S3.
//!
//! **Long, because** all its tests share the stored answers and their helpers.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::message::email::sha256_hex;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::runtime::telemetry::chain;
use crate::storage::attributes::{self, Item};
use crate::storage::records::samples::{at, record};
use crate::storage::table::keys;

const DAY: i64 = 86_400_000;

fn key() -> EmailKey {
    record().email_key()
}

fn named(place: BodyPlace, content: &[u8]) -> BodyRef {
    BodyRef {
        sha256: sha256_hex(content),
        place,
        bytes: 1,
    }
}

/// Returns incompressible bytes.
fn noise(len: usize) -> Vec<u8> {
    (0_u32..)
        .flat_map(|n| Sha256::digest(n.to_be_bytes()))
        .take(len)
        .collect()
}

fn packed(content: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(content, LEVEL).unwrap()
}

fn store(replay: &Replay) -> BodyStore {
    let settings = BucketSettings {
        bucket: "contents".to_owned(),
    };
    BodyStore::new(replay.table(16), replay.clients().s3(), &settings)
}

/// Loads a content from a place that gives this answer.
async fn load(answer: CannedResponse, place: BodyPlace) -> Result<Option<Vec<u8>>, String> {
    let store = store(&Replay::new([answer]));
    store
        .load(&key(), &named(place, b"content"))
        .await
        .map_err(|error| chain(&error))
}

fn content(bytes: &[u8]) -> (String, AttributeValue) {
    attributes::b("z", bytes)
}

fn in_table(bytes: &[u8]) -> CannedResponse {
    CannedResponse::ok(&json!({"Item": dynamodb_json(&Item::from([content(bytes)]))}))
}

fn in_bucket(bytes: &[u8]) -> CannedResponse {
    CannedResponse::Says {
        status: 200,
        headers: vec![],
        body: bytes.to_vec(),
    }
}

/// Source: Amazon S3 API reference, "Error responses".
fn s3_error(status: u16, code: &str) -> CannedResponse {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>In words.</Message></Error>");
    CannedResponse::Says {
        status,
        headers: vec![("content-type", "application/xml")],
        body: body.into_bytes(),
    }
}

#[tokio::test]
async fn a_small_packed_content_goes_to_the_table() {
    let store = store(&Replay::expecting_none());
    let place = |content: &[u8]| {
        let packed = store.pack(content).unwrap();
        (packed.place, packed.bytes.len())
    };
    let overhead = place(&noise(TABLE_MAX)).1 - TABLE_MAX;
    assert_eq!(place(&noise(TABLE_MAX - overhead)), (BodyPlace::Table, TABLE_MAX));
    assert_eq!(
        place(&noise(TABLE_MAX - overhead + 1)),
        (BodyPlace::Bucket, TABLE_MAX + 1)
    );
    assert_eq!(
        place(&vec![b'a'; 1_000_000]).0,
        BodyPlace::Table,
        "a megabyte that packs well"
    );
}

#[tokio::test]
async fn a_small_content_is_an_item_beside_its_record() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let (content, body) = (b"hello", named(BodyPlace::Table, b"hello"));
    let store = store(&replay);
    let bytes = store.pack(content).unwrap();
    let put = store.put(&key(), &body, bytes, at(7_999), at(0)).await.unwrap();
    assert_eq!(put, Put::New);

    let request = replay.only().json();
    assert_eq!(
        request["ConditionExpression"],
        "attribute_not_exists(pk) OR #ttl < :now"
    );
    assert_eq!(
        request["ExpressionAttributeValues"],
        json!({":now": {"N": "7"}}),
        "a longer retention stays"
    );
    let item = &request["Item"];
    assert_eq!(
        (&request["TableName"], &item["pk"]),
        (&json!("T"), &json!({"S": keys::email_pk(&key())}))
    );
    assert_eq!(item["sk"], json!({"S": format!("body#{}", body.sha256)}));
    assert_eq!(item["ttl"], json!({"N": "7"}));

    let stored = CannedResponse::ok(&json!({"Item": item}));
    let replay = Replay::new([stored]);
    let loaded = self::store(&replay).load(&key(), &body).await.unwrap();
    assert_eq!(loaded.as_deref(), Some(&content[..]));
    let request = replay.only().json();
    assert_eq!(request["Key"], json!({"pk": item["pk"], "sk": item["sk"]}));
    assert_eq!(request["ConsistentRead"], true, "it may have been written a moment ago");
}

#[tokio::test]
async fn a_large_content_is_an_object() {
    let replay = Replay::new([in_bucket(b"")]);
    let (content, body) = (noise(20_000), named(BodyPlace::Bucket, &noise(20_000)));
    let store = store(&replay);
    let packed = store.pack(&content).unwrap();
    store
        .put(&key(), &body, packed.clone(), at(40 * DAY), at(0))
        .await
        .unwrap();

    let put = replay.only();
    let object = format!(
        "https://contents.s3.us-east-1.amazonaws.com/main/{}/{}",
        record().id,
        body.sha256
    );
    assert_eq!(put.line(), format!("PUT {object}?x-id=PutObject"));
    assert_eq!(put.header("x-amz-tagging"), "keep=64d");
    assert_eq!(put.header("if-none-match"), "*");
    assert_eq!(put.header("x-amz-meta-keep-until"), "1970-02-10T00:00:00.000Z");
    assert!(put.body() == packed.bytes);

    let replay = Replay::new([in_bucket(put.body())]);
    let loaded = self::store(&replay).load(&key(), &body).await.unwrap();
    assert!(loaded == Some(content));
    assert_eq!(replay.only().line(), format!("GET {object}?x-id=GetObject"));
}

#[test]
fn an_object_has_the_shortest_sufficient_retention() {
    let kept = |keep_until| keep_days(at(keep_until), at(0));
    for (keep_until, days) in [
        (-DAY, 2),
        (0, 2),
        (2 * DAY, 2),
        (2 * DAY + 1_000, 8),
        (44 * DAY, 64),
        (128 * DAY, 128),
        (2_048 * DAY + 1_000, 8_192),
        (i64::MAX, 8_192),
    ] {
        assert_eq!(kept(keep_until), days, "{keep_until}");
    }
}

/// Without a rule for its tag a content is kept forever; with a rule of other days it is lost.
#[test]
fn the_bucket_has_a_rule_for_each_retention() {
    let template = include_str!("../../../../template.yaml");
    let lines: Vec<_> = template.lines().map(str::trim).collect();
    let rules: Vec<_> = lines
        .windows(3)
        .filter(|lines| lines[1].starts_with("TagFilters: [{Key: keep,"))
        .collect();
    let expected = KEEP_DAYS.map(|days| {
        [
            "Status: Enabled".to_owned(),
            format!("TagFilters: [{{Key: keep, Value: {days}d}}]"),
            format!("ExpirationInDays: {days}"),
        ]
    });
    assert_eq!(rules, expected);
    assert!(KEEP_DAYS.is_sorted(), "the shortest is found first");
}

#[tokio::test]
async fn a_missing_content_is_no_error() {
    for (answer, place) in [
        (CannedResponse::ok(&json!({})), BodyPlace::Table),
        (
            CannedResponse::ok(&json!({"Item": {"z": {"S": "no content"}}})),
            BodyPlace::Table,
        ),
        (s3_error(404, "NoSuchKey"), BodyPlace::Bucket),
    ] {
        assert_eq!(load(answer, place).await, Ok(None));
    }
}

/// Otherwise a person would read that an existing content is gone.
#[tokio::test]
async fn a_failed_read_does_not_mean_a_missing_content() {
    let unknown_table =
        CannedResponse::dynamodb_error(400, "ResourceNotFoundException", "Requested resource not found");
    for (answer, place, remedy) in [
        (unknown_table, BodyPlace::Table, "check the parameter ExistingTableArn"),
        (s3_error(403, "AccessDenied"), BodyPlace::Bucket, "AccessDenied"),
        (
            s3_error(404, "NoSuchBucket"),
            BodyPlace::Bucket,
            "check the parameter ExistingBucketName",
        ),
    ] {
        let error = load(answer, place).await.unwrap_err();
        assert!(error.starts_with("reading a content of the "), "{error}");
        assert!(error.contains(remedy), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_bucket_is_called_again() {
    for first in [
        s3_error(503, "SlowDown"),
        s3_error(500, "InternalError"),
        CannedResponse::Lost,
    ] {
        let replay = Replay::new([first, in_bucket(&packed(b"content"))]);
        let loaded = store(&replay).load(&key(), &named(BodyPlace::Bucket, b"content")).await;
        assert_eq!(loaded.unwrap().as_deref(), Some(&b"content"[..]));
    }
}

/// Contents that shrink a thousandfold, with and without their size in the header.
fn bombs(size: usize) -> [Vec<u8>; 2] {
    let content = vec![0; size];
    [
        packed(&content),
        zstd::stream::encode_all(content.as_slice(), LEVEL).unwrap(),
    ]
}

#[tokio::test]
async fn malformed_contents_and_bombs_are_errors() {
    let garbage = [b"garbage".to_vec(), packed(b"cut off")[..8].to_vec()];
    for bytes in garbage.into_iter().chain(bombs(UNPACKED_MAX + 1)) {
        for (answer, place) in [
            (in_table(&bytes), BodyPlace::Table),
            (in_bucket(&bytes), BodyPlace::Bucket),
        ] {
            let error = load(answer, place).await.unwrap_err();
            assert!(error.starts_with("unpacking a content: "), "{error}");
        }
    }
}

#[test]
fn the_largest_content_is_read_back_whole() {
    for packed in bombs(UNPACKED_MAX) {
        assert!(unpack(&packed).unwrap() == vec![0; UNPACKED_MAX]);
    }
}

#[tokio::test]
async fn contents_beside_a_record_are_read_by_hash() {
    let [bomb, _] = bombs(UNPACKED_MAX + 1);
    let item = |sk: &str, content: (String, AttributeValue)| {
        dynamodb_json(&Item::from([attributes::s("sk", sk.to_owned()), content]))
    };
    let items = [
        item("body#aa", content(&packed(b"first"))),
        item("body#bb", content(&packed(b"second"))),
        item("body#cc", content(b"garbage")),
        item("body#dd", content(&bomb)),
        item("body#ee", attributes::s("z", "text".to_owned())),
        item("body#ff", attributes::n("ttl", 1)),
        item("other", content(&packed(b"of something else"))),
    ];
    let replay = Replay::new([CannedResponse::ok(&json!({"Items": items, "Count": items.len()}))]);
    let near = store(&replay).load_near(&key()).await.unwrap();
    let expected =
        [("aa", "first"), ("bb", "second")].map(|(hash, content)| (hash.to_owned(), content.as_bytes().to_vec()));
    assert_eq!(near, BTreeMap::from(expected));
    assert_eq!(
        replay.only().json(),
        json!({
            "TableName": "T",
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :beginning)",
            "ExpressionAttributeValues": {":pk": {"S": keys::email_pk(&key())}, ":beginning": {"S": "body#"}},
            "ConsistentRead": true,
            "Limit": NEAR_MAX,
        })
    );
}

/// An overwritten content could expire before its email is sent.
#[tokio::test]
async fn an_existing_content_is_not_overwritten() {
    for (answer, place) in [
        (
            CannedResponse::condition_failed(Some(&Item::from([attributes::s("pk", "x".to_owned())]))),
            BodyPlace::Table,
        ),
        (s3_error(412, "PreconditionFailed"), BodyPlace::Bucket),
        (s3_error(409, "ConditionalRequestConflict"), BodyPlace::Bucket),
    ] {
        let packed = Packed { place, bytes: vec![1] };
        let replay = Replay::new([answer]);
        let (store, body) = (store(&replay), named(place, b"content"));
        let put = store.put(&key(), &body, packed, at(7_999), at(0)).await.unwrap();
        assert_eq!(put, Put::There, "{place:?}");
    }
}

#[tokio::test]
async fn a_refusing_bucket_has_stored_nothing() {
    for status in [400, 403, 404, 405, 410, 413, 416, 501] {
        let packed = Packed {
            place: BodyPlace::Bucket,
            bytes: vec![1],
        };
        let store = store(&Replay::new([s3_error(status, "AccessDenied")]));
        let body = named(BodyPlace::Bucket, b"content");
        let put = store.put(&key(), &body, packed, at(7_999), at(0)).await;
        assert!(put.is_err(), "{status}");
    }
}

async fn extend(place: BodyPlace, answers: impl IntoIterator<Item = CannedResponse>) -> (Result<bool, String>, Replay) {
    let replay = Replay::new(answers);
    let kept = store(&replay)
        .extend_retention(&key(), &named(place, b"content"), at(40 * DAY), at(0))
        .await;
    (kept.map_err(|error| chain(&error)), replay)
}

#[tokio::test]
async fn retention_of_an_item_is_never_shortened() {
    let (kept, replay) = extend(BodyPlace::Table, [CannedResponse::ok(&json!({}))]).await;
    assert_eq!(kept, Ok(true));
    let sent_request = replay.only().json();
    assert_eq!(sent_request["UpdateExpression"], "SET #ttl = :ttl");
    assert_eq!(sent_request["ConditionExpression"], "#ttl < :ttl");
    assert_eq!(
        sent_request["ExpressionAttributeValues"],
        json!({":ttl": {"N": "3456000"}})
    );

    let longer = Item::from([attributes::n("ttl", 9_999_999)]);
    let (kept, _) = extend(BodyPlace::Table, [CannedResponse::condition_failed(Some(&longer))]).await;
    assert_eq!(kept, Ok(true));
    let (kept, _) = extend(BodyPlace::Table, [CannedResponse::condition_failed(None)]).await;
    assert_eq!(kept, Ok(false), "it is gone");
}

fn head(keep_until: Option<&'static str>) -> CannedResponse {
    CannedResponse::Says {
        status: 200,
        headers: keep_until
            .map(|until| ("x-amz-meta-keep-until", until))
            .into_iter()
            .collect(),
        body: Vec::new(),
    }
}

/// Returns the metadata of an object with this modification time.
fn head_of(modified: &'static str, keep_until: &'static str) -> CannedResponse {
    let headers = vec![("last-modified", modified), ("x-amz-meta-keep-until", keep_until)];
    let (status, body) = (200, Vec::new());
    CannedResponse::Says { status, headers, body }
}

/// Two concurrent writers: the shorter retention must not win, or the content would expire before its email.
#[tokio::test(start_paused = true)]
async fn a_longer_retention_by_another_writer_stays() {
    let old = "Wed, 31 Dec 1969 23:00:00 GMT";
    let answers = [
        head_of(old, "1970-01-02T00:00:00.000Z"),
        s3_error(412, "PreconditionFailed"),
        head_of("Thu, 01 Jan 1970 00:00:00 GMT", "1980-01-01T00:00:00.000Z"),
    ];
    let (kept, replay) = extend(BodyPlace::Bucket, answers).await;
    assert_eq!(kept, Ok(true));
    let sent_request = replay.sent_requests();
    let copies: Vec<_> = sent_request
        .iter()
        .filter(|sent_request| sent_request.line().starts_with("PUT "))
        .collect();
    assert_eq!(copies.len(), 1, "a longer retention is left alone");
    assert_eq!(copies[0].header("x-amz-copy-source-if-unmodified-since"), old);
}

/// S3's times are whole seconds: a copy in the same second would look like the object that was read.
#[tokio::test(start_paused = true)]
async fn a_just_written_object_is_read_again() {
    let young = || head_of("Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-02T00:00:00.000Z");
    let (kept, replay) = extend(BodyPlace::Bucket, [young(), young(), copied()]).await;
    assert_eq!(kept, Ok(true));
    let sent_request: Vec<_> = replay
        .sent_requests()
        .iter()
        .map(|sent_request| sent_request.line().starts_with("HEAD "))
        .collect();
    assert_eq!(sent_request, [true, true, false]);
}

/// Source: Amazon S3 API reference, `CopyObject`, "Response Syntax".
fn copied() -> CannedResponse {
    let body = "<CopyObjectResult><ETag>\"e\"</ETag></CopyObjectResult>";
    CannedResponse::Says {
        status: 200,
        headers: vec![("content-type", "application/xml")],
        body: body.into(),
    }
}

#[tokio::test]
async fn an_object_that_expires_too_early_is_renewed() {
    for known in [None, Some("1970-02-09T23:59:59.999Z"), Some("nonsense")] {
        let (kept, replay) = extend(BodyPlace::Bucket, [head(known), copied()]).await;
        assert_eq!(kept, Ok(true), "{known:?}");
        let [sent_request, copy] = &replay.sent_requests()[..] else {
            panic!("two calls");
        };
        assert!(sent_request.line().starts_with("HEAD "), "{}", sent_request.line());
        assert!(copy.line().starts_with("PUT "), "{}", copy.line());
        assert!(copy.header("x-amz-copy-source").starts_with("contents/main/"));
        assert_eq!(copy.header("x-amz-metadata-directive"), "REPLACE");
        assert_eq!(copy.header("x-amz-tagging-directive"), "REPLACE");
        assert_eq!(copy.header("x-amz-tagging"), "keep=64d");
        assert_eq!(copy.header("x-amz-meta-keep-until"), "1970-02-10T00:00:00.000Z");
    }
    let (kept, replay) = extend(BodyPlace::Bucket, [head(Some("1970-02-10T00:00:00.000Z"))]).await;
    assert_eq!(kept, Ok(true), "long enough");
    assert!(replay.only().line().starts_with("HEAD "));
}

#[tokio::test]
async fn the_retention_of_a_missing_object_fails() {
    let gone = CannedResponse::Says {
        status: 404,
        headers: vec![],
        body: Vec::new(),
    };
    assert_eq!(extend(BodyPlace::Bucket, [gone]).await.0, Ok(false));
    let (kept, _) = extend(BodyPlace::Bucket, [head(None), s3_error(404, "NoSuchKey")]).await;
    assert_eq!(kept, Ok(false), "just now");
    let denied = CannedResponse::Says {
        status: 403,
        headers: vec![],
        body: Vec::new(),
    };
    let (kept, _) = extend(BodyPlace::Bucket, [denied]).await;
    assert!(
        kept.unwrap_err()
            .starts_with("extending the retention of a content in the bucket: ")
    );
}
