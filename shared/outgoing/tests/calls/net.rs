//! A network in memory, and the servers in it.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use outgoing::dial::Dial;
use outgoing::failure::DnsError;
use outgoing::resolve::Resolve;
use outgoing::tls::Tls;
use outgoing::{Caller, Limits, Outcome, Policy, Target};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{HandshakeKind, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio_rustls::TlsAcceptor;

/// The public address of the host in the tests.
pub(crate) const PUBLIC: &str = "93.184.215.14";

/// The host in the tests.
pub(crate) const HOST: &str = "hooks.example.com";

/// The URL in the tests.
pub(crate) const URL: &str = "https://hooks.example.com/hook?a=b";

/// The name of each authority in the tests.
pub(crate) const AUTHORITY: &str = "authority of the tests";

/// An answer without a body.
pub(crate) const EMPTY: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// The behaviour of a server after its first bytes.
#[derive(Debug, Clone)]
pub(crate) enum Then {
    Close,
    Silence,
    Repeat(&'static str, Duration),
}

/// A server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) certificate: Option<Arc<ServerConfig>>,
    pub(crate) reads: bool,
    pub(crate) first: String,
    pub(crate) then: Then,
}

impl Server {
    pub(crate) fn answers(certificate: Arc<ServerConfig>, first: &str, then: Then) -> Self {
        Self {
            certificate: Some(certificate),
            reads: true,
            first: first.to_owned(),
            then,
        }
    }
}

/// The end of a connection attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Broken {
    Silent,
    Error(io::ErrorKind),
}

#[derive(Debug, Default)]
struct Seen {
    dialed: Vec<SocketAddr>,
    names: Vec<Option<String>>,
    requests: Vec<String>,
    handshakes: Vec<Option<HandshakeKind>>,
}

/// The network.
#[derive(Debug, Clone)]
pub(crate) struct Net {
    server: Server,
    broken: Vec<(IpAddr, Broken)>,
    seen: Arc<Mutex<Seen>>,
}

impl Net {
    pub(crate) fn new(server: Server) -> Self {
        Self {
            server,
            broken: Vec::new(),
            seen: Arc::default(),
        }
    }

    pub(crate) fn breaking(mut self, address: &str, broken: Broken) -> Self {
        self.broken.push((address.parse().unwrap(), broken));
        self
    }

    /// The addresses of all connections, in order.
    pub(crate) fn dialed(&self) -> Vec<String> {
        self.seen
            .lock()
            .unwrap()
            .dialed
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// The host's names in the TLS handshakes that succeeded.
    pub(crate) fn names(&self) -> Vec<Option<String>> {
        self.seen.lock().unwrap().names.clone()
    }

    /// The kinds of those handshakes.
    pub(crate) fn handshakes(&self) -> Vec<Option<HandshakeKind>> {
        self.seen.lock().unwrap().handshakes.clone()
    }

    /// The requests that the servers read.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }
}

impl Dial for Net {
    type Stream = DuplexStream;

    async fn dial(&self, address: SocketAddr) -> io::Result<DuplexStream> {
        self.seen.lock().unwrap().dialed.push(address);
        match self.broken.iter().find(|(broken, _)| *broken == address.ip()) {
            Some((_, Broken::Silent)) => std::future::pending().await,
            Some((_, Broken::Error(kind))) => return Err((*kind).into()),
            None => {}
        }
        let (client, server) = tokio::io::duplex(16 * 1024);
        tokio::spawn(serve(self.server.clone(), server, Arc::clone(&self.seen)));
        Ok(client)
    }
}

/// Serves one connection. Its errors mean that the client is gone.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(server: Server, stream: S, seen: Arc<Mutex<Seen>>) -> io::Result<()> {
    let Some(certificate) = &server.certificate else {
        return talk(&server, stream, &seen).await;
    };
    let stream = TlsAcceptor::from(Arc::clone(certificate)).accept(stream).await?;
    let session = stream.get_ref().1;
    let (name, kind) = (session.server_name().map(str::to_owned), session.handshake_kind());
    {
        let mut seen = seen.lock().unwrap();
        seen.names.push(name);
        seen.handshakes.push(kind);
    }
    talk(&server, stream, &seen).await
}

async fn talk<S>(server: &Server, mut stream: S, seen: &Mutex<Seen>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if server.reads {
        let request = read_request(&mut stream).await?;
        seen.lock().unwrap().requests.push(request);
    }
    stream.write_all(server.first.as_bytes()).await?;
    stream.flush().await?;
    match server.then {
        Then::Close => stream.shutdown().await,
        Then::Silence => std::future::pending().await,
        Then::Repeat(piece, every) => loop {
            if !every.is_zero() {
                tokio::time::sleep(every).await;
            }
            stream.write_all(piece.as_bytes()).await?;
            stream.flush().await?;
        },
    }
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<String> {
    let mut request = String::new();
    loop {
        request.push(char::from(stream.read_u8().await?));
        let Some((head, body)) = request.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.lines().next());
        if length.is_none_or(|length| body.len() == length.parse::<usize>().unwrap()) {
            return Ok(request);
        }
    }
}

/// Serves the next connection of a real socket.
pub(crate) async fn serve_once(server: Server) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        serve(server, stream, Arc::default()).await
    });
    address
}

type DnsAnswer = Result<Vec<IpAddr>, DnsError>;

/// Answers of DNS, one for each question; the last one is repeated.
#[derive(Debug, Clone)]
pub(crate) struct Names(Arc<Mutex<VecDeque<DnsAnswer>>>);

impl Names {
    pub(crate) fn new(answers: &[&[&str]]) -> Self {
        let answer = |addresses: &&[&str]| Ok(addresses.iter().map(|address| address.parse().unwrap()).collect());
        Self(Arc::new(Mutex::new(answers.iter().map(answer).collect())))
    }

    pub(crate) fn public() -> Self {
        Self::new(&[&[PUBLIC]])
    }

    pub(crate) fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Resolve for Names {
    async fn resolve(&self, _: &str) -> DnsAnswer {
        let mut answers = self.0.lock().unwrap();
        let answer = answers.pop_front().unwrap();
        if answers.is_empty() {
            answers.push_back(answer.clone());
        }
        answer
    }
}

/// A certificate authority of the tests.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, AUTHORITY);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Settings of TLS that trust only this authority.
    pub(crate) fn tls(&self) -> Tls {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        Tls::with_roots(roots).unwrap()
    }

    pub(crate) fn certificate(&self, params: &CertificateParams) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        with_certificate(certificate.der().clone(), key)
    }

    /// A certificate of a host or an address.
    pub(crate) fn of(&self, name: &str) -> Arc<ServerConfig> {
        self.certificate(&params(name))
    }
}

pub(crate) fn params(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

pub(crate) fn with_certificate(certificate: CertificateDer<'static>, key: KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::Pkcs8(key.into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(config.unwrap())
}

pub(crate) async fn post(caller: &Caller<impl Resolve, impl Dial>, url: &str, policy: Policy) -> Outcome {
    let target = Target::parse(url, policy).unwrap();
    caller.post(&target, &[], b"{}".to_vec()).await
}

/// A call to [`URL`] at [`PUBLIC`], where one server answers with the right certificate.
pub(crate) async fn call(first: &str, then: Then) -> (Outcome, Net) {
    let authority = Authority::new();
    let net = Net::new(Server::answers(authority.of(HOST), first, then));
    let caller = Caller::with(Names::public(), net.clone(), authority.tls(), Limits::default());
    (post(&caller, URL, Policy::Public).await, net)
}
