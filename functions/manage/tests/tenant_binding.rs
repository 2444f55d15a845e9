//! Commands on a queue that are answered only when they are in effect in every environment, in the in-memory backend.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::time::Duration;

use crate::common::{ask, ask_of, manage, read};
use domain::id::{QueueKey, QueueName, TenantId};
use domain::queue::{BINDS_AFTER, Queue};
use futures::poll;
use memory::samples::BORN;
use memory::{MemoryBackend, samples};
use serde_json::Value;
use tokio::time::Instant;

const SETTINGS: &str = include_str!("../src/settings.rs");

fn news() -> QueueKey {
    QueueKey {
        tenant: TenantId::main(),
        name: QueueName::parse("news").unwrap(),
    }
}

fn backend() -> MemoryBackend {
    let backend = samples::backend(0).unwrap();
    backend.state().queues.insert(news(), Queue::plain(news(), BORN));
    backend
}

fn request(method: &str, path: &str, body: &str) -> Value {
    samples::event(samples::API_KEY, method, path, body)
}

/// Returns the status of the response, and the time from the change of the queue to the response.
async fn answered(backend: &MemoryBackend, method: &str, path: &str, body: &str) -> (u16, Duration) {
    let mut manage = manage(backend, backend.clone());
    manage.with.binds_after = BINDS_AFTER;
    let (event, before) = (request(method, path, body), backend.state().queues.clone());
    let mut answer = std::pin::pin!(ask_of(&manage, &event));
    let began = Instant::now();
    let at_once = poll!(answer.as_mut());
    // Nothing in this backend takes time: the queue has changed when the function begins to wait.
    assert_ne!(backend.state().queues, before, "{method} {path}");
    let response = match at_once {
        std::task::Poll::Ready(response) => response,
        std::task::Poll::Pending => answer.await,
    };
    (read(&response).0, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_purge_or_deletion_is_answered_when_in_effect() {
    for (method, path, status, found) in [
        ("POST", "/queues/news/purge", 202, 200),
        ("POST", "/queues/default/purge", 202, 200),
        ("DELETE", "/queues/news", 200, 404),
        ("DELETE", "/queues/news?cancel=true", 200, 404),
    ] {
        let backend = backend();
        let answer = answered(&backend, method, path, "").await;
        assert_eq!(answer, (status, BINDS_AFTER), "{method} {path}");
        let shown = ask(&backend, &request("GET", "/queues/news", "")).await;
        assert_eq!(read(&shown).0, found, "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_changes_are_answered_at_once() {
    for (method, path, body, status) in [
        ("POST", "/queues/news/pause", "", 200),
        ("POST", "/queues/news/resume", "", 200),
        ("POST", "/queues/news/restore", "", 202),
        ("PATCH", "/queues/news", r#"{"rate_per_second": 3}"#, 200),
        ("POST", "/queues", r#"{"name": "more"}"#, 201),
    ] {
        let answer = answered(&backend(), method, path, body).await;
        assert_eq!(answer, (status, Duration::ZERO), "{method} {path}");
    }
}

/// The settings of the tests say nothing about production.
#[test]
fn production_waits_until_a_command_takes_effect() {
    assert!(SETTINGS.contains("use domain::queue::BINDS_AFTER;"));
    assert!(SETTINGS.contains(" binds_after: BINDS_AFTER,\n"));
}
