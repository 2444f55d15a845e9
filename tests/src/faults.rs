//! Faults at SES, each for one test's recipients.
//!
//! **Invariant:** the fake SES knows one plan only and `PUT` replaces it: what this process has
//! in force is kept here, and put all together under one lock. No fault has a count, for a
//! later `PUT` would fill it up again.

use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::Mutex;

static IN_FORCE: Mutex<Vec<(String, Value)>> = Mutex::const_new(Vec::new());

/// Makes SES fail.
#[derive(Debug, Clone)]
pub struct Faults {
    http: Client,
    url: String,
}

/// A fault in force, until it is lifted. One that a failed test leaves strikes nobody else.
#[derive(Debug)]
#[must_use = "a fault is in force until it is lifted"]
pub struct Fault {
    faults: Faults,
    to: String,
}

impl Faults {
    pub(crate) fn new(http: Client, url: String) -> Self {
        Self { http, url }
    }

    /// From now on these kinds strike every message to a recipient that contains `to`; each with
    /// its delay in milliseconds, where it has one.
    pub async fn strike(&self, to: &str, kinds: &[(&str, Option<u64>)]) -> Fault {
        let mut in_force = IN_FORCE.lock().await;
        in_force.extend(
            kinds
                .iter()
                .map(|(kind, delay_ms)| (to.to_owned(), json!({"kind": kind, "delay_ms": delay_ms, "to": to}))),
        );
        self.put(&in_force).await;
        Fault {
            faults: self.clone(),
            to: to.to_owned(),
        }
    }

    /// From now on SES reports this kind of event about a recipient that contains `to`, with these details.
    pub async fn report(&self, to: &str, kind: &str, details: &Value) -> Fault {
        let mut in_force = IN_FORCE.lock().await;
        in_force.push((to.to_owned(), json!({"kind": kind, "event": details, "to": to})));
        self.put(&in_force).await;
        Fault {
            faults: self.clone(),
            to: to.to_owned(),
        }
    }

    async fn put(&self, in_force: &[(String, Value)]) {
        let plan: Vec<&Value> = in_force.iter().map(|(_, fault)| fault).collect();
        let put = self
            .http
            .put(format!("{}/faults", self.url))
            .json(&json!({"faults": plan}))
            .send()
            .await;
        put.and_then(reqwest::Response::error_for_status)
            .expect("the fake SES takes the faults");
    }
}

impl Fault {
    /// Ends it.
    pub async fn lift(self) {
        let mut in_force = IN_FORCE.lock().await;
        in_force.retain(|(to, _)| *to != self.to);
        self.faults.put(&in_force).await;
    }
}
