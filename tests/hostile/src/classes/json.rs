//! Bodies that are not JSON, that are too large, or that are ambiguous.

use serde_json::json;

use crate::answer::{bad, malformed, too_large};
use crate::class::{Class, Endpoint, carried, refused};
use crate::request::{begun, replaced, to, with};
use crate::rule::Rule;

const NOT_JSON: &str = "is not valid JSON";

pub(super) fn classes() -> Vec<Class> {
    [grammar(), amounts(), keys()].concat()
}

fn grammar() -> Vec<Class> {
    let good = || with(json!({}));
    let text = |escaped: &str| replaced("Hello", escaped);
    let number = |number: &str| replaced("\"Hello\"", number);
    let not_json = || malformed(NOT_JSON);
    let not_utf8 = || malformed("is not UTF-8 at byte 9; encode it as UTF-8");
    let encoded = |bytes: &[u8]| {
        let (before, after) = (b"{\"text\":\"".as_slice(), b"\"}".as_slice());
        [before, bytes, after].concat()
    };
    let utf16 = |text: &[u8]| -> Vec<u8> { text.iter().flat_map(|byte| [*byte, 0]).collect() };
    vec![
        refused(
            Rule::Json,
            "octets that are not UTF-8",
            "RFC 8259, 8.1",
            encoded(b"\xff\xfe"),
            not_utf8(),
            text("ÿþ"),
        ),
        refused(
            Rule::Json,
            "overlong UTF-8: NUL as C0 80",
            "RFC 3629, 3",
            encoded(b"\xc0\x80"),
            not_utf8(),
            text("À"),
        ),
        refused(
            Rule::Json,
            "a surrogate as UTF-8",
            "RFC 3629, 3",
            encoded(b"\xed\xa0\x80"),
            not_utf8(),
            text("\u{d7ff}"),
        ),
        carried(
            Rule::Surrogates,
            "half a surrogate pair in a text",
            "RFC 8259, 8.2",
            text("\\ud83e"),
        ),
        carried(
            Rule::Surrogates,
            "a surrogate pair in reverse order",
            "RFC 8259, 8.2",
            text("\\udd80\\ud83e"),
        ),
        refused(
            Rule::Surrogates,
            "half a surrogate pair in an address",
            "RFC 8259, 8.2",
            replaced("bob@", "bob\\ud83e@"),
            bad("to[0]: the part before the @ must be ASCII"),
            replaced("Hello", "bob\\ud83e@"),
        ),
        refused(
            Rule::Json,
            "a second byte order mark",
            "RFC 8259, 8.1",
            [b"\xef\xbb\xbf\xef\xbb\xbf".to_vec(), good()].concat(),
            not_json(),
            [b"\xef\xbb\xbf".to_vec(), good()].concat(),
        ),
        refused(
            Rule::Json,
            "UTF-16",
            "RFC 8259, 8.1",
            utf16(&good()),
            not_json(),
            good(),
        ),
        refused(
            Rule::Json,
            "a line break within a string",
            "RFC 8259, 7",
            text("a\nb"),
            not_json(),
            text("a\\nb"),
        ),
        refused(
            Rule::Json,
            "a number too large for a float",
            "RFC 8259, 6",
            number("1e999"),
            not_json(),
            number("\"1e999\""),
        ),
        refused(
            Rule::Json,
            "NaN",
            "RFC 8259, 6",
            number("NaN"),
            not_json(),
            number("\"NaN\""),
        ),
        refused(
            Rule::Json,
            "a comment, single quotes and a trailing comma",
            "RFC 8259, 2",
            begun("/* x */ 'html':'x',"),
            not_json(),
            begun("\"html\":\"/* x */\""),
        ),
        refused(
            Rule::JsonEnd,
            "a second value after the first",
            "RFC 8259, 2",
            [good(), good()].concat(),
            not_json(),
            [good(), b"\r\n\t ".to_vec()].concat(),
        ),
        refused(
            Rule::JsonEnd,
            "NUL after the value",
            "RFC 8259, 2",
            [good(), b"\0".to_vec()].concat(),
            not_json(),
            [good(), b"\n".to_vec()].concat(),
        ),
        refused(
            Rule::BodyObject,
            "an email in an array",
            "RFC 8259, 2",
            [b"[".to_vec(), good(), b"]".to_vec()].concat(),
            malformed("must be a JSON object, not an array"),
            good(),
        ),
        refused(
            Rule::BodyArray,
            "an email instead of a batch",
            "RFC 8259, 2",
            good(),
            malformed("must be a JSON array of emails, not an object"),
            [b"[".to_vec(), good(), b"]".to_vec()].concat(),
        )
        .through(Endpoint::Batch),
    ]
}

fn amounts() -> Vec<Class> {
    let padded = |bytes: usize| {
        let mut body = with(json!({}));
        body.resize(bytes, b' ');
        body
    };
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let list = |count: usize| with(json!({"to": vec![0; count]}));
    let values = |count: usize| with(json!({"to": vec![""; count]}));
    let batch = |count: usize| {
        let email = String::from_utf8(with(json!({}))).unwrap_or_default();
        format!("[{}]", vec![email; count].join(","))
    };
    let content = |content: serde_json::Value| with(json!({"attachments": [{"filename": "a", "content": content}]}));
    let mixed = vec![json!(1); 300_000]
        .into_iter()
        .chain([json!("x")])
        .collect::<serde_json::Value>();
    vec![
        refused(
            Rule::BodySize,
            "a body of 4 MiB and one byte",
            "CWE-770",
            padded(4 * 1024 * 1024 + 1),
            too_large(),
            padded(4 * 1024 * 1024),
        ),
        refused(
            Rule::PayloadSize,
            "a list of 3,200,000 bytes",
            "CWE-770",
            content(json!(vec![0; 3_200_000])),
            too_large(),
            content(json!(vec![0; 3_000_000])),
        ),
        refused(
            Rule::JsonDepth,
            "arrays 100,000 deep",
            "CVE-2020-36518 (jackson-databind)",
            begun(&format!("\"x\":{}", nested(100_000))),
            malformed("is nested too deeply"),
            with(json!({"text": nested(100_000)})),
        ),
        refused(
            Rule::JsonDepth,
            "arrays 128 deep",
            "CVE-2020-36518 (jackson-databind)",
            begun(&format!("\"cc\":{}", nested(128))),
            malformed("is nested too deeply"),
            with(json!({"cc": []})),
        ),
        refused(
            Rule::JsonValues,
            "300,000 values in a list",
            "CWE-770",
            values(300_000),
            malformed("has too many values"),
            with(json!({"text": "\"\",".repeat(300_000)})),
        ),
        refused(
            Rule::ByteLists,
            "300,000 numbers in a field without bytes",
            "CWE-770",
            list(300_000),
            malformed("has too many values"),
            content(json!(vec![0; 300_000])),
        ),
        refused(
            Rule::MixedLists,
            "a list of bytes with other values in it",
            "CWE-770",
            content(mixed),
            malformed("has too many values"),
            content(json!(vec![1; 300_001])),
        ),
        refused(
            Rule::BatchSize,
            "a batch of 501 emails",
            "CWE-770",
            batch(501),
            bad("A batch must contain 1 to 500 emails; this one contains 501."),
            batch(500),
        )
        .through(Endpoint::Batch),
        refused(
            Rule::BatchSize,
            "an empty batch",
            "RFC 8259, 5",
            batch(0),
            bad("A batch must contain 1 to 500 emails; this one contains 0."),
            batch(1),
        )
        .through(Endpoint::Batch),
    ]
}

fn keys() -> Vec<Class> {
    let key = |key: &str| with(json!({ key: 1 }));
    let long = "k".repeat(100_000);
    let shown = format!("{}: unknown field", "k".repeat(64));
    vec![
        refused(
            Rule::FieldOnce,
            "a field given twice",
            "CVE-2017-12635 (CouchDB)",
            begun("\"to\":\"eve@example.com\""),
            bad("to: is given more than once"),
            to("eve@example.com"),
        ),
        refused(
            Rule::FieldOnce,
            "a field given twice, once with escapes",
            "RFC 8259, 8.3",
            begun("\"\\u0074o\":\"eve@example.com\""),
            bad("to: is given more than once"),
            replaced("\"to\"", "\"\\u0074o\""),
        ),
        refused(
            Rule::FieldOnce,
            "a field given as null first",
            "RFC 8259, 4",
            begun("\"bcc\":null,\"bcc\":\"eve@example.com\""),
            bad("bcc: is given more than once"),
            begun("\"bcc\":\"eve@example.com\""),
        ),
        refused(
            Rule::KnownField,
            "a key of JavaScript's prototype",
            "CWE-1321",
            begun("\"__proto__\":{\"bcc\":\"eve@example.com\"}"),
            bad("__proto__: unknown field"),
            begun("\"html\":\"__proto__\""),
        ),
        refused(
            Rule::KnownField,
            "a field in another case",
            "RFC 8259, 8.3",
            begun("\"Bcc\":\"eve@example.com\""),
            bad("Bcc: unknown field; did you mean bcc?"),
            begun("\"bcc\":\"eve@example.com\""),
        ),
        refused(
            Rule::KnownField,
            "a field with a letter of another script",
            "UTS #39, 4",
            begun("\"b\u{441}c\":\"eve@example.com\""),
            bad("b\u{441}c: unknown field; did you mean bcc?"),
            begun("\"bcc\":\"eve@example.com\""),
        ),
        refused(
            Rule::EchoEscaped,
            "a field name that forges a log line",
            "CWE-117",
            key("a\r\nERROR b"),
            bad("a\\r\\nERROR b: unknown field"),
            with(json!({"html": "a\r\nERROR b"})),
        ),
        refused(
            Rule::EchoEscaped,
            "a field name with terminal control sequences",
            "CWE-150",
            key("\u{1b}[2J\u{202e}x"),
            bad("\\u{1b}[2J\\u{202e}x: unknown field"),
            with(json!({"html": "\u{1b}[2J\u{202e}x"})),
        ),
        refused(
            Rule::EchoShort,
            "a field name of 100,000 characters",
            "CWE-770",
            key(&long),
            bad(&shown),
            with(json!({ "html": long })),
        ),
        refused(
            Rule::EchoEmpty,
            "a field without a name",
            "RFC 8259, 4",
            key(""),
            bad("\"\": unknown field"),
            with(json!({"html": "\"\": 1"})),
        ),
        carried(
            Rule::Json,
            "escaped control characters in a text",
            "RFC 8259, 7",
            with(json!({"text": "a\u{1}\u{8}\r\nb"})),
        ),
    ]
}
