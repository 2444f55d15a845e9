//! The kinds of faults: whether the call takes effect, and whether the answer is lost.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::proxy::{PUBLISH, Proxy, SEND_BATCH, UPDATE, eventually};

const TWO: &str = r#"{"QueueUrl":"q","Entries":[{"Id":"a"},{"Id":"b"}]}"#;

#[tokio::test]
async fn each_kind_of_fault_happens_once_as_named() {
    for (kind, head, effects, status, said) in [
        ("drop_before", UPDATE, 0, 0, ""),
        ("drop_after", UPDATE, 1, 0, ""),
        ("throttle", UPDATE, 0, 400, "ThrottlingException"),
        ("fail", UPDATE, 0, 500, "InternalServerError"),
        ("conflict", UPDATE, 0, 400, "TransactionConflictException"),
        ("throttle", SEND_BATCH, 0, 400, "com.amazonaws.sqs#RequestThrottled"),
        ("fail", SEND_BATCH, 0, 500, "InternalFailure"),
        ("fail", PUBLISH, 0, 500, "<Code>InternalError</Code>"),
        ("double", UPDATE, 2, 200, r#""number":1"#),
        ("lose", PUBLISH, 0, 200, "<MessageId>lost-"),
        ("partial", SEND_BATCH, 1, 200, r#""Failed":[{"#),
    ] {
        let proxy = Proxy::start().await;
        proxy.faults(json!([{"kind": kind, "count": 1}])).await;
        let body = if head == PUBLISH {
            "Action=Publish&Message=m"
        } else {
            TWO
        };
        let (answered, answer) = proxy.call(head, body).await;
        assert_eq!(
            (answered, proxy.effects()),
            (status, effects),
            "{kind} {head}: {answer}"
        );
        assert!(answer.contains(said), "{kind}: {answer}");
        assert_eq!(proxy.get("stats").await["faults"][kind], 1, "{kind}");

        assert_eq!(proxy.call(head, body).await.0, 200, "{kind} is over");
        assert_eq!(proxy.effects(), effects + 1, "{kind} is over");
        assert_eq!(proxy.aws.lock().unwrap().last().unwrap().1, body, "{kind} is over");
    }
}

#[tokio::test]
async fn a_partial_fault_omits_and_names_one_part() {
    let proxy = Proxy::start().await;
    proxy.faults(json!([{"kind": "partial", "count": 1}])).await;
    let (_, answer) = proxy.call(SEND_BATCH, TWO).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (answer["Failed"].as_array().unwrap().len(), &answer["Failed"][0]["Id"]),
        (1, &json!("b"))
    );
    let passed_on: Value = serde_json::from_str(&proxy.aws.lock().unwrap()[0].1).unwrap();
    assert_eq!(passed_on["Entries"], json!([{"Id": "a"}]));
}

#[tokio::test]
async fn a_delay_comes_before_or_after_the_effect() {
    const DELAY: Duration = Duration::from_millis(1500);
    for (kind, at_once) in [("delay_before", 0), ("delay_after", 1)] {
        let proxy = Proxy::start().await;
        let fault = json!({"kind": kind, "delay_ms": DELAY.as_millis(), "count": 1});
        proxy.faults(json!([fault])).await;
        let is_open = async || !proxy.get("calls/open").await.as_array().unwrap().is_empty();
        let began = Instant::now();
        let call = proxy.call(UPDATE, "{}");
        let look = async {
            eventually(is_open).await;
            eventually(async || proxy.effects() == at_once).await;
            is_open().await
        };
        let ((status, _), still_open) = tokio::join!(call, look);
        assert!(still_open, "{kind}: not answered yet");
        assert_eq!((status, proxy.effects()), (200, 1), "{kind}");
        assert!(began.elapsed() >= DELAY, "{kind}");
    }
}

#[tokio::test]
async fn only_a_matching_call_gets_a_fault() {
    let proxy = Proxy::start().await;
    proxy
        .faults(json!([{"kind": "drop_before", "service": "dynamodb", "operation": "UpdateItem", "body": "seven"}]))
        .await;
    assert_eq!(proxy.call(UPDATE, "six").await.0, 200);
    assert_eq!(proxy.call(SEND_BATCH, "seven").await.0, 200);
    assert_eq!(proxy.call(UPDATE, "seven").await.0, 0);
}

#[tokio::test]
async fn a_caller_that_hangs_up_cancels_nothing() {
    let proxy = Proxy::start().await;
    proxy.faults(json!([{"kind": "delay_before", "delay_ms": 200}])).await;
    let stream = proxy.ask("POST", "/", UPDATE, "{}").await;
    eventually(async || !proxy.get("calls/open").await.as_array().unwrap().is_empty()).await;
    drop(stream);
    assert_eq!(proxy.effects(), 0, "not yet");
    eventually(async || proxy.effects() == 1).await;
}

#[tokio::test]
async fn rules_are_added_and_removed_one_by_one() {
    let proxy = Proxy::start().await;
    proxy.faults(json!([{"kind": "fail", "service": "sqs"}])).await;
    let (_, added) = proxy.control("POST", "faults", &json!({"kind": "drop_before"})).await;
    let kinds = |plan: Value| -> Vec<String> {
        let faults = plan["faults"].as_array().unwrap().iter();
        faults.map(|rule| rule["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(proxy.get("faults").await), ["fail", "drop_before"]);
    assert_eq!(proxy.call(UPDATE, "{}").await.0, 0);
    proxy
        .control("DELETE", &format!("faults/{}", added["id"]), &Value::Null)
        .await;
    assert_eq!(proxy.call(UPDATE, "{}").await.0, 200);
    assert_eq!(proxy.control("DELETE", "faults", &Value::Null).await.0, 204);
    assert_eq!(kinds(proxy.get("faults").await), [""; 0]);
}

#[tokio::test]
async fn a_bad_rule_changes_nothing() {
    let proxy = Proxy::start().await;
    proxy.faults(json!([{"kind": "fail"}])).await;
    for (method, body) in [
        ("PUT", json!({"faults": [{"kind": "flood"}]})),
        ("PUT", json!({"faults": [{"kind": "fail", "share": 2}]})),
        ("POST", json!({"kind": "delay_after"})),
        ("POST", json!([])),
    ] {
        let (status, answer) = proxy.control(method, "faults", &body).await;
        assert!(
            status == 400 && answer["message"].is_string(),
            "{body}: {status} {answer}"
        );
    }
    assert_eq!(proxy.get("faults").await["faults"][0]["kind"], "fail");
}
