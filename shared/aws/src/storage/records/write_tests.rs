//! Creation, claim and transition of records, against DynamoDB's answers; lost ones too.

use std::time::Duration;

use domain::delivery::record::{EmailRecord, Lease, RecordStatus};
use domain::lifecycle::{self, Condition, SideEffect, Transition};
use domain::ports::{Claimed, Created, EmailRecords, Written};
use serde_json::json;

use super::item;
use super::samples::{at, full, policy, record};
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::runtime::telemetry::chain;
use crate::storage::attributes::{self, Item};
use crate::storage::table::keys;

const NONCE: u64 = u64::MAX;

fn stored(record: &EmailRecord) -> Item {
    item::from_record(record, 16)
}

fn refused_by(record: &EmailRecord) -> CannedResponse {
    CannedResponse::condition_failed(Some(&stored(record)))
}

fn refused_by_garbage() -> CannedResponse {
    let mut garbage = stored(&record());
    garbage.extend([attributes::n("s", 1)]);
    CannedResponse::condition_failed(Some(&garbage))
}

fn done() -> CannedResponse {
    CannedResponse::ok(&json!({}))
}

async fn create(replay: &Replay, record: &EmailRecord) -> Result<Created, String> {
    replay
        .table(16)
        .create(record, at(3_999))
        .await
        .map_err(|error| chain(&error))
}

#[tokio::test]
async fn a_record_is_created_over_none_or_an_expired_one() {
    let replay = Replay::new([done()]);
    assert_eq!(create(&replay, &record()).await, Ok(Created::New));
    let sent_request = replay.only();
    assert_eq!(sent_request.operation(), "PutItem");
    assert_eq!(
        sent_request.json(),
        json!({
            "TableName": "T",
            "Item": dynamodb_json(&stored(&record())),
            "ConditionExpression": "attribute_not_exists(pk) OR #ttl < :now",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {":now": {"N": "3"}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        })
    );
}

#[tokio::test]
async fn the_existing_record_is_returned() {
    let replay = Replay::new([refused_by(&full())]);
    assert_eq!(create(&replay, &record()).await, Ok(Created::Exists(Box::new(full()))));
}

/// The record is written, and the answer is lost. The repetition finds this very record.
#[tokio::test(start_paused = true)]
async fn a_lost_creation_is_recognised_by_its_record() {
    let replay = Replay::new([CannedResponse::Lost, refused_by(&record())]);
    assert_eq!(create(&replay, &record()).await, Ok(Created::New));

    let another_request = EmailRecord {
        born: at(1_001),
        ..record()
    };
    let replay = Replay::new([CannedResponse::Lost, refused_by(&another_request)]);
    assert_eq!(
        create(&replay, &record()).await,
        Ok(Created::Exists(Box::new(another_request)))
    );
}

#[tokio::test]
async fn any_other_failure_of_a_creation_is_an_error() {
    let refused =
        CannedResponse::dynamodb_error(400, "ValidationException", "One or more parameter values were invalid");
    for (answer, says) in [
        (refused_by_garbage(), "attribute s is malformed"),
        (CannedResponse::condition_failed(None), "attribute pk is missing"),
        (refused, "One or more parameter values were invalid"),
    ] {
        let error = create(&Replay::new([answer]), &record()).await.unwrap_err();
        assert!(
            error.starts_with("creating an email record: ") && error.contains(says),
            "{error}"
        );
    }
}

async fn claim(replay: &Replay) -> Result<Claimed, String> {
    let table = replay.table(16);
    table
        .claim(&record().email_key(), NONCE, &policy(), at(3_000))
        .await
        .map_err(|error| chain(&error))
}

/// Returns the record after our claim.
fn claimed() -> EmailRecord {
    lifecycle::claim_record(record(), &policy(), NONCE, at(3_000))
}

fn granted(record: &EmailRecord) -> CannedResponse {
    CannedResponse::ok(&json!({"Attributes": dynamodb_json(&stored(record))}))
}

#[tokio::test]
async fn a_claim_is_one_write_that_returns_the_record() {
    let replay = Replay::new([granted(&claimed())]);
    assert_eq!(claim(&replay).await, Ok(Claimed::Granted(Box::new(claimed()))));
    let sent_request = replay.only();
    assert_eq!(sent_request.operation(), "UpdateItem");
    let request = sent_request.json();
    assert_eq!(request["TableName"], "T");
    assert_eq!(request["Key"], dynamodb_json(&keys::email(&record().email_key())));
    assert_eq!(
        request["ConditionExpression"],
        "#s = :if_s AND #n <= :if_n AND #x > :if_x AND #v = :if_v"
    );
    assert_eq!(request["ReturnValues"], "ALL_NEW");
    assert_eq!(request["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
}

#[tokio::test]
async fn a_refused_claim_returns_the_stored_record() {
    let others = EmailRecord {
        lease: Some(Lease {
            until: at(5_000),
            nonce: 1,
        }),
        ..claimed()
    };
    let past_it = EmailRecord {
        status: RecordStatus::Sent,
        due: None,
        ..claimed()
    };
    for stored in [others, past_it, full_of_ours_but_queued()] {
        let answer = claim(&Replay::new([refused_by(&stored)])).await;
        assert_eq!(answer, Ok(Claimed::Refused(Some(Box::new(stored)))));
    }
}

/// Returns a record that still has our nonce, but is no longer being sent: no claim.
fn full_of_ours_but_queued() -> EmailRecord {
    EmailRecord {
        status: RecordStatus::Queued,
        ..claimed()
    }
}

#[tokio::test]
async fn a_claim_of_a_missing_record_is_refused() {
    let mut forgotten = stored(&EmailRecord {
        status: RecordStatus::Failed,
        ..record()
    });
    forgotten.extend([attributes::n("ttl", 2)]);
    for answer in [
        CannedResponse::condition_failed(None),
        CannedResponse::condition_failed(Some(&forgotten)),
    ] {
        assert_eq!(claim(&Replay::new([answer])).await, Ok(Claimed::Refused(None)));
    }
}

/// A refusal would leave the email unsent until the lease expires. Mistaking another claim for ours would send
/// it twice.
#[tokio::test(start_paused = true)]
async fn a_lost_claim_is_recognised_by_its_nonce() {
    let replay = Replay::new([CannedResponse::Lost, refused_by(&claimed())]);
    assert_eq!(claim(&replay).await, Ok(Claimed::Granted(Box::new(claimed()))));
    let requests = replay.requests();
    assert_eq!(requests[0], requests[1], "the same call, with the same nonce");

    let others = EmailRecord {
        lease: Some(Lease {
            until: at(183_000),
            nonce: NONCE - 1,
        }),
        ..claimed()
    };
    let replay = Replay::new([CannedResponse::Lost, refused_by(&others)]);
    assert_eq!(claim(&replay).await, Ok(Claimed::Refused(Some(Box::new(others)))));
}

#[tokio::test]
async fn an_unreadable_claim_is_an_error() {
    for (answer, says) in [
        (done(), "DynamoDB answered a claim without the record"),
        (refused_by_garbage(), "attribute s is malformed"),
    ] {
        assert_eq!(
            claim(&Replay::new([answer])).await,
            Err(format!("claiming an email: {says}"))
        );
    }
}

/// Returns the transition for an email of our claim that SES has accepted.
fn sent() -> Transition {
    let condition = Condition::Unmoved {
        claim_no: 1,
        status: RecordStatus::Sending,
        not_before: at(2_000),
    };
    let record = EmailRecord {
        status: RecordStatus::Sent,
        lease: None,
        due: None,
        ..claimed()
    };
    Transition {
        condition,
        record,
        side_effect: SideEffect::Nothing,
    }
}

async fn write(replay: &Replay) -> Result<Written, String> {
    let table = replay.table(16);
    table
        .write(&claimed(), &sent(), at(3_999))
        .await
        .map_err(|error| chain(&error))
}

#[tokio::test]
async fn a_transition_writes_only_differences() {
    let replay = Replay::new([done()]);
    assert_eq!(write(&replay).await, Ok(Written::Done));
    assert_eq!(
        replay.only().json(),
        json!({
            "TableName": "T",
            "Key": dynamodb_json(&keys::email(&record().email_key())),
            "UpdateExpression": "SET #s = :s, #ttl = :ttl REMOVE #due_pk, #due_sk, #ln, #lu",
            "ConditionExpression": "#c = :if_c AND #s = :if_s AND #n = :if_n",
            "ExpressionAttributeNames": {
                "#c": "c", "#n": "n", "#s": "s", "#ttl": "ttl", "#due_pk": "due_pk", "#due_sk": "due_sk", "#ln": "ln", "#lu": "lu",
            },
            "ExpressionAttributeValues": {
                ":if_c": {"N": "1"}, ":if_n": {"N": "2000"}, ":if_s": {"S": "sending"}, ":s": {"S": "sent"}, ":ttl": {"N": "86403"},
            },
            "ReturnValues": "NONE",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        })
    );
}

/// DynamoDB refuses an empty expression.
#[tokio::test]
async fn an_empty_transition_has_no_update() {
    let replay = Replay::new([done()]);
    let same = Transition {
        record: claimed(),
        ..sent()
    };
    assert_eq!(
        replay.table(16).write(&claimed(), &same, at(3_999)).await.unwrap(),
        Written::Done
    );
    let request = replay.only().json();
    assert_eq!(
        (request.get("UpdateExpression"), &request["ConditionExpression"]),
        (None, &json!("#c = :if_c AND #s = :if_s AND #n = :if_n"))
    );
}

#[tokio::test]
async fn a_moved_or_missing_record_is_reported() {
    let newer = EmailRecord {
        claim_no: 2,
        ..claimed()
    };
    let almost = EmailRecord {
        opened_at: Some(at(5_000)),
        ..sent().record
    };
    for stored in [newer, almost] {
        assert_eq!(
            write(&Replay::new([refused_by(&stored)])).await,
            Ok(Written::Moved(Some(Box::new(stored))))
        );
    }
    assert_eq!(
        write(&Replay::new([CannedResponse::condition_failed(None)])).await,
        Ok(Written::Moved(None))
    );
    let garbage = write(&Replay::new([refused_by_garbage()])).await;
    assert_eq!(
        garbage,
        Err("writing a transition: attribute s is malformed".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_write_is_recognised_by_its_record() {
    let replay = Replay::new([CannedResponse::Lost, refused_by(&sent().record)]);
    assert_eq!(write(&replay).await, Ok(Written::Done));
    assert_eq!(replay.sent_requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_constantly_failing_write_ends_in_time() {
    let began = tokio::time::Instant::now();
    let replay = Replay::by(|_| CannedResponse::Lost);
    assert!(write(&replay).await.unwrap_err().starts_with("writing a transition: "));
    let waited = began.elapsed();
    assert!(waited < Duration::from_secs(15), "{waited:?} would outlast a function");
}

/// Returns the transition that parks an email of a paused queue.
fn held() -> Transition {
    Transition {
        condition: Condition::UnmovedIn {
            claim_no: 0,
            status: RecordStatus::Queued,
            not_before: at(2_000),
            queue_version: 5,
        },
        record: EmailRecord {
            due: Some(domain::delivery::record::Due {
                kind: domain::delivery::record::DueKind::Held,
                at: at(2_000),
            }),
            ..record()
        },
        side_effect: SideEffect::Nothing,
    }
}

#[tokio::test]
async fn a_write_checks_its_queue_in_one_transaction() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let written = replay.table(16).write(&record(), &held(), at(3_000)).await.unwrap();
    assert_eq!(written, Written::Done);
    let sent_request = replay.only().json();
    let items = sent_request["TransactItems"].as_array().unwrap();
    let check = &items[0]["ConditionCheck"];
    assert_eq!(
        check["Key"],
        json!({"pk": {"S": "main#queues"}, "sk": {"S": "queue#default"}})
    );
    assert_eq!(check["ConditionExpression"], "#no = :no");
    assert_eq!(check["ExpressionAttributeValues"], json!({":no": {"N": "5"}}));
    let update = &items[1]["Update"];
    assert_eq!(
        update["ConditionExpression"],
        "#c = :if_c AND #s = :if_s AND #n = :if_n"
    );
    assert_eq!(
        update["ExpressionAttributeValues"][":due_pk"],
        json!({"S": "held#main#default#00"})
    );
}

#[tokio::test]
async fn a_refusal_names_the_moved_record_or_queue() {
    let (none, failed) = (json!({"Code": "None"}), json!({"Code": "ConditionalCheckFailed"}));
    let stored = |record: &EmailRecord| json!({"Code": "ConditionalCheckFailed", "Item": dynamodb_json(&item::from_record(record, 16))});
    for (reasons, expected) in [
        ([failed.clone(), none.clone()], Ok(Written::QueueMoved)),
        (
            [none.clone(), stored(&claimed())],
            Ok(Written::Moved(Some(Box::new(claimed())))),
        ),
        ([none.clone(), stored(&held().record)], Ok(Written::Done)),
        ([none.clone(), failed], Ok(Written::Moved(None))),
        ([none, json!({"Code": "ValidationError"})], Err(())),
    ] {
        let replay = Replay::new([CannedResponse::canceled(&reasons)]);
        let written = replay
            .table(16)
            .write(&record(), &held(), at(3_000))
            .await
            .map_err(|_| ());
        assert_eq!(written, expected, "{reasons:?}");
    }
}
