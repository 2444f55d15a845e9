//! Temporary tokens that are guessed, injected or mistaken: the code of the console, and the token of a preview.
//!
//! A wrong one gets the answer of a used or late one, so that the answer says nothing about the stored ones.

use serde_json::json;

use crate::answer::{Expectation, bad, malformed, missing, not_found};
use crate::class::{Class, Endpoint, refused};
use crate::rule::Rule;

fn good() -> String {
    "0123456789abcdef".repeat(4)
}

fn code(text: &str) -> String {
    json!({ "code": text }).to_string()
}

fn codes() -> Vec<Class> {
    let no_code = || not_found("code: this code does not exist, was used or has expired.");
    let wrong =
        |name, source, text: &str| refused(Rule::ConsoleCode, name, source, code(text), no_code(), code(&good()));
    let body = |name, source, body: &str, answer: Expectation| {
        refused(Rule::CodeField, name, source, body, answer, code(&good()))
    };
    let classes = vec![
        wrong("an empty code", "CWE-287", ""),
        wrong("a code with one digit less", "CWE-287", &good()[1..]),
        wrong("a code with a space before it", "CWE-179", &format!(" {}", good())),
        wrong("a code in upper case", "CWE-178", &good().to_uppercase()),
        wrong("a code with a line break", "CWE-93", &format!("{}\r\n", good())),
        wrong(
            "a code of full-width digits",
            "Unicode, UTS #36",
            &"\u{ff11}".repeat(64),
        ),
        wrong("a code of NULs", "CWE-158", &"\u{0}".repeat(64)),
        wrong(
            "an expression of DynamoDB as a code",
            "CWE-943",
            ":now OR attribute_exists(pk)",
        ),
        wrong(
            "a partition of another item as a code",
            "CWE-639",
            "key:01010101-0101-4101-8101-010101010101",
        ),
        wrong("a code of a million characters", "CWE-400", &"a".repeat(1_000_000)),
        body(
            "an object as a code, for an operator",
            "CWE-943",
            r#"{"code":{"$ne":""}}"#,
            bad("code: "),
        ),
        body("a list of codes", "CWE-307", r#"{"code":["a","b"]}"#, bad("code: ")),
        body(
            "a tenant beside a code",
            "CWE-639",
            r#"{"code":"a","tenant":"acme"}"#,
            bad("tenant: "),
        ),
        body("a null as a code", "RFC 8259, 3", r#"{"code":null}"#, missing("code")),
        body("a list of exchanges", "CWE-307", r#"[{"code":"a"}]"#, malformed("")),
    ];
    let through = |class: Class| class.through(Endpoint::ConsoleCode);
    classes.into_iter().map(through).collect()
}

fn previews() -> Vec<Class> {
    let late = || not_found("This preview does not exist, or it has expired.");
    let wrong = |name, source, text: &str| refused(Rule::PreviewToken, name, source, text, late(), good());
    let classes = vec![
        wrong("an empty token of a preview", "CWE-287", ""),
        wrong("a path in place of a preview's token", "CWE-22", "../emails"),
        wrong(
            "a preview's token with one digit more",
            "CWE-287",
            &format!("{}0", good()),
        ),
        wrong("a preview's token in upper case", "CWE-178", &good().to_uppercase()),
        wrong(
            "the id of an email in place of a preview's token",
            "CWE-639",
            "01010101-0101-4101-8101-010101010101",
        ),
        wrong(
            "a script in place of a preview's token",
            "CWE-79",
            "<script>alert(1)</script>",
        ),
        wrong(
            "a preview's token with a NUL",
            "CWE-158",
            &format!("{}\u{0}", &good()[1..]),
        ),
        wrong(
            "a preview's token of 100,000 characters",
            "CWE-400",
            &"f".repeat(100_000),
        ),
    ];
    let through = |class: Class| class.through(Endpoint::Preview);
    classes.into_iter().map(through).collect()
}

pub(super) fn classes() -> Vec<Class> {
    [codes(), previews()].concat()
}
