//! Servers that never end: each call ends by its bytes or by its time. The time is paused, so the whole 15 seconds pass
//! at once.

use std::net::IpAddr;
use std::time::Duration;

use outgoing::answer::Cut;
use outgoing::failure::{DnsError, ProtocolFailure};
use outgoing::resolve::Resolve;
use outgoing::{Caller, Failure, Limits, Outcome, Policy, Stage};
use tokio::time::Instant;

use super::net::{Authority, Broken, EMPTY, HOST, Names, Net, PUBLIC, Server, Then, URL, call, post};

const SECOND: Duration = Duration::from_secs(1);
const TOTAL: Duration = Duration::from_secs(15);

fn timed_out(outcome: &Outcome, expected: Stage) -> bool {
    matches!(outcome, Err(Failure::Timeout { stage, limit: TOTAL }) if *stage == expected)
}

#[tokio::test(start_paused = true)]
async fn an_endless_body_ends_at_one_kilobyte() {
    let start = Instant::now();
    for (head, piece) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n",
            "0123456789abcdef",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "10\r\n0123456789abcdef\r\n",
        ),
        ("HTTP/1.1 200 OK\r\n\r\n", "0123456789abcdef"),
    ] {
        let answer = call(head, Then::Repeat(piece, Duration::ZERO)).await.0.unwrap();
        assert_eq!((answer.status, answer.cut), (200, Some(Cut::Length)));
        assert_eq!(answer.body, "0123456789abcdef".repeat(64));
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_dripping_body_ends_at_the_deadline() {
    let start = Instant::now();
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
    let answer = call(head, Then::Repeat("x", SECOND)).await.0.unwrap();
    assert_eq!((answer.status, answer.cut), (200, Some(Cut::Time)));
    assert!((14..=15).contains(&answer.body.len()), "{}", answer.body);
    assert!(start.elapsed() >= TOTAL && start.elapsed() < TOTAL + SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_ends_at_the_deadline() {
    let start = Instant::now();
    let (outcome, net) = call("HTTP/1.1 200 OK\r\n", Then::Repeat("a: b\r\n", SECOND)).await;
    assert!(timed_out(&outcome, Stage::Answer), "{outcome:?}");
    assert_eq!(net.requests().len(), 1);
    assert!(start.elapsed() >= TOTAL && start.elapsed() < TOTAL + SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_endless_head_is_too_large() {
    for piece in ["a: b\r\n", "aaaaaaaaaaaaaaaa"] {
        let (outcome, _) = call("HTTP/1.1 200 OK\r\n", Then::Repeat(piece, Duration::ZERO)).await;
        let failed = matches!(outcome, Err(Failure::Protocol(ProtocolFailure::HeadTooLarge)));
        assert!(failed, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn endless_interim_answers_end_at_the_deadline() {
    let piece = "HTTP/1.1 100 Continue\r\n\r\n";
    let (outcome, _) = call(piece, Then::Repeat(piece, Duration::from_millis(50))).await;
    assert!(timed_out(&outcome, Stage::Answer), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_ends_at_the_deadline() {
    let (outcome, _) = call("", Then::Silence).await;
    assert!(timed_out(&outcome, Stage::Answer), "{outcome:?}");
    let authority = Authority::new();
    let mut silent = Server::answers(authority.of(HOST), "", Then::Silence);
    silent.certificate = None;
    silent.reads = false;
    let caller = Caller::with(Names::public(), Net::new(silent), authority.tls(), Limits::default());
    let outcome = post(&caller, URL, Policy::Public).await;
    assert!(timed_out(&outcome, Stage::Tls), "{outcome:?}");
}

/// A resolver that never answers.
struct Silent;

impl Resolve for Silent {
    async fn resolve(&self, _: &str) -> Result<Vec<IpAddr>, DnsError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn silent_dns_ends_at_the_deadline() {
    let authority = Authority::new();
    let net = Net::new(Server::answers(authority.of(HOST), EMPTY, Then::Close));
    let caller = Caller::with(Silent, net.clone(), authority.tls(), Limits::default());
    let outcome = post(&caller, URL, Policy::Public).await;
    assert!(timed_out(&outcome, Stage::Resolve), "{outcome:?}");
    assert!(net.dialed().is_empty());
}

/// Calls a host with these addresses.
async fn reached(net: &Net, authority: &Authority, addresses: &[&str]) -> (Outcome, Duration) {
    let start = Instant::now();
    let names = Names::new(&[addresses]);
    let caller = Caller::with(names, net.clone(), authority.tls(), Limits::default());
    (post(&caller, URL, Policy::Public).await, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_silent_address_leaves_time_for_the_next() {
    let authority = Authority::new();
    let net = Net::new(Server::answers(authority.of(HOST), EMPTY, Then::Close))
        .breaking("93.184.215.1", Broken::Silent)
        .breaking("93.184.215.2", Broken::Error(std::io::ErrorKind::ConnectionRefused));
    let (outcome, elapsed) = reached(&net, &authority, &["93.184.215.1", "93.184.215.2", PUBLIC]).await;
    assert_eq!(outcome.unwrap().status, 204);
    assert_eq!(elapsed.as_secs(), 4);
    assert_eq!(
        net.dialed(),
        ["93.184.215.1:443", "93.184.215.2:443", "93.184.215.14:443"]
    );
}

#[tokio::test(start_paused = true)]
async fn at_most_three_addresses_are_tried() {
    let authority = Authority::new();
    let mut net = Net::new(Server::answers(authority.of(HOST), EMPTY, Then::Close));
    let addresses = ["93.184.215.1", "93.184.215.2", "93.184.215.3", PUBLIC];
    for address in &addresses[..3] {
        net = net.breaking(address, Broken::Silent);
    }
    let (outcome, elapsed) = reached(&net, &authority, &addresses).await;
    assert!(matches!(&outcome, Err(Failure::Connect(error)) if error.kind() == std::io::ErrorKind::TimedOut));
    assert_eq!((elapsed.as_secs(), net.dialed().len()), (12, 3));
}

#[tokio::test(start_paused = true)]
async fn a_host_with_only_ipv6_gets_advice() {
    let authority = Authority::new();
    let no_route = Broken::Error(std::io::ErrorKind::NetworkUnreachable);
    let net = Net::new(Server::answers(authority.of(HOST), EMPTY, Then::Close)).breaking("2606:4700::1", no_route);
    let (outcome, _) = reached(&net, &authority, &["2606:4700::1"]).await;
    let failure = outcome.unwrap_err();
    assert!(failure.to_string().contains("Add an A record"), "{failure}");
    assert_eq!(failure.kind(), "connect");
    // With an IPv4 address, that one is used.
    let (outcome, _) = reached(&net, &authority, &["2606:4700::1", PUBLIC]).await;
    assert_eq!(outcome.unwrap().status, 204);
    assert_eq!(net.dialed(), ["[2606:4700::1]:443", "93.184.215.14:443"]);
}
