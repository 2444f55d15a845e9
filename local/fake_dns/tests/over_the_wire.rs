//! The server as its clients see it: by UDP, by TCP, and by its control.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers beside the tests may fail a test too"
)]

use std::net::SocketAddr;
use std::time::Duration;

use fake_dns::lookup::{LookupError, lookup};
use fake_dns::settings::Settings;
use fake_dns::zone::Kind;
use local_server::client::{Answer, Running, body_of};
use serde_json::{Value, json};

struct Dns {
    control: Running,
    address: SocketAddr,
}

impl Dns {
    async fn start() -> Self {
        let settings = Settings {
            dns_port: 0,
            control_port: 0,
        };
        let control = Running::start(fake_dns::bind(settings).await.unwrap());
        let shown = call(&control, "GET", "/server", &Value::Null).await.1;
        let address = shown["address"].as_str().unwrap().parse().unwrap();
        Self { control, address }
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        call(&self.control, method, path, body).await
    }

    async fn add(&self, records: Value) {
        assert_eq!(self.call("POST", "/records", &records).await.0, 204);
    }

    async fn faults(&self, faults: Value) {
        assert_eq!(self.call("PUT", "/faults", &json!({"faults": faults})).await.0, 200);
    }

    async fn look(&self, name: &str, kind: Kind) -> Result<Vec<String>, LookupError> {
        lookup(self.address, name, kind, Duration::from_millis(500)).await
    }
}

async fn call(control: &Running, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let head = format!("Host: {}\r\nContent-Type: application/json\r\n", control.address);
    let answer = Answer::read(&control.raw(method, path, &head, &body_of(body)).await.unwrap());
    (answer.status, answer.json())
}

#[tokio::test]
async fn records_are_added_found_and_removed() {
    let dns = Dns::start().await;
    dns.add(json!([
        {"name": "a._domainkey.example.com", "type": "CNAME", "value": "a.dkim.amazonses.com"},
        {"name": "send.example.com", "type": "MX", "value": "10 feedback-smtp.us-east-1.amazonses.com"},
        {"name": "send.example.com", "type": "TXT", "value": "v=spf1 include:amazonses.com ~all"},
        {"name": "hooks.example.com", "type": "A", "value": "192.0.2.1"},
        {"name": "hooks.example.com", "type": "AAAA", "value": "2001:db8::1"},
    ]))
    .await;
    for (kind, address) in [(Kind::A, "192.0.2.1"), (Kind::Aaaa, "2001:db8::1")] {
        assert_eq!(dns.look("hooks.example.com", kind).await.unwrap(), [address]);
    }
    assert_eq!(
        dns.look("A._domainkey.Example.com.", Kind::Cname).await.unwrap(),
        ["a.dkim.amazonses.com"]
    );
    assert_eq!(
        dns.look("send.example.com", Kind::Mx).await.unwrap(),
        ["10 feedback-smtp.us-east-1.amazonses.com"]
    );
    assert_eq!(
        dns.look("send.example.com", Kind::Txt).await.unwrap(),
        ["v=spf1 include:amazonses.com ~all"]
    );
    assert!(dns.look("example.com", Kind::Txt).await.unwrap().is_empty());
    assert!(matches!(
        dns.look("other.com", Kind::Txt).await,
        Err(LookupError::NoSuchName)
    ));
    assert_eq!(
        dns.call("GET", "/records", &Value::Null)
            .await
            .1
            .as_array()
            .unwrap()
            .len(),
        5
    );
    let removed = dns
        .call("DELETE", "/records?name=send.example.com&type=MX", &Value::Null)
        .await
        .1;
    assert_eq!(removed, json!({"removed": 1}));
    assert!(dns.look("send.example.com", Kind::Mx).await.unwrap().is_empty());
    let asked = dns.call("GET", "/queries", &Value::Null).await.1;
    assert_eq!(
        asked[2],
        json!({"name": "a._domainkey.example.com", "type": "CNAME", "tcp": false})
    );
}

#[tokio::test]
async fn a_truncated_answer_is_whole_by_tcp() {
    let dns = Dns::start().await;
    let (long, short) = ("x".repeat(3000), "short");
    dns.add(json!([
        {"name": "long.example", "type": "TXT", "value": long},
        {"name": "short.example", "type": "TXT", "value": short},
    ]))
    .await;
    assert_eq!(dns.look("long.example", Kind::Txt).await.unwrap(), [long]);
    dns.faults(json!([{"kind": "truncated", "count": 2}])).await;
    assert_eq!(dns.look("short.example", Kind::Txt).await.unwrap(), [short]);
    let asked = dns.call("GET", "/queries", &Value::Null).await.1;
    let by_tcp = asked.as_array().unwrap().iter().filter(|asked| asked["tcp"] == true);
    assert_eq!(by_tcp.count(), 2);
}

#[tokio::test]
async fn a_fault_reaches_the_client_until_it_ends() {
    let dns = Dns::start().await;
    dns.add(json!([{"name": "a.example", "type": "TXT", "value": "x"}]))
        .await;
    dns.faults(json!([{"kind": "servfail", "count": 1}, {"kind": "timeout", "name": "a.example"}]))
        .await;
    assert!(matches!(
        dns.look("a.example", Kind::Txt).await,
        Err(LookupError::Server(_))
    ));
    assert!(matches!(
        dns.look("a.example", Kind::Txt).await,
        Err(LookupError::NoAnswer)
    ));
    let shown = dns.call("GET", "/faults", &Value::Null).await.1;
    assert_eq!(shown["faults"][0]["count"], 0);
    assert_eq!(dns.call("DELETE", "/faults", &Value::Null).await.0, 204);
    assert_eq!(dns.look("a.example", Kind::Txt).await.unwrap(), ["x"]);
}

#[tokio::test]
async fn a_refused_list_of_records_changes_nothing() {
    let dns = Dns::start().await;
    for records in [
        json!([{"name": "a.example", "type": "TXT", "value": "x"}, {"name": "a.example", "type": "CNAME", "value": "b"}]),
        json!([{"name": "a.example", "type": "SRV", "value": "x"}]),
        json!({"name": "a.example", "type": "TXT", "value": "x"}),
    ] {
        let (status, answer) = dns.call("POST", "/records", &records).await;
        assert_eq!(status, 400, "{records}");
        assert!(answer["message"].is_string(), "{answer}");
    }
    assert_eq!(dns.call("GET", "/records", &Value::Null).await.1, json!([]));
}
