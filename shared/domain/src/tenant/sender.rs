//! The From domains that a tenant or key may use.
//!
//! **Invariant:** a domain covers itself alone; `*.` covers its subdomains. Domains are compared as A-labels in lower
//! case, the form of [`EmailAddress`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::address::EmailAddress;

/// `example.com`, `*.example.com` (every domain below it), or `*` (every domain).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum FromDomain {
    /// Every domain.
    Any,
    /// Every domain below this one.
    Below(String),
    /// This domain.
    Exactly(String),
}

/// A text that is no From domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a domain such as example.com, *.example.com or *")]
pub struct NoFromDomain;

impl FromDomain {
    /// Reads a From domain; it is normalised as in an address.
    ///
    /// # Errors
    /// [`NoFromDomain`].
    pub fn parse(text: &str) -> Result<Self, NoFromDomain> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let domain = |text: &str| {
            let address = EmailAddress::parse(&format!("x@{text}")).map_err(|_| NoFromDomain)?;
            Ok(address.domain().to_owned())
        };
        match text.strip_prefix("*.") {
            Some(below) => domain(below).map(Self::Below),
            None => domain(text).map(Self::Exactly),
        }
    }

    /// True if an email may have a From of this domain.
    #[must_use]
    pub fn covers(&self, domain: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Below(above) => domain
                .strip_suffix(above.as_str())
                .is_some_and(|sub| sub.ends_with('.')),
            Self::Exactly(only) => domain == only,
        }
    }

    /// True if it covers everything that `other` covers.
    #[must_use]
    pub fn covers_all_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (_, Self::Any) => false,
            (Self::Below(above), Self::Below(below)) => above == below || self.covers(below),
            (Self::Exactly(_), Self::Below(_)) => false,
            (_, Self::Exactly(domain)) => self.covers(domain),
        }
    }
}

impl fmt::Display for FromDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Below(above) => write!(f, "*.{above}"),
            Self::Exactly(domain) => f.write_str(domain),
        }
    }
}

impl TryFrom<String> for FromDomain {
    type Error = NoFromDomain;

    fn try_from(text: String) -> Result<Self, NoFromDomain> {
        Self::parse(&text)
    }
}

impl From<FromDomain> for String {
    fn from(domain: FromDomain) -> Self {
        domain.to_string()
    }
}

/// The From domains that limit a request: each list must cover a domain. No lists mean no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(Vec<Vec<FromDomain>>);

impl Scope {
    /// The scope of a tenant and of one of its keys. A key without a list has its tenant's limits alone.
    #[must_use]
    pub fn new(tenant: &[FromDomain], key: &[FromDomain]) -> Self {
        let limits = |list: &&[FromDomain]| !list.contains(&FromDomain::Any);
        let lists = [Some(tenant), (!key.is_empty()).then_some(key)];
        let lists = lists.into_iter().flatten().filter(limits);
        Self(lists.map(<[FromDomain]>::to_vec).collect())
    }

    /// True if it covers every domain.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.0.is_empty()
    }

    /// True if it covers a domain.
    #[must_use]
    pub fn covers(&self, domain: &str) -> bool {
        let allows = |list: &Vec<FromDomain>| list.iter().any(|allowed| allowed.covers(domain));
        self.0.iter().all(allows)
    }
}

/// The domains as a list in a sentence.
#[must_use]
pub fn list_in_words(domains: &[FromDomain]) -> String {
    let names: Vec<_> = domains.iter().map(ToString::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> FromDomain {
        FromDomain::parse(text).unwrap()
    }

    #[test]
    fn a_star_covers_subdomains_alone() {
        for (pattern, covered, not) in [
            (
                "example.com",
                &["example.com"][..],
                &["a.example.com", "badexample.com", "com", "example.com.evil.example"][..],
            ),
            (
                "*.example.com",
                &["a.example.com", "a.b.example.com"],
                &["example.com", "badexample.com", "a.example.com.evil.example"],
            ),
            ("*", &["example.com", "a.b.c"], &[]),
        ] {
            for domain in covered {
                assert!(of(pattern).covers(domain), "{pattern} {domain}");
            }
            for domain in not {
                assert!(!of(pattern).covers(domain), "{pattern} {domain}");
            }
        }
    }

    #[test]
    fn a_scope_needs_tenant_and_key() {
        let (any, wide, narrow) = ([of("*")], [of("*.example.com")], [of("a.example.com"), of("b.example")]);
        for (tenant, key, covered, not) in [
            (&any[..], &[][..], &["a.example.com", "b.example"][..], &[][..]),
            (&any, &any, &["a.example.com", "b.example"], &[]),
            (&wide, &[], &["a.example.com"], &["b.example"]),
            (&any, &narrow, &["a.example.com", "b.example"], &["c.example.com"]),
            (&wide, &narrow, &["a.example.com"], &["b.example", "c.example.com"]),
            (&[], &[], &[], &["a.example.com"]),
        ] {
            let scope = Scope::new(tenant, key);
            assert_eq!(scope.is_unlimited(), not.is_empty(), "{scope:?}");
            for domain in covered {
                assert!(scope.covers(domain), "{scope:?} {domain}");
            }
            for domain in not {
                assert!(!scope.covers(domain), "{scope:?} {domain}");
            }
        }
    }

    #[test]
    fn a_wider_pattern_covers_a_narrower_one() {
        let patterns = [
            "*",
            "*.example.com",
            "*.a.example.com",
            "a.example.com",
            "example.com",
            "other.example",
        ];
        let samples = [
            "example.com",
            "a.example.com",
            "b.a.example.com",
            "b.example.com",
            "other.example",
            "x.test",
        ];
        for (outer, inner) in patterns
            .iter()
            .flat_map(|outer| patterns.iter().map(move |inner| (outer, inner)))
        {
            let (wide, narrow) = (of(outer), of(inner));
            let covers = samples
                .iter()
                .all(|domain| !narrow.covers(domain) || wide.covers(domain));
            assert_eq!(wide.covers_all_of(&narrow), covers, "{outer} {inner}");
        }
    }

    #[test]
    fn domains_are_normalised_as_in_addresses() {
        assert_eq!(of("BÜCHER.example").to_string(), "xn--bcher-kva.example");
        assert_eq!(of("*.Example.COM").to_string(), "*.example.com");
        for bad in [
            "",
            "*.",
            "**",
            "*.*",
            "a*.example.com",
            "localhost",
            "a@example.com",
            "example.com.",
            "a b.example",
            "x@y.example>",
        ] {
            assert_eq!(FromDomain::parse(bad), Err(NoFromDomain), "{bad}");
        }
    }
}
