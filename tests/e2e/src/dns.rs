//! The records of the fake DNS server.
//!
//! **Invariant:** all tests share the server, so each adds records only of domains of its own.

use reqwest::Client;
use serde_json::{Value, json};

/// The fake DNS server.
#[derive(Debug, Clone)]
pub struct Dns {
    http: Client,
    url: String,
}

impl Dns {
    pub(crate) fn new(http: Client, url: String) -> Self {
        Self { http, url }
    }

    /// Adds the records that a domain's answer names.
    ///
    /// # Panics
    /// When a record has an unknown form, or the server refuses it.
    pub async fn publish(&self, records: &[Value]) {
        let records: Vec<Value> = records.iter().map(record).collect();
        let request = self.http.post(format!("{}/records", self.url)).json(&records);
        let answer = request.send().await.expect("the fake DNS server answers");
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Removes all records of a name.
    ///
    /// # Panics
    /// When the server refuses it.
    pub async fn remove(&self, name: &str) {
        let request = self.http.delete(format!("{}/records?name={name}", self.url));
        let answer = request.send().await.expect("the fake DNS server answers");
        assert!(answer.status().is_success(), "{answer:?}");
    }
}

/// Returns a record of a domain in the form of the server.
fn record(shown: &Value) -> Value {
    let text = |field: &str| shown.get(field).and_then(Value::as_str).expect("a record has texts");
    let value = match shown.get("priority").and_then(Value::as_u64) {
        Some(priority) => format!("{priority} {}", text("value")),
        None => text("value").to_owned(),
    };
    json!({"name": text("host"), "type": text("type"), "value": value})
}
