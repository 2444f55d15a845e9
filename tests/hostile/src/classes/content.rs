//! Subjects and texts.

use serde_json::json;

use crate::answer::bad;
use crate::class::{Class, carried, refused};
use crate::request::{subject, with};
use crate::rule::Rule;

pub(super) fn classes() -> Vec<Class> {
    [subjects(), texts()].concat()
}

fn subjects() -> Vec<Class> {
    let controls = || bad("subject: control characters such as line breaks are not allowed");
    let hides = || bad("subject: an encoded word (=?...?=) hides a control character");
    let misleads = || bad("subject: characters that reverse the text or break its line");
    vec![
        refused(
            Rule::SubjectControls,
            "CR LF and a header in a subject",
            "CVE-2017-9801 (Apache Commons Email)",
            subject("Hi\r\nBcc: eve@example.com"),
            controls(),
            subject("Hi Bcc: eve@example.com"),
        ),
        refused(
            Rule::SubjectControls,
            "a body after two line breaks in a subject",
            "ZF2015-04 (Zend Mail)",
            subject("Hi\n\n<script>"),
            controls(),
            subject("Hi <script>"),
        ),
        refused(
            Rule::SubjectControls,
            "CR alone in a subject",
            "RFC 5322, 2.2",
            subject("Hi\rBcc: eve@example.com"),
            controls(),
            subject("\r\n\tHi\r\n"),
        ),
        refused(
            Rule::SubjectControls,
            "NUL in a subject",
            "RFC 5322, 2.2",
            subject("Hi\0"),
            controls(),
            subject("Hi\\0"),
        ),
        refused(
            Rule::SubjectControls,
            "NEL inside a subject",
            "UAX #14, 5.1",
            subject("Hi\u{85}Bcc: eve@example.com"),
            controls(),
            subject("\u{a0}\u{85}Hi\u{b}\u{2028}"),
        ),
        refused(
            Rule::SubjectControls,
            "an escape sequence in a subject",
            "CWE-150",
            subject("\u{1b}]0;x\u{7}"),
            controls(),
            subject("]0;x"),
        ),
        refused(
            Rule::LineHides,
            "a line break in an encoded word",
            "Mailsploit (2017)",
            subject("=?UTF-8?B?SGkNCkJjYzogeA==?="),
            hides(),
            subject("=?UTF-8?B?SGkgQmNjOiB4?="),
        ),
        refused(
            Rule::LineMisleads,
            "a subject with reversed direction",
            "CVE-2021-42574",
            subject("Invoice \u{202e}fdp.exe"),
            misleads(),
            subject("Invoice \u{2067}pdf\u{2069}.exe"),
        ),
        refused(
            Rule::LineMisleads,
            "U+2028 in a subject",
            "UAX #14, 5.1",
            subject("Hi\u{2028}From: you"),
            misleads(),
            subject("Hi\u{200b}From: you"),
        ),
        refused(
            Rule::LineMisleads,
            "U+2029 in a subject",
            "UAX #14, 5.1",
            subject("Hi\u{2029}x"),
            misleads(),
            subject("Hi\u{ad}x"),
        ),
        refused(
            Rule::SubjectLength,
            "a subject longer than a line",
            "RFC 5322, 2.1.1",
            subject(&"s".repeat(990)),
            bad("subject: is too long: 990 bytes"),
            subject(&"s".repeat(989)),
        ),
        carried(
            Rule::SubjectControls,
            "text that looks like a header, a boundary and a command",
            "RFC 5322, 2.2",
            subject("Content-Type: text/html; boundary=\"--x\" DATA . QUIT"),
        ),
        carried(
            Rule::LineHides,
            "=? without an encoded word",
            "RFC 2047, 2",
            subject("a =? b ?= c"),
        ),
        carried(
            Rule::LineHides,
            "an encoded word in the form of PHP",
            "RFC 2047, 2",
            subject("=?UTF-8?B?R3LDvMOfZQ==?="),
        ),
    ]
}

fn texts() -> Vec<Class> {
    let text = |text: &str| with(json!({ "text": text }));
    let html = |html: &str| with(json!({"text": null, "html": html}));
    vec![
        refused(
            Rule::ContentNul,
            "only NUL in HTML",
            "RFC 5322, 2.2",
            html("\0\0"),
            bad("html: html and text are both empty"),
            html("\0x\0"),
        ),
        carried(
            Rule::ContentNul,
            "NUL in a text, which HTML parsers and we drop",
            "RFC 5322, 2.2",
            text("a\0b"),
        ),
        carried(
            Rule::ContentNul,
            "NUL inside a tag, as React 18 leaves it",
            "react-email, issue 1785",
            html("<b>x</\0b>"),
        ),
        carried(
            Rule::ContentNul,
            "the end of a message as LF . LF",
            "CVE-2023-51764 (Postfix)",
            text("Hi\n.\nMAIL FROM:<eve@example.com>\nRCPT TO:<a@example.com>\nDATA\nx"),
        ),
        carried(
            Rule::ContentNul,
            "the end of a message as CR LF . LF",
            "CVE-2023-51765 (sendmail)",
            text("Hi\r\n.\nMAIL FROM:<eve@example.com>\r\n"),
        ),
        carried(
            Rule::ContentNul,
            "the end of a message as LF . CR LF",
            "CVE-2023-51766 (Exim)",
            text("Hi\n.\r\nMAIL FROM:<eve@example.com>\r\n"),
        ),
        carried(
            Rule::ContentNul,
            "lines that start with dots",
            "RFC 5321, 4.5.2",
            text(".\r\n..\r\n.a\r\n\r\n.\r\n"),
        ),
        carried(
            Rule::ContentNul,
            "lines that start with From",
            "RFC 4155",
            text("From eve@example.com\r\nFrom: eve@example.com\r\n"),
        ),
        carried(
            Rule::ContentNul,
            "a part and its boundary",
            "RFC 2046, 5.1.1",
            text("--x\r\nContent-Type: text/html\r\n\r\n<b>x</b>\r\n--x--\r\n"),
        ),
        carried(
            Rule::ContentNul,
            "a line of 100,000 characters",
            "RFC 5322, 2.1.1",
            html(&format!("<p>{}</p>", "x".repeat(100_000))),
        ),
        carried(
            Rule::ContentNul,
            "text that looks like quoted-printable or base64",
            "RFC 2045, 6.7",
            text("=0D=0A.=0D=0A =\r\n=3D SGVsbG8= "),
        ),
    ]
}
