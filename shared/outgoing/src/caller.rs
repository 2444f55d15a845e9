//! One call, within a total time.
//!
//! **Role:** a function that delivers webhooks calls [`Caller::post`] once for each attempt.
//! **Invariant:** one look-up, one check of all addresses, then a connection to a checked address. The total time covers
//! look-up, connection, TLS, request, head and body.
//! **After a crash** during a call, nobody knows whether the server got the request: the receiver compares event ids.
//! **Start reading at** [`Caller::post`].

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri};
use tokio::time::{Instant, timeout_at};

use crate::answer::Answer;
use crate::dial::{Dial, Tcp};
use crate::exchange;
use crate::failure::{Failure, ProtocolFailure, Stage};
use crate::resolve::{Checked, Resolve, checked};
use crate::target::{Scheme, Target};
use crate::tls::Tls;

/// The value of the header `user-agent`.
pub const USER_AGENT: &str = "mailqueue-webhooks";

/// Addresses of one host that a call tries, at most.
const MAX_ADDRESSES: usize = 3;

/// The result of a call.
pub type Outcome = Result<Answer, Failure>;

/// Limits of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time of the whole call.
    pub total: Duration,
    /// Time of connecting to one address, so that a silent first address leaves time for the others.
    pub connect: Duration,
    /// Bytes of an answer's body that are read.
    pub body_bytes: usize,
}

impl Default for Limits {
    /// 15 seconds, as Resend and Svix give, 4 seconds for each of at most three addresses, and 1 KB.
    fn default() -> Self {
        Self {
            total: Duration::from_secs(15),
            connect: Duration::from_secs(4),
            body_bytes: 1024,
        }
    }
}

/// Calls targets. It keeps nothing between two calls but its settings.
#[derive(Debug, Clone)]
pub struct Caller<R, D = Tcp> {
    resolver: R,
    dialer: D,
    tls: Tls,
    limits: Limits,
}

impl<R: Resolve> Caller<R, Tcp> {
    /// Creates a caller with Mozilla's roots and the usual limits.
    ///
    /// # Errors
    /// See [`Tls::with_mozillas_roots`].
    pub fn new(resolver: R) -> Result<Self, rustls::Error> {
        Ok(Self::with(
            resolver,
            Tcp,
            Tls::with_mozillas_roots()?,
            Limits::default(),
        ))
    }
}

impl<R: Resolve, D: Dial> Caller<R, D> {
    /// Creates a caller of given parts. For tests.
    pub fn with(resolver: R, dialer: D, tls: Tls, limits: Limits) -> Self {
        Self {
            resolver,
            dialer,
            tls,
            limits,
        }
    }

    /// Sends one POST request with a JSON body and returns the answer, whatever its status is.
    ///
    /// `headers` are added to `host`, `user-agent`, `content-type`, `content-length` and `connection`, and cannot
    /// replace them.
    ///
    /// # Errors
    /// See [`Failure`]. After [`Failure::Refused`], [`Failure::Dns`] and [`Failure::Connect`] the server got nothing;
    /// after the others it may have got the request.
    pub async fn post(&self, target: &Target, headers: &[(&str, String)], body: Vec<u8>) -> Outcome {
        let deadline = Instant::now()
            .checked_add(self.limits.total)
            .unwrap_or_else(Instant::now);
        let request = request(target, headers, body)?;
        let addresses = timeout_at(deadline, checked(&self.resolver, target)).await;
        let addresses = addresses.map_err(|_| self.timeout(Stage::Resolve))??;
        let stream = self.connect(&addresses, deadline).await?;
        let limit = self.limits.body_bytes;
        let answer = match target.scheme() {
            Scheme::Http => exchange::post(stream, request, deadline, limit).await?,
            Scheme::Https => {
                let stream = timeout_at(deadline, self.tls.connect(target.host(), stream)).await;
                let stream = stream.map_err(|_| self.timeout(Stage::Tls))??;
                exchange::post(stream, request, deadline, limit).await?
            }
        };
        answer.ok_or_else(|| self.timeout(Stage::Answer))
    }

    /// Connects to the first address that accepts a connection. The failure is that of the first address, which is the
    /// one that its owner expects to be used.
    async fn connect(&self, checked: &Checked, deadline: Instant) -> Result<D::Stream, Failure> {
        let mut failure = None;
        for address in checked.addresses().iter().take(MAX_ADDRESSES) {
            let end = Instant::now().checked_add(self.limits.connect).unwrap_or(deadline);
            match timeout_at(end.min(deadline), self.dialer.dial(*address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failure.get_or_insert(error),
                Err(_) if Instant::now() >= deadline => return Err(self.timeout(Stage::Connect)),
                Err(_) => failure.get_or_insert(io::ErrorKind::TimedOut.into()),
            };
        }
        let failure = failure.unwrap_or_else(|| io::ErrorKind::TimedOut.into());
        Err(unreachable(failure, checked.addresses()))
    }

    fn timeout(&self, stage: Stage) -> Failure {
        let limit = self.limits.total;
        Failure::Timeout { stage, limit }
    }
}

fn unreachable(error: io::Error, addresses: &[SocketAddr]) -> Failure {
    let answered = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    );
    if !answered && addresses.iter().all(SocketAddr::is_ipv6) {
        return Failure::OnlyIpv6(error);
    }
    Failure::Connect(error)
}

fn request(
    target: &Target,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> Result<Request<Full<Bytes>>, ProtocolFailure> {
    let fault = ProtocolFailure::Request;
    let uri = Uri::builder()
        .path_and_query(target.path())
        .build()
        .map_err(|_| fault)?;
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let all = request.headers_mut();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| fault)?;
        let value = HeaderValue::from_str(value).map_err(|_| fault)?;
        all.insert(name, value);
    }
    all.remove(header::CONTENT_LENGTH);
    all.remove(header::TRANSFER_ENCODING);
    let host = HeaderValue::from_str(&target.authority()).map_err(|_| fault)?;
    all.insert(header::HOST, host);
    all.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    all.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    all.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}
