//! A receiver of webhooks: a box of the local inbox that no other test uses.

use reqwest::{Client, Method};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::inbox::Pair;
use crate::unique;
use crate::wait::eventually;

/// A received request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HookRequest {
    /// The headers, with names in lower case.
    pub headers: Vec<Pair>,
    /// The exact body.
    pub body: String,
    /// Whether both families of headers have a valid signature.
    pub verified: bool,
    /// The first reason against it.
    pub problem: Option<String>,
    /// The fault that answered.
    pub fault: Option<String>,
}

impl HookRequest {
    /// Returns the body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn payload(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    /// Returns the value of a header.
    ///
    /// # Panics
    /// When it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|header| header.name == name);
        found.map_or_else(
            || panic!("no {name} in {:?}", self.headers),
            |header| header.value.as_str(),
        )
    }

    /// Returns the event's id.
    #[must_use]
    pub fn event_id(&self) -> &str {
        self.header("webhook-id")
    }

    /// Returns the event's type, and its recipient, suppressed address or domain.
    #[must_use]
    pub fn told(&self) -> (String, String) {
        let payload = self.payload();
        let text = |place: &str| payload.pointer(place).and_then(Value::as_str).map(str::to_owned);
        let about = ["/data/to/0", "/data/email", "/data/name"].into_iter().find_map(text);
        (text("/type").unwrap_or_default(), about.unwrap_or_default())
    }
}

/// A box of the local inbox.
#[derive(Debug, Clone)]
pub struct HookBox {
    http: Client,
    inbox_url: String,
    name: String,
}

impl HookBox {
    pub(crate) fn new(http: Client, inbox_url: &str) -> Self {
        Self {
            http,
            inbox_url: inbox_url.to_owned(),
            name: unique("box"),
        }
    }

    /// Returns another box of the same inbox.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.http.clone(), &self.inbox_url)
    }

    /// Returns the box to which a redirect leads; all tests share it.
    #[must_use]
    pub fn redirected(&self) -> Self {
        Self {
            name: "redirected".to_owned(),
            ..self.clone()
        }
    }

    /// Returns the endpoint of this receiver.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}/webhook-inbox?box={}", self.inbox_url, self.name)
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        let url = format!("{}/webhook-inbox{path}?box={}", self.inbox_url, self.name);
        let answer = self.http.request(method, url).json(body).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        answer
            .expect("the inbox answers")
            .json()
            .await
            .expect("the inbox answers JSON")
    }

    /// Sets the secrets with which the receiver verifies.
    pub async fn verify_with(&self, secrets: &[&str]) {
        self.call(Method::PUT, "", &json!({"secrets": secrets})).await;
    }

    /// Replaces the faults of the receiver.
    pub async fn strike(&self, faults: &Value) {
        self.call(Method::PUT, "/faults", &json!({"faults": faults})).await;
    }

    /// Posts a body with these headers, as a forwarder does.
    ///
    /// # Panics
    /// When the inbox does not answer.
    pub async fn forward(&self, body: String, headers: &[Pair]) {
        let mut request = self.http.post(self.endpoint()).body(body);
        for header in headers {
            request = request.header(&header.name, &header.value);
        }
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        answer.expect("the inbox accepts an event");
    }

    /// Returns the received requests, oldest first.
    ///
    /// # Panics
    /// When the inbox answers something else.
    pub async fn received(&self) -> Vec<HookRequest> {
        let listed = self.call(Method::GET, "", &Value::Null).await;
        let mut all: Vec<HookRequest> = serde_json::from_value(listed).expect("the inbox lists requests");
        all.reverse();
        all
    }

    /// Waits until requests with all these types and recipients have arrived; returns all requests.
    pub async fn wait_for(&self, wanted: &[(&str, &str)]) -> Vec<HookRequest> {
        eventually(&format!("the events {wanted:?}"), || async {
            let all = self.received().await;
            let told: Vec<_> = all
                .iter()
                .filter(|each| each.fault.is_none())
                .map(HookRequest::told)
                .collect();
            let has = |(kind, about): &&(&str, &str)| told.iter().any(|(k, a)| k == kind && a == about);
            if wanted.iter().all(|each| has(&each)) {
                Ok(all)
            } else {
                Err(format!("{told:?}"))
            }
        })
        .await
    }
}
