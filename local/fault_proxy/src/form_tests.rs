use axum::http::Request;
use serde_json::json;

use super::*;

const TABLE: &str = "DynamoDB_20120810";
const QUEUE: &str = "AmazonSQS";

fn refusal_of(method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Option<Refusal> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let body = body.to_string();
    let call = Call::read(&parts, body.as_bytes());
    refused(&call, &parts, body.as_bytes(), Some(&schema()))
}

fn schema() -> Schema {
    let key = |name: &str| json!({"AttributeName": name});
    let index = |name: &str, projection: Value| json!({"IndexName": name, "KeySchema": [key("due_pk"), key("due_sk")], "Projection": projection});
    let table = json!({
        "KeySchema": [key("pk"), key("sk")],
        "GlobalSecondaryIndexes": [
            index("due", json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["s"]})),
            index("keys", json!({"ProjectionType": "KEYS_ONLY"})),
            index("all", json!({"ProjectionType": "ALL"})),
        ],
    });
    Schema::read(json!({"Table": table}).to_string().as_bytes()).unwrap()
}

fn target(prefix: &str, operation: &str, body: &Value) -> Option<String> {
    let target = format!("{prefix}.{operation}");
    refusal_of("POST", "/", &[("x-amz-target", &target)], body).map(|refusal| refusal.message)
}

fn s3(path: &str, headers: &[(&str, &str)]) -> Option<&'static str> {
    let scope = "AWS4-HMAC-SHA256 Credential=AKIA/20261124/us-east-1/s3/aws4_request, SignedHeaders=host";
    let headers: Vec<_> = headers.iter().copied().chain([("authorization", scope)]).collect();
    refusal_of("PUT", path, &headers, &Value::Null).map(|refusal| refusal.name)
}

#[test]
fn overlapping_paths_of_an_update_are_refused() {
    let update = json!({"UpdateExpression": "SET #a = :v REMOVE a.b", "ExpressionAttributeNames": {"#a": "a"}});
    let expected = "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]";
    assert_eq!(target(TABLE, "UpdateItem", &update).unwrap(), expected);
    let transaction = json!({"TransactItems": [{"Put": {"Item": {}}}, {"Update": update}]});
    assert_eq!(target(TABLE, "TransactWriteItems", &transaction).unwrap(), expected);
    let update = json!({"UpdateExpression": "SET a = :v REMOVE b"});
    assert_eq!(target(TABLE, "UpdateItem", &update), None);
}

#[test]
fn an_in_with_101_operands_is_refused() {
    let condition = |operands: usize| {
        let list: Vec<_> = (0..operands).map(|n| format!(":v{n}")).collect();
        format!("a IN ({})", list.join(", "))
    };
    for kind in ["ConditionExpression", "FilterExpression"] {
        let message = target(TABLE, "UpdateItem", &json!({kind: condition(101)})).unwrap();
        assert!(
            message.starts_with(&format!("Invalid {kind}: The IN operator")),
            "{message}"
        );
        assert!(message.ends_with("number of operands: 101"), "{message}");
        assert_eq!(target(TABLE, "UpdateItem", &json!({kind: condition(100)})), None);
    }
}

#[test]
fn a_filter_on_a_key_is_refused() {
    let query = |index: &Value, filter: &str| {
        let body = json!({"TableName": "t", "IndexName": index, "FilterExpression": filter});
        target(TABLE, "Query", &body)
    };
    let expected = "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk";
    assert_eq!(query(&Value::Null, "begins_with(sk, :x)").unwrap(), expected);
    assert_eq!(query(&Value::Null, "s = :x"), None);
    assert!(query(&json!("due"), "s = :x AND due_sk < :y").is_some());
    assert_eq!(query(&json!("due"), "sk = :x"), None);
}

#[test]
fn a_projection_beyond_its_index_is_refused() {
    let query = |index: &str, projection: &str| {
        let body = json!({"TableName": "t", "IndexName": index, "ProjectionExpression": projection});
        target(TABLE, "Query", &body)
    };
    let expected = "One or more parameter values were invalid: Global secondary index due does not project [v]";
    assert_eq!(query("due", "pk, v, s").unwrap(), expected);
    assert!(query("keys", "s").is_some());
    for (index, projection) in [
        ("due", "pk, sk, due_pk, s"),
        ("keys", "due_sk"),
        ("all", "v"),
        ("other", "v"),
    ] {
        assert_eq!(query(index, projection), None, "{index}: {projection}");
    }
}

#[test]
fn the_table_is_read_only_if_the_check_needs_it() {
    let table = |operation: &str, body: Value| {
        let target = format!("{TABLE}.{operation}");
        let request = Request::builder().header("x-amz-target", target).body(()).unwrap();
        let body = body.to_string();
        table_in_question(&Call::read(&request.into_parts().0, body.as_bytes()), body.as_bytes())
    };
    let filtered = json!({"TableName": "t", "FilterExpression": "a = :a"});
    assert_eq!(table("Query", filtered.clone()).as_deref(), Some("t"));
    assert_eq!(table("Scan", filtered), None);
    assert_eq!(table("Query", json!({"TableName": "t"})), None);
}

#[test]
fn a_wait_of_21_seconds_is_refused() {
    let message = |seconds: i64| target(QUEUE, "ReceiveMessage", &json!({"WaitTimeSeconds": seconds}));
    let expected = "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.";
    assert_eq!(message(21).unwrap(), expected);
    assert!(message(-1).is_some());
    assert_eq!((message(20), message(0)), (None, None));
    assert_eq!(target(QUEUE, "ReceiveMessage", &json!({})), None);
}

#[test]
fn an_unknown_attribute_of_a_queue_is_refused() {
    let message = |name: &str| {
        target(
            QUEUE,
            "GetQueueAttributes",
            &json!({"AttributeNames": ["QueueArn", name]}),
        )
    };
    assert_eq!(message("Nonsense").unwrap(), "Unknown Attribute Nonsense.");
    assert_eq!(message("ApproximateNumberOfMessagesDelayed"), None);
}

#[test]
fn a_copy_onto_itself_that_changes_nothing_is_refused() {
    let source = ("x-amz-copy-source", "bucket/a%20key");
    for headers in [&[source][..], &[source, ("x-amz-tagging-directive", "REPLACE")]] {
        assert_eq!(s3("/bucket/a%20key", headers), Some("InvalidRequest"));
    }
    assert_eq!(
        s3("/bucket/a%20key", &[("x-amz-copy-source", "/bucket/a%20key")]),
        Some("InvalidRequest")
    );
    for change in [
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-storage-class", "STANDARD"),
    ] {
        assert_eq!(s3("/bucket/a%20key", &[source, change]), None);
    }
    assert_eq!(s3("/bucket/other", &[source]), None);
}

#[test]
fn a_duplicate_tag_name_is_refused() {
    assert_eq!(
        s3("/bucket/key", &[("x-amz-tagging", "a=1&b=2&a=3")]),
        Some("InvalidArgument")
    );
    assert_eq!(s3("/bucket/key", &[("x-amz-tagging", "a=1&b=1")]), None);
}

#[test]
fn a_key_of_1025_bytes_is_refused() {
    assert_eq!(
        s3(&format!("/bucket/{}", "k".repeat(1025)), &[]),
        Some("KeyTooLongError")
    );
    assert_eq!(s3(&format!("/bucket/{}", "k".repeat(1024)), &[]), None);
    // The limit counts the bytes of the key, not of its escapes.
    assert_eq!(s3(&format!("/bucket/{}", "%C3%A9".repeat(512)), &[]), None);
    assert_eq!(
        s3(&format!("/bucket/{}k", "%C3%A9".repeat(512)), &[]),
        Some("KeyTooLongError")
    );
}
