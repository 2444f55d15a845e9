//! The host of a URL.
//!
//! **Invariant:** pure. A host is an IP address in its usual form, or a name that every parser reads in the same way.
//! **Start reading at** [`Host::parse`].
//!
//! Source: RFC 3986, section 3.2.2; RFC 1123, section 2.1, on host names; the URL standard of WHATWG, section 3.5, on
//! numbers as the last label; RFC 6761, RFC 6762, RFC 8375, RFC 9476 and ICANN's choice of `internal` on names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::rule::Rule;

/// Characters of the longest host.
const MAX_HOST: usize = 253;

/// Characters of the longest label.
const MAX_LABEL: usize = 63;

/// The name of this machine, which only the policy `any` allows.
pub const LOCALHOST: &str = "localhost";

/// Last labels of names that exist only inside a network or a machine, or that belong to DNS itself (`arpa`).
const LOCAL_ENDS: [&str; 12] = [
    "alt",
    "arpa",
    "corp",
    "home",
    "internal",
    "intranet",
    "lan",
    "local",
    "localdomain",
    LOCALHOST,
    "onion",
    "private",
];

/// The host of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name in lower case with at least two labels, or `localhost`.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl Host {
    /// Reads a host, without a port. The address of a host is not checked.
    ///
    /// # Errors
    /// The rule that the host breaks.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        match text.strip_prefix('[') {
            Some(rest) => ipv6(rest.strip_suffix(']').ok_or(Rule::Ipv6Form)?),
            None => name(text),
        }
    }
}

impl fmt::Display for Host {
    /// Writes the host as in a URL and in the header `host`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

fn ipv6(text: &str) -> Result<Host, Rule> {
    if text.contains('%') {
        return Err(Rule::Zone);
    }
    let address: Ipv6Addr = text.parse().map_err(|_| Rule::Ipv6Form)?;
    Ok(Host::Address(address.into()))
}

fn name(text: &str) -> Result<Host, Rule> {
    if text.is_empty() {
        return Err(Rule::NoHost);
    }
    if text.contains('%') {
        return Err(Rule::EncodedHost);
    }
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if !text.bytes().all(is_usual) {
        return Err(Rule::HostCharacter);
    }
    let labels: Vec<&str> = text.split('.').collect();
    if labels.iter().rev().skip(1).any(|label| label.is_empty()) {
        return Err(Rule::EmptyLabel);
    }
    if text.ends_with('.') {
        return Err(Rule::TrailingDot);
    }
    if text.len() > MAX_HOST || labels.iter().any(|label| label.len() > MAX_LABEL) {
        return Err(Rule::HostLength);
    }
    if labels
        .iter()
        .any(|label| label.starts_with('-') || label.ends_with('-'))
    {
        return Err(Rule::Hyphen);
    }
    let text = text.to_ascii_lowercase();
    let last = text.rsplit('.').next().unwrap_or_default();
    if is_number(last) {
        // The standard library reads four decimal numbers without leading zeros, and nothing else.
        let address: Ipv4Addr = text.parse().map_err(|_| Rule::Ipv4Form)?;
        return Ok(Host::Address(address.into()));
    }
    if text == LOCALHOST {
        return Ok(Host::Name(text));
    }
    if LOCAL_ENDS.contains(&last) {
        return Err(Rule::LocalName);
    }
    if labels.len() == 1 {
        return Err(Rule::SingleLabel);
    }
    Ok(Host::Name(text))
}

/// True for a label that some parsers read as the last part of an IPv4 address.
fn is_number(label: &str) -> bool {
    let digits = label.bytes().all(|byte| byte.is_ascii_digit());
    let hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits || label.strip_prefix("0x").is_some_and(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_hosts_are_read() {
        for (text, shown) in [
            ("Hooks.Example.COM", "hooks.example.com"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("1.2.3.4.example.com", "1.2.3.4.example.com"),
            ("0x.example", "0x.example"),
            ("1e100.net", "1e100.net"),
            ("example.0xg", "example.0xg"),
            ("my-internal.dev", "my-internal.dev"),
            ("local.example", "local.example"),
            ("93.184.215.14", "93.184.215.14"),
            ("[2606:4700:4700:0::1111]", "[2606:4700:4700::1111]"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(
                Host::parse(text).map(|host| host.to_string()),
                Ok(shown.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn the_longest_host_is_read_and_a_longer_one_refused() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        assert!(Host::parse(&longest).is_ok());
        assert_eq!(Host::parse(&format!("{longest}a")), Err(Rule::HostLength));
        assert_eq!(Host::parse(&format!("a{label}.example")), Err(Rule::HostLength));
    }
}
