//! The state of a message's email, asked of an API that a small server plays.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use fake_ses::settings::ApiSettings;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::fake::{Fake, email};

/// Removes its file at the end.
struct KeyFile(PathBuf);

impl KeyFile {
    fn new(name: &str) -> Self {
        let file = std::env::temp_dir().join(format!("fake-ses-{}-{name}", std::process::id()));
        std::fs::write(&file, "mq_secret\n").unwrap();
        Self(file)
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

type Calls = Arc<Mutex<Vec<String>>>;

/// Answers as the API does: `/emails/7` exists, and every other email answers with its id as the status.
async fn answer(State(calls): State<Calls>, uri: Uri, headers: HeaderMap) -> Response {
    let key = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
    calls.lock().unwrap().push(format!("{} {key}", uri.path()));
    match uri.path() {
        "/emails/7" => json!({"id": "7", "status": "sent", "attempts": 13, "html": "<p>", "text": "t"}).to_string(),
        "/emails/7/events" => json!({"object": "list", "data": [{"type": "sent"}]}).to_string(),
        path => {
            let status = path.split('/').nth(2).unwrap().parse().unwrap();
            let body = json!({"message": "In the API's words."}).to_string();
            return (StatusCode::from_u16(status).unwrap(), body).into_response();
        }
    }
    .into_response()
}

async fn api(key: &KeyFile) -> (ApiSettings, Calls) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let calls = Calls::default();
    let routes = Router::new().fallback(answer).with_state(Arc::clone(&calls));
    tokio::spawn(axum::serve(listener, routes).into_future());
    let key_file = key.0.clone();
    (ApiSettings { url, key_file }, calls)
}

/// Sends an email with this id, and returns the state of its message.
async fn state(fake: &Fake, email_id: &str) -> (u16, Value) {
    let mut message = email("bob@example.com");
    message["Content"]["Simple"]["Headers"][0]["Value"] = json!(email_id);
    let (_, _, answer) = fake.send(&message).await;
    let id = answer["MessageId"].as_str().unwrap();
    let (status, _, body) = fake.call("GET", &format!("/messages/{id}/email"), &Value::Null).await;
    (status, body)
}

#[tokio::test]
async fn the_server_asks_the_api_and_keeps_the_key() {
    let key = KeyFile::new("asked");
    let (settings, calls) = api(&key).await;
    let url = settings.url.clone();
    let fake = Fake::start_before(settings).await;
    let (status, body) = state(&fake, "7").await;
    assert_eq!(status, 200);
    let expected = json!({
        "email_id": "7",
        "console": format!("{url}/console/#/emails/7"),
        "email": {"id": "7", "status": "sent", "attempts": 13},
        "events": [{"type": "sent"}],
        "events_complete": false,
    });
    assert_eq!(body, expected);
    let mut calls = calls.lock().unwrap().clone();
    calls.sort();
    assert_eq!(
        calls,
        ["/emails/7 Bearer mq_secret", "/emails/7/events Bearer mq_secret"]
    );
    assert!(!body.to_string().contains("mq_secret"));
}

#[tokio::test]
async fn a_refusal_of_the_api_is_told_in_its_words() {
    let key = KeyFile::new("refused");
    let (settings, _) = api(&key).await;
    let url = settings.url.clone();
    let fake = Fake::start_before(settings).await;
    for (id, status, message) in [
        ("404", 404, "The API does not know this email, or no longer."),
        ("403", 502, "The API answered 403: In the API's words."),
        ("500", 502, "The API answered 500: In the API's words."),
    ] {
        let (answered, body) = state(&fake, id).await;
        let console = format!("{url}/console/#/emails/{id}");
        assert_eq!(
            (answered, body),
            (status, json!({"message": message, "console": console}))
        );
    }
}

#[tokio::test]
async fn a_message_of_another_program_has_no_state() {
    let key = KeyFile::new("foreign");
    let (settings, calls) = api(&key).await;
    let fake = Fake::start_before(settings).await;
    for id in ["7 8", "../api-keys", "7/events", "7?x=1"] {
        let (status, body) = state(&fake, id).await;
        assert_eq!((status, &body["console"]), (404, &Value::Null), "{id}");
    }
    let (status, _, _) = fake.call("GET", "/messages/none/email", &Value::Null).await;
    assert_eq!(status, 404);
    assert!(calls.lock().unwrap().is_empty(), "the API was asked");
}

#[tokio::test]
async fn an_unreachable_api_is_a_clear_sentence() {
    let (status, body) = state(&Fake::start().await, "7").await;
    assert_eq!(status, 503);
    assert!(body["message"].as_str().unwrap().contains("MAILQUEUE_URL"), "{body}");

    let key = KeyFile::new("unreachable");
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let settings = |key_file: PathBuf| ApiSettings {
        url: format!("http://{closed}"),
        key_file,
    };
    let (status, body) = state(&Fake::start_before(settings(key.0.clone())).await, "7").await;
    assert_eq!(status, 503);
    assert!(body["message"].as_str().unwrap().contains("does not answer"), "{body}");

    let missing = key.0.with_extension("missing");
    let (status, body) = state(&Fake::start_before(settings(missing)).await, "7").await;
    assert_eq!(status, 503);
    assert!(body["message"].as_str().unwrap().contains("no key"), "{body}");
}
