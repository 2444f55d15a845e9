//! Texts that contain several addresses, or that two parsers read as different addresses.

use serde_json::json;

use crate::answer::{bad, bad_from};
use crate::class::{Class, Endpoint, carried, refused};
use crate::request::{from, to, with};
use crate::rule::Rule;

pub(super) fn classes() -> Vec<Class> {
    [controls(), several(), brackets()].concat()
}

fn controls() -> Vec<Class> {
    let control = "control characters such as line breaks are not allowed";
    let at = |path: &str| bad(&format!("{path}: {control}"));
    let rule = Rule::MailboxControls;
    let field = |field: &str, address: &str| with(json!({ field: [address] }));
    vec![
        refused(
            rule,
            "CR LF and a header in from",
            "CVE-2015-8476 (PHPMailer)",
            from("ada@example.com\r\nBcc: eve@example.com"),
            bad_from(control),
            from("ada@example.com"),
        ),
        refused(
            rule,
            "CR LF and an SMTP command in to",
            "CVE-2015-9097 (mail, Ruby)",
            to("a@example.com>\r\nDATA\r\n"),
            at("to"),
            to("a-data@example.com"),
        ),
        refused(
            rule,
            "LF alone in cc",
            "CVE-2021-23400 (nodemailer)",
            field("cc", "a\n@example.com"),
            at("cc[0]"),
            field("cc", "an@example.com"),
        ),
        refused(
            rule,
            "CR alone in bcc",
            "CVE-2025-7962 (Jakarta Mail)",
            field("bcc", "a@example.com\rX"),
            at("bcc[0]"),
            field("bcc", "a@example.com"),
        ),
        refused(
            rule,
            "a folded line in reply_to",
            "RFC 5322, 2.2.3",
            field("reply_to", "A\r\n <a@example.com>"),
            at("reply_to[0]"),
            field("reply_to", "A  <a@example.com>"),
        ),
        refused(
            rule,
            "a line break in quotes",
            "CVE-2026-48019 (Laravel)",
            to("\"a\r\n \"@example.com"),
            at("to"),
            to("\"a  \" <a@example.com>"),
        ),
        refused(
            rule,
            "NUL in an address",
            "CVE-2017-7829 (Thunderbird)",
            to("eve@example.com\0@bank.example"),
            at("to"),
            to("eve@bank.example"),
        ),
        refused(
            rule,
            "NEL, a line break outside ASCII",
            "UAX #14, 5.1",
            to("a@example.com\u{85}b"),
            at("to"),
            to("a@example.com.au"),
        ),
        refused(
            Rule::AddressControls,
            "a control character in an address without a name",
            "RFC 5321, 4.1.2",
            "{\"email\":\"a\\u0000b@example.com\"}",
            at("email"),
            "{\"email\":\"ab@example.com\"}",
        )
        .through(Endpoint::Suppression),
        refused(
            Rule::AddressEmpty,
            "an empty address",
            "RFC 5322, 3.4",
            to(" \u{a0} "),
            bad("to: the address is empty"),
            to(" a@example.com\u{a0}"),
        ),
        refused(
            Rule::AddressEmpty,
            "the null path of bounces",
            "RFC 5321, 4.5.5",
            from("<>"),
            bad_from("the address is empty"),
            from("<a@example.com>"),
        ),
    ]
}

fn several() -> Vec<Class> {
    let rule = Rule::Several;
    let one = "to: give one address per entry";
    vec![
        refused(
            rule,
            "two addresses in one",
            "RFC 5322, 3.4",
            to("a@example.com,eve@example.com"),
            bad(one),
            with(json!({"to": ["a@example.com", "eve@example.com"]})),
        ),
        refused(
            rule,
            "two senders",
            "RFC 5322, 3.6.2",
            from("a@example.com, b@example.com"),
            bad_from("give one address per entry"),
            from("a@example.com"),
        ),
        refused(
            rule,
            "two addresses separated by a semicolon",
            "RFC 5322, 3.4",
            to("a@example.com;eve@example.com"),
            bad(one),
            to("\"a; eve\" <a@example.com>"),
        ),
        refused(
            Rule::BracketsOnce,
            "two addresses in brackets",
            "RFC 5322, 3.4",
            to("<a@example.com>, <eve@example.com>"),
            bad(one),
            to("<a@example.com>"),
        ),
        refused(
            Rule::NameAddress,
            "an address followed by another in brackets",
            "CVE-2023-27043 (Python email)",
            to("alice@example.org,Eve <eve@example.com>"),
            bad("to: the text before the < contains another address"),
            to("\"alice@example.org, Eve\" <eve@example.com>"),
        ),
        refused(
            Rule::Group,
            "a group",
            "RFC 5322, 3.4",
            to("team:a@example.com;"),
            bad("to: groups such as"),
            to("team <a@example.com>"),
        ),
        refused(
            Rule::Group,
            "10,000 nested groups",
            "CVE-2025-14874 (nodemailer)",
            to(&format!("{}a@example.com;", "g:".repeat(10_000))),
            bad("to: groups such as"),
            to("\"g:g:g:\" <a@example.com>"),
        ),
        refused(
            Rule::Route,
            "a source route",
            "RFC 5321, appendix C",
            to("<@relay.example,@b.example:a@example.com>"),
            bad("to: source routes such as"),
            to("relay.example <a@example.com>"),
        ),
        refused(
            Rule::LocalMissing,
            "a domain alone",
            "RFC 5321, 4.1.2",
            to("@example.com"),
            bad("to: the part before the @ is empty"),
            to("a@example.com"),
        ),
        refused(
            Rule::At,
            "no @ at all",
            "RFC 5321, 4.1.2",
            to("postmaster"),
            bad("to: the address must contain exactly one @"),
            to("postmaster@example.com"),
        ),
        refused(
            Rule::At,
            "an @ that is fullwidth",
            "UTS #46, 4",
            to("a\u{ff20}example.com"),
            bad("to: the address must contain exactly one @"),
            to("a@\u{ff45}xample.com"),
        ),
        refused(
            Rule::AtOnce,
            "two @",
            "CVE-2019-16056 (Python email)",
            to("a@eve.example@example.com"),
            bad("to: the address must contain exactly one @"),
            to("a-eve.example@example.com"),
        ),
        refused(
            Rule::Space,
            "an ESMTP parameter after the address",
            "go-mail, issue 495",
            to("a@example.com ORCPT=x"),
            bad("to: spaces are not allowed in an address"),
            to("ORCPT=x <a@example.com>"),
        ),
        refused(
            Rule::Space,
            "a space in the local part",
            "RFC 5321, 4.1.2",
            to("a b@example.com"),
            bad("to: spaces are not allowed in an address"),
            to("a_b@example.com"),
        ),
        refused(
            Rule::Space,
            "a space outside ASCII",
            "RFC 5321, 4.1.2",
            to("a\u{2003}b@example.com"),
            bad("to: spaces are not allowed in an address"),
            to("A\u{2003}b <ab@example.com>"),
        ),
    ]
}

fn brackets() -> Vec<Class> {
    let shape = "to: the address must look like";
    vec![
        refused(
            Rule::BracketsWhole,
            "an address after the brackets",
            "CVE-2023-27043 (Python email)",
            to("<a@example.com>eve@example.com"),
            bad(shape),
            to("\"eve@example.com\" <a@example.com>"),
        ),
        refused(
            Rule::BracketsWhole,
            "an unclosed bracket",
            "RFC 5322, 3.4",
            to("Ada <a@example.com"),
            bad(shape),
            to("Ada <a@example.com>"),
        ),
        refused(
            Rule::BracketsOnce,
            "brackets in brackets",
            "GHSA-mm7p-fcc7-pg87 (nodemailer)",
            to("<eve@example.com<a@example.com>>"),
            bad(shape),
            to("<a@example.com>"),
        ),
        refused(
            Rule::Brackets,
            "a single closing bracket, which ends an SMTP path",
            "CWE-77",
            to("a@example.com>"),
            bad(shape),
            to("a@example.com"),
        ),
        refused(
            Rule::QuoteEnds,
            "an unclosed quote",
            "RFC 5322, 3.2.4",
            to("\"Ada <a@example.com>"),
            bad(shape),
            to("\"Ada <a@example.com>\" <a@example.com>"),
        ),
        refused(
            Rule::LocalRoute,
            "the percent hack in quotes",
            "PortSwigger, \"Splitting the email atom\"",
            to("\"eve..%evil.example\"@example.com"),
            bad("to: routes with % or ! in the part before the @"),
            to("\"eve..evil.example\"@example.com"),
        ),
        refused(
            Rule::Several,
            "a second address after a quoted one",
            "RFC 5322, 3.4",
            to("\"a..b\"@example.com,eve@example.com"),
            bad("to: give one address per entry"),
            to("\"a..b\"@example.com"),
        ),
        refused(
            Rule::Comment,
            "a comment inside the domain",
            "GHSA-cc9r-2j5m-2m83 (nodemailer)",
            to("user@good.example(x)evil.example"),
            bad("to: comments in parentheses"),
            to("\"(x)\" <user@good.example>"),
        ),
        refused(
            Rule::Comment,
            "a comment in the local part",
            "PortSwigger, \"Splitting the email atom\"",
            to("eve(@example.com"),
            bad("to: comments in parentheses"),
            to("eve@example.com"),
        ),
        carried(
            Rule::NameQuotes,
            "another address as a name, in quotes",
            "RFC 5322, 3.4",
            to("\"ceo@bank.example\" <eve@example.com>"),
        ),
    ]
}
