//! The hostile parts outside the HTML: subjects, names, headers, files, raw messages.

use super::File;
use super::Harm::{self, Fetches, Nothing, Runs};
use super::Part::{self, Attachment, EncodedSubject, From, Header, Picture, Raw, Subject, Text, To};

const fn file(name: &'static str, media_type: &'static str, content: &'static str) -> Part {
    Attachment(File {
        name,
        media_type,
        content_id: "a",
        content,
    })
}

pub(crate) const HEADS: &[(&str, Harm, Part)] = &[
    ("subject-attribute", Runs, Subject(r#"'"><img src=x onerror={run}>"#)),
    ("subject-title", Runs, Subject("</title><script>{run}</script>")),
    ("subject-textarea", Runs, Subject("</textarea><svg onload={run}>")),
    ("subject-encoded", Runs, EncodedSubject("<img src=x onerror={run}>")),
    (
        "subject-template",
        Nothing,
        Subject("${alert(1)}{{constructor.constructor('alert(1)')()}}"),
    ),
    (
        "subject-turned",
        Nothing,
        Subject("Your invoice \u{202e}fdp.exe\u{202c}"),
    ),
    ("subject-hidden", Nothing, EncodedSubject("Two\r\nlines\u{7f}\u{9b}")),
    ("from", Runs, From(r#"'"><img src=x onerror={run}>"#)),
    (
        "from-encoded",
        Nothing,
        From("=?utf-8?q?=E2=80=AEnnA_=3Cimg_src=3Dx_onerror=3Dalert(1)=3E?="),
    ),
    ("to", Runs, To(r"<svg onload={run}>")),
    ("header-value", Runs, Header("X-A", r#"'"><img src=x onerror={run}>"#)),
    ("header-name", Runs, Header(r#"<img/src="x"/onerror={call}>"#, "a")),
    ("text", Runs, Text("</pre><script>{run}</script>")),
    // Names of files.
    (
        "filename",
        Runs,
        file(r#"'"><img src=x onerror={run}>.png"#, "image/png", "a"),
    ),
    (
        "filename-path",
        Nothing,
        file("../../../../etc/passwd", "text/plain", "a"),
    ),
    (
        "filename-backslashes",
        Nothing,
        file(r"..\..\C:\a.txt", "text/plain", "a"),
    ),
    (
        "filename-turned",
        Nothing,
        file("invoice\u{202e}fdp.html", "text/html", "a"),
    ),
    (
        "filename-ends-header",
        Nothing,
        file(r#"a.txt"; filename="b.html"#, "text/plain", "a"),
    ),
    (
        "filename-escaped",
        Nothing,
        file("a%00%0d%0aX-A: b.html", "text/plain", "a"),
    ),
    // Files that a browser would show as documents of the inbox.
    ("file-html", Runs, file("a.html", "text/html", "<script>{run}</script>")),
    (
        "file-svg",
        Runs,
        file(
            "a.svg",
            "image/svg+xml",
            r#"<svg xmlns="http://www.w3.org/2000/svg"><script>{run}</script></svg>"#,
        ),
    ),
    (
        "file-xhtml",
        Runs,
        file(
            "a.xhtml",
            "application/xhtml+xml",
            r#"<html xmlns="http://www.w3.org/1999/xhtml"><script>{run}</script></html>"#,
        ),
    ),
    (
        "file-xml",
        Runs,
        file(
            "a.xml",
            "text/xml",
            r#"<a><b:script xmlns:b="http://www.w3.org/1999/xhtml">{run}</b:script></a>"#,
        ),
    ),
    (
        "file-xml-style",
        Fetches,
        file(
            "a.xml",
            "text/xml",
            r#"<?xml-stylesheet type="text/css" href="http://{out}/"?><a/>"#,
        ),
    ),
    (
        "file-xslt",
        Nothing,
        file(
            "a.xml",
            "text/xml",
            r#"<?xml-stylesheet type="text/xsl" href="http://{out}/"?><a/>"#,
        ),
    ),
    (
        "file-unknown-type",
        Runs,
        file("a", "text/html; charset=utf-7", "<!doctype html><script>{run}</script>"),
    ),
    (
        "file-type",
        Runs,
        file("a", r#"a/b'"><img/src="x"/onerror={call}>"#, "a"),
    ),
    (
        "picture-svg",
        Nothing,
        Picture(
            "<img src=cid:s><object data=cid:s></object>",
            File {
                name: "a.svg",
                media_type: "image/svg+xml",
                content_id: "s",
                content: r#"<svg xmlns="http://www.w3.org/2000/svg" onload="{run}"/>"#,
            },
        ),
    ),
    (
        "picture-type",
        Runs,
        Picture(
            r#"<img src="cid:s">"#,
            File {
                name: "a.png",
                media_type: r#"image/png"onerror="{call}"alt=""#,
                content_id: "s",
                content: "no picture",
            },
        ),
    ),
    // Raw messages.
    (
        "raw-html",
        Runs,
        Raw("Content-Type: text/html\r\n\r\n<script>{run}</script>"),
    ),
    (
        "raw-header",
        Runs,
        Raw("<img src=x onerror={run}>: <img src=x onerror={run}>\r\nX-A: \u{1}\u{202e}\r\n\r\na"),
    ),
    (
        "raw-parts",
        Runs,
        Raw(
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: text/html\r\n\r\n<script>{run}</script>\r\n--a--\r\n",
        ),
    ),
];
