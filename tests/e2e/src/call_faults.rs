//! Faults at AWS, each for one test's emails. The fault proxy injects them into the functions' calls.

use reqwest::Client;
use serde_json::{Value, json};

/// The injector of faults into the functions' calls.
#[derive(Debug, Clone)]
pub struct CallFaults {
    http: Client,
    proxy: String,
    stack: String,
}

/// An active fault, until it is lifted.
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

    /// Makes the calls of `function` to `service` whose body contains `said` fail without effect or answer.
    ///
    /// # Panics
    /// When the proxy does not accept the fault.
    pub async fn strike(&self, function: &str, service: &str, said: &str) -> CallFault {
        self.put("drop_before", function, service, said).await
    }

    /// Makes `service` throttle the calls of `function` whose body contains `said`.
    ///
    /// # Panics
    /// When the proxy does not accept the fault.
    pub async fn throttle(&self, function: &str, service: &str, said: &str) -> CallFault {
        self.put("throttle", function, service, said).await
    }

    async fn put(&self, kind: &str, function: &str, service: &str, said: &str) -> CallFault {
        let rule = json!({
            "kind": kind,
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
            .expect("the proxy accepts the fault")
            .json()
            .await
            .expect("the proxy returns the fault");
        CallFault {
            http: self.http.clone(),
            proxy: self.proxy.clone(),
            id: rule.get("id").and_then(Value::as_u64).expect("a rule has a number"),
        }
    }
}

impl CallFault {
    /// Returns the number of calls that it struck.
    ///
    /// # Panics
    /// When the proxy does not return the number.
    pub async fn struck(&self) -> u64 {
        let answer = self.http.get(format!("{}/faults", self.proxy)).send().await;
        let in_force: Value = answer.expect("the proxy answers").json().await.expect("rules");
        let rules = in_force.get("faults").and_then(Value::as_array);
        let id = json!(self.id);
        let rule = rules.into_iter().flatten().find(|rule| rule.get("id") == Some(&id));
        let struck = rule.and_then(|rule| rule.get("struck")).and_then(Value::as_u64);
        struck.expect("an active rule reports the number of calls that it struck")
    }

    /// Ends the fault.
    ///
    /// # Panics
    /// When the proxy does not end it.
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
