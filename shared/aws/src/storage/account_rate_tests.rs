//! The account rate, against DynamoDB's answers: each change agrees with `domain`.

use std::time::Duration;

use domain::delivery::cause::Cause;
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay};
use crate::storage::records::samples::at;

fn rate() -> Rate {
    Rate::from_millis(14_000).unwrap()
}

fn stored() -> Value {
    json!({
        "rate": {"N": "14000"}, "free_at": {"N": "5000123"},
        "open_until": {"N": "7000"}, "open_cause": {"S": "quota_exceeded"}, "open_times": {"N": "2"},
        "settings_no": {"N": "9"}, "full_lanes": {"S": "normal low"},
    })
}

fn account_rate() -> AccountRate {
    AccountRate {
        rate: Some(rate()),
        free_at: Some(Micros(5_000_123)),
        open: Some(OpenBreaker {
            cause: Cause::QuotaExceeded,
            until: at(7_000),
            times: 2,
        }),
        settings_version: 9,
        full: full_normal_and_low(),
    }
}

fn full_normal_and_low() -> FullPriorityQueues {
    FullPriorityQueues::of(|priority| priority != Priority::High)
}

/// Returns the request for a change: update, condition and values.
async fn request_of(change: AccountRateChange) -> (Value, Value, Value) {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    replay.table(16).change_account_rate(&change).await.unwrap();
    let request = replay.only().json();
    assert_eq!(
        request["Key"],
        json!({"pk": {"S": "account#pace"}, "sk": {"S": "account#pace"}})
    );
    let of = |name: &str| request[name].clone();
    (
        of("UpdateExpression"),
        of("ConditionExpression"),
        of("ExpressionAttributeValues"),
    )
}

#[tokio::test]
async fn each_change_is_one_conditional_write() {
    let span = Duration::from_millis(500);
    let reserve = |begin| AccountRateChange::Reserve {
        rate: rate(),
        span,
        begin,
    };
    let (update, condition, values) = request_of(reserve(Begin::Here(Micros(1_000_000)))).await;
    assert_eq!(update, "SET #free = :end");
    assert_eq!(
        condition,
        "#rate = :rate AND attribute_not_exists(#until) AND (attribute_not_exists(#free) OR #free < :here)"
    );
    assert_eq!(
        values,
        json!({":rate": {"N": "14000"}, ":here": {"N": "1000000"}, ":end": {"N": "1500000"}})
    );

    let (earliest, latest) = (Micros(1_000_000), Micros(9_000_000));
    let (update, condition, values) = request_of(reserve(Begin::AfterReserved { earliest, latest })).await;
    assert_eq!(update, "SET #free = #free + :span");
    assert_eq!(
        condition,
        "#rate = :rate AND attribute_not_exists(#until) AND #free BETWEEN :earliest AND :latest"
    );
    assert_eq!(
        values,
        json!({":rate": {"N": "14000"}, ":earliest": {"N": "1000000"}, ":latest": {"N": "9000000"}, ":span": {"N": "500000"}})
    );

    let breaker = |seen, becomes| AccountRateChange::Breaker { seen, becomes };
    let (update, condition, values) = request_of(breaker(None, account_rate().open)).await;
    assert_eq!(update, "SET #until = :until, #cause = :cause, #times = :times");
    assert_eq!(condition, "attribute_not_exists(#until)");
    assert_eq!(
        values,
        json!({":until": {"N": "7000"}, ":cause": {"S": "quota_exceeded"}, ":times": {"N": "2"}})
    );
    let (update, condition, values) = request_of(breaker(Some(at(7_000)), None)).await;
    assert_eq!(
        (update, condition),
        (json!("REMOVE #until, #cause, #times"), json!("#until = :seen"))
    );
    assert_eq!(values, json!({":seen": {"N": "7000"}}));

    let (update, condition, _) = request_of(AccountRateChange::Rate { rate: Some(rate()) }).await;
    assert_eq!((update, condition), (json!("SET #rate = :rate"), Value::Null));
    let (update, condition, _) = request_of(AccountRateChange::Settings).await;
    assert_eq!((update, condition), (json!("ADD #settings_no :one"), Value::Null));
    let (update, _, _) = request_of(AccountRateChange::Rate { rate: None }).await;
    assert_eq!(update, "REMOVE #rate");
    let (update, condition, values) = request_of(AccountRateChange::Full(full_normal_and_low())).await;
    assert_eq!((update, condition), (json!("SET #full = :full"), Value::Null));
    assert_eq!(values, json!({":full": {"S": "normal low"}}));
    let (update, condition, _) = request_of(AccountRateChange::Full(FullPriorityQueues::default())).await;
    assert_eq!((update, condition), (json!("REMOVE #full"), Value::Null));
}

#[tokio::test]
async fn every_answer_brings_the_current_rate() {
    let change = AccountRateChange::Rate { rate: None };
    let done = Replay::new([CannedResponse::ok(&json!({"Attributes": stored()}))]);
    assert_eq!(
        done.table(16).change_account_rate(&change).await.unwrap(),
        AccountRateOutcome::Done(account_rate())
    );

    let mut refused = json!({"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "The conditional request failed"});
    refused["Item"] = stored();
    let other = Replay::new([CannedResponse::says(400, &refused)]);
    assert_eq!(
        other.table(16).change_account_rate(&change).await.unwrap(),
        AccountRateOutcome::Refused(account_rate())
    );
    let none = Replay::new([CannedResponse::condition_failed(None)]);
    assert_eq!(
        none.table(16).change_account_rate(&change).await.unwrap(),
        AccountRateOutcome::Refused(AccountRate::default())
    );
}

#[tokio::test]
async fn a_missing_or_unreadable_rate_limits_nothing() {
    let nothing = Replay::new([CannedResponse::ok(&json!({}))]);
    assert_eq!(nothing.table(16).account_rate().await.unwrap(), AccountRate::default());
    let all = Replay::new([CannedResponse::ok(&json!({"Item": stored()}))]);
    assert_eq!(all.table(16).account_rate().await.unwrap(), account_rate());
    let mut bad = stored();
    bad["open_cause"] = json!({"S": "bad_weather"});
    let bad = Replay::new([CannedResponse::ok(&json!({"Item": bad}))]);
    assert_eq!(bad.table(16).account_rate().await.unwrap(), AccountRate::default());
}

/// A repeated call must not let any email go faster.
#[tokio::test(start_paused = true)]
async fn a_lost_reservation_is_refused_or_made_again() {
    let begin = Begin::Here(Micros(1_000_000));
    let change = AccountRateChange::Reserve {
        rate: rate(),
        span: Duration::from_secs(1),
        begin,
    };
    let replay = Replay::new([CannedResponse::Lost, CannedResponse::condition_failed(None)]);
    let paced = replay.table(16).change_account_rate(&change).await.unwrap();
    assert_eq!(paced, AccountRateOutcome::Refused(AccountRate::default()));
}
