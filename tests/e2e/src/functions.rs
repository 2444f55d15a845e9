//! The stack's functions, with the rights to invoke them and switch their triggers.

use reqwest::Client;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::wait::eventually;

/// The scope of a signature: an emulator without host names identifies the service by it. LocalStack takes an
/// unsigned call for one to S3.
const SCOPE: &str =
    "AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0";

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
            .header(AUTHORIZATION, SCOPE)
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

    /// Switches the triggers of a function on or off, and waits for the change.
    ///
    /// # Panics
    /// When the function has no trigger, or the triggers do not change.
    pub async fn switch(&self, function: &str, on: bool) {
        let (ids, _) = self.triggers(function).await;
        for id in ids {
            let put = self.http.put(format!("{}{id}", self.mappings()));
            let put = put.header(AUTHORIZATION, SCOPE).json(&json!({"Enabled": on}));
            put.send()
                .await
                .and_then(reqwest::Response::error_for_status)
                .expect("Lambda switches a trigger");
        }
        let settled = if on { "Enabled" } else { "Disabled" };
        eventually("the triggers to be switched", || async {
            let (_, states) = self.triggers(function).await;
            match states.iter().all(|state| state == settled) {
                true => Ok(()),
                false => Err(format!("{states:?}")),
            }
        })
        .await;
    }

    fn mappings(&self) -> String {
        format!("{}/2015-03-31/event-source-mappings/", self.endpoint)
    }

    /// Returns the ids and states of a function's triggers: `Disabling` comes before `Disabled`.
    async fn triggers(&self, function: &str) -> (Vec<String>, Vec<String>) {
        let listed = self.http.get(self.mappings()).header(AUTHORIZATION, SCOPE).send();
        let listed = listed.await.expect("Lambda answers");
        let listed: Value = listed.json().await.expect("Lambda answers JSON");
        let of_function = |mapping: &&Value| {
            let arn = mapping.get("FunctionArn").and_then(Value::as_str).unwrap_or_default();
            arn.ends_with(&format!(":{}-{function}", self.stack))
        };
        let all = listed.get("EventSourceMappings").and_then(Value::as_array);
        let text = |mapping: &Value, name: &str| Some(mapping.get(name)?.as_str()?.to_owned());
        let found: (Vec<String>, Vec<String>) = all
            .into_iter()
            .flatten()
            .filter(of_function)
            .filter_map(|mapping| text(mapping, "UUID").zip(text(mapping, "State")))
            .unzip();
        assert!(!found.0.is_empty(), "{function} has no trigger: {listed}");
        found
    }
}
