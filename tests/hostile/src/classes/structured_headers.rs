//! Headers with a grammar of their own.

use serde_json::json;

use crate::answer::bad;
use crate::class::{Class, carried, refused};
use crate::request::{header, with};
use crate::rule::Rule;

pub(super) fn classes() -> Vec<Class> {
    [uris(), ids(), one_click()].concat()
}

fn uris() -> Vec<Class> {
    let uris = |name: &str| {
        bad(&format!(
            "headers.{name}: must be URIs in angle brackets, such as <https://example.com/unsubscribe>"
        ))
    };
    vec![
        refused(
            Rule::HeaderUris,
            "text outside ASCII instead of a URI",
            "RFC 2369, 2",
            header("List-Unsubscribe", "Abmelden f\u{fc}r Ann"),
            uris("List-Unsubscribe"),
            header(
                "List-Unsubscribe",
                "<mailto:u@example.com?subject=Abmelden f\u{fc}r Ann>",
            ),
        ),
        refused(
            Rule::HeaderUris,
            "an address instead of a URI",
            "RFC 2369, 2",
            header("List-Unsubscribe", "unsubscribe@example.com"),
            uris("List-Unsubscribe"),
            header("List-Unsubscribe", "mailto:unsubscribe@example.com"),
        ),
        refused(
            Rule::HeaderUris,
            "text outside ASCII between URIs",
            "RFC 2369, 2",
            header("List-Help", "<https://example.com/1> (\u{fc}) <https://example.com/2>"),
            uris("List-Help"),
            header("List-Help", "<https://example.com/1> (u) <https://example.com/\u{fc}>"),
        ),
        refused(
            Rule::HeaderUris,
            "a bracket inside a URI outside ASCII",
            "RFC 3986, 2",
            header("List-Archive", "<https://example.com/\u{fc}<https://example.org/>"),
            uris("List-Archive"),
            header("List-Archive", "<https://example.com/\u{fc}%3Chttps://example.org/>"),
        ),
        refused(
            Rule::HeaderHost,
            "a host outside ASCII with an empty label",
            "UTS #46, 4",
            header("List-Owner", "<https://b\u{fc}cher..example/>"),
            bad("headers.List-Owner: contains an invalid domain name"),
            header("List-Owner", "<https://b\u{fc}cher.example/>"),
        ),
        refused(
            Rule::HeaderListId,
            "a list's name outside ASCII without an identifier",
            "RFC 2919, 3",
            header("List-Id", "b\u{fc}cher.example.com"),
            bad("headers.List-Id: must be an identifier in angle brackets"),
            header("List-Id", "<b\u{fc}cher.example.com>"),
        ),
        refused(
            Rule::HeaderEncoded,
            "an encoded word instead of a URI",
            "RFC 2047, 5",
            header("List-Unsubscribe", "=?UTF-8?B?PGh0dHBzOi8vZS5jbz4=?="),
            bad("headers.List-Unsubscribe: encoded words (=?...?=) are not allowed in this header"),
            header("List-Unsubscribe", "<https://example.com/?a=?b>"),
        ),
        refused(
            Rule::LineHides,
            "a line break in an encoded word, in a header of URIs",
            "Mailsploit (2017)",
            header("List-Help", "<https://example.com/\u{fc}=?us-ascii?q?=0D=0ABcc:_x?=>"),
            bad("headers.List-Help: an encoded word"),
            header("List-Help", "<https://example.com/\u{fc}=?us-ascii?q?=3D>"),
        ),
        carried(
            Rule::HeaderUris,
            "a quote, a space and a backslash in a URI outside ASCII",
            "RFC 3986, 2",
            header("List-Post", "<mailto:a@example.com?subject=\u{fc}\" \\{}>"),
        ),
        carried(
            Rule::HeaderHost,
            "a host outside ASCII with a user and a port",
            "RFC 3986, 3.2",
            header("Archived-At", "<https://u:p@b\u{fc}cher.example:8443/\u{fc}#\u{fc}>"),
        ),
    ]
}

fn ids() -> Vec<Class> {
    let ids = |count: usize| {
        let ids = (0..count).map(|n| format!("<{n:0>60}@example.com>"));
        ids.collect::<Vec<_>>().join(" ")
    };
    vec![
        refused(
            Rule::HeaderIds,
            "a message id outside ASCII",
            "RFC 5322, 3.6.4",
            header("In-Reply-To", "<\u{fc}@example.com>"),
            bad("headers.In-Reply-To: must be message ids in ASCII"),
            header("In-Reply-To", "<u@example.com>"),
        ),
        refused(
            Rule::HeaderIds,
            "long References that are no message ids",
            "RFC 5322, 3.6.4",
            header("References", &format!("x: {}", ids(20))),
            bad("headers.References: must be message ids in ASCII"),
            header("References", &ids(20)),
        ),
        refused(
            Rule::ReferencesLength,
            "References of 66 KB",
            "our limit",
            header("References", &ids(880)),
            bad("headers.References: is too long: 65999 bytes"),
            header("References", &ids(870)),
        ),
        refused(
            Rule::HeaderToken,
            "a word outside ASCII",
            "RFC 3834, 5",
            header("Auto-Submitted", "auto-\u{fc}"),
            bad("headers.Auto-Submitted: must be ASCII"),
            header("Auto-Submitted", "auto-replied"),
        ),
    ]
}

fn one_click() -> Vec<Class> {
    let pair =
        |uris: &str, post: &str| with(json!({"headers": {"List-Unsubscribe": uris, "List-Unsubscribe-Post": post}}));
    let (uri, post) = ("<https://example.com/u>", "List-Unsubscribe=One-Click");
    let needs =
        || bad("headers.List-Unsubscribe: with the header List-Unsubscribe-Post, this header must have exactly one");
    let rfc = "RFC 8058, 3.1";
    vec![
        refused(
            Rule::OneClickValue,
            "another value of List-Unsubscribe-Post",
            rfc,
            pair(uri, "List-Unsubscribe=One-Click, x=y"),
            bad("headers.List-Unsubscribe-Post: must be exactly List-Unsubscribe=One-Click"),
            pair(uri, post),
        ),
        refused(
            Rule::OneClickUri,
            "List-Unsubscribe-Post alone",
            rfc,
            header("List-Unsubscribe-Post", post),
            bad("headers.List-Unsubscribe-Post: needs the header List-Unsubscribe"),
            pair(uri, post),
        ),
        refused(
            Rule::OneClickUri,
            "one click without an https URI",
            rfc,
            pair("<mailto:u@example.com>", post),
            needs(),
            pair("<mailto:u@example.com>, <https://example.com/u>", post),
        ),
        refused(
            Rule::OneClickUri,
            "one click with an http URI",
            rfc,
            pair("<https://example.com/u>, <http://example.com/u>", post),
            needs(),
            pair("<https://example.com/u>, <mailto:u@example.com>", post),
        ),
        refused(
            Rule::OneClickUri,
            "one click with two https URIs",
            rfc,
            pair("<https://example.com/u>, <https://example.com/v>", post),
            needs(),
            pair("<https://example.com/u>", post),
        ),
    ]
}
