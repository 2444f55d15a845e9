//! Tags, which connect SES's events with their email.

use serde_json::json;

use crate::answer::{bad, missing};
use crate::class::{Class, refused};
use crate::request::{begun, tag, with};
use crate::rule::Rule;

pub(super) fn classes() -> Vec<Class> {
    let source = "Amazon SES API, MessageTag";
    let grammar = |part: &str| bad(&format!("tags[0].{part}: must be 1 to 256 ASCII letters"));
    let ours = || bad("tags[0].name: names that start with mq_ are reserved");
    let pair = |first: &str, second: &str| {
        with(json!({"tags": [{"name": first, "value": "1"}, {"name": second, "value": "2"}]}))
    };
    vec![
        refused(
            Rule::TagGrammar,
            "a line break in a tag name",
            source,
            tag("a\r\nb", "1"),
            grammar("name"),
            tag("a-b", "1"),
        ),
        refused(
            Rule::TagGrammar,
            "a letter outside ASCII in a value",
            source,
            tag("a", "\u{fc}"),
            grammar("value"),
            tag("a", "ue"),
        ),
        refused(
            Rule::TagGrammar,
            "a name of 257 characters",
            source,
            tag(&"a".repeat(257), "1"),
            grammar("name"),
            tag(&"a".repeat(256), "1"),
        ),
        refused(
            Rule::TagGrammar,
            "an empty value",
            source,
            tag("a", ""),
            grammar("value"),
            tag("a", "-"),
        ),
        refused(
            Rule::TagReserved,
            "a tag that claims another email's id",
            "CWE-639",
            tag("mq_id", "01010101-0101-4101-8101-010101010101"),
            ours(),
            tag("id", "01010101-0101-4101-8101-010101010101"),
        ),
        refused(
            Rule::TagReserved,
            "the same in another case",
            "CWE-178",
            tag("MQ_tenant", "x"),
            ours(),
            tag("m_q_tenant", "x"),
        ),
        refused(
            Rule::TagOnce,
            "a tag twice",
            source,
            pair("a", "a"),
            bad("tags[1].name: is given more than once"),
            pair("a", "A"),
        ),
        refused(
            Rule::TagKeyOnce,
            "a tag name twice",
            "RFC 8259, 4",
            begun("\"tags\":[{\"name\":\"a\",\"name\":\"mq_id\",\"value\":\"1\"}]"),
            bad("tags[0].name: is given more than once"),
            begun("\"tags\":[{\"name\":\"a\",\"value\":\"1\"}]"),
        ),
        refused(
            Rule::TagKeyKnown,
            "an unknown key in a tag",
            source,
            with(json!({"tags": [{"name": "a", "value": "1", "__proto__": {}}]})),
            bad("tags[0].__proto__: unknown field"),
            tag("__proto__", "1"),
        ),
        refused(
            Rule::TagWhole,
            "a tag without a value",
            source,
            with(json!({"tags": [{"name": "a"}]})),
            missing("tags[0].value"),
            tag("a", "a"),
        ),
    ]
}
