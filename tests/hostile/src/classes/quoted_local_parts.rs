//! Local parts in quotes.

use crate::answer::{bad, bad_from};
use crate::class::{Class, carried, refused};
use crate::request::{from, to};
use crate::rule::Rule;

pub(super) fn classes() -> Vec<Class> {
    let whole = "to: quotes before the @ must enclose the whole part";
    let address = "to: the quoted part could be read as another address";
    let sender = "a sender's quoted part before the @ may contain only";
    let grammar = "RFC 5321, 4.1.2";
    vec![
        refused(
            Rule::QuotedLocal,
            "a quote that does not end",
            grammar,
            to("x <\"a b@example.com>"),
            bad(whole),
            to("x <\"a b\"@example.com>"),
        ),
        refused(
            Rule::QuotedLocal,
            "a quote whose end is escaped",
            grammar,
            to("x <\"a b\\\"@example.com>"),
            bad(whole),
            to("x <\"a. b\"@example.com>"),
        ),
        refused(
            Rule::QuotedLocal,
            "text behind the quotes",
            grammar,
            to("x <\"a b\"c@example.com>"),
            bad(whole),
            to("x <\"a bc\"@example.com>"),
        ),
        refused(
            Rule::QuotedAddress,
            "another address in a quoted local part",
            "CVE-2025-13033 (nodemailer)",
            to("\"eve@example.com x\"@bank.example"),
            bad(address),
            to("\"eve@example x\"@bank.example"),
        ),
        refused(
            Rule::QuotedAddress,
            "another address behind a bracket in quotes",
            "CVE-2025-13033 (nodemailer)",
            to("Ada <\"x> <eve@evil.example\"@bank.example>"),
            bad(address),
            to("Ada <\"x <eve\"@bank.example>"),
        ),
        refused(
            Rule::QuotedAddress,
            "another address behind an escaped quote",
            "CVE-2025-13033 (nodemailer)",
            to("\"eve\\\"@evil.example, x\"@bank.example"),
            bad(address),
            to("\"eve x\"@bank.example"),
        ),
        refused(
            Rule::QuotedAddress,
            "an address at an IP address in quotes",
            grammar,
            to("\"eve@[IPv6:2001:db8::1] x\"@bank.example"),
            bad(address),
            to("\"eve@2001:db8::1 x\"@bank.example"),
        ),
        refused(
            Rule::QuotedSender,
            "sendmail's options in a quoted local part",
            "CVE-2016-10033 (PHPMailer)",
            from("\"a\\\" -oQ/tmp -X/var/www/x.php \"@example.com"),
            bad_from(sender),
            from("\"a\\\" -oQ/tmp -X/var/www/x.php \" <a@example.com>"),
        ),
        refused(
            Rule::QuotedSender,
            "an @ in a sender's local part",
            "PortSwigger, \"Splitting the email atom\"",
            from("\"ceo@bank\"@example.com"),
            bad_from(sender),
            from("\"ceo..bank\"@example.com"),
        ),
        carried(
            Rule::QuotedLocal,
            "an option in a quoted local part in brackets",
            "CVE-2020-28247 (lettre)",
            to("x <\"-be x\"@example.com>"),
        ),
        carried(
            Rule::QuotedLocal,
            "a comma, a semicolon, a colon, an @ and a bracket in a quoted local part",
            "CVE-2025-13033 (nodemailer)",
            to("\"a,<eve; b: c@d\"@example.com"),
        ),
        carried(
            Rule::QuotedLocal,
            "spaces in a quoted local part",
            grammar,
            to("\" two  words\"@example.com"),
        ),
    ]
}
