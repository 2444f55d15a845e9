//! Custom headers: their grammar, and the reserved ones.

use serde_json::json;

use crate::answer::bad;
use crate::class::{Class, carried, refused};
use crate::request::{begun, header, with};
use crate::rule::Rule;

pub(super) fn classes() -> Vec<Class> {
    [names(), reserved(), values()].concat()
}

fn names() -> Vec<Class> {
    let rule = Rule::HeaderName;
    let grammar = "headers: a header name may contain only printable ASCII";
    let named = |name: &str| header(name, "1");
    vec![
        refused(
            Rule::HeaderNameEmpty,
            "a header without a name",
            "RFC 5322, 2.2",
            named(""),
            bad("headers: the header name is empty"),
            named("X"),
        ),
        refused(
            rule,
            "CR LF and a header in a header name",
            "ZF2015-04 (Zend Mail)",
            named("X-A: 1\r\nBcc"),
            bad(grammar),
            named("X-A"),
        ),
        refused(
            rule,
            "LF at the end of a name",
            "CVE-2024-6923 (Python email)",
            named("X-A\n"),
            bad(grammar),
            named("X-An"),
        ),
        refused(
            rule,
            "NUL in a header name",
            "RFC 5322, 2.2",
            named("X\0-A"),
            bad(grammar),
            named("X0-A"),
        ),
        refused(
            rule,
            "a colon in a name",
            "RFC 5322, 2.2",
            named("Bcc:x"),
            bad("headers.Bcc:x: a header name may contain only printable ASCII"),
            named("Bcc;x"),
        ),
        refused(
            rule,
            "a space before the colon",
            "RFC 5322, 4.5.8",
            named("Bcc "),
            bad(grammar),
            named("Bcc-"),
        ),
        refused(
            rule,
            "a name outside ASCII",
            "RFC 6532, 3",
            named("B\u{441}c"),
            bad(grammar),
            named("B-c"),
        ),
        refused(
            rule,
            "a name that starts with a tab, as a folded line",
            "RFC 5322, 2.2.3",
            named("\tX"),
            bad(grammar),
            named("tX"),
        ),
        refused(
            Rule::HeaderNameLength,
            "a name of 127 characters",
            "Amazon SES API, MessageHeader",
            named(&"x".repeat(127)),
            bad("headers: is too long: 127 bytes"),
            named(&"x".repeat(126)),
        ),
        refused(
            Rule::HeaderOnce,
            "a header twice in different case",
            "RFC 5322, 3.6",
            with(json!({"headers": {"X-A": "1", "x-a": "2"}})),
            bad("headers.x-a: is given more than once"),
            with(json!({"headers": {"X-A": "1", "x-b": "2"}})),
        ),
        refused(
            Rule::HeaderOnce,
            "a header twice, as JSON allows",
            "RFC 8259, 4",
            begun("\"headers\":{\"X-A\":\"1\",\"X-A\":\"2\"}"),
            bad("headers.X-A: is given more than once"),
            begun("\"headers\":{\"X-A\":\"1\"}"),
        ),
        carried(
            rule,
            "all characters allowed in a name",
            "RFC 5322, 2.2",
            named("!\"#$%&'()*+,-./;<=>?@[\\]^_`{|}~"),
        ),
    ]
}

fn reserved() -> Vec<Class> {
    let rfc = "RFC 5322, 3.6";
    let named = |class: &str, value: &str| header(class.trim_start_matches("the header "), value);
    let ours = |class: &str| {
        let name = class.trim_start_matches("the header ");
        bad(&format!("headers.{name}: mailqueue or Amazon SES writes this header"))
    };
    let trace = |class: &str| {
        let name = class.trim_start_matches("the header ");
        bad(&format!(
            "headers.{name}: only the signer or the receiver of an email writes this header"
        ))
    };
    let fields = [
        ("the header From", rfc),
        ("the header To", rfc),
        ("the header cc", rfc),
        ("the header Bcc", "CWE-93"),
        ("the header subject", rfc),
        ("the header Received", "RFC 5321, 4.4"),
        ("the header x-email-id", "mailqueue's header of the email id"),
    ];
    let fields = fields.map(|(name, source)| {
        (
            Rule::HeaderReserved,
            name,
            source,
            ours(name),
            name.replace("the header ", "X-"),
        )
    });
    let families = [
        ("the header Content-Type", "RFC 2045, 9", "Contents"),
        ("the header content-transfer-encoding", "RFC 2045, 6", "context"),
        ("the header DKIM-Signature", "RFC 6376, 3.5", "DKIMX"),
        (
            "the header X-SES-CONFIGURATION-SET",
            "Amazon SES, header fields",
            "X-SESS",
        ),
        ("the header x-ses-source-arn", "Amazon SES, header fields", "x-se"),
        ("the header ARC-Seal", "RFC 8617, 4.1.3", "Arch"),
        ("the header Resent-To", "RFC 5322, 3.6.6", "Resend"),
    ];
    let families =
        families.map(|(name, source, twin)| (Rule::HeaderReservedPrefix, name, source, ours(name), twin.to_owned()));
    let traces = [
        ("the header Authentication-Results", "RFC 8601, 5", "Authentication"),
        ("the header received-spf", "RFC 7208, 9.1", "X-Received-SPF"),
        ("the header Delivered-To", "RFC 9228, 4", "Deliver-To"),
        ("the header DomainKey-Signature", "RFC 4870", "DomainKeys"),
    ];
    let traces = traces.map(|(name, source, twin)| (Rule::HeaderTrace, name, source, trace(name), twin.to_owned()));
    let others = [(
        Rule::HeaderMime,
        "the header Mime-Anything",
        "RFC 2045, 9",
        bad("headers.Mime-Anything: Amazon SES writes the MIME headers"),
        "Mimes".to_owned(),
    )];
    let all = fields.into_iter().chain(families).chain(traces).chain(others);
    let class = |(rule, name, source, answer, twin): (Rule, &'static str, &'static str, _, String)| {
        refused(
            rule,
            name,
            source,
            named(name, "eve@example.com"),
            answer,
            header(&twin, "eve@example.com"),
        )
    };
    let mut classes: Vec<Class> = all.map(class).collect();
    for name in [
        "the header List-Unsubscribe",
        "the header Auto-Submitted",
        "the header References",
        "the header Precedence",
        "the header Disposition-Notification-To",
    ] {
        classes.push(carried(
            Rule::HeaderReserved,
            name,
            "a header that callers need",
            named(name, "<mailto:x@example.com>"),
        ));
    }
    for (name, value) in [
        ("the header Date", "x\r\nBcc: eve@example.com"),
        ("the header SENDER", "eve@example.com"),
        ("the header Message-ID", "\0"),
        ("the header Return-Path", "<>\n\n<script>"),
        ("the header MIME-Version", "\u{2028}"),
    ] {
        let class = carried(
            Rule::HeaderReserved,
            name,
            "dropped: no message has its value",
            named(name, value),
        );
        classes.push(class);
    }
    classes.extend(reply_to());
    classes
}

fn reply_to() -> Vec<Class> {
    let both = |value: &str, field: &str| with(json!({"headers": {"Reply-To": value}, "reply_to": field}));
    let rfc = "RFC 5322, 3.6.2";
    vec![
        refused(
            Rule::HeaderReplyTo,
            "another Reply-To in the headers",
            rfc,
            both("eve@example.com", "ada@example.com"),
            bad("headers.Reply-To: must have the same addresses as the field reply_to"),
            both("Ada <ADA@example.com>", "ada@example.com"),
        ),
        refused(
            Rule::HeaderReplyTo,
            "a second address in Reply-To",
            rfc,
            both("ada@example.com, eve@example.com", "ada@example.com"),
            bad("headers.Reply-To: must have the same addresses as the field reply_to"),
            both("ada@example.com, eve@example.com", ""),
        ),
        refused(
            Rule::MailboxControls,
            "CR LF and a header in Reply-To",
            "CWE-93",
            header("Reply-To", "ada@example.com\r\nBcc: eve@example.com"),
            bad("headers.Reply-To: control characters such as line breaks are not allowed"),
            header("Reply-To", "ada@example.com"),
        ),
        refused(
            Rule::HeaderReplyToOnce,
            "Reply-To twice in different case",
            rfc,
            with(json!({"headers": {"Reply-To": "a@example.com", "reply-to": "a@example.com"}})),
            bad("headers.reply-to: is given more than once"),
            with(json!({"headers": {"Reply-To": "a@example.com, b@example.com"}})),
        ),
    ]
}

fn values() -> Vec<Class> {
    let controls = || bad("headers.X-A: control characters such as line breaks are not allowed");
    let value = |value: &str| header("X-A", value);
    vec![
        refused(
            Rule::HeaderControls,
            "CR LF and a header in a value",
            "GHSA-268h-hp4c-crq3 (nodemailer)",
            value("1\r\nBcc: eve@example.com"),
            controls(),
            value("1 Bcc: eve@example.com"),
        ),
        refused(
            Rule::HeaderControls,
            "LF alone in a value",
            "CVE-2024-6923 (Python email)",
            value("1\nBcc: eve@example.com"),
            controls(),
            value("1nBcc: eve@example.com"),
        ),
        refused(
            Rule::HeaderFolding,
            "a header behind a folded value",
            "GHSA-268h-hp4c-crq3 (nodemailer)",
            value("1\r\n 2\r\nBcc: eve@example.com"),
            controls(),
            value("1\r\n 2\n\tBcc: eve@example.com"),
        ),
        refused(
            Rule::HeaderFolding,
            "a body behind a folded value",
            "ZF2015-04 (Zend Mail)",
            value("1\r\n\r\n <script>"),
            controls(),
            value("1\r\n \r\n <script>"),
        ),
        refused(
            Rule::HeaderFolding,
            "CR alone before a space",
            "RFC 5322, 2.2.3",
            value("1\r 2"),
            controls(),
            value("1\r\n 2"),
        ),
        refused(
            Rule::HeaderControls,
            "NUL in a value",
            "RFC 5322, 2.2",
            value("1\0"),
            controls(),
            value("10"),
        ),
        refused(
            Rule::HeaderEmpty,
            "a value of spaces",
            "RFC 5322, 2.2.3",
            value(" \u{a0}"),
            bad("headers.X-A: the value is empty"),
            value(" x"),
        ),
        refused(
            Rule::HeaderLength,
            "a value of 871 characters",
            "Amazon SES API, MessageHeader",
            value(&"v".repeat(871)),
            bad("headers.X-A: is too long: 871 bytes"),
            value(&"v".repeat(870)),
        ),
        refused(
            Rule::HeaderLength,
            "a value that is too long once it is encoded",
            "RFC 2047, 2",
            value(&"\u{fc}".repeat(400)),
            bad("headers.X-A: is too long"),
            value(&"\u{fc}".repeat(200)),
        ),
        refused(
            Rule::LineHides,
            "a line break in an encoded word, in a header",
            "Mailsploit (2017)",
            value("=?us-ascii?q?=0D=0ABcc:_x?="),
            bad("headers.X-A: an encoded word"),
            value("=?us-ascii?q?=3D=40Bcc:_x?="),
        ),
        refused(
            Rule::LineMisleads,
            "U+2028 in a value",
            "UAX #14, 5.1",
            value("1\u{2028}2"),
            bad("headers.X-A: characters that reverse the text"),
            value("1\u{2002}2"),
        ),
        carried(
            Rule::HeaderControls,
            "a value outside ASCII, of many encoded words",
            "RFC 2047, 2",
            value(&"Gr\u{fc}\u{df}e \u{1f980} ".repeat(20)),
        ),
    ]
}
