//! The sockets for queries.
//!
//! **Invariant:** UDP and TCP have the same port of 127.0.0.1. A query without a response keeps its connection open.
//!
//! Source: RFC 1035, section 4.2; RFC 7766 on several queries by one connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use crate::answer::Transport;
use crate::control::State;

/// Attempts to find a port that is free for UDP too.
const ATTEMPTS: usize = 16;

/// Bytes of the longest datagram.
const DATAGRAM_BYTES: usize = 65_535;

/// The UDP socket and the TCP socket for queries.
#[derive(Debug)]
pub struct Sockets {
    udp: UdpSocket,
    tcp: TcpListener,
    address: SocketAddr,
}

/// Binds a port for UDP and TCP; 0 takes any port that is free for both.
///
/// # Errors
/// The error of the system.
pub async fn bind(port: u16) -> io::Result<Sockets> {
    let mut attempts = 1;
    loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = tcp.local_addr()?;
        match UdpSocket::bind(address).await {
            Ok(udp) => return Ok(Sockets { udp, tcp, address }),
            Err(error) if port != 0 || attempts == ATTEMPTS || error.kind() != io::ErrorKind::AddrInUse => {
                return Err(error);
            }
            Err(_) => attempts += 1,
        }
    }
}

impl Sockets {
    /// The address for queries.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers queries as long as the returned tasks live.
    pub fn answer(self, state: Arc<State>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(datagrams(self.udp, Arc::clone(&state)));
        tasks.spawn(connections(self.tcp, state));
        tasks
    }
}

async fn datagrams(socket: UdpSocket, state: Arc<State>) {
    let mut buffer = vec![0; DATAGRAM_BYTES];
    loop {
        let (length, client) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                // The error concerns an earlier answer, such as a client that is gone.
                tracing::debug!(%error, "a datagram was not received");
                continue;
            }
        };
        let message = buffer.get(..length).unwrap_or_default();
        let Some(response) = state.answer(message, Transport::Udp) else {
            continue;
        };
        if let Err(error) = socket.send_to(&response, client).await {
            tracing::debug!(%error, "an answer was not sent");
        }
    }
}

async fn connections(listener: TcpListener, state: Arc<State>) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let state = Arc::clone(&state);
                    open.spawn(async move {
                        if let Err(error) = connection(stream, &state).await {
                            tracing::debug!(%error, "a connection ended early");
                        }
                    });
                }
                Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
            },
            Some(_) = open.join_next() => {}
        }
    }
}

async fn connection(mut stream: TcpStream, state: &State) -> io::Result<()> {
    loop {
        let length = match stream.read_u16().await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            length => length?,
        };
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await?;
        let Some(response) = state.answer(&message, Transport::Tcp) else {
            continue;
        };
        let Ok(length) = u16::try_from(response.len()) else {
            return Ok(());
        };
        stream.write_u16(length).await?;
        stream.write_all(&response).await?;
    }
}
