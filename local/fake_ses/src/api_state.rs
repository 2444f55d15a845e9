//! The state of a message's email at the API, for the inbox's page.
//!
//! **Invariant:** this server asks the API, with a key that never leaves it. The page gets no content: the message
//! itself has it.
//! **Start reading at** [`email`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use reqwest::Client;
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::app::App;
use crate::mailbox::Message;
use crate::settings::ApiSettings;

/// The header in which mailqueue names its email.
const ID_HEADER: &str = "x-email-id";

/// The attempts of which the API keeps the events. Source: /openapi.json, `list_events`.
const KEPT_ATTEMPTS: u64 = 12;

/// The longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The API and its client.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    url: String,
    key_file: PathBuf,
}

impl Api {
    /// Creates the client; no call yet.
    pub fn new(settings: &ApiSettings) -> Self {
        // Everything runs on this machine, so a proxy of the environment would not find it.
        let http = Client::builder().no_proxy().timeout(TIMEOUT).redirect(Policy::none());
        Self {
            http: http.build().unwrap_or_default(),
            url: settings.url.clone(),
            key_file: settings.key_file.clone(),
        }
    }

    /// The address of an email in the console.
    fn console(&self, id: &str) -> String {
        format!("{}/console/#/emails/{id}", self.url)
    }

    /// Reads a resource. The key is read each time, because it may be created after the start.
    async fn get(&self, path: &str) -> Result<Value, Problem> {
        let key = std::fs::read_to_string(&self.key_file);
        let key =
            key.map_err(|_| Problem::unreachable("The API has no key for the inbox yet. Wait for `make local`."))?;
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(key.trim());
        let unreachable = |error: reqwest::Error| {
            tracing::warn!(%error, "the API did not answer");
            Problem::unreachable(format!("The API at {} does not answer. Is it running?", self.url))
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap_or_default();
        match status {
            200 => Ok(body),
            404 => Err(Problem {
                status: StatusCode::NOT_FOUND,
                message: "The API does not know this email, or no longer.".to_owned(),
            }),
            status => {
                let said = body
                    .get("message")
                    .and_then(Value::as_str)
                    .unwrap_or("nothing readable");
                Err(Problem {
                    status: StatusCode::BAD_GATEWAY,
                    message: format!("The API answered {status}: {said}"),
                })
            }
        }
    }

    /// Reads an email without its content, and its events.
    async fn state(&self, id: &str) -> Result<Value, Problem> {
        let (email, events) = (format!("/emails/{id}"), format!("/emails/{id}/events"));
        let (email, events) = tokio::join!(self.get(&email), self.get(&events));
        let (mut email, mut events) = (email?, events?);
        if let Some(email) = email.as_object_mut() {
            email.retain(|name, _| !["html", "text"].contains(&name.as_str()));
        }
        let attempts = email.get("attempts").and_then(Value::as_u64).unwrap_or_default();
        Ok(json!({
            "email_id": id,
            "console": self.console(id),
            "email": email,
            "events": events.get_mut("data").map(Value::take),
            "events_complete": attempts <= KEPT_ATTEMPTS,
        }))
    }
}

/// An answer without a state.
#[derive(Debug)]
struct Problem {
    status: StatusCode,
    message: String,
}

impl Problem {
    fn unreachable(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            message: message.into(),
        }
    }
}

/// `GET /messages/{id}/email`.
pub async fn email(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let found = app.mailbox().get(&id);
    let missing = |sentence: &str| Problem {
        status: StatusCode::NOT_FOUND,
        message: sentence.to_owned(),
    };
    let email = found.as_deref().map(email_of);
    let (console, state) = match (&app.api, email) {
        (_, None) => (None, Err(missing("No message has this id."))),
        (_, Some(None)) => {
            let sentence = "This message has no header X-Email-Id, so mailqueue did not send it.";
            (None, Err(missing(sentence)))
        }
        (None, Some(Some(_))) => {
            let sentence = "The inbox knows no API: set MAILQUEUE_URL and MAILQUEUE_API_KEY_FILE at its start.";
            (None, Err(Problem::unreachable(sentence)))
        }
        (Some(api), Some(Some(email))) => (Some(api.console(email)), api.state(email).await),
    };
    match state {
        Ok(state) => Json(state).into_response(),
        Err(problem) => {
            let body = json!({"message": problem.message, "console": console});
            (problem.status, Json(body)).into_response()
        }
    }
}

/// The id of a message's email. Only the form of an id passes, because it becomes a part of a URL.
fn email_of(message: &Message) -> Option<&str> {
    let mut headers = message.submission.headers.iter();
    let header = headers.find(|header| header.name.eq_ignore_ascii_case(ID_HEADER))?;
    let id = header.value.trim();
    let is_id = !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_id.then_some(id)
}
