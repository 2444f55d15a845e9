//! The part before the @.

use crate::answer::{bad, bad_from};
use crate::class::{Class, carried, refused};
use crate::request::{from, to};
use crate::rule::Rule;

pub(super) fn classes() -> Vec<Class> {
    let atom = "PortSwigger, \"Splitting the email atom\"";
    let encoded = "to: encoded words (=?...?=) are not accepted in an address";
    let route = "to: routes with % or ! in the part before the @";
    let ascii = "to: the part before the @ must be ASCII";
    let syntax = "to: the part before the @ has a forbidden character";
    let long = |count: usize| to(&format!("{}@example.com", "a".repeat(count)));
    vec![
        refused(
            Rule::LocalEncoded,
            "an encoded word that contains another address",
            atom,
            to("=?utf-8?q?eve=40evil.example=3e=20?=@example.com"),
            bad(encoded),
            to("q=3d_?@example.com"),
        ),
        refused(
            Rule::LocalEncoded,
            "an encoded word with a line break",
            atom,
            to("=?utf-8?q?a=0d=0a?=@example.com"),
            bad(encoded),
            to("\"=? a\" <a@example.com>"),
        ),
        refused(
            Rule::LocalRoute,
            "the percent hack",
            atom,
            to("eve%evil.example@example.com"),
            bad(route),
            to("eve=evil.example@example.com"),
        ),
        refused(
            Rule::LocalRoute,
            "a UUCP bang path",
            atom,
            to("evil.example!eve@example.com"),
            bad(route),
            to("evil.example/eve@example.com"),
        ),
        refused(
            Rule::TestLabel,
            "a label that would make a test address a real one",
            "Resend, \"Send test emails\"",
            to(&format!("bounced+{}@resend.dev", "a".repeat(38))),
            bad("to: the label of a test address has at most 37 characters"),
            to(&format!("bounced+{}@resend.dev", "a".repeat(37))),
        ),
        refused(
            Rule::ResendSender,
            "Resend's own address as sender",
            "Resend, \"Send test emails\"",
            from("onboarding@resend.dev"),
            bad_from("resend.dev belongs to Resend and cannot send from here"),
            from("onboarding@resend.dev.example"),
        ),
        refused(
            Rule::LocalAscii,
            "a letter that upper-casing maps to ASCII",
            "CVE-2019-19844 (Django)",
            to("m\u{131}ke@example.org"),
            bad(ascii),
            to("mike@example.org"),
        ),
        refused(
            Rule::LocalAscii,
            "characters whose low octets are CR and LF",
            "CVE-2025-7962 (Jakarta Mail)",
            to("a\u{760d}\u{760a}b@example.com"),
            bad(ascii),
            to("\u{760d}\u{760a} <a@example.com>"),
        ),
        refused(
            Rule::LocalAscii,
            "an internationalised local part",
            "RFC 6531, 3.3",
            to("\u{fc}ser@example.com"),
            bad(ascii),
            to("user@\u{fc}ser.example"),
        ),
        refused(
            Rule::LocalLength,
            "65 octets before the @",
            "RFC 5321, 4.5.3.1.1",
            long(65),
            bad("to: the part before the @ is longer than 64"),
            long(64),
        ),
        refused(
            Rule::LocalDotAtom,
            "a dot at the start",
            "RFC 5322, 3.2.3",
            to(".a@example.com"),
            bad(syntax),
            to("a.b@example.com"),
        ),
        refused(
            Rule::LocalDotAtom,
            "two dots",
            "RFC 5322, 3.2.3",
            to("a..b@example.com"),
            bad(syntax),
            to("a.b.c@example.com"),
        ),
        refused(
            Rule::LocalDotAtom,
            "a backslash",
            "RFC 5321, 4.1.2",
            to("a\\b@example.com"),
            bad(syntax),
            to("a/b@example.com"),
        ),
        refused(
            Rule::LocalMissing,
            "brackets without a local part",
            "RFC 5321, 4.1.2",
            to("Ada <@example.com>"),
            bad("to: the part before the @ is empty"),
            to("Ada <a@example.com>"),
        ),
        carried(
            Rule::LocalDotAtom,
            "all other characters allowed in an atom",
            "RFC 5322, 3.2.3",
            to("o'brien#$&*+/?^`{|}~=-_@example.com"),
        ),
        carried(
            Rule::LocalDotAtom,
            "a leading dash, as in a command-line option",
            "CVE-2020-7769 (nodemailer)",
            to("-oQ/tmp@example.com"),
        ),
    ]
}
