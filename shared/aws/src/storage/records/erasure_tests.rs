//! Tombstones, against DynamoDB's answers; lost ones too.

use domain::ports::{Claimed, Created, EmailRecords};
use serde_json::json;

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::runtime::telemetry::chain;
use crate::storage::attributes;
use crate::storage::records::samples::{at, full, policy, record};
use crate::storage::table::keys;

fn ended() -> EmailRecord {
    EmailRecord {
        status: domain::delivery::record::RecordStatus::Sent,
        due: None,
        ..full()
    }
}

fn tombstone() -> Item {
    let mut item = keys::email(&record().email_key());
    item.extend([
        attributes::n("v", item::VERSION),
        attributes::s("er", record().body.sha256),
        attributes::n("ttl", 1_000_000),
    ]);
    item
}

async fn replace_with_tombstone(replay: &Replay) -> Result<Written, String> {
    let tombstone = replay.table(16).replace_with_tombstone(&ended(), at(3_999)).await;
    tombstone.map_err(|error| chain(&error))
}

#[tokio::test]
async fn a_tombstone_is_anonymous_and_in_no_index() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    assert_eq!(replace_with_tombstone(&replay).await, Ok(Written::Done));
    let request = replay.only();
    assert_eq!(request.operation(), "PutItem");
    let request = request.json();
    let mut names: Vec<_> = request["Item"].as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["er", "pk", "sk", "ttl", "v"]);
    assert_eq!(
        request["ConditionExpression"],
        "#c = :if_c AND #s = :if_s AND #n = :if_n"
    );
    assert_eq!(request["ExpressionAttributeValues"][":if_s"], json!({"S": "sent"}));
}

#[tokio::test(start_paused = true)]
async fn a_lost_tombstone_is_done_and_a_late_one_not() {
    let lost = Replay::new([
        CannedResponse::Lost,
        CannedResponse::condition_failed(Some(&tombstone())),
    ]);
    assert_eq!(replace_with_tombstone(&lost).await, Ok(Written::Done));
    let retried = item::from_record(&record(), 16);
    let moved = Replay::new([CannedResponse::condition_failed(Some(&retried))]);
    assert_eq!(
        replace_with_tombstone(&moved).await,
        Ok(Written::Moved(Some(Box::new(record()))))
    );
    let gone = Replay::new([CannedResponse::condition_failed(None)]);
    assert_eq!(replace_with_tombstone(&gone).await, Ok(Written::Moved(None)));
    let failed = Replay::new([CannedResponse::dynamodb_error(400, "ValidationException", "No.")]);
    assert!(replace_with_tombstone(&failed).await.is_err());
}

/// A read finds no record. A new creation learns the hash of the erased request.
#[tokio::test]
async fn a_tombstone_is_no_record_but_is_found() {
    let found = || CannedResponse::ok(&json!({"Item": dynamodb_json(&tombstone())}));
    let (key, table) = (record().email_key(), |answer| Replay::new([answer]).table(16));
    assert_eq!(table(found()).load(&key, at(0)).await.unwrap(), None);
    let content = Some(record().body.sha256);
    assert_eq!(table(found()).tombstone(&key, at(0)).await.unwrap(), content);
    let late = table(found()).tombstone(&key, at(1_000_001_000)).await;
    assert_eq!(late.unwrap(), None, "past its time");
    let there = CannedResponse::ok(&json!({"Item": dynamodb_json(&item::from_record(&record(), 16))}));
    assert_eq!(table(there).tombstone(&key, at(0)).await.unwrap(), None);
    let nothing = table(CannedResponse::ok(&json!({}))).tombstone(&key, at(0)).await;
    assert_eq!(nothing.unwrap(), None);

    let refused = || CannedResponse::condition_failed(Some(&tombstone()));
    let created = table(refused()).create(&record(), at(0)).await.unwrap();
    let sha256 = record().body.sha256;
    assert_eq!(created, Created::Erased { sha256 });
    let claimed = table(refused()).claim(&key, 7, &policy(), at(0)).await.unwrap();
    assert_eq!(claimed, Claimed::Refused(None));
}
