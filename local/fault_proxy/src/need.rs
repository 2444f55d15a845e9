//! The permissions that AWS requires for a call: IAM actions and their resources.
//!
//! **Role:** counted in the record, and compared with the functions' roles by the test `privileges`.
//! **Invariant:** pure, and never fails. A call that this table does not know needs the action of its own name on the
//! resource `unknown`. No role grants that, so that the gap becomes visible.
//!
//! Source: AWS Service Authorization Reference, "Actions, resources, and condition keys" for Amazon DynamoDB, SQS, S3,
//! SES v2 and CloudWatch; Amazon DynamoDB Developer Guide, "IAM and DynamoDB transactions"; Amazon S3 User Guide,
//! "Required permissions for Amazon S3 API operations"; read 2026-11-29.

use std::fmt;

use axum::http::HeaderMap;
use serde_json::Value;

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    action: String,
    on: String,
}

impl Need {
    fn new(action: impl Into<String>, on: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            on: on.into(),
        }
    }
}

/// Writes the action and its resource: `sqs:SendMessage mailqueue-high`.
impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.on)
    }
}

/// Returns the permissions that a call needs.
#[must_use]
pub fn needs(service: &str, operation: &str, headers: &HeaderMap, body: &[u8]) -> Vec<Need> {
    let mut needs = match service {
        "dynamodb" => of_dynamodb(operation, body),
        "sqs" => of_sqs(operation, body),
        "s3" => of_s3(operation, headers),
        "ses" => vec![Need::new(format!("ses:{operation}"), "ses")],
        // Its actions have another prefix than its endpoint.
        "monitoring" => vec![Need::new(format!("cloudwatch:{operation}"), "cloudwatch")],
        _ => vec![Need::new(format!("{service}:{operation}"), "unknown")],
    };
    needs.sort();
    needs.dedup();
    needs
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

fn of_dynamodb(operation: &str, body: &[u8]) -> Vec<Need> {
    let body = json(body);
    let need = |operation: &str, on: &str| Need::new(format!("dynamodb:{operation}"), on);
    // CloudFormation names a table after its stack and its logical id.
    let table_of = |request: &Value| match request.get("TableName").and_then(Value::as_str) {
        Some(name) if name.contains("SecretTable") => "secrets",
        _ => "table",
    };
    let table = table_of(&body);
    match operation {
        // A transaction needs the permissions of its parts.
        "TransactWriteItems" => {
            let items = body.get("TransactItems").and_then(Value::as_array);
            let parts = items.into_iter().flatten().filter_map(Value::as_object);
            let action = |(kind, part): (&String, &Value)| match kind.as_str() {
                "ConditionCheck" => need("ConditionCheckItem", table_of(part)),
                kind => need(&format!("{kind}Item"), table_of(part)),
            };
            parts.flatten().map(action).collect()
        }
        "Query" => match body.get("IndexName").and_then(Value::as_str) {
            Some(index) => vec![need("Query", &format!("index/{index}"))],
            None => vec![need("Query", table)],
        },
        operation => vec![need(operation, table)],
    }
}

fn of_sqs(operation: &str, body: &[u8]) -> Vec<Need> {
    let body = json(body);
    let url = body.get("QueueUrl").and_then(Value::as_str).unwrap_or_default();
    let queue = url.rsplit('/').next().unwrap_or_default();
    // A batch needs the permission of a single entry.
    let action = operation.strip_suffix("Batch").unwrap_or(operation);
    vec![Need::new(format!("sqs:{action}"), queue)]
}

fn of_s3(operation: &str, headers: &HeaderMap) -> Vec<Need> {
    let object = |action: &str| Need::new(format!("s3:{action}"), "objects");
    let mut needs = match operation {
        "HeadObject" => vec![object("GetObject")],
        "CopyObject" => vec![object("GetObject"), object("PutObject")],
        "PutObject" if headers.contains_key("x-amz-copy-source") => vec![object("GetObject"), object("PutObject")],
        "DeleteObjects" => vec![object("DeleteObject")],
        "ListObjectsV2" | "ListObjects" => vec![Need::new("s3:ListBucket", "bucket")],
        operation => vec![object(operation)],
    };
    if headers.contains_key("x-amz-tagging") {
        needs.push(object("PutObjectTagging"));
    }
    needs
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn needs_of(service: &str, operation: &str, header: Option<&'static str>, body: &Value) -> Vec<String> {
        let mut headers = HeaderMap::new();
        if let Some(name) = header {
            headers.insert(name, HeaderValue::from_static("x"));
        }
        let needs = needs(service, operation, &headers, body.to_string().as_bytes());
        needs.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_call_needs_its_action_on_its_resource() {
        let queue = json!({"QueueUrl": "http://127.0.0.1:1/000000000000/mailqueue-high"});
        for (service, operation, header, body, expected) in [
            (
                "dynamodb",
                "GetItem",
                None,
                json!({"TableName": "T"}),
                &["dynamodb:GetItem table"][..],
            ),
            (
                "dynamodb",
                "Query",
                None,
                json!({"TableName": "T"}),
                &["dynamodb:Query table"],
            ),
            (
                "dynamodb",
                "Query",
                None,
                json!({"IndexName": "due"}),
                &["dynamodb:Query index/due"],
            ),
            (
                "dynamodb",
                "TransactWriteItems",
                None,
                json!({"TransactItems": [{"Put": {}}, {"Update": {}}, {"ConditionCheck": {}}, {"Update": {}}, {"Delete": {}}]}),
                &[
                    "dynamodb:ConditionCheckItem table",
                    "dynamodb:DeleteItem table",
                    "dynamodb:PutItem table",
                    "dynamodb:UpdateItem table",
                ],
            ),
            (
                "dynamodb",
                "TransactWriteItems",
                None,
                json!({"TransactItems": [
                    {"Delete": {"TableName": "mailqueue-Table-1A"}},
                    {"Delete": {"TableName": "mailqueue-SecretTable-1A"}},
                ]}),
                &["dynamodb:DeleteItem secrets", "dynamodb:DeleteItem table"],
            ),
            (
                "sqs",
                "SendMessageBatch",
                None,
                queue.clone(),
                &["sqs:SendMessage mailqueue-high"],
            ),
            (
                "sqs",
                "GetQueueAttributes",
                None,
                queue,
                &["sqs:GetQueueAttributes mailqueue-high"],
            ),
            ("s3", "HeadObject", None, json!(null), &["s3:GetObject objects"]),
            (
                "s3",
                "PutObject",
                Some("x-amz-tagging"),
                json!(null),
                &["s3:PutObject objects", "s3:PutObjectTagging objects"],
            ),
            (
                "s3",
                "PutObject",
                Some("x-amz-copy-source"),
                json!(null),
                &["s3:GetObject objects", "s3:PutObject objects"],
            ),
            ("s3", "ListObjectsV2", None, json!(null), &["s3:ListBucket bucket"]),
            ("ses", "SendEmail", None, json!({}), &["ses:SendEmail ses"]),
            (
                "monitoring",
                "GetMetricData",
                None,
                json!(null),
                &["cloudwatch:GetMetricData cloudwatch"],
            ),
            ("sns", "Publish", None, json!({}), &["sns:Publish unknown"]),
        ] {
            assert_eq!(
                needs_of(service, operation, header, &body),
                expected,
                "{service} {operation}"
            );
        }
    }

    #[test]
    fn an_unreadable_body_matches_no_granted_permission() {
        assert_eq!(
            needs("sqs", "SendMessage", &HeaderMap::new(), b"\xFF"),
            [Need::new("sqs:SendMessage", "")]
        );
        assert!(needs("dynamodb", "TransactWriteItems", &HeaderMap::new(), b"{").is_empty());
    }
}
