//! The sending domains of a tenant that lost their verification: emails from them wait.
//!
//! Each queue of a tenant has the same list; the queue `default` has the original
//! ([`crate::queue::job::follow_tenant`]). It works like a hold ([`crate::queue::hold`]), but no request places or
//! releases it. It changes in the same transaction as the stored verification of a domain.
//!
//! **Invariant:** pure. An email belongs to the nearest registered domain at or above the domain of its From, as in
//! SES. A verified domain below a lost one is in the list too, because its emails go.
//! **Start reading at** [`LostVerifications::cover`]. Why this way: docs/adr/0046.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::delivery::record::EmailRecord;
use crate::tenant::domains::name::DomainName;
use crate::tenant::domains::{SendingDomain, Verification};

/// The domains of a tenant that lost their verification, and the verified ones below them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostVerifications {
    lost: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    verified_below: BTreeSet<String>,
}

impl LostVerifications {
    /// True if no domain lost its verification.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty()
    }

    /// The domains that lost their verification.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        self.lost.iter().map(String::as_str)
    }

    /// True if an email waits for one of them.
    #[must_use]
    pub fn cover(&self, record: &EmailRecord) -> bool {
        self.domain_of(record).is_some()
    }

    /// The domain for which an email waits. A record without a From domain never waits, because it may be from any
    /// other domain.
    #[must_use]
    pub fn domain_of(&self, record: &EmailRecord) -> Option<&str> {
        let mut rest = record.from_domain.as_deref();
        while let Some(name) = rest {
            if self.verified_below.contains(name) {
                return None;
            }
            if let Some(lost) = self.lost.get(name) {
                return Some(lost);
            }
            rest = name.split_once('.').map(|(_, above)| above);
        }
        None
    }

    /// The list with the present verification of a domain. `related`: at least the registered domains below it.
    #[must_use]
    pub fn with(&self, domain: &SendingDomain, related: &[SendingDomain]) -> Self {
        let mut next = self.clone();
        next.forget(&domain.name);
        let name = domain.name.as_str();
        match domain.verification {
            Verification::Lost => {
                next.lost.insert(name.to_owned());
                let verified = related.iter().filter(|other| {
                    other.tenant == domain.tenant
                        && other.verification == Verification::Now
                        && is_below(other.name.as_str(), name)
                });
                next.verified_below.extend(verified.map(|other| other.name.to_string()));
            }
            Verification::Now => drop(next.verified_below.insert(name.to_owned())),
            Verification::Never => {}
        }
        next.tidied()
    }

    /// The list after the deletion of a domain.
    #[must_use]
    pub fn without(&self, name: &DomainName) -> Self {
        let mut next = self.clone();
        next.forget(name);
        next.tidied()
    }

    /// True if an email that this list covers may go under `next`.
    #[must_use]
    pub fn exceed(&self, next: &Self) -> bool {
        !self.lost.is_subset(&next.lost) || !next.verified_below.is_subset(&self.verified_below)
    }

    fn forget(&mut self, name: &DomainName) {
        self.lost.remove(name.as_str());
        self.verified_below.remove(name.as_str());
    }

    /// The list with only those verified domains that are below a lost one, so that equal states are equal lists.
    fn tidied(mut self) -> Self {
        let lost = &self.lost;
        self.verified_below
            .retain(|name| !lost.contains(name) && lost.iter().any(|above| is_below(name, above)));
        self
    }
}

fn is_below(name: &str, above: &str) -> bool {
    name.strip_suffix(above).is_some_and(|sub| sub.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::record::{BodyPlace, BodyRef};
    use crate::id::{DomainId, EmailId, TenantId};
    use crate::timestamp::Timestamp;

    fn domain(name: &str, verification: Verification) -> SendingDomain {
        let id = DomainId::of(EmailId::from_random([7; 16]));
        let (name, now) = (DomainName::parse(name).unwrap(), Timestamp::from_millis(0));
        SendingDomain {
            verification,
            ..SendingDomain::new(id, TenantId::main(), name, "send".to_owned(), now)
        }
    }

    fn covers(list: &LostVerifications, from: Option<&str>) -> bool {
        let body = BodyRef {
            sha256: "ab".to_owned(),
            place: BodyPlace::Table,
            bytes: 1,
        };
        let (id, born) = (EmailId::from_random([1; 16]), Timestamp::from_millis(0));
        list.cover(&EmailRecord {
            from_domain: from.map(str::to_owned),
            ..EmailRecord::new(TenantId::main(), id, body, 1, born)
        })
    }

    #[test]
    fn an_email_waits_for_the_nearest_registered_domain() {
        use Verification::{Lost, Never, Now};
        let below = [
            domain("a.example.com", Now),
            domain("b.example.com", Never),
            domain("badexample.com", Now),
        ];
        let list = LostVerifications::default()
            .with(&domain("example.com", Lost), &below)
            .with(&domain("x.a.example.com", Lost), &[]);
        for (from, expected) in [
            (Some("example.com"), true),
            (Some("b.example.com"), true),
            (Some("c.d.example.com"), true),
            (Some("a.example.com"), false),
            (Some("y.a.example.com"), false),
            (Some("x.a.example.com"), true),
            (Some("z.x.a.example.com"), true),
            (Some("badexample.com"), false),
            (Some("other.example"), false),
            (Some("com"), false),
            (None, false),
        ] {
            assert_eq!(covers(&list, from), expected, "{from:?}");
        }
    }

    #[test]
    fn the_list_depends_only_on_the_present_state() {
        use Verification::{Lost, Now};
        let (above, below) = (domain("example.com", Lost), domain("a.example.com", Now));
        let none = LostVerifications::default();
        let lost_first = none.with(&above, &[]).with(&below, &[]);
        assert_eq!(none.with(&below, &[]), none, "nothing above it is lost");
        assert_eq!(none.with(&above, std::slice::from_ref(&below)), lost_first);
        assert_eq!(lost_first.with(&above, std::slice::from_ref(&below)), lost_first);
        assert_eq!(lost_first.without(&above.name), none);
        assert_eq!(lost_first.without(&below.name), none.with(&above, &[]));
        let verified = domain("example.com", Now);
        assert_eq!(lost_first.with(&verified, &[]), none);
        assert_eq!(lost_first.domains().collect::<Vec<_>>(), ["example.com"]);
    }

    #[test]
    fn domains_of_another_tenant_are_ignored() {
        let other = SendingDomain {
            tenant: TenantId::parse("other").unwrap(),
            ..domain("a.example.com", Verification::Now)
        };
        let list = LostVerifications::default().with(&domain("example.com", Verification::Lost), &[other]);
        assert!(covers(&list, Some("a.example.com")));
    }

    #[test]
    fn a_list_exceeds_one_that_holds_fewer_emails() {
        use Verification::{Lost, Now};
        let none = LostVerifications::default();
        let one = none.with(&domain("example.com", Lost), &[]);
        let two = one.with(&domain("other.example", Lost), &[]);
        let narrow = one.with(&domain("a.example.com", Now), &[]);
        for (before, next, expected) in [
            (&none, &one, false),
            (&one, &none, true),
            (&one, &two, false),
            (&two, &one, true),
            (&one, &narrow, true),
            (&narrow, &one, false),
            (&one, &one, false),
        ] {
            assert_eq!(before.exceed(next), expected, "{before:?} {next:?}");
        }
    }
}
