//! The stack's functions, as someone who may call them and switch their triggers.

use reqwest::Client;
use serde_json::{Value, json};

/// Lambda's API. Source: AWS Lambda API reference, `Invoke`, `ListEventSourceMappings`,
/// `UpdateEventSourceMapping`.
#[derive(Debug, Clone)]
pub struct Functions {
    http: Client,
    endpoint: String,
    stack: String,
}

impl Functions {
    pub(crate) fn new(http: Client, endpoint: String, stack: String) -> Self {
        Self { http, endpoint, stack }
    }

    /// Runs `promote` now, as its schedule does every minute.
    ///
    /// # Panics
    /// When it fails.
    pub async fn promote(&self) {
        let url = format!(
            "{}/2015-03-31/functions/{}-promote/invocations",
            self.endpoint, self.stack
        );
        let answer = self
            .http
            .post(url)
            .json(&json!({}))
            .send()
            .await
            .expect("Lambda answers");
        let failed = answer.headers().get("x-amz-function-error").is_some();
        assert!(
            answer.status().is_success() && !failed,
            "promote failed: {:?}",
            answer.text().await
        );
    }

    /// Switches the triggers of a function on or off.
    ///
    /// # Panics
    /// When it has none.
    pub async fn switch(&self, function: &str, on: bool) {
        let mappings = format!("{}/2015-03-31/event-source-mappings/", self.endpoint);
        let listed = self.http.get(&mappings).send().await.expect("Lambda answers");
        let listed: Value = listed.json().await.expect("Lambda answers JSON");
        let of_function = |mapping: &&Value| {
            let arn = mapping.get("FunctionArn").and_then(Value::as_str).unwrap_or_default();
            arn.ends_with(&format!(":{}-{function}", self.stack))
        };
        let all = listed.get("EventSourceMappings").and_then(Value::as_array);
        let ids: Vec<&str> = all
            .into_iter()
            .flatten()
            .filter(of_function)
            .filter_map(|mapping| mapping.get("UUID")?.as_str())
            .collect();
        assert!(!ids.is_empty(), "{function} has no trigger: {listed}");
        for id in ids {
            let put = self.http.put(format!("{mappings}{id}")).json(&json!({"Enabled": on}));
            put.send()
                .await
                .and_then(reqwest::Response::error_for_status)
                .expect("Lambda switches a trigger");
        }
    }
}
