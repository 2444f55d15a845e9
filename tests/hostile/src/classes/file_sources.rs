//! The sources of files, references to them, and uploads.

use serde_json::json;

use crate::answer::{Expectation, bad_file, missing};
use crate::class::{Class, Endpoint, carried, refused};
use crate::request::{begun, file, file_name, with};
use crate::rule::Rule;

const ID: &str = "01010101-0101-4101-8101-010101010101";

pub(super) fn classes() -> Vec<Class> {
    [sources(), references(), uploads()].concat()
}

fn said(field: &str, why: &str) -> Expectation {
    bad_file(&format!("attachments[0].{field}: {why}"))
}

fn sources() -> Vec<Class> {
    let from_url = |path: &str| file(json!({"content": null, "path": path}));
    let fetched = || said("path", "URLs are not fetched");
    let keys = |keys: &str| begun(&format!("\"attachments\":[{{\"filename\":\"a\",{keys}}}]"));
    let upload = |id: &str| with(json!({"attachments": [{ "id": id }]}));
    vec![
        refused(
            Rule::FilePath,
            "a file path on the server",
            "GHSA-p6gq-j5cr-w38f (nodemailer)",
            from_url("file:///etc/passwd"),
            fetched(),
            file_name("file etc passwd"),
        ),
        refused(
            Rule::FilePath,
            "an internal address of the cloud",
            "CWE-918",
            from_url("http://169.254.169.254/latest/meta-data/"),
            fetched(),
            file(json!({"path": null})),
        ),
        refused(
            Rule::FileKeyOnce,
            "a content given twice",
            "RFC 8259, 4",
            keys("\"content\":\"aGk=\",\"content\":\"aGo=\""),
            said("content", "is given more than once"),
            keys("\"content\":\"aGo=\""),
        ),
        refused(
            Rule::FileKeyKnown,
            "an encoding field",
            "RFC 2045, 6",
            file(json!({"encoding": "7bit"})),
            said("encoding", "unknown field"),
            file_name("7bit"),
        ),
        refused(
            Rule::ContentOrId,
            "a content and an upload",
            "CWE-436",
            file(json!({"id": ID})),
            said("id", "content and id cannot be used together"),
            upload(ID),
        ),
        refused(
            Rule::ContentOrIdThere,
            "a file without content and id",
            "Resend's API",
            file(json!({"content": null})),
            missing_file("content"),
            file(json!({})),
        ),
        refused(
            Rule::FileNameRequired,
            "a file without a name",
            "RFC 2183, 2.3",
            file(json!({"filename": null})),
            missing_file("filename"),
            file_name("null"),
        ),
        refused(
            Rule::UploadId,
            "an id that is a path in the bucket",
            "CWE-22",
            upload("../../bodies/x"),
            said("id", "no uploaded file has this id"),
            upload(ID),
        ),
    ]
}

fn references() -> Vec<Class> {
    let ids = |first: &str, second: &str| {
        let file = |id: &str| json!({"filename": "a", "content": "aGk=", "content_id": id});
        with(json!({"attachments": [file(first), file(second)]}))
    };
    let id = |id: &str| file(json!({ "content_id": id }));
    let blank = || said("content_id", "must not be blank");
    vec![
        refused(
            Rule::FileIdNames,
            "two Content-IDs",
            "Resend's Python SDK",
            file(json!({"content_id": "a", "inline_content_id": "b"})),
            said("inline_content_id", "is given more than once"),
            file(json!({"content_id": "a", "inline_content_id": "a"})),
        ),
        refused(
            Rule::FileIdOnce,
            "the same Content-ID for two files",
            "RFC 2045, 7",
            ids("logo", "<logo>"),
            bad_file("attachments[1].content_id: another attachment has this content_id"),
            ids("logo", "Logo"),
        ),
        refused(
            Rule::ContentId,
            "CR LF in a Content-ID",
            "CWE-93",
            id("a\r\nX: y"),
            said("content_id", "control characters such as line breaks"),
            id("a X: y"),
        ),
        refused(
            Rule::ContentIdShort,
            "the short form of another file's Content-ID",
            "CWE-436",
            ids(
                "a b",
                "c8687a08aa5d6ed2044328fa6a697ab8e96dc34291e8c2034ae8c38e6fcc6d65",
            ),
            bad_file("attachments[1].content_id: another attachment has this content_id"),
            ids("a b", "a  b"),
        ),
        carried(
            Rule::ContentIdShort,
            "brackets in a Content-ID",
            "RFC 5322, 3.6.4",
            id("<a><b>"),
        ),
        carried(
            Rule::ContentIdShort,
            "quotes, spaces and a semicolon in a Content-ID",
            "CWE-93",
            id("my \"logo\"; x=y"),
        ),
        refused(
            Rule::ContentIdBlank,
            "an empty Content-ID",
            "RFC 5322, 3.6.4",
            id("<>"),
            blank(),
            id("<a>"),
        ),
        refused(
            Rule::ContentIdLength,
            "a Content-ID of 129 characters",
            "Resend's API, inline images",
            id(&"a".repeat(129)),
            said("content_id", "is too long: 129 bytes"),
            id(&"a".repeat(128)),
        ),
    ]
}

fn missing_file(field: &str) -> Expectation {
    bad_file(&format!("attachments[0].{field}: "))
}

fn uploads() -> Vec<Class> {
    let upload = |fields: serde_json::Value| {
        let mut body = json!({"filename": "a.pdf", "size": 1});
        if let (serde_json::Value::Object(body), serde_json::Value::Object(fields)) = (&mut body, fields) {
            body.extend(fields);
        }
        body.to_string()
    };
    let all = vec![
        refused(
            Rule::FileSize,
            "a file too large for an email",
            "Amazon SES, service quotas",
            upload(json!({"size": 29_300_000})),
            bad_file("size: too large: 40096788 bytes"),
            upload(json!({"size": 29_000_000})),
        ),
        refused(
            Rule::FileSize,
            "a size beyond 64 bits",
            "CWE-190",
            upload(json!({"size": u64::MAX})),
            bad_file("size: too large"),
            upload(json!({"size": 28_000_000})),
        ),
        refused(
            Rule::UploadSize,
            "a negative size",
            "CWE-191",
            upload(json!({"size": -1})),
            bad_file("size: must be a whole number of bytes"),
            upload(json!({"size": 1})),
        ),
        refused(
            Rule::FileNamePath,
            "a path as the name of an upload",
            "CWE-22; RFC 2183, 2.3",
            upload(json!({"filename": "../a.pdf"})),
            bad_file("filename: must be a name without a path"),
            upload(json!({"filename": "..a.pdf"})),
        ),
        refused(
            Rule::FileNameRequired,
            "an upload without a name",
            "RFC 2183, 2.3",
            upload(json!({"filename": null})),
            missing("filename"),
            upload(json!({})),
        ),
        refused(
            Rule::MediaName,
            "a name parameter in the type of an upload",
            "RFC 2045, 5.1",
            upload(json!({"content_type": "a/b; name=c.exe"})),
            bad_file("content_type: put the file name into"),
            upload(json!({"content_type": "a/b; nam=c.exe"})),
        ),
    ];
    all.into_iter().map(|class| class.through(Endpoint::Upload)).collect()
}
