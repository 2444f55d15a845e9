//! A separate proxy for each test.

use std::path::PathBuf;

use fault_proxy::settings::Settings;
pub(crate) use local_server::client::eventually;
use local_server::client::{Answer, Running, body_of};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::upstream::{self, Effects};

/// The head of a call to DynamoDB.
pub(crate) const UPDATE: &str = "X-Amz-Target: DynamoDB_20120810.UpdateItem\r\n";

/// The head of a call to SQS.
pub(crate) const SEND_BATCH: &str = "X-Amz-Target: AmazonSQS.SendMessageBatch\r\n";

/// The head of a call to SNS.
pub(crate) const PUBLISH: &str =
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20261124/us-east-1/sns/aws4_request, SignedHeaders=host\r\n";

pub(crate) struct Proxy {
    running: Running,
    pub(crate) aws: Effects,
    pub(crate) ses: Effects,
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
        let running = Running::start(fault_proxy::bind(settings).await.unwrap());
        Self { running, aws, ses }
    }

    pub(crate) fn port(&self) -> u16 {
        self.running.address.port()
    }

    /// Returns a connection with the whole request written to it.
    pub(crate) async fn ask(&self, method: &str, path: &str, head: &str, body: &str) -> TcpStream {
        let head = format!(
            "Host: somebody.example
{head}"
        );
        self.running.ask(method, path, &head, body).await.unwrap()
    }

    /// Returns the whole answer as text; empty when the connection closed without one.
    pub(crate) async fn raw(&self, method: &str, path: &str, head: &str, body: &str) -> String {
        let head = format!(
            "Host: somebody.example
{head}"
        );
        self.running.raw(method, path, &head, body).await.unwrap()
    }

    /// Calls AWS; returns the status, 0 without an answer, and the body.
    pub(crate) async fn call(&self, head: &str, body: &str) -> (u16, String) {
        let answer = Answer::read(&self.raw("POST", "/", head, body).await);
        (answer.status, answer.body)
    }

    /// Calls one of the proxy's own routes, which answer JSON.
    pub(crate) async fn control(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let path = format!("/_fault_proxy/{path}");
        let answer = Answer::read(&self.raw(method, &path, "", &body_of(body)).await);
        (answer.status, answer.json())
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
