//! Groups of transitions, against DynamoDB's answers.

use domain::delivery::record::{Due, DueKind, RecordStatus};
use domain::id::EmailId;
use domain::lifecycle::{Condition, SideEffect};
use domain::ports::EmailRecords;
use serde_json::{Value, json};

use super::super::item;
use super::super::samples::{at, record};
use super::*;
use crate::runtime::replay::{CannedResponse, Replay, SentRequest, dynamodb_json};

fn nth(n: u8) -> EmailRecord {
    EmailRecord {
        id: EmailId::from_random([n; 16]),
        ..record()
    }
}

/// Returns the transition that parks the `n`th email while its queue is in this state.
pub(super) fn held(n: u8, queue_version: u64) -> RecordWrite {
    let before = nth(n);
    let due = Some(Due {
        kind: DueKind::Held,
        at: at(2_000),
    });
    let transition = Transition {
        condition: Condition::UnmovedIn {
            claim_no: 0,
            status: RecordStatus::Queued,
            not_before: at(2_000),
            queue_version,
        },
        record: EmailRecord { due, ..before.clone() },
        side_effect: SideEffect::Nothing,
    };
    RecordWrite { before, transition }
}

pub(super) fn done() -> CannedResponse {
    CannedResponse::ok(&json!({}))
}

fn none() -> Value {
    json!({"Code": "None"})
}

fn stored(record: &EmailRecord) -> Value {
    json!({"Code": "ConditionalCheckFailed", "Item": dynamodb_json(&item::from_record(record, 16))})
}

fn sizes(replay: &Replay) -> Vec<usize> {
    let size = |request: &SentRequest| request.json()["TransactItems"].as_array().unwrap().len();
    replay.sent_requests().iter().map(size).collect()
}

#[tokio::test]
async fn eleven_transactions_park_a_thousand_emails() {
    let writes = (0..1_000_u16).map(|n| {
        let mut write = held(0, 5);
        write.before.id = EmailId::from_random([n.to_be_bytes(); 8].concat().try_into().unwrap());
        write.transition.record.id = write.before.id;
        write
    });
    let writes: Vec<_> = writes.collect();
    let replay = Replay::by(|_| done());
    let written = replay.table(16).write_many(&writes, at(3_000)).await;
    assert!(written.iter().all(|written| matches!(written, Ok(Written::Done))));
    assert_eq!((written.len(), replay.sent_requests().len()), (1_000, 11));
    assert_eq!(sizes(&replay)[0], 100);
    let first = &replay.requests()[0]["TransactItems"][0];
    assert_eq!(first["ConditionCheck"]["ConditionExpression"], "#no = :no");
}

#[tokio::test]
async fn a_refused_record_leaves_its_group() {
    let moved = EmailRecord { claim_no: 9, ..nth(2) };
    let replay = Replay::new([
        CannedResponse::canceled(&[none(), none(), stored(&moved), none()]),
        done(),
    ]);
    let writes = [held(1, 5), held(2, 5), held(3, 5)];
    let written: Vec<_> = replay.table(16).write_many(&writes, at(3_000)).await;
    let written: Vec<_> = written.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        written,
        [Written::Done, Written::Moved(Some(Box::new(moved))), Written::Done]
    );
    assert_eq!(sizes(&replay), [4, 3]);
}

#[tokio::test]
async fn a_changed_queue_stops_only_its_group() {
    let refused = json!({"Code": "ConditionalCheckFailed"});
    let replay = Replay::new([CannedResponse::canceled(&[refused, none()]), done()]);
    let written = replay.table(16).write_many(&[held(1, 4), held(2, 5)], at(3_000)).await;
    let written: Vec<_> = written.into_iter().map(Result::unwrap).collect();
    assert_eq!(written, [Written::QueueMoved, Written::Done]);
}

/// The write is our own, and its answer was lost: the stored records equal the intended ones.
#[tokio::test(start_paused = true)]
async fn a_lost_group_is_recognised_by_its_records() {
    let writes = [held(1, 5), held(2, 5)];
    let ours = writes.each_ref().map(|write| stored(&write.transition.record));
    let [first, second] = ours;
    let replay = Replay::new([CannedResponse::Lost, CannedResponse::canceled(&[none(), first, second])]);
    let written = replay.table(16).write_many(&writes, at(3_000)).await;
    assert!(written.into_iter().all(|written| matches!(written, Ok(Written::Done))));
}

#[tokio::test]
async fn a_permanently_refused_record_fails_alone() {
    let bad = dynamodb_json(&keys::email(&nth(3).email_key()));
    let replay = Replay::by(move |request| {
        let items = request.json()["TransactItems"].as_array().unwrap().clone();
        let is_bad = |item: &Value| item["Update"]["Key"] == bad;
        let reasons: Vec<_> = items
            .iter()
            .map(|item| {
                if is_bad(item) {
                    json!({"Code": "ValidationError"})
                } else {
                    none()
                }
            })
            .collect();
        if items.iter().any(is_bad) {
            CannedResponse::canceled(&reasons)
        } else {
            done()
        }
    });
    let writes: Vec<_> = (0..8).map(|n| held(n, 5)).collect();
    let written = replay.table(16).write_many(&writes, at(3_000)).await;
    let failed: Vec<_> = (0..8).filter(|n| written[*n].is_err()).collect();
    assert_eq!(failed, [3]);
    assert_eq!(written[3].as_ref().unwrap_err().kind, FailureKind::Permanent);
}

#[tokio::test(start_paused = true)]
async fn a_constant_conflict_is_reported_as_such() {
    let replay = Replay::by(|_| CannedResponse::canceled(&[json!({"Code": "TransactionConflict"}), none()]));
    let written = replay.table(16).write_many(&[held(1, 5)], at(3_000)).await;
    assert_eq!(written[0].as_ref().unwrap_err().kind, FailureKind::Conflict);
}
