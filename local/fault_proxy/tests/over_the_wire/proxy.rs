//! A separate proxy for each test, and a client that hides nothing.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use fault_proxy::settings::Settings;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::upstream::{self, Effects};

/// The limit of every wait; longer than any step here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The head of a call to DynamoDB.
pub(crate) const UPDATE: &str = "X-Amz-Target: DynamoDB_20120810.UpdateItem\r\n";

/// The head of a call to SQS.
pub(crate) const SEND_BATCH: &str = "X-Amz-Target: AmazonSQS.SendMessageBatch\r\n";

/// The head of a call to SNS.
pub(crate) const PUBLISH: &str =
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20261124/us-east-1/sns/aws4_request, SignedHeaders=host\r\n";

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) aws: Effects,
    pub(crate) ses: Effects,
    _end: oneshot::Sender<()>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Starts with a log, if a path is given.
    pub(crate) async fn start_with(log: Option<PathBuf>) -> Self {
        let ((aws_url, aws), (ses_url, ses)) = (upstream::start().await, upstream::start().await);
        let settings = Settings {
            port: 0,
            aws: aws_url,
            ses: ses_url,
            seed: Some(1),
            log,
        };
        Self::serve(&settings, aws, ses).await
    }

    /// Starts with these settings.
    pub(crate) async fn serve(settings: &Settings, aws: Effects, ses: Effects) -> Self {
        let server = fault_proxy::bind(settings).await.unwrap();
        let address = server.url().strip_prefix("http://").unwrap().parse().unwrap();
        let (end, ended) = oneshot::channel::<()>();
        tokio::spawn(server.serve(async move {
            ended.await.ok();
        }));
        Self {
            address,
            aws,
            ses,
            _end: end,
        }
    }

    /// Returns a connection with the whole request written to it.
    pub(crate) async fn ask(&self, method: &str, path: &str, head: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: somebody.example\r\nConnection: close\r\n{head}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Returns the whole answer as text; empty when the connection closed without one.
    pub(crate) async fn raw(&self, method: &str, path: &str, head: &str, body: &str) -> String {
        let mut stream = self.ask(method, path, head, body).await;
        let mut answer = String::new();
        match stream.read_to_string(&mut answer).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return String::new(),
            read => read.unwrap(),
        };
        answer
    }

    /// Calls AWS; returns the status, 0 without an answer, and the body.
    pub(crate) async fn call(&self, head: &str, body: &str) -> (u16, String) {
        let answer = self.raw("POST", "/", head, body).await;
        let status = answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, body.to_owned())
    }

    /// Calls one of the proxy's own routes, which answer JSON.
    pub(crate) async fn control(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let path = format!("/_fault_proxy/{path}");
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = self.raw(method, &path, "", &body).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.control("GET", path, &Value::Null).await;
        assert_eq!(status, 200, "GET {path}");
        body
    }

    pub(crate) async fn faults(&self, faults: Value) {
        let (status, body) = self.control("PUT", "faults", &json!({"faults": faults})).await;
        assert_eq!(status, 200, "{body}");
    }

    /// Returns the number of calls that took effect at AWS.
    pub(crate) fn effects(&self) -> usize {
        self.aws.lock().unwrap().len()
    }
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
