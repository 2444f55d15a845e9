//! Batches of which one part takes no effect.
//!
//! **Role:** removes the last part of a call before it is forwarded, and reports it as failed in the answer.
//! **Invariant:** pure. An unreadable call passes unchanged. Source: Amazon SQS API reference, `SendMessageBatch`,
//! `ChangeMessageVisibilityBatch`, `DeleteMessageBatch` (`Failed`); Amazon DynamoDB API reference, `BatchGetItem`
//! (`UnprocessedKeys`) and `BatchWriteItem` (`UnprocessedItems`).

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use crate::call::Call;

/// Tells whether AWS lets such a call succeed in part.
#[must_use]
pub fn can_be(call: &Call) -> bool {
    left_over(call).is_some()
}

/// Returns the field of the answer that lists the failed parts.
fn left_over(call: &Call) -> Option<&'static str> {
    match (call.service.as_str(), call.operation.as_str()) {
        ("sqs", "SendMessageBatch" | "ChangeMessageVisibilityBatch" | "DeleteMessageBatch") => Some("Failed"),
        ("dynamodb", "BatchGetItem") => Some("UnprocessedKeys"),
        ("dynamodb", "BatchWriteItem") => Some("UnprocessedItems"),
        _ => None,
    }
}

/// A call without its last part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// The body to forward; `None` if no part is left.
    pub body: Option<Bytes>,
    /// The field of the answer that lists the failed parts, and its value.
    field: &'static str,
    undone: Value,
}

/// Removes the last part.
#[must_use]
pub fn without_last(call: &Call, body: &[u8]) -> Option<Rest> {
    let field = left_over(call)?;
    let mut request: Value = serde_json::from_slice(body).ok()?;
    let (undone, left) = if field == "Failed" {
        let entries = request.get_mut("Entries")?.as_array_mut()?;
        let id = entries.pop()?.get("Id")?.clone();
        let failed = json!({"Id": id, "SenderFault": false, "Code": "InternalError", "Message": "Try it again."});
        (json!([failed]), !entries.is_empty())
    } else {
        let (table, wanted) = request.get_mut("RequestItems")?.as_object_mut()?.iter_mut().next()?;
        // A read has its keys in a list beside other fields; a write is the list itself.
        let in_object = wanted.is_object();
        let keys = if in_object { wanted.get_mut("Keys")? } else { wanted };
        let keys = keys.as_array_mut()?;
        let last = Value::Array(vec![keys.pop()?]);
        let left = !keys.is_empty();
        let undone = if in_object { json!({"Keys": last}) } else { last };
        (Value::Object(Map::from_iter([(table.clone(), undone)])), left)
    };
    Some(Rest {
        body: left.then(|| Bytes::from(request.to_string())),
        field,
        undone,
    })
}

impl Rest {
    /// Adds the failed part to the answer for the rest. An unreadable answer stays as it is.
    #[must_use]
    pub fn answer(&self, to_rest: &[u8]) -> Bytes {
        let Ok(Value::Object(mut answer)) = serde_json::from_slice(to_rest) else {
            return Bytes::copy_from_slice(to_rest);
        };
        match (answer.get_mut(self.field), &self.undone) {
            (Some(Value::Array(failed)), Value::Array(undone)) => failed.extend(undone.iter().cloned()),
            _ => {
                answer.insert(self.field.to_owned(), self.undone.clone());
            }
        }
        Bytes::from(Value::Object(answer).to_string())
    }

    /// Returns the answer for a call without a remaining part.
    #[must_use]
    pub fn empty_answer(&self) -> Bytes {
        let empty: &[u8] = if self.field == "Failed" {
            br#"{"Successful":[]}"#
        } else {
            br#"{"Responses":{}}"#
        };
        self.answer(empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(service: &str, operation: &str) -> Call {
        Call {
            service: service.to_owned(),
            operation: operation.to_owned(),
            emails: Vec::new(),
            needs: Vec::new(),
        }
    }

    fn json_of(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn the_last_message_of_a_batch_fails() {
        let call = call("sqs", "SendMessageBatch");
        let body =
            json!({"QueueUrl": "q", "Entries": [{"Id": "0", "MessageBody": "a"}, {"Id": "1", "MessageBody": "b"}]});
        let rest = without_last(&call, body.to_string().as_bytes()).unwrap();
        let passed_on = json_of(rest.body.as_ref().unwrap());
        assert_eq!(
            passed_on,
            json!({"QueueUrl": "q", "Entries": [{"Id": "0", "MessageBody": "a"}]})
        );
        let answer = json_of(&rest.answer(br#"{"Successful": [{"Id": "0"}]}"#));
        assert_eq!(
            (&answer["Successful"][0]["Id"], &answer["Failed"][0]["Id"]),
            (&json!("0"), &json!("1"))
        );
    }

    #[test]
    fn a_batch_of_one_message_fails_whole() {
        let body = json!({"QueueUrl": "q", "Entries": [{"Id": "7"}]}).to_string();
        let rest = without_last(&call("sqs", "ChangeMessageVisibilityBatch"), body.as_bytes()).unwrap();
        assert_eq!(rest.body, None);
        let answer = json_of(&rest.empty_answer());
        assert_eq!(
            (&answer["Successful"], &answer["Failed"][0]["Id"]),
            (&json!([]), &json!("7"))
        );
    }

    #[test]
    fn the_last_key_of_a_read_is_left_unread() {
        let keys = [json!({"pk": {"S": "a"}}), json!({"pk": {"S": "b"}})];
        let body = json!({"RequestItems": {"t": {"ConsistentRead": true, "Keys": keys}}}).to_string();
        let rest = without_last(&call("dynamodb", "BatchGetItem"), body.as_bytes()).unwrap();
        let passed_on = json_of(rest.body.as_ref().unwrap());
        assert_eq!(
            passed_on,
            json!({"RequestItems": {"t": {"ConsistentRead": true, "Keys": [keys[0]]}}})
        );
        let answer = json_of(&rest.answer(br#"{"Responses": {"t": []}, "UnprocessedKeys": {}}"#));
        assert_eq!(answer["UnprocessedKeys"], json!({"t": {"Keys": [keys[1]]}}));
    }

    #[test]
    fn a_call_without_parts_stays_whole() {
        assert_eq!(without_last(&call("dynamodb", "UpdateItem"), b"{}"), None);
        assert_eq!(without_last(&call("sqs", "SendMessageBatch"), b"no JSON"), None);
    }
}
