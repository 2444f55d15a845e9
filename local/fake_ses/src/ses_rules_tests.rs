//! Messages that SES refuses, and messages that it accepts.

use super::*;

fn submission() -> Submission {
    Submission {
        from: "Ann <ann@example.com>".to_owned(),
        to: vec!["bob@example.com".to_owned()],
        cc: vec![],
        bcc: vec![],
        reply_to: vec![],
        subject: "Grüße".to_owned(),
        text: Some("Hello".to_owned()),
        html: None,
        headers: vec![],
        tags: vec![],
        attachments: vec![],
        configuration_set: None,
        tenant: None,
        raw: None,
    }
}

fn refusal(change: impl FnOnce(&mut Submission)) -> (&'static str, String) {
    let mut submission = submission();
    change(&mut submission);
    let error = check(&submission, false).unwrap_err();
    (error.name, error.message)
}

fn pair(name: &str, value: &str) -> Pair {
    Pair {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

#[test]
fn an_ordinary_message_passes() {
    assert_eq!(check(&submission(), false), Ok(()));
    let mut quoted = submission();
    quoted.to.push("Bob <\"two words, <a@b>\"@example.com>".to_owned());
    assert_eq!(check(&quoted, false), Ok(()));
}

#[test]
fn a_message_that_breaks_a_rule_is_a_bad_request() {
    type Change = Box<dyn FnOnce(&mut Submission)>;
    let to = |address: &str| -> Change {
        let address = address.to_owned();
        Box::new(move |email| email.to = vec![address])
    };
    let from = |address: &str| -> Change {
        let address = address.to_owned();
        Box::new(move |email| email.from = address)
    };
    let header = |name: &str, value: &str| -> Change {
        let header = pair(name, value);
        Box::new(move |email| email.headers = vec![header])
    };
    let tag = |name: &str, value: &str| -> Change {
        let tag = pair(name, value);
        Box::new(move |email| email.tags = vec![tag])
    };
    let wrong: Vec<(Change, &str)> = vec![
        (Box::new(|email| email.to.clear()), "at least one recipient"),
        (
            Box::new(|email| email.to = vec!["a@example.com".to_owned(); 51]),
            "Recipient count exceeds 50.",
        ),
        (to("nobody"), "Missing final '@domain'"),
        (to("bücher@example.com"), "Local address contains control or whitespace"),
        (to("a b@example.com"), "Local address contains control or whitespace"),
        (
            to("\"a\tb\"@example.com"),
            "Local address contains control or whitespace",
        ),
        (to("a@bücher.example"), "Domain contains control or whitespace"),
        (
            to("a@example.com\r\nBcc: x@y"),
            "Local address contains control or whitespace",
        ),
        (to("a@example.com,b"), "Domain contains illegal character"),
        (
            to(&format!("{}@example.com", "x".repeat(309))),
            "Address length is more than 320",
        ),
        (from("ann@exämple.com"), "Domain contains control or whitespace"),
        (from("Änn <ann@example.com>"), "Display name contains"),
        (
            Box::new(|email| email.cc = vec!["a@example.com\n".to_owned()]),
            "Domain contains control or whitespace",
        ),
        (
            Box::new(|email| email.bcc = vec!["b".to_owned()]),
            "Missing final '@domain'",
        ),
        (
            Box::new(|email| email.reply_to = vec!["nobody".to_owned()]),
            "Missing final '@domain'",
        ),
        (
            Box::new(|email| email.subject = "a\r\nBcc: x".to_owned()),
            "Subject contains",
        ),
        (header("X-Ä", "1"), "Header name"),
        (header("X A", "1"), "Header name"),
        (header("X:A", "1"), "Header name"),
        (header(&"X".repeat(127), "1"), "Header name"),
        (header("X-A", "1\nBcc: x"), "Header value"),
        (header("X-A", "\0"), "Header value"),
        (header("X-A", "ü"), "Header value"),
        (header("X", &"x".repeat(996)), "Header value"),
        (header("XX", &"x".repeat(995)), "Header value"),
        (
            Box::new(|email| email.headers = vec![pair("X-A", "1"); 16]),
            "Too many headers",
        ),
        (tag("a.b", "1"), "Invalid tag name <a.b>: only"),
        (tag("a", "ü"), "Invalid tag value <ü>: only"),
        (Box::new(|email| email.tags = vec![pair("a", "1"); 51]), "Too many tags"),
        (
            Box::new(|email| email.text = Some("x".repeat(MAX_MESSAGE_BYTES))),
            "Message length is more than 41943040 bytes long",
        ),
    ];
    for (change, sentence) in wrong {
        let (name, message) = refusal(change);
        assert_eq!(name, "BadRequestException", "{sentence}");
        assert!(message.contains(sentence), "{message}");
    }
}

#[test]
fn a_file_that_ses_refuses_is_refused() {
    let file = |name: &str, kind: Option<&str>, id: Option<&str>| {
        Attachment::new(name.to_owned(), kind.map(str::to_owned), id.map(str::to_owned), vec![1])
    };
    let long = "x".repeat(79);
    for (file, answer) in [
        (file("", None, None), ("BadRequestException", "file name")),
        (file("a\r\nb", None, None), ("BadRequestException", "file name")),
        (file(&"x".repeat(256), None, None), ("BadRequestException", "file name")),
        (file("a.EXE", None, None), ("MessageRejected", "Illegal filename")),
        (file("a.b.vbs", None, None), ("MessageRejected", "Illegal filename")),
        (file("a", Some(""), None), ("BadRequestException", "content type")),
        (file("a", Some("a/b\n"), None), ("BadRequestException", "content type")),
        (file("a", Some(&long), None), ("BadRequestException", "content type")),
        (file("a", None, Some("")), ("BadRequestException", "content id")),
        (file("a", None, Some("ä")), ("BadRequestException", "content id")),
        (file("a", None, Some(&long)), ("BadRequestException", "content id")),
    ] {
        let (name, message) = refusal(|email| email.attachments = vec![file]);
        assert_eq!(name, answer.0, "{message}");
        assert!(message.contains(answer.1), "{message}");
    }
    let mut email = submission();
    email.attachments = vec![file("Ä 1.pdf", Some("application/pdf"), Some("logo")); 20];
    assert_eq!(check(&email, false), Ok(()));
}

#[test]
fn a_message_exactly_at_the_limits_passes() {
    let mut email = submission();
    email.from = "=?UTF-8?Q?=C3=84nn?= <ann@example.com>".to_owned();
    email.to = vec!["a@xn--bcher-kva.example".to_owned(); 50];
    email.headers = vec![pair("X", &"x".repeat(995)); 15];
    email.tags = vec![pair("a", &"x".repeat(256)); 50];
    assert_eq!(check(&email, false), Ok(()));
}

#[test]
fn a_raw_message_may_have_many_headers() {
    let mut email = submission();
    email.headers = vec![pair("Received", "from a by b"); 40];
    assert_eq!(check(&email, true), Ok(()));
}
