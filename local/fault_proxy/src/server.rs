//! The sockets: accepting connections, closing one without an answer when a fault requires it, shutting down.
//!
//! **Invariant:** it listens on 127.0.0.1 only.

use std::fs::File;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::caller::Caller;
use crate::control;
use crate::proxy::{Closed, Proxy};
use crate::record::Record;
use crate::settings::Settings;

/// The reason for which the proxy cannot start.
#[derive(Debug, Error)]
pub enum BindError {
    /// The port cannot be bound.
    #[error("Cannot listen on port {port} of 127.0.0.1: {source}.")]
    Port {
        /// The requested port.
        port: u16,
        /// The error of the system.
        source: io::Error,
    },
    /// The log cannot be written.
    #[error("Cannot write the log {path}: {source}.")]
    Log {
        /// The path of the log.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// No HTTP client could be created, so that no call can be forwarded.
    #[error("No HTTP client can be made: {0}.")]
    Http(#[from] reqwest::Error),
}

/// A server with a bound port.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    proxy: Arc<Proxy>,
}

/// Binds a port on 127.0.0.1.
///
/// # Errors
/// [`BindError::Port`] when the port cannot be bound.
pub async fn listen(port: u16) -> Result<TcpListener, BindError> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    bound.map_err(|source| BindError::Port { port, source })
}

impl Server {
    /// Puts a proxy behind a listener.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn new(listener: TcpListener, settings: &Settings) -> Result<Self, BindError> {
        let address = listener.local_addr().map_err(|source| BindError::Port {
            port: settings.port,
            source,
        })?;
        let log = settings.log.as_ref().map(|path| {
            File::create(path).map_err(|source| BindError::Log {
                path: path.clone(),
                source,
            })
        });
        let record = Record::new(log.transpose()?);
        let proxy = Arc::new(Proxy::new(settings, record)?);
        Ok(Self {
            listener,
            address,
            proxy,
        })
    }

    /// The base URL, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers until `end` completes; open calls are then cut off.
    pub async fn serve(self, end: impl Future<Output = ()>) {
        let control = control::routes(Arc::clone(&self.proxy));
        let mut connections = JoinSet::new();
        let mut end = pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, theirs)) => {
                        let ends = (theirs, self.address);
                        connections.spawn(connection(stream, ends, control.clone(), Arc::clone(&self.proxy)));
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
    }
}

async fn connection(stream: TcpStream, ends: (SocketAddr, SocketAddr), control: Router, proxy: Arc<Proxy>) {
    // Nagle's algorithm would add 40 ms to small answers.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY refused");
    }
    // The caller is identified before the first request is read. A request that was read completely takes effect, and
    // nothing may come between.
    let callers = Arc::clone(&proxy);
    let found = tokio::task::spawn_blocking(move || callers.callers().find(ends.0, ends.1)).await;
    let caller = Arc::new(found.unwrap_or_else(|_| Caller::unknown()));
    let service = service_fn(move |request: Request<Incoming>| {
        answer(Arc::clone(&caller), control.clone(), Arc::clone(&proxy), request)
    });
    // A service's error closes the connection without an answer: that is how a fault drops it.
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = serving.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    caller: Arc<Caller>,
    control: Router,
    proxy: Arc<Proxy>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Closed> {
    if request.uri().path().starts_with(control::PATH) {
        let answer = control.oneshot(request.map(Body::new)).await;
        return answer.map_err(|never| match never {});
    }
    proxy.pass(&caller, request).await
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
            tracing::error!(%error, "signals cannot be caught; only a kill ends this process");
            std::future::pending().await
        }
    }
}
