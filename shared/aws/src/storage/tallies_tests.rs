use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::delivery::cause::Cause;
use domain::reporting::tally::change_id::Sequence;
use domain::reporting::tally::counter::Delta;
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::runtime::telemetry::chain;

/// Half past nine, plus seconds.
fn at(secs: i64) -> Timestamp {
    let begin = Timestamp::parse_rfc3339("2026-11-24T09:30:00Z").unwrap();
    Timestamp::from_millis(begin.as_millis() + secs * 1000)
}

const HOUR: &str = "001795510800000";

fn hour() -> Timestamp {
    domain::reporting::tally::counter::hour_of(at(0))
}

fn flow() -> Counter {
    Counter::Flow {
        tenant: TenantId::main(),
        queue: None,
        hour: hour(),
    }
}

fn failures() -> Counter {
    Counter::Failures {
        tenant: TenantId::main(),
        hour: hour(),
        queue: "news".to_owned(),
        cause: Cause::Rejected,
    }
}

fn tally() -> Tally {
    let update = |counter, seen, figures: &[(Figure, i64)], latest| CounterUpdate {
        counter,
        seen,
        delta: Delta {
            figures: figures.iter().copied().collect(),
            latest,
        },
    };
    let id = EmailId::from_random([7; 16]);
    Tally {
        updates: vec![
            update(flow(), 0, &[(Figure::Sent, 2), (Figure::Failed, 0)], None),
            update(failures(), 4, &[(Figure::Count, 1)], Some((at(1), id))),
        ],
        markers: vec![Marker {
            minute: at(0),
            last: Sequence::parse("12").unwrap(),
            fingerprints: vec![Fingerprint(0x0102_0304_0506_0708), Fingerprint(9)],
        }],
    }
}

async fn count(answer: impl Into<CannedResponse>) -> (Result<Counted, String>, Replay) {
    let replay = Replay::new([answer.into()]);
    let counted = replay.table(16).count(&tally()).await;
    (counted.map_err(|error| chain(&error)), replay)
}

#[tokio::test]
async fn counters_and_markers_are_one_transaction() {
    let (counted, replay) = count(CannedResponse::ok(&json!({}))).await;
    assert_eq!(counted, Ok(Counted::Done));
    let sent_request = replay.only();
    assert_eq!(sent_request.operation(), "TransactWriteItems");
    let mut request = sent_request.json();
    assert!(
        request["ClientRequestToken"].is_string(),
        "DynamoDB knows a repetition by it"
    );
    request.as_object_mut().unwrap().remove("ClientRequestToken");
    let bytes = BASE64_STANDARD.encode([1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 9]);
    let hour_ttl = (hour().as_secs() + 400 * 86_400).to_string();
    assert_eq!(
        request,
        json!({"TransactItems": [
            {"Update": {
                "TableName": "T",
                "Key": {"pk": {"S": "tally:flow#main#*"}, "sk": {"S": HOUR}},
                "UpdateExpression": "ADD #v :one, #se :se SET #ttl = :ttl",
                "ConditionExpression": "attribute_not_exists(#v)",
                "ExpressionAttributeNames": {"#v": "v", "#se": "se", "#ttl": "ttl"},
                "ExpressionAttributeValues": {":one": {"N": "1"}, ":se": {"N": "2"}, ":ttl": {"N": hour_ttl}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }},
            {"Update": {
                "TableName": "T",
                "Key": {"pk": {"S": "tally:failures#main"}, "sk": {"S": format!("{HOUR}#news#rejected")}},
                "UpdateExpression": "ADD #v :one, #n :n SET #ttl = :ttl, #x = :x, #xt = :xt",
                "ConditionExpression": "#v = :seen",
                "ExpressionAttributeNames": {"#v": "v", "#n": "n", "#ttl": "ttl", "#x": "x", "#xt": "xt"},
                "ExpressionAttributeValues": {
                    ":one": {"N": "1"}, ":seen": {"N": "4"}, ":n": {"N": "1"}, ":ttl": {"N": hour_ttl},
                    ":x": {"S": EmailId::from_random([7; 16]).to_string()},
                    ":xt": {"N": at(1).as_millis().to_string()},
                },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }},
            {"Put": {
                "TableName": "T",
                "Item": {
                    "pk": {"S": format!("tally:counted#{}", digits(at(0)))},
                    "sk": {"S": format!("{:0>40}#0102030405060708", 12)},
                    "f": {"B": bytes},
                    "ttl": {"N": (at(0).as_secs() + 2 * 86_400).to_string()},
                },
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }},
        ]})
    );
}

fn canceled(codes: &[&str]) -> CannedResponse {
    let reasons: Vec<Value> = codes.iter().map(|code| json!({"Code": code})).collect();
    CannedResponse::canceled(&reasons)
}

#[tokio::test]
async fn only_a_conflict_is_decided_again() {
    for codes in [
        &["ConditionalCheckFailed", "None", "None"][..],
        &["ConditionalCheckFailed", "TransactionConflict"],
    ] {
        assert_eq!(count(canceled(codes)).await.0, Ok(Counted::Moved), "{codes:?}");
    }
    for codes in [
        &["ConditionalCheckFailed", "ValidationError"][..],
        &["ItemCollectionSizeLimitExceeded"],
        &[],
    ] {
        let (counted, _) = count(canceled(codes)).await;
        assert!(counted.unwrap_err().starts_with("writing counters: "), "{codes:?}");
    }
    let (counted, _) = count(CannedResponse::dynamodb_error(400, "ValidationException", "no")).await;
    assert!(counted.is_err());
}

#[tokio::test]
async fn versions_are_read_consistently() {
    let stored =
        |sk: &str, v: u32| json!({"pk": {"S": "tally:flow#main#*"}, "sk": {"S": sk}, "v": {"N": v.to_string()}});
    let replay = Replay::new([CannedResponse::ok(
        &json!({"Responses": {"T": [stored(HOUR, 3)]}, "UnprocessedKeys": {}}),
    )]);
    let versions = replay.table(16).versions(&BTreeSet::from([flow(), failures()])).await;
    assert_eq!(versions.unwrap(), Versions::from([(flow(), 3)]));
    let request = replay.only().json();
    assert_eq!(request["RequestItems"]["T"]["ConsistentRead"], true);
    assert_eq!(request["RequestItems"]["T"]["Keys"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn unprocessed_keys_are_read_again() {
    let key = |counter: &Counter| {
        let (key, _) = address(counter);
        dynamodb_json(&key)
    };
    let item = |counter: &Counter| {
        let mut item = key(counter);
        item["v"] = json!({"N": "1"});
        item
    };
    let left = json!({"T": {"Keys": [key(&failures())], "ConsistentRead": true}});
    let replay = Replay::new([
        CannedResponse::ok(&json!({"Responses": {"T": [item(&flow())]}, "UnprocessedKeys": left})),
        CannedResponse::ok(&json!({"Responses": {"T": [item(&failures())]}, "UnprocessedKeys": {}})),
    ]);
    let versions = replay.table(16).versions(&BTreeSet::from([flow(), failures()])).await;
    assert_eq!(versions.unwrap().len(), 2);
}

#[tokio::test]
async fn markers_are_read_from_the_first_number_on() {
    let marker = |bytes: &[u8]| json!({"f": {"B": BASE64_STANDARD.encode(bytes)}});
    let more = json!({"pk": {"S": "p"}, "sk": {"S": "s"}});
    let replay = Replay::new([
        CannedResponse::ok(&json!({"Items": [marker(&[0, 0, 0, 0, 0, 0, 0, 5])], "LastEvaluatedKey": more})),
        CannedResponse::ok(&json!({"Items": [marker(&[0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6])]})),
    ]);
    let span = Span {
        minute: at(0),
        first: Sequence::parse("77").unwrap(),
    };
    let marked = replay.table(16).counted_fingerprints(&span).await.unwrap();
    assert_eq!(marked, [5, 256, 6].map(Fingerprint));
    let requests = replay.requests();
    assert_eq!(requests[0]["ConsistentRead"], true);
    assert_eq!(
        requests[0]["ExpressionAttributeValues"][":from"]["S"],
        format!("{:0>40}", 77)
    );
    assert_eq!(requests[1]["ExclusiveStartKey"], more);
    let broken = Replay::new([CannedResponse::ok(&json!({"Items": [{"pk": {"S": "p"}}]}))]);
    assert!(
        broken.table(16).counted_fingerprints(&span).await.is_err(),
        "an unread marker is not a missing one"
    );
}

#[tokio::test]
async fn the_counts_of_a_queue_are_three_items_and_days() {
    let slot = |level: Level, secs: i64| {
        let (begin, slot) = level.slot(at(secs));
        (keys::stretch_sk(level, begin), Figure::ScheduledIn(slot).name())
    };
    let item = |(sk, name): (String, String), number: u32| json!({"sk": {"S": sk}, name: {"N": number.to_string()}, "v": {"N": "9"}});
    let queue_counts =
        json!({"sk": {"S": "now"}, "qu": {"N": "2"}, "sc": {"N": "9"}, "sg": {"N": "1"}, "he": {"N": "4"}});
    let near = [
        queue_counts,
        item(slot(Level::Minute, 600), 3),
        item(slot(Level::Hour, 7200), 4),
    ];
    let replay = Replay::by(move |sent_request| match sent_request.operation() {
        "BatchGetItem" => CannedResponse::ok(&json!({"Responses": {"T": near}, "UnprocessedKeys": {}})),
        _ => CannedResponse::ok(&json!({"Items": [item(slot(Level::Day, 86_400), 1)]})),
    });
    let counts = replay
        .table(16)
        .queue_counts(&TenantId::main(), "news", at(0))
        .await
        .unwrap();
    let expected = QueueCounts {
        scheduled: 8,
        queued: 3,
        sending: 1,
        retry: 0,
        held: 4,
    };
    assert_eq!(counts, expected);
    let keys: Vec<_> = replay.requests().iter().map(Value::to_string).collect();
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|request| request.contains("tally:now#main#news")));
}

#[tokio::test]
async fn hours_and_failures_are_read_within_bounds() {
    let hours = Hours {
        from: hour(),
        until: Timestamp::from_millis(hour().as_millis() + 7_200_000),
    };
    let replay = Replay::new([CannedResponse::ok(
        &json!({"Items": [{"sk": {"S": HOUR}, "se": {"N": "5"}, "zz": {"N": "1"}}]}),
    )]);
    let flow = replay
        .table(16)
        .flow(&TenantId::main(), Some("news"), hours)
        .await
        .unwrap();
    assert_eq!(flow, BTreeMap::from([(hour(), Figures::from([(Figure::Sent, 5)]))]));
    let values = replay.only().json()["ExpressionAttributeValues"].clone();
    assert_eq!(values[":pk"]["S"], "tally:flow#main#news");
    assert_eq!(
        (&values[":from"]["S"], &values[":until"]["S"]),
        (&json!(HOUR), &json!("001795517999999:"))
    );

    let id = EmailId::from_random([7; 16]);
    let item = |queue: &str, cause: &str| json!({"sk": {"S": format!("{HOUR}#{queue}#{cause}")}, "n": {"N": "2"}, "x": {"S": id.to_string()}, "xt": {"N": "5"}});
    let items = [
        item("news", "rejected"),
        item("default", "rejected"),
        item("news", "of_tomorrow"),
    ];
    let replay = Replay::new([CannedResponse::ok(&json!({"Items": items}))]);
    let failures = replay
        .table(16)
        .failures(&TenantId::main(), Some("news"), hours)
        .await
        .unwrap();
    let expected = FailuresOfHour {
        queue: "news".to_owned(),
        cause: Cause::Rejected,
        count: 2,
        latest: Some((Timestamp::from_millis(5), id)),
    };
    assert_eq!(failures, Some(vec![expected]));
    let endless = Replay::by(|_| {
        CannedResponse::ok(&json!({"Items": [], "LastEvaluatedKey": {"pk": {"S": "p"}, "sk": {"S": "s"}}}))
    });
    let failures = endless
        .table(16)
        .failures(&TenantId::main(), None, hours)
        .await
        .unwrap();
    assert_eq!((failures, endless.sent_requests().len()), (None, FAILURE_PAGES));
}
