//! Attachments: their names and their contents.

use serde_json::json;

use crate::answer::{Expectation, bad_file};
use crate::class::{Class, carried, refused};
use crate::request::{begun, file, file_name};
use crate::rule::Rule;

const CALENDAR: &str = "BEGIN:VCALENDAR\r\n--x--\r\n.\r\nEND:VCALENDAR";

pub(super) fn classes() -> Vec<Class> {
    [names(), contents()].concat()
}

fn said(field: &str, why: &str) -> Expectation {
    bad_file(&format!("attachments[0].{field}: {why}"))
}

fn names() -> Vec<Class> {
    let name = |why: &str| said("filename", why);
    let (path, forbidden) = (
        "must be a name without a path",
        "Amazon SES refuses files with this extension",
    );
    let (turned, controls) = (
        "characters that reverse the name",
        "control characters such as line breaks",
    );
    let rlo = "MITRE ATT&CK T1036.002";
    vec![
        refused(
            Rule::FileNameEmpty,
            "a name of spaces",
            "RFC 2183, 2.3",
            file_name("\u{3000} "),
            name("the file name is empty"),
            file_name("\u{3000} a"),
        ),
        refused(
            Rule::FileNameControls,
            "CR LF and a header in a file name",
            "CWE-93",
            file_name("a.txt\r\nContent-Type: text/html"),
            name(controls),
            file_name("a.txt Content-Type: text"),
        ),
        refused(
            Rule::FileNameControls,
            "NUL before the extension",
            "CWE-158",
            file_name("a.exe\0.txt"),
            name(controls),
            file_name("a.exe0.txt"),
        ),
        refused(
            Rule::FileNameControls,
            "U+2028 in a name",
            "UAX #14, 5.1",
            file_name("a\u{2028}.txt"),
            name(controls),
            file_name("a\u{2003}.txt"),
        ),
        refused(
            Rule::FileNameLength,
            "a name of 256 bytes",
            "Amazon SES API, Attachment",
            file_name(&"n".repeat(256)),
            name("is too long: 256 bytes"),
            file_name(&"n".repeat(255)),
        ),
        refused(
            Rule::FileExtension,
            "an executable file",
            "Amazon SES, unsupported attachment types",
            file_name("a.pdf.EXE"),
            name(forbidden),
            file_name("a.exe.pdf"),
        ),
        refused(
            Rule::FileExtension,
            "an executable file with trailing dots and spaces",
            "CWE-46",
            file_name("a.exe. . "),
            name(forbidden),
            file_name("a.ex.e . "),
        ),
        refused(
            Rule::FileStream,
            "an executable as an alternate data stream",
            "CWE-69",
            file_name("a.exe::$DATA"),
            name(forbidden),
            file_name("a.ex::$DATA"),
        ),
        refused(
            Rule::FileNamePath,
            "a path to a parent directory",
            "CWE-22; RFC 2183, 2.3",
            file_name("../../.ssh/authorized_keys"),
            name(path),
            file_name("..-..-.ssh-authorized_keys"),
        ),
        refused(
            Rule::FileNamePath,
            "a Windows path",
            "CWE-22; RFC 2183, 2.3",
            file_name("C:\\Windows\\a.txt"),
            name(path),
            file_name("C:Windows a.txt"),
        ),
        refused(
            Rule::FileNamePath,
            "a directory",
            "CWE-22; RFC 2183, 2.3",
            file_name(".."),
            name(path),
            file_name("..a"),
        ),
        refused(
            Rule::FileNameReorders,
            "a name with a reversed end",
            rlo,
            file_name("invoice\u{202e}fdp.scr.txt"),
            name(turned),
            file_name("invoice\u{200f}fdp.txt"),
        ),
        refused(
            Rule::FileNameReorders,
            "an isolate in a name",
            "UAX #9, 2.4",
            file_name("invoice\u{2067}fdp\u{2069}.txt"),
            name(turned),
            file_name("invoice\u{200e}fdp.txt"),
        ),
        carried(
            Rule::FileNameControls,
            "quotes, semicolons, percent and equals signs in a name",
            "CVE-2020-13625 (PHPMailer)",
            file_name("a\".exe\"; filename*=utf-8''b%2Eexe; x='y'.txt"),
        ),
        carried(
            Rule::FileNameControls,
            "a name that looks like an encoded word",
            "RFC 2047, 5",
            file_name("=?utf-8?q?a.txt"),
        ),
        carried(
            Rule::FileNameControls,
            "names in other scripts",
            "RFC 2231, 4",
            file_name("\u{8acb}\u{6c42}\u{66f8} \u{1f980} Gr\u{fc}\u{df}e \u{5e9}\u{5dc}.pdf"),
        ),
    ]
}

fn contents() -> Vec<Class> {
    let content = |content: serde_json::Value| file(json!({ "content": content }));
    let why = |why: &str| said("content", why);
    let base64 = "must be valid base64";
    vec![
        refused(
            Rule::Base64,
            "content that is not base64",
            "RFC 4648, 3.3",
            content(json!("hello world!")),
            why(base64),
            content(json!("aGVsbG8 gd29y\r\nbGQh")),
        ),
        refused(
            Rule::Base64,
            "data after the padding",
            "RFC 4648, 3.3",
            content(json!("aGk=aGk=")),
            why(base64),
            content(json!("aGkaGkaG")),
        ),
        refused(
            Rule::Base64,
            "non-zero trailing bits",
            "RFC 4648, 3.5",
            content(json!("aGl=")),
            why(base64),
            content(json!("aGk=")),
        ),
        refused(
            Rule::Base64,
            "a data URL",
            "RFC 2397",
            content(json!("data:text/plain;base64,aGk=")),
            why("must be valid base64, not a data URL"),
            content(json!("data/text/plain/base64+a")),
        ),
        refused(
            Rule::FileEmpty,
            "an empty file",
            "Amazon SES API, Attachment",
            content(json!("")),
            why("the content is empty"),
            content(json!("AA==")),
        ),
        refused(
            Rule::BytesType,
            "a byte with the value 256",
            "CWE-681",
            content(json!([1, 256])),
            why("a list of bytes may contain only whole numbers from 0 to 255"),
            content(json!([1, 255])),
        ),
        refused(
            Rule::ContentType,
            "true as content",
            "CWE-843",
            content(json!(true)),
            why("must be base64 as a string, or an array of bytes, not a boolean"),
            content(json!("true")),
        ),
        refused(
            Rule::BufferForm,
            "a number as the data of a Buffer",
            "CWE-843 (Node's Buffer)",
            content(json!({"type": "Buffer", "data": 1_000_000_000})),
            why("an object must be Node's Buffer"),
            content(json!({"type": "Buffer", "data": [1]})),
        ),
        refused(
            Rule::BufferKeyOnce,
            "a Buffer with two contents",
            "RFC 8259, 4",
            begun("\"attachments\":[{\"filename\":\"a\",\"content\":{\"type\":\"Buffer\",\"data\":[1],\"data\":[2]}}]"),
            said("content.data", "is given more than once"),
            begun("\"attachments\":[{\"filename\":\"a\",\"content\":{\"type\":\"Buffer\",\"data\":[1]}}]"),
        ),
        refused(
            Rule::Calendar,
            "the text of a calendar with another type",
            "CWE-436",
            file(json!({"content": CALENDAR, "content_type": "text/html"})),
            why(base64),
            file(json!({"content": CALENDAR, "content_type": "text/calendar; method=REQUEST"})),
        ),
        refused(
            Rule::Calendar,
            "another text with the type of a calendar",
            "CWE-436",
            file(json!({"content": "<script>", "content_type": "text/calendar"})),
            why(base64),
            file(json!({"content": "PHNjcmlwdD4=", "content_type": "text/calendar"})),
        ),
        carried(
            Rule::Base64,
            "content with a boundary of a message",
            "RFC 2046, 5.1.1",
            content(json!(b"\r\n--x--\r\n.\r\nQUIT\r\n".to_vec())),
        ),
    ]
}
