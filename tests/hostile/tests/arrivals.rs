//! An accepted email arrives unchanged, and nothing else arrives.

use domain::api::requests::parse_email;
use domain::message::attachment::Data;
use domain::message::email::EmailContent;
use domain::message::mailbox::Mailbox;
use hostile::{Endpoint, Expectation, classes};

use crate::message::{given_to_ses, written};
use crate::receiver::{File, Person, Received, read};

#[test]
fn every_accepted_class_arrives_unchanged() {
    let mut compared = 0;
    for class in classes().into_iter().filter(|class| class.door == Endpoint::Email) {
        let accepted = match class.answer {
            Expectation::Carried => class.hostile,
            Expectation::Refused(..) => class.twin.expect("a neighbour"),
        };
        let email = parse_email(&accepted).expect(class.name).email;
        arrives(&email, class.name);
        compared += 1;
    }
    assert!(compared > 200, "{compared}");
}

/// Converts an email for SES, writes the message, reads it, and compares.
pub(crate) fn arrives(email: &EmailContent, what: &str) {
    let message = written(&given_to_ses(email));
    let received = read(&message);
    people(email, &received, what);
    headers(email, &received, what);
    texts(email, &received, what);
    files(email, &received, what);
}

#[test]
fn a_blind_copy_does_not_appear_in_the_message() {
    let request = br#"{"from": "a@example.com", "to": "b@example.com", "cc": "c@example.com", "bcc": ["Hidden <hidden@blind.example>"],
        "reply_to": "d@example.com", "subject": "Hi", "text": "Hello", "html": "<p>Hello</p>", "headers": {"X-A": "1"}}"#;
    let email = parse_email(request).unwrap().email;
    let input = given_to_ses(&email);
    assert_eq!(
        input.destination().unwrap().bcc_addresses(),
        ["Hidden <hidden@blind.example>"]
    );
    let message = String::from_utf8(written(&input)).unwrap().to_ascii_lowercase();
    assert!(!message.contains("hidden") && !message.contains("bcc"), "{message}");
    arrives(&email, "a blind copy");
}

fn people(email: &EmailContent, received: &Received, what: &str) {
    for (given, read) in [
        (std::slice::from_ref(email.from()), &received.from),
        (email.to(), &received.to),
        (email.cc(), &received.cc),
        (email.reply_to(), &received.reply_to),
    ] {
        assert_eq!(given.len(), read.len(), "{what}: {read:?}");
        for (given, read) in given.iter().zip(read) {
            person(given, read, what);
        }
    }
}

fn person(given: &Mailbox, (name, address): &Person, what: &str) {
    assert_eq!(address, given.address().as_str(), "{what}");
    same_text(
        name.as_deref().unwrap_or_default(),
        given.name().unwrap_or_default(),
        what,
    );
}

/// A line of text stays the same. If its caller encoded it, it must only stay one line.
fn same_text(read: &str, given: &str, what: &str) {
    assert!(!read.contains(['\r', '\n', '\0']), "{what}: {read:?}");
    if !given.contains("=?") {
        assert_eq!(read.trim(), given.trim(), "{what}");
    }
}

fn headers(email: &EmailContent, received: &Received, what: &str) {
    same_text(&received.subject, email.subject(), what);
    let mut wanted: Vec<String> = ["from", "to", "subject", "x-email-id", "mime-version", "content-type"]
        .map(str::to_owned)
        .to_vec();
    let optional = [
        ("cc", !email.cc().is_empty()),
        ("reply-to", !email.reply_to().is_empty()),
    ];
    wanted.extend(
        optional
            .into_iter()
            .filter(|(_, there)| *there)
            .map(|(name, _)| name.to_owned()),
    );
    let text = email.text().map(str::to_owned).or(email.generated_text());
    let several = !email.attachments().is_empty() || (text.is_some() && email.html().is_some());
    wanted.extend((!several).then(|| "content-transfer-encoding".to_owned()));
    let theirs = email
        .headers()
        .iter()
        .map(|header| header.name().as_str().to_ascii_lowercase());
    wanted.extend(theirs);
    wanted.sort();
    let mut names: Vec<_> = received.headers.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    assert_eq!(names, wanted, "{what}: every header, and no other");
    for header in email.headers() {
        let key = header.name().as_str().to_ascii_lowercase();
        let value = received
            .headers
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value);
        let value = value.expect("the header");
        let rendered = header.to_header();
        // A header with a grammar of its own arrives as it was rendered, and no encoded word hides in it.
        let given = if rendered.contains("=?") {
            header.value()
        } else {
            &rendered
        };
        same_text(value, given, what);
    }
}

fn texts(email: &EmailContent, received: &Received, what: &str) {
    let generated = email.generated_text();
    let text = email.text().or(generated.as_deref());
    for (given, read) in [(text, &received.text), (email.html(), &received.html)] {
        assert_eq!(read.as_deref().map(lines), given.map(lines), "{what}");
    }
}

/// A text without regard to line endings; a line ending at the end belongs to the message.
fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.trim_end_matches('\n').to_owned()
}

fn files(email: &EmailContent, received: &Received, what: &str) {
    let given = email.attachments().iter().map(|file| {
        let Data::Inline(content) = file.data() else {
            panic!("{what}: not at hand");
        };
        let essence = file.content_type().split(';').next().unwrap_or_default();
        File {
            name: Some(file.filename().to_owned()),
            content_type: essence.trim().to_ascii_lowercase(),
            content_id: file.content_id().map(str::to_owned),
            shown_inside: file.content_id().is_some(),
            content: content.clone(),
        }
    });
    assert_eq!(received.files, given.collect::<Vec<_>>(), "{what}");
}
