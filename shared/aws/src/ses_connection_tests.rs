//! Outcomes of an attempt that the connection to SES decides, not SES's answer.
//!
//! A local server replaces SES, so that the SDK's own HTTP client runs as in production. It counts the requests
//! that it has read: each may be a copy of the email.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::tests::{email, settings};
use super::*;
use crate::runtime::clients::{Clients, SES_IDLE, connector};
use crate::runtime::replay::environment;
use crate::storage::records::samples::full;

/// Generous time for an answer on this machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Behaviour of the server after it has read a request.
#[derive(Debug, Clone)]
enum Then {
    /// Writes this, and closes the connection.
    Writes(String),
    /// Writes this, and leaves the connection open.
    Stalls(String),
}

/// Returns a complete answer.
fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// A server that runs until the test's runtime ends.
struct Server {
    url: String,
    read: Arc<AtomicUsize>,
}

impl Server {
    async fn start(then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let read = Arc::new(AtomicUsize::new(0));
        let counter = read.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, then.clone(), counter.clone()));
            }
        });
        Self { url, read }
    }

    fn requests(&self) -> usize {
        self.read.load(Ordering::SeqCst)
    }
}

async fn serve(mut connection: TcpStream, then: Then, read: Arc<AtomicUsize>) {
    read_request(&mut connection).await;
    read.fetch_add(1, Ordering::SeqCst);
    match then {
        Then::Writes(answer) => connection.write_all(answer.as_bytes()).await.unwrap(),
        Then::Stalls(answer) => {
            connection.write_all(answer.as_bytes()).await.unwrap();
            // Until the client gives up.
            let gone = connection.read(&mut [0]).await;
            assert!(matches!(gone, Ok(0) | Err(_)), "nothing may follow a request");
        }
    }
}

/// Reads a request to the end of its body.
async fn read_request(connection: &mut TcpStream) {
    let mut request = Vec::new();
    loop {
        let read = connection.read_buf(&mut request).await.unwrap();
        assert!(read > 0, "the request is whole");
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .unwrap();
            if body.len() >= length.parse().unwrap() {
                return;
            }
        }
    }
}

async fn submit(url: &str, patience: Duration) -> Attempt {
    let connector = connector(SES_IDLE).unwrap();
    let clients = Clients::over(environment().endpoint_url(url), connector.clone(), connector);
    Ses::new(clients.ses(), &settings())
        .submit(&full(), email(), patience)
        .await
}

/// Allows the server one request; a second would be a second email.
async fn submit_once(then: Then, patience: Duration) -> Attempt {
    let server = Server::start(then.clone()).await;
    let attempt = submit(&server.url, patience).await;
    assert_eq!(server.requests(), 1, "{then:?}");
    attempt
}

#[tokio::test]
async fn ok_means_accepted_with_or_without_an_id() {
    for (body, id) in [(r#"{"MessageId":"0100"}"#, "0100"), ("{}", ""), ("", "")] {
        let message_id = id.to_owned();
        let attempt = submit_once(Then::Writes(answer("200 OK", body)), PATIENCE).await;
        assert_eq!(attempt, Attempt::Accepted { message_id }, "{body}");
    }
}

#[tokio::test]
async fn a_lost_or_broken_answer_is_ambiguous() {
    let ok = answer("200 OK", r#"{"MessageId":"0100"}"#);
    let throttled = answer(
        "429 Too Many Requests",
        r#"{"message":"Maximum sending rate exceeded."}"#,
    );
    for broken in [
        String::new(),
        "HTTP/1.1 2".to_owned(),
        "no HTTP at all".to_owned(),
        ok[..ok.len() - 1].to_owned(),
        throttled[..throttled.len() - 1].to_owned(),
        answer("200 OK", "hello"),
        answer("200 OK", "{\"Mess"),
        answer("500 Internal Server Error", "{}"),
        answer("503 Service Unavailable", ""),
    ] {
        let attempt = submit_once(Then::Writes(broken.clone()), PATIENCE).await;
        assert_eq!(attempt, Attempt::Ambiguous, "{broken}");
    }
}

#[tokio::test]
async fn a_silent_server_is_ambiguous_after_the_timeout() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"Mess";
    for begun in ["", half] {
        let attempt = submit_once(Then::Stalls(begun.to_owned()), Duration::from_millis(300)).await;
        assert_eq!(attempt, Attempt::Ambiguous, "{begun}");
    }
}

#[tokio::test]
async fn the_sdk_does_not_retry_a_throttle() {
    let throttled = answer(
        "429 Too Many Requests",
        r#"{"message":"Maximum sending rate exceeded."}"#,
    );
    let attempt = submit_once(Then::Writes(throttled), PATIENCE).await;
    assert!(
        matches!(
            attempt,
            Attempt::NotAccepted {
                cause: Cause::Throttled,
                ..
            }
        ),
        "{attempt:?}"
    );
}

/// The server has read nothing, so that a repetition is safe.
#[tokio::test]
async fn a_refused_connection_has_submitted_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let detail = "Amazon SES could not be reached".to_owned();
    let attempt = submit(&url, PATIENCE).await;
    assert_eq!(
        attempt,
        Attempt::NotAccepted {
            cause: Cause::Unreached,
            detail
        }
    );
}
