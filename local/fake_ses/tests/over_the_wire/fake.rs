//! A separate fake SES for each test, and a client that hides nothing.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use fake_ses::settings::{EventSettings, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// The limit of every wait; longer than any step here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// SES's path of `SendEmail`.
pub(crate) const SEND: &str = "/v2/email/outbound-emails";

pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    _end: oneshot::Sender<()>,
}

impl Fake {
    /// Starts without events.
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Starts with events, if a destination is given.
    pub(crate) async fn start_with(events: Option<EventSettings>) -> Self {
        let settings = Settings {
            port: 0,
            region: "us-east-1".to_owned(),
            seed: Some(1),
            events,
        };
        let server = fake_ses::bind(settings).await.unwrap();
        let address = server.url().strip_prefix("http://").unwrap().parse().unwrap();
        let (end, ended) = oneshot::channel::<()>();
        tokio::spawn(server.serve(async move {
            ended.await.ok();
        }));
        Self { address, _end: end }
    }

    /// Returns a connection with the whole request written to it.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> io::Result<TcpStream> {
        self.ask_with(&format!("Host: {}", self.address), method, path, body)
            .await
    }

    /// Like [`Self::ask`], with the given first lines of the head, which include the host.
    async fn ask_with(&self, lines: &str, method: &str, path: &str, body: &str) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{lines}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        Ok(stream)
    }

    /// Returns the whole answer as text; empty when the connection closed without one.
    pub(crate) async fn raw(&self, method: &str, path: &str, body: &str) -> String {
        whole(self.ask(method, path, body).await.unwrap()).await
    }

    /// Like [`Self::raw`], with one more line in the head; a `Host` line replaces the default.
    pub(crate) async fn raw_with(&self, line: &str, method: &str, path: &str, body: &str) -> String {
        let lines = if line.starts_with("Host:") {
            line.to_owned()
        } else {
            format!("Host: {}\r\n{line}", self.address)
        };
        whole(self.ask_with(&lines, method, path, body).await.unwrap()).await
    }

    /// Returns the status, the head in lower case, and the body as JSON.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> (u16, String, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = self.raw(method, path, &body).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (
            status,
            head.to_ascii_lowercase(),
            serde_json::from_str(body).unwrap_or(Value::Null),
        )
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, _, body) = self.call("GET", path, &Value::Null).await;
        assert_eq!(status, 200, "GET {path}");
        body
    }

    pub(crate) async fn send(&self, email: &Value) -> (u16, String, Value) {
        self.call("POST", SEND, email).await
    }

    pub(crate) async fn faults(&self, faults: Value) {
        assert_eq!(self.call("PUT", "/faults", &json!({"faults": faults})).await.0, 200);
    }

    /// Returns the number of messages.
    pub(crate) async fn kept(&self) -> usize {
        self.get("/messages").await.as_array().unwrap().len()
    }
}

/// Reads until the connection ends.
async fn whole(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    match stream.read_to_string(&mut answer).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return String::new(),
        read => read.unwrap(),
    };
    answer
}

/// Checks repeatedly until the condition holds; the test fails after [`PATIENCE`].
pub(crate) async fn eventually(condition: impl AsyncFn() -> bool) {
    let mut again = tokio::time::interval(Duration::from_millis(5));
    let so = async {
        while !condition().await {
            again.tick().await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, so).await.is_ok(),
        "the condition did not hold within {PATIENCE:?}"
    );
}

/// An email that uses every field.
pub(crate) fn email(to: &str) -> Value {
    json!({
        "FromEmailAddress": "Ann <ann@example.com>",
        "Destination": {"ToAddresses": [to], "CcAddresses": ["cc@example.com"], "BccAddresses": ["bcc@example.com"]},
        "ReplyToAddresses": ["reply@example.com"],
        "Content": {"Simple": {
            "Subject": {"Data": "Grüße", "Charset": "UTF-8"},
            "Body": {
                "Text": {"Data": "Hello", "Charset": "UTF-8"},
                "Html": {"Data": "<p>Hello</p><img src='cid:pic'>", "Charset": "UTF-8"},
            },
            "Headers": [{"Name": "X-Email-Id", "Value": "7"}],
            "Attachments": [{"RawContent": "aGk=", "FileName": "a \".png", "ContentType": "image/png", "ContentId": "<pic>"}],
        }},
        "EmailTags": [{"Name": "mq_id", "Value": "7"}],
        "ConfigurationSetName": "set",
    })
}
