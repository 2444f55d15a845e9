//! Without faults every call passes unchanged.

use crate::proxy::{Proxy, UPDATE};

#[tokio::test]
async fn a_call_and_its_answer_pass_unchanged() {
    let proxy = Proxy::start().await;
    let answer = proxy.raw("POST", "/path?with=query", UPDATE, "the body").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("x-host: somebody.example"), "{answer}");
    assert!(answer.contains("x-amz-crc32: 7"), "{answer}");
    assert!(answer.ends_with(r#"{"Successful":[],"number":1}"#), "{answer}");
    let effects = proxy.aws.lock().unwrap().clone();
    assert_eq!(effects, [("/path?with=query".to_owned(), "the body".to_owned())]);
}

#[tokio::test]
async fn a_refusal_of_aws_passes_and_is_no_fault() {
    let proxy = Proxy::start().await;
    assert_eq!(proxy.call(UPDATE, "refuse").await.0, 400);
    let stats = proxy.get("stats").await;
    assert_eq!(
        (&stats["faults"], &stats["unanswered"]),
        (&serde_json::json!({}), &serde_json::json!({}))
    );
}

#[tokio::test]
async fn calls_to_ses_reach_ses_and_all_others_aws() {
    let proxy = Proxy::start().await;
    proxy.raw("POST", "/v2/email/outbound-emails", "", "{}").await;
    assert_eq!((proxy.effects(), proxy.ses.lock().unwrap().len()), (0, 1));
    proxy.raw("PUT", "/v2/other", "", "{}").await;
    assert_eq!((proxy.effects(), proxy.ses.lock().unwrap().len()), (1, 1));
}

#[tokio::test]
async fn a_call_to_its_own_routes_is_not_forwarded() {
    let proxy = Proxy::start().await;
    assert_eq!(proxy.control("GET", "nothing", &serde_json::Value::Null).await.0, 404);
    proxy.get("calls").await;
    assert_eq!(proxy.effects(), 0);
}

#[tokio::test]
async fn head_learns_the_length_of_the_body() {
    let proxy = Proxy::start().await;
    let answer = proxy.raw("HEAD", "/object", "", "").await.to_lowercase();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    assert!(
        length
            .and_then(|length| length.parse().ok())
            .is_some_and(|length: u32| length > 0),
        "{head}"
    );
    assert_eq!(body, "");
}

#[tokio::test]
async fn a_malformed_request_is_not_forwarded() {
    let proxy = Proxy::start().await;
    let (status, body) = proxy
        .call(UPDATE, r#"{"UpdateExpression": "SET a = :v REMOVE a"}"#)
        .await;
    assert_eq!((status, proxy.effects()), (400, 0));
    let error: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(error["__type"], "com.amazon.coral.validate#ValidationException");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("Two document paths overlap"), "{message}");
}

#[tokio::test]
async fn a_table_is_described_once_for_all_queries() {
    let proxy = Proxy::start().await;
    let query = "X-Amz-Target: DynamoDB_20120810.Query\r\n";
    for _ in 0..2 {
        let (status, _) = proxy
            .call(query, r#"{"TableName": "t", "FilterExpression": "a = :a"}"#)
            .await;
        assert_eq!(status, 200);
    }
    let bodies: Vec<_> = proxy.aws.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    assert_eq!(bodies.len(), 3, "{bodies:?}");
    assert_eq!(bodies[0], r#"{"TableName":"t"}"#);
}
