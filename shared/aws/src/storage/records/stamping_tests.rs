//! The addition of a hook, against the answers of DynamoDB.

use serde_json::json;

use super::super::item;
use super::super::samples::{at, record};
use super::*;
use crate::runtime::replay::{CannedResponse, Replay};

fn hook() -> Hook {
    Hook::new(["a@x.example"], Some("key".to_owned()))
}

async fn stamp(answer: CannedResponse) -> (bool, serde_json::Value) {
    let replay = Replay::new([answer]);
    let stamped = replay.table(16).stamp_hook(&record(), &hook()).await.unwrap();
    (stamped, replay.requests().remove(0))
}

#[tokio::test]
async fn a_hook_is_added_only_to_the_record_that_was_read() {
    let (stamped, request) = stamp(CannedResponse::ok(&json!({}))).await;
    assert!(stamped);
    assert_eq!(
        request["ConditionExpression"],
        "#born = :born AND #version = :seen AND attribute_not_exists(#keys)"
    );
    let values = &request["ExpressionAttributeValues"];
    assert_eq!(
        (&values[":seen"], &values[":next"]),
        (&json!({"N": "0"}), &json!({"N": "1"})),
        "a writer of the record without a hook is refused"
    );
    let names = request["ExpressionAttributeNames"].as_object().unwrap();
    assert_eq!((&names["#born"], &names["#keys"]), (&json!("b"), &json!("hk")));
    assert_eq!(names["#version"], "fn");
    for name in ["hk", "hi"] {
        assert!(names.values().filter(|value| **value == name).count() > 0, "{name}");
    }
}

#[tokio::test]
async fn only_the_own_hook_counts_as_added() {
    let hooked = |hook: Hook, born| EmailRecord {
        hook: Some(hook),
        born,
        ..record()
    };
    let own = hooked(hook(), record().born);
    let other = hooked(Hook::new(["b@x.example"], None), record().born);
    let reused = hooked(hook(), at(999_999));
    for (stored, expected) in [
        (Some(own), true),
        (Some(other), false),
        (Some(reused), false),
        (None, false),
    ] {
        let stored = stored.map(|record| item::from_record(&record, 16));
        let (stamped, _) = stamp(CannedResponse::condition_failed(stored.as_ref())).await;
        assert_eq!(stamped, expected);
    }
}
