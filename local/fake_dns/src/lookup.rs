//! A client that asks one server for the records of a name.
//!
//! **Role:** the fake SES asks the fake DNS server with it, as SES asks the Internet.
//! **Invariant:** it repeats no query. A truncated answer is asked for again by TCP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::ProtoError;
use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::zone::{Kind, key, parsed};

/// Bytes of a datagram that the client receives.
const DATAGRAM_BYTES: u16 = 1232;

/// The reason for which no records were found.
#[derive(Debug, Error)]
pub enum LookupError {
    /// The name does not exist.
    #[error("the name does not exist")]
    NoSuchName,
    /// The server answered with an error.
    #[error("the server answered {0}")]
    Server(ResponseCode),
    /// No usable answer came in time.
    #[error("no usable answer came")]
    NoAnswer,
}

impl From<io::Error> for LookupError {
    fn from(_: io::Error) -> Self {
        Self::NoAnswer
    }
}

impl From<ProtoError> for LookupError {
    fn from(_: ProtoError) -> Self {
        Self::NoAnswer
    }
}

/// Returns the values of the records of one type, in the form of the control; none if the name has only others.
///
/// # Errors
/// [`LookupError`] when the name does not exist, or when no answer came within `patience`.
pub async fn lookup(
    server: SocketAddr,
    name: &str,
    kind: Kind,
    patience: Duration,
) -> Result<Vec<String>, LookupError> {
    let name = parsed(name).map_err(|_| LookupError::NoSuchName)?;
    let asked = tokio::time::timeout(patience, ask(server, name, kind)).await;
    let response = asked.map_err(|_| LookupError::NoAnswer)??;
    let code = response.metadata.response_code;
    if code == ResponseCode::NXDomain {
        return Err(LookupError::NoSuchName);
    }
    if code != ResponseCode::NoError {
        return Err(LookupError::Server(code));
    }
    let answers = response.answers.iter();
    Ok(answers.filter_map(|answer| value(&answer.data, kind)).collect())
}

async fn ask(server: SocketAddr, name: Name, kind: Kind) -> Result<Message, LookupError> {
    let mut request = Message::query();
    request.metadata.recursion_desired = true;
    request.add_query(Query::query(name, kind.on_the_wire()));
    let mut edns = Edns::new();
    edns.set_max_payload(DATAGRAM_BYTES);
    request.edns = Some(edns);
    let bytes = request.to_vec()?;
    let response = by_udp(server, &bytes, request.metadata.id).await?;
    if response.metadata.truncation {
        return by_tcp(server, &bytes).await;
    }
    Ok(response)
}

async fn by_udp(server: SocketAddr, request: &[u8], id: u16) -> Result<Message, LookupError> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect(server).await?;
    socket.send(request).await?;
    let mut buffer = [0; DATAGRAM_BYTES as usize];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let message = buffer.get(..length).unwrap_or_default();
        // A response with another id belongs to an earlier query of the same port.
        if let Ok(response) = Message::from_vec(message)
            && response.metadata.id == id
        {
            return Ok(response);
        }
    }
}

async fn by_tcp(server: SocketAddr, request: &[u8]) -> Result<Message, LookupError> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(request.len()).map_err(|_| LookupError::NoAnswer)?;
    stream.write_u16(length).await?;
    stream.write_all(request).await?;
    let length = stream.read_u16().await?;
    let mut response = vec![0; usize::from(length)];
    stream.read_exact(&mut response).await?;
    Message::from_vec(&response).map_err(|_| LookupError::NoAnswer)
}

/// Returns the value of an answer of this type. An alias on the way to another type has no such value.
fn value(data: &RData, kind: Kind) -> Option<String> {
    match (kind, data) {
        (Kind::A, RData::A(address)) => Some(address.to_string()),
        (Kind::Aaaa, RData::AAAA(address)) => Some(address.to_string()),
        (Kind::Cname, RData::CNAME(target)) => Some(key(target)),
        (Kind::Mx, RData::MX(mail)) => Some(format!("{} {}", mail.preference, key(&mail.exchange))),
        (Kind::Txt, RData::TXT(text)) => {
            let bytes: Vec<u8> = text.txt_data.iter().flat_map(|part| part.iter().copied()).collect();
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        (Kind::A | Kind::Aaaa | Kind::Cname | Kind::Mx | Kind::Txt, _) => None,
    }
}
