//! The name of a sending domain.
//!
//! **Invariant:** lower-case A-labels. A new name is never a public suffix such as `co.uk`: nobody owns one.
//! **Start reading at** [`DomainName::parse_new`].

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::limits;
use crate::message::address::EmailAddress;

/// The name of a sending domain, such as `example.com` or `mail.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DomainName(String);

/// The reason why a text is no name of a sending domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, thiserror::Error)]
#[error("{}", <&'static str>::from(*self))]
pub enum DomainNameError {
    /// Not a domain name.
    #[strum(serialize = "must be a domain such as example.com")]
    Syntax,
    /// A name under which anybody can register domains.
    #[strum(serialize = "must be a domain that you own; names such as com or co.uk are public suffixes")]
    PublicSuffix,
    /// Too long for its DKIM records.
    #[strum(serialize = "is too long for DKIM records")]
    TooLong,
    /// Too far below the registrable domain.
    #[strum(serialize = "has too many labels")]
    TooDeep,
}

impl DomainName {
    /// Reads a name, and normalises it as the domain of an address.
    ///
    /// # Errors
    /// [`DomainNameError::Syntax`].
    pub fn parse(text: &str) -> Result<Self, DomainNameError> {
        let address = EmailAddress::parse(&format!("x@{text}")).map_err(|_| DomainNameError::Syntax)?;
        Ok(Self(address.domain().to_owned()))
    }

    /// Reads a name that a tenant wants to register.
    ///
    /// Only a new name is compared with the list of public suffixes: a later version of the list must not make a stored
    /// name unreadable.
    ///
    /// # Errors
    /// The first reason, as [`DomainNameError`].
    pub fn parse_new(text: &str) -> Result<Self, DomainNameError> {
        let name = Self::parse(text)?;
        let apex = psl::domain_str(&name.0).ok_or(DomainNameError::PublicSuffix)?;
        let below = name.0.strip_suffix(apex).unwrap_or_default();
        if below.matches('.').count() > limits::SENDING_DOMAIN_LABELS {
            return Err(DomainNameError::TooDeep);
        }
        if name.0.len() > limits::SENDING_DOMAIN_MAX {
            return Err(DomainNameError::TooLong);
        }
        Ok(name)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The registrable domain: usually the name of the DNS zone.
    #[must_use]
    pub fn apex(&self) -> &str {
        psl::domain_str(&self.0).unwrap_or(&self.0)
    }

    /// The labels in reverse, such as `com.example.mail`: names below a domain begin with the domain's reversed labels
    /// and a dot.
    #[must_use]
    pub fn reversed(&self) -> String {
        let labels: Vec<_> = self.0.rsplit('.').collect();
        labels.join(".")
    }

    /// Reads the labels in reverse.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_reversed(text: &str) -> Result<Self, DomainNameError> {
        let labels: Vec<_> = text.rsplit('.').collect();
        Self::parse(&labels.join("."))
    }

    /// The domains above it, nearest first, without the top-level one.
    #[must_use]
    pub fn above(&self) -> Vec<Self> {
        let mut above = Vec::new();
        let mut rest = self.as_str();
        while let Some((_, parent)) = rest.split_once('.').filter(|(_, parent)| parent.contains('.')) {
            above.push(Self(parent.to_owned()));
            rest = parent;
        }
        above
    }

    /// The name of a host within the zone of [`Self::apex`], as people enter it there; `@` for the zone itself.
    #[must_use]
    pub fn within_zone<'a>(&self, host: &'a str) -> &'a str {
        let inside = host.strip_suffix(self.apex());
        inside.map_or(host, |inside| inside.strip_suffix('.').unwrap_or("@"))
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0
    }
}

impl TryFrom<String> for DomainName {
    type Error = DomainNameError;

    fn try_from(text: String) -> Result<Self, DomainNameError> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        DomainName::parse_new(text).unwrap()
    }

    #[test]
    fn a_name_is_read_as_a_labels() {
        for (text, read) in [
            ("Example.COM", "example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("shop.example.co.uk", "shop.example.co.uk"),
        ] {
            assert_eq!(name(text).as_str(), read);
        }
    }

    #[test]
    fn a_name_that_nobody_owns_is_refused() {
        use DomainNameError::{PublicSuffix, Syntax, TooDeep, TooLong};
        let wide = format!("{0}.{0}.{0}.{0}.example.com", "a".repeat(50));
        for (text, error) in [
            ("", Syntax),
            ("com", Syntax),
            ("co.uk", PublicSuffix),
            ("github.io", PublicSuffix),
            ("example.com.", Syntax),
            ("*.example.com", Syntax),
            ("a b.example", Syntax),
            ("x@example.com", Syntax),
            ("192.0.2.1", Syntax),
            ("[192.0.2.1]", Syntax),
            ("a.b.c.d.e.example.com", TooDeep),
            (&wide, TooLong),
        ] {
            assert_eq!(DomainName::parse_new(text), Err(error), "{text}");
        }
    }

    #[test]
    fn names_below_a_domain_begin_with_its_labels() {
        let (above, below) = (name("example.com"), name("a.b.example.com"));
        assert_eq!(below.reversed(), "com.example.b.a");
        assert!(below.reversed().starts_with(&format!("{}.", above.reversed())));
        assert_eq!(DomainName::from_reversed("com.example.b.a"), Ok(below.clone()));
        assert_eq!(below.above(), [name("b.example.com"), name("example.com")]);
        assert_eq!(name("example.co.uk").above(), [DomainName::parse("co.uk").unwrap()]);
    }

    #[test]
    fn a_host_is_named_within_its_zone() {
        let domain = name("mail.example.com");
        for (host, shown) in [
            ("send.mail.example.com", "send.mail"),
            ("example.com", "@"),
            ("other.example", "other.example"),
        ] {
            assert_eq!(domain.within_zone(host), shown);
        }
    }
}
