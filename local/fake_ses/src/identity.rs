//! One identity of the account: a domain or an address.
//!
//! **Invariant:** pure, without a clock and without randomness.
//! **Limit:** only Easy DKIM; an address is verified only by a test.
//!
//! Source: Amazon SES API v2 Reference, `CreateEmailIdentity`, `GetEmailIdentity` and `IdentityInfo`; answers of SES
//! that the authors of the emulators Moto (issue 9771) and Floci (pull requests 1310, 1904) published. Read 2026-11-29.

#![expect(
    clippy::indexing_slicing,
    reason = "each index is a field of a JSON object made here"
)]

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::tracking::{Seen, Status, Tracking};

/// The tokens of a domain's DKIM keys.
pub type Tokens = [String; 3];

/// The reaction to a MAIL FROM domain without its MX record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnMxFailure {
    /// SES's own MAIL FROM domain is used.
    #[default]
    UseDefault,
    /// The message is refused.
    Reject,
}

impl OnMxFailure {
    /// Reads SES's name.
    pub fn read(name: &str) -> Option<Self> {
        [Self::UseDefault, Self::Reject]
            .into_iter()
            .find(|known| known.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::UseDefault => "USE_DEFAULT_VALUE",
            Self::Reject => "REJECT_MESSAGE",
        }
    }
}

/// The MAIL FROM domain of an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailFrom {
    /// The domain.
    pub domain: String,
    /// The search for its MX record.
    pub tracking: Tracking,
}

/// The DKIM keys of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Dkim {
    tokens: Tokens,
    key_length: String,
    made_at: Timestamp,
}

/// An identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    name: String,
    /// Present for a domain.
    dkim: Option<Dkim>,
    tracking: Tracking,
    /// True if a test has set the status, so that DNS does not change it.
    is_fixed: bool,
    /// True if messages are signed.
    pub signs: bool,
    /// True if SES forwards bounces to the sender.
    pub forwards_feedback: bool,
    /// The MAIL FROM domain.
    pub mail_from: Option<MailFrom>,
    /// The reaction to a missing MX record.
    pub on_mx_failure: OnMxFailure,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// The default configuration set.
    pub configuration_set: Option<String>,
}

/// The key length of Easy DKIM, unless the caller names another.
pub const DEFAULT_KEY_LENGTH: &str = "RSA_2048_BIT";

/// The zone in which SES publishes the keys of us-east-1. A caller must read it from the answer.
const SIGNING_ZONE: &str = "dkim.amazonses.com";

/// The records for which SES searches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The identity.
    pub identity: String,
    /// The aliases of the DKIM keys: name and target. Empty if DNS does not decide.
    pub aliases: Vec<(String, String)>,
    /// The MAIL FROM domain and its mail server.
    pub mail_from: Option<(String, String)>,
}

/// The result of one look at an identity's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The result for the DKIM keys.
    pub dkim: Option<Seen>,
    /// The result for the MAIL FROM domain.
    pub mail_from: Option<Seen>,
}

impl Identity {
    /// Creates an identity, whose search starts.
    pub fn new(name: &str, tokens: Tokens, key_length: &str, now: Timestamp) -> Self {
        let is_domain = !name.contains('@');
        let dkim = Dkim {
            tokens,
            key_length: key_length.to_owned(),
            made_at: now,
        };
        Self {
            name: name.to_owned(),
            dkim: is_domain.then_some(dkim),
            tracking: Tracking::start(now),
            // Nobody follows the link in SES's email to an address.
            is_fixed: !is_domain,
            signs: is_domain,
            forwards_feedback: true,
            mail_from: None,
            on_mx_failure: OnMxFailure::default(),
            tags: BTreeMap::new(),
            configuration_set: None,
        }
    }

    /// Creates an identity with a status that DNS does not change.
    pub fn fixed(name: &str, is_verified: bool, tokens: Tokens, now: Timestamp) -> Self {
        let mut identity = Self::new(name, tokens, DEFAULT_KEY_LENGTH, now);
        identity.is_fixed = true;
        if is_verified {
            identity.tracking = Tracking::found(now);
        }
        identity
    }

    /// Returns the domain or the address.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the domain of the identity.
    pub fn domain(&self) -> &str {
        self.name.rsplit_once('@').map_or(&self.name, |(_, domain)| domain)
    }

    /// Tells whether SES sends for the identity.
    pub const fn may_send(&self) -> bool {
        self.tracking.is_verified()
    }

    /// Starts the search anew, with the same keys unless the length changes.
    pub fn restart(&mut self, key_length: Option<&str>, tokens: Tokens, now: Timestamp) {
        let Some(dkim) = &mut self.dkim else {
            return;
        };
        let is_other = key_length.is_some_and(|length| length != dkim.key_length);
        if is_other {
            dkim.tokens = tokens;
            dkim.made_at = now;
            dkim.key_length = key_length.unwrap_or(DEFAULT_KEY_LENGTH).to_owned();
        }
        if !self.is_fixed && (is_other || !self.may_send()) {
            self.tracking = Tracking::start(now);
        }
    }

    /// Sets or removes the MAIL FROM domain. The same domain keeps its search, unless that has failed.
    pub fn set_mail_from(&mut self, domain: Option<String>, on_mx_failure: Option<OnMxFailure>, now: Timestamp) {
        let Some(domain) = domain else {
            (self.mail_from, self.on_mx_failure) = (None, OnMxFailure::default());
            return;
        };
        self.on_mx_failure = on_mx_failure.unwrap_or(self.on_mx_failure);
        let is_kept = |old: &MailFrom| old.domain == domain && old.tracking.status() != Status::Failed;
        if !self.mail_from.as_ref().is_some_and(is_kept) {
            let tracking = Tracking::start(now);
            self.mail_from = Some(MailFrom { domain, tracking });
        }
    }

    /// Returns the records for which SES searches; `None` if there is nothing to search for.
    pub fn wanted(&self, region: &str) -> Option<Wanted> {
        let dkim = self
            .dkim
            .as_ref()
            .filter(|_| !self.is_fixed && self.tracking.status() != Status::Failed);
        let alias = |token: &String| {
            (
                format!("{token}._domainkey.{}", self.name),
                format!("{token}.{SIGNING_ZONE}"),
            )
        };
        let aliases: Vec<_> = dkim
            .map(|dkim| dkim.tokens.iter().map(alias).collect())
            .unwrap_or_default();
        let mail_from = self
            .mail_from
            .as_ref()
            .filter(|from| from.tracking.status() != Status::Failed);
        let mail_from = mail_from.map(|from| (from.domain.clone(), mail_server(region)));
        (!aliases.is_empty() || mail_from.is_some()).then(|| Wanted {
            identity: self.name.clone(),
            aliases,
            mail_from,
        })
    }

    /// Takes a look at the records into account.
    pub fn observe(&mut self, looked: &Looked, now: Timestamp) {
        if let Some(seen) = looked.dkim {
            self.tracking.observe(seen, now);
        }
        if let (Some(from), Some(seen)) = (&mut self.mail_from, looked.mail_from) {
            from.tracking.observe(seen, now);
        }
    }

    /// Returns the answer to `CreateEmailIdentity`. SES has not started its search yet.
    pub fn created(&self) -> Value {
        let mut answer = json!({
            "IdentityType": self.kind(),
            "VerifiedForSendingStatus": self.may_send(),
            "DkimAttributes": self.dkim_attributes(),
        });
        if let Some(status) = answer.pointer_mut("/DkimAttributes/Status") {
            *status = json!("NOT_STARTED");
        }
        answer
    }

    /// Returns the identity in the form of `ListEmailIdentities`.
    pub fn listed(&self) -> Value {
        json!({
            "IdentityType": self.kind(),
            "IdentityName": self.name,
            "SendingEnabled": self.may_send(),
            "VerificationStatus": self.tracking.status().name(),
        })
    }

    /// Returns the identity in the form of `GetEmailIdentity`.
    pub fn shown(&self) -> Value {
        let mut mail_from = json!({"BehaviorOnMxFailure": self.on_mx_failure.name()});
        if let Some(from) = &self.mail_from {
            mail_from["MailFromDomain"] = json!(from.domain);
            mail_from["MailFromDomainStatus"] = json!(from.tracking.status().name());
        }
        let mut answer = json!({
            "IdentityType": self.kind(),
            "FeedbackForwardingStatus": self.forwards_feedback,
            "VerificationStatus": self.tracking.status().name(),
            "VerifiedForSendingStatus": self.may_send(),
            "VerificationInfo": self.tracking.info(),
            "DkimAttributes": self.dkim_attributes(),
            "MailFromAttributes": mail_from,
            "Policies": {},
            "Tags": self.tag_list(),
        });
        if let Some(set) = &self.configuration_set {
            answer["ConfigurationSetName"] = json!(set);
        }
        answer
    }

    /// Returns the tags as a list.
    pub fn tag_list(&self) -> Value {
        self.tags
            .iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect()
    }

    /// Returns the tokens and the DKIM status, as `PutEmailIdentityDkimSigningAttributes` answers them.
    pub fn signing(&self) -> Value {
        let attributes = self.dkim_attributes();
        json!({"DkimStatus": attributes["Status"], "DkimTokens": attributes["Tokens"], "SigningHostedZone": SIGNING_ZONE})
    }

    fn dkim_attributes(&self) -> Value {
        match &self.dkim {
            None => json!({
                "SigningEnabled": self.signs,
                "Status": "NOT_STARTED",
                "SigningAttributesOrigin": "AWS_SES",
                "NextSigningKeyLength": "RSA_1024_BIT",
            }),
            Some(dkim) => json!({
                "SigningEnabled": self.signs,
                "Status": self.tracking.status().name(),
                "Tokens": dkim.tokens,
                "SigningHostedZone": SIGNING_ZONE,
                "SigningAttributesOrigin": "AWS_SES",
                "NextSigningKeyLength": dkim.key_length,
                "CurrentSigningKeyLength": dkim.key_length,
                "LastKeyGenerationTimestamp": dkim.made_at.as_second(),
            }),
        }
    }

    const fn kind(&self) -> &'static str {
        if self.dkim.is_some() { "DOMAIN" } else { "EMAIL_ADDRESS" }
    }
}

/// Returns the host of SES that takes bounces.
fn mail_server(region: &str) -> String {
    format!("feedback-smtp.{region}.amazonses.com")
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
