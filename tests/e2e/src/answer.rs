//! An answer over HTTP, read whole.

use reqwest::Response;
use serde_json::Value;

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The body; null if it is not JSON.
    pub body: Value,
    /// Whether the answer repeats an earlier one.
    pub replayed: bool,
    /// The seconds of `Retry-After`, if the header is present.
    pub retry_after: Option<u64>,
}

impl HttpResponse {
    pub(crate) async fn read(response: Response) -> Self {
        let status = response.status().as_u16();
        let header = response.headers().get("idempotent-replayed");
        let replayed = header.is_some_and(|value| value.as_bytes() == b"true");
        let header = response.headers().get("retry-after");
        let retry_after = header.and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.bytes().await.expect("an answer has a readable body");
        Self {
            retry_after,
            status,
            body: serde_json::from_slice(&body).unwrap_or_default(),
            replayed,
        }
    }

    /// Returns the body of a successful answer.
    ///
    /// # Panics
    /// When the status is not 200.
    #[must_use]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Returns the id in a successful answer.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn id(self) -> String {
        let body = self.ok();
        text(&body, "id")
    }

    /// Returns the ids in a successful answer to a batch, in order.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn ids(self) -> Vec<String> {
        let body = self.ok();
        let items = body.get("data").and_then(Value::as_array);
        items
            .expect("the answer to a batch has data")
            .iter()
            .map(|item| text(item, "id"))
            .collect()
    }

    /// Compares the answer with the expected refusal.
    ///
    /// # Errors
    /// The difference.
    pub fn refused(&self, status: u16, name: &str, begins: &str) -> Result<(), String> {
        let said = self.body.get("message").and_then(Value::as_str).unwrap_or_default();
        let good = self.status == status
            && self.body.get("statusCode") == Some(&Value::from(status))
            && self.body.get("name") == Some(&Value::from(name))
            && said.starts_with(begins)
            // A message must say more than the path.
            && said.len() > begins.len();
        if good {
            Ok(())
        } else {
            Err(format!(
                "expected {status} {name} {begins:?}, got {} {}",
                self.status, self.body
            ))
        }
    }
}

/// Returns a text field.
pub(crate) fn text(value: &Value, field: &str) -> String {
    let text = value.get(field).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("no text {field} in {value}")).to_owned()
}
