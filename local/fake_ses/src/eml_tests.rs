//! Files of messages, read as a mail program reads them.

use super::*;
use crate::mailbox::Pair;

fn message(submission: Submission) -> Message {
    Message {
        id: "0100-x".to_owned(),
        submission,
        received_at: "2026-11-30T18:20:00.123Z".to_owned(),
    }
}

fn text_of(submission: Submission) -> String {
    String::from_utf8(of(&message(submission))).unwrap()
}

fn short() -> Submission {
    Submission {
        from: "Ann <ann@example.com>".to_owned(),
        to: vec!["bob@example.org".to_owned(), "eve@example.org".to_owned()],
        bcc: vec!["hidden@example.net".to_owned()],
        subject: "Hi".to_owned(),
        text: Some("Hello".to_owned()),
        ..Submission::default()
    }
}

#[test]
fn a_short_message_has_the_usual_headers() {
    let expected = "From: Ann <ann@example.com>\r\nTo: bob@example.org,\r\n eve@example.org\r\nSubject: Hi\r\n\
        Date: Mon, 30 Nov 2026 18:20:00 +0000\r\nMessage-ID: <0100-x@example.com>\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n";
    assert_eq!(text_of(short()), expected);
}

#[test]
fn all_parts_are_in_the_file() {
    let file = text_of(Submission {
        html: Some("<p>Hello</p>".to_owned()),
        attachments: vec![Attachment::new(
            "a \"ü.png".to_owned(),
            Some("image/png".to_owned()),
            Some("<pic>".to_owned()),
            vec![0xFF; 100],
        )],
        ..short()
    });
    for part in [
        "Content-Type: multipart/mixed; boundary=\"=_mixed\"\r\n\r\n--=_mixed\r\n",
        "Content-Type: multipart/alternative; boundary=\"=_alternative\"\r\n\r\n--=_alternative\r\n",
        "Content-Type: text/html; charset=utf-8\r\n",
        "--=_alternative--\r\n--=_mixed\r\nContent-Type: image/png\r\n",
        "Content-Disposition: inline; filename*=UTF-8''a%20%22%C3%BC.png\r\nContent-ID: <pic>\r\n",
    ] {
        assert!(file.contains(part), "{part}: {file}");
    }
    assert!(file.ends_with("--=_mixed--\r\n") && !file.contains("hidden@example.net"));
    assert!(file.lines().all(|line| line.len() <= 78), "{file}");
}

#[test]
fn no_value_can_begin_another_header() {
    let file = text_of(Submission {
        subject: "a\r\nBcc: x@example.com".to_owned(),
        headers: vec![
            Pair {
                name: "X-A\r\nX-B".to_owned(),
                value: "1\n\n<script>".to_owned(),
            },
            Pair {
                name: "Content-Type".to_owned(),
                value: "text/html".to_owned(),
            },
        ],
        ..short()
    });
    let (head, _) = file.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nSubject: a  Bcc: x@example.com\r\n"), "{head}");
    assert!(head.contains("\r\nX-A--X-B: 1  <script>\r\n"), "{head}");
    assert_eq!(head.matches("Content-Type").count(), 1, "{head}");
}

#[test]
fn a_subject_outside_ascii_becomes_encoded_words() {
    let subject = "ü".repeat(40);
    let file = text_of(Submission {
        subject: subject.clone(),
        ..short()
    });
    let (_, rest) = file.split_once("Subject: ").unwrap();
    let (words, _) = rest.split_once("\r\nDate").unwrap();
    let decoded: Vec<u8> = words
        .split("\r\n ")
        .flat_map(|word| {
            assert!(word.len() <= 75, "{word}");
            let inner = word.strip_prefix("=?utf-8?B?").unwrap().strip_suffix("?=").unwrap();
            STANDARD.decode(inner).unwrap()
        })
        .collect();
    assert_eq!(String::from_utf8(decoded).unwrap(), subject);
}

#[test]
fn a_raw_message_stays_as_submitted() {
    let raw = b"From: a@example.com\r\nX: \xFF\r\n\r\nBody".to_vec();
    let submission = Submission {
        raw: Some(raw.clone()),
        ..short()
    };
    assert_eq!(of(&message(submission)), raw);
}

#[test]
fn the_file_is_named_after_the_subject() {
    for (subject, expected) in [
        ("Your order", "Your order.eml"),
        ("../a\\b\r\n", "..-a-b.eml"),
        (" \r\n", "0100-x.eml"),
        ("", "0100-x.eml"),
    ] {
        let submission = Submission {
            subject: subject.to_owned(),
            ..short()
        };
        assert_eq!(name(&message(submission)), expected, "{subject:?}");
    }
    let long = message(Submission {
        subject: "ü".repeat(500),
        ..short()
    });
    assert_eq!(name(&long).chars().count(), 64);
}
