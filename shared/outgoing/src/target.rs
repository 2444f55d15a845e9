//! A URL that may be called, and the policy of a deployment.
//!
//! **Role:** the API refuses a URL with it when it is given, and each attempt reads the stored URL with it again.
//! **Invariant:** pure. Every part that is sent comes from this parser alone, so no two parsers can differ about it.
//! The parser refuses each form that parsers are known to read differently, and corrects none.
//! **Start reading at** [`Target::parse`].
//!
//! Source: RFC 3986 on the form of a URL; RFC 9110, section 4.2, on credentials in it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use crate::address::{Network, network_of};
use crate::host::{Host, LOCALHOST};
use crate::rule::{MAX_URL_BYTES, Refusal, Rule};

/// Ports of public targets: HTTPS, and its usual alternative. Others belong to other protocols, and a scan of them
/// would come from this account (docs/adr/0049).
pub const PORTS: [u16; 2] = [443, 8443];

/// The port of Lambda's runtime API on 127.0.0.1.
pub const RUNTIME_API_PORT: u16 = 9001;

/// The URLs that a deployment may call: its setting `WebhookTargets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// `public`: HTTPS to public addresses.
    #[default]
    Public,
    /// `any`: also HTTP, 127.0.0.1, `localhost` and every port. For the local stack only.
    Any,
}

/// A value of `WebhookTargets` that names no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be `public` or `any`")]
pub struct UnknownPolicy;

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        match text {
            "public" => Ok(Self::Public),
            "any" => Ok(Self::Any),
            _ => Err(UnknownPolicy),
        }
    }
}

impl Policy {
    /// Checks one address and port to connect to.
    ///
    /// # Errors
    /// The rule that the address breaks.
    pub fn check(self, address: IpAddr, port: u16) -> Result<(), Rule> {
        match network_of(address) {
            None => Ok(()),
            Some(Network::Loopback) if self == Self::Any && address == Ipv4Addr::LOCALHOST => {
                if port == RUNTIME_API_PORT {
                    return Err(Rule::RuntimeApi);
                }
                Ok(())
            }
            Some(network) => Err(Rule::Address(network)),
        }
    }
}

/// The protocol of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// HTTPS.
    Https,
    /// HTTP without TLS, only with [`Policy::Any`].
    Http,
}

impl Scheme {
    /// Returns the port of a URL without one.
    const fn port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// A URL that may be called, as long as its host resolves to allowed addresses.
///
/// `Debug` shows no path, because a path may contain a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    policy: Policy,
    scheme: Scheme,
    host: Host,
    port: u16,
    path: String,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.authority())
    }
}

impl Target {
    /// Reads a URL. Looks nothing up: a name's addresses are checked at each call.
    ///
    /// # Errors
    /// The first rule that the URL breaks.
    pub fn parse(url: &str, policy: Policy) -> Result<Self, Refusal> {
        check_characters(url)?;
        let (scheme, rest) = scheme(url, policy)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(Rule::Credentials.into());
        }
        let (host, port) = split_port(authority)?;
        let port = port.unwrap_or(scheme.port());
        let host = Host::parse(host)?;
        match &host {
            Host::Address(address) => policy.check(*address, port)?,
            Host::Name(name) if name == LOCALHOST => {
                if policy != Policy::Any {
                    return Err(Rule::LocalName.into());
                }
                policy.check(Ipv4Addr::LOCALHOST.into(), port)?;
            }
            Host::Name(_) => {}
        }
        if policy == Policy::Public && !PORTS.contains(&port) {
            return Err(Rule::Port.into());
        }
        check_path(path)?;
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            policy,
            scheme,
            host,
            port,
            path: format!("{slash}{path}"),
        })
    }

    /// Returns the policy under which the URL was read.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Returns the protocol.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the path and the query, with `/` first.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the value of the header `host`: the host, and the port unless the protocol implies it.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            return self.host.to_string();
        }
        format!("{}:{}", self.host, self.port)
    }
}

fn check_characters(url: &str) -> Result<(), Rule> {
    if url.len() > MAX_URL_BYTES {
        return Err(Rule::UrlLength);
    }
    if url.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        return Err(Rule::Whitespace);
    }
    if !url.is_ascii() {
        return Err(Rule::NonAscii);
    }
    if url.contains('\\') {
        return Err(Rule::Backslash);
    }
    if url.contains('#') {
        return Err(Rule::Fragment);
    }
    Ok(())
}

fn scheme(url: &str, policy: Policy) -> Result<(Scheme, &str), Rule> {
    let (scheme, rest) = url.split_once("://").ok_or(Rule::Scheme)?;
    if scheme.eq_ignore_ascii_case("https") {
        return Ok((Scheme::Https, rest));
    }
    if scheme.eq_ignore_ascii_case("http") && policy == Policy::Any {
        return Ok((Scheme::Http, rest));
    }
    Err(Rule::Scheme)
}

/// Splits the port from the host, which keeps its brackets.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), Rule> {
    let after_host = match authority.find(']') {
        Some(bracket) if authority.starts_with('[') => bracket.saturating_add(1),
        Some(_) => return Err(Rule::Ipv6Form),
        None if authority.starts_with('[') => return Err(Rule::Ipv6Form),
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(after_host);
    if rest.is_empty() {
        return Ok((host, None));
    }
    let port = rest.strip_prefix(':').ok_or(Rule::Ipv6Form)?;
    let is_plain = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    let port = port.parse().ok().filter(|_| is_plain);
    Ok((host, Some(port.ok_or(Rule::PortForm)?)))
}

/// Checks the characters of a path and a query (RFC 3986, sections 3.3 and 3.4).
fn check_path(path: &str) -> Result<(), Rule> {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if path.bytes().all(is_usual) && path.split('%').skip(1).all(is_escape) {
        return Ok(());
    }
    Err(Rule::PathCharacter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str, policy: Policy) -> Result<(Scheme, String, String), Rule> {
        let target = Target::parse(url, policy).map_err(|refusal| refusal.rule)?;
        Ok((target.scheme(), target.authority(), target.path().to_owned()))
    }

    #[test]
    fn usual_urls_are_read() {
        for (url, authority, path) in [
            ("https://example.com", "example.com", "/"),
            ("HTTPS://Example.Com/", "example.com", "/"),
            ("https://example.com:443/hook", "example.com", "/hook"),
            (
                "https://example.com:8443/hook?a=b&c=%20",
                "example.com:8443",
                "/hook?a=b&c=%20",
            ),
            ("https://example.com?a=@", "example.com", "/?a=@"),
            ("https://example.com/a/../b;c=(1)", "example.com", "/a/../b;c=(1)"),
            ("https://93.184.215.14/", "93.184.215.14", "/"),
            ("https://[2606:4700::1]:8443/", "[2606:4700::1]:8443", "/"),
        ] {
            let expected = (Scheme::Https, authority.to_owned(), path.to_owned());
            for policy in [Policy::Public, Policy::Any] {
                assert_eq!(shown(url, policy), Ok(expected.clone()), "{url}");
            }
        }
    }

    #[test]
    fn a_local_stack_may_call_this_machine() {
        for (url, scheme, authority) in [
            ("http://127.0.0.1:3000/hook", Scheme::Http, "127.0.0.1:3000"),
            ("http://localhost:3000/hook", Scheme::Http, "localhost:3000"),
            ("http://127.0.0.1/hook", Scheme::Http, "127.0.0.1"),
            ("https://127.0.0.1:3000/hook", Scheme::Https, "127.0.0.1:3000"),
            ("http://example.com:81/hook", Scheme::Http, "example.com:81"),
        ] {
            let expected = (scheme, authority.to_owned(), "/hook".to_owned());
            assert_eq!(shown(url, Policy::Any), Ok(expected), "{url}");
            assert!(shown(url, Policy::Public).is_err(), "{url}");
        }
    }

    #[test]
    fn a_local_stack_may_call_no_other_network() {
        for (url, rule) in [
            (
                "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
                Rule::RuntimeApi,
            ),
            ("http://localhost:9001/", Rule::RuntimeApi),
            ("http://127.0.0.2/", Rule::Address(Network::Loopback)),
            ("http://[::1]/", Rule::Address(Network::Loopback)),
            ("http://169.254.169.254/", Rule::Address(Network::LinkLocal)),
            ("http://10.0.0.1/", Rule::Address(Network::Private)),
            ("http://a.localhost/", Rule::LocalName),
            ("http://u:p@127.0.0.1/", Rule::Credentials),
            ("ftp://127.0.0.1/", Rule::Scheme),
            ("http://2130706433/", Rule::Ipv4Form),
            ("http://127.0.0.1:0/", Rule::PortForm),
        ] {
            assert_eq!(shown(url, Policy::Any), Err(rule), "{url}");
        }
    }

    #[test]
    fn a_policy_is_named_by_its_setting() {
        assert_eq!("public".parse(), Ok(Policy::Public));
        assert_eq!("any".parse(), Ok(Policy::Any));
        for text in ["", "Any", "private", "any "] {
            assert_eq!(text.parse::<Policy>(), Err(UnknownPolicy));
        }
        assert_eq!(Policy::default(), Policy::Public);
    }

    #[test]
    fn debug_shows_no_path() {
        let target = Target::parse("https://example.com/secret?token=secret", Policy::Public).unwrap();
        assert_eq!(format!("{target:?}"), "Target(example.com)");
    }

    #[test]
    fn the_longest_url_is_read_and_a_longer_one_refused() {
        let url = format!("https://example.com/{}", "a".repeat(MAX_URL_BYTES - 20));
        assert!(shown(&url, Policy::Public).is_ok());
        assert_eq!(shown(&format!("{url}a"), Policy::Public), Err(Rule::UrlLength));
    }
}
