//! Requests as the servers read them, and answers of every kind.

use outgoing::answer::Cut;
use outgoing::failure::ProtocolFailure;
use outgoing::{Answer, Caller, Failure, Limits, Policy, RetryAfter, Target};

use super::net::{Authority, EMPTY, HOST, Names, Net, Server, Then, URL, call};

const REQUEST: &str = "POST /hook?a=b HTTP/1.1\r\n\
    webhook-id: msg_1\r\n\
    host: hooks.example.com\r\n\
    user-agent: mailqueue-webhooks\r\n\
    content-type: application/json\r\n\
    connection: close\r\n\
    content-length: 10\r\n\
    \r\n\
    {\"a\": \"b\"}";

fn target(url: &str) -> Target {
    Target::parse(url, Policy::Public).unwrap()
}

async fn answered(first: &str) -> Answer {
    call(first, Then::Close).await.0.unwrap()
}

async fn violated(first: &str) -> ProtocolFailure {
    match call(first, Then::Close).await.0 {
        Err(Failure::Protocol(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_has_its_headers_and_its_body() {
    let authority = Authority::new();
    let net = Net::new(Server::answers(authority.of(HOST), EMPTY, Then::Close));
    let caller = Caller::with(Names::public(), net.clone(), authority.tls(), Limits::default());
    let headers = [
        ("webhook-id", "msg_1".to_owned()),
        ("Host", "169.254.169.254".to_owned()),
        ("Content-Length", "0".to_owned()),
        ("Transfer-Encoding", "chunked".to_owned()),
        ("connection", "upgrade".to_owned()),
        ("content-type", "text/plain".to_owned()),
        ("user-agent", "x".to_owned()),
    ];
    let body = br#"{"a": "b"}"#.to_vec();
    assert!(caller.post(&target(URL), &headers, body).await.unwrap().is_success());
    let request = net.requests().pop().unwrap();
    let lines = |text: &str| {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
        lines.sort();
        (lines, body.to_owned())
    };
    assert_eq!(lines(&request), lines(REQUEST));
}

#[tokio::test]
async fn a_path_with_two_slashes_stays_a_path() {
    let authority = Authority::new();
    let net = Net::new(Server::answers(authority.of(HOST), EMPTY, Then::Close));
    let caller = Caller::with(Names::public(), net.clone(), authority.tls(), Limits::default());
    let url = "https://hooks.example.com:8443//169.254.169.254/../a?b=https://c@d/";
    assert!(caller.post(&target(url), &[], Vec::new()).await.is_ok());
    let request = net.requests().pop().unwrap();
    let expected = "POST //169.254.169.254/../a?b=https://c@d/ HTTP/1.1\r\n";
    assert!(request.starts_with(expected), "{request}");
    assert!(request.contains("\r\nhost: hooks.example.com:8443\r\n"), "{request}");
}

#[tokio::test]
async fn a_malformed_header_is_not_sent() {
    let authority = Authority::new();
    let net = Net::new(Server::answers(authority.of(HOST), EMPTY, Then::Close));
    let caller = Caller::with(Names::public(), net.clone(), authority.tls(), Limits::default());
    for (name, value) in [("a b", "c"), ("a", "b\r\nc: d"), ("", "a"), ("a", "\0")] {
        let outcome = caller.post(&target(URL), &[(name, value.to_owned())], Vec::new()).await;
        let failed = matches!(outcome, Err(Failure::Protocol(ProtocolFailure::Request)));
        assert!(failed && net.dialed().is_empty(), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let location = "location: https://other.example.com/\r\n";
        let head = format!("HTTP/1.1 {status} Moved\r\n{location}content-length: 4\r\n\r\nmove");
        let (outcome, net) = call(&head, Then::Close).await;
        let answer = outcome.unwrap();
        assert_eq!(
            (answer.status, answer.body.as_str(), answer.is_success()),
            (status, "move", false)
        );
        assert_eq!((net.dialed().len(), net.requests().len()), (1, 1));
    }
}

#[tokio::test]
async fn an_answer_has_its_body_and_its_headers() {
    let head =
        "HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nWebhook-Delivery: abort-message\r\ncontent-length: 5\r\n\r\nwait\n";
    let answer = answered(head).await;
    assert_eq!((answer.status, answer.body.as_str(), answer.cut), (503, "wait\n", None));
    assert_eq!(answer.retry_after, Some(RetryAfter::Seconds(120)));
    assert!(answer.asks_to_abort());
    let answer = answered("HTTP/1.0 200 OK\r\n\r\nuntil the end").await;
    assert_eq!(
        (answer.status, answer.body.as_str(), answer.cut),
        (200, "until the end", None)
    );
}

#[tokio::test]
async fn a_broken_body_keeps_the_status() {
    let answer = answered("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc").await;
    assert_eq!(
        (answer.status, answer.body.as_str(), answer.cut),
        (200, "abc", Some(Cut::Broken))
    );
}

#[tokio::test]
async fn an_answer_may_come_before_the_body_was_read() {
    let authority = Authority::new();
    let mut server = Server::answers(
        authority.of(HOST),
        "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n",
        Then::Silence,
    );
    server.reads = false;
    let net = Net::new(server);
    let caller = Caller::with(Names::public(), net, authority.tls(), Limits::default());
    let answer = caller.post(&target(URL), &[], vec![b' '; 1_000_000]).await.unwrap();
    assert_eq!((answer.status, answer.cut), (413, None));
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_a_failure() {
    assert_eq!(violated("").await, ProtocolFailure::Closed);
    assert_eq!(violated("HTTP/1.1 200 OK\r\na: b\r\n").await, ProtocolFailure::Closed);
    for first in [
        "SSH-2.0-OpenSSH_9.6\r\n",
        "220 mail.example.com ESMTP\r\n",
        "<html></html>\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\na\0b: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        assert_eq!(violated(first).await, ProtocolFailure::NotHttp, "{first:?}");
    }
}
