//! An answer over HTTP, read whole.

use reqwest::Response;
use serde_json::Value;

/// What a call was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; null where it is no JSON.
    pub body: Value,
    /// Whether the answer says that it was given before.
    pub replayed: bool,
    /// After how many seconds to ask again, if that is said.
    pub retry_after: Option<u64>,
}

impl Answer {
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

    /// The body of a good answer.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// The one id of a good answer.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn id(self) -> String {
        let body = self.ok();
        text(&body, "id")
    }

    /// The ids of a good answer to a batch, in order.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn ids(self) -> Vec<String> {
        let body = self.ok();
        let items = body.get("data").and_then(Value::as_array);
        items
            .expect("a batch is answered with data")
            .iter()
            .map(|item| text(item, "id"))
            .collect()
    }

    /// Says how the answer differs from the refusal that is expected, if it does.
    ///
    /// # Errors
    /// The difference.
    pub fn refused(&self, status: u16, name: &str, begins: &str) -> Result<(), String> {
        let said = self.body.get("message").and_then(Value::as_str).unwrap_or_default();
        let good = self.status == status
            && self.body.get("statusCode") == Some(&Value::from(status))
            && self.body.get("name") == Some(&Value::from(name))
            && said.starts_with(begins)
            // A path alone explains nothing.
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

/// A field that is a text.
pub(crate) fn text(value: &Value, field: &str) -> String {
    let text = value.get(field).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("no text {field} in {value}")).to_owned()
}
