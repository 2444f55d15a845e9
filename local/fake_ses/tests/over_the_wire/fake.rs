//! A separate fake SES for each test.

use std::io;
use std::net::SocketAddr;

use fake_ses::settings::{ApiSettings, EventSettings, Settings};
pub(crate) use local_server::client::eventually;
use local_server::client::{Answer, Running, body_of};
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// SES's path of `SendEmail`.
pub(crate) const SEND: &str = "/v2/email/outbound-emails";

const JSON: &str = "Content-Type: application/json\r\n";

pub(crate) struct Fake(Running);

impl Fake {
    /// Starts without events.
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Starts with events, if a destination is given.
    pub(crate) async fn start_with(events: Option<EventSettings>) -> Self {
        Self::start_as(events, None, None).await
    }

    /// Starts with an API.
    pub(crate) async fn start_before(api: ApiSettings) -> Self {
        Self::start_as(None, None, Some(api)).await
    }

    /// Starts with a DNS server.
    pub(crate) async fn start_at(dns: SocketAddr) -> Self {
        Self::start_as(None, Some(dns), None).await
    }

    async fn start_as(events: Option<EventSettings>, dns: Option<SocketAddr>, api: Option<ApiSettings>) -> Self {
        let settings = Settings {
            port: 0,
            region: "us-east-1".to_owned(),
            seed: Some(1),
            verified: vec!["example.com".to_owned()],
            dns,
            events,
            api,
        };
        Self(Running::start(fake_ses::bind(settings).await.unwrap()))
    }

    /// The base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.address.port()
    }

    fn host(&self) -> String {
        format!("Host: {}\r\n{JSON}", self.0.address)
    }

    /// Returns a connection with the whole request written to it.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> io::Result<TcpStream> {
        self.0.ask(method, path, &self.host(), body).await
    }

    /// Returns the whole answer as text; empty when the connection closed without one.
    pub(crate) async fn raw(&self, method: &str, path: &str, body: &str) -> String {
        self.0.raw(method, path, &self.host(), body).await.unwrap()
    }

    /// Like [`Self::raw`], with one more line in the head; a `Host` line replaces the default.
    pub(crate) async fn raw_with(&self, line: &str, method: &str, path: &str, body: &str) -> String {
        let host = if line.starts_with("Host:") {
            JSON.to_owned()
        } else {
            self.host()
        };
        let head = format!("{line}\r\n{host}");
        self.0.raw(method, path, &head, body).await.unwrap()
    }

    /// Returns the status, the head in lower case, and the body as JSON.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> (u16, String, Value) {
        let answer = Answer::read(&self.raw(method, path, &body_of(body)).await);
        let body = answer.json();
        (answer.status, answer.head, body)
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
