//! Refusals and failures in the words of the services, and the answer to a lost call.
//!
//! **Invariant:** pure. It invents no status, name or shape that a service does not have. Source: the services' API
//! references, "Common Error Types" and the errors of their operations: DynamoDB ([`THROTTLES`] 400,
//! `InternalServerError` 500), SQS (`RequestThrottled` 400, `InternalFailure` 500), S3 (`SlowDown` 503,
//! `InternalError` 500), SNS (`Throttled` 429, `InternalError` 500), SES (`TooManyRequestsException` 429); read
//! 2026-11-24.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use serde_json::{Value, json};

use crate::call::Call;
use crate::form::Refusal;
use crate::plan::Kind;

/// A status, an error name and a message.
struct Words {
    status: u16,
    name: &'static str,
    message: &'static str,
}

/// The names of DynamoDB's throttling errors. The number of the call selects one.
const THROTTLES: [(&str, &str); 3] = [
    (
        "ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded.",
    ),
    (
        "ThrottlingException",
        "Rate of requests exceeds the allowed throughput.",
    ),
    (
        "RequestLimitExceeded",
        "Throughput exceeds the current throughput limit for your account.",
    ),
];

fn words(call: &Call, kind: Kind, number: u64) -> Option<Words> {
    let (status, name, message) = match (call.service.as_str(), kind) {
        ("dynamodb", Kind::Throttle) => {
            let (name, message) = *one_of(&THROTTLES, number)?;
            (400, name, message)
        }
        ("dynamodb", Kind::Fail) => (500, "InternalServerError", "Internal server error"),
        ("sqs", Kind::Throttle) => (400, "RequestThrottled", "Request throttled."),
        ("sqs", Kind::Fail) => (500, "InternalFailure", "The request processing has failed."),
        ("s3", Kind::Throttle) => (503, "SlowDown", "Please reduce your request rate."),
        ("s3", Kind::Fail) => (
            500,
            "InternalError",
            "We encountered an internal error. Please try again.",
        ),
        ("sns", Kind::Throttle) => (429, "Throttled", "Rate exceeded"),
        ("sns", Kind::Fail) => (500, "InternalError", "Internal failure"),
        ("ses", Kind::Throttle) => (429, "TooManyRequestsException", "Maximum sending rate exceeded."),
        ("ses", Kind::Fail) => (500, "InternalFailure", "The request processing has failed."),
        _ => return None,
    };
    Some(Words { status, name, message })
}

/// Tells whether the service has words for a refusal.
#[must_use]
pub fn has_words(call: &Call) -> bool {
    words(call, Kind::Fail, 0).is_some()
}

/// Selects an entry by the number of the call.
fn one_of<T>(all: &[T], number: u64) -> Option<&T> {
    let place = number.checked_rem(u64::try_from(all.len()).ok()?)?;
    all.get(usize::try_from(place).ok()?)
}

/// Returns the answer to a refused call; `None` if the service has no words for it.
///
/// Every second throttled transaction is cancelled because of one of its items, as when one partition is too busy.
#[must_use]
pub fn answer(call: &Call, kind: Kind, body: &[u8], number: u64) -> Option<Response<Body>> {
    if kind == Kind::Throttle && call.operation == "TransactWriteItems" && number.is_multiple_of(2) {
        let code = ["ThrottlingError", "ProvisionedThroughputExceeded"];
        return canceled(
            body,
            one_of(&code, number / 2)?,
            "Throughput exceeds the current capacity.",
            number / 4,
        );
    }
    let Words { status, name, message } = words(call, kind, number)?;
    error_response(call, status, name, message)
}

/// Returns the answer to a malformed call.
#[must_use]
pub fn of_form(call: &Call, refusal: &Refusal) -> Option<Response<Body>> {
    error_response(call, 400, refusal.name, &refusal.message)
}

/// Formats an error as the call's service does.
fn error_response(call: &Call, status: u16, name: &str, message: &str) -> Option<Response<Body>> {
    let error = |kind: &str| json!({"__type": kind, "message": message}).to_string();
    let (media_type, body) = match call.service.as_str() {
        "dynamodb" => {
            let of = match name {
                "ValidationException" => "com.amazon.coral.validate",
                "ThrottlingException" => "com.amazon.coral.availability",
                _ => "com.amazonaws.dynamodb.v20120810",
            };
            ("application/x-amz-json-1.0", error(&format!("{of}#{name}")))
        }
        "sqs" => (
            "application/x-amz-json-1.0",
            error(&format!("com.amazonaws.sqs#{name}")),
        ),
        "s3" => (
            "application/xml",
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{name}</Code><Message>{message}</Message></Error>"
            ),
        ),
        "sns" => {
            let at_fault = if status < 500 { "Sender" } else { "Receiver" };
            let error = format!("<Type>{at_fault}</Type><Code>{name}</Code><Message>{message}</Message>");
            (
                "text/xml",
                format!(
                    "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error>{error}</Error></ErrorResponse>"
                ),
            )
        }
        _ => ("application/json", format!("{{\"message\":\"{message}\"}}")),
    };
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, media_type)
        .header("x-amzn-errortype", name);
    response.body(Body::from(body)).ok()
}

/// Tells whether DynamoDB refuses such a call while another write of the same item is in progress. It never refuses a
/// read of one item for that reason. Source: Amazon DynamoDB Developer Guide, "Transaction conflict handling in
/// DynamoDB".
#[must_use]
pub fn can_conflict(call: &Call) -> bool {
    let writes = ["TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem"];
    call.service == "dynamodb" && writes.contains(&call.operation.as_str())
}

/// Returns the answer to a write that conflicts with another; in a transaction, one item conflicts.
#[must_use]
pub fn conflict(call: &Call, body: &[u8], number: u64) -> Option<Response<Body>> {
    const MESSAGE: &str = "Transaction is ongoing for the item";
    if call.operation == "TransactWriteItems" {
        return canceled(body, "TransactionConflict", MESSAGE, number);
    }
    dynamodb(400, "TransactionConflictException", &json!({"message": MESSAGE}))
}

/// Returns the answer to a transaction that is cancelled because of one item. The number selects the item.
fn canceled(body: &[u8], code: &str, message: &str, number: u64) -> Option<Response<Body>> {
    let request: Value = serde_json::from_slice(body).ok()?;
    let items = request.get("TransactItems")?.as_array()?;
    let mut reasons = vec![json!({"Code": "None"}); items.len()];
    let place = number.checked_rem(u64::try_from(items.len()).ok()?)?;
    *reasons.get_mut(usize::try_from(place).ok()?)? = json!({"Code": code, "Message": message});
    let message = "Transaction cancelled, please refer cancellation reasons for specific reasons";
    let said = json!({"Message": message, "CancellationReasons": reasons});
    dynamodb(400, "TransactionCanceledException", &said)
}

fn dynamodb(status: u16, name: &'static str, said: &Value) -> Option<Response<Body>> {
    let mut body = said.clone();
    let of_type = format!("com.amazonaws.dynamodb.v20120810#{name}");
    body.as_object_mut()?.insert("__type".to_owned(), of_type.into());
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/x-amz-json-1.0")
        .header("x-amzn-errortype", name);
    response.body(Body::from(body.to_string())).ok()
}

/// Tells whether AWS may lose this call despite a successful answer. SES publishes its events by best effort; this
/// call is where they leave SES.
#[must_use]
pub fn can_be_lost(call: &Call) -> bool {
    call.service == "sns" && call.operation == "Publish"
}

/// Returns the successful answer to a lost call.
#[must_use]
pub fn as_if_published(number: u64) -> Response<Body> {
    let result = format!("<PublishResult><MessageId>lost-{number}</MessageId></PublishResult>");
    let body = format!(
        "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">{result}<ResponseMetadata><RequestId>lost-{number}</RequestId></ResponseMetadata></PublishResponse>"
    );
    let mut response = Response::new(Body::from(body));
    let media_type = HeaderValue::from_static("text/xml");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str) -> Call {
        Call {
            service: "dynamodb".to_owned(),
            operation: operation.to_owned(),
            emails: Vec::new(),
            needs: Vec::new(),
        }
    }

    fn name(response: &Response<Body>) -> &str {
        response.headers()["x-amzn-errortype"].to_str().unwrap()
    }

    async fn reasons(response: Response<Body>) -> Vec<String> {
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let reasons = body["CancellationReasons"].as_array().unwrap();
        let code = |reason: &Value| reason["Code"].as_str().unwrap().to_owned();
        reasons.iter().map(code).collect()
    }

    #[test]
    fn dynamodb_throttles_by_each_of_its_names() {
        let names: Vec<_> = (0..3)
            .map(|number| answer(&call("UpdateItem"), Kind::Throttle, b"{}", number).unwrap())
            .map(|answer| name(&answer).to_owned())
            .collect();
        assert_eq!(names, THROTTLES.map(|(name, _)| name));
    }

    #[tokio::test]
    async fn a_throttled_transaction_names_one_of_its_items() {
        let body = br#"{"TransactItems": [{}, {}, {}]}"#;
        let throttled = |number| answer(&call("TransactWriteItems"), Kind::Throttle, body, number).unwrap();
        assert_eq!(name(&throttled(1)), "ThrottlingException");
        assert_eq!(reasons(throttled(0)).await, ["ThrottlingError", "None", "None"]);
        assert_eq!(
            reasons(throttled(6)).await,
            ["None", "ProvisionedThroughputExceeded", "None"]
        );
    }

    #[tokio::test]
    async fn any_item_of_a_transaction_may_conflict() {
        let body = br#"{"TransactItems": [{}, {}]}"#;
        let met = |number| conflict(&call("TransactWriteItems"), body, number).unwrap();
        assert_eq!(reasons(met(4)).await, ["TransactionConflict", "None"]);
        assert_eq!(reasons(met(5)).await, ["None", "TransactionConflict"]);
        let plain = conflict(&call("PutItem"), b"{}", 1).unwrap();
        assert_eq!(name(&plain), "TransactionConflictException");
    }
}
