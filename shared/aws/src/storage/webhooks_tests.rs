//! Webhooks, against the answers of DynamoDB.

use domain::id::EmailId;
use domain::webhook::settings::Target;
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::storage::records::samples::at;

fn webhook(id: u8) -> Webhook {
    let endpoint = "https://example.com/hook".to_owned();
    let born = at(i64::from(id));
    let id = WebhookId::of(EmailId::from_random([id; 16]));
    Webhook::new(id, TenantId::main(), Target::Push { endpoint }, Vec::new(), born)
}

fn job() -> RecoverJob {
    RecoverJob::of_creation(EmailId::from_random([9; 16]), &webhook(1))
}

fn list(version: u64, webhooks: &[Webhook]) -> WebhookList {
    let stored = |webhook: &Webhook| StoredWebhook {
        webhook: webhook.clone(),
        version: 1,
    };
    WebhookList {
        webhooks: webhooks.iter().map(stored).collect(),
        unreadable: 0,
        version,
    }
}

fn failed(item: Option<&Item>) -> Value {
    let mut reason = json!({"Code": "ConditionalCheckFailed"});
    if let Some(item) = item {
        reason["Item"] = dynamodb_json(item);
    }
    reason
}

#[tokio::test]
async fn a_webhook_and_the_flag_are_one_transaction() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let list = list(4, &[webhook(2)]);
    let added = replay.table(16).add_webhook(&list, &webhook(1), &job(), at(1)).await;
    assert!(added.unwrap());
    let request = replay.only().json();
    let flag = &request["TransactItems"][0]["Put"];
    assert_eq!(flag["Item"]["n"], json!({"N": "2"}));
    assert_eq!(flag["Item"]["v"], json!({"N": "5"}));
    assert_eq!(flag["ConditionExpression"], "#v = :seen");
    assert_eq!(request["TransactItems"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_changed_list_refuses_a_webhook_but_not_its_own_write() {
    let none = json!({"Code": "None"});
    let own = from_webhook(&webhook(1), "testing").unwrap();
    let other = from_webhook(&webhook(2), "testing").unwrap();
    for (reasons, expected) in [
        ([failed(None), none.clone(), none.clone()], false),
        ([failed(None), failed(Some(&own)), none.clone()], true),
        ([failed(None), failed(Some(&other)), none], false),
    ] {
        let replay = Replay::new([CannedResponse::canceled(&reasons)]);
        let added = replay
            .table(16)
            .add_webhook(&list(0, &[]), &webhook(1), &job(), at(1))
            .await;
        assert_eq!(added.unwrap(), expected);
    }
}

#[tokio::test]
async fn the_last_removal_lowers_the_flag() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let list = list(4, &[webhook(1)]);
    let removed = replay
        .table(16)
        .remove_webhook(&list, webhook(1).id, &TenantId::main())
        .await;
    assert!(removed.unwrap());
    let writes = replay.only().json()["TransactItems"].clone();
    assert_eq!(writes[0]["Put"]["Item"]["n"], json!({"N": "0"}));
    let deleted: Vec<_> = (1..3).map(|n| writes[n]["Delete"]["Key"]["sk"]["S"].clone()).collect();
    let settings = format!("hook#{}", webhook(1).id);
    assert_eq!(deleted, [json!(settings), json!("state")]);
}

/// A webhook that is only pulled ends without a write, so the flag knows its end.
#[tokio::test]
async fn the_flag_knows_the_end_of_pulled_webhooks() {
    let pulled = |id: u8, end: i64| Webhook {
        target: Target::Pull { until: at(end) },
        ..webhook(id)
    };
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let list = list(4, &[webhook(2), pulled(3, 9_000)]);
    let added = replay
        .table(16)
        .add_webhook(&list, &pulled(1, 7_000), &job(), at(1))
        .await;
    assert!(added.unwrap());
    let flag = replay.only().json()["TransactItems"][0]["Put"]["Item"].clone();
    assert_eq!((&flag["n"], &flag["pu"]), (&json!({"N": "1"}), &json!({"N": "9000"})));
    for (item, now, expected) in [
        (json!({"n": {"N": "1"}, "v": {"N": "1"}}), 9_000, true),
        (
            json!({"n": {"N": "0"}, "v": {"N": "1"}, "pu": {"N": "9000"}}),
            8_999,
            true,
        ),
        (
            json!({"n": {"N": "0"}, "v": {"N": "1"}, "pu": {"N": "9000"}}),
            9_000,
            false,
        ),
        (json!({"n": {"N": "0"}, "v": {"N": "1"}}), 1, false),
    ] {
        let replay = Replay::new([CannedResponse::ok(&json!({"Item": item}))]);
        let has = replay.table(16).has_webhooks(&TenantId::main(), at(now)).await;
        assert_eq!(has.unwrap(), expected, "{item}");
    }
}

#[tokio::test]
async fn a_list_needs_no_query_before_its_first_webhook() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let found = replay.table(16).webhooks_of(&TenantId::main(), at(1)).await;
    assert_eq!(found.unwrap(), WebhookList::default());
    assert_eq!(replay.only().operation(), "GetItem");
}

/// It counts, so that the flag stays raised, and it does not stop the others.
#[tokio::test]
async fn an_unreadable_webhook_does_not_look_missing() {
    let flag = json!({"Item": {"n": {"N": "2"}, "v": {"N": "4"}}});
    let good = dynamodb_json(&from_webhook(&webhook(1), "testing").unwrap());
    let bad = json!({"j": {"S": "{}"}, "no": {"N": "1"}});
    let items = json!({"Items": [bad, good], "Count": 2});
    let replay = Replay::new([CannedResponse::ok(&flag), CannedResponse::ok(&items)]);
    let found = replay.table(16).webhooks_of(&TenantId::main(), at(1)).await.unwrap();
    let expected = WebhookList {
        unreadable: 1,
        ..list(4, &[webhook(1)])
    };
    assert_eq!((found.count(), &found), (2, &expected));
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let removed = replay
        .table(16)
        .remove_webhook(&found, webhook(1).id, &TenantId::main())
        .await;
    assert!(removed.unwrap());
    let writes = replay.only().json()["TransactItems"].clone();
    assert_eq!(writes[0]["Put"]["Item"]["n"], json!({"N": "1"}));
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let added = replay.table(16).add_webhook(&found, &webhook(2), &job(), at(1)).await;
    assert!(added.unwrap());
    assert_eq!(
        replay.only().json()["TransactItems"][0]["Put"]["Item"]["n"],
        json!({"N": "3"})
    );
}

#[tokio::test]
async fn settings_change_only_at_the_version_that_was_read() {
    let before = StoredWebhook {
        webhook: webhook(1),
        version: 3,
    };
    let next = Webhook {
        events: vec!["email.sent".to_owned()],
        ..webhook(1)
    };
    let mut own = from_webhook(&next, "testing").unwrap();
    own.insert("no".to_owned(), AttributeValue::N("4".to_owned()));
    let other = from_webhook(&webhook(1), "testing").unwrap();
    for (answer, expected) in [
        (CannedResponse::ok(&json!({})), true),
        (CannedResponse::condition_failed(Some(&own)), true),
        (CannedResponse::condition_failed(Some(&other)), false),
        (CannedResponse::condition_failed(None), false),
    ] {
        let replay = Replay::new([answer]);
        assert_eq!(replay.table(16).save_webhook(&before, &next).await.unwrap(), expected);
        assert_eq!(
            replay.only().json()["ExpressionAttributeValues"][":seen"],
            json!({"N": "3"})
        );
    }
}
