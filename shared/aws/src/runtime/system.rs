//! The machine of the function: its clock and its randomness.

use std::time::SystemTime;

use domain::delivery::retry::Jitter;
use domain::id::EmailId;
use domain::ports::webhooks::SecretSource;
use domain::ports::{Clock, PortError, Random};
use domain::tenant::temporary::TEMPORARY_BYTES;
use domain::tenant::token::SECRET_BYTES;
use domain::timestamp::Timestamp;
use domain::webhook::secret::SigningSecret;

use crate::runtime::failure::port;

/// The operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "only this function reads the clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Random for System {
    fn nonce(&self) -> Result<u64, PortError> {
        bytes().map(u64::from_be_bytes)
    }

    fn jitter(&self) -> Jitter {
        // Without randomness there is no jitter: nothing depends on it.
        bytes().map_or(Jitter::NONE, |bytes| Jitter::from_random(u16::from_be_bytes(bytes)))
    }

    fn id(&self) -> Result<EmailId, PortError> {
        bytes().map(EmailId::from_random)
    }

    fn secret(&self) -> Result<[u8; SECRET_BYTES], PortError> {
        bytes()
    }

    fn temporary(&self) -> Result<[u8; TEMPORARY_BYTES], PortError> {
        bytes()
    }
}

impl SecretSource for System {
    fn signing_secret(&self) -> Result<SigningSecret, PortError> {
        bytes().map(SigningSecret::new)
    }
}

fn bytes<const N: usize>() -> Result<[u8; N], PortError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| port("reading random bytes from the system")(error.into()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_plausible_and_nonces_differ() {
        assert!(System.now().as_secs() > 1_700_000_000);
        assert_ne!(System.nonce().unwrap(), System.nonce().unwrap());
        assert_ne!(System.id().unwrap(), System.id().unwrap());
        assert_ne!(System.secret().unwrap(), System.secret().unwrap());
        assert_ne!(System.temporary().unwrap(), System.temporary().unwrap());
        assert_ne!(System.signing_secret().unwrap(), System.signing_secret().unwrap());
    }
}
