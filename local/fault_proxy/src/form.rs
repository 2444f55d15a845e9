//! Refusals of malformed requests that AWS makes and the emulator does not.
//!
//! **Role:** checks every call before it is forwarded. Our code must not rely on an emulator that accepts more.
//! **Invariant:** pure. A request that AWS accepts is never refused: in doubt it passes.
//! **Start reading at** [`refused`]. Source: Amazon DynamoDB, S3 and SQS API references, read 2026-11-28; each
//! refusal was compared with the answer of DynamoDB Local 1.25.1 or LocalStack 4.14.0 (docs/LOCAL_STACK.md).

use std::collections::BTreeSet;

use axum::http::Uri;
use axum::http::request::Parts;
use form_urlencoded::parse;
use serde_json::Value;

use crate::call::{Call, header};
use crate::expression::{attributes, changed_paths, operands_of_in, overlapping};
use crate::schema::Schema;

/// Operands of `IN`, at most. Source: Amazon DynamoDB Developer Guide, "Condition and filter expressions".
const IN_MAX: usize = 100;

/// Bytes of an object's key, at most. Source: Amazon S3 User Guide, "Naming Amazon S3 objects".
const KEY_BYTES_MAX: usize = 1024;

/// Seconds of long polling, at most. Source: Amazon SQS API reference, `ReceiveMessage`.
const WAIT_SECONDS_MAX: i64 = 20;

/// The attributes of a queue. Source: Amazon SQS API reference, `GetQueueAttributes`.
const QUEUE_ATTRIBUTES: [&str; 22] = [
    "All",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "ContentBasedDeduplication",
    "CreatedTimestamp",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "LastModifiedTimestamp",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "QueueArn",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];

/// A refusal with its service's error name and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The error's name.
    pub name: &'static str,
    /// The error's message.
    pub message: String,
}

fn refusal(name: &'static str, message: impl Into<String>) -> Option<Refusal> {
    let message = message.into();
    Some(Refusal { name, message })
}

fn invalid(message: impl Into<String>) -> Option<Refusal> {
    refusal("ValidationException", message)
}

/// Returns the table whose keys and indexes are needed to check a call.
#[must_use]
pub fn table_in_question(call: &Call, body: &[u8]) -> Option<String> {
    if (call.service.as_str(), call.operation.as_str()) != ("dynamodb", "Query") {
        return None;
    }
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("FilterExpression").or(body.get("ProjectionExpression"))?;
    Some(text(&body, "TableName")?.to_owned())
}

/// Returns AWS's refusal of a malformed call, if there is one.
#[must_use]
pub fn refused(call: &Call, parts: &Parts, body: &[u8], schema: Option<&Schema>) -> Option<Refusal> {
    let json = || serde_json::from_slice::<Value>(body).unwrap_or_default();
    match call.service.as_str() {
        "dynamodb" => of_dynamodb(&call.operation, &json(), schema),
        "sqs" => of_sqs(&call.operation, &json()),
        "s3" => of_s3(parts),
        _ => None,
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

fn of_dynamodb(operation: &str, body: &Value, schema: Option<&Schema>) -> Option<Refusal> {
    match operation {
        "TransactWriteItems" => {
            let items = body.get("TransactItems").and_then(Value::as_array);
            let parts = items.into_iter().flatten().filter_map(Value::as_object);
            parts.flat_map(|part| part.values()).find_map(of_expressions)
        }
        "Query" => of_expressions(body).or_else(|| of_query(body, schema?)),
        _ => of_expressions(body),
    }
}

fn of_expressions(request: &Value) -> Option<Refusal> {
    let names = request.get("ExpressionAttributeNames").unwrap_or(&Value::Null);
    if let Some(update) = text(request, "UpdateExpression") {
        let paths = changed_paths(update, names);
        if let Some((one, two)) = overlapping(&paths) {
            let (one, two) = (one.join(", "), two.join(", "));
            return invalid(format!(
                "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [{one}], path two: [{two}]"
            ));
        }
    }
    ["ConditionExpression", "FilterExpression"].iter().find_map(|kind| {
        let operands = operands_of_in(text(request, kind)?);
        (operands > IN_MAX).then(|| {
            invalid(format!(
                "Invalid {kind}: The IN operator is provided with too many operands; number of operands: {operands}"
            ))
        })?
    })
}

fn of_query(query: &Value, schema: &Schema) -> Option<Refusal> {
    let names = query.get("ExpressionAttributeNames").unwrap_or(&Value::Null);
    let index = text(query, "IndexName");
    let filter = text(query, "FilterExpression").unwrap_or_default();
    let keys = schema.keys(index)?;
    if let Some(key) = attributes(filter, names).into_iter().find(|name| keys.contains(name)) {
        return invalid(format!(
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: {key}"
        ));
    }
    let (index, projected) = (index?, schema.projected_names(index?)?);
    let wanted = attributes(text(query, "ProjectionExpression")?, names);
    let lacking: Vec<_> = wanted.into_iter().filter(|name| !projected.contains(name)).collect();
    if lacking.is_empty() {
        return None;
    }
    let lacking = lacking.join(", ");
    invalid(format!(
        "One or more parameter values were invalid: Global secondary index {index} does not project [{lacking}]"
    ))
}

fn of_sqs(operation: &str, body: &Value) -> Option<Refusal> {
    match operation {
        "ReceiveMessage" => {
            let wait = body.get("WaitTimeSeconds").and_then(Value::as_i64)?;
            if (0..=WAIT_SECONDS_MAX).contains(&wait) {
                return None;
            }
            refusal(
                "InvalidParameterValue",
                format!(
                    "Value {wait} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= {WAIT_SECONDS_MAX}, if provided."
                ),
            )
        }
        "GetQueueAttributes" => {
            let requested = body.get("AttributeNames").and_then(Value::as_array)?;
            let unknown = |name: &&str| !QUEUE_ATTRIBUTES.contains(name);
            let name = requested.iter().filter_map(Value::as_str).find(unknown)?;
            refusal("InvalidAttributeName", format!("Unknown Attribute {name}."))
        }
        _ => None,
    }
}

/// Decodes bucket and key from a path-style address or a copy's source.
fn object(path: &str) -> String {
    // A plus means a plus in a path, but a space in a form.
    let path = path.trim_start_matches('/').replace('+', "%2B");
    let decoded = parse(path.as_bytes()).next();
    decoded.map(|(name, _)| name.into_owned()).unwrap_or_default()
}

fn address(uri: &Uri) -> String {
    object(&uri.path().replace('&', "%26").replace('=', "%3D"))
}

fn of_s3(parts: &Parts) -> Option<Refusal> {
    let address = address(&parts.uri);
    let key = address.split_once('/').map_or("", |(_, key)| key);
    if key.len() > KEY_BYTES_MAX {
        return refusal("KeyTooLongError", "Your key is too long");
    }
    if let Some(tags) = header(parts, "x-amz-tagging") {
        let mut seen = BTreeSet::new();
        if !parse(tags.as_bytes()).all(|(name, _)| seen.insert(name)) {
            return refusal(
                "InvalidArgument",
                "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
            );
        }
    }
    let source = header(parts, "x-amz-copy-source")?.split("?versionId=").next()?;
    let changes = [
        "x-amz-storage-class",
        "x-amz-website-redirect-location",
        "x-amz-server-side-encryption",
    ];
    let replaced = header(parts, "x-amz-metadata-directive") == Some("REPLACE");
    if object(source) != address || replaced || changes.iter().any(|name| header(parts, name).is_some()) {
        return None;
    }
    refusal(
        "InvalidRequest",
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    )
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
