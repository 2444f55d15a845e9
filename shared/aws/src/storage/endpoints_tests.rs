//! The health of endpoints, against the answers of DynamoDB.

use domain::id::{EmailId, TenantId};
use domain::webhook::permits::CallPermits;
use domain::webhook::settings::WebhookId;
use serde_json::json;

use super::*;
use crate::runtime::replay::{CannedResponse, Replay};
use crate::storage::attributes::n;
use crate::storage::records::samples::at;

fn key() -> WebhookKey {
    WebhookKey {
        tenant: TenantId::main(),
        id: WebhookId::of(EmailId::from_random([2; 16])),
    }
}

fn held(nonce: u64) -> Health {
    Health {
        permits: CallPermits::default().with(1, nonce, at(0)).unwrap(),
        ..failing()
    }
}

fn failing() -> Health {
    Health {
        failures: 3,
        ..Health::default()
    }
}

#[test]
fn a_permit_is_taken_only_if_nobody_has_it() {
    let taken = change(&failing(), &held(7)).unwrap();
    assert_eq!(taken.update, "SET #l0 = :xl0, #n0 = :xn0");
    for free in ["#l0", "#n0", "#fs", "#cu", "#tr", "#su"] {
        let free = format!("attribute_not_exists({free})");
        assert!(taken.condition.contains(&free), "{}", taken.condition);
    }
    assert!(taken.condition.contains("#f = :sf"), "{}", taken.condition);
    // An expired lease is taken from its holder, and from nobody else.
    let over = change(&held(7), &held(8)).unwrap();
    assert!(over.condition.contains("#n0 = :sn0"), "{}", over.condition);
}

#[test]
fn an_unchanged_permit_is_neither_compared_nor_written() {
    let after = Health {
        failures: 4,
        slow_until: Some(at(9)),
        ..held(7)
    };
    let change = change(&held(7), &after).unwrap();
    assert_eq!(change.update, "SET #f = :xf, #su = :xsu");
    assert!(!change.condition.contains("#n0"), "{}", change.condition);
}

#[tokio::test]
async fn an_unchanged_health_costs_no_call() {
    let replay = Replay::expecting_none();
    let changed = replay.table(16).change_health(&key(), &held(7), &held(7)).await;
    assert_eq!(changed.unwrap(), HealthChange::Done);
}

#[tokio::test]
async fn a_lost_answer_is_known_by_the_permit() {
    let item = |nonce: u64| Item::from([n("f", 3), n("l0", 60_000), n("n0", nonce)]);
    for (stored, expected) in [
        (item(7), HealthChange::Done),
        (item(9), HealthChange::Moved(Box::new(held(9)))),
    ] {
        let replay = Replay::new([CannedResponse::condition_failed(Some(&stored))]);
        let changed = replay.table(16).change_health(&key(), &failing(), &held(7)).await;
        assert_eq!(changed.unwrap(), expected);
    }
}

/// A webhook that is only pulled has no item, and gets none.
#[tokio::test]
async fn a_reset_keeps_the_permits_and_makes_no_item() {
    for answer in [CannedResponse::ok(&json!({})), CannedResponse::condition_failed(None)] {
        let replay = Replay::new([answer]);
        replay.table(16).reset_health(&key()).await.unwrap();
        let request = replay.only().json();
        assert_eq!(request["UpdateExpression"], "REMOVE #f, #fs, #cu, #tr");
        assert_eq!(request["ConditionExpression"], "attribute_exists(pk)");
    }
}
