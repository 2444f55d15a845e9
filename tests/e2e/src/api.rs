//! The HTTP API of mailqueue, as its clients see it.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::answer::HttpResponse;
use crate::unique;
use crate::wait::eventually;

/// A client of the API with the stack's key.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    url: String,
    key: String,
}

impl Api {
    pub(crate) fn new(http: Client, url: String, key: String) -> Self {
        Self { http, url, key }
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The API key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the same API with another key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        let key = key.to_owned();
        Self { key, ..self.clone() }
    }

    /// Builds a request without a key.
    pub fn stranger(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Builds a request with the key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.stranger(method, path).bearer_auth(&self.key)
    }

    /// Sends a request.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn answer(&self, request: RequestBuilder) -> HttpResponse {
        HttpResponse::read(request.send().await.expect("the API answers")).await
    }

    /// `POST`s a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> HttpResponse {
        self.answer(self.request(Method::POST, path).json(body)).await
    }

    /// `POST`s a JSON body with an idempotency key.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> HttpResponse {
        self.answer(
            self.request(Method::POST, path)
                .header("idempotency-key", key)
                .json(body),
        )
        .await
    }

    /// `PATCH`es with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> HttpResponse {
        self.answer(self.request(Method::PATCH, path).json(body)).await
    }

    /// `DELETE`s.
    pub async fn delete(&self, path: &str) -> HttpResponse {
        self.answer(self.request(Method::DELETE, path)).await
    }

    /// `GET`s.
    pub async fn get(&self, path: &str) -> HttpResponse {
        self.answer(self.request(Method::GET, path)).await
    }

    /// Sends one email; returns its id.
    pub async fn send(&self, email: &Value) -> String {
        self.post("/emails", email).await.id()
    }

    /// Sends a batch as a client should: with an idempotency key, and again after an answer that says to try again. On a
    /// busy machine the gateway may stop waiting for the function. Returns the ids in the order of the emails.
    pub async fn send_batch(&self, emails: &[Value]) -> Vec<String> {
        let (key, batch) = (unique("batch"), Value::from(emails));
        eventually("an answer to a batch", || async {
            let answer = self.post_once("/emails/batch", &key, &batch).await;
            match answer.status {
                409 | 500 | 503 => Err(format!("{answer:?}")),
                _ => Ok(answer.ids()),
            }
        })
        .await
    }

    /// Returns an email as it is now.
    pub async fn email(&self, id: &str) -> Value {
        self.get(&format!("/emails/{id}")).await.ok()
    }

    /// Waits until an email has these values in these fields; returns it.
    pub async fn wait_for(&self, id: &str, wanted: &Value) -> Value {
        let wanted = wanted.as_object().expect("fields and their values are an object");
        let what = format!("{wanted:?} of email {id}");
        eventually(&what, || async {
            let email = self.email(id).await;
            let shown = |field: &String| (field.clone(), email.get(field).cloned().unwrap_or_default());
            if wanted.iter().all(|(field, value)| email.get(field) == Some(value)) {
                return Ok(email);
            }
            let also = ["status", "last_event", "cause", "attempts", "maybe_duplicate"].map(str::to_owned);
            Err(format!(
                "{:?}",
                also.iter()
                    .chain(wanted.keys())
                    .map(shown)
                    .collect::<serde_json::Map<_, _>>()
            ))
        })
        .await
    }

    /// Waits until an email is delivered; returns it.
    pub async fn wait_for_delivery(&self, id: &str) -> Value {
        self.wait_for(id, &serde_json::json!({"last_event": "delivered"})).await
    }
}
