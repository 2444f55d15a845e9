//! One request and its answer on an open connection, by HTTP/1.1.
//!
//! **Invariant:** no task outlives the call: a frozen function would continue it at its next invocation. The connection
//! is used once.

use std::future::Future;
use std::pin::pin;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use crate::answer::{Answer, Cut};
use crate::failure::{Failure, ProtocolFailure};

/// Bytes of the largest head of an answer. Our choice: usual servers allow 8 to 16 KB.
const HEAD_BYTES: usize = 16 * 1024;

/// Headers of an answer, at most.
const HEADERS: usize = 64;

/// The head of an answer, and its body so far.
#[derive(Debug)]
struct Read {
    head: Response<()>,
    body: Vec<u8>,
    cut: Option<Cut>,
}

/// Sends a request and reads the answer, at most `limit` bytes of its body. Returns `None` if the time ended before the
/// head of the answer.
///
/// # Errors
/// [`Failure::Protocol`].
pub(crate) async fn post<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    deadline: Instant,
    limit: usize,
) -> Result<Option<Answer>, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES).max_headers(HEADERS);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(protocol)?;
    let exchange = async {
        let Ok(response) = timeout_at(deadline, sender.send_request(request)).await else {
            return Ok(None);
        };
        let read = read(response.map_err(protocol)?, deadline, limit).await;
        let (status, headers) = (read.head.status().as_u16(), read.head.headers());
        Ok(Some(Answer::new(status, headers, &read.body, limit, read.cut)))
    };
    beside(pin!(connection), pin!(exchange)).await
}

/// Drives the connection as long as the exchange needs it.
async fn beside<C: Future + Unpin, E: Future + Unpin>(mut connection: C, mut exchange: E) -> E::Output {
    tokio::select! {
        biased;
        outcome = &mut exchange => outcome,
        // The end of the connection leaves the rest of the answer, or its own error, to the exchange.
        _ = &mut connection => exchange.await,
    }
}

async fn read(response: Response<Incoming>, deadline: Instant, limit: usize) -> Read {
    let (head, mut incoming) = response.into_parts();
    let mut body = Vec::new();
    let cut = loop {
        let frame = match timeout_at(deadline, incoming.frame()).await {
            Err(_) => break Some(Cut::Time),
            Ok(None) => break None,
            Ok(Some(Err(_))) => break Some(Cut::Broken),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let room = limit.saturating_sub(body.len());
        body.extend(data.iter().take(room));
        if data.len() > room {
            break Some(Cut::Length);
        }
    };
    let head = Response::from_parts(head, ());
    Read { head, body, cut }
}

#[expect(clippy::needless_pass_by_value, reason = "it maps the error of a result")]
fn protocol(error: hyper::Error) -> Failure {
    let failure = if error.is_parse_too_large() {
        ProtocolFailure::HeadTooLarge
    } else if error.is_parse() {
        ProtocolFailure::NotHttp
    } else if error.is_user() {
        ProtocolFailure::Request
    } else {
        ProtocolFailure::Closed
    };
    failure.into()
}
