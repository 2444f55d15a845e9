//! The account at SES, from its owner's view: its limits and the requests that it received.
//!
//! **Invariant:** all tests share the account: only a test that has the stack alone changes it.

use reqwest::Client;
use serde_json::{Value, json};

/// The account.
#[derive(Debug, Clone)]
pub struct Account {
    http: Client,
    url: String,
}

impl Account {
    pub(crate) fn new(http: Client, url: String) -> Self {
        Self { http, url }
    }

    /// Raises the limits so far that no email waits: one test's emails must not delay another's.
    pub async fn ordinary(&self) {
        self.allow(Some(1_000.0), None).await;
    }

    /// Sets the limits: recipients per second, and per 24 hours.
    pub async fn allow(&self, max_send_rate: Option<f64>, max_24_hour_send: Option<f64>) {
        self.put(
            "account",
            &json!({"max_send_rate": max_send_rate, "max_24_hour_send": max_24_hour_send}),
        )
        .await;
    }

    /// Replaces all faults by these, for every message.
    pub async fn strike(&self, faults: &Value) {
        self.put("faults", &json!({"faults": faults})).await;
    }

    /// Sets the list in force: the account's own suppression list, or the configuration set's empty list of reasons.
    /// The template sets the empty list.
    pub async fn account_list_decides(&self, it_does: bool) {
        let reasons = if it_does { Value::Null } else { json!([]) };
        self.put("configuration-set", &json!({"suppressed_reasons": reasons}))
            .await;
    }

    /// The addresses on the account's suppression list.
    pub async fn suppressed(&self) -> Vec<Value> {
        let listed = self.get("suppressed").await;
        listed.as_array().expect("the fake SES lists addresses").clone()
    }

    /// Tells whether SES has an identity.
    pub async fn has_identity(&self, name: &str) -> bool {
        let url = format!("{}/v2/email/identities/{name}", self.url);
        let answer = self.http.get(url).send().await.expect("the fake SES answers");
        answer.status().is_success()
    }

    /// Deletes an identity, as a person does in the console of SES.
    ///
    /// # Panics
    /// When SES refuses it.
    pub async fn delete_identity(&self, name: &str) {
        let url = format!("{}/v2/email/identities/{name}", self.url);
        let answer = self.http.delete(url).send().await.expect("the fake SES answers");
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Returns the number of recipients that it sent to in the last 24 hours.
    pub async fn sent(&self) -> f64 {
        let account = self.get("v2/email/account").await;
        let sent = account.pointer("/SendQuota/SentLast24Hours").and_then(Value::as_f64);
        sent.expect("the account reports its sent recipients")
    }

    /// Returns the number of `SendEmail` requests since the stack's start.
    pub async fn requests(&self) -> u64 {
        let stats = self.get("stats").await;
        let answers = stats.pointer("/requests/SendEmail").and_then(Value::as_object);
        let count = |answers: &serde_json::Map<String, Value>| answers.values().filter_map(Value::as_u64).sum();
        answers.map_or(0, count)
    }

    async fn put(&self, path: &str, body: &Value) {
        let put = self.http.put(format!("{}/{path}", self.url)).json(body).send().await;
        put.and_then(reqwest::Response::error_for_status)
            .expect("the fake SES accepts the setting");
    }

    async fn get(&self, path: &str) -> Value {
        let requests = self.http.get(format!("{}/{path}", self.url)).send().await;
        requests
            .expect("the fake SES answers")
            .json()
            .await
            .expect("the fake SES answers JSON")
    }
}
