//! A client for tests that hides nothing: a client library would hide a dropped connection behind its own retries.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::server::{Program, Server};

/// The limit of every wait; longer than any step takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that runs as long as this value lives.
#[derive(Debug)]
pub struct Running {
    /// The address of the server.
    pub address: SocketAddr,
    _end: oneshot::Sender<()>,
}

impl Running {
    /// Starts a server on a task of its own.
    #[must_use]
    pub fn start<P: Program>(server: Server<P>) -> Self {
        let address = server.address();
        let (end, ended) = oneshot::channel::<()>();
        tokio::spawn(server.serve(async move {
            ended.await.ok();
        }));
        Self { address, _end: end }
    }

    /// Returns a connection with a whole request written to it. Each line of `head` ends with `\r\n`.
    ///
    /// # Errors
    /// The error of the socket.
    pub async fn ask(&self, method: &str, path: &str, head: &str, body: &str) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await?;
        let length = body.len();
        let request =
            format!("{method} {path} HTTP/1.1\r\n{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await?;
        Ok(stream)
    }

    /// Returns the whole answer to a request as text; empty when the connection closed without one.
    ///
    /// # Errors
    /// The error of the socket.
    pub async fn raw(&self, method: &str, path: &str, head: &str, body: &str) -> io::Result<String> {
        let mut stream = self.ask(method, path, head, body).await?;
        let mut answer = String::new();
        match stream.read_to_string(&mut answer).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(String::new()),
            read => read.map(|_| answer),
        }
    }
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Answer {
    /// The status; 0 without an answer.
    pub status: u16,
    /// The head in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Takes the text of an answer apart.
    #[must_use]
    pub fn read(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        Self {
            status: head
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok())
                .unwrap_or(0),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// Returns the text of a request's body; null is an empty one.
#[must_use]
pub fn body_of(value: &Value) -> String {
    if value.is_null() {
        String::new()
    } else {
        value.to_string()
    }
}

/// Checks repeatedly until a condition holds.
///
/// # Panics
/// When the condition does not hold within 20 seconds.
pub async fn eventually(condition: impl AsyncFn() -> bool) {
    let mut again = tokio::time::interval(Duration::from_millis(5));
    let so = async {
        while !condition().await {
            again.tick().await;
        }
    };
    let held = tokio::time::timeout(PATIENCE, so).await;
    assert!(held.is_ok(), "the condition did not hold within {PATIENCE:?}");
}
