//! Reads of records, against DynamoDB's answers.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::delivery::record::EmailRecord;
use domain::id::{EmailId, EmailKey};
use domain::ports::{EmailRecords, FailureKind};
use serde_json::{Value, json};

use super::item;
use super::samples::{at, full, record};
use crate::runtime::replay::{CannedResponse, Replay, SentRequest, dynamodb_json};
use crate::runtime::telemetry::chain;
use crate::storage::attributes::{self, Item};
use crate::storage::table::keys;
use crate::storage::table::retry::PATIENCE;

/// Returns the record of the `n`th id.
fn nth(n: u8) -> EmailRecord {
    EmailRecord {
        id: EmailId::from_random([n; 16]),
        ..record()
    }
}

fn keys(records: &[EmailRecord]) -> Vec<EmailKey> {
    records.iter().map(EmailRecord::email_key).collect()
}

fn stored(record: &EmailRecord) -> Item {
    item::from_record(record, 16)
}

fn with(mut item: Item, attribute: (String, AttributeValue)) -> Item {
    item.extend([attribute]);
    item
}

fn found(item: &Item) -> CannedResponse {
    CannedResponse::ok(&json!({"Item": dynamodb_json(item)}))
}

fn many(items: &[Item], unread: &[EmailKey]) -> CannedResponse {
    let items: Vec<_> = items.iter().map(dynamodb_json).collect();
    let keys: Vec<_> = unread.iter().map(|key| dynamodb_json(&keys::email(key))).collect();
    let unread = if keys.is_empty() {
        json!({})
    } else {
        json!({"T": {"Keys": keys, "ConsistentRead": true}})
    };
    CannedResponse::ok(&json!({"Responses": {"T": items}, "UnprocessedKeys": unread}))
}

fn requested_keys(sent_request: &SentRequest) -> Vec<Value> {
    let request = sent_request.json();
    assert_eq!(request["RequestItems"]["T"]["ConsistentRead"], true);
    request["RequestItems"]["T"]["Keys"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_record_is_read_as_last_written() {
    let replay = Replay::new([found(&stored(&full()))]);
    let loaded = replay.table(16).load(&full().email_key(), at(0)).await.unwrap();
    assert_eq!(loaded, Some(full()));
    let sent_request = replay.only();
    assert_eq!(sent_request.operation(), "GetItem");
    assert_eq!(
        sent_request.json(),
        json!({
            "TableName": "T",
            "Key": {"pk": {"S": "main#00000000-0000-4000-8000-000000000000"}, "sk": {"S": "email"}},
            "ConsistentRead": true,
        })
    );
}

#[tokio::test]
async fn an_expired_record_is_no_record() {
    let kept_until_7_s = found(&with(stored(&record()), attributes::n("ttl", 7)));
    let replay = Replay::new([CannedResponse::ok(&json!({})), kept_until_7_s.clone(), kept_until_7_s]);
    let table = replay.table(16);
    let load = async |now| table.load(&record().email_key(), at(now)).await.unwrap();
    assert_eq!(load(7_000).await, None, "DynamoDB has none");
    assert_eq!(load(7_999).await, Some(record()), "in its last second");
    assert_eq!(load(8_000).await, None, "deleted within days");
}

#[tokio::test]
async fn an_unreadable_record_is_an_error_without_content() {
    let replay = Replay::new([found(&with(stored(&full()), attributes::s("s", "secret".to_owned())))]);
    let error = replay.table(16).load(&full().email_key(), at(0)).await.unwrap_err();
    assert_eq!(chain(&error), "reading an email record: attribute s is malformed");
}

#[tokio::test]
async fn records_come_in_the_order_of_their_keys() {
    let records = [nth(1), nth(2), nth(3), nth(4)];
    let [a, b, c, d] = &records;
    let forgotten = with(stored(d), attributes::n("ttl", 7));
    let replay = Replay::new([many(&[stored(c), forgotten, stored(a)], &[])]);
    let loaded = replay.table(16).load_many(&keys(&records), at(8_000)).await.unwrap();
    assert_eq!(loaded, [a.clone(), c.clone()], "{b:?} is gone, {d:?} is past its ttl");
    assert_eq!(replay.only().operation(), "BatchGetItem");
}

#[tokio::test]
async fn an_unreadable_record_hides_no_other() {
    let records = [nth(1), nth(2)];
    let garbage = with(stored(&nth(1)), attributes::s("v", "x".to_owned()));
    let replay = Replay::new([many(&[garbage, stored(&nth(2))], &[])]);
    assert_eq!(
        replay.table(16).load_many(&keys(&records), at(0)).await.unwrap(),
        [nth(2)]
    );
}

/// DynamoDB refuses a read with duplicate keys, and during a write an index can name a record twice.
#[tokio::test]
async fn a_duplicate_key_is_read_once() {
    let replay = Replay::new([many(&[stored(&nth(1)), stored(&nth(2))], &[])]);
    let loaded = replay
        .table(16)
        .load_many(&keys(&[nth(2), nth(1), nth(2)]), at(0))
        .await
        .unwrap();
    assert_eq!(loaded, [nth(2), nth(1)]);
    assert_eq!(requested_keys(&replay.only()).len(), 2);
}

#[tokio::test]
async fn reading_no_records_makes_no_call() {
    let replay = Replay::expecting_none();
    assert_eq!(replay.table(16).load_many(&[], at(0)).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn unprocessed_keys_are_read_again() {
    let records = [nth(1), nth(2), nth(3)];
    let left = keys(&records[1..]);
    let replay = Replay::new([
        many(&[stored(&nth(1))], &left),
        many(&[stored(&nth(3))], &left[..1]),
        many(&[stored(&nth(2))], &[]),
    ]);
    assert_eq!(
        replay.table(16).load_many(&keys(&records), at(0)).await.unwrap(),
        records
    );
    let counts: Vec<_> = replay
        .sent_requests()
        .iter()
        .map(|sent_request| requested_keys(sent_request).len())
        .collect();
    assert_eq!(counts, [3, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn unread_records_are_an_error_not_missing() {
    let began = tokio::time::Instant::now();
    let keys = keys(&[nth(1), nth(2)]);
    let unread = keys.clone();
    let replay = Replay::by(move |_| many(&[stored(&nth(1))], &unread[1..]));
    let error = replay.table(16).load_many(&keys, at(0)).await.unwrap_err();
    assert_eq!(
        chain(&error),
        "reading email records: DynamoDB returned unprocessed keys"
    );
    assert_eq!(error.kind, FailureKind::Throttled);
    assert!(replay.sent_requests().len() > 30 && began.elapsed() <= PATIENCE);
}

#[tokio::test]
async fn a_call_reads_at_most_100_records() {
    let records: Vec<_> = (0..=100).map(nth).collect();
    let replay = Replay::by(|sent_request| {
        let records = (0..=u8::MAX).map(nth).map(|record| stored(&record));
        let sent_request = requested_keys(sent_request);
        let wanted =
            records.filter(|item| sent_request.contains(&dynamodb_json(&keys::email(&keys::to_email(item).unwrap()))));
        many(&wanted.collect::<Vec<_>>(), &[])
    });
    assert_eq!(
        replay.table(16).load_many(&keys(&records), at(0)).await.unwrap(),
        records
    );
    let counts: Vec<_> = replay
        .sent_requests()
        .iter()
        .map(|sent_request| requested_keys(sent_request).len())
        .collect();
    assert_eq!(counts, [100, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_transient_failure_is_retried_for_a_while() {
    let throttled = CannedResponse::dynamodb_error(
        400,
        "ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded.",
    );
    let broken = CannedResponse::dynamodb_error(500, "InternalServerError", "The request could not be processed.");
    let refused = CannedResponse::dynamodb_error(
        400,
        "ValidationException",
        "The provided key element does not match the schema",
    );
    let good = found(&stored(&record()));
    for (answers, works) in [
        ([vec![throttled; 9], vec![good.clone()]].concat(), true),
        (vec![broken.clone(), CannedResponse::Lost, good], true),
        (vec![broken; 3], false),
        (vec![CannedResponse::Lost; 3], false),
        (vec![refused], false),
    ] {
        let replay = Replay::new(answers.clone());
        let loaded = replay.table(16).load(&record().email_key(), at(0)).await;
        assert_eq!(loaded.is_ok(), works, "{answers:?}");
        assert_eq!(replay.sent_requests().len(), answers.len(), "{answers:?}");
    }
}
