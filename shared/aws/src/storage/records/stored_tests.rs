//! Items and requests of an older deployment keep their meaning.

use std::collections::BTreeMap;

use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::parse_email;
use domain::delivery::dead_letter_message::DeadLetterMessage;
use domain::delivery::record::Priority;
use domain::delivery::send_task::SendTask;
use domain::id::{EmailId, TenantId};
use domain::message::email::EmailContent;
use domain::ports::DueIndex;
use serde_json::{Value, json};

use super::samples::{at, full, record};
use super::*;
use crate::runtime::replay::{CannedResponse, Replay};

fn stored() -> Value {
    serde_json::from_str(include_str!("stored_v1.json")).unwrap()
}

fn text(name: &str) -> String {
    stored()[name].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn items_of_the_first_version_are_read() {
    let load = async |name: &str| {
        let replay = Replay::new([CannedResponse::ok(&json!({"Item": stored()[name]}))]);
        replay.table(16).load(&record().email_key(), at(0)).await.unwrap()
    };
    assert_eq!(load("accepted").await, Some(record()));
    let everything = EmailRecord {
        // Unknown to that version.
        scheduled_at: None,
        attachment_bytes: 0,
        expires_given: false,
        retried_at: None,
        batch: None,
        generation: None,
        key: None,
        from_domain: None,
        dropped_headers: Vec::new(),
        outcomes: Vec::new(),
        diagnostics: BTreeMap::new(),
        facts: BTreeMap::new(),
        hook: None,
        ..full()
    };
    assert_eq!(load("everything").await, Some(everything));

    let replay = Replay::new([CannedResponse::ok(&json!({"Items": [stored()["waiting"]], "Count": 1}))]);
    let page = replay.table(16).due_emails(0, at(8_000_000), None).await.unwrap();
    let [due_email] = page.items.as_slice() else {
        panic!("one entry: {page:?}");
    };
    assert_eq!(
        (due_email.not_before, due_email.priority),
        (at(7_000_000), Priority::Normal)
    );
    assert_eq!(due_email.send_task, SendTask::of(&record()));

    assert_eq!(SendTask::parse(&text("wake_up")).unwrap(), SendTask::of(&record()));
    assert_eq!(
        DeadLetterMessage::parse(&text("hand_over")),
        Some(DeadLetterMessage::of(&full()))
    );
}

/// Otherwise a request that a client repeats after a deployment would create another email.
#[test]
fn the_hash_of_a_request_never_changes() {
    let request = parse_email(text("request").as_bytes()).unwrap();
    assert_eq!(
        EmailContent::from_body(text("content").as_bytes()).unwrap(),
        request.email
    );
    assert_eq!(String::from_utf8(request.email.to_body()).unwrap(), text("content"));
    assert_eq!(request.hash(), text("content_name"));
    let key = IdempotencyKey::parse("order-1042").unwrap();
    let (single, item) = (
        EmailId::from_key(&TenantId::main(), key.as_str()),
        EmailId::from_batch_key(&TenantId::main(), key.as_str(), 3),
    );
    assert_eq!(single.to_string(), text("id_of_key_order-1042"));
    assert_eq!(item.to_string(), text("id_of_item_3_of_batch_key_order-1042"));
    let begun = EmailId::from_begun_batch(&TenantId::main(), key.as_str(), at(1_999), 3);
    assert_eq!(begun.to_string(), "8d4adb81-26d9-8d65-8c4e-e00c1484d165");
}
