//! Refusals by SES that name the sender, and domains that SES sent for before.
//!
//! SES may stop sending for a domain up to an hour before the next question about it. Until then it refuses emails that
//! were accepted, and they should wait as those accepted later do.
//! **Invariant:** pure.
//! **Start reading at** [`names_domain`].

use super::{SendingDomain, Verification};
use crate::id::TenantId;

/// True if SES's words about unverified identities name an address of this domain. In the sandbox they may name
/// recipients alone.
///
/// Source: Amazon SES Developer Guide, "Email sending errors" ("The following identities failed the check in region"),
/// read 2026-11-29.
#[must_use]
pub fn names_domain(words: &str, domain: &str) -> bool {
    let words = words.to_ascii_lowercase();
    let goes_on = |rest: &str| rest.starts_with(|next: char| next.is_ascii_alphanumeric() || matches!(next, '.' | '-'));
    let mut behind_at = words.split('@').skip(1);
    behind_at.any(|text| text.strip_prefix(domain).is_some_and(|rest| !goes_on(rest)))
}

/// True if SES sends, or sent, for the domain of a From. The nearest registered domain at or above it decides.
#[must_use]
pub fn was_verified(tenant: &TenantId, from_domain: &str, related: &[SendingDomain]) -> bool {
    let is_at_or_above = |domain: &&SendingDomain| {
        let rest = from_domain.strip_suffix(domain.name.as_str());
        domain.tenant == *tenant && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let above = related.iter().filter(is_at_or_above);
    let nearest = above.max_by_key(|domain| domain.name.as_str().len());
    nearest.is_some_and(|domain| domain.verification != Verification::Never)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::domains::samples::domain;

    #[test]
    fn only_the_senders_domain_is_meant() {
        let words = |named: &str| {
            format!(
                "MessageRejected: Email address is not verified. The following identities failed the check in region \
                 US-EAST-1: {named}"
            )
        };
        for (named, expected) in [
            ("shop@mail.example.com", true),
            ("Shop <shop@Mail.Example.com>", true),
            ("a@other.example, shop@mail.example.com", true),
            ("shop@mail.example.com, a@other.example", true),
            ("a@other.example", false),
            ("a@mail.example.com.other.example", false),
            ("a@mail.example.com-x.example", false),
            ("a@x.mail.example.com", false),
            ("mail.example.com", false),
        ] {
            assert_eq!(names_domain(&words(named), "mail.example.com"), expected, "{named}");
        }
    }

    #[test]
    fn the_nearest_registered_domain_decides() {
        let of = |name: &str, verification| SendingDomain {
            name: crate::tenant::domains::name::DomainName::parse(name).unwrap(),
            verification,
            ..domain()
        };
        let main = TenantId::main();
        let related = [
            of("example.com", Verification::Now),
            of("a.example.com", Verification::Never),
            of("b.a.example.com", Verification::Lost),
        ];
        for (from, expected) in [
            ("example.com", true),
            ("x.example.com", true),
            ("a.example.com", false),
            ("x.a.example.com", false),
            ("b.a.example.com", true),
            ("badexample.com", false),
            ("other.example", false),
        ] {
            assert_eq!(was_verified(&main, from, &related), expected, "{from}");
        }
        let other = TenantId::parse("other").unwrap();
        assert!(!was_verified(&other, "example.com", &related));
    }
}
