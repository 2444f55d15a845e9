//! Faults at SES, each for one test's recipients.
//!
//! **Invariant:** the fake SES has a single plan, which `PUT` replaces. This module keeps the active faults of the
//! process, and sends them all together under one lock. No fault has a count, because a later `PUT` would reset it.

use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::Mutex;

static IN_FORCE: Mutex<Vec<(String, Value)>> = Mutex::const_new(Vec::new());

/// The injector of faults at SES.
#[derive(Debug, Clone)]
pub struct Faults {
    http: Client,
    url: String,
}

/// An active fault, until it is lifted. A fault that a failed test leaves behind affects no other test.
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

    /// Applies these kinds to every message to a recipient that contains `to`, each with its optional delay in
    /// milliseconds.
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

    /// Makes SES report this kind of event, with these details, about every recipient that contains `to`.
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
            .expect("the fake SES accepts the faults");
    }
}

impl Fault {
    /// Ends the fault.
    pub async fn lift(self) {
        let mut in_force = IN_FORCE.lock().await;
        in_force.retain(|(to, _)| *to != self.to);
        self.faults.put(&in_force).await;
    }
}
