//! The rules that refuse a URL or an address, and their texts.
//!
//! **Invariant:** pure. A text names the fault and the remedy. It quotes nothing of the URL, which may hold a
//! password, and no address that DNS returned, which may tell of an internal network.

use std::fmt;

use strum::{EnumIter, IntoEnumIterator, IntoStaticStr};

use crate::address::Network;

/// Bytes of the longest URL. Our choice: browsers and proxies accept as many.
pub const MAX_URL_BYTES: usize = 2048;

/// A rule that refuses a URL or an address. The variants are in the order in which the URL is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Rule {
    /// The URL is too long.
    UrlLength,
    /// The URL contains a space, a tab, a line break or another control character.
    Whitespace,
    /// The URL contains a character outside ASCII, such as a full-width digit.
    NonAscii,
    /// The URL contains a backslash, which some parsers take for a slash.
    Backslash,
    /// The URL has a fragment.
    Fragment,
    /// The URL does not begin with `https://`.
    Scheme,
    /// The URL has a user name or a password.
    Credentials,
    /// The host is in brackets, and is no IPv6 address.
    Ipv6Form,
    /// The IPv6 address has a zone.
    Zone,
    /// The port is no number from 1 to 65535.
    PortForm,
    /// The host is missing.
    NoHost,
    /// The host is percent-encoded.
    EncodedHost,
    /// The host has a character that no host name has.
    HostCharacter,
    /// The host ends with a dot.
    TrailingDot,
    /// The host has two dots in a row, or begins with one.
    EmptyLabel,
    /// The host has more than 253 characters, or a label of it has more than 63.
    HostLength,
    /// A label of the host begins or ends with a hyphen.
    Hyphen,
    /// The host is an IPv4 address in an unusual form, such as `0x7f.1`.
    Ipv4Form,
    /// The host has only one label.
    SingleLabel,
    /// The host's name exists only inside a network or a machine.
    LocalName,
    /// The address is not public.
    #[strum(disabled)]
    Address(Network),
    /// The port is not one of those for webhooks.
    Port,
    /// The port of this machine is that of Lambda's runtime API.
    RuntimeApi,
    /// The path or the query has a character that must be percent-encoded.
    PathCharacter,
}

impl Rule {
    /// Returns the name, such as `trailing_dot`; for a network the name of the network.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Address(network) => network.name(),
            Self::UrlLength
            | Self::Whitespace
            | Self::NonAscii
            | Self::Backslash
            | Self::Fragment
            | Self::Scheme
            | Self::Credentials
            | Self::Ipv6Form
            | Self::Zone
            | Self::PortForm
            | Self::NoHost
            | Self::EncodedHost
            | Self::HostCharacter
            | Self::TrailingDot
            | Self::EmptyLabel
            | Self::HostLength
            | Self::Hyphen
            | Self::Ipv4Form
            | Self::SingleLabel
            | Self::LocalName
            | Self::Port
            | Self::RuntimeApi
            | Self::PathCharacter => self.into(),
        }
    }

    /// Returns all rules, with one for each kind of network.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter().chain(Network::iter().map(Self::Address))
    }
}

/// A URL or an address that is never called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The rule.
    pub rule: Rule,
    /// True if DNS returned the address; false if the URL itself breaks the rule.
    pub resolved: bool,
}

impl From<Rule> for Refusal {
    fn from(rule: Rule) -> Self {
        Self { rule, resolved: false }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.rule {
            Rule::UrlLength => {
                return write!(f, "The URL is longer than {MAX_URL_BYTES} characters. Use a shorter one.");
            }
            Rule::Whitespace => "The URL contains a space, a line break or a control character. Remove it.",
            Rule::NonAscii => {
                "The URL contains a character outside ASCII. Write the host in its `xn--` form, and percent-encode the path."
            }
            Rule::Backslash => "The URL contains a backslash. Use `/`.",
            Rule::Fragment => "The URL contains `#`. A fragment is never sent; remove it.",
            Rule::Scheme => "The URL does not begin with `https://`. Only HTTPS is called.",
            Rule::Credentials => {
                "The URL contains `@` before its path. Remove the user name and the password; verify the signature of a webhook instead."
            }
            Rule::Ipv6Form => "The host in brackets is no IPv6 address. Use a host name.",
            Rule::Zone => "The IPv6 address has a zone (`%`). Use a public address or a host name.",
            Rule::PortForm => "The port is no number from 1 to 65535. Remove `:`, or write `:443`.",
            Rule::NoHost => "The URL has no host. Write it as `https://example.com/path`.",
            Rule::EncodedHost => "The host is percent-encoded. Write it in plain letters.",
            Rule::HostCharacter => {
                "The host contains another character than letters, digits, hyphens and dots. Use the name that is in DNS."
            }
            Rule::TrailingDot => "The host ends with a dot. Remove it.",
            Rule::EmptyLabel => "The host has a dot with no name before it. Remove it.",
            Rule::HostLength => "The host has more than 253 characters, or more than 63 between two dots.",
            Rule::Hyphen => "A part of the host begins or ends with a hyphen. Use the name that is in DNS.",
            Rule::Ipv4Form => {
                "The host is a number in an unusual form. Write an IPv4 address as four decimal numbers without leading zeros."
            }
            Rule::SingleLabel => "The host has no dot, so it is not in public DNS. Use a whole name such as `example.com`.",
            Rule::LocalName => "The host's name exists only inside a network or a machine. Use a name in public DNS.",
            Rule::Address(network) => {
                let (words, subject) = (network.words(), if self.resolved { "The host resolves to" } else { "The host is" });
                return write!(f, "{subject} {words}. Only hosts with nothing but public addresses are called.");
            }
            Rule::Port => "The port is not allowed. Use 443 or 8443.",
            Rule::RuntimeApi => "Port 9001 of this machine is Lambda's runtime API. Use another port.",
            Rule::PathCharacter => {
                "The path or the query contains a character that a URL cannot have, or `%` without two hex digits. Percent-encode it."
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_rule_has_a_name_and_a_text_of_its_own() {
        let names: HashSet<_> = Rule::all().map(Rule::name).collect();
        assert_eq!(names.len(), Rule::all().count());
        let mut texts = HashSet::new();
        for rule in Rule::all() {
            let text = Refusal::from(rule).to_string();
            assert!(text.ends_with('.') && text.len() < 140, "{text}");
            let shared = matches!(rule, Rule::Address(Network::Mapped | Network::Compatible));
            assert!(texts.insert(text.clone()) || shared, "{text}");
        }
    }

    #[test]
    fn a_resolved_address_is_not_quoted() {
        let rule = Rule::Address(Network::Private);
        let refusal = Refusal { rule, resolved: true };
        let text = "The host resolves to a private address. Only hosts with nothing but public addresses are called.";
        assert_eq!(refusal.to_string(), text);
    }
}
