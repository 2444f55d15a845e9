//! Faults at AWS, each for one test's emails: the fault proxy that the functions call through strikes them.

use reqwest::Client;
use serde_json::{Value, json};

/// Makes functions' calls fail.
#[derive(Debug, Clone)]
pub struct CallFaults {
    http: Client,
    proxy: String,
    stack: String,
}

/// A fault in force, until it is lifted.
#[derive(Debug)]
#[must_use = "a fault is in force until it is lifted"]
pub struct CallFault {
    http: Client,
    proxy: String,
    id: u64,
}

impl CallFaults {
    pub(crate) fn new(http: Client, proxy: &str, stack: &str) -> Self {
        Self {
            http,
            proxy: format!("{proxy}/_fault_proxy"),
            stack: stack.to_owned(),
        }
    }

    /// From now on calls of `function` to `service` that say `said` take no effect and are not answered.
    ///
    /// # Panics
    /// When the proxy does not take the fault.
    pub async fn strike(&self, function: &str, service: &str, said: &str) -> CallFault {
        let rule = json!({
            "kind": "drop_before",
            "caller": format!("{}-{function}", self.stack),
            "service": service,
            "body": said,
        });
        let answer = self
            .http
            .post(format!("{}/faults", self.proxy))
            .json(&rule)
            .send()
            .await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        let rule: Value = answer
            .expect("the proxy takes the fault")
            .json()
            .await
            .expect("and tells it");
        CallFault {
            http: self.http.clone(),
            proxy: self.proxy.clone(),
            id: rule.get("id").and_then(Value::as_u64).expect("a rule has a number"),
        }
    }
}

impl CallFault {
    /// How many calls it has struck, of the latest ten thousand.
    ///
    /// # Panics
    /// When the proxy does not say.
    pub async fn struck(&self) -> usize {
        let answer = self.http.get(format!("{}/calls", self.proxy)).send().await;
        let calls: Vec<Value> = answer.expect("the proxy answers").json().await.expect("calls");
        let id = json!(self.id);
        let rules = |call: &Value| {
            call.get("rules")
                .and_then(Value::as_array)
                .is_some_and(|rules| rules.contains(&id))
        };
        calls.iter().filter(|call| rules(call)).count()
    }

    /// Ends it.
    ///
    /// # Panics
    /// When the proxy does not.
    pub async fn lift(self) {
        let answer = self
            .http
            .delete(format!("{}/faults/{}", self.proxy, self.id))
            .send()
            .await;
        answer
            .and_then(reqwest::Response::error_for_status)
            .expect("the proxy lifts the fault");
    }
}
