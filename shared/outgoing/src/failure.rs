//! A call without an answer.
//!
//! **Invariant:** pure. A text tells the owner of the URL the fault and the remedy. It contains no URL, no header
//! and no address, so that it can be stored and logged.

use std::io;
use std::time::Duration;

use crate::rule::Refusal;
use crate::tls::TlsFailure;

/// The part of a call during which its time ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The look-up of the host's addresses.
    Resolve,
    /// The connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The request, and the head of the answer.
    Answer,
}

impl Stage {
    const fn words(self) -> &'static str {
        match self {
            Self::Resolve => "DNS gave no answer about the host",
            Self::Connect => "the server accepted no connection",
            Self::Tls => "the server did not finish the TLS handshake",
            Self::Answer => "the server did not answer the request",
        }
    }
}

/// A name without a usable address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The name does not exist, or has neither an A nor an AAAA record.
    #[error("DNS has no address for the host. Check its name, and add an A record.")]
    NoAddress,
    /// No usable answer came.
    #[error("DNS gave no answer about the host. Check the name servers of its domain.")]
    Unavailable,
}

/// A violation of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolFailure {
    /// The connection closed before the answer.
    #[error("The server closed the connection without an answer. Look at its log.")]
    Closed,
    /// The head of the answer is too large.
    #[error("The head of the server's answer is too large. Send fewer headers.")]
    HeadTooLarge,
    /// The answer is not HTTP/1.1.
    #[error("The server's answer is not HTTP/1.1. Check the URL's port.")]
    NotHttp,
    /// A header of the request is malformed, which is a fault of mailqueue.
    #[error("The request could not be built. This is a fault of mailqueue.")]
    Request,
}

/// The reason for which a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The URL or an address of its host may never be called.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The host has no usable address in DNS.
    #[error(transparent)]
    Dns(#[from] DnsError),
    /// No connection was possible.
    #[error("The connection failed: {}. Check that the server listens on the URL's port, and that its firewall allows the Internet.", .0.kind())]
    Connect(#[source] io::Error),
    /// Only IPv6 addresses, which this network does not reach.
    #[error("The host has only IPv6 addresses, and they are not reachable from here. Add an A record.")]
    OnlyIpv6(#[source] io::Error),
    /// The TLS handshake failed.
    #[error(transparent)]
    Tls(#[from] TlsFailure),
    /// The time of the call ended.
    #[error("After {} seconds {}.", .limit.as_secs(), .stage.words())]
    Timeout {
        /// The unfinished part.
        stage: Stage,
        /// The total time of a call.
        limit: Duration,
    },
    /// The answer is not HTTP, or is incomplete.
    #[error(transparent)]
    Protocol(#[from] ProtocolFailure),
}

impl Failure {
    /// Returns the kind, for stored attempts and metrics: `refused`, `dns`, `connect`, `tls`, `timeout`, `protocol`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Dns(_) => "dns",
            Self::Connect(_) | Self::OnlyIpv6(_) => "connect",
            Self::Tls(_) => "tls",
            Self::Timeout { .. } => "timeout",
            Self::Protocol(_) => "protocol",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_say_what_to_do_and_quote_nothing() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        for (failure, kind, words) in [
            (Failure::Dns(DnsError::NoAddress), "dns", "add an A record"),
            (Failure::Connect(refused), "connect", "connection refused"),
            (Failure::Tls(TlsFailure::UnknownIssuer), "tls", "whole chain"),
            (Failure::Protocol(ProtocolFailure::NotHttp), "protocol", "URL's port"),
        ] {
            assert_eq!(failure.kind(), kind);
            assert!(failure.to_string().contains(words), "{failure}");
        }
        let (stage, limit) = (Stage::Answer, Duration::from_secs(15));
        let text = "After 15 seconds the server did not answer the request.";
        assert_eq!(Failure::Timeout { stage, limit }.to_string(), text);
    }
}
