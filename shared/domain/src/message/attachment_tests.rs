//! Grammars of names, types and ids; the stored form.

use super::file_name::FORBIDDEN_EXTENSIONS;
use super::input::decode;
use super::*;
use crate::message::email::EmailContent;

#[test]
fn a_file_name_may_have_letters_of_any_script() {
    let longest = "n".repeat(255);
    for name in [
        "a",
        "README",
        ".env",
        "report.pdf",
        "Rechnung 7 – Ä.pdf",
        "請求書.pdf",
        "🦀.png",
        "a\"b\\c;d=e.txt",
        "exe",
        "archive.exe.zip",
        "x.json",
        &longest,
    ] {
        assert_eq!(
            FileName::parse(name).map(|name| name.as_str().to_owned()),
            Ok(name.to_owned()),
            "{name}"
        );
    }
}

#[test]
fn an_unsafe_file_name_is_refused() {
    let (long, wide) = ("n".repeat(256), "ä".repeat(128));
    for (name, says) in [
        ("", "empty"),
        ("  ", "empty"),
        ("\u{3000}", "empty"),
        ("a\r\nBcc: b@example.com", "control characters"),
        ("a\n.pdf", "control characters"),
        ("a\0.pdf", "control characters"),
        ("a\u{85}.pdf", "control characters"),
        ("a\u{2028}.pdf", "control characters"),
        ("a\u{7f}.pdf", "control characters"),
        (long.as_str(), "is too long: 256 bytes; at most 255"),
        (wide.as_str(), "is too long: 256 bytes; at most 255"),
        ("virus.exe", "refuses files with this extension"),
        ("virus.EXE", "refuses files with this extension"),
        ("virus.pdf.js", "refuses files with this extension"),
        ("virus.exe.", "refuses files with this extension"),
        ("virus.exe . ", "refuses files with this extension"),
        (".vbs", "refuses files with this extension"),
        ("a.ps1xml", "refuses files with this extension"),
    ] {
        let problem = FileName::parse(name).unwrap_err().to_string();
        assert!(problem.contains(says), "{name:?}: {problem}");
    }
    assert_eq!(FORBIDDEN_EXTENSIONS.len(), 90);
}

#[test]
fn a_media_type_follows_its_grammar() {
    for text in [
        "application/pdf",
        "image/svg+xml",
        "APPLICATION/VND.OASIS.OPENDOCUMENT.TEXT",
        "text/calendar; method=REQUEST; charset=UTF-8",
        "text/plain;charset=utf-8",
        "text/plain ;\tname=\"a;b \\\" c=d\"",
        "message/rfc822",
        "x/y",
        "0a/b!#$&-^_.+",
        &format!("a/{}", "b".repeat(76)),
    ] {
        assert_eq!(
            MediaType::parse(text).map(|kind| kind.as_str().to_owned()),
            Ok(text.to_owned()),
            "{text}"
        );
    }
    for text in [
        "",
        "/",
        "pdf",
        "a/",
        "/b",
        "a/b/c",
        " a/b",
        "a /b",
        "a/ b",
        "a/b c",
        "a/-b",
        ".a/b",
        "text/plain;",
        "text/plain; ",
        "text/plain;;a=b",
        "text/plain; charset",
        "text/plain; charset=",
        "text/plain; =utf-8",
        "text/plain; a=b c",
        "text/plain; a=\"b",
        "text/plain; a=\"b\\\"",
        "text/plain; a=\"b\"c",
        "text/plain; a=\"ä\"",
        "text/plain; ä=b",
        "text/plain\r\nBcc: x@example.com",
        "text/plain; a=\"\r\nBcc: x\"",
        "text/plain\0",
        "tëxt/plain",
        "text/*",
        "multipart/mixed",
        "Multipart/Mixed; boundary=x",
        &format!("a/{}", "b".repeat(77)),
    ] {
        assert!(MediaType::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_content_id_follows_its_grammar() {
    for (text, id) in [
        ("logo", "logo"),
        ("<logo>", "logo"),
        ("logo@example.com", "logo@example.com"),
        ("<a.b-c_1+d@x.y>", "a.b-c_1+d@x.y"),
        (&"a".repeat(76), &"a".repeat(76)),
    ] {
        assert_eq!(
            ContentId::parse(text).map(|id| id.as_str().to_owned()),
            Ok(id.to_owned()),
            "{text}"
        );
    }
    for text in [
        "",
        "<>",
        "<logo",
        "logo>",
        "<<logo>>",
        "a b",
        "a@b@c",
        "@b",
        "a@",
        ".a",
        "a..b",
        "a.",
        "ä",
        "a\r\nBcc: x",
        "a\0",
        "a\"b",
        "a,b",
        "(a)",
        &"a".repeat(77),
    ] {
        assert!(ContentId::parse(text).is_err(), "{text:?}");
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    decode(GivenContent::Text(text.to_owned()), "text/plain").ok()
}

#[test]
fn a_calendar_may_be_plain_text_or_base64() {
    let calendar = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";
    let decoded = |text: &str, media_type: &str| decode(GivenContent::Text(text.to_owned()), media_type);
    for text in [calendar, "\u{feff}BEGIN:VCALENDAR", "\n BEGIN:VCALENDAR ü"] {
        for media_type in ["text/calendar", "TEXT/Calendar ; method=REQUEST"] {
            assert_eq!(decoded(text, media_type), Ok(text.as_bytes().to_vec()), "{text:?}");
        }
    }
    let encoded = BASE64.encode(calendar);
    assert_eq!(decoded(&encoded, "text/calendar"), Ok(calendar.as_bytes().to_vec()));
    assert!(decoded(calendar, "text/plain").is_err());
    assert!(decoded("BEGIN:VCARD", "text/calendar").is_err());
    assert!(decoded(" ", "text/calendar").is_err());
}

#[test]
fn base64_may_lack_padding_and_have_spaces() {
    for text in ["aGk=", "aGk", "aG\r\nk=\r\n", " aGk= ", "a G\tk"] {
        assert_eq!(decoded(text).as_deref(), Some(b"hi".as_slice()), "{text:?}");
    }
    for text in [
        "",
        " ",
        "=",
        "a",
        "hello world!",
        "aGk=aGk=",
        "aGk==",
        "aGl=",
        "-_-_",
        "data:text/plain;base64,aGk=",
        "aGk\0",
        "äöü=",
    ] {
        assert_eq!(decoded(text), None, "{text:?}");
    }
    assert_eq!(
        decode(GivenContent::Bytes(vec![0, 255]), "text/plain"),
        Ok(vec![0, 255])
    );
    assert!(decode(GivenContent::Bytes(Vec::new()), "text/plain").is_err());
}

#[test]
fn a_missing_type_comes_from_the_file_name() {
    let file = |name: &str| Attachment {
        filename: FileName::parse(name).unwrap(),
        content_type: None,
        content_id: None,
        data: Data::Inline(vec![1]),
    };
    for (name, kind) in [
        ("a.pdf", "application/pdf"),
        ("A.PNG", "image/png"),
        ("a.csv", "text/csv"),
        ("README", "application/octet-stream"),
        ("a.unheardof", "application/octet-stream"),
    ] {
        assert_eq!(file(name).content_type(), kind);
    }
}

#[test]
fn a_size_is_counted_as_encoded() {
    // 57 bytes are one line of 76 characters.
    for (size, text) in [(1, 4 + 2), (57, 76 + 2), (58, 80 + 4), (114, 152 + 4)] {
        assert_eq!(encoded(size), text + 2048, "{size}");
    }
    assert!(fits(encoded(29_000_000)).is_ok());
    assert!(fits(encoded(29_300_000)).is_err());
    assert!(fits(encoded(u64::MAX)).is_err());
}

const ID: &str = "01010101-0101-4101-8101-010101010101";

fn upload(size: u64) -> Uploaded {
    Uploaded {
        upload: Upload {
            filename: FileName::parse("said.pdf").unwrap(),
            content_type: Some(MediaType::parse("application/pdf").unwrap()),
            size: 7,
        },
        size,
    }
}

fn using(given: AttachmentInput) -> UploadUse {
    let id = Some(ID.to_owned());
    match (AttachmentInput { id, ..given }).check("attachments[0]") {
        Ok(Checked::Upload(upload)) => upload,
        Ok(Checked::Whole(_)) => panic!("whole"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn an_email_overrides_the_uploads_values() {
    let plain = using(AttachmentInput::default()).resolve(Some(&upload(7))).unwrap();
    assert_eq!(
        (plain.filename(), plain.content_type(), plain.size()),
        ("said.pdf", "application/pdf", 7)
    );
    let other = using(AttachmentInput {
        filename: Some("other.txt".to_owned()),
        content_type: Some("text/plain".to_owned()),
        content_id: Some("x".to_owned()),
        ..AttachmentInput::default()
    });
    let other = other.resolve(Some(&upload(7))).unwrap();
    assert_eq!(
        (other.filename(), other.content_type(), other.content_id()),
        ("other.txt", "text/plain", Some("x"))
    );
}

#[test]
fn a_missing_or_resized_upload_is_refused() {
    for found in [None, Some(upload(6)), Some(upload(8)), Some(upload(0))] {
        let error = using(AttachmentInput::default())
            .resolve(found.as_ref())
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.path, "attachments[0].id", "{found:?}");
    }
}

/// Later versions read this form, so it must not change.
#[test]
fn the_stored_form_is_stable() {
    let stored = format!(
        "{{\"v\":2,\"from\":\"a@example.com\",\"to\":[\"b@example.com\"],\"subject\":\"Hi\",\"text\":\"t\",\"attachments\":[\
         {{\"content\":\"aGk=\",\"filename\":\"ä.txt\"}},\
         {{\"content\":\"iVA=\",\"filename\":\"l\",\"content_type\":\"image/png\",\"content_id\":\"logo\"}},\
         {{\"upload\":\"{ID}\",\"size\":29000000,\"filename\":\"big.bin\"}}]}}"
    );
    let email = EmailContent::from_body(stored.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(email.to_body()).unwrap(), stored);
    assert_eq!(
        email.bytes(),
        "a@example.comb@example.comHit".len() + 4 + 4 + 29_000_000
    );
    for (from, to) in [
        ("\"aGk=\"", "\"?\""),
        ("ä.txt", "a.exe"),
        (",\"size\":29000000", ""),
        ("29000000", "39000000"),
        ("\"content\":\"aGk=\",", ""),
        ("\"content_id\":\"logo\"", "\"content_id\":\"a b\""),
        ("\"content_id\":\"logo\"", "\"disposition\":\"x\""),
    ] {
        assert!(stored.contains(from), "{from}");
        let broken = stored.replace(from, to);
        assert!(EmailContent::from_body(broken.as_bytes()).is_err(), "{broken}");
    }
}

/// Uploads are counted after they are found.
#[test]
fn number_and_size_of_files_are_limited() {
    let body = b"{\"v\":1,\"from\":\"a@example.com\",\"to\":[\"b@example.com\"],\"subject\":\"Hi\",\"text\":\"t\"}";
    let email = EmailContent::from_body(body).unwrap();
    let files = |count: usize, size: u64| {
        let file = using(AttachmentInput::default()).resolve(Some(&Uploaded {
            upload: Upload {
                size,
                ..upload(size).upload
            },
            size,
        }));
        let email = email.clone().with_attachments(vec![file.unwrap(); count]);
        email
            .map(|email| email.attachments().len())
            .map_err(|error| error.to_string())
    };
    assert_eq!(files(50, 1), Ok(50));
    assert_eq!(
        files(51, 1),
        Err("attachments: has 51 entries; at most 50 are allowed".to_owned())
    );
    assert_eq!(files(2, 14_000_000), Ok(2));
    let too_large = files(2, 15_000_000).unwrap_err();
    assert!(too_large.starts_with("attachments: too large: "), "{too_large}");
}
