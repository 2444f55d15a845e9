//! The part after the @: DNS's grammar, and domains that look like others.

use crate::answer::{bad, bad_from};
use crate::class::{Class, carried, refused};
use crate::request::{from, to};
use crate::rule::Rule;

pub(super) fn classes() -> Vec<Class> {
    [grammar(), looks()].concat()
}

fn at(domain: &str) -> Vec<u8> {
    to(&format!("a@{domain}"))
}

fn grammar() -> Vec<Class> {
    let invalid = "to: the domain is not a valid domain name";
    let ip = "to: IP addresses are not accepted as a domain";
    let long = |count: usize| at(&format!("{}com", "b.".repeat(count)));
    let label = |count: usize| at(&format!("{}.com", "b".repeat(count)));
    let whole = |count: usize| to(&format!("{}@{}com", "a".repeat(64), "b.".repeat(count)));
    vec![
        refused(
            Rule::DomainEmpty,
            "an empty domain",
            "RFC 5321, 4.1.2",
            to("a@"),
            bad("to: the domain is empty"),
            to("a@b.co"),
        ),
        refused(
            Rule::DomainInput,
            "a domain of two megabytes",
            "CWE-400",
            at(&format!("{}.com", "\u{fc}".repeat(1_000_000))),
            bad("to: the domain is longer than 253"),
            at("\u{fc}\u{fc}.com"),
        ),
        refused(
            Rule::DomainLength,
            "a domain of 255 characters",
            "RFC 1035, 2.3.4",
            long(126),
            bad("to: the domain is longer than 253"),
            long(120),
        ),
        refused(
            Rule::Domain,
            "a label of 64 octets",
            "RFC 1035, 2.3.4",
            label(64),
            bad(invalid),
            label(63),
        ),
        refused(
            Rule::AddressLength,
            "an address of 258 octets",
            "RFC 5321, 4.5.3.1.3",
            whole(95),
            bad("to: the address is longer than 254"),
            whole(93),
        ),
        refused(
            Rule::Domain,
            "an empty label",
            "RFC 1035, 2.3.1",
            at("example..com"),
            bad(invalid),
            at("example.com"),
        ),
        refused(
            Rule::Domain,
            "a dash at a label's end",
            "RFC 5890, 2.3.1",
            at("-example.com"),
            bad(invalid),
            at("r3---sn.example.com"),
        ),
        refused(
            Rule::Domain,
            "an underscore",
            "RFC 5321, 4.1.2",
            at("ex_ample.com"),
            bad(invalid),
            at("ex-ample.com"),
        ),
        refused(
            Rule::TrailingDot,
            "a dot at the end",
            "RFC 5321, 4.1.2",
            at("example.com."),
            bad("to: the domain must not end with a dot"),
            at("example.com"),
        ),
        refused(
            Rule::Domain,
            "an ideographic dot at the end",
            "UTS #46, 4",
            at("example.com\u{3002}"),
            bad(invalid),
            at("example\u{3002}com"),
        ),
        refused(
            Rule::DomainDot,
            "localhost",
            "RFC 6761, 6.3",
            at("localhost"),
            bad("to: the domain must contain a dot"),
            at("localhost.example"),
        ),
        refused(
            Rule::IpLiteral,
            "a domain literal",
            "RFC 5321, 4.1.3",
            at("[127.0.0.1]"),
            bad(ip),
            at("127-0-0-1.example"),
        ),
        refused(
            Rule::IpLiteral,
            "an IPv6 literal",
            "RFC 5321, 4.1.3",
            at("[IPv6:::1]"),
            bad(ip),
            at("ipv6.example"),
        ),
        refused(
            Rule::IpAddress,
            "an IPv4 address as a domain",
            "CWE-918",
            at("169.254.169.254"),
            bad(ip),
            at("169.254.169.254.example"),
        ),
        refused(
            Rule::IpAddress,
            "an IPv4 address in other digits",
            "UTS #46, 4",
            at("\u{ff11}27\u{3002}0.0.\u{2460}"),
            bad(ip),
            at("\u{ff11}27\u{3002}example"),
        ),
        refused(
            Rule::Domain,
            "a character that normalises to / and ?",
            "CVE-2019-9636 (Python urllib)",
            at("evil.c\u{2100}.example.com"),
            bad(invalid),
            at("evil.c.example.com"),
        ),
        refused(
            Rule::Domain,
            "an encoded word in the domain",
            "PortSwigger, \"Splitting the email atom\"",
            at("=?utf-8?q?x?=.example.com"),
            bad(invalid),
            at("xn--x-utf-8-x.example.com".trim_start_matches("xn--")),
        ),
    ]
}

fn looks() -> Vec<Class> {
    let invalid = "to: the domain is not a valid domain name";
    let mixed = "a label of the domain mixes scripts";
    let mixes = || bad(&format!("to: {mixed}"));
    let zheng = "Zheng, \"Phishing with Unicode domains\"";
    vec![
        refused(
            Rule::Domain,
            "Punycode of ASCII only",
            "CVE-2024-12224 (idna)",
            at("xn--example-.com"),
            bad(invalid),
            at("xn--bcher-kva.example"),
        ),
        refused(
            Rule::Domain,
            "invalid Punycode",
            "RFC 3492, 6.2",
            at("xn--a-\u{e4}.example"),
            bad(invalid),
            at("xn--4ca.example"),
        ),
        refused(
            Rule::Domain,
            "Punycode of a capital letter",
            "RFC 5891, 5.4",
            at("xn--bCher-KVA3.example"),
            bad(invalid),
            at("XN--BCHER-KVA.example"),
        ),
        refused(
            Rule::Domain,
            "a right-to-left letter among left-to-right letters",
            "RFC 5893, 2",
            at("a\u{5d0}b.example"),
            bad(invalid),
            at("\u{5d0}\u{5d1}.example"),
        ),
        refused(
            Rule::Domain,
            "a joiner in an invalid place",
            "RFC 5892, A.2",
            at("pay\u{200d}pal.example"),
            bad(invalid),
            at("paypal.example"),
        ),
        refused(
            Rule::MixedScripts,
            "Cyrillic beside Greek",
            "UTS #39, 5.2",
            at("\u{3b1}\u{431}.example"),
            mixes(),
            at("\u{3b1}.\u{431}.example"),
        ),
        refused(
            Rule::MixedScripts,
            "Hangul beside Thai",
            "UTS #39, 5.2",
            at("\u{d55c}\u{e44}.example"),
            mixes(),
            at("\u{d55c}\u{6f22}.example"),
        ),
        refused(
            Rule::LikeLatin,
            "a Cyrillic letter in a Latin name",
            zheng,
            from("a@p\u{430}ypal.example"),
            bad_from(mixed),
            from("a@paypal.example"),
        ),
        refused(
            Rule::LikeLatin,
            "the same in Punycode",
            "GHSA-wmmp-3585-3rmp (nodemailer)",
            at("xn--pypal-4ve.example"),
            mixes(),
            at("xn--80aa0cbo65f.example"),
        ),
        refused(
            Rule::LikeLatin,
            "a Greek letter in a Latin name",
            "UTS #39, 5.2",
            at("g\u{3bf}\u{3bf}gle.example"),
            mixes(),
            at("google.\u{3b5}\u{3bb}.example"),
        ),
        carried(Rule::MixedScripts, "German", "UTS #46, 4", at("b\u{fc}cher.example")),
        carried(
            Rule::MixedScripts,
            "Japanese, of three scripts and Latin",
            "UTS #39, 5.1",
            at("\u{4f8b}\u{3048}\u{30c6}\u{30b9}\u{30c8}abc.example"),
        ),
        carried(
            Rule::MixedScripts,
            "Chinese with Bopomofo",
            "UTS #39, 5.1",
            at("\u{4e2d}\u{6587}\u{3105}\u{3106}.example"),
        ),
        carried(
            Rule::MixedScripts,
            "Chinese, Korean, Thai and Hebrew",
            "UTS #39, 5.1",
            at("\u{4e2d}\u{6587}.\u{d55c}\u{ad6d}\u{6f22}.\u{e44}\u{e17}\u{e22}.\u{5d0}\u{5d1}"),
        ),
        carried(
            Rule::LikeLatin,
            "a fully Cyrillic name that looks Latin",
            zheng,
            at("xn--80ak6aa92e.com"),
        ),
        carried(
            Rule::Domain,
            "fullwidth letters and ligatures, which map to ASCII",
            "UTS #46, 4",
            at("\u{ff45}xample.\u{fb01}"),
        ),
    ]
}
