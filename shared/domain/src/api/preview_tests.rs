use serde_json::{Value, json};

use super::*;

/// An email with this content and these files.
fn email(content: &Value, attachments: &[Value]) -> EmailContent {
    let mut stored = json!({"v": 2, "from": "a@example.com", "to": ["b@example.com"], "subject": "S"});
    for (field, value) in content.as_object().unwrap() {
        stored[field] = value.clone();
    }
    stored["attachments"] = attachments.into();
    EmailContent::from_body(stored.to_string().as_bytes()).unwrap()
}

fn image(id: &str, content: &str, content_type: &str) -> Value {
    json!({"content": content, "filename": "a.png", "content_type": content_type, "content_id": id})
}

fn shown(html: &str, attachments: &[Value]) -> String {
    page(&email(&json!({"html": html}), attachments))
}

#[test]
fn the_html_stays_as_it_is() {
    let html = "<script>alert(1)</script><img src=https://evil.example/x.png onerror=alert(1)>\u{e9}&lt;";
    assert_eq!(shown(html, &[]), html);
    let with_text = email(&json!({"html": "<p>H</p>", "text": "T"}), &[]);
    assert_eq!(page(&with_text), "<p>H</p>");
}

#[test]
fn a_reference_to_an_own_image_becomes_its_data() {
    let files = [
        image("logo", "aGk=", "image/png"),
        image("logo.big@example.com", "aG8=", "image/jpeg; name=\"a.jpg\""),
        image("page", "aGk=", "text/html"),
        image("odd", "aGk=", "image/a&quot"),
    ];
    for (html, expected) in [
        ("<img src=cid:logo>", "<img src=data:image/png;base64,aGk=>"),
        ("<img src='CID:logo'>", "<img src='data:image/png;base64,aGk='>"),
        (
            "cid:logo cid:logo.big%40example.com",
            "data:image/png;base64,aGk= data:image/jpeg;base64,aG8=",
        ),
        ("url(cid:logo.big&#64;example.com)", "url(data:image/jpeg;base64,aG8=)"),
        ("cid:nobody cid:", "cid:nobody cid:"),
        ("<object data=cid:page>", "<object data=cid:page>"),
        ("<img src=cid:odd>", "<img src=cid:odd>"),
        ("\u{e9}cid:\u{e9}", "\u{e9}cid:\u{e9}"),
    ] {
        assert_eq!(shown(html, &files), expected, "{html}");
    }
}

#[test]
fn images_are_left_out_where_the_page_would_become_too_large() {
    let content = "A".repeat(1_200_000);
    let files = [image("x", &content, "image/png")];
    let page = shown("cid:x,cid:x,cid:x,cid:x,cid:x", &files);
    assert!(page.len() <= PREVIEW_MAX, "{}", page.len());
    assert_eq!(page.matches("data:image/png").count(), 3);
    assert!(page.ends_with("cid:x,cid:x"));
}

#[test]
fn only_shown_uploads_that_fit_are_loaded() {
    let upload = |id: &str, n: u8, size: u64| {
        let upload = format!("{:08}-0000-4000-8000-000000000000", n);
        json!({"upload": upload, "size": size, "filename": "a.png", "content_type": "image/png", "content_id": id})
    };
    let files = [
        upload("a", 1, 1_000),
        upload("b", 2, 9_000_000),
        upload("c", 3, 1_000),
        upload("d", 4, 2_900_000),
    ];
    let mut email = email(&json!({"html": "cid:a cid:b cid:a cid:d"}), &files);
    assert_eq!(uploads(&email), BTreeSet::from([0, 3]));
    assert_eq!(page(&email), "cid:a cid:b cid:a cid:d", "nothing is loaded");
    email.attachments_mut()[0].load(b"hi".to_vec());
    assert_eq!(
        page(&email),
        "data:image/png;base64,aGk= cid:b data:image/png;base64,aGk= cid:d"
    );
    assert_eq!(uploads(&email), BTreeSet::from([3]));
}

#[test]
fn links_and_frames_are_replaced_in_any_spelling() {
    for (html, shown) in [
        (
            "<LiNk rel=preconnect href=//a>b<link/rel=x>",
            "<meta rel=preconnect href=//a>b<meta/rel=x>",
        ),
        (
            "<iframe srcdoc='&lt;link&gt;'>a</IFRAME>",
            "<noframes srcdoc='&lt;link&gt;'>a</noframes>",
        ),
        (
            "<frameset><FRAME src=//a></frameset>",
            "<metaset><meta src=//a></frameset>",
        ),
        ("<<link>a < b <li><line \u{e9}>", "<<meta>a < b <li><line \u{e9}>"),
        (
            "<iframe src=cid:x></iframe>",
            "<noframes src=data:image/png;base64,aGk=></noframes>",
        ),
        ("<lin", "<lin"),
    ] {
        assert_eq!(
            page(&email(&json!({"html": html}), &[image("x", "aGk=", "image/png")])),
            shown
        );
    }
}

#[test]
fn a_text_is_escaped() {
    let page = page(&email(&json!({"text": "</pre><script>\"&amp;'\u{e9}\n"}), &[]));
    let (_, shown) = page.split_once("anywhere\">\n").unwrap();
    assert_eq!(shown, "&lt;/pre&gt;&lt;script&gt;\"&amp;amp;'\u{e9}\n</pre>");
}

#[test]
fn a_long_text_ends_with_a_note() {
    let long = page(&email(&json!({"text": "<".repeat(4_000_000)}), &[]));
    assert!(long.len() < PREVIEW_MAX + 100, "{}", long.len());
    assert!(long.ends_with("</pre><p>The rest of this text is too long for a preview.</p>"));
}

#[test]
fn media_types_that_can_leave_an_attribute_are_no_images() {
    for (text, expected) in [
        ("image/png", Some("image/png")),
        ("IMAGE/svg+xml", Some("IMAGE/svg+xml")),
        ("image/jpeg ; q=1", Some("image/jpeg")),
        ("image/", None),
        ("image/a'b", None),
        ("image/a&b", None),
        ("imagex/png", None),
        ("text/html", None),
        ("", None),
    ] {
        assert_eq!(image_type(text), expected, "{text}");
    }
}
