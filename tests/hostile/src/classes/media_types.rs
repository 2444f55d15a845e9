//! Media types of attachments.

use crate::answer::{Expectation, bad_file};
use crate::class::{Class, carried, refused};
use crate::request::media_type;
use crate::rule::Rule;

fn said(why: &str) -> Expectation {
    bad_file(&format!("attachments[0].content_type: {why}"))
}

pub(super) fn classes() -> Vec<Class> {
    let grammar = || said("must be a media type such as");
    let named = || said("put the file name into the field filename");
    let twice = || said("a parameter appears twice");
    let elsewhere = || said("media types that refer to content elsewhere are not allowed");
    let names = "RFC 6838, 4.2";
    let parameters = "RFC 2045, 5.1";
    let long = |count: usize| media_type(&format!("a/{}", "b".repeat(count)));
    vec![
        refused(
            Rule::MediaTypeLength,
            "a type of 79 characters",
            "Amazon SES API, Attachment",
            long(77),
            said("is too long: 79 bytes"),
            long(76),
        ),
        refused(
            Rule::MediaType,
            "CR LF and a header after a type",
            "CWE-93",
            media_type("text/plain\r\nBcc: eve@example.com"),
            grammar(),
            media_type("text/plain"),
        ),
        refused(
            Rule::MediaType,
            "a type without a subtype",
            names,
            media_type("text"),
            grammar(),
            media_type("text/x"),
        ),
        refused(
            Rule::MediaType,
            "a wildcard",
            names,
            media_type("text/*"),
            grammar(),
            media_type("text/x-any"),
        ),
        refused(
            Rule::MediaType,
            "a letter outside ASCII",
            names,
            media_type("t\u{435}xt/html"),
            grammar(),
            media_type("text/html"),
        ),
        refused(
            Rule::MediaParameters,
            "a parameter without a value",
            parameters,
            media_type("text/plain; charset"),
            grammar(),
            media_type("text/plain; charset=x"),
        ),
        refused(
            Rule::MediaParameters,
            "CR LF in a quoted value",
            parameters,
            media_type("text/plain; a=\"\r\nX: y\""),
            grammar(),
            media_type("text/plain; a=\"X: y\""),
        ),
        refused(
            Rule::MediaParameters,
            "an unclosed quoted value",
            parameters,
            media_type("text/plain; a=\"b\\\""),
            grammar(),
            media_type("text/plain; a=\"b\\\"\""),
        ),
        refused(
            Rule::MediaParameters,
            "text after a quoted value",
            parameters,
            media_type("text/plain; a=\"b\"c"),
            grammar(),
            media_type("text/plain; a=\"b\";c=d"),
        ),
        refused(
            Rule::MediaMultipart,
            "a multipart type",
            "RFC 2045, 6.4",
            media_type("Multipart/Mixed; boundary=x"),
            said("a file cannot have a multipart type"),
            media_type("application/mixed; boundary=x"),
        ),
        refused(
            Rule::MediaElsewhere,
            "a message/partial type, which the receiver joins",
            "CVE-2002-1121",
            media_type("message/partial; id=x; number=1"),
            elsewhere(),
            media_type("message/rfc822"),
        ),
        refused(
            Rule::MediaElsewhere,
            "a type whose content the receiver fetches",
            "RFC 2046, 5.2.3",
            media_type("Message/External-Body ; access-type=x"),
            elsewhere(),
            media_type("message/delivery-status"),
        ),
        refused(
            Rule::MediaName,
            "another name in the type",
            "CWE-436",
            media_type("text/plain; name=\"a.exe\""),
            named(),
            media_type("text/plain; x=\"name=a.exe\"; name=\"a.txt\";"),
        ),
        refused(
            Rule::MediaName,
            "another name in the type, by RFC 2231",
            "RFC 2231, 3",
            media_type("text/plain; Name*0*=utf-8''a%2e; name*1=exe"),
            named(),
            media_type("text/plain; names=exe"),
        ),
        refused(
            Rule::MediaName,
            "the name of the file, and another name",
            "CWE-436",
            media_type("text/plain; name=a.txt; name=a.exe"),
            named(),
            media_type("text/plain; name=a.txt"),
        ),
        refused(
            Rule::MediaOnce,
            "two charsets",
            "CWE-436",
            media_type("text/plain; charset=utf-8; CHARSET=utf-7"),
            twice(),
            media_type("text/plain; charset=utf-8; format=flowed"),
        ),
        refused(
            Rule::MediaOnce,
            "a parameter and its continuation",
            "RFC 2231, 3",
            media_type("text/plain; a=b; a*0=c"),
            twice(),
            media_type("text/plain; a=b; c*0=d"),
        ),
        carried(
            Rule::MediaParameters,
            "a quoted value with separators",
            parameters,
            media_type("text/plain; a=\"b;c=d, (e) <f>\""),
        ),
        carried(
            Rule::MediaType,
            "an HTML file with scripts",
            names,
            media_type("text/html; charset=utf-7"),
        ),
    ]
}
