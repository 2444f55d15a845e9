//! The invariants of every accepted email and of every refusal, in separate code.
//!
//! **Invariant:** no number and no list comes from `domain`, so that a wrong change of a limit there shows here. The
//! values are those of `limits.rs`, which names their sources.
//! **Start reading at** [`accepted`].

mod quoted;
mod refusals;
mod structured;

use std::collections::BTreeSet;

use domain::message::email::EmailContent;
use domain::message::mailbox::Mailbox;

pub(crate) use refusals::{CANARY, refused};
pub(crate) use structured::takes_no_encoded_word;

use crate::check::{check, check_eq, violated};
use crate::mime;

/// Checks an email that a request brought.
pub(crate) fn accepted(email: &EmailContent) {
    readable(email);
    quoted::admitted(email);
}

/// Checks a stored email. It may be older than the rules of admission.
pub(crate) fn readable(email: &EmailContent) {
    let recipients = email.to().len() + email.cc().len() + email.bcc().len();
    check!(Refusal, (1..=50).contains(&recipients), "{recipients} recipients");
    check_eq!(Refusal, email.recipients(), recipients, "as SES counts them");
    check!(Refusal, !email.to().is_empty(), "at least one recipient");
    check!(Refusal, email.reply_to().len() <= 50, "places for answers");
    let lists = [email.to(), email.cc(), email.bcc(), email.reply_to()];
    for given in lists.into_iter().flatten().chain([email.from()]) {
        mailbox(given);
    }
    let from = email.from().address().domain();
    check!(Refusal, from != "resend.dev", "Resend's own sender");
    one_line("subject", email.subject());
    check!(Refusal, !email.subject().is_empty(), "a subject");
    check_eq!(
        Content,
        email.subject().trim(),
        email.subject(),
        "no spaces at its ends"
    );
    check!(Refusal, email.subject().len() <= 989, "a subject's length");
    check!(Refusal, email.html().is_some() || email.text().is_some(), "a content");
    for content in [email.html(), email.text()].into_iter().flatten() {
        check!(
            Refusal,
            !content.is_empty() && !content.contains('\0'),
            "a content's characters"
        );
    }
    generated(email);
    custom_headers(email);
    tags(email);
    files(email);
    stored(email);
}

/// Checks the text that is made from HTML: when it is made, that it is the same each time, and its characters.
fn generated(email: &EmailContent) {
    let Some(text) = email.generated_text() else {
        return;
    };
    check!(Content, email.text().is_none(), "a given text is unchanged");
    check_eq!(
        Truth,
        email.generated_text().as_deref(),
        Some(text.as_str()),
        "one text"
    );
    let html = email.html().unwrap_or_default();
    check!(Refusal, html.len() <= 512 * 1024, "{} bytes of HTML", html.len());
    check!(Refusal, text.len() <= 4 * html.len(), "{} bytes of text", text.len());
    let is_one = |c: char| !c.is_control() || c == '\n' || c == '\t';
    check!(
        Content,
        !text.trim().is_empty() && text.chars().all(is_one),
        "readable text"
    );
}

fn files(email: &EmailContent) {
    check!(Refusal, email.attachments().len() <= 50, "files");
    let mut ids = BTreeSet::new();
    let mut bytes = 0;
    for attached in email.attachments() {
        file(attached.filename(), Some(attached.content_type()));
        check!(Refusal, attached.size() > 0, "an empty file");
        bytes += attached.size();
        if let Some(id) = attached.content_id() {
            check!(Refusal, (1..=76).contains(&id.len()), "a Content-ID's length");
            let breaks = |b: u8| !b.is_ascii_graphic() || b"<>()[],;:\\\"".contains(&b);
            check!(Refusal, !id.bytes().any(breaks), "a Content-ID's characters");
            check!(Refusal, ids.insert(id), "a Content-ID is there twice");
        }
    }
    check!(Refusal, bytes <= 30_000_000, "the size limit of SES");
}

/// Checks a name and a type: they can be written into a message's headers.
pub(crate) fn file(name: &str, content_type: Option<&str>) {
    one_line("a file's name", name);
    check!(Refusal, (1..=255).contains(&name.len()), "a file name's length");
    let end = name.to_ascii_lowercase();
    for forbidden in [".exe", ".js", ".vbs", ".bat", ".com", ".lnk"] {
        check!(Refusal, !end.ends_with(forbidden), "SES refuses {forbidden}");
    }
    if let Some(kind) = content_type {
        one_line("a media type", kind);
        printable(kind);
        check!(
            Refusal,
            (3..=78).contains(&kind.len()) && kind.contains('/'),
            "a media type"
        );
        check!(Refusal, !kind.to_ascii_lowercase().starts_with("multipart/"), "no file");
    }
}

fn custom_headers(email: &EmailContent) {
    const OURS: [&str; 13] = [
        "from",
        "to",
        "cc",
        "bcc",
        "subject",
        "reply-to",
        "sender",
        "date",
        "message-id",
        "received",
        "return-path",
        "mime-version",
        "x-email-id",
    ];
    check!(
        Refusal,
        email.headers().len() <= 14,
        "more than 14 headers beside X-Email-Id"
    );
    let mut names = BTreeSet::new();
    for header in email.headers() {
        let name = header.name().as_str();
        check!(Refusal, (1..=126).contains(&name.len()), "a name's length");
        check!(
            Refusal,
            name.bytes().all(|b| (33..=126).contains(&b) && b != b':'),
            "ftext"
        );
        let key = name.to_ascii_lowercase();
        check!(Refusal, !OURS.contains(&key.as_str()), "a caller may not set {key}");
        for beginning in ["content-", "dkim-", "x-ses-", "arc-", "resent-"] {
            check!(Refusal, !key.starts_with(beginning), "a caller may not set {key}");
        }
        check!(Refusal, names.insert(key), "{name} is there twice");
        one_line(name, header.value());
        let rendered = header.to_header();
        printable(&rendered);
        check!(Refusal, (1..=870).contains(&rendered.len()), "a value's length");
        if structured::is_one(&name.to_ascii_lowercase()) {
            structured::rendered(&name.to_ascii_lowercase(), header.value(), &rendered);
            continue;
        }
        encoded_words(&rendered, header.value());
        if !mime::looks_encoded(header.value()) {
            let read = mime::text(&rendered).unwrap_or_default();
            check_eq!(
                Content,
                read.trim(),
                header.value().trim_matches([' ', '\t']).trim(),
                "a value as it is read"
            );
        }
    }
}

fn tags(email: &EmailContent) {
    check!(Refusal, email.tags().len() <= 46, "more than 46 tags beside our four");
    let mut names = BTreeSet::new();
    for tag in email.tags() {
        for part in [tag.name(), tag.value()] {
            check!(Refusal, (1..=256).contains(&part.len()), "a tag's length");
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
            check!(Refusal, part.bytes().all(allowed), "a tag's characters");
        }
        check!(
            Refusal,
            !tag.name().to_ascii_lowercase().starts_with("mq_"),
            "a reserved tag"
        );
        check!(Refusal, names.insert(tag.name()), "a tag is there twice");
    }
}

/// Checks that the content is stored, returns unchanged, and has a single form.
fn stored(email: &EmailContent) {
    let body = email.to_body();
    check!(
        Content,
        serde_json::from_slice::<serde_json::Value>(&body).is_ok(),
        "JSON"
    );
    let back = EmailContent::from_body(&email.stored(body.clone()));
    check_eq!(Content, back.as_ref().ok(), Some(email), "{:?}", back.as_ref().err());
    check!(
        Content,
        back.is_ok_and(|back| back.to_body() == body),
        "one content, one form"
    );
    check_eq!(Content, email.hash().len(), 64);
}

/// Checks an address that SES accepts, with a name that a receiver reads unchanged.
pub(crate) fn mailbox(mailbox: &Mailbox) {
    address(mailbox.address().as_str());
    let shown = mailbox.to_string();
    check_eq!(Content, Mailbox::parse(&shown).as_ref(), Ok(mailbox), "as it is shown");
    let rendered = mailbox.to_header();
    printable(&rendered);
    check!(Content, rendered.len() <= 988, "it fits into a line");
    if !quoted::is_readable(mailbox.address().as_str()) {
        return;
    }
    let read = mime::mailboxes(&rendered);
    check_eq!(Content, read.len(), 1, "one mailbox: {rendered}");
    for (name, read_address) in &read {
        // The reader drops the quotes of a local part.
        check_eq!(
            Content,
            read_address.replace('"', ""),
            mailbox.address().as_str().replace('"', ""),
            "the address as it is read"
        );
        if let Some(given) = mailbox.name() {
            one_line("name", given);
            if !mime::looks_encoded(given) {
                check_eq!(Content, name.as_deref(), Some(given), "the name as it is read");
            }
            if !given.is_ascii() {
                let words = rendered.rsplit_once(" <").map_or(rendered.as_str(), |(words, _)| words);
                encoded_words(words, given);
            }
        } else {
            check_eq!(Content, *name, None, "no name");
        }
    }
}

/// Checks RFC 5321's lengths and quotes, RFC 5322's dot-atom, DNS's labels.
pub(crate) fn address(address: &str) {
    check!(
        Refusal,
        address.is_ascii() && address.len() <= 254,
        "an address's length"
    );
    let Some((local, host)) = address.rsplit_once('@') else {
        violated!(Refusal, "an @: {address}");
    };
    check!(Refusal, (1..=64).contains(&local.len()), "a local part's length");
    quoted::local_part(local);
    check!(Refusal, host.len() <= 253, "a domain's length");
    let labels: Vec<&str> = host.split('.').collect();
    check!(Refusal, labels.len() >= 2, "a dot in {host}");
    for label in &labels {
        check!(Refusal, (1..=63).contains(&label.len()), "a label of {host}");
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        check!(Refusal, label.bytes().all(allowed), "a label of {host}");
        check!(
            Refusal,
            !label.starts_with('-') && !label.ends_with('-'),
            "a label of {host}"
        );
    }
    let numeric = labels
        .last()
        .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    check!(Refusal, !numeric, "{host} is an IP address");
    check!(
        Refusal,
        email_address::EmailAddress::is_valid(address),
        "another parser refuses {address}"
    );
}

/// Checks that no character ends the line or hides the rest of it.
fn one_line(what: &str, text: &str) {
    check!(
        Refusal,
        !text.chars().any(char::is_control),
        "a control character in {what}"
    );
}

fn printable(rendered: &str) {
    check!(
        Content,
        rendered.bytes().all(|b| (32..=126).contains(&b)),
        "printable ASCII: {rendered:?}"
    );
}

/// Checks encoded words by RFC 2047: at most 75 characters each, and only where they are needed.
fn encoded_words(rendered: &str, given: &str) {
    if given.is_ascii() {
        check_eq!(Content, rendered, given, "ASCII is unchanged");
    } else {
        for word in rendered.split(' ') {
            check!(Content, word.len() <= 75, "an encoded word's length");
            check!(
                Content,
                word.starts_with("=?UTF-8?B?") && word.ends_with("?="),
                "{word}"
            );
        }
    }
}
