//! The sockets: accepting connections, closing one without an answer when a fault requires it, shutting down.
//!
//! **Role:** owns only the TCP connections, because no HTTP answer can express a dropped one.
//! **Invariant:** it listens on 127.0.0.1 only.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The error of a connection that closes without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("closed without an answer")]
pub struct Closed;

/// The two ends of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// The address of the client.
    pub theirs: SocketAddr,
    /// The address of the server.
    pub ours: SocketAddr,
}

/// A program behind the server.
pub trait Program: Send + Sync + 'static {
    /// The client of a connection, as far as the program tells clients apart.
    type Client: Send + Sync + 'static;

    /// The time that open requests have to finish during a shutdown.
    const GRACE: Duration;

    /// Identifies a client before its first request is read.
    fn client(&self, ends: Ends) -> impl Future<Output = Self::Client> + Send;

    /// Answers a request, or closes its connection.
    fn answer(
        &self,
        client: &Self::Client,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, Closed>> + Send;
}

/// The reason why a port cannot be bound.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Another process listens on the port.
    #[error("Port {port} on 127.0.0.1 is in use; set {variable} to another one.")]
    InUse {
        /// The requested port.
        port: u16,
        /// The environment variable that selects the port.
        variable: &'static str,
    },
    /// Any other error of the operating system.
    #[error("Cannot listen on port {port} of 127.0.0.1: {source}.")]
    Io {
        /// The requested port.
        port: u16,
        /// The error of the system.
        source: io::Error,
    },
}

/// A bound port.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds a port on 127.0.0.1; 0 takes any free one. `variable` selects the port.
    ///
    /// # Errors
    /// [`ListenError`] when the port cannot be bound.
    pub async fn bind(port: u16, variable: &'static str) -> Result<Self, ListenError> {
        let error = |source: io::Error| {
            if source.kind() == io::ErrorKind::AddrInUse {
                ListenError::InUse { port, variable }
            } else {
                ListenError::Io { port, source }
            }
        };
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(error)?;
        let address = tcp.local_addr().map_err(error)?;
        Ok(Self { tcp, address })
    }
}

/// A program at a bound port.
#[derive(Debug)]
pub struct Server<P> {
    listener: Listener,
    program: Arc<P>,
}

impl<P: Program> Server<P> {
    /// Puts a program behind a port.
    pub fn new(listener: Listener, program: P) -> Self {
        let program = Arc::new(program);
        Self { listener, program }
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address
    }

    /// The base URL, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Answers until `end` completes, then gives open requests [`Program::GRACE`] to finish.
    pub async fn serve(self, end: impl Future<Output = ()>) {
        let (ending, ended) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut end = pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                accepted = self.listener.tcp.accept() => match accepted {
                    Ok((stream, theirs)) => {
                        let ends = Ends { theirs, ours: self.address() };
                        connections.spawn(connection(stream, ends, Arc::clone(&self.program), ended.clone()));
                    }
                    Err(error) => {
                        // Usually there are no file descriptors left: wait, do not spin.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
        ending.send_replace(true);
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(P::GRACE, all).await.is_err() {
            tracing::info!("open requests were cut off at shutdown");
        }
    }
}

async fn connection<P: Program>(stream: TcpStream, ends: Ends, program: Arc<P>, mut ended: watch::Receiver<bool>) {
    // Nagle's algorithm would add 40 ms to small answers.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY refused");
    }
    // The client is identified first: nothing may come between the reading of a request and its effect.
    let client = Arc::new(program.client(ends).await);
    let service = service_fn(move |request: Request<Incoming>| {
        let (program, client) = (Arc::clone(&program), Arc::clone(&client));
        async move { program.answer(&client, request).await }
    });
    // A service's error closes the connection without an answer.
    let mut serving = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        result = &mut serving => result,
        () = async { ended.wait_for(|ended| *ended).await.map(drop).ok(); } => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        // A client that gives up waiting ends here; that is no fault of the server.
        tracing::debug!(%error, "a connection ended early");
    }
}
