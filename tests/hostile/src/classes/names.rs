//! Display names.

use crate::answer::{bad, bad_from};
use crate::class::{Class, carried, refused};
use crate::request::{from, to};
use crate::rule::Rule;

fn named(name: &str) -> Vec<u8> {
    from(&format!("{name} <a@example.com>"))
}

pub(super) fn classes() -> Vec<Class> {
    let controls = || bad_from("control characters such as line breaks are not allowed");
    let hides = || bad_from("an encoded word (=?...?=) in the display name hides a control character");
    let misleads = || bad_from("characters that reverse the display name");
    let quotes = || bad_from("put the display name in double quotes");
    let address = || bad_from("the text before the < contains another address");
    let mailsploit = "Mailsploit (2017)";
    let long = |count: usize| to(&format!("{} <a@example.com>", "x".repeat(count)));
    vec![
        refused(
            Rule::MailboxControls,
            "CR LF and a header in a name",
            "CVE-2024-6923 (Python email)",
            named("Ada\r\nBcc: eve@example.com"),
            controls(),
            named("\"Ada Bcc: eve@example.com\""),
        ),
        refused(
            Rule::MailboxControls,
            "NUL in a name",
            mailsploit,
            named("ceo@bank.example\0"),
            controls(),
            named("\"ceo@bank.example\""),
        ),
        refused(
            Rule::MailboxControls,
            "a tab in a name",
            "RFC 5322, 2.2.2",
            named("Ada\tB"),
            controls(),
            named("Ada B"),
        ),
        refused(
            Rule::NameHides,
            "CR LF in an encoded word",
            mailsploit,
            named("=?utf-8?q?Ada=0D=0ABcc=3A_eve=40example.com?="),
            hides(),
            named("=?utf-8?q?Ada=2C_Bcc=3A_eve=40example.com?="),
        ),
        refused(
            Rule::NameHides,
            "NUL in an encoded word",
            mailsploit,
            named("=?utf-8?b?Y2VvQGJhbmsuZXhhbXBsZQA=?="),
            hides(),
            named("=?utf-8?b?Y2VvQGJhbmsuZXhhbXBsZQ==?="),
        ),
        refused(
            Rule::NameHides,
            "LF in an encoded word of another charset",
            "RFC 2047, 2",
            named("=?iso-8859-15?q?a=0ab?="),
            hides(),
            named("=?iso-8859-15?q?a=a4b?="),
        ),
        refused(
            Rule::NameHides,
            "an override in an encoded word",
            "CVE-2021-42574",
            named("=?utf-8?q?=E2=80=AEa?="),
            hides(),
            named("=?utf-8?q?=E2=80=8Fa?="),
        ),
        refused(
            Rule::NameMisleads,
            "a right-to-left override in a name",
            "CVE-2021-42574",
            named("\u{202e}knaB"),
            misleads(),
            named("\u{2068}Bank\u{2069}\u{200f}"),
        ),
        refused(
            Rule::NameMisleads,
            "a left-to-right override in a name",
            "CVE-2021-42574",
            named("\u{202d}\u{5d0}\u{5d1}"),
            misleads(),
            named("\u{202b}\u{5d0}\u{5d1}\u{202c}"),
        ),
        refused(
            Rule::NameMisleads,
            "a line separator in a name",
            "UAX #14, 5.1",
            named("\"Bank\u{2028}To: you\""),
            misleads(),
            named("\"Bank\u{2003}To: you\""),
        ),
        carried(
            Rule::NameQuotes,
            "commas, semicolons, colons and parentheses in a name",
            "RFC 5322, 3.2.3",
            named("Acme, Inc.; (EU): 5 @ 1"),
        ),
        refused(
            Rule::NameQuotes,
            "a backslash in a name",
            "RFC 5322, 3.2.4",
            named("Ada \\ B"),
            quotes(),
            named("Ada / B"),
        ),
        refused(
            Rule::NameAddress,
            "an address in a name",
            "CVE-2023-27043 (Python email)",
            named("ceo@bank.example"),
            address(),
            named("\"ceo@bank.example\""),
        ),
        refused(
            Rule::NameUnescaped,
            "an address behind escapes of HTML in a name",
            "CVE-2023-27043 (Python email)",
            named("ceo&#64;bank.example&#x2c; Ada"),
            address(),
            named("Tom &amp; Ada"),
        ),
        refused(
            Rule::NameUnescaped,
            "an address behind named escapes of HTML in a name",
            "CVE-2023-27043 (Python email)",
            named("ceo&commat;bank&period;example&comma; Ada"),
            address(),
            named("Caf&eacute; &commat; Ada"),
        ),
        refused(
            Rule::NameUnescaped,
            "a line break behind a named escape of HTML in a name",
            "CWE-93",
            named("Ada&NewLine;Bcc&colon; eve"),
            controls(),
            named("Ada&rlm;&shy;&nvlt;"),
        ),
        refused(
            Rule::NameUnescaped,
            "a line break behind an escape of HTML in a name",
            "CWE-93",
            named("Ada&#13;&#10;Bcc&#58; eve"),
            controls(),
            named("Ada &lt;3"),
        ),
        refused(
            Rule::NameMisleads,
            "reversed direction behind an escape of HTML",
            "CVE-2021-42574",
            named("Ada &#x202e;"),
            misleads(),
            named("Ada &amp;#x202e;"),
        ),
        carried(
            Rule::NameUnescaped,
            "quotes and a backslash behind escapes of HTML",
            "RFC 5322, 3.2.4",
            named("Ada &quot;&#92;&gt;, &lt;&quot;"),
        ),
        carried(
            Rule::NameAddress,
            "an address among other words, commas and comments in a name",
            "RFC 5322, 3.2.3",
            named("Ada via ceo@bank.example, Inc.; (help@bank.example)"),
        ),
        carried(
            Rule::NameAddress,
            "the same address as the name, as Outlook writes it",
            "RFC 5322, 3.2.3",
            named("'A@example.com'"),
        ),
        refused(
            Rule::NameUnescaped,
            "another mailbox behind escapes of HTML in a name",
            "CVE-2023-27043 (Python email)",
            named("Eve &lt;ceo&#64;bank.example&gt;, Ada"),
            address(),
            named("Eve &lt;ceo&#64;&gt;, Ada"),
        ),
        refused(
            Rule::NameAddress,
            "two addresses in a name",
            "CVE-2023-27043 (Python email)",
            named("ceo@bank.example cfo@bank.example"),
            address(),
            named("ceo@bank.example and cfo@bank.example"),
        ),
        refused(
            Rule::NameAddress,
            "an address behind a comment in a name",
            "RFC 5322, 3.2.2",
            named("(x)ceo@bank.example (CEO), Ada"),
            address(),
            named("(x) ceo (CEO), Ada"),
        ),
        refused(
            Rule::NameAddress,
            "a group with an address before a name",
            "RFC 5322, 3.4",
            named("team: ceo@bank.example; Ada"),
            address(),
            named("team: ceo; Ada"),
        ),
        refused(
            Rule::NameQuotes,
            "a quote inside a name",
            "RFC 5322, 3.2.4",
            named("Ada \"B\" C"),
            quotes(),
            named("\"Ada \\\"B\\\" C\""),
        ),
        refused(
            Rule::NameLength,
            "a name that fills a line",
            "RFC 5322, 2.1.1",
            long(1000),
            bad("to: the display name is too long"),
            long(900),
        ),
        carried(
            Rule::NameQuotes,
            "quotes, backslashes and brackets in a quoted name",
            "RFC 5322, 3.2.4",
            named("\"\\\\ \\\" <eve@example.com>, (x) ;:\""),
        ),
        carried(
            Rule::NameHides,
            "encoded words in quotes, which are plain text there",
            "RFC 2047, 5",
            named("\"=?utf-8?q?x\""),
        ),
        carried(
            Rule::NameMisleads,
            "Hebrew, Arabic, a family of emoji and a flag of England",
            "UAX #9",
            named(
                "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{645}\u{631}\u{62d}\u{628}\u{627} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            ),
        ),
        carried(
            Rule::MailboxControls,
            "a name whose characters' low octets are CR and LF",
            "CVE-2025-7962 (Jakarta Mail)",
            named("\u{760d}\u{760a}\u{010a}\u{010d}"),
        ),
    ]
}
