//! The identities of the account: domains and addresses.
//!
//! **Limit:** they are only listed and shown. A message is accepted from every domain, so that tests may use any sender.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const DOMAIN: &str = "DOMAIN";

/// An identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// A domain or an address.
    pub name: String,
    /// True if the owner has proved its ownership.
    pub verified: bool,
}

/// The identities of a new account on this machine: one verified domain.
pub fn first() -> Vec<Identity> {
    vec![Identity {
        name: "example.com".to_owned(),
        verified: true,
    }]
}

impl Identity {
    /// Returns the identity in the form of `ListEmailIdentities`.
    ///
    /// Source: Amazon SES API v2 Reference, `IdentityInfo`, read 2026-11-29.
    pub fn listed(&self) -> Value {
        json!({
            "IdentityType": self.kind(),
            "IdentityName": self.name,
            "SendingEnabled": self.verified,
            "VerificationStatus": self.status(),
        })
    }

    /// Returns the identity in the form of `GetEmailIdentity`. DKIM works for a verified domain; no identity has a
    /// MAIL FROM domain of its own.
    ///
    /// Source: Amazon SES API v2 Reference, `GetEmailIdentity`, read 2026-11-29.
    pub fn shown(&self) -> Value {
        json!({
            "IdentityType": self.kind(),
            "VerificationStatus": self.status(),
            "VerifiedForSendingStatus": self.verified,
            "DkimAttributes": {"SigningEnabled": self.kind() == DOMAIN, "Status": self.status()},
        })
    }

    fn kind(&self) -> &'static str {
        if self.name.contains('@') {
            "EMAIL_ADDRESS"
        } else {
            DOMAIN
        }
    }

    fn status(&self) -> &'static str {
        if self.verified { "SUCCESS" } else { "PENDING" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unverified_identity_may_not_send() {
        let identity = Identity {
            name: "ann@example.org".to_owned(),
            verified: false,
        };
        let expected = json!({
            "IdentityType": "EMAIL_ADDRESS",
            "IdentityName": "ann@example.org",
            "SendingEnabled": false,
            "VerificationStatus": "PENDING",
        });
        assert_eq!(identity.listed(), expected);
        let expected = json!({
            "IdentityType": "EMAIL_ADDRESS",
            "VerifiedForSendingStatus": false,
            "VerificationStatus": "PENDING",
            "DkimAttributes": {"SigningEnabled": false, "Status": "PENDING"},
        });
        assert_eq!(identity.shown(), expected);
        assert_eq!(first()[0].listed()["IdentityType"], "DOMAIN");
    }
}
