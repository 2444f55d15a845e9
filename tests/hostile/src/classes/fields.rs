//! Fields of wrong types, unsupported fields, and missing fields.

use serde_json::json;

use crate::answer::{bad, bad_file, missing};
use crate::class::{Class, refused};
use crate::request::{file, with};
use crate::rule::Rule;

pub(super) fn classes() -> Vec<Class> {
    [types(), presence()].concat()
}

fn types() -> Vec<Class> {
    let nested = "CWE-843; nodemailer's address objects";
    vec![
        refused(
            Rule::TextType,
            "an object with toString as the subject",
            "CWE-843",
            with(json!({"subject": {"toString": "x"}})),
            bad("subject: must be a string, not an object"),
            with(json!({"subject": "{\"toString\": \"x\"}"})),
        ),
        refused(
            Rule::TextType,
            "a list as a text, which PHP and Node would join",
            "CWE-843",
            with(json!({"html": ["<p>", "x"]})),
            bad("html: must be a string, not an array"),
            with(json!({"html": "<p>,x"})),
        ),
        refused(
            Rule::TextType,
            "a huge number as a sender",
            "RFC 8259, 6",
            with(json!({"from": 1e300})),
            bad("from: must be a string, not a number"),
            with(json!({"from": "1e300@example.com"})),
        ),
        refused(
            Rule::TextType,
            "a list as a header value",
            "CWE-113",
            with(json!({"headers": {"X-A": ["1", "2"]}})),
            bad("headers.X-A: must be a string, not an array"),
            with(json!({"headers": {"X-A": "1, 2"}})),
        ),
        refused(
            Rule::AddressObject,
            "an address as an object",
            nested,
            with(json!({"to": {"name": "x\r\nBcc: eve@example.com", "address": "a@example.com"}})),
            bad("to: must be a string such as"),
            with(json!({"to": "x <a@example.com>"})),
        ),
        refused(
            Rule::AddressesType,
            "true as an address",
            "CWE-843",
            with(json!({"cc": true})),
            bad("cc: must be a string or an array of strings, not a boolean"),
            with(json!({"cc": ""})),
        ),
        refused(
            Rule::AddressType,
            "a list within a list of addresses",
            nested,
            with(json!({"to": ["a@example.com", ["eve@example.com"]]})),
            bad("to[1]: must be a string, not an array"),
            with(json!({"to": ["a@example.com", "eve@example.com"]})),
        ),
        refused(
            Rule::HeadersType,
            "a string as headers",
            "CWE-93",
            with(json!({"headers": "X-A: 1\r\nBcc: eve@example.com"})),
            bad("headers: must be an object, not a string"),
            with(json!({"headers": {"X-A": "1"}})),
        ),
        refused(
            Rule::HeaderPairs,
            "headers as a list of keys and values",
            "nodemailer's list of headers",
            with(json!({"headers": [{"key": "Bcc", "value": "x"}]})),
            bad("headers[0].key: unknown field; did you mean name?"),
            with(json!({"headers": [{"name": "X-Bcc", "value": 7}]})),
        ),
        refused(
            Rule::HeaderReserved,
            "Bcc in a list of headers",
            "CWE-93",
            with(json!({"headers": [{"name": "Bcc", "value": "eve@example.com"}]})),
            bad("headers.Bcc: mailqueue or Amazon SES writes this header"),
            with(json!({"headers": []})),
        ),
        refused(
            Rule::HeaderOnce,
            "a header twice in a list",
            "RFC 5322, 3.6",
            with(json!({"headers": [{"name": "X-A", "value": "1"}, {"name": "x-a", "value": "1"}]})),
            bad("headers.x-a: is given more than once"),
            with(json!({"headers": [{"name": "X-A", "value": "1"}, {"name": "X-B", "value": "1"}]})),
        ),
        refused(
            Rule::TagsType,
            "tags as an object",
            "Amazon SES API, MessageTag",
            with(json!({"tags": {"name": "a", "value": "b"}})),
            bad("tags: must be an array"),
            with(json!({"tags": [{"name": "a", "value": "b"}]})),
        ),
        refused(
            Rule::ObjectType,
            "a string as a tag",
            "Amazon SES API, MessageTag",
            with(json!({"tags": ["a=b"]})),
            bad("tags[0]: must be an object, not a string"),
            with(json!({"tags": [{"name": "a", "value": "b"}]})),
        ),
        refused(
            Rule::FilesType,
            "attachments as an object",
            "CWE-843",
            with(json!({"attachments": {"filename": "a.txt", "content": "aGk="}})),
            bad_file("attachments: must be an array of objects, not an object"),
            file(json!({})),
        ),
    ]
}

fn presence() -> Vec<Class> {
    vec![
        refused(
            Rule::SupportedField,
            "a template instead of content",
            "Resend's API",
            with(json!({"template": {"id": "x"}})),
            bad("template: this field is not supported; send html or text"),
            with(json!({"template": null})),
        ),
        refused(
            Rule::FromRequired,
            "no sender",
            "RFC 5322, 3.6.2",
            with(json!({"from": null})),
            missing("from"),
            with(json!({"from": "a@example.com"})),
        ),
        refused(
            Rule::ToRequired,
            "no recipient",
            "RFC 5321, 3.3",
            with(json!({"to": null, "bcc": "a@example.com"})),
            missing("to"),
            with(json!({"to": "b@example.com", "bcc": "a@example.com"})),
        ),
        refused(
            Rule::ToEmpty,
            "an empty list of recipients",
            "RFC 5322, 3.6.3",
            with(json!({"to": []})),
            bad("to: at least one recipient is needed"),
            with(json!({"cc": []})),
        ),
        refused(
            Rule::SubjectRequired,
            "no subject",
            "Resend's API",
            with(json!({"subject": null})),
            missing("subject"),
            with(json!({"subject": "null"})),
        ),
        refused(
            Rule::SubjectEmpty,
            "a subject of invisible spaces",
            "RFC 5322, 3.6.5",
            with(json!({"subject": "\u{3000} \u{a0}"})),
            bad("subject: the subject is empty"),
            with(json!({"subject": "\u{3000}x"})),
        ),
        refused(
            Rule::ContentRequired,
            "no content",
            "Amazon SES API, Body",
            with(json!({"text": null})),
            missing("html"),
            with(json!({"text": null, "html": "x"})),
        ),
        refused(
            Rule::ContentEmpty,
            "html and text both empty",
            "Amazon SES API, Body",
            with(json!({"text": "", "html": ""})),
            bad("html: html and text are both empty"),
            with(json!({"text": "", "html": " "})),
        ),
    ]
}
