//! Names: against the fake DNS server, whose records change between attempts.

use std::net::SocketAddr;

use fake_dns::settings::Settings;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::proto::rr::Name;
use local_server::client::{Answer, Running, body_of};
use outgoing::dial::Tcp;
use outgoing::dns::SystemResolver;
use outgoing::failure::DnsError;
use outgoing::resolve::Resolve;
use outgoing::{Caller, Failure, Limits, Outcome, Policy, Refusal};
use serde_json::{Value, json};

use super::net::{Authority, EMPTY, HOST, Names, Net, PUBLIC, Server, Then, URL, post, serve_once};

/// The fake DNS server, and a host that it knows.
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
        let shown = call(&control, "GET", "/server", &Value::Null).await;
        let address = shown["address"].as_str().unwrap().parse().unwrap();
        Self { control, address }
    }

    /// Gives the host these records and no others.
    async fn set(&self, records: &[(&str, &str)]) {
        call(&self.control, "DELETE", "/records", &Value::Null).await;
        let record = |(kind, value): &(&str, &str)| json!({"name": HOST, "type": kind, "value": value});
        let records: Vec<Value> = records.iter().map(record).collect();
        call(&self.control, "POST", "/records", &json!(records)).await;
    }

    async fn faults(&self, faults: Value) {
        call(&self.control, "PUT", "/faults", &json!({"faults": faults})).await;
    }

    /// The types of the questions about the host so far.
    async fn asked(&self) -> Vec<String> {
        let queries = call(&self.control, "GET", "/queries", &Value::Null).await;
        let mut types = Vec::new();
        for query in queries.as_array().unwrap() {
            assert_eq!(query["name"], HOST);
            types.push(query["type"].as_str().unwrap().to_owned());
        }
        types.sort();
        types
    }

    fn resolver(&self) -> SystemResolver {
        SystemResolver::connect(Some(self.address)).unwrap()
    }
}

async fn call(control: &Running, method: &str, path: &str, body: &Value) -> Value {
    let head = format!("Host: {}\r\nContent-Type: application/json\r\n", control.address);
    let answer = Answer::read(&control.raw(method, path, &head, &body_of(body)).await.unwrap());
    assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
    if answer.status == 204 {
        Value::Null
    } else {
        answer.json()
    }
}

/// A caller over the fake DNS server, in a network with one good server.
async fn start() -> (Dns, Net, Caller<SystemResolver, Net>) {
    let (dns, authority) = (Dns::start().await, Authority::new());
    let net = Net::new(Server::answers(authority.of(HOST), EMPTY, Then::Close));
    let caller = Caller::with(dns.resolver(), net.clone(), authority.tls(), Limits::default());
    (dns, net, caller)
}

fn rule(outcome: &Outcome) -> &'static str {
    match outcome {
        Err(Failure::Refused(Refusal { rule, resolved: true })) => rule.name(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_attempt_is_checked_anew() {
    let (dns, net, caller) = start().await;
    dns.set(&[("A", PUBLIC)]).await;
    assert_eq!(post(&caller, URL, Policy::Public).await.unwrap().status, 204);
    for (kind, address, expected) in [
        ("A", "127.0.0.1", "loopback"),
        ("A", "10.0.0.1", "private"),
        ("A", "169.254.169.254", "link_local"),
        ("AAAA", "::1", "loopback"),
        ("AAAA", "::ffff:169.254.169.254", "mapped"),
        ("AAAA", "fd00:ec2::254", "unique_local"),
    ] {
        dns.set(&[(kind, address)]).await;
        assert_eq!(rule(&post(&caller, URL, Policy::Public).await), expected);
        // One public address beside it changes nothing.
        dns.set(&[("A", PUBLIC), (kind, address)]).await;
        assert_eq!(rule(&post(&caller, URL, Policy::Public).await), expected);
    }
    assert_eq!(net.dialed(), [format!("{PUBLIC}:443")], "a refused address was called");
    dns.set(&[("A", PUBLIC)]).await;
    assert_eq!(post(&caller, URL, Policy::Public).await.unwrap().status, 204);
    assert_eq!(net.dialed().len(), 2);
}

#[tokio::test]
async fn the_checked_address_is_called_without_another_look() {
    let authority = Authority::new();
    let net = Net::new(Server::answers(authority.of(HOST), EMPTY, Then::Close));
    // A second question would get another answer.
    let names = Names::new(&[&[PUBLIC], &["127.0.0.1"]]);
    let caller = Caller::with(names.clone(), net.clone(), authority.tls(), Limits::default());
    assert_eq!(post(&caller, URL, Policy::Public).await.unwrap().status, 204);
    assert_eq!(names.left(), 1);
    assert_eq!(net.dialed(), [format!("{PUBLIC}:443")]);
    assert_eq!(rule(&post(&caller, URL, Policy::Public).await), "loopback");
    assert_eq!(net.dialed().len(), 1);
}

#[tokio::test]
async fn an_attempt_asks_once_for_each_type_of_address() {
    let (dns, net, caller) = start().await;
    dns.set(&[("A", PUBLIC), ("AAAA", "2606:4700::1")]).await;
    for attempts in 1..3 {
        assert_eq!(post(&caller, URL, Policy::Public).await.unwrap().status, 204);
        let mut expected = vec!["A"; attempts];
        expected.extend(vec!["AAAA"; attempts]);
        assert_eq!(dns.asked().await, expected, "an answer was cached or asked for twice");
    }
    assert_eq!(net.dialed(), vec![format!("{PUBLIC}:443"); 2]);
}

#[tokio::test]
async fn a_search_domain_of_the_system_is_not_used() {
    let dns = Dns::start().await;
    let records = json!([{"name": format!("{HOST}.search.example"), "type": "A", "value": PUBLIC}]);
    call(&dns.control, "POST", "/records", &records).await;
    let mut server = NameServerConfig::udp_and_tcp(dns.address.ip());
    for connection in &mut server.connections {
        connection.port = dns.address.port();
    }
    let domain = Name::from_ascii("search.example.").unwrap();
    let config = ResolverConfig::from_parts(Some(domain.clone()), vec![domain], vec![server]);
    let found = SystemResolver::with_config(config).unwrap().resolve(HOST).await;
    assert_eq!(found, Err(DnsError::NoAddress));
    assert_eq!(dns.asked().await, ["A", "AAAA"]);
}

#[tokio::test]
async fn an_alias_to_a_private_address_is_refused() {
    let (dns, net, caller) = start().await;
    dns.set(&[("CNAME", "internal.example.net")]).await;
    let records = json!([{"name": "internal.example.net", "type": "A", "value": "10.0.0.1"}]);
    call(&dns.control, "POST", "/records", &records).await;
    assert_eq!(rule(&post(&caller, URL, Policy::Public).await), "private");
    assert!(net.dialed().is_empty());
}

#[tokio::test]
async fn a_name_without_addresses_is_told_from_silent_dns() {
    let (dns, net, caller) = start().await;
    let outcome = post(&caller, URL, Policy::Public).await;
    assert!(matches!(outcome, Err(Failure::Dns(DnsError::NoAddress))), "{outcome:?}");
    dns.set(&[("TXT", "x")]).await;
    let outcome = post(&caller, URL, Policy::Public).await;
    assert!(matches!(outcome, Err(Failure::Dns(DnsError::NoAddress))), "{outcome:?}");
    dns.set(&[("A", PUBLIC)]).await;
    dns.faults(json!([{"kind": "servfail"}])).await;
    let outcome = post(&caller, URL, Policy::Public).await;
    assert!(
        matches!(outcome, Err(Failure::Dns(DnsError::Unavailable))),
        "{outcome:?}"
    );
    assert!(net.dialed().is_empty());
    // The addresses of one type are enough.
    dns.faults(json!([{"kind": "servfail", "type": "AAAA"}])).await;
    assert_eq!(post(&caller, URL, Policy::Public).await.unwrap().status, 204);
}

/// By real sockets, as on a local stack.
#[tokio::test]
async fn a_local_stack_calls_servers_of_this_machine() {
    let (dns, authority) = (Dns::start().await, Authority::new());
    dns.set(&[("A", "127.0.0.1")]).await;
    let caller = Caller::with(dns.resolver(), Tcp, authority.tls(), Limits::default());
    let mut server = Server::answers(authority.of(HOST), EMPTY, Then::Close);
    let address = serve_once(server.clone()).await;
    let url = format!("https://{HOST}:{}/hook", address.port());
    assert_eq!(post(&caller, &url, Policy::Any).await.unwrap().status, 204);
    server.certificate = None;
    for host in [HOST, "127.0.0.1", "localhost"] {
        let address = serve_once(server.clone()).await;
        let url = format!("http://{host}:{}/hook", address.port());
        assert_eq!(post(&caller, &url, Policy::Any).await.unwrap().status, 204, "{host}");
    }
    dns.set(&[("A", "127.0.0.2")]).await;
    assert_eq!(rule(&post(&caller, &url, Policy::Any).await), "loopback");
}

#[tokio::test]
async fn a_refused_connection_is_a_failure() {
    let (dns, authority) = (Dns::start().await, Authority::new());
    dns.set(&[("A", "127.0.0.1")]).await;
    let caller = Caller::with(dns.resolver(), Tcp, authority.tls(), Limits::default());
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let outcome = post(&caller, &format!("http://{HOST}:{}/", free.port()), Policy::Any).await;
    assert!(matches!(outcome, Err(Failure::Connect(_))), "{outcome:?}");
}
