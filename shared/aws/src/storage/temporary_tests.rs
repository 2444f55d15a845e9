use domain::ports::FailureKind;
use domain::tenant::key::Permission;
use domain::tenant::temporary::TemporaryToken;
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::runtime::telemetry::chain;
use crate::storage::records::samples::at;

const ID: &str = "01010101-0101-4101-8101-010101010101";

fn token() -> TemporaryToken {
    TemporaryToken::new([7; 32])
}

fn hash_digits() -> String {
    token().hash().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn preview() -> Preview {
    Preview {
        email: EmailKey {
            tenant: TenantId::main(),
            id: EmailId::from_random([1; 16]),
        },
        expires_at: at(61_000),
    }
}

fn key_id() -> KeyId {
    KeyId::of(EmailId::from_random([2; 16]))
}

fn code() -> ConsoleCode {
    ConsoleCode {
        tenant: TenantId::main(),
        asked_by: Actor::Deployer,
        expires_at: at(61_000),
    }
}

/// A code's item as `use_code` reads it.
fn used_code() -> Value {
    json!({
        "pk": {"S": format!("code:{}", hash_digits())}, "sk": {"S": "code"}, "tenant": {"S": "main"},
        "asked_by": {"S": "deployer"}, "expires_at": {"N": "61000"}, "ttl": {"N": "61"},
        "used_by": {"S": key_id().to_string()},
    })
}

#[tokio::test]
async fn a_preview_is_read_back_until_its_end() {
    let stored = Replay::new([CannedResponse::ok(&json!({}))]);
    stored.table(16).add_preview(token().hash(), &preview()).await.unwrap();
    let [put] = stored.requests().try_into().unwrap();
    assert_eq!(put["Item"]["pk"], json!({"S": format!("preview:{}", hash_digits())}));
    assert!(!put.to_string().contains(token().as_str()), "the table has no token");
    // The TTL has not deleted the late one.
    for (now, expected) in [(1_000, true), (60_999, true), (61_000, false), (86_400_000, false)] {
        let replay = Replay::new([CannedResponse::ok(&json!({"Item": put["Item"]}))]);
        let read = replay.table(16).preview(token().hash(), at(now)).await.unwrap();
        assert_eq!(read, expected.then(preview), "{now}");
    }
    let none = Replay::new([CannedResponse::ok(&json!({}))]);
    assert_eq!(none.table(16).preview(token().hash(), at(0)).await.unwrap(), None);
}

#[tokio::test]
async fn a_malformed_preview_is_an_error_without_values() {
    let item = json!({"tenant": {"S": "A secret"}, "email": {"S": ID}, "expires_at": {"N": "1"}, "ttl": {"N": "1"}});
    let replay = Replay::new([CannedResponse::ok(&json!({"Item": item}))]);
    let error = replay.table(16).preview(token().hash(), at(0)).await.unwrap_err();
    assert_eq!(chain(&error), "reading a preview: attribute tenant is malformed");
}

#[tokio::test]
async fn one_condition_lets_a_code_work_once() {
    let replay = Replay::new([CannedResponse::ok(&json!({"Attributes": used_code()}))]);
    let used = replay
        .table(16)
        .use_code(token().hash(), key_id(), at(5))
        .await
        .unwrap();
    assert_eq!(used, Some(code()));
    let [update] = replay.requests().try_into().unwrap();
    assert_eq!(update["Key"]["pk"], used_code()["pk"]);
    assert_eq!(
        update["ConditionExpression"],
        "expires_at > :now AND (attribute_not_exists(used_by) OR used_by = :key)"
    );
    assert_eq!(update["ExpressionAttributeValues"][":now"], json!({"N": "5"}));
    assert_eq!(update["ReturnValues"], "ALL_NEW");
}

#[tokio::test]
async fn a_wrong_used_or_late_code_is_none() {
    let replay = Replay::new([CannedResponse::condition_failed(None)]);
    let used = replay.table(16).use_code(token().hash(), key_id(), at(5)).await;
    assert_eq!(used.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_table_is_no_wrong_code() {
    let name = "ProvisionedThroughputExceededException";
    let replay = Replay::by(move |_| CannedResponse::dynamodb_error(400, name, "slow"));
    let error = replay
        .table(16)
        .use_code(token().hash(), key_id(), at(5))
        .await
        .unwrap_err();
    assert_eq!(error.kind, FailureKind::Throttled);
}

#[tokio::test]
async fn a_key_of_the_console_vanishes_after_its_expiry() {
    let key = ApiKey {
        id: key_id(),
        tenant: TenantId::main(),
        name: "Console".to_owned(),
        sha256: [7; 32],
        permission: Permission::ReadAccess,
        from_domains: Vec::new(),
        created_at: at(0),
        created_by: Actor::Deployer,
        expires_at: Some(at(43_200_000)),
        revoked: None,
        last_used_at: None,
    };
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    replay.table(16).add_console_key(&key).await.unwrap();
    let [put] = replay.requests().try_into().unwrap();
    let mut expected = dynamodb_json(&from_key(&key).unwrap());
    expected["ttl"] = json!({"N": "129600"});
    assert_eq!(put["Item"], expected);
}
