//! Rate limits, against DynamoDB's answers: each change agrees with `domain`.

use std::time::Duration;

use domain::id::{QueueName, TenantId};
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay};

fn secs(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

fn news() -> QueueKey {
    QueueKey {
        tenant: TenantId::main(),
        name: QueueName::parse("news").unwrap(),
    }
}

fn stored() -> Value {
    json!({
        "pk": {"S": "main#queues"}, "sk": {"S": "pace#news"},
        "rate": {"N": "2000"}, "free_at": {"N": "5000123"}, "no": {"N": "9"},
        "due_pk": {"S": "limited"}, "due_sk": {"S": "000000000007000#main#news"}, "quiet_since": {"N": "6000"},
        "released_until": {"S": "b"}, "released_at": {"N": "4000"},
    })
}

fn limit() -> RateLimit {
    RateLimit {
        rate: Rate::from_millis(2_000),
        free_at: Some(Micros(5_000_123)),
        check_at: Some(secs(7)),
        quiet_since: Some(secs(6)),
        released: Some(Release {
            after: String::new(),
            until: "b".to_owned(),
            at: secs(4),
        }),
        version: 9,
    }
}

/// Returns the request for a change, without the parts that all changes share.
async fn request_of(change: &RateLimitChange) -> (String, String, Value) {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    replay.table(16).change_rate_limit(&news(), change).await.unwrap();
    let request = replay.only().json();
    assert_eq!(
        request["Key"],
        json!({"pk": {"S": "main#queues"}, "sk": {"S": "pace#news"}})
    );
    let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
    let (update, condition) = (text("UpdateExpression"), text("ConditionExpression"));
    let used = |placeholder: &String| update.contains(placeholder.as_str()) || condition.contains(placeholder.as_str());
    for placeholders in ["ExpressionAttributeNames", "ExpressionAttributeValues"] {
        let unused = request[placeholders]
            .as_object()
            .unwrap()
            .keys()
            .find(|name| !used(name));
        assert_eq!(unused, None, "DynamoDB refuses unused placeholders");
    }
    (update, condition, request["ExpressionAttributeValues"].clone())
}

#[tokio::test]
async fn slots_are_reserved_with_one_conditional_write() {
    let reserve = |begin, rest_waits| RateLimitChange::Reserve {
        rate: Rate::from_millis(2_000).unwrap(),
        span: Duration::from_millis(500),
        begin,
        rest_waits,
    };
    let (update, condition, values) = request_of(&reserve(Begin::Here(Micros(1_000_000)), None)).await;
    assert_eq!(update, "SET #free_at = :free_at");
    assert_eq!(
        condition,
        "#rate = :seen_rate AND (attribute_not_exists(#due_pk) OR attribute_exists(#quiet_since)) \
         AND (attribute_not_exists(#free_at) OR #free_at < :here)"
    );
    assert_eq!(values[":free_at"], json!({"N": "1500000"}));
    let behind = Begin::AfterReserved {
        earliest: Micros(1_000_000),
        latest: Micros(9_000_000),
    };
    let (update, condition, values) = request_of(&reserve(behind, Some(secs(8)))).await;
    assert_eq!(
        update,
        "SET #free_at = #free_at + :span, #due_pk = :due_pk, #due_sk = :due_sk, \
         #no = if_not_exists(#no, :zero) + :one REMOVE #quiet_since"
    );
    assert!(
        condition.ends_with("AND #free_at BETWEEN :earliest AND :latest"),
        "{condition}"
    );
    assert_eq!(values[":due_sk"], json!({"S": "000000000008000#main#news"}));
}

#[tokio::test]
async fn a_late_mark_or_check_is_refused() {
    let mark = |seen| RateLimitChange::Mark {
        seen,
        check_at: secs(8),
        quiet_since: None,
    };
    let (update, condition, values) = request_of(&mark(3)).await;
    assert_eq!(
        update,
        "SET #no = :no, #due_pk = :due_pk, #due_sk = :due_sk REMOVE #quiet_since"
    );
    assert_eq!(
        (condition.as_str(), &values[":no"]),
        ("#no = :seen_no", &json!({"N": "4"}))
    );
    let (_, condition, _) = request_of(&mark(0)).await;
    assert_eq!(condition, "attribute_not_exists(#no)");

    let becomes = RateLimit {
        check_at: None,
        quiet_since: None,
        released: None,
        version: 10,
        ..limit()
    };
    let (seen, becomes) = (Box::new(limit()), Box::new(becomes));
    let (update, condition, _) = request_of(&RateLimitChange::Check { seen, becomes }).await;
    assert_eq!(
        update,
        "SET #no = :no, #free_at = :free_at \
         REMOVE #due_pk, #due_sk, #quiet_since, #released_after, #released_until, #released_at"
    );
    assert_eq!(
        condition,
        "#no = :seen_no AND #rate = :seen_rate AND #free_at = :seen_free_at"
    );
}

#[tokio::test]
async fn every_answer_brings_the_rate_limit() {
    let change = RateLimitChange::Rate { rate: None };
    let done = Replay::new([CannedResponse::ok(&json!({"Attributes": stored()}))]);
    let changed = done.table(16).change_rate_limit(&news(), &change).await.unwrap();
    assert_eq!(changed, RateLimitOutcome::Done(limit()));
    let mut refused = json!({"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "The conditional request failed"});
    refused["Item"] = stored();
    let other = Replay::new([CannedResponse::says(400, &refused)]);
    let unchanged = other.table(16).change_rate_limit(&news(), &change).await.unwrap();
    assert_eq!(unchanged, RateLimitOutcome::Refused(limit()));
}

/// An item written by b1156e8, when rate limits were stored like the account rate.
#[tokio::test]
async fn an_older_item_is_an_idle_rate_limit() {
    let older = json!({
        "pk": {"S": "main#queues"}, "sk": {"S": "pace#news"}, "rate": {"N": "2000"}, "free_at": {"N": "5000123"},
    });
    let replay = Replay::new([CannedResponse::ok(&json!({"Item": older}))]);
    let idle = RateLimit {
        rate: Rate::from_millis(2_000),
        free_at: Some(Micros(5_000_123)),
        ..RateLimit::default()
    };
    assert_eq!(replay.table(16).rate_limit(&news()).await.unwrap(), idle);
    let bad = json!({"Item": {"rate": {"S": "fast"}}});
    let replay = Replay::new([CannedResponse::ok(&bad)]);
    assert_eq!(
        replay.table(16).rate_limit(&news()).await.unwrap(),
        RateLimit::default()
    );
}

#[tokio::test]
async fn only_due_queues_are_read() {
    let keys = |name: &str| json!({"pk": {"S": "main#queues"}, "sk": {"S": name}, "due_pk": {"S": "limited"}, "due_sk": {"S": "000000000007000#x"}});
    let replay = Replay::new([
        CannedResponse::ok(
            &json!({"Items": [keys("pace#news"), keys("garbage")], "LastEvaluatedKey": keys("pace#news")}),
        ),
        CannedResponse::ok(&json!({"Items": []})),
    ]);
    assert_eq!(replay.table(16).queues_to_check(secs(8)).await.unwrap(), [news()]);
    let requests = replay.requests();
    let values = |index: usize| requests[index]["ExpressionAttributeValues"].clone();
    assert_eq!(
        values(0),
        json!({":pk": {"S": "limited"}, ":from": {"S": "0"}, ":until": {"S": "000000000008000~"}})
    );
    assert_eq!(values(1)[":from"], json!({"S": "000000000007000#x\u{1}"}));
}

#[tokio::test]
async fn waiting_emails_are_read_up_to_a_count() {
    let replay = Replay::new([CannedResponse::ok(&json!({"Items": []}))]);
    let range = IndexRange {
        after: Some(DueCursor("a".to_owned())),
        until: None,
    };
    let page = replay.table(16).waiting_emails(&news(), 2, &range, 17).await.unwrap();
    assert_eq!((page.items.len(), page.next), (0, None));
    let query = replay.only().json();
    assert_eq!((&query["Limit"], &query["IndexName"]), (&json!(17), &json!("due")));
    assert_eq!(
        query["ExpressionAttributeValues"],
        json!({":pk": {"S": "paced#main#news#02"}, ":from": {"S": "a\u{1}"}, ":until": {"S": "~"}})
    );
}
