//! A message as a file `.eml`: the submitted bytes of a raw message, or else a message made of its parts.
//!
//! **Invariant:** pure. Every body is base64, so no body can contain a boundary, and no line is too long. A line break
//! in a value becomes a space, so no value can begin another header.
//! Source: RFC 5322, RFC 2045, RFC 2047, RFC 2231.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use crate::address;
use crate::mailbox::{Attachment, Message, Submission};

/// Bytes of a line of base64 before the encoding: 76 characters.
const LINE_BYTES: usize = 57;

/// Bytes of an encoded word before the encoding; it may have 75 characters in all.
const WORD_BYTES: usize = 45;

/// Headers that the file gets from the message itself.
const OWN: [&str; 11] = [
    "from",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
];

/// Returns the bytes of the file. As in a sent message, the hidden recipients are missing.
pub fn of(message: &Message) -> Vec<u8> {
    let submission = &message.submission;
    if let Some(raw) = &submission.raw {
        return raw.clone();
    }
    let mut file = String::new();
    let mut header = |name: &str, value: &str| file.push_str(&format!("{name}: {value}\r\n"));
    header("From", &flat(&submission.from));
    for (name, addresses) in [
        ("To", &submission.to),
        ("Cc", &submission.cc),
        ("Reply-To", &submission.reply_to),
    ] {
        if !addresses.is_empty() {
            let addresses: Vec<_> = addresses.iter().map(|address| flat(address)).collect();
            header(name, &addresses.join(",\r\n "));
        }
    }
    header("Subject", &unstructured(&submission.subject));
    header("Date", &date(&message.received_at));
    let domain = address::split(&submission.from).map_or("localhost", |from| from.domain);
    header("Message-ID", &flat(&format!("<{}@{domain}>", message.id)));
    for pair in &submission.headers {
        if !OWN.iter().any(|own| pair.name.eq_ignore_ascii_case(own)) {
            header(&one_word(&pair.name), &unstructured(&pair.value));
        }
    }
    header("MIME-Version", "1.0");
    file.push_str(&body(submission));
    file.into_bytes()
}

/// The file's name: the subject, or the id of a message without one. The caller escapes it.
pub fn name(message: &Message) -> String {
    let subject = message.submission.subject.trim();
    let name = if subject.is_empty() { &message.id } else { subject };
    let short: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    format!("{}.eml", short.replace(['/', '\\'], "-"))
}

fn body(submission: &Submission) -> String {
    let texts = texts(submission);
    if submission.attachments.is_empty() {
        return texts;
    }
    let files = submission.attachments.iter().map(file);
    multipart("mixed", std::iter::once(texts).chain(files))
}

fn texts(submission: &Submission) -> String {
    let part = |kind: &str, text: &str| {
        let head = format!("Content-Type: text/{kind}; charset=utf-8\r\n");
        encoded(&head, text.as_bytes())
    };
    match (&submission.text, &submission.html) {
        (Some(text), Some(html)) => multipart("alternative", [part("plain", text), part("html", html)]),
        (None, Some(html)) => part("html", html),
        (text, None) => part("plain", text.as_deref().unwrap_or_default()),
    }
}

fn file(file: &Attachment) -> String {
    let media_type = file.content_type.as_deref().unwrap_or("application/octet-stream");
    let placed = if file.content_id.is_some() {
        "inline"
    } else {
        "attachment"
    };
    let mut head = format!(
        "Content-Type: {}\r\nContent-Disposition: {placed}; filename*=UTF-8''{}\r\n",
        flat(media_type),
        percent_encoded(&file.filename)
    );
    if let Some(id) = &file.content_id {
        head.push_str(&format!("Content-ID: <{}>\r\n", flat(id.trim_matches(['<', '>']))));
    }
    encoded(&head, &file.content)
}

/// A part with its body. Base64 has no `_`, so no line of a body is a boundary.
fn multipart(kind: &str, parts: impl IntoIterator<Item = String>) -> String {
    let boundary = format!("=_{kind}");
    let mut whole = format!("Content-Type: multipart/{kind}; boundary=\"{boundary}\"\r\n\r\n");
    for part in parts {
        whole.push_str(&format!("--{boundary}\r\n{part}"));
    }
    whole.push_str(&format!("--{boundary}--\r\n"));
    whole
}

fn encoded(head: &str, content: &[u8]) -> String {
    let mut part = format!("{head}Content-Transfer-Encoding: base64\r\n\r\n");
    for line in content.chunks(LINE_BYTES) {
        part.push_str(&STANDARD.encode(line));
        part.push_str("\r\n");
    }
    part
}

/// A value without line breaks.
fn flat(value: &str) -> String {
    value.replace(|c: char| c.is_control(), " ")
}

/// The value of a header with free text. Outside ASCII it becomes encoded words.
fn unstructured(value: &str) -> String {
    let plain = flat(value);
    if plain.is_ascii() {
        return plain;
    }
    let mut words: Vec<String> = vec![String::new()];
    for c in plain.chars() {
        let is_full = words.last().is_some_and(|word| word.len() + c.len_utf8() > WORD_BYTES);
        if is_full {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    let words = words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
    words.collect::<Vec<_>>().join("\r\n ")
}

/// A header's name without a character that could end it.
fn one_word(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_graphic() || c == ':', "-")
}

/// Percent-encodes unusual bytes, in the form of RFC 5987.
pub fn percent_encoded(text: &str) -> String {
    let one = |byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

fn date(received_at: &str) -> String {
    let time: Timestamp = received_at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    rfc2822::to_string(&time.to_zoned_datetime(TimeZone::UTC)).unwrap_or_default()
}

#[cfg(test)]
#[path = "eml_tests.rs"]
mod tests;
