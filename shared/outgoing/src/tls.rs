//! Root certificates and the settings of TLS.
//!
//! **Invariant:** the certificate must be valid for the host of the URL, under a root of Mozilla, at each connection.
//! No session is resumed, because a resumed one shows no certificate. The cryptography is that of `ring`
//! (docs/adr/0007).
//! **Deliberately absent:** revocation. Mozilla's lists are too large for a function, and asking the issuer would be a
//! further outgoing call for each attempt.

use std::io;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::host::Host;

/// Bytes of the longest text about a failed handshake.
const MAX_DETAIL: usize = 200;

/// The settings of TLS, shared by all calls.
#[derive(Clone)]
pub struct Tls(TlsConnector);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Trusts Mozilla's roots, which are part of the program.
    ///
    /// # Errors
    /// The settings contradict each other, which a test of this crate would show.
    pub fn with_mozillas_roots() -> Result<Self, rustls::Error> {
        Self::with_roots(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        })
    }

    /// Trusts these roots. For tests.
    ///
    /// # Errors
    /// See [`Tls::with_mozillas_roots`].
    pub fn with_roots(roots: RootCertStore) -> Result<Self, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Makes the handshake, for the host of the URL and not for the address.
    ///
    /// # Errors
    /// See [`TlsFailure`].
    pub(crate) async fn connect<S>(&self, host: &Host, stream: S) -> Result<TlsStream<S>, TlsFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| TlsFailure::Name)?,
            Host::Address(address) => ServerName::IpAddress((*address).into()),
        };
        Ok(self.0.connect(name, stream).await?)
    }
}

/// The reason of a failed handshake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsFailure {
    /// The host cannot be in a certificate.
    #[error("The host cannot be in a certificate. Use the name that is in DNS.")]
    Name,
    /// The certificate is for other names.
    #[error("The server's certificate is not valid for the URL's host. Renew it with this name.")]
    WrongName,
    /// No root of Mozilla leads to the certificate: it is self-signed, or an intermediate certificate is missing.
    #[error(
        "The server's certificate is self-signed, of an unknown issuer, or sent without its intermediate certificates. Use one that browsers accept, with its whole chain."
    )]
    UnknownIssuer,
    /// The certificate has expired, or is not valid yet.
    #[error("The server's certificate has expired, or is not valid yet. Renew it.")]
    Expired,
    /// The connection closed or broke.
    #[error("The server closed the connection during the TLS handshake. Check that its port speaks HTTPS.")]
    Closed,
    /// Another failure, in the words of the TLS library.
    #[error("The TLS handshake failed: {0}. Check that the port speaks HTTPS with TLS 1.2 or 1.3.")]
    Other(String),
}

impl From<io::Error> for TlsFailure {
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        inner.map_or(Self::Closed, Self::of)
    }
}

impl TlsFailure {
    fn of(error: &rustls::Error) -> Self {
        if let rustls::Error::InvalidCertificate(certificate) = error {
            #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is shown in the library's words")]
            match certificate {
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    return Self::WrongName;
                }
                // A bad signature is that of an issuer with the name of a trusted one.
                CertificateError::UnknownIssuer | CertificateError::BadSignature => return Self::UnknownIssuer,
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => return Self::Expired,
                _ => {}
            }
        }
        let mut detail = error.to_string();
        detail.truncate(detail.floor_char_boundary(MAX_DETAIL));
        Self::Other(detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mozillas_roots_are_embedded_and_accepted() {
        assert!(webpki_roots::TLS_SERVER_ROOTS.len() > 100);
        assert!(Tls::with_mozillas_roots().is_ok());
    }

    #[test]
    fn a_long_text_of_the_library_is_cut() {
        let failure = TlsFailure::of(&rustls::Error::General("ä".repeat(500)));
        assert!(failure.to_string().len() < 320, "{failure}");
    }
}
