//! The permits of slow endpoints, against the answers of DynamoDB.

use serde_json::json;

use super::*;
use crate::runtime::replay::{CannedResponse, Replay};
use crate::storage::attributes::n;
use crate::storage::records::samples::at;
use crate::storage::table::Expression;

fn held(nonces: &[u64]) -> CallPermits {
    let take = |permits: CallPermits, nonce: &u64| permits.with(PLACES, *nonce, at(0)).unwrap();
    nonces.iter().fold(CallPermits::default(), take)
}

fn change(before: &CallPermits, after: &CallPermits) -> Option<Expression> {
    let mut change = Change::default();
    replace(&mut change, before, after);
    change.into_expression()
}

#[test]
fn a_permit_is_taken_only_from_a_free_place() {
    let taken = change(&CallPermits::default(), &held(&[7])).unwrap();
    assert_eq!(taken.update, "SET #l0 = :xl0, #n0 = :xn0");
    assert_eq!(
        taken.condition,
        "attribute_not_exists(#l0) AND attribute_not_exists(#n0)"
    );
    // An expired lease is taken from its holder, and from nobody else.
    let over = change(&held(&[7]), &held(&[8])).unwrap();
    assert!(over.condition.contains("#n0 = :sn0"), "{}", over.condition);
}

#[test]
fn the_permits_of_others_are_neither_compared_nor_written() {
    let both = held(&[7, 8]);
    let change = change(&both, &both.without(8)).unwrap();
    assert_eq!(change.update, "REMOVE #l1, #n1");
    assert!(!change.condition.contains("#l0"), "{}", change.condition);
}

#[tokio::test]
async fn unchanged_permits_cost_no_call() {
    let replay = Replay::expecting_none();
    let permits = held(&[7]);
    let changed = replay.table(16).change_slow_permits(&permits, &permits).await;
    assert_eq!(changed.unwrap(), PermitChange::Done);
}

#[tokio::test]
async fn all_slow_endpoints_share_one_item() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let changed = replay
        .table(16)
        .change_slow_permits(&CallPermits::default(), &held(&[7]))
        .await;
    assert_eq!(changed.unwrap(), PermitChange::Done);
    let key = replay.only().json()["Key"].clone();
    assert_eq!(key, json!({"pk": {"S": "hook:#slow"}, "sk": {"S": "permits"}}));
}

#[tokio::test]
async fn a_lost_answer_is_known_by_the_permit() {
    let item = |nonce: u64| Item::from([n("l0", 60_000), n("n0", nonce)]);
    for (stored, expected) in [
        (item(7), PermitChange::Done),
        (item(9), PermitChange::Moved(Box::new(held(&[9])))),
    ] {
        let replay = Replay::new([CannedResponse::condition_failed(Some(&stored))]);
        let changed = replay
            .table(16)
            .change_slow_permits(&CallPermits::default(), &held(&[7]))
            .await;
        assert_eq!(changed.unwrap(), expected);
    }
}
