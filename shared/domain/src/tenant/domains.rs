//! Sending domains: the domains that a tenant registered, and the progress of their verification.
//!
//! SES decides whether a domain is verified. The stored domain has SES's last answer, and the time of the next
//! question.
//! **Invariant:** pure. A domain that was never verified is in the [`Registry`], and leaves it for good when SES first
//! sends for it.
//! **Start reading at** [`SendingDomain::observed`]. Why this way: docs/adr/0046.

pub mod dns;
pub mod identity;
pub mod name;
pub mod refusal;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use self::identity::{Identity, IdentityStatus};
use self::name::DomainName;
use crate::id::{DomainId, TenantId};
use crate::timestamp::Timestamp;

/// Whether SES sends, or sent, for a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Verification {
    /// SES never sent for it. Its emails are refused.
    #[default]
    Never,
    /// SES sends for it.
    Now,
    /// SES sent for it before. Its emails are accepted, and wait until SES sends for it again.
    Lost,
}

/// The use of TLS on the way to the servers of recipients, in Resend's words. All domains of a deployment have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Tls {
    /// Amazon SES uses TLS if the server offers it.
    #[default]
    Opportunistic,
    /// Amazon SES sends only over TLS. An email to a server without TLS bounces.
    Enforced,
}

/// A registered domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendingDomain {
    /// Id.
    pub id: DomainId,
    /// Owner.
    pub tenant: TenantId,
    /// Name.
    pub name: DomainName,
    /// First label of its MAIL FROM domain.
    pub return_path: String,
    /// True if the deployer adopted an existing identity. Its deletion leaves the identity in place.
    pub is_adopted: bool,
    /// Time of registration.
    pub created_at: Timestamp,
    /// Tokens of its DKIM records; none before its identity is known.
    pub tokens: Vec<String>,
    /// SES's last answer.
    pub status: IdentityStatus,
    /// Whether SES sends for it.
    pub verification: Verification,
    /// Start of the present wait for SES.
    pub waits_since: Timestamp,
    /// Time of the next question to SES; `None` after the end of the wait.
    pub next_check: Option<Timestamp>,
    /// Version: the number of its changes.
    pub version: u64,
    /// Time of the last change that is told: of its registration, of SES's answer, or of the begin of its deletion.
    pub changed_at: Timestamp,
    /// True if its tenant had a webhook at a change: the table's stream tells its changes since.
    pub is_told: bool,
}

/// Duration of the frequent questions about a waiting domain.
const EAGER: Duration = Duration::from_secs(3_600);

/// Time after which SES gives up. Source: Amazon SES Developer Guide, "Verifying a domain identity", read 2026-11-29.
const GIVEN_UP: Duration = Duration::from_secs(72 * 3_600);

/// Wait between frequent questions.
const MINUTE: Duration = Duration::from_secs(60);

/// Wait between other questions.
const HOUR: Duration = Duration::from_secs(3_600);

impl SendingDomain {
    /// A new domain, whose identity is still to be created.
    #[must_use]
    pub fn new(id: DomainId, tenant: TenantId, name: DomainName, return_path: String, now: Timestamp) -> Self {
        Self {
            id,
            tenant,
            name,
            return_path,
            is_adopted: false,
            created_at: now,
            tokens: Vec::new(),
            status: IdentityStatus::NotStarted,
            verification: Verification::Never,
            waits_since: now,
            next_check: Some(now.after(MINUTE)),
            version: 1,
            changed_at: now,
            is_told: false,
        }
    }

    /// Its MAIL FROM domain.
    #[must_use]
    pub fn mail_from(&self) -> String {
        format!("{}.{}", self.return_path, self.name)
    }

    /// The domain after SES's answer at `now`; without an identity, SES no longer knows the domain.
    #[must_use]
    pub fn observed(&self, identity: Option<&Identity>, now: Timestamp) -> Self {
        let may_send = identity.is_some_and(|identity| identity.may_send);
        let verification = match (self.verification, may_send) {
            (_, true) => Verification::Now,
            (Verification::Never, false) => Verification::Never,
            (Verification::Now | Verification::Lost, false) => Verification::Lost,
        };
        let is_lost_now = verification == Verification::Lost && self.verification == Verification::Now;
        let waits_since = if is_lost_now { now } else { self.waits_since };
        let tokens = identity.map(|identity| &identity.tokens);
        let next = Self {
            tokens: tokens
                .filter(|tokens| !tokens.is_empty())
                .unwrap_or(&self.tokens)
                .clone(),
            status: identity.map(|identity| identity.status).unwrap_or_default(),
            verification,
            waits_since,
            next_check: next_check(verification, waits_since, now),
            version: self.version.saturating_add(1),
            ..self.clone()
        };
        let changed_at = if next.differs_from(self) { now } else { self.changed_at };
        Self { changed_at, ..next }
    }

    /// The domain whose deletion begins now, and is told.
    #[must_use]
    pub fn leaving(&self, now: Timestamp) -> Self {
        Self {
            version: self.version.saturating_add(1),
            changed_at: now,
            is_told: true,
            ..self.clone()
        }
    }

    /// The domain with a new wait for SES.
    #[must_use]
    pub fn waiting_again(&self, now: Timestamp) -> Self {
        Self {
            waits_since: now,
            ..self.clone()
        }
    }

    /// True if this change ends its time in the [`Registry`].
    #[must_use]
    pub fn is_first_verified_by(&self, after: &Self) -> bool {
        self.verification == Verification::Never && after.verification != Verification::Never
    }

    /// True if anything but the times of questions and changes differs.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> bool {
        let plain = |domain: &Self| Self {
            waits_since: Timestamp::from_millis(0),
            next_check: None,
            version: 0,
            changed_at: Timestamp::from_millis(0),
            is_told: false,
            ..domain.clone()
        };
        plain(self) != plain(other)
    }
}

/// The time of the next question. A verified domain is questioned each hour, because it can lose its records. A waiting
/// one is questioned each minute for an hour, then each hour until SES has given up.
fn next_check(verification: Verification, waits_since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let waited = now.since(waits_since);
    match verification {
        Verification::Now => Some(now.after(HOUR)),
        Verification::Never | Verification::Lost if waited < EAGER => Some(now.after(MINUTE)),
        Verification::Never | Verification::Lost if waited < GIVEN_UP => Some(now.after(HOUR)),
        Verification::Never | Verification::Lost => None,
    }
}

/// The names of all registered domains that were never verified, with the number of registrations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    /// Number of registrations.
    pub version: u64,
    /// The names.
    pub unverified: BTreeSet<String>,
}

/// The reason why a tenant cannot register a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It has the domain already.
    Own(DomainId),
    /// Another tenant has this domain, one above or one below it.
    Another,
}

/// Checks a name against the registered domains that are equal to it, above or below it.
///
/// # Errors
/// [`Taken`].
pub fn check_free(tenant: &TenantId, name: &DomainName, related: &[SendingDomain]) -> Result<(), Taken> {
    if related.iter().any(|other| other.tenant != *tenant) {
        return Err(Taken::Another);
    }
    match related.iter().find(|other| other.name == *name) {
        Some(own) => Err(Taken::Own(own.id)),
        None => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;
    use crate::id::EmailId;

    /// A registered domain of the tenant `main`.
    pub(crate) fn domain() -> SendingDomain {
        let id = DomainId::of(EmailId::from_random([7; 16]));
        let name = DomainName::parse("mail.example.com").unwrap();
        let now = Timestamp::from_millis(0);
        SendingDomain {
            tokens: ["t1", "t2", "t3"].map(str::to_owned).to_vec(),
            ..SendingDomain::new(id, TenantId::main(), name, "send".to_owned(), now)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::domain;
    use super::*;

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_millis(0).after(MINUTE * u32::try_from(minutes).unwrap())
    }

    fn identity(may_send: bool) -> Identity {
        Identity {
            may_send,
            ..Identity::default()
        }
    }

    #[test]
    fn a_waiting_domain_is_checked_less_and_less() {
        let wait = |minutes| {
            let next = domain().observed(Some(&identity(false)), at(minutes)).next_check;
            next.map(|next| next.since(at(minutes)).as_secs() / 60)
        };
        let waits = [0, 59, 60, 71 * 60, 72 * 60].map(wait);
        assert_eq!(waits, [Some(1), Some(1), Some(60), Some(60), None]);
    }

    #[test]
    fn a_verified_domain_can_only_be_lost() {
        let verified = domain().observed(Some(&identity(true)), at(5));
        assert_eq!(verified.verification, Verification::Now);
        assert_eq!(verified.next_check, Some(at(65)));
        for gone in [Some(identity(false)), None] {
            let lost = verified.observed(gone.as_ref(), at(6_000));
            assert_eq!(lost.verification, Verification::Lost);
            assert_eq!(lost.next_check, Some(at(6_001)), "the wait begins anew");
            assert_eq!(lost.tokens, domain().tokens, "the records are still known");
            let again = lost.observed(Some(&identity(true)), at(6_001));
            assert_eq!(again.verification, Verification::Now);
        }
        let never = domain().observed(None, at(1));
        assert_eq!(never.verification, Verification::Never);
    }

    #[test]
    fn the_time_of_a_question_is_no_difference() {
        let asked = domain().observed(Some(&identity(false)), at(1));
        assert!(!asked.differs_from(&domain()));
        assert!(domain().observed(Some(&identity(true)), at(1)).differs_from(&domain()));
    }

    #[test]
    fn only_a_change_has_a_time_of_its_own() {
        let asked = domain().observed(Some(&identity(false)), at(1));
        let verified = asked.observed(Some(&identity(true)), at(2));
        let again = verified.observed(Some(&identity(true)), at(3));
        let times = [&asked, &verified, &again].map(|domain| domain.changed_at);
        assert_eq!(times, [at(0), at(2), at(2)]);
        let leaving = again.leaving(at(4));
        assert!(leaving.is_told && !leaving.differs_from(&again));
        assert_eq!((leaving.changed_at, leaving.version), (at(4), again.version + 1));
    }

    #[test]
    fn a_name_of_another_tenant_is_taken() {
        let other = TenantId::parse("other").unwrap();
        let name = |text| DomainName::parse(text).unwrap();
        let own = domain();
        for (tenant, wanted, expected) in [
            (&own.tenant, "mail.example.com", Err(Taken::Own(own.id))),
            (&own.tenant, "example.com", Ok(())),
            (&other, "mail.example.com", Err(Taken::Another)),
            (&other, "example.com", Err(Taken::Another)),
            (&other, "a.mail.example.com", Err(Taken::Another)),
        ] {
            let related = std::slice::from_ref(&own);
            assert_eq!(check_free(tenant, &name(wanted), related), expected, "{wanted}");
        }
    }
}
