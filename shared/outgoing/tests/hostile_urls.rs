//! Each URL of `hostile_urls.json` is refused by the rule beside it, and every rule refuses one. No accepted URL is read
//! differently by another parser.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers beside the tests may fail a test too"
)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use outgoing::address::network_of;
use outgoing::host::Host;
use outgoing::{Policy, Rule, Target};
use url::Url;

/// Pairs of a URL and the name of the rule.
const CORPUS: &str = include_str!("hostile_urls.json");

fn corpus() -> Vec<(String, String)> {
    serde_json::from_str(CORPUS).unwrap()
}

#[test]
fn each_hostile_url_is_refused_by_its_rule() {
    let corpus = corpus();
    assert!(corpus.len() > 200, "{}", corpus.len());
    for (url, rule) in &corpus {
        let refused = Target::parse(url, Policy::Public).map_err(|refusal| refusal.rule.name());
        assert_eq!(refused.err(), Some(rule.as_str()), "{url:?}");
    }
    let urls: BTreeSet<_> = corpus.iter().map(|(url, _)| url).collect();
    assert_eq!(urls.len(), corpus.len(), "a URL is listed twice");
}

#[test]
fn every_rule_refuses_a_url_of_the_corpus() {
    let rules: BTreeSet<_> = corpus().into_iter().map(|(_, rule)| rule).collect();
    // The runtime API is behind a loopback address, which only the other policy allows.
    let expected = Rule::all()
        .map(Rule::name)
        .filter(|name| *name != Rule::RuntimeApi.name());
    assert_eq!(rules, expected.map(str::to_owned).collect());
}

/// A local stack allows HTTP, all ports and 127.0.0.1, and refuses everything else by the same rules.
#[test]
fn a_local_stack_refuses_the_same_urls() {
    let allowed = ["scheme", "port", "loopback", "local_name"];
    for (url, rule) in corpus().iter().filter(|(_, rule)| !allowed.contains(&rule.as_str())) {
        let refused = Target::parse(url, Policy::Any).map_err(|refusal| refusal.rule.name());
        assert_eq!(refused.err(), Some(rule.as_str()), "{url:?}");
    }
}

/// The same host, port and path as the parser of browsers reads, and nothing that is not public.
fn check_accepted(url: &str, target: &Target) {
    let other = match Url::parse(url) {
        Ok(other) => other,
        // It decodes each `xn--` label, and knows that the result is no name. DNS would find none either.
        Err(_) if target.host().to_string().contains("xn--") => return,
        Err(error) => panic!("{url:?}: {error}"),
    };
    assert_eq!(other.scheme(), "https", "{url:?}");
    assert!(other.username().is_empty() && other.password().is_none(), "{url:?}");
    assert_eq!(other.fragment(), None, "{url:?}");
    assert_eq!(other.port_or_known_default(), Some(target.port()), "{url:?}");
    assert_eq!(other.host_str(), Some(target.host().to_string().as_str()), "{url:?}");
    if let Host::Address(address) = target.host() {
        assert_eq!(network_of(*address), None, "{url:?}");
    }
    let is_address = matches!(other.host(), Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)));
    assert_eq!(is_address, matches!(target.host(), Host::Address(_)), "{url:?}");
}

/// Parts that meet in random order. A wrong decision shows as a host that another parser reads differently.
const PARTS: [&str; 60] = [
    "https://",
    "http://",
    "HTTPS:",
    "//",
    "/",
    "\\",
    "@",
    ":",
    "?",
    "#",
    "%",
    "%2e",
    "%00",
    "[",
    "]",
    "::",
    "::1",
    ".",
    "..",
    "-",
    "--",
    "_",
    "0",
    "0x",
    "0x7f",
    "127",
    "127.0.0.1",
    "10.",
    "1",
    "2130706433",
    "017",
    "256",
    "169.254.169.254",
    "93.184.215.14",
    "[2606:4700::1]",
    "[::ffff:127.0.0.1]",
    "example.com",
    "hooks",
    "EXAMPLE",
    "com",
    "localhost",
    "internal",
    "xn--",
    "xn--bcher-kva",
    "xn--80ak6aa92e",
    "a",
    "é",
    "。",
    "１",
    "\u{ad}",
    " ",
    "\t",
    "\n",
    "\0",
    ":443",
    ":8443",
    ":80",
    ":0443",
    "user",
    "+",
];

#[test]
fn no_accepted_url_is_read_differently() {
    let mut random = fastrand::Rng::with_seed(19);
    let mut accepted = 0;
    for _ in 0..50_000 {
        let mut url = String::from(if random.u8(..) < 230 { "https://" } else { "" });
        for _ in 0..random.usize(1..7) {
            url.push_str(PARTS[random.usize(..PARTS.len())]);
        }
        if let Ok(target) = Target::parse(&url, Policy::Public) {
            accepted += 1;
            check_accepted(&url, &target);
        }
    }
    assert!(accepted > 500, "only {accepted} were accepted");
}

/// Every address, in every form that the corpus of parsers knows, is read as itself or refused.
#[test]
fn no_form_of_a_private_address_is_accepted() {
    let mut random = fastrand::Rng::with_seed(20);
    for _ in 0..5_000 {
        let number = random.u32(..);
        let [a, b, c, d] = number.to_be_bytes();
        for host in [
            format!("{a}.{b}.{c}.{d}"),
            format!("{number}"),
            format!("{number:#x}"),
            format!("0{number:o}"),
            format!("{a}.{b}.{}", u16::from_be_bytes([c, d])),
            format!("{a:#x}.{b}.{c}.{d}"),
            format!("0{a:o}.{b}.{c}.{d}"),
            format!("[::ffff:{a}.{b}.{c}.{d}]"),
            format!("[::{a}.{b}.{c}.{d}]"),
            format!("[64:ff9b::{a}.{b}.{c}.{d}]"),
            format!("[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1]"),
        ] {
            let url = format!("https://{host}/");
            if let Ok(target) = Target::parse(&url, Policy::Public) {
                check_accepted(&url, &target);
                assert_eq!(
                    *target.host(),
                    Host::Address(IpAddr::from(number.to_be_bytes())),
                    "{url}"
                );
            }
        }
    }
}
