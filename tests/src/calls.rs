//! Faults at AWS, each for one test's emails: the fault proxy that the functions call through strikes them.

use reqwest::Client;
use serde_json::{Value, json};

/// What functions call.
#[derive(Debug, Clone)]
pub struct Calls {
    http: Client,
    faults: String,
    stack: String,
}

/// Calls that fail, until it is lifted.
#[derive(Debug)]
#[must_use = "calls fail until it is lifted"]
pub struct Failing {
    http: Client,
    url: String,
}

impl Calls {
    pub(crate) fn new(http: Client, proxy: &str, stack: &str) -> Self {
        Self {
            http,
            faults: format!("{proxy}/_fault_proxy/faults"),
            stack: stack.to_owned(),
        }
    }

    /// From now on calls of `function` to `service` that say `said` take no effect and are not answered.
    ///
    /// # Panics
    /// When the proxy does not take the fault.
    pub async fn drop(&self, function: &str, service: &str, said: &str) -> Failing {
        let rule = json!({
            "kind": "drop_before",
            "caller": format!("{}-{function}", self.stack),
            "service": service,
            "body": said,
        });
        let answer = self.http.post(&self.faults).json(&rule).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        let rule: Value = answer
            .expect("the proxy takes the fault")
            .json()
            .await
            .expect("and tells it");
        Failing {
            http: self.http.clone(),
            url: format!("{}/{}", self.faults, rule["id"]),
        }
    }
}

impl Failing {
    /// Ends it.
    ///
    /// # Panics
    /// When the proxy does not.
    pub async fn lift(self) {
        let answer = self.http.delete(&self.url).send().await;
        answer
            .and_then(reqwest::Response::error_for_status)
            .expect("the proxy lifts the fault");
    }
}
