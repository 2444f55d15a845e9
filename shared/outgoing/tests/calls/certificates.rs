//! Certificates: the name in the handshake and in the certificate is the host's, under a trusted root.

use outgoing::tls::{Tls, TlsFailure};
use outgoing::{Caller, Failure, Limits, Outcome, Policy};
use rcgen::{DnType, KeyPair, date_time_ymd};
use rustls::HandshakeKind;

use super::net::{
    AUTHORITY, Authority, EMPTY, HOST, Names, Net, PUBLIC, Server, Then, URL, params, post, with_certificate,
};

/// Calls a server that has this certificate.
async fn call(url: &str, tls: Tls, server: Server) -> (Outcome, Net) {
    let net = Net::new(server);
    let caller = Caller::with(Names::public(), net.clone(), tls, Limits::default());
    (post(&caller, url, Policy::Public).await, net)
}

async fn refused(tls: Tls, server: Server) -> TlsFailure {
    let (outcome, net) = call(URL, tls, server).await;
    assert_eq!(net.dialed(), [format!("{PUBLIC}:443")]);
    assert!(net.requests().is_empty(), "the request was sent");
    match outcome {
        Err(Failure::Tls(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

fn server(certificate: std::sync::Arc<rustls::ServerConfig>) -> Server {
    Server::answers(certificate, EMPTY, Then::Close)
}

#[tokio::test]
async fn the_name_in_tls_is_that_of_the_url() {
    let authority = Authority::new();
    let (outcome, net) = call(URL, authority.tls(), server(authority.of(HOST))).await;
    assert_eq!(outcome.unwrap().status, 204);
    assert_eq!(net.dialed(), [format!("{PUBLIC}:443")]);
    assert_eq!(net.names(), [Some(HOST.to_owned())]);
}

/// A resumed session shows no certificate.
#[tokio::test]
async fn each_attempt_sees_the_certificate() {
    let authority = Authority::new();
    let net = Net::new(server(authority.of(HOST)));
    let caller = Caller::with(Names::public(), net.clone(), authority.tls(), Limits::default());
    for _ in 0..3 {
        assert_eq!(post(&caller, URL, Policy::Public).await.unwrap().status, 204);
    }
    let seen = net.handshakes();
    let with_certificate = |kind: &Option<HandshakeKind>| {
        matches!(
            kind,
            Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest)
        )
    };
    assert!(seen.len() == 3 && seen.iter().all(with_certificate), "{seen:?}");
}

#[tokio::test]
async fn an_address_needs_a_certificate_of_its_own() {
    let authority = Authority::new();
    let url = format!("https://{PUBLIC}:8443/hook");
    let (outcome, net) = call(&url, authority.tls(), server(authority.of(PUBLIC))).await;
    assert_eq!(outcome.unwrap().status, 204);
    assert_eq!(
        (net.dialed(), net.names()),
        (vec![format!("{PUBLIC}:8443")], vec![None])
    );
    let (outcome, _) = call(&url, authority.tls(), server(authority.of(HOST))).await;
    assert!(
        matches!(outcome, Err(Failure::Tls(TlsFailure::WrongName))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let authority = Authority::new();
    for name in [
        "other.example.com",
        "example.com",
        "*.hooks.example.com",
        "*.com",
        PUBLIC,
    ] {
        let failure = refused(authority.tls(), server(authority.of(name))).await;
        assert_eq!(failure, TlsFailure::WrongName, "{name}");
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused() {
    let authority = Authority::new();
    // The second has the name of the authority as its own, and so as its issuer's.
    for name in [HOST, AUTHORITY] {
        let (mut params, key) = (params(HOST), KeyPair::generate().unwrap());
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let failure = refused(authority.tls(), server(with_certificate(certificate, key))).await;
        assert_eq!(failure, TlsFailure::UnknownIssuer, "{name}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let failure = refused(authority.tls(), server(other.of(HOST))).await;
    assert_eq!(failure, TlsFailure::UnknownIssuer);
    let failure = refused(Tls::with_mozillas_roots().unwrap(), server(other.of(HOST))).await;
    assert_eq!(failure, TlsFailure::UnknownIssuer);
}

#[tokio::test]
async fn an_expired_or_future_certificate_is_refused() {
    let authority = Authority::new();
    let mut expired = params(HOST);
    (expired.not_before, expired.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let mut future = params(HOST);
    (future.not_before, future.not_after) = (date_time_ymd(4000, 1, 1), date_time_ymd(4001, 1, 1));
    for params in [expired, future] {
        let failure = refused(authority.tls(), server(authority.certificate(&params))).await;
        assert_eq!(failure, TlsFailure::Expired);
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused() {
    let authority = Authority::new();
    let mut plain = server(authority.of(HOST));
    plain.certificate = None;
    plain.reads = false;
    let failure = refused(authority.tls(), plain.clone()).await;
    assert!(matches!(failure, TlsFailure::Other(_)), "{failure:?}");
    plain.first = String::new();
    assert_eq!(refused(authority.tls(), plain).await, TlsFailure::Closed);
}
