//! The sockets: accepting connections, hanging up without an answer when a fault requires it, shutting down.
//!
//! **Role:** axum does everything HTTP. This module owns only the TCP connection, because no HTTP answer can express
//! a dropped connection.
//! **Invariant:** it listens on 127.0.0.1 only.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::app::{self, App};

/// The time that open requests have to finish during a shutdown.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The reason for which the port cannot be bound.
#[derive(Debug, Error)]
pub enum BindError {
    /// Another process listens there.
    #[error("Port {0} on 127.0.0.1 is in use; set INBOX_PORT to another one.")]
    InUse(u16),
    /// Any other error of the system.
    #[error("Cannot listen on port {port} of 127.0.0.1: {source}.")]
    Io {
        /// The requested port.
        port: u16,
        /// The error of the system.
        source: io::Error,
    },
}

/// A handle that closes the connection of a request.
#[derive(Debug, Clone, Default)]
pub struct Hangup(Arc<Notify>);

impl Hangup {
    /// Closes the connection; never returns, because its caller is dropped with it.
    pub async fn now(&self) -> Infallible {
        self.0.notify_one();
        std::future::pending().await
    }
}

/// A server with a bound port.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
}

/// Binds a port on 127.0.0.1.
///
/// # Errors
/// [`BindError`] when the port cannot be bound.
pub async fn listen(port: u16) -> Result<TcpListener, BindError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            BindError::InUse(port)
        } else {
            BindError::Io { port, source }
        }
    })
}

impl Server {
    /// Puts the application behind a listener.
    ///
    /// # Errors
    /// [`BindError::Io`] when the system does not return the listener's address.
    pub fn new(listener: TcpListener, app: Arc<App>) -> Result<Self, BindError> {
        let address = listener
            .local_addr()
            .map_err(|source| BindError::Io { port: 0, source })?;
        Ok(Self { listener, address, app })
    }

    /// The base URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers until `end` completes, then gives open requests two seconds to finish.
    pub async fn serve(self, end: impl Future<Output = ()>) {
        let router = app::routes(Arc::clone(&self.app));
        let (ending, ended) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut end = pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection(stream, router.clone(), ended.clone()));
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
        if tokio::time::timeout(LAST_WORDS, all).await.is_err() {
            tracing::info!("open requests were cut off at shutdown");
        }
    }
}

async fn connection(stream: TcpStream, router: Router, mut ended: watch::Receiver<bool>) {
    // Nagle's algorithm would add 40 ms to small answers.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY refused");
    }
    let hangup = Hangup::default();
    let service = {
        let hangup = hangup.clone();
        service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(hangup.clone());
            router.clone().oneshot(request.map(Body::new))
        })
    };
    let mut serving = pin!(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // Dropping the connection's future closes the socket, answer or not.
        () = hangup.0.notified() => {}
        result = &mut serving => log_end(result),
        () = async { ended.wait_for(|ended| *ended).await.map(drop).ok(); } => {
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                () = hangup.0.notified() => {}
                result = &mut serving => log_end(result),
            }
        }
    }
}

fn log_end(result: Result<(), hyper::Error>) {
    if let Err(error) = result {
        // A client that gives up waiting ends here; that is no fault of the server.
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Completes at SIGTERM or SIGINT.
pub async fn termination() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "signals cannot be handled; only SIGKILL ends this process");
            std::future::pending().await
        }
    }
}
