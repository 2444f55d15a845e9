//! Signatures of calls, with all secrets that are valid.

use domain::ports::{FailureKind, PortError};
use domain::timestamp::Timestamp;
use domain::webhook::identity::EventId;
use domain::webhook::secret::{Secrets, SigningSecret};
use outgoing::signature::{Secret, SecretError, sign};

/// The secrets of one webhook.
#[derive(Debug)]
pub(crate) struct Signer {
    newest: Secret,
    older: Vec<Secret>,
}

impl Signer {
    /// Reads the secrets that are valid at `now`.
    pub(crate) fn new(secrets: &Secrets, now: Timestamp) -> Result<Self, PortError> {
        let read = |secret: &SigningSecret| Secret::parse(&secret.to_text());
        let older: Result<Vec<_>, SecretError> = secrets.valid_at(now).skip(1).map(read).collect();
        Ok(Self {
            newest: read(&secrets.current).map_err(unsigned)?,
            older: older.map_err(unsigned)?,
        })
    }

    /// Returns the headers of a call at `now`, of both families.
    pub(crate) fn headers(
        &self,
        event: &EventId,
        body: &str,
        now: Timestamp,
    ) -> Result<[(&'static str, String); 6], PortError> {
        let now_secs = u64::try_from(now.as_secs()).unwrap_or_default();
        let signed = sign(event.as_str(), now_secs, body.as_bytes(), &self.newest, &self.older);
        Ok(signed.map_err(unsigned)?.headers())
    }
}

/// A signature that cannot be made is a fault of mailqueue, and stays one.
fn unsigned(error: impl std::error::Error + Send + Sync + 'static) -> PortError {
    PortError {
        what: "signing an event",
        kind: FailureKind::Permanent,
        source: error.into(),
    }
}
